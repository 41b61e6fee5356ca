//! Joins of files that are sorted and parted alike, without a reduce (`CompositeInputFormat`).
//!
//! The n-th file of each table is one split; records come in the order of their keys, each value of one table with
//! each of the others'. The values that the tables have for one key are in memory.

mod expression;
mod group;

use loxodon_conf::Configuration;

use self::expression::Expression;
use self::group::{Join, Part, Table};
use super::{Api, InputFormat, InputSplit, RecordReader, add_input_path, required_input_format};
use crate::collect::KeyOrder;
use crate::error::{Error, Result};
use crate::fs::FileSystems;
use crate::io::writable::{Datum, Kind, MOST_VALUES, Text, Writable, vint};
use crate::settings::Settings;

/// Key of the expression that says what is joined, and how.
pub const EXPRESSION: &str = "mapreduce.join.expr";
const COMPARATOR: &str = "mapreduce.join.keycomparator";
const INPUT_DIR: &str = "mapreduce.input.fileinputformat.inputdir";
const SPLIT_MIN: &str = "mapreduce.input.fileinputformat.split.minsize";
const SPLIT: &str = "org.apache.hadoop.mapreduce.lib.join.CompositeInputSplit";
const OLD_SPLIT: &str = "org.apache.hadoop.mapred.join.CompositeInputSplit";
const SOURCE: &str = "the join";

/// Which interface's join a class is; `None` for another class.
pub(super) fn api_of_class(class: &str) -> Option<Api> {
    match class {
        "org.apache.hadoop.mapreduce.lib.join.CompositeInputFormat" => Some(Api::New),
        "org.apache.hadoop.mapred.join.CompositeInputFormat" => Some(Api::Old),
        _ => None,
    }
}

/// The expression of a join of some paths, all read by one format (`CompositeInputFormat.compose`).
#[must_use]
pub fn join_expression(operation: &str, format: &str, paths: &[String]) -> String {
    let quoted = |path: &String| path.replace('\\', "\\\\").replace('"', "\\\"");
    let tables: Vec<String> =
        paths.iter().map(|path| format!("tbl({format},\"{}\")", quoted(path))).collect();
    format!("{operation}({})", tables.join(","))
}

/// Records of several inputs, joined by their keys.
#[derive(Clone, Copy, Debug)]
pub struct CompositeInputFormat {
    /// Which of Hadoop's two classes.
    pub api: Api,
}

/// Whether a text is an expression.
#[cfg(feature = "fuzzing")]
pub(crate) fn parse_expression(text: &str) -> Result<()> {
    Expression::parse(text).map(drop)
}

fn expression(job: &Configuration) -> Result<Expression> {
    let text = job.get(EXPRESSION)?.ok_or_else(|| Error::io("Expression is null"))?;
    Expression::parse(&text).map_err(|e| e.during(format_args!("{EXPRESSION}={text}")))
}

/// The job as the input format of one table sees it.
fn of_table(job: &Configuration, files: &FileSystems, path: &str) -> Result<Configuration> {
    let mut own = job.clone();
    own.set(INPUT_DIR, "", SOURCE);
    add_input_path(&mut own, files, path)?;
    // A file that is cut has no counterpart in the other tables.
    own.set(SPLIT_MIN, &i64::MAX.to_string(), SOURCE);
    Ok(own)
}

impl CompositeInputFormat {
    fn split_class(self) -> &'static str {
        if self.api == Api::New { SPLIT } else { OLD_SPLIT }
    }

    fn tuple_class(self) -> &'static str {
        if self.api == Api::New { Kind::Tuple.class() } else { Kind::OldTuple.class() }
    }

    fn splits_of(
        self,
        expression: &Expression,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Vec<InputSplit>> {
        let parts = match expression {
            Expression::Table { format, path } => {
                let own = of_table(job, files, path)?;
                return required_input_format(format)?.splits(&own, files);
            }
            Expression::Join { parts, .. } => parts,
        };
        if parts.len() > MOST_VALUES {
            let count = parts.len();
            return Err(Error::io(format!("a join of {count} parts: {MOST_VALUES} is the most")));
        }
        let mut columns: Vec<Vec<InputSplit>> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let splits = self.splits_of(part, job, files)?;
            if let Some(before) = columns.last().filter(|before| before.len() != splits.len()) {
                let (one, other) = (before.len(), splits.len());
                return Err(Error::io(format!(
                    "Inconsistent split cardinality from child {at} ({one}/{other})"
                )));
            }
            columns.push(splits);
        }
        let count = columns.first().map_or(0, Vec::len);
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        let rows = (0..count).map(|_| columns.iter_mut().filter_map(Iterator::next).collect());
        Ok(rows.map(|row: Vec<InputSplit>| self.composed(&row)).collect())
    }

    /// Several splits as one (`CompositeInputSplit`).
    fn composed(self, parts: &[InputSplit]) -> InputSplit {
        let mut bytes = Vec::new();
        vint::write(i64::try_from(parts.len()).unwrap_or(i64::MAX), &mut bytes);
        for part in parts {
            Text::write(part.class_of(self.api).as_bytes(), &mut bytes);
        }
        let (mut length, mut hosts) = (0_u64, Vec::new());
        for part in parts {
            part.write(&mut bytes);
            length = length.saturating_add(part.length());
            hosts.extend(part.hosts().iter().cloned());
        }
        hosts.sort_unstable();
        hosts.dedup();
        InputSplit::Other { class: self.split_class().into(), bytes, length, hosts }
    }

    /// Opens the part of a split that an expression reads, from the front of `from`.
    fn open_part(
        self,
        expression: &Expression,
        class: &str,
        from: &mut &[u8],
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Part> {
        let (operation, parts) = match expression {
            Expression::Table { format, path } => {
                let split = InputSplit::read_from(class, from)?;
                let own = of_table(job, files, path)?;
                let reader = required_input_format(format)?.open(&split, &own, files)?;
                return Ok(Part::Table(Table::new(reader)?));
            }
            Expression::Join { operation, parts } => (*operation, parts),
        };
        if class != SPLIT && class != OLD_SPLIT {
            return Err(Error::io(format!("Invalid split type:{class}")));
        }
        let count = vint::read_length(from)?;
        if count != parts.len() {
            let wanted = parts.len();
            return Err(Error::io(format!("a split of {count} parts for a join of {wanted}")));
        }
        let mut classes = Vec::new();
        for _ in 0..count {
            classes.push(String::from_utf8_lossy(Text::read(from)?).into_owned());
        }
        let mut opened = Vec::new();
        for (part, class) in parts.iter().zip(&classes) {
            opened.push(self.open_part(part, class, from, job, files)?);
        }
        Ok(Part::Join(Join::new(operation, opened, self.tuple_class())))
    }
}

impl InputFormat for CompositeInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        self.splits_of(&expression(job)?, job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let mut bytes = Vec::new();
        split.write(&mut bytes);
        let from = &mut bytes.as_slice();
        let part = self.open_part(&expression(job)?, split.class(), from, job, files)?;
        let key_class = part.key_class()?.map(str::to_owned);
        let order = match (&key_class, job.get_text(COMPARATOR)?) {
            (None, _) => KeyOrder::Equal,
            (Some(class), None) => KeyOrder::of_class(class)?,
            (Some(class), Some(own)) => KeyOrder::of_comparator(&own, class, job)?,
        };
        let value_class = part.class().to_owned();
        let classes = (key_class.unwrap_or_else(|| Kind::Null.class().into()), value_class);
        let (key, value) = (Vec::new(), Vec::new());
        Ok(Box::new(JoinReader { part, order, classes, key, value, next: 0, count: 0 }))
    }
}

/// The records of a join.
struct JoinReader {
    part: Part,
    order: KeyOrder,
    classes: (String, String),
    key: Vec<u8>,
    value: Vec<u8>,
    /// The number of the value that comes next, of as many as the key has.
    next: u64,
    count: u64,
}

impl RecordReader for JoinReader {
    fn advance(&mut self) -> Result<bool> {
        while self.next >= self.count {
            let Some(key) = self.part.key(&self.order) else { return Ok(false) };
            self.key.clear();
            self.key.extend_from_slice(key);
            self.part.take(&self.key, &self.order)?;
            self.next = 0;
            self.count = self.part.count();
        }
        self.value.clear();
        self.part.write(self.next, &mut self.value);
        self.next = self.next.saturating_add(1);
        Ok(true)
    }

    fn key(&self) -> Datum<'_> {
        Datum::Serialized(&self.key)
    }

    fn value(&self) -> Datum<'_> {
        Datum::Serialized(&self.value)
    }

    fn classes(&self) -> Option<(&str, &str)> {
        Some((&self.classes.0, &self.classes.1))
    }

    fn progress(&self) -> f32 {
        self.part.progress()
    }

    fn bytes_read(&self) -> u64 {
        self.part.bytes_read()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use loxodon_client::UserIdentity;

    use super::*;

    const FORMAT: &str = "org.apache.hadoop.mapreduce.lib.input.KeyValueTextInputFormat";

    fn setting(directory: &std::path::Path) -> (Configuration, FileSystems) {
        for (name, text) in [
            ("a", "1\ta1\n2\ta2\n2\ta3\n4\ta4\n"),
            ("b", "2\tb2\n2\tb3\n3\tb5\n4\tb4\n"),
            ("c", "0\tc0\n4\tc4\n"),
            ("empty", ""),
        ] {
            fs::write(directory.join(name), text).unwrap();
        }
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "file:///", "test");
        let files = FileSystems::new(&conf, UserIdentity::new("u")).unwrap();
        (conf, files)
    }

    /// Keys and values as text, of all splits.
    fn joined(expression: &str, api: Api) -> Result<Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        let (mut conf, files) = setting(directory.path());
        let place = format!("\"{}/", directory.path().display());
        let expression = expression.replace('<', &format!("tbl({FORMAT},{place}"));
        conf.set(EXPRESSION, &expression.replace('>', "\")"), "test");
        let format = CompositeInputFormat { api };
        let mut lines = Vec::new();
        for split in format.splits(&conf, &files)? {
            // As a task reads it.
            let mut bytes = Vec::new();
            split.write(&mut bytes);
            let split = InputSplit::read(split.class(), &bytes)?;
            let mut reader = format.open(&split, &conf, &files)?;
            while reader.advance()? {
                let (key, value) = reader.classes().unwrap();
                let mut text = Vec::new();
                for (class, datum) in [(key, reader.key()), (value, reader.value())] {
                    let Datum::Serialized(mut bytes) = datum else { panic!("not serialised") };
                    Kind::required(class)?.show(&mut bytes, &mut text)?;
                    text.push(b' ');
                }
                lines.push(String::from_utf8(text).unwrap().trim().to_owned());
            }
        }
        Ok(lines)
    }

    #[test]
    fn inner_outer_and_override() {
        let inner = ["2 [a2,b2]", "2 [a2,b3]", "2 [a3,b2]", "2 [a3,b3]", "4 [a4,b4]"];
        for api in [Api::New, Api::Old] {
            assert_eq!(joined("inner(<a>,<b>)", api).unwrap(), inner);
        }
        let outer = joined("outer(<a>,<b>,<c>)", Api::New).unwrap();
        let mut wanted = vec!["0 [,,c0]", "1 [a1,,]"];
        let twos = ["2 [a2,b2,]", "2 [a2,b3,]", "2 [a3,b2,]", "2 [a3,b3,]"];
        wanted.extend(twos);
        wanted.extend(["3 [,b5,]", "4 [a4,b4,c4]"]);
        assert_eq!(outer, wanted);
        let over = joined("override(<a>,<b>,<c>)", Api::New).unwrap();
        assert_eq!(over, ["0 c0", "1 a1", "2 b2", "2 b3", "3 b5", "4 c4"]);
    }

    #[test]
    fn joins_within_joins_and_empty_tables() {
        let nested = joined("outer(<c>,inner(<a>,<b>))", Api::New).unwrap();
        let twos = ["2 [,[a2,b2]]", "2 [,[a2,b3]]", "2 [,[a3,b2]]", "2 [,[a3,b3]]"];
        assert_eq!(nested[0], "0 [c0,]");
        assert_eq!(nested[1..5], twos);
        assert_eq!(nested[5..], ["4 [c4,[a4,b4]]"]);
        let nested = joined("inner(override(<a>,<b>),<a>)", Api::New).unwrap();
        let wanted = ["1 [a1,a1]", "2 [b2,a2]", "2 [b2,a3]", "2 [b3,a2]", "2 [b3,a3]", "4 [b4,a4]"];
        assert_eq!(nested, wanted);
        assert!(joined("inner(<a>,<empty>)", Api::New).unwrap().is_empty());
        assert_eq!(joined("outer(<c>,<empty>)", Api::New).unwrap(), ["0 [c0,]", "4 [c4,]"]);
        assert!(joined("outer(<empty>,<empty>)", Api::New).unwrap().is_empty());
    }

    #[test]
    fn tables_that_do_not_fit_are_named() {
        // Every file of the directory on one side, one on the other.
        let error = joined("inner(<a>,<{a,b}>)", Api::New).unwrap_err();
        assert!(error.message().contains("split cardinality from child 1 (1/2)"), "{error}");
        let error = joined("inner(<nothing>)", Api::New).unwrap_err();
        assert!(error.message().contains("Input path does not exist"), "{error}");
        let error = joined("inner(tbl(my.Format,\"/x\"))", Api::New).unwrap_err();
        assert!(error.message().contains("my.Format"), "{error}");
    }

    #[test]
    fn a_path_with_quotes_stays_one() {
        let paths = ["/a \"b\"".to_owned(), "/c\\d".to_owned()];
        let text = join_expression("inner", "F", &paths);
        let Expression::Join { parts, .. } = Expression::parse(&text).unwrap() else {
            panic!("no join: {text}")
        };
        let wanted = paths.map(|path| Expression::Table { format: "F".into(), path });
        assert_eq!(parts, wanted);
    }
}
