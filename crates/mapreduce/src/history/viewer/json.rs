//! A history for programs (`JSONHistoryViewerPrinter`).

use std::fmt::Write as _;

use super::summary::{Sum, Summary};
use crate::history::counters::{counter_rows, value_of};
use crate::history::record::{JobRecord, TaskRecord};
use crate::job::{JobId, TaskKind};
use crate::protocol::CountersMessage;

/// A value; objects keep the order in which they were filled, as those of Hadoop's library do.
enum Json {
    Text(String),
    Number(i64),
    Array(Vec<Self>),
    Object(Object),
}

#[derive(Default)]
struct Object(Vec<(String, Json)>);

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl Object {
    /// A name that is there keeps its place and gets the new value.
    fn put(&mut self, name: &str, value: impl Into<Json>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

impl Json {
    fn write(&self, to: &mut String) {
        match self {
            Self::Text(text) => quote(text, to),
            Self::Number(number) => {
                let _ = write!(to, "{number}");
            }
            Self::Array(items) => {
                to.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        to.push(',');
                    }
                    item.write(to);
                }
                to.push(']');
            }
            Self::Object(Object(fields)) => {
                to.push('{');
                for (at, (name, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        to.push(',');
                    }
                    quote(name, to);
                    to.push(':');
                    value.write(to);
                }
                to.push('}');
            }
        }
    }
}

/// Jettison escapes slashes too.
fn quote(text: &str, to: &mut String) {
    to.push('"');
    for letter in text.chars() {
        match letter {
            '\\' | '"' | '/' => to.extend(['\\', letter]),
            '\u{8}' => to.push_str("\\b"),
            '\t' => to.push_str("\\t"),
            '\n' => to.push_str("\\n"),
            '\u{c}' => to.push_str("\\f"),
            '\r' => to.push_str("\\r"),
            control if control < ' ' => {
                let _ = write!(to, "\\u{:04x}", control as u32);
            }
            other => to.push(other),
        }
    }
    to.push('"');
}

pub(super) fn print(record: &JobRecord, job: &JobId, all: bool) -> String {
    let mut json = Object::default();
    json.put("hadoopJob", job.to_string());
    json.put("user", record.user.as_str());
    json.put("jobName", record.name.as_str());
    json.put("jobConf", record.conf_path.as_str());
    json.put("submittedAt", record.submitted);
    json.put("launchedAt", record.launched);
    json.put("finishedAt", record.finished);
    json.put("status", record.status.as_deref().unwrap_or("Incomplete"));
    if let Some(counters) = &record.counters {
        json.put("counters", job_counters(counters));
    }
    json.put("taskSummary", summary(record));
    let tasks = record.tasks();
    if !tasks.is_empty() {
        let shown = tasks.into_iter().filter(|task| is_shown(task, all));
        json.put("tasks", Json::Array(shown.map(|one| task(one, all).into()).collect()));
    }
    let mut text = String::new();
    Json::Object(json).write(&mut text);
    text
}

/// The name that Hadoop 1 had for the only group with a space in its name.
fn group_name(name: &str) -> &str {
    match name {
        "Shuffle Errors" => "org.apache.hadoop.mapreduce.task.reduce.Fetcher.ShuffleErrors",
        other => other,
    }
}

fn job_counters([total, map, reduce]: &[CountersMessage; 3]) -> Object {
    let mut all = Object::default();
    for group in counter_rows(total) {
        let rows = group.counters.iter().map(|counter| {
            let mut row = Object::default();
            row.put("counterName", counter.name.as_str());
            row.put("mapValue", value_of(map, &group.name, &counter.name));
            row.put("reduceValue", value_of(reduce, &group.name, &counter.name));
            row.put("totalValue", counter.value);
            row.into()
        });
        all.put(group_name(&group.name), Json::Array(rows.collect()));
    }
    all
}

fn task_counters(counters: &CountersMessage) -> Object {
    let mut all = Object::default();
    for group in counter_rows(counters) {
        let rows = group.counters.iter().map(|counter| {
            let mut row = Object::default();
            row.put("counterName", counter.name.as_str());
            row.put("value", counter.value);
            row.into()
        });
        all.put(group_name(&group.name), Json::Array(rows.collect()));
    }
    all
}

fn summary(record: &JobRecord) -> Object {
    let sums = Summary::of(record);
    let mut all = Object::default();
    for (name, sum) in [
        ("setup", sums.setup),
        ("map", sums.map),
        ("reduce", sums.reduce),
        ("cleanup", sums.cleanup),
    ] {
        let Sum { total, succeeded, failed, killed, started, finished } = sum;
        let mut row = Object::default();
        row.put("total", i64::from(total));
        row.put("successful", i64::from(succeeded));
        row.put("failed", i64::from(failed));
        row.put("killed", i64::from(killed));
        row.put("startTime", started);
        row.put("finishTime", finished);
        all.put(name, row);
    }
    all
}

fn is_shown(task: &TaskRecord, all: bool) -> bool {
    let is_wanted = match task.status {
        Some("SUCCEEDED") => all,
        Some("KILLED" | "FAILED") => true,
        _ => false,
    };
    is_wanted && task.kind != Some(TaskKind::TaskCleanup)
}

fn task(task: &TaskRecord, all: bool) -> Object {
    let mut json = Object::default();
    json.put("taskId", task.id.to_string());
    json.put("type", task.kind.map_or("", TaskKind::name));
    json.put("status", task.status.unwrap_or_default());
    json.put("startTime", task.started);
    json.put("finishTime", task.finished);
    if !task.error.is_empty() {
        json.put("error", task.error.as_str());
    }
    if task.kind == Some(TaskKind::Map) {
        json.put("inputSplits", task.splits.as_str());
    }
    if all {
        if let Some(counters) = &task.counters {
            json.put("counters", task_counters(counters));
        }
        json.put("attempts", attempts(task));
    }
    json
}

/// One object for all attempts of a task, in which the last one's fields stand: so Hadoop writes it, and so programs
/// that read it expect it.
fn attempts(task: &TaskRecord) -> Object {
    let mut json = Object::default();
    for attempt in task.attempts() {
        json.put("attemptId", attempt.id.to_string());
        json.put("startTime", attempt.started);
        if task.kind == Some(TaskKind::Reduce) {
            json.put("shuffleFinished", attempt.shuffled);
            json.put("sortFinished", attempt.sorted);
        }
        json.put("finishTime", attempt.finished);
        json.put("hostName", attempt.host.as_str());
        if !attempt.error.is_empty() {
            json.put("error", task.error.as_str());
        }
        if let Some(url) = attempt.log_url() {
            json.put("taskLogs", url);
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_fields_keep_their_places() {
        let mut object = Object::default();
        object.put("a", "x/\"\\\n\u{1}ä");
        object.put("b", 1);
        object.put("a", 2);
        object.put("c", Json::Array(vec!["y\t".into(), 3.into()]));
        let mut text = String::new();
        Json::Object(object).write(&mut text);
        assert_eq!(text, r#"{"a":2,"b":1,"c":["y\t",3]}"#);
        let mut text = String::new();
        quote("x/\"\\\n\u{1}ä", &mut text);
        assert_eq!(text, "\"x\\/\\\"\\\\\\n\\u0001ä\"");
    }
}
