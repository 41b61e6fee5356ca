use std::io::Write;

use loxodon_client::UserIdentity;
use proptest::prelude::*;

use super::*;
use crate::fs::memory::MemoryInput;
use crate::io::codec::Codec;
use crate::io::sequence_file;
use crate::io::writable::{IntWritable, Text, Writable};

const TEXT: &str = "org.apache.hadoop.mapreduce.lib.input.TextInputFormat";

struct Job {
    conf: Configuration,
    files: FileSystems,
    folder: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let conf = Configuration::new();
        let files = FileSystems::new(&conf, UserIdentity::new("alice")).unwrap();
        Self { conf, files, folder: tempfile::tempdir().unwrap() }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.conf.set(name, value, "test");
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn input(&mut self, text: &str) {
        self.set("mapreduce.input.fileinputformat.inputdir", "");
        let paths: Vec<String> = text.split(' ').map(|name| self.path(name)).collect();
        add_input_path(&mut self.conf, &self.files, &paths.join(",")).unwrap();
    }

    fn splits(&self, class: &str) -> Result<Vec<InputSplit>> {
        required_input_format(class)?.splits(&self.conf, &self.files)
    }

    fn read(&self, class: &str, split: &InputSplit) -> Result<Vec<(String, String)>> {
        let mut reader = required_input_format(class)?.open(split, &self.conf, &self.files)?;
        let mut records = Vec::new();
        while reader.advance()? {
            records.push((shown(reader.key()), shown(reader.value())));
            assert!((0.0..=1.0).contains(&reader.progress()));
        }
        assert!(!reader.advance()?, "the end stays the end");
        Ok(records)
    }

    fn read_all(&self, class: &str) -> Result<Vec<(String, String)>> {
        let mut records = Vec::new();
        for split in self.splits(class)? {
            records.extend(self.read(class, &split)?);
        }
        Ok(records)
    }
}

fn shown(datum: Datum<'_>) -> String {
    match datum {
        Datum::Text(bytes) | Datum::Bytes(bytes) | Datum::Serialized(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Datum::Long(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

fn values(records: Vec<(String, String)>) -> Vec<String> {
    records.into_iter().map(|(_, value)| value).collect()
}

/// Names and ranges of splits.
fn ranges(splits: &[InputSplit]) -> Vec<String> {
    let one = |split: &InputSplit| match split {
        InputSplit::File(s) => format!("{}:{}+{}", s.path.name(), s.start, s.length),
        other => format!("{other:?}"),
    };
    splits.iter().map(one).collect()
}

#[test]
fn files_are_cut_with_a_tenth_of_slop() {
    let mut job = Job::new();
    job.file("in/a", &[b'x'; 110]);
    job.file("in/b", &[b'x'; 111]);
    job.file("in/empty", b"");
    job.file("in/c.gz", &[0; 300]);
    job.file("in/_hidden", b"x");
    job.file("in/.hidden", b"x");
    job.input("in");
    job.set("mapreduce.input.fileinputformat.split.maxsize", "100");
    let wanted = ["a:0+110", "b:0+100", "b:100+11", "c.gz:0+300", "empty:0+0"];
    assert_eq!(ranges(&job.splits(TEXT).unwrap()), wanted);
    job.set("mapreduce.input.fileinputformat.split.minsize", "200");
    let wanted = ["a:0+110", "b:0+111", "c.gz:0+300", "empty:0+0"];
    assert_eq!(ranges(&job.splits(TEXT).unwrap()), wanted);
    // The old interface makes as many splits as maps are asked for.
    job.set("mapreduce.input.fileinputformat.split.minsize", "1");
    job.set("mapreduce.job.maps", "10");
    let old = job.splits("org.apache.hadoop.mapred.TextInputFormat").unwrap();
    assert_eq!(ranges(&old)[..4], ["a:0+52", "a:52+52", "a:104+6", "b:0+52"]);
    let InputSplit::File(first) = &old[0] else { panic!() };
    assert_eq!(first.hosts, ["localhost"]);
}

#[test]
fn directories_globs_and_what_is_missing() {
    let mut job = Job::new();
    job.file("in/d1/a", b"1\n");
    job.file("in/d2/b", b"2\n");
    job.file("in/c", b"3\n");
    job.input("in");
    job.set("mapreduce.input.fileinputformat.input.dir.recursive", "true");
    assert_eq!(values(job.read_all(TEXT).unwrap()), ["3", "1", "2"]);
    job.set("mapreduce.input.fileinputformat.input.dir.recursive", "false");
    job.set("mapreduce.input.fileinputformat.input.dir.nonrecursive.ignore.subdirs", "true");
    assert_eq!(values(job.read_all(TEXT).unwrap()), ["3"]);
    job.set("mapreduce.input.fileinputformat.input.dir.nonrecursive.ignore.subdirs", "false");
    let error = job.splits("org.apache.hadoop.mapred.TextInputFormat").unwrap_err();
    assert!(error.to_string().starts_with("Not a file: file:"), "{error}");
    // Commas in braces belong to the path; those of a name are escaped.
    job.input("in/{d1,d2}/?");
    assert_eq!(values(job.read_all(TEXT).unwrap()), ["1", "2"]);
    assert_eq!(split_paths("a,b{c,d},e"), ["a", "b{c,d}", "e"]);
    job.input("in/c in/nothing in/x*");
    let error = job.splits(TEXT).unwrap_err();
    let nothing = format!("Input path does not exist: file:{}", job.path("in/nothing"));
    let pattern = format!("Input Pattern file:{} matches 0 files", job.path("in/x*"));
    assert_eq!(error.to_string(), format!("{nothing}\n{pattern}"));
    assert_eq!(*error.kind(), ErrorKind::InvalidInput);
    job.set("mapreduce.input.fileinputformat.inputdir", "");
    let error = job.splits(TEXT).unwrap_err();
    assert_eq!(error.to_string(), "No input paths specified in job");
    assert!(required_input_format("a.B").map(drop).unwrap_err().to_string().contains("a.B"));
}

#[test]
fn ends_of_lines_and_a_byte_order_mark() {
    let mut job = Job::new();
    job.file("f", b"\xef\xbb\xbfone\r\ntwo\rthree\n\n\xff\xfe last");
    job.input("f");
    let records = job.read_all(TEXT).unwrap();
    let keys: Vec<&str> = records.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["0", "8", "12", "18", "19"]);
    assert_eq!(values(records), ["one", "two", "three", "", "\u{fffd}\u{fffd} last"]);
    job.file("f", b"");
    assert!(job.read_all(TEXT).unwrap().is_empty());
    job.file("f", b"\xef\xbb\xbf");
    assert!(job.read_all(TEXT).unwrap().is_empty());
}

#[test]
fn lines_that_are_too_long_are_left_out() {
    let mut job = Job::new();
    let long = "x".repeat(1 << 20);
    job.file("f", format!("a\n{long}\nb\n{long}").as_bytes());
    job.input("f");
    assert_eq!(values(job.read_all(TEXT).unwrap()).len(), 4);
    job.set("mapreduce.input.linerecordreader.line.maxlength", "10");
    assert_eq!(values(job.read_all(TEXT).unwrap()), ["a", "b"]);
    // What counts is the line with its end.
    job.file("f", b"123456789\n12345678\n");
    assert_eq!(values(job.read_all(TEXT).unwrap()), ["12345678"]);
}

#[test]
fn keys_and_values_on_a_line() {
    let class = "org.apache.hadoop.mapreduce.lib.input.KeyValueTextInputFormat";
    let mut job = Job::new();
    job.file("f", b"a\tb\tc\nno tab\n\tv\n");
    job.input("f");
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    let wanted = [pair("a", "b\tc"), pair("no tab", ""), pair("", "v")];
    assert_eq!(job.read_all(class).unwrap(), wanted);
    job.set("mapreduce.input.keyvaluelinerecordreader.key.value.separator", " ");
    assert_eq!(job.read_all(class).unwrap()[1], pair("no", "tab"));
}

#[test]
fn so_many_lines_to_a_split() {
    let class = "org.apache.hadoop.mapreduce.lib.input.NLineInputFormat";
    let mut job = Job::new();
    job.file("f", b"1\n22\n333\n4444\n5");
    job.input("f");
    job.set("mapreduce.input.lineinputformat.linespermap", "2");
    let splits = job.splits(class).unwrap();
    assert_eq!(ranges(&splits), ["f:0+4", "f:4+9", "f:13+1"]);
    let read = |split| values(job.read(class, split).unwrap());
    assert_eq!(read(&splits[0]), ["1", "22"]);
    assert_eq!(read(&splits[1]), ["333", "4444"]);
    assert_eq!(read(&splits[2]), ["5"]);
}

#[test]
fn records_of_one_length() {
    let class = "org.apache.hadoop.mapreduce.lib.input.FixedLengthInputFormat";
    let mut job = Job::new();
    job.file("f", b"aaabbbcccdddeeefff");
    job.input("f");
    let error = job.read_all(class).unwrap_err().to_string();
    assert!(error.starts_with("Fixed record length 0 is invalid."), "{error}");
    job.set("fixedlengthinputformat.record.length", "3");
    for size in 1..20 {
        job.set("mapreduce.input.fileinputformat.split.maxsize", &size.to_string());
        let wanted = ["aaa", "bbb", "ccc", "ddd", "eee", "fff"];
        assert_eq!(values(job.read_all(class).unwrap()), wanted, "{size}");
    }
    job.file("f", b"aaabb");
    let error = job.read_all(class).unwrap_err().to_string();
    assert!(error.ends_with("Partial record(length = 2) found at the end of split."), "{error}");
}

#[test]
fn sequence_files_in_splits_and_as_text() {
    let mut job = Job::new();
    let options = sequence_file::Options::new(IntWritable::CLASS, Text::CLASS);
    let mut writer = sequence_file::Writer::new(Vec::new(), options).unwrap();
    let text = "y".repeat(700);
    for n in 0..1000 {
        writer.append(Datum::Int(n), Datum::Text(text.as_bytes())).unwrap();
    }
    let bytes = writer.finish().unwrap();
    job.file("in/map/data", &bytes);
    job.file("in/map/index", b"");
    job.input("in");
    job.set("mapreduce.input.fileinputformat.split.maxsize", "1");
    let class = "org.apache.hadoop.mapreduce.lib.input.SequenceFileAsTextInputFormat";
    let splits = job.splits(class).unwrap();
    assert_eq!(splits.len(), bytes.len() / 102_400 + 1);
    let keys: Vec<String> = job.read_all(class).unwrap().into_iter().map(|(key, _)| key).collect();
    let wanted: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    assert_eq!(keys, wanted);
    let binary = "org.apache.hadoop.mapred.SequenceFileAsBinaryInputFormat";
    assert_eq!(job.read_all(binary).unwrap()[0].0, "\0\0\0\0");
}

#[test]
fn damaged_input_names_its_file() {
    let mut job = Job::new();
    let mut packed = Codec::Gzip.encoder(Vec::new()).unwrap();
    packed.write_all(&b"some text\n".repeat(10_000)).unwrap();
    let mut packed = packed.finish().unwrap();
    job.file("f.gz", &packed[..packed.len() - 9]);
    job.input("f.gz");
    let error = job.read_all(TEXT).unwrap_err().to_string();
    assert!(error.contains("/f.gz: at offset"), "{error}");
    let middle = packed.len() / 2;
    packed[middle] ^= 0x55;
    job.file("f.gz", &packed);
    let error = job.read_all(TEXT).unwrap_err().to_string();
    assert!(error.contains("/f.gz: at offset"), "{error}");
    let InputSplit::File(mut split) = job.splits(TEXT).unwrap().remove(0) else { panic!() };
    split.start = 1;
    let error = job.read(TEXT, &InputSplit::File(split)).unwrap_err();
    assert_eq!(error.to_string(), "Cannot seek in GzipCodec compressed stream");
}

#[test]
fn small_files_together() {
    let class = "org.apache.hadoop.mapreduce.lib.input.CombineTextInputFormat";
    let mut job = Job::new();
    for n in 0..10 {
        job.file(&format!("in/f{n}"), format!("{n}a\n{n}b\n").as_bytes());
    }
    job.input("in");
    let splits = job.splits(class).unwrap();
    assert_eq!(splits.len(), 1);
    let (bytes, meta) = split_file::write(&splits, 10);
    let metas = split_file::read_meta(&meta).unwrap();
    let split = split_file::read_split(&bytes, &metas[0]).unwrap();
    assert_eq!(job.read(class, &split).unwrap().len(), 20);
    job.set("mapreduce.input.fileinputformat.split.maxsize", "18");
    assert_eq!(job.splits(class).unwrap().len(), 4);
    let mut lines = values(job.read_all(class).unwrap());
    lines.sort();
    assert_eq!(lines.len(), 20);
    lines.dedup();
    assert_eq!(lines.len(), 20);
    let whole = "org.apache.hadoop.mapreduce.lib.input.WholeFileInputFormat";
    let records = job.read_all(whole).unwrap();
    assert_eq!(records[3], (format!("file:{}", job.path("in/f3")), "3a\n3b\n".to_owned()));
}

#[test]
fn bzip2_in_splits_reads_every_line_once() {
    let mut job = Job::new();
    let mut random = fastrand::Rng::with_seed(8);
    let mut lines = Vec::new();
    for n in 0..60_000 {
        let ending = if n % 7 == 0 { "\r\n" } else { "\n" };
        lines.push(format!("{n} {:x}{:x}{ending}", random.u64(..), random.u64(..)));
    }
    let mut packed = Codec::Bzip2.encoder(Vec::new()).unwrap();
    packed.write_all(lines.concat().as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    job.file("f.bz2", &packed);
    job.input("f.bz2");
    let wanted: Vec<String> = lines.iter().map(|l| l.trim_end().to_owned()).collect();
    for size in [packed.len(), packed.len() / 2 + 3, 300_001, 90_000] {
        job.set("mapreduce.input.fileinputformat.split.maxsize", &size.to_string());
        let read = values(job.read_all(TEXT).unwrap());
        assert!(read == wanted, "{size}: {} of {}", read.len(), wanted.len());
    }
}

/// Lines as a plain program finds them.
fn plain_lines(text: &[u8], delimiter: Option<&[u8]>) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = (0..rest.len()).find_map(|at| {
            let tail = &rest[at..];
            match delimiter {
                Some(delimiter) => tail.starts_with(delimiter).then_some((at, delimiter.len())),
                None if tail.starts_with(b"\r\n") => Some((at, 2)),
                None => matches!(tail[0], b'\r' | b'\n').then_some((at, 1)),
            }
        });
        let (text, length) = end.unwrap_or((rest.len(), 0));
        lines.push(rest[..text].to_vec());
        rest = &rest[text + length..];
    }
    lines
}

/// Hands out few bytes at a time.
struct Slow(MemoryInput, usize);

impl std::io::Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..most])
    }
}

proptest! {
    #[test]
    fn lines_however_the_bytes_come(
        text in "[ab\r\n|#]{0,200}",
        delimiter in proptest::option::of("[|#ab]{1,3}"),
        step in 1_usize..9,
    ) {
        let delimiter = delimiter.as_deref().map(str::as_bytes);
        let from = Slow(MemoryInput::new(text.clone().into_bytes()), step);
        let mut reader = LineReader::new(from, delimiter).unwrap();
        let mut lines = Vec::new();
        let mut consumed = 0;
        loop {
            let found = reader.advance(usize::MAX, u64::MAX).unwrap();
            if found.consumed == 0 {
                break;
            }
            consumed += found.consumed;
            lines.push(reader.text().to_vec());
        }
        prop_assert_eq!(consumed, text.len() as u64);
        prop_assert_eq!(lines, plain_lines(text.as_bytes(), delimiter));
    }

    #[test]
    fn splits_read_every_line_once(text in "[ab\r\n]{0,120}", size in 1_usize..40) {
        let mut job = Job::new();
        job.file("f", text.as_bytes());
        job.input("f");
        job.set("mapreduce.input.fileinputformat.split.maxsize", &size.to_string());
        let lines: Vec<String> = plain_lines(text.as_bytes(), None)
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect();
        prop_assert_eq!(values(job.read_all(TEXT).unwrap()), lines);
    }

    #[test]
    fn splits_read_every_record_once(words in "([ab]{0,5}\\|\\+){0,20}[ab]{0,3}", size in 1_usize..40) {
        let mut job = Job::new();
        job.file("f", words.as_bytes());
        job.input("f");
        job.set("mapreduce.input.fileinputformat.split.maxsize", &size.to_string());
        job.set("textinputformat.record.delimiter", "|+");
        let lines: Vec<String> = plain_lines(words.as_bytes(), Some(b"|+"))
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect();
        prop_assert_eq!(values(job.read_all(TEXT).unwrap()), lines);
    }
}
