//! `mapred mradmin` (Hadoop 1's `MRAdmin`) for the JobTracker, `mapred hsadmin` (`HSAdmin`) for a history server.

use loxodon_conf::Configuration;
use loxodon_console::{eprint, eprintln, print, println};
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::protocol::{BlockingCaller, Empty, HISTORY_ADMIN, JOB_CLIENT};
use loxodon_mapreduce::settings::Settings as _;
use loxodon_wire::proto::common::{GetGroupsForUserRequestProto, GetGroupsForUserResponseProto};
use loxodon_wire::rpc::protocol::{
    GET_USER_MAPPINGS, Protocol, REFRESH_AUTHORIZATION_POLICY, REFRESH_USER_MAPPINGS,
};

use super::connection::{Connection, failed};
use super::{FAILED, usage};
use crate::shell::current_user;

/// An order without arguments: its option, its protocol and call, what it does.
type Order = (&'static str, &'static Protocol, &'static str);

/// A command for operators.
struct Command {
    name: &'static str,
    orders: &'static [Order],
    usage: &'static str,
    help: &'static [(&'static str, &'static str)],
    /// `host:port` of who is to obey.
    address: fn(&Configuration) -> Result<String>,
}

const MRADMIN: Command = Command {
    name: "mradmin",
    orders: &[
        ("-refreshQueues", &JOB_CLIENT, "refreshQueues"),
        ("-refreshNodes", &JOB_CLIENT, "refreshNodes"),
        ("-refreshAdminAcls", &JOB_CLIENT, "refreshAdminAcls"),
        ("-refreshServiceAcl", &REFRESH_AUTHORIZATION_POLICY, "refreshServiceAcl"),
        ("-refreshUserToGroupsMappings", &REFRESH_USER_MAPPINGS, "refreshUserToGroupsMappings"),
        (
            "-refreshSuperUserGroupsConfiguration",
            &REFRESH_USER_MAPPINGS,
            "refreshSuperUserGroupsConfiguration",
        ),
    ],
    usage: usage::MRADMIN,
    help: usage::MRADMIN_HELP,
    address: Connection::address,
};

const HSADMIN: Command = Command {
    name: "hsadmin",
    orders: &[
        ("-refreshUserToGroupsMappings", &REFRESH_USER_MAPPINGS, "refreshUserToGroupsMappings"),
        (
            "-refreshSuperUserGroupsConfiguration",
            &REFRESH_USER_MAPPINGS,
            "refreshSuperUserGroupsConfiguration",
        ),
        ("-refreshAdminAcls", &HISTORY_ADMIN, "refreshAdminAcls"),
        ("-refreshLoadedJobCache", &HISTORY_ADMIN, "refreshLoadedJobCache"),
        ("-refreshLogRetentionSettings", &HISTORY_ADMIN, "refreshLogRetentionSettings"),
        ("-refreshJobRetentionSettings", &HISTORY_ADMIN, "refreshJobRetentionSettings"),
    ],
    usage: usage::HSADMIN,
    help: usage::HSADMIN_HELP,
    address: |conf| {
        let address = conf.get_text("mapreduce.jobhistory.admin.address")?;
        Ok(address.unwrap_or_else(|| "0.0.0.0:10033".to_owned()))
    },
};

/// Runs `mapred mradmin`; its exit code.
pub(super) fn mradmin(conf: Configuration, args: &[String]) -> i32 {
    MRADMIN.run(&conf, args)
}

/// Runs `mapred hsadmin`; its exit code.
pub(super) fn hsadmin(conf: Configuration, args: &[String]) -> i32 {
    HSADMIN.run(&conf, args)
}

impl Command {
    fn run(&self, conf: &Configuration, args: &[String]) -> i32 {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let done = match words.as_slice() {
            ["-getGroups", users @ ..] => self.groups(conf, users),
            ["-help", rest @ ..] => {
                self.print_help(rest.first().copied().unwrap_or_default());
                Ok(())
            }
            [word, rest @ ..] => match self.orders.iter().find(|(option, ..)| option == word) {
                Some((_, protocol, call)) if rest.is_empty() => {
                    self.call(conf, protocol, call, &Empty {}).map(|Empty {}| ())
                }
                Some((option, ..)) => {
                    eprintln!("Usage: mapred {} [{option}]", self.name);
                    return FAILED;
                }
                None => {
                    eprintln!("{}: Unknown command", word.strip_prefix('-').unwrap_or(word));
                    return self.wrong();
                }
            },
            [] => return self.wrong(),
        };
        done.map_or_else(|error| failed(&error), |()| 0)
    }

    fn wrong(&self) -> i32 {
        eprint!("{}\n{}", self.usage, usage::GENERIC);
        FAILED
    }

    fn call<Q: prost::Message, A: prost::Message + Default>(
        &self,
        conf: &Configuration,
        protocol: &'static Protocol,
        call: &str,
        request: &Q,
    ) -> Result<A> {
        let address = (self.address)(conf)?;
        BlockingCaller::new(&address, current_user(), protocol)?.call(call, request)
    }

    fn groups(&self, conf: &Configuration, users: &[&str]) -> Result<()> {
        let own = current_user().effective;
        let own = [own.as_str()];
        for user in if users.is_empty() { &own } else { users } {
            let request = GetGroupsForUserRequestProto { user: (*user).to_owned() };
            let found: GetGroupsForUserResponseProto =
                self.call(conf, &GET_USER_MAPPINGS, "getGroupsForUser", &request)?;
            let line = found.groups.iter().fold(format!("{user} :"), |line, one| line + " " + one);
            println!("{line}");
        }
        Ok(())
    }

    /// Of one command, or of all where there is none of that name.
    fn print_help(&self, word: &str) {
        let name = word.strip_prefix('-').unwrap_or(word);
        if let Some((_, text)) = self.help.iter().find(|(known, _)| *known == name) {
            println!("{text}\n");
            return;
        }
        let all: String = self.help.iter().map(|(_, text)| format!("{text}\n\n")).collect();
        let options: String =
            self.orders.iter().map(|(option, ..)| format!(" [{option}]")).collect();
        print!(
            "{} is the command to execute {} administrative commands.\nThe full syntax is: \n\n\
             mapred {}{options} [-getGroups [username]] [-help [cmd]]\n\n{all}\n{}",
            self.name,
            if self.name == "hsadmin" { "Job History server" } else { "Map-Reduce" },
            self.name,
            usage::GENERIC
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_a_call_and_has_its_help() {
        for command in [MRADMIN, HSADMIN] {
            for (option, protocol, call) in command.orders {
                assert!(protocol.find(call).is_some(), "{call}");
                assert!(command.usage.contains(&format!("[{option}]")), "{option}");
                let name = option.trim_start_matches('-');
                assert!(command.help.iter().any(|(known, _)| *known == name), "{name}");
            }
        }
    }
}
