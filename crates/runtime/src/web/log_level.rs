//! `/logLevel`: shows and sets how much is logged (`LogLevel.Servlet`, `hadoop daemonlog`).

use std::collections::BTreeMap;
use std::fmt;

use hyper::StatusCode;
use parking_lot::Mutex;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::reload;

use super::page::{Request, Response, escape_html};

/// Applies a new filter; says so if that is no longer possible.
type Apply = Box<dyn Fn(Targets) -> Result<(), String> + Send + Sync>;

/// How much is logged, changeable while the daemon runs.
pub struct LogLevels {
    default: Mutex<LevelFilter>,
    set: Mutex<BTreeMap<&'static str, LevelFilter>>,
    apply: Apply,
}

impl fmt::Debug for LogLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLevels").field("default", &self.default).finish_non_exhaustive()
    }
}

/// Java's loggers by the beginning of their name, and the parts of this program in their place;
/// the first that fits counts.
const LOGGERS: [(&str, &str); 13] = [
    ("org.apache.hadoop.hdfs.server.namenode.FSNamesystem.audit", "audit"),
    ("org.apache.hadoop.hdfs.server.namenode", "loxodon_namenode"),
    ("org.apache.hadoop.hdfs.server.blockmanagement", "loxodon_blocks"),
    ("org.apache.hadoop.hdfs.server.datanode", "loxodon_datanode"),
    ("org.apache.hadoop.hdfs.StateChange", "loxodon_namenode"),
    ("BlockStateChange", "loxodon_blocks"),
    ("org.apache.hadoop.hdfs", "loxodon_client"),
    ("org.apache.hadoop.ipc", "loxodon_rpc"),
    ("org.apache.hadoop.http", "loxodon_runtime"),
    ("org.apache.hadoop.conf", "loxodon_conf"),
    ("org.apache.hadoop", ROOT),
    ("org.apache", ROOT),
    ("root", ROOT),
];

/// Everything that has no level of its own.
const ROOT: &str = "";

impl LogLevels {
    /// A filter for a subscriber, and the means to change it.
    #[must_use]
    pub fn layer<S>(default: LevelFilter) -> (reload::Layer<Targets, S>, Self)
    where
        S: tracing::Subscriber + 'static,
    {
        let (layer, handle) = reload::Layer::new(Targets::new().with_default(default));
        let apply = move |targets| handle.reload(targets).map_err(|error| error.to_string());
        (layer, Self::new(default, apply))
    }

    /// Levels that `apply` puts into force.
    pub fn new(
        default: LevelFilter,
        apply: impl Fn(Targets) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let default = Mutex::new(default);
        Self { default, set: Mutex::default(), apply: Box::new(apply) }
    }

    fn level(&self, part: &str) -> LevelFilter {
        self.set.lock().get(part).copied().unwrap_or_else(|| *self.default.lock())
    }

    pub(crate) fn set(&self, part: &'static str, level: LevelFilter) -> Result<(), String> {
        let targets = {
            let (mut set, mut default) = (self.set.lock(), self.default.lock());
            if part == ROOT {
                *default = level;
            } else {
                set.insert(part, level);
            }
            let own = set.iter().map(|(&part, &level)| (part, level));
            Targets::new().with_targets(own).with_default(*default)
        };
        (self.apply)(targets)
    }
}

/// Answers `/logLevel?log=<name>` and `/logLevel?log=<name>&level=<level>`.
pub(super) fn answer(levels: &LogLevels, request: &Request) -> Response {
    let given = |name| request.parameter(name).map(str::trim).filter(|text| !text.is_empty());
    let mut out = String::from("<html>\n<title>Log Level</title>\n<body>\n<h1>Log Level</h1>\n\n");
    if let Some(log) = given("log") {
        out.push_str("<br /><hr /><h3>Results</h3>\n");
        results(levels, log, given("level"), &mut out);
    }
    out.push_str(FORMS);
    Response::html(StatusCode::OK, out)
}

/// Lines with the marker are what `hadoop daemonlog` prints.
fn results(levels: &LogLevels, log: &str, level: Option<&str>, out: &mut String) {
    let mut line = |text: &str, value: &str, end: &str| {
        let value = escape_html(value);
        out.push_str(&format!("<!-- OUTPUT -->{text}<b>{value}</b>{end}<br />\n"));
    };
    line("Submitted Class Name: ", log, "");
    let own =
        |name: &str| log == name || log.strip_prefix(name).is_some_and(|r| r.starts_with('.'));
    let part = LOGGERS.iter().find(|(name, part)| own(name) || log == *part).map(|(_, part)| *part);
    let Some(part) = part else {
        return out.push_str("Sorry, there is no such logger.<br />\n");
    };
    line("Log Class: ", "tracing", "");
    if let Some(level) = level {
        line("Submitted Level: ", level, "");
        match parse(level) {
            None => line("Bad Level : ", level, ""),
            Some(filter) => match levels.set(part, filter) {
                Ok(()) => line("Setting Level to ", level, " ..."),
                Err(error) => line("The level cannot be set: ", &error, ""),
            },
        }
    }
    line("Effective Level: ", name(levels.level(part)), "");
}

fn parse(level: &str) -> Option<LevelFilter> {
    Some(match level.to_ascii_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "FATAL" | "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        "TRACE" | "ALL" => LevelFilter::TRACE,
        _ => return None,
    })
}

fn name(level: LevelFilter) -> &'static str {
    match level.into_level() {
        None => "OFF",
        Some(tracing::Level::ERROR) => "ERROR",
        Some(tracing::Level::WARN) => "WARN",
        Some(tracing::Level::INFO) => "INFO",
        Some(tracing::Level::DEBUG) => "DEBUG",
        Some(tracing::Level::TRACE) => "TRACE",
    }
}

const FORMS: &str = "<br /><hr /><h3>Get / Set</h3>
<form>Log: <input type='text' size='50' name='log' /> \
<input type='submit' value='Get Log Level' /></form>
<form>Log: <input type='text' size='50' name='log' /> \
Level: <input type='text' name='level' /> \
<input type='submit' value='Set Log Level' /></form>
</body></html>
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn levels_are_shown_and_set() {
        let applied = Arc::new(Mutex::new(Vec::new()));
        let seen = applied.clone();
        let levels = LogLevels::new(LevelFilter::INFO, move |targets| {
            seen.lock().push(targets.to_string());
            Ok(())
        });
        let get = |query: &str| answer(&levels, &Request::get("/logLevel", query)).text().unwrap();
        let log = "log=org.apache.hadoop.hdfs.server.namenode.NameNode";
        assert!(get(log).contains("<!-- OUTPUT -->Effective Level: <b>INFO</b><br />"));
        let text = get(&format!("{log}&level=debug"));
        assert!(text.contains("Setting Level to <b>debug</b> ...<br />"));
        assert!(text.contains("Effective Level: <b>DEBUG</b>"));
        assert_eq!(applied.lock().as_slice(), ["loxodon_namenode=debug,info"]);
        assert!(get("log=loxodon_namenode").contains("Effective Level: <b>DEBUG</b>"));
        assert!(get("log=root").contains("Effective Level: <b>INFO</b>"));
    }

    #[test]
    fn nonsense_is_refused() {
        let levels = LogLevels::new(LevelFilter::INFO, |_| Err("applied".into()));
        let get = |query: &str| answer(&levels, &Request::get("/logLevel", query)).text().unwrap();
        assert!(get("log=root&level=loud").contains("Bad Level : <b>loud</b>"));
        assert!(get("log=%3Cscript%3E").contains("&lt;script&gt;"));
        assert!(get("log=nobody").contains("there is no such logger"));
    }
}
