//! The scheduler that a configuration asks for.

use loxodon_conf::Configuration;

use super::capacity::MAXIMUM_APPLICATIONS;
use super::capacity_keys::check_keys;
use super::{
    CapacityQueue, CapacityScheduler, FairScheduler, FifoScheduler, QueueSettings, QueueState,
    QueueTree, Scheduler, parse_allocations, parse_queues,
};
use crate::error::{Error, ErrorKind, Result};
use crate::job::AccessControlList;
use crate::settings::Settings;

/// Deeper trees of queues are refused: they are one that contains itself.
const MAX_DEPTH: usize = 32;

/// Texts of files beside the configuration, where they are there.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchedulerFiles<'a> {
    /// The Fair Scheduler's allocation file.
    pub allocations: Option<&'a str>,
    /// `mapred-queues.xml`.
    pub queues: Option<&'a str>,
}

/// The scheduler named by `mapreduce.jobtracker.taskscheduler`, or by YARN's
/// `yarn.resourcemanager.scheduler.class`; FIFO where neither is set.
///
/// # Errors
/// An unknown class, a value that is not of its kind, capacities that do not add up.
pub fn from_configuration(
    conf: &Configuration,
    files: SchedulerFiles<'_>,
) -> Result<Box<dyn Scheduler>> {
    let class = match conf.get_text("mapreduce.jobtracker.taskscheduler")? {
        Some(class) => Some(class),
        None => conf.get_text("yarn.resourcemanager.scheduler.class")?,
    };
    let class = class.unwrap_or_else(|| "JobQueueTaskScheduler".into());
    match class.rsplit('.').next().unwrap_or_default() {
        "JobQueueTaskScheduler" | "FifoScheduler" => {
            Ok(Box::new(FifoScheduler::new(fifo(conf, files.queues)?)))
        }
        "FairScheduler" => Ok(Box::new(fair(conf, files.allocations)?)),
        "CapacityTaskScheduler" | "CapacityScheduler" => Ok(Box::new(capacity(conf)?)),
        _ => Err(Error::new(
            ErrorKind::ClassNotFound,
            format!(
                "Class {class} not found: mapreduce.jobtracker.taskscheduler names \
                 JobQueueTaskScheduler, FairScheduler or CapacityTaskScheduler"
            ),
        )),
    }
}

fn acls(conf: &Configuration) -> Result<bool> {
    conf.get_bool("mapreduce.cluster.acls.enabled", false)
}

fn list(conf: &Configuration, key: &str, default: AccessControlList) -> Result<AccessControlList> {
    Ok(conf.get(key)?.map_or(default, |text| AccessControlList::parse(&text)))
}

/// Hadoop 1's `mapred.queue.names`, with their lists; where these are not set, `mapred-queues.xml`.
fn fifo(conf: &Configuration, file: Option<&str>) -> Result<QueueTree> {
    let mut names = conf.get_list("mapred.queue.names")?;
    if names.is_empty() {
        if let Some(text) = file {
            let queues = parse_queues(text)
                .map_err(|error| Error::new(ErrorKind::InvalidJobConf, error.to_string()))?;
            return Ok(QueueTree::new(queues, acls(conf)?));
        }
        names.push("default".into());
    }
    let mut queues = Vec::new();
    for name in names {
        let key = |what: &str| format!("mapred.queue.{name}.{what}");
        let stopped =
            conf.get_text(&key("state"))?.is_some_and(|s| s.eq_ignore_ascii_case("stopped"));
        queues.push(QueueSettings {
            name: name.as_str().into(),
            parent: None,
            state: if stopped { QueueState::Stopped } else { QueueState::Running },
            submit: list(conf, &key("acl-submit-job"), AccessControlList::everybody())?,
            administer: list(conf, &key("acl-administer-jobs"), AccessControlList::nobody())?,
        });
    }
    Ok(QueueTree::new(queues, acls(conf)?))
}

fn fair(conf: &Configuration, allocations: Option<&str>) -> Result<FairScheduler> {
    let parsed = allocations.map(parse_allocations).transpose();
    let mut settings = parsed
        .map_err(|error| Error::new(ErrorKind::InvalidJobConf, error.to_string()))?
        .unwrap_or_default();
    settings.preemption = conf.get_bool("mapred.fairscheduler.preemption", false)?
        || conf.get_bool("yarn.scheduler.fair.preemption", false)?;
    let property = conf.get_text("mapred.fairscheduler.poolnameproperty")?;
    settings.pool_is_queue =
        matches!(property.as_deref(), Some("mapred.job.queue.name" | "mapreduce.job.queuename"));
    settings.acls = acls(conf)?;
    Ok(FairScheduler::new(settings))
}

fn capacity(conf: &Configuration) -> Result<CapacityScheduler> {
    let mut queues = Vec::new();
    let root = Place { path: "root".into(), name: "root".into(), capacity: 1.0, maximum: 1.0 };
    let mut paths = Vec::new();
    add_paths(conf, "root", &mut paths)?;
    check_keys(conf, &paths)?;
    add_queue(conf, &root, None, 0, &mut queues)?;
    Ok(CapacityScheduler::new(queues, acls(conf)?))
}

/// The paths of a queue and of those below it.
fn add_paths(conf: &Configuration, path: &str, paths: &mut Vec<String>) -> Result<()> {
    paths.push(path.to_owned());
    let children = conf.get_list(&format!("yarn.scheduler.capacity.{path}.queues"))?;
    if children.is_empty() && path == "root" {
        paths.push("root.default".to_owned());
    }
    if path.matches('.').count() <= MAX_DEPTH {
        for child in children {
            add_paths(conf, &format!("{path}.{child}"), paths)?;
        }
    }
    Ok(())
}

struct Place {
    path: String,
    name: String,
    capacity: f64,
    maximum: f64,
}

fn add_queue(
    conf: &Configuration,
    place: &Place,
    parent: Option<&str>,
    depth: usize,
    queues: &mut Vec<CapacityQueue>,
) -> Result<()> {
    let key = |what: &str| format!("yarn.scheduler.capacity.{}.{what}", place.path);
    let wrong = |text: String| Error::new(ErrorKind::IllegalArgument, text);
    if depth > MAX_DEPTH || queues.iter().any(|queue| *queue.queue.name == *place.name) {
        return Err(wrong(format!("the queue {} is there twice", place.name)));
    }
    let most = conf.get_int("yarn.scheduler.capacity.maximum-applications", 0)?;
    let most = usize::try_from(most).ok().filter(|n| *n > 0).unwrap_or(MAXIMUM_APPLICATIONS);
    let share = ((most as f64 * place.capacity) as usize).max(1);
    let own = conf.get_int(&key("maximum-applications"), share as i64)?;
    let everybody =
        if parent.is_none() { AccessControlList::everybody() } else { AccessControlList::nobody() };
    let stopped = conf.get_text(&key("state"))?.is_some_and(|s| s.eq_ignore_ascii_case("stopped"));
    queues.push(CapacityQueue {
        queue: QueueSettings {
            name: place.name.as_str().into(),
            parent: parent.map(Into::into),
            state: if stopped { QueueState::Stopped } else { QueueState::Running },
            submit: list(conf, &key("acl_submit_applications"), everybody.clone())?,
            administer: list(conf, &key("acl_administer_queue"), everybody)?,
        },
        capacity: place.capacity,
        maximum: place.maximum,
        minimum_user_percent: conf.get_float(&key("minimum-user-limit-percent"), 100.0)?,
        user_limit_factor: conf.get_float(&key("user-limit-factor"), 1.0)?,
        max_applications: usize::try_from(own).unwrap_or(share),
    });
    let mut children = conf.get_list(&key("queues"))?;
    let alone = children.is_empty() && parent.is_none();
    if alone {
        children.push("default".into());
    }
    let mut sum = 0.0;
    for name in &children {
        let path = format!("{}.{name}", place.path);
        let part = |what: &str, default: f64| -> Result<f64> {
            let percent =
                conf.get_float(&format!("yarn.scheduler.capacity.{path}.{what}"), default)?;
            Ok(if percent < 0.0 { default } else { percent.min(100.0) } / 100.0)
        };
        let capacity = part("capacity", if alone { 100.0 } else { 0.0 })?;
        sum += capacity;
        let child = Place {
            capacity: place.capacity * capacity,
            maximum: place.maximum * part("maximum-capacity", 100.0)?,
            name: name.clone(),
            path,
        };
        add_queue(conf, &child, Some(&place.name), depth + 1, queues)?;
    }
    if !children.is_empty() && (sum - 1.0).abs() > 1e-3 {
        let sum = sum * 100.0;
        return Err(wrong(format!(
            "Illegal capacity of {sum:.2} for children of queue {}: it must be 100",
            place.name
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Caller, Resources};

    fn conf(values: &[(&str, &str)]) -> Configuration {
        let mut conf = Configuration::new();
        for (key, value) in values {
            conf.set(key, value, "test");
        }
        conf
    }

    #[test]
    fn classes_are_chosen_by_name() {
        let class = |name: &str| {
            let conf = conf(&[("mapreduce.jobtracker.taskscheduler", name)]);
            from_configuration(&conf, SchedulerFiles::default())
                .map(|scheduler| scheduler.class_name())
        };
        assert!(class("").is_ok_and(|c| c.ends_with("JobQueueTaskScheduler")));
        assert!(
            class("org.apache.hadoop.mapred.FairScheduler")
                .is_ok_and(|c| c.ends_with("FairScheduler"))
        );
        assert!(class("x.CapacityScheduler").is_ok_and(|c| c.ends_with("CapacityTaskScheduler")));
        assert!(class("x.Lottery").is_err());
    }

    #[test]
    fn capacity_queues_are_a_tree() {
        let tree = [
            ("mapreduce.jobtracker.taskscheduler", "CapacityScheduler"),
            ("yarn.scheduler.capacity.root.queues", "prod, dev"),
            ("yarn.scheduler.capacity.root.prod.capacity", "70"),
            ("yarn.scheduler.capacity.root.dev.capacity", "30"),
            ("yarn.scheduler.capacity.root.dev.queues", "x,y"),
            ("yarn.scheduler.capacity.root.dev.x.capacity", "50"),
            ("yarn.scheduler.capacity.root.dev.y.capacity", "50"),
        ];
        let scheduler = from_configuration(&conf(&tree), SchedulerFiles::default()).unwrap();
        let names: Vec<_> =
            scheduler.queues(Resources::new(1, 1), &[]).into_iter().map(|q| q.name).collect();
        assert_eq!(names, ["root", "dev", "prod", "x", "y"]);
        let ann = Caller::named("ann");
        assert_eq!(scheduler.place(&ann, "x", None, &[]).as_deref(), Ok("x"));
        assert!(scheduler.place(&ann, "default", None, &[]).is_err());
        assert!(from_configuration(&conf(&tree[..4]), SchedulerFiles::default()).is_ok());
        assert!(from_configuration(&conf(&tree[..3]), SchedulerFiles::default()).is_err());
    }

    #[test]
    fn queues_come_from_their_file_unless_the_configuration_names_some() {
        let files = SchedulerFiles {
            queues: Some(
                "<queues><queue><name>day</name></queue><queue><name>out</name>\
                 <queue><name>in</name></queue></queue></queues>",
            ),
            ..SchedulerFiles::default()
        };
        let names = |conf: &Configuration| -> Vec<String> {
            let scheduler = from_configuration(conf, files).unwrap();
            scheduler.queues(Resources::new(1, 1), &[]).into_iter().map(|q| q.name).collect()
        };
        assert_eq!(names(&conf(&[])), ["day", "out", "out:in"]);
        assert_eq!(names(&conf(&[("mapred.queue.names", "a,b")])), ["a", "b"]);
        let wrong = SchedulerFiles { queues: Some("<queues/>"), ..files };
        assert!(from_configuration(&conf(&[]), wrong).is_err());
    }

    #[test]
    fn without_settings_there_is_a_default_queue() {
        for class in ["FifoScheduler", "CapacityScheduler"] {
            let conf = conf(&[("mapreduce.jobtracker.taskscheduler", class)]);
            let scheduler = from_configuration(&conf, SchedulerFiles::default()).unwrap();
            let place = scheduler.place(&Caller::named("a"), "default", None, &[]);
            assert_eq!(place.as_deref(), Ok("default"), "{class}");
        }
    }
}
