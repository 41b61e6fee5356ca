use loxodon_client::UserIdentity;

use super::*;
use crate::fs::Path;
use crate::io::codec::Codec;
use crate::io::sequence_file::Reader;
use crate::io::writable::{IntWritable, NullWritable, Text, Writable};
use crate::job::{JobId, TaskKind};

const TEXT: &str = "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat";
const SEQUENCE: &str = "org.apache.hadoop.mapreduce.lib.output.SequenceFileOutputFormat";

struct Job {
    conf: Configuration,
    files: FileSystems,
    folder: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let mut conf = Configuration::new();
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        conf.set("mapreduce.output.fileoutputformat.outputdir", output.to_str().unwrap(), "test");
        conf.set("mapreduce.job.output.key.class", Text::CLASS, "test");
        conf.set("mapreduce.job.output.value.class", IntWritable::CLASS, "test");
        let files = FileSystems::new(&conf, UserIdentity::new("alice")).unwrap();
        Self { conf, files, folder }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.conf.set(name, value, "test");
    }

    fn committer(&self) -> FileOutputCommitter {
        FileOutputCommitter::new(&self.conf, &self.files).unwrap()
    }

    fn write(&self, class: &str, attempt: &AttemptId, records: &[(&str, i32)]) {
        let format = required_output_format(class).unwrap();
        let mut writer = format.open(&self.conf, &self.files, attempt).unwrap();
        for (key, value) in records {
            writer.write(Datum::Text(key.as_bytes()), Datum::Int(*value)).unwrap();
        }
        writer.close().unwrap();
    }

    /// Files below the output directory with their text.
    fn tree(&self) -> Vec<String> {
        let output = self.folder.path().join("out");
        let mut found = Vec::new();
        let mut waiting = vec![output.clone()];
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path);
                    continue;
                }
                let name = path.strip_prefix(&output).unwrap().display().to_string();
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                found.push(format!("{name}={text}"));
            }
        }
        found.sort();
        found
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join("out").join(name)).unwrap()
    }
}

fn attempt(kind: TaskKind, task: u32, number: u32) -> AttemptId {
    JobId::new("202601010000", 1).task(kind, task).attempt(number)
}

#[test]
fn both_algorithms_show_output_once_and_nothing_before() {
    for algorithm in ["1", "2"] {
        let mut job = Job::new();
        job.set("mapreduce.fileoutputcommitter.algorithm.version", algorithm);
        let committer = job.committer();
        committer.setup_job().unwrap();
        let (first, second) = (attempt(TaskKind::Reduce, 3, 0), attempt(TaskKind::Reduce, 3, 1));
        job.write(TEXT, &first, &[("a", 1)]);
        job.write(TEXT, &second, &[("a", 2)]);
        let pending = "_temporary/0/_temporary/attempt_202601010000_0001_r_000003_";
        assert_eq!(
            job.tree(),
            [format!("{pending}0/part-r-00003=a\t1\n"), format!("{pending}1/part-r-00003=a\t2\n")]
        );
        assert!(committer.needs_task_commit(&second).unwrap());
        assert!(!committer.needs_task_commit(&attempt(TaskKind::Map, 0, 0)).unwrap());
        committer.commit_task(&second).unwrap();
        let committed = match algorithm {
            "1" => "_temporary/0/task_202601010000_0001_r_000003/part-r-00003=a\t2\n",
            _ => "part-r-00003=a\t2\n",
        };
        assert!(job.tree().contains(&committed.to_owned()), "{:?}", job.tree());
        committer.abort_task(&first).unwrap();
        committer.commit_task(&attempt(TaskKind::Map, 9, 0)).unwrap();
        committer.commit_job().unwrap();
        assert_eq!(job.tree(), ["_SUCCESS=", "part-r-00003=a\t2\n"]);
        // Once more: with algorithm 1 there is nothing left to commit.
        assert_eq!(committer.commit_job().is_ok(), algorithm == "2");
    }
}

#[test]
fn a_second_commit_of_a_task_loses_nothing() {
    for algorithm in ["1", "2"] {
        let mut job = Job::new();
        job.set("mapreduce.fileoutputcommitter.algorithm.version", algorithm);
        let committer = job.committer();
        committer.setup_job().unwrap();
        for number in 0..2 {
            let attempt = attempt(TaskKind::Reduce, 3, number);
            job.write(TEXT, &attempt, &[("a", number as i32)]);
            committer.commit_task(&attempt).unwrap();
        }
        committer.commit_job().unwrap();
        assert_eq!(job.tree(), ["_SUCCESS=", "part-r-00003=a\t1\n"]);
        // One whose file has gone meanwhile does not take the other's place.
        let out = job.folder.path().join("out");
        let path = |name: &str| Path::plain(out.join(name).display().to_string());
        let fs = job.files.get(&path("x")).unwrap();
        let error = fs.move_to(&path("gone"), &path("part-r-00003"), true).unwrap_err();
        assert_eq!(*error.kind(), crate::error::ErrorKind::NotFound);
        assert!(fs.move_to(&path("_SUCCESS"), &path("part-r-00003"), false).is_err());
        assert_eq!(job.bytes("part-r-00003"), b"a\t1\n");
    }
}

#[test]
fn directories_of_several_tasks_are_merged() {
    for algorithm in ["1", "2"] {
        let mut job = Job::new();
        job.set("mapreduce.fileoutputcommitter.algorithm.version", algorithm);
        let committer = job.committer();
        committer.setup_job().unwrap();
        for task in 0..2 {
            let attempt = attempt(TaskKind::Map, task, 0);
            job.set("mapreduce.output.basename", "day/x/n");
            job.write(TEXT, &attempt, &[("k", 1)]);
            job.set("mapreduce.output.basename", "part");
            job.write(TEXT, &attempt, &[("p", 2)]);
            committer.commit_task(&attempt).unwrap();
        }
        committer.commit_job().unwrap();
        let wanted = [
            "_SUCCESS=",
            "day/x/n-m-00000=k\t1\n",
            "day/x/n-m-00001=k\t1\n",
            "part-m-00000=p\t2\n",
            "part-m-00001=p\t2\n",
        ];
        assert_eq!(job.tree(), wanted);
    }
}

#[test]
fn recovery_abort_and_settings() {
    let mut job = Job::new();
    job.set("mapreduce.fileoutputcommitter.algorithm.version", "1");
    let done = attempt(TaskKind::Map, 0, 0);
    job.committer().setup_job().unwrap();
    job.write(TEXT, &done, &[("a", 1)]);
    job.committer().commit_task(&done).unwrap();
    let error = job.committer().recover_task(&done).unwrap_err();
    assert_eq!(error.to_string(), "Cannot recover task output for first attempt...");
    job.set("mapreduce.job.application.attempt.id", "1");
    job.committer().setup_job().unwrap();
    assert!(job.committer().is_recovery_supported());
    job.committer().recover_task(&done).unwrap();
    job.committer().recover_task(&attempt(TaskKind::Map, 1, 0)).unwrap();
    job.set("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false");
    job.committer().commit_job().unwrap();
    assert_eq!(job.tree(), ["part-m-00000=a\t1\n"]);

    job.committer().setup_job().unwrap();
    job.write(TEXT, &attempt(TaskKind::Map, 1, 0), &[("b", 1)]);
    job.committer().abort_job().unwrap();
    assert_eq!(job.tree(), ["part-m-00000=a\t1\n"]);

    job.set("mapreduce.fileoutputcommitter.algorithm.version", "3");
    let error = FileOutputCommitter::new(&job.conf, &job.files).unwrap_err();
    assert_eq!(error.to_string(), "Only 1 or 2 algorithm version is supported");
    job.set("mapreduce.fileoutputcommitter.algorithm.version", "2");
    job.set("mapreduce.outputcommitter.factory.class", "x.Magic");
    assert!(FileOutputCommitter::new(&job.conf, &job.files).is_err());
}

#[test]
fn an_output_directory_that_is_there() {
    let mut job = Job::new();
    let format = required_output_format(TEXT).unwrap();
    format.check(&job.conf, &job.files).unwrap();
    job.committer().setup_job().unwrap();
    let error = format.check(&job.conf, &job.files).unwrap_err();
    let output = job.folder.path().join("out").display().to_string();
    assert_eq!(error.to_string(), format!("Output directory file:{output} already exists"));
    assert_eq!(error.java_class(), "org.apache.hadoop.mapred.FileAlreadyExistsException");
    job.conf.unset("mapreduce.output.fileoutputformat.outputdir");
    let error = format.check(&job.conf, &job.files).unwrap_err();
    assert_eq!(error.to_string(), "Output directory not set.");
    assert_eq!(error.java_class(), "org.apache.hadoop.mapred.InvalidJobConfException");
}

#[test]
fn text_of_every_form() {
    let mut job = Job::new();
    job.set("mapreduce.output.textoutputformat.separator", ", ");
    let one = attempt(TaskKind::Map, 0, 0);
    let format = required_output_format("org.apache.hadoop.mapred.TextOutputFormat").unwrap();
    let mut writer = format.open(&job.conf, &job.files, &one).unwrap();
    writer.write(Datum::Text(b"a\xff"), Datum::Int(-1)).unwrap();
    writer.write(Datum::Serialized(b"\x01b"), Datum::Serialized(&[0, 0, 0, 7])).unwrap();
    writer.write(Datum::Null, Datum::Bytes(b"\x01\xab")).unwrap();
    writer.write(Datum::Long(5), Datum::Null).unwrap();
    writer.write(Datum::Null, Datum::Null).unwrap();
    assert!(writer.write(Datum::Serialized(b"\x05b"), Datum::Null).is_err());
    writer.close().unwrap();
    let committer = format.committer(&job.conf, &job.files).unwrap();
    committer.commit_task(&one).unwrap();
    // The old interface calls its files so.
    let bytes = job.bytes("part-00000");
    assert_eq!(bytes, b"a\xff, -1\nb, 7\n01 ab\n5\n");

    job.set("mapreduce.job.output.value.class", NullWritable::CLASS);
    let two = attempt(TaskKind::Map, 1, 0);
    let mut writer = format.open(&job.conf, &job.files, &two).unwrap();
    writer.write(Datum::Text(b"alone"), Datum::Serialized(&[])).unwrap();
    writer.close().unwrap();
    committer.commit_task(&two).unwrap();
    assert_eq!(job.bytes("part-00001"), b"alone\n");
}

#[test]
fn compressed_text_has_its_codec_s_ending() {
    for (class, name) in [
        (None, "part-m-00000.gz"),
        (Some("org.apache.hadoop.io.compress.BZip2Codec"), "part-m-00000.bz2"),
    ] {
        let mut job = Job::new();
        job.set("mapreduce.output.fileoutputformat.compress", "true");
        if let Some(class) = class {
            job.set("mapreduce.output.fileoutputformat.compress.codec", class);
        }
        let one = attempt(TaskKind::Map, 0, 0);
        job.write(TEXT, &one, &[("a", 1)]);
        job.committer().commit_task(&one).unwrap();
        let mut plain = Vec::new();
        let codec = Codec::of_name(name).unwrap();
        let bytes = job.bytes(name);
        std::io::Read::read_to_end(&mut codec.decoder(&*bytes).unwrap(), &mut plain).unwrap();
        assert_eq!(plain, b"a\t1\n");
    }
    let mut job = Job::new();
    job.set("mapreduce.output.fileoutputformat.compress", "true");
    job.set("mapreduce.output.fileoutputformat.compress.codec", "x.Lzo");
    let format = required_output_format(TEXT).unwrap();
    let error = format.open(&job.conf, &job.files, &attempt(TaskKind::Map, 0, 0)).map(drop);
    assert_eq!(error.unwrap_err().to_string(), "Compression codec x.Lzo was not found.");
}

#[test]
fn sequence_and_map_files() {
    let mut job = Job::new();
    job.set("mapreduce.output.fileoutputformat.compress", "true");
    job.set("mapreduce.output.fileoutputformat.compress.type", "BLOCK");
    let one = attempt(TaskKind::Reduce, 0, 0);
    job.write(SEQUENCE, &one, &[("a", 1), ("b", 2)]);
    let two = attempt(TaskKind::Reduce, 1, 0);
    job.write("org.apache.hadoop.mapreduce.lib.output.MapFileOutputFormat", &two, &[("x", 3)]);
    job.committer().commit_task(&one).unwrap();
    job.committer().commit_task(&two).unwrap();
    let memory = crate::fs::memory::MemoryInput::new(job.bytes("part-r-00000"));
    let mut reader = Reader::open(Box::new(memory), "f").unwrap();
    assert!(reader.advance().unwrap() && reader.advance().unwrap());
    assert_eq!((reader.key(), reader.value()), (&b"\x01b"[..], &[0, 0, 0, 2][..]));
    let directory = Path::plain(job.folder.path().join("out/part-r-00001").display().to_string());
    let fs = crate::fs::LocalFileSystem::default();
    let mut map = crate::io::map_file::Reader::open(&fs, &directory).unwrap();
    assert_eq!(map.get(b"\x01x").unwrap(), Some(&[0, 0, 0, 3][..]));

    let binary = "org.apache.hadoop.mapreduce.lib.output.SequenceFileAsBinaryOutputFormat";
    job.set("mapreduce.output.fileoutputformat.outputdir", "/nowhere/at/all");
    job.set("mapreduce.output.fileoutputformat.compress.type", "RECORD");
    let format = required_output_format(binary).unwrap();
    let error = format.check(&job.conf, &job.files).unwrap_err().to_string();
    assert!(error.contains("doesn't support Record Compression"), "{error}");
    job.set("mapreduce.output.fileoutputformat.compress.type", "block");
    let error = format.check(&job.conf, &job.files).unwrap_err().to_string();
    assert!(error.ends_with("CompressionType.block"), "{error}");
}

#[test]
fn further_outputs_and_lazy_ones() {
    let mut job = Job::new();
    add_named_output(&mut job.conf, "seq", SEQUENCE, Text::CLASS, IntWritable::CLASS).unwrap();
    add_named_output(&mut job.conf, "text", TEXT, Text::CLASS, IntWritable::CLASS).unwrap();
    for (name, message) in [
        ("text", "Named output 'text' already alreadyDefined"),
        ("part", "output name cannot be 'part'"),
        ("a_b", "Name cannot be have a '_' char"),
        ("", "Name cannot be NULL or emtpy"),
    ] {
        let error = add_named_output(&mut job.conf, name, TEXT, "k", "v").unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let one = attempt(TaskKind::Map, 0, 0);
    let mut outputs = MultipleOutputs::new(&job.conf, &job.files, &one).unwrap();
    outputs.write("text", None, Datum::Text(b"a"), Datum::Int(1)).unwrap();
    outputs.write("text", Some("d/e"), Datum::Text(b"b"), Datum::Int(2)).unwrap();
    outputs.write("seq", None, Datum::Text(b"c"), Datum::Int(3)).unwrap();
    outputs.write_to("own", Datum::Text(b"d"), Datum::Int(4)).unwrap();
    let error = outputs.write("other", None, Datum::Null, Datum::Null).unwrap_err();
    assert_eq!(error.to_string(), "Named output 'other' not defined");
    outputs.close().unwrap();

    let lazy = "org.apache.hadoop.mapreduce.lib.output.LazyOutputFormat";
    let format = required_output_format(lazy).unwrap();
    assert!(format.check(&job.conf, &job.files).is_err());
    job.set("mapreduce.output.lazyoutputformat.outputformat", TEXT);
    job.write(lazy, &one, &[]);
    let none = "org.apache.hadoop.mapreduce.lib.output.NullOutputFormat";
    job.write(none, &one, &[("x", 1)]);
    job.committer().commit_task(&one).unwrap();
    let names: Vec<String> =
        job.tree().iter().map(|f| f.split('=').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["d/e-m-00000", "own-m-00000", "seq-m-00000", "text-m-00000"]);
    assert_eq!(job.bytes("own-m-00000"), b"d\t4\n");
}
