//! Texts that say how `mapred` is used, in Hadoop's words where scripts and people know them.

/// `mapred` without a word.
pub(super) const LAUNCHER: &str = "\
Usage: mapred [--config DIR] [--loglevel LEVEL] COMMAND [options]

 Client commands:
  job          manipulate jobs
  queue        what the queues are and who may use them
  streaming    run a job of executables
  mradmin      orders of operators to the JobTracker
  hsadmin      orders of operators to a history server
  minicluster  a cluster in one process, for tests
  version      print the version

 Daemon commands:
  jobtracker   takes jobs and gives out their tasks
  tasktracker  runs tasks
  historyserver  tells of finished jobs
";

/// Options that every command of jobs takes.
pub(super) const GENERIC: &str = "\
Generic options supported are:
-conf <configuration file>        specify an application configuration file
-D <property=value>               define a value for a given property
-fs <file:///|hdfs://namenode:port> specify default filesystem URL to use, overrides 'fs.defaultFS' property \
from configurations.
-jt <local|resourcemanager:port>  specify a ResourceManager
-files <file1,...>                specify a comma-separated list of files to be copied to the map reduce cluster
-libjars <jar1,...>               specify a comma-separated list of jar files to be included in the classpath
-archives <archive1,...>          specify a comma-separated list of archives to be unarchived on the compute \
machines

The general command line syntax is:
command [genericOptions] [commandOptions]

";

const PRIORITIES: &str = "Valid values for priorities are: VERY_HIGH HIGH NORMAL LOW VERY_LOW DEFAULT. \
                          In addition to this, integers also can be used.";
const TASKS: &str = "Valid values for <task-type> are MAP REDUCE. Valid values for <task-state> are \
                     pending, running, completed, failed, killed";

/// The sub-options of `mapred job` and what follows each.
const JOB: [(&str, &str); 15] = [
    ("-submit", " <job-file>"),
    ("-status", " <job-id>"),
    ("-counter", " <job-id> <group-name> <counter-name>"),
    ("-kill", " <job-id>"),
    ("-set-priority", " <job-id> <priority>"),
    ("-events", " <job-id> <from-event-#> <#-of-events>"),
    ("-history", " [all] <jobHistoryFile|jobId> [-outfile <file>] [-format <human|json>]"),
    ("-list", " [all]"),
    ("-list-active-trackers", ""),
    ("-list-blacklisted-trackers", ""),
    ("-list-attempt-ids", " <job-id> <task-type> <task-state>"),
    ("-kill-task", " <task-attempt-id>"),
    ("-fail-task", " <task-attempt-id>"),
    ("-logs", " <job-id> <task-attempt-id>"),
    ("-config", " <job-id> <file>"),
];

/// What `mapred job` prints where a sub-option is used wrongly, or all of it where there is no such option.
pub(super) fn job(option: &str) -> String {
    let Some((name, arguments)) = JOB.iter().find(|(name, _)| *name == option) else {
        let mut text = String::from("Usage: job <command> <args>\n");
        for (name, arguments) in JOB {
            // The last one's bracket is open in Hadoop's text.
            let close = if name == "-config" { "\n" } else { "]" };
            text.push_str(&format!("\t[{name}{arguments}{close}{}\n", behind(name)));
        }
        return text;
    };
    let behind = match *name {
        "-events" => ". Event #s start from 1.",
        "-logs" => ".  <task-attempt-id> is optional to get task attempt logs.",
        other => &behind(other),
    };
    format!("Usage: job [{name}{arguments}]{behind}\n")
}

fn behind(name: &str) -> String {
    match name {
        "-set-priority" => format!(". {PRIORITIES}"),
        "-list-attempt-ids" => format!(". {TASKS}"),
        _ => String::new(),
    }
}

/// What `mapred queue` prints where it is used wrongly.
pub(super) const QUEUE: &str = "\
Usage: queue <command> <args>
\t[-list]
\t[-info <job-queue-name> [-showJobs]]
\t[-showacls] \n
";

/// What `mapred mradmin` prints where it is used wrongly.
pub(super) const MRADMIN: &str = "\
Usage: mapred mradmin
           [-refreshQueues]
           [-refreshNodes]
           [-refreshUserToGroupsMappings]
           [-refreshSuperUserGroupsConfiguration]
           [-refreshAdminAcls]
           [-refreshServiceAcl]
           [-getGroups [username]]
           [-help [cmd]]
";

/// What `mapred hsadmin` prints where it is used wrongly.
pub(super) const HSADMIN: &str = "\
Usage: mapred hsadmin
           [-refreshUserToGroupsMappings]
           [-refreshSuperUserGroupsConfiguration]
           [-refreshAdminAcls]
           [-refreshLoadedJobCache]
           [-refreshJobRetentionSettings]
           [-refreshLogRetentionSettings]
           [-getGroups [username]]
           [-help [cmd]]
";

const GROUPS_HELP: (&str, &str) =
    ("getGroups", "-getGroups [username]: Get the groups which given user belongs to");
const HELP_HELP: (&str, &str) = (
    "help",
    "-help [cmd]: \tDisplays help for the given command or all commands if none\n\t\tis specified.",
);
const REFRESH_GROUPS_HELP: (&str, &str) = (
    "refreshUserToGroupsMappings",
    "-refreshUserToGroupsMappings: Refresh user-to-groups mappings",
);
const REFRESH_PROXIES_HELP: (&str, &str) = (
    "refreshSuperUserGroupsConfiguration",
    "-refreshSuperUserGroupsConfiguration: Refresh superuser proxy groups mappings",
);

/// What each of its commands does.
pub(super) const MRADMIN_HELP: &[(&str, &str)] = &[
    ("refreshQueues", "-refreshQueues: Read queues, pools and their access lists again"),
    ("refreshNodes", "-refreshNodes: Read the lists of hosts that may have a TaskTracker again"),
    REFRESH_GROUPS_HELP,
    REFRESH_PROXIES_HELP,
    ("refreshAdminAcls", "-refreshAdminAcls: Read the list of administrators again"),
    ("refreshServiceAcl", "-refreshServiceAcl: Read who may speak which protocol again"),
    GROUPS_HELP,
    HELP_HELP,
];

/// What each of its commands does.
pub(super) const HSADMIN_HELP: &[(&str, &str)] = &[
    REFRESH_GROUPS_HELP,
    REFRESH_PROXIES_HELP,
    (
        "refreshAdminAcls",
        "-refreshAdminAcls: Refresh acls for administration of Job history server",
    ),
    (
        "refreshLoadedJobCache",
        "-refreshLoadedJobCache: Refresh loaded job cache of Job history server",
    ),
    (
        "refreshJobRetentionSettings",
        "-refreshJobRetentionSettings:Refresh job history period,job cleaner settings",
    ),
    (
        "refreshLogRetentionSettings",
        "-refreshLogRetentionSettings:Refresh log retention period and log retention check interval",
    ),
    GROUPS_HELP,
    HELP_HELP,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sub_option_says_how_it_is_used() {
        assert_eq!(job("-kill"), "Usage: job [-kill <job-id>]\n");
        assert_eq!(job("-list-active-trackers"), "Usage: job [-list-active-trackers]\n");
        assert!(job("-events").ends_with("<#-of-events>]. Event #s start from 1.\n"));
        let all = job("");
        assert!(all.starts_with("Usage: job <command> <args>\n\t[-submit <job-file>]\n"));
        assert_eq!(all.matches("\t[-").count(), 15);
        assert!(all.contains("\t[-list [all]]\n"));
        assert!(all.ends_with("\t[-config <job-id> <file>\n\n"));
    }
}
