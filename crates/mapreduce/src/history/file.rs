//! A history file: a line with the encoding, a line with the schema, the events.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::avro::{NAMESPACE, Schema, read_binary};
use super::event::{EventType, HistoryEvent};

const JSON: &str = "Avro-Json";
const BINARY: &str = "Avro-Binary";

/// A file that is no history.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// The first line names another encoding.
    #[error("Incompatible event log version: {0}")]
    Version(String),
    /// The second line is no schema.
    #[error("Event schema string not parsed since its null")]
    Schema,
    /// Bytes that are no event, with their place in the file.
    #[error("no event at byte {0} of the history file")]
    Malformed(usize),
    /// An event of a record that is not known.
    #[error("the history file has a record {0}, which no version of Hadoop has")]
    Record(String),
    /// A record without a field that it must have.
    #[error("{record}.{field} is missing or of another type")]
    Field {
        /// The record.
        record: &'static str,
        /// Its field.
        field: &'static str,
    },
}

/// The first two lines of a file.
#[must_use]
pub fn file_header() -> String {
    format!("{JSON}\n{}\n", HistoryEvent::schema())
}

/// Appends an event, with its end of line.
pub fn write_event(out: &mut Vec<u8>, event: &HistoryEvent) {
    let body = json!({format!("{NAMESPACE}.{}", event.record()): event.body()});
    let line = json!({"type": event.event_type().name(), "event": body});
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

/// Reads the events of a file, one by one.
///
/// A file that ends in the middle of an event, as a crash leaves it, ends before that event.
#[derive(Debug)]
pub struct HistoryReader<'a> {
    all: usize,
    rest: &'a [u8],
    binary: Option<Schema>,
    torn: bool,
}

impl<'a> HistoryReader<'a> {
    /// Reads the first two lines.
    ///
    /// # Errors
    /// Another encoding, or no schema.
    pub fn new(file: &'a [u8]) -> Result<Self, HistoryError> {
        let (version, rest) = line(file).ok_or(HistoryError::Schema)?;
        let (schema, rest) = line(rest).ok_or(HistoryError::Schema)?;
        let schema = Schema::parse(&schema).ok_or(HistoryError::Schema)?;
        let binary = match version.trim_end() {
            JSON => None,
            BINARY => Some(schema),
            other => return Err(HistoryError::Version(other.to_owned())),
        };
        Ok(Self { all: file.len(), rest, binary, torn: false })
    }

    /// Whether the file ended in the middle of an event.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.torn
    }

    /// Bytes up to the end of the last event that was read.
    #[must_use]
    pub const fn consumed(&self) -> usize {
        self.all - self.rest.len()
    }

    fn datum(&mut self) -> Option<Result<Value, HistoryError>> {
        if let Some(schema) = &self.binary {
            if self.rest.is_empty() {
                return None;
            }
            let mut rest = self.rest;
            let Some(value) = read_binary(schema, &mut rest) else {
                self.torn = true;
                self.rest = &[];
                return None;
            };
            self.rest = rest;
            return Some(Ok(value));
        }
        let start = self.rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let text = self.rest.get(start..)?;
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
        match values.next()? {
            Ok(value) => {
                self.rest = text.get(values.byte_offset()..)?;
                Some(Ok(value))
            }
            Err(error) => {
                let position = self.consumed() + start;
                // What stands in the last line may have been cut off at any byte.
                let last = !text.contains(&b'\n');
                self.torn = error.is_eof() || last;
                self.rest = &[];
                (!self.torn).then_some(Err(HistoryError::Malformed(position)))
            }
        }
    }
}

impl Iterator for HistoryReader<'_> {
    type Item = Result<HistoryEvent, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let position = self.consumed();
            let value = match self.datum()? {
                Ok(value) => value,
                Err(error) => return Some(Err(error)),
            };
            match event_of(value) {
                Some(Ok(None)) => {}
                Some(Ok(Some(event))) => return Some(Ok(event)),
                Some(Err(error)) => return Some(Err(error)),
                None => return Some(Err(HistoryError::Malformed(position))),
            }
        }
    }
}

/// The event in Avro's wrapper; nothing for a type that readers pass over.
fn event_of(value: Value) -> Option<Result<Option<HistoryEvent>, HistoryError>> {
    let Value::Object(mut wrapper) = value else { return None };
    let kind = wrapper.get("type")?.as_str()?.to_owned();
    if EventType::from_name(&kind)? == EventType::NormalizedResource {
        return Some(Ok(None));
    }
    let Value::Object(union) = wrapper.remove("event")? else { return None };
    let (record, body) = union.into_iter().next()?;
    let Value::Object(body) = body else { return None };
    let record = record.rsplit('.').next()?.to_owned();
    Some(read_record(&record, body).map(Some))
}

fn read_record(record: &str, body: Map<String, Value>) -> Result<HistoryEvent, HistoryError> {
    HistoryEvent::read(record, body)
}

fn line(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((String::from_utf8_lossy(line).into_owned(), rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::*;
    use crate::protocol::counters_of;

    pub(crate) fn sample() -> Vec<HistoryEvent> {
        let counters = counters_of([("org.x.G", "Gruppe \"1\"", [("C", "c", -3)])]);
        let counters = super::super::event::NamedCounters::plain(counters);
        vec![
            JobSubmitted {
                job_id: "job_1_0001".into(),
                job_name: "wörd count\n".into(),
                user_name: "ann".into(),
                submit_time: 1_700_000_000_000,
                acls: [("VIEW_JOB".to_owned(), "*".to_owned())].into(),
                workflow_id: Some(String::new()),
                ..Default::default()
            }
            .into(),
            TaskAttemptUnsuccessfulCompletion {
                task_id: "task_1_0001_m_000000".into(),
                status: "FAILED".into(),
                counters: Some(counters.clone()),
                port: -1,
                ..Default::default()
            }
            .into(),
            JobFinished {
                job_id: "job_1_0001".into(),
                killed_maps: 2,
                total_counters: counters,
                ..Default::default()
            }
            .into(),
        ]
    }

    fn file_of(events: &[HistoryEvent]) -> Vec<u8> {
        let mut file = file_header().into_bytes();
        events.iter().for_each(|event| write_event(&mut file, event));
        file
    }

    fn normal(events: Vec<HistoryEvent>) -> Vec<String> {
        // Names of empty counters differ, their contents do not.
        events.iter().map(|event| format!("{:?}", event.body())).collect()
    }

    #[test]
    fn events_round_trip() {
        let file = file_of(&sample());
        let read: Result<Vec<_>, _> = HistoryReader::new(&file).unwrap().collect();
        assert_eq!(normal(read.unwrap()), normal(sample()));
    }

    #[test]
    fn a_line_is_avros_json() {
        let mut out = Vec::new();
        let event = JobInited { job_id: "job_1_0001".into(), total_maps: 2, ..Default::default() };
        write_event(&mut out, &event.into());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"type\":\"JOB_INITED\",\"event\":{\"org.apache.hadoop.mapreduce.jobhistory.JobInited\":\
             {\"jobid\":\"job_1_0001\",\"launchTime\":0,\"totalMaps\":2,\"totalReduces\":0,\
             \"jobStatus\":\"\",\"uberized\":false}}}\n"
        );
    }

    #[test]
    fn a_torn_file_ends_at_its_last_whole_event() {
        let file = file_of(&sample());
        let whole = file_of(&sample()[..2]).len();
        for cut in whole..file.len() - 1 {
            let mut reader = HistoryReader::new(&file[..cut]).unwrap();
            let read: Result<Vec<_>, _> = reader.by_ref().collect();
            assert_eq!(read.map(|events| events.len()), Ok(2), "{cut}");
            assert_eq!(reader.is_torn(), cut > whole, "{cut}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        assert!(HistoryReader::new(b"").is_err());
        assert!(HistoryReader::new(b"Avro-Json\nnonsense\n").is_err());
        let header = file_header().replacen(JSON, "Avro-Xml", 1);
        assert_eq!(
            HistoryReader::new(header.as_bytes()).map(|_| ()),
            Err(HistoryError::Version("Avro-Xml".into()))
        );
        let mut file = file_header().into_bytes();
        file.extend_from_slice(b"{\"type\":\"NO_TYPE\",\"event\":{}}\n{}\n");
        let first = HistoryReader::new(&file).unwrap().next();
        assert!(matches!(first, Some(Err(HistoryError::Malformed(_)))));
        let mut reader = HistoryReader::new(&file).unwrap();
        assert!(reader.all(|event| event.is_err()), "ends, and never with an event");
    }

    #[test]
    fn binary_files_are_read_by_their_own_schema() {
        let mut file = file_header().replacen(JSON, BINARY, 1).into_bytes();
        // Type 4 (JOB_STATUS_CHANGED), branch 6 (JobStatusChanged), two strings.
        file.extend_from_slice(&[8, 12, 4, b'j', b'1', 6, b'R', b'U', b'N']);
        let read: Vec<_> = HistoryReader::new(&file).unwrap().collect();
        let event = JobStatusChanged { job_id: "j1".into(), job_status: "RUN".into() };
        assert_eq!(read, [Ok(event.into())]);
        let mut torn = HistoryReader::new(&file[..file.len() - 1]).unwrap();
        assert!(torn.next().is_none() && torn.is_torn());
    }
}
