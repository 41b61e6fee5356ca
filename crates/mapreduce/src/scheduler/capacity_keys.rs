//! Which keys of `capacity-scheduler.xml` are honoured, which are YARN's alone, and which are mistakes.

use loxodon_conf::Configuration;

use crate::error::{Error, ErrorKind, Result};

const PREFIX: &str = "yarn.scheduler.capacity.";
/// What is said of the whole scheduler.
const OWN: &[&str] = &["maximum-applications"];
/// What is said of a queue.
const OF_QUEUE: &[&str] = &[
    "queues",
    "capacity",
    "maximum-capacity",
    "state",
    "acl_submit_applications",
    "acl_administer_queue",
    "minimum-user-limit-percent",
    "user-limit-factor",
    "maximum-applications",
];
/// What Hadoop's own file says of the whole scheduler and what concerns only containers and application masters,
/// which there are none of here.
const OF_YARN: &[&str] = &[
    "maximum-am-resource-percent",
    "resource-calculator",
    "node-locality-delay",
    "rack-locality-additional-delay",
    "application.fail-fast",
    "per-node-heartbeat.multiple-assignments-enabled",
    "per-node-heartbeat.maximum-container-assignments",
    "per-node-heartbeat.maximum-offswitch-assignments",
    "schedule-asynchronously.enable",
    "workflow-priority-mappings",
    "workflow-priority-mappings-override.enable",
    "queue-mappings",
    "queue-mappings-override.enable",
];
/// The same, of a queue.
const OF_YARN_QUEUE: &[&str] = &[
    "maximum-am-resource-percent",
    "acl_application_max_priority",
    "maximum-application-lifetime",
    "default-application-lifetime",
    "ordering-policy",
    "accessible-node-labels",
];

/// What a key is.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Honoured,
    Yarn,
    NoQueue(String),
    Unknown,
}

/// What the part of a key behind [`PREFIX`] means, where the queues have these paths.
fn meaning(key: &str, paths: &[String]) -> Meaning {
    if OWN.contains(&key) {
        return Meaning::Honoured;
    }
    if OF_YARN.contains(&key) {
        return Meaning::Yarn;
    }
    if key != "root" && !key.starts_with("root.") {
        return Meaning::Unknown;
    }
    // The longest path is the queue; a queue may be called like a setting.
    let below = |path: &String| key.strip_prefix(path.as_str())?.strip_prefix('.');
    let what = paths.iter().filter_map(below).min_by_key(|what| what.len());
    match what {
        Some(what) if OF_QUEUE.contains(&what) => Meaning::Honoured,
        Some(what) if OF_YARN_QUEUE.contains(&what) => Meaning::Yarn,
        Some(what) => match what.rsplit_once('.') {
            Some((queue, last)) if OF_QUEUE.contains(&last) || OF_YARN_QUEUE.contains(&last) => {
                Meaning::NoQueue(queue.to_owned())
            }
            _ => Meaning::Unknown,
        },
        None => Meaning::Unknown,
    }
}

/// Refuses keys that mean nothing, by name; says in the log which of YARN's have no meaning here.
///
/// # Errors
/// Such a key.
pub(super) fn check_keys(conf: &Configuration, paths: &[String]) -> Result<()> {
    let wrong = |text: String| Err(Error::new(ErrorKind::IllegalArgument, text));
    for (name, entry) in conf.entries() {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        match meaning(key, paths) {
            Meaning::Honoured => {}
            Meaning::Yarn => {
                tracing::info!("{name} ({}) has a meaning in YARN only", entry.source);
            }
            Meaning::NoQueue(queue) => {
                return wrong(format!(
                    "{name} ({}): there is no queue {queue}: {PREFIX}…queues does not name it",
                    entry.source
                ));
            }
            Meaning::Unknown => {
                return wrong(format!(
                    "{name} ({}) is no key of the capacity scheduler",
                    entry.source
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_honoured_yarns_or_mistakes() {
        let paths: Vec<String> =
            ["root", "root.dev", "root.dev.capacity"].map(str::to_owned).into();
        let is = |key: &str| meaning(key, &paths);
        assert_eq!(is("maximum-applications"), Meaning::Honoured);
        assert_eq!(is("root.queues"), Meaning::Honoured);
        assert_eq!(is("root.dev.capacity"), Meaning::Honoured);
        assert_eq!(is("root.dev.capacity.capacity"), Meaning::Honoured);
        assert_eq!(is("resource-calculator"), Meaning::Yarn);
        assert_eq!(is("root.dev.maximum-application-lifetime"), Meaning::Yarn);
        assert_eq!(is("root.prod.capacity"), Meaning::NoQueue("prod".into()));
        assert_eq!(is("root.dev.capacitance"), Meaning::Unknown);
        assert_eq!(is("maximum-application"), Meaning::Unknown);
        let mut conf = Configuration::new();
        conf.set("yarn.scheduler.capacity.root.dev.capacitance", "7", "capacity-scheduler.xml");
        let error = check_keys(&conf, &paths).unwrap_err().to_string();
        assert!(error.contains("root.dev.capacitance (capacity-scheduler.xml)"), "{error}");
    }
}
