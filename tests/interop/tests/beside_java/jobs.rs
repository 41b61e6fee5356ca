//! What a job leaves on disks and decides about keys, against Hadoop's own classes: histories, spills, hash codes,
//! fields of keys, the steps of a commit.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::java::{JavaHost, whoami};
use loxodon_mapreduce::collect::{JavaHash, KeyOrder, Partitioner};
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::fs::{CreateOptions, FileSystems};
use loxodon_mapreduce::history::{HistoryEvent, HistoryReader, file_header, write_event};
use loxodon_mapreduce::ifile::{IFileWriter, Segment, SpillIndex};
use loxodon_mapreduce::io::codec::Codec;
use loxodon_mapreduce::io::writable::{BytesWritable, Datum, Text, Writable};
use loxodon_mapreduce::job::{AttemptId, TaskState};
use loxodon_mapreduce::jobtracker::{AttemptStatus, Effect};
use loxodon_mapreduce::output::{FileOutputCommitter, OutputCommitter};
use loxodon_mapreduce::protocol::counters_of;

use self::cluster::{Script, launched};

#[allow(unused)] // the JobTracker's own tests use more of it
#[path = "../../../../crates/mapreduce/tests/jobtracker/cluster.rs"]
mod cluster;

/// Reduces of the jobs whose keys are parted.
const PARTITIONS: u32 = 7;

/// One JVM serves all tests of this file; it ends with its standard input.
fn java(args: &[&str]) -> io::Result<String> {
    static JAVA: OnceLock<Mutex<Option<JavaHost>>> = OnceLock::new();
    let mut host = JAVA.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if host.is_none() {
        let log = std::env::temp_dir().join(format!("interop-jobs-{}.log", std::process::id()));
        *host = Some(JavaHost::start(&log)?);
    }
    let Some(host) = host.as_mut() else { return Err(io::Error::other("no JVM")) };
    host.run(Path::new("/nonexistent"), &whoami(), "jobs", args)?.succeeded()
}

/// The first line that differs is what the error shows.
fn same(what: &str, wanted: &str, found: &str) -> io::Result<()> {
    if wanted == found {
        return Ok(());
    }
    let lines = wanted.lines().zip(found.lines()).enumerate();
    let first = lines.into_iter().find(|(_, (a, b))| a != b);
    Err(io::Error::other(format!("{what}: {first:?}\nJava:\n{wanted}\nours:\n{found}")))
}

/// The journal of a job with a failed map, counters and a reduce, as our JobTracker writes it.
fn journal() -> Vec<HistoryEvent> {
    let mut script = Script::new(&[2, 2]);
    let maps = script.run(2, 1, &[("mapreduce.job.reduce.slowstart.completedmaps", "1")]);
    let report = |id: &AttemptId, state, words| {
        let mut report = AttemptStatus::new(id.clone(), state);
        let groups = [("org.example.Count", "Count", [("WORDS", "Words", words)])];
        report.counters = Some(counters_of(groups));
        report
    };
    script.now += 1_000;
    let mut failed = report(&maps[0], TaskState::Failed, 1);
    failed.diagnostics = "Error: \"bad\" luck\n\tat line 2".into();
    let mut running: Vec<(usize, AttemptId)> =
        maps.iter().skip(1).map(|id| (0, id.clone())).collect();
    let mut news = vec![(0, failed)];
    for _ in 0..12 {
        let mut answers = Vec::new();
        for (tracker, report) in std::mem::take(&mut news) {
            answers.push((tracker, script.beat(tracker, vec![report])));
        }
        answers.extend([0, 1].map(|tracker| (tracker, script.beat(tracker, vec![]))));
        for (tracker, actions) in answers {
            running.extend(launched(&actions).into_iter().map(|id| (tracker, id)));
        }
        script.now += 1_000;
        let over = std::mem::take(&mut running).into_iter();
        news.extend(over.map(|(tracker, id)| (tracker, report(&id, TaskState::Succeeded, 5))));
    }
    let effects = script.jt.take_effects().into_iter();
    let event = |effect| match effect {
        Effect::Journal { event, .. } => Some(*event),
        _ => None,
    };
    effects.filter_map(event).collect()
}

#[test]
fn histories_both_ways() {
    in_fresh_directory(|root| {
        let events = journal();
        let file = root.join("job_1_0001.jhist");
        let mut bytes = file_header().into_bytes();
        for event in &events {
            write_event(&mut bytes, event);
        }
        fs::write(&file, bytes)?;
        let shown = java(&["history", &file.display().to_string()])?;
        for part in [
            "JOBNAME: a job",
            "JOB_STATUS: SUCCEEDED",
            "TOTAL_MAPS: 2",
            "TOTAL_REDUCES: 1",
            "attempt_1_0001_m_000000_0",
            "attempt_1_0001_m_000000_1",
            "bad\" luck",
            "Job Counters",
            "FAILED task attempts by nodes",
        ] {
            if !shown.contains(part) {
                return Err(io::Error::other(format!("no {part:?} in\n{shown}")));
            }
        }
        java(&["rewrite", &file.display().to_string()])?;
        for mode in ["JSON", "BINARY"] {
            let theirs = fs::read(root.join(format!("job_1_0001.jhist.{mode}")))?;
            let read = HistoryReader::new(&theirs).map_err(io::Error::other)?;
            let read: Vec<_> =
                read.collect::<std::result::Result<_, _>>().map_err(io::Error::other)?;
            same(mode, &format!("{read:#?}"), &format!("{events:#?}"))?;
        }
        Ok(())
    });
}

fn key_bytes(part: u32, n: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    Text::write(format!("key {part} {n:04}").as_bytes(), &mut bytes);
    bytes
}

#[test]
fn spills_both_ways() {
    in_fresh_directory(|root| {
        for (name, codec) in [
            ("none", None),
            ("DefaultCodec", Some(Codec::Zlib)),
            ("SnappyCodec", Some(Codec::Snappy)),
        ] {
            let theirs = root.join(format!("java-{name}"));
            let ours = root.join(format!("ours-{name}"));
            java(&["write-ifile", &theirs.display().to_string(), name])?;
            let index = write_spill(&ours, codec).map_err(io::Error::other)?;
            if codec.is_none() {
                assert_eq!(fs::read(&theirs)?, fs::read(&ours)?, "the same bytes");
                let index = |file: &Path| fs::read(file.with_extension("index"));
                assert_eq!(index(&theirs)?, index(&ours)?, "the same index");
            }
            let read = java(&["read-ifile", &ours.display().to_string(), name])?;
            let wanted = read_spill(&theirs, codec).map_err(io::Error::other)?;
            same(name, &read, &wanted)?;
            assert_eq!(index.entries.len(), 3);
        }
        Ok(())
    });
}

fn write_spill(file: &Path, codec: Option<Codec>) -> Result<SpillIndex> {
    let mut writer = IFileWriter::create(file.to_owned(), codec)?;
    for part in 0..3 {
        writer.begin_segment()?;
        for n in 0..part * 100 {
            let mut value = Vec::new();
            BytesWritable::write(&vec![n as u8; n as usize * 3], &mut value);
            writer.append(&key_bytes(part, n), &value)?;
        }
        writer.end_segment()?;
    }
    let index = writer.finish()?;
    index.write(&file.with_extension("index"))?;
    Ok(index)
}

/// What Java's `read-ifile` prints.
fn read_spill(file: &Path, codec: Option<Codec>) -> Result<String> {
    let mut lines = String::new();
    for place in SpillIndex::read(&file.with_extension("index"))?.entries {
        let _ = writeln!(lines, "segment of {}", place.raw_length);
        let (path, remove, from_map) = (file.to_owned(), false, false);
        let mut reader = Segment::Disk { path, place, codec, remove, from_map }.open(4096)?;
        while reader.advance()? {
            let record = reader.record();
            let key = Text::read(&mut { record.key })?;
            let value = BytesWritable::read(&mut { record.value })?;
            let _ = writeln!(lines, "{}\t{}", String::from_utf8_lossy(key), value.len());
        }
    }
    Ok(lines)
}

#[test]
fn hash_codes_are_javas() -> io::Result<()> {
    let text = |text: &str| written(Datum::Text(text.as_bytes()));
    let bytes = |bytes: &[u8]| written(Datum::Bytes(bytes));
    let numbers =
        [0_i64, 1, -1, 127, -128, 1 << 31, -(1 << 31), (1 << 40) + 12_345, i64::MIN, i64::MAX];
    let variable = |n: i64| {
        let mut bytes = Vec::new();
        loxodon_mapreduce::ifile::vint::write(n, &mut bytes);
        bytes
    };
    let cases: [(&str, Vec<Vec<u8>>); 11] = [
        ("Text", ["", "a", "wörld", "the quick brown fox", "\u{1F600}"].map(text).to_vec()),
        ("BytesWritable", vec![bytes(&[]), bytes(&[0, 255, 128, 7]), bytes(&[9; 300])]),
        ("IntWritable", numbers.map(|n| (n as i32).to_be_bytes().to_vec()).to_vec()),
        ("LongWritable", numbers.map(|n| n.to_be_bytes().to_vec()).to_vec()),
        ("VIntWritable", numbers.map(|n| variable(i64::from(n as i32))).to_vec()),
        ("VLongWritable", numbers.map(variable).to_vec()),
        ("ByteWritable", vec![vec![0], vec![200], vec![127]]),
        ("ShortWritable", vec![vec![0, 9], vec![200, 1]]),
        ("BooleanWritable", vec![vec![0], vec![1]]),
        ("FloatWritable", [0.0_f32, -1.5, 1e30].map(|n| n.to_be_bytes().to_vec()).to_vec()),
        ("DoubleWritable", [0.0_f64, -1.5, 1e300, 0.1].map(|n| n.to_be_bytes().to_vec()).to_vec()),
    ];
    for (class, keys) in cases.into_iter().chain([("MD5Hash", vec![(200..216).collect()])]) {
        let class = format!("org.apache.hadoop.io.{class}");
        let hex: Vec<String> =
            keys.iter().map(|key| key.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
        let args: Vec<&str> =
            ["hash", &class].into_iter().chain(hex.iter().map(String::as_str)).collect();
        let hash = JavaHash::of_class(&class).ok_or_else(|| io::Error::other(class.clone()))?;
        let mut ours = String::new();
        for key in &keys {
            let part = Partitioner::Hash(hash).partition(key, &[], PARTITIONS);
            let _ = writeln!(ours, "{} {part}", hash.hash(key));
        }
        same(&class, &java(&args)?, &ours)?;
    }
    Ok(())
}

fn written(datum: Datum<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    datum.write_to(&mut bytes);
    bytes
}

#[test]
fn fields_of_keys_are_javas() -> io::Result<()> {
    let texts = [
        "1.2.3",
        "1.2.10",
        "2",
        "",
        ".",
        "a.b.c",
        "a.b.d.e",
        "abc.12abc",
        "007.1",
        "x.0.5",
        "wörld.2",
        "a..b",
    ];
    let by_text = [
        "",
        "-r",
        "-k1,1",
        "-k2,2",
        "-k2",
        "-k2,2r",
        "-k1.2,1.3",
        "-k1,1 -k3,3r",
        "-k2 -r",
        "-k3.1,3.1",
        "-k1.1,2.1",
        "-k 2,3",
    ];
    let numbers = [
        "1,2,3",
        "1,10,3",
        "1,2.5,-3",
        "1,2.50,-3.25",
        "-7,0,0",
        "7,-0,0.0",
        "-7.5,100,.5",
        "10,-100,0.5",
        "9,9,9",
    ];
    let by_number =
        ["-k1,1n", "-k2,2nr", "-k1n,1 -k2n,2", "-k3,3n -k1,1", "-k2,2 -k1,1 -n", "-k3,3 -nr"];
    for (separator, keys, options) in
        [(".", &texts[..], &by_text[..]), (",", &numbers[..], &by_number[..])]
    {
        for option in options {
            let args: Vec<&str> =
                ["fields", option, separator].iter().chain(keys).copied().collect();
            let theirs = java(&args)?;
            let ours = of_fields(option, separator, keys).map_err(io::Error::other)?;
            let sided = ours.chars().zip(theirs.chars());
            let ours: String =
                sided.map(|(own, java)| if java == '?' { java } else { own }).collect();
            same(option, &theirs, &ours)?;
        }
    }
    Ok(())
}

/// What Java's `fields` prints.
fn of_fields(options: &str, separator: &str, keys: &[&str]) -> Result<String> {
    const PACKAGE: &str = "org.apache.hadoop.mapreduce.lib.partition.";
    let mut conf = Configuration::new();
    conf.set("mapreduce.partition.keycomparator.options", options, "test");
    conf.set("mapreduce.partition.keypartitioner.options", options, "test");
    conf.set("mapreduce.map.output.key.field.separator", separator, "test");
    let partitioner = format!("{PACKAGE}KeyFieldBasedPartitioner");
    conf.set("mapreduce.job.partitioner.class", &partitioner, "test");
    let comparator = format!("{PACKAGE}KeyFieldBasedComparator");
    let order = KeyOrder::of_comparator(&comparator, Text::CLASS, &conf)?;
    let partitioner =
        Partitioner::of_job(&conf, Text::CLASS, PARTITIONS, &order, || Ok(Vec::new()))?;
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| written(Datum::Text(key.as_bytes()))).collect();
    let mut lines: String =
        keys.iter().map(|key| partitioner.partition(key, &[], PARTITIONS).to_string()).collect();
    for a in &keys {
        lines.push('\n');
        lines.extend(keys.iter().map(|b| match order.compare(a, b) {
            std::cmp::Ordering::Less => '<',
            std::cmp::Ordering::Equal => '=',
            std::cmp::Ordering::Greater => '>',
        }));
    }
    lines.push('\n');
    Ok(lines)
}

#[test]
fn commits_step_by_step() {
    in_fresh_directory(|root| {
        for algorithm in ["1", "2"] {
            let theirs = root.join(format!("java{algorithm}"));
            let ours = root.join(format!("ours{algorithm}"));
            let wanted = java(&["commit", &theirs.display().to_string(), algorithm])?;
            let found = commit(&ours, algorithm).map_err(io::Error::other)?;
            same(&format!("algorithm {algorithm}"), &wanted, &found)?;
        }
        Ok(())
    });
}

/// The steps of Java's `commit`.
fn commit(output: &Path, algorithm: &str) -> Result<String> {
    let mut conf = Configuration::new();
    let directory = output.display().to_string();
    conf.set("mapreduce.output.fileoutputformat.outputdir", &directory, "test");
    conf.set("mapreduce.fileoutputcommitter.algorithm.version", algorithm, "test");
    let files = FileSystems::new(&conf, UserIdentity::new(whoami()))?;
    let committer = FileOutputCommitter::new(&conf, &files)?;
    let attempt = |name: &str| -> AttemptId { format!("attempt_1_0001_{name}").parse().unwrap() };
    let mut lines = String::new();
    committer.setup_job()?;
    for name in ["m_000000_0", "m_000000_1", "m_000001_0", "m_000002_0"] {
        committer.setup_task(&attempt(name))?;
        let work = committer.work_path(&attempt(name)).expect("a work path");
        let fs = files.get(&work)?;
        if name != "m_000002_0" {
            let new = CreateOptions::default;
            fs.write_all(&work.child(&format!("part-m-{name}")), name.as_bytes(), new())?;
            let part = work.child("sub").child(&format!("part-{}", &name[..8]));
            fs.write_all(&part, name.as_bytes(), new())?;
        }
        let needs = committer.needs_task_commit(&attempt(name))?;
        list(&format!("begun {name} {needs}"), output, &mut lines);
    }
    committer.abort_task(&attempt("m_000000_0"))?;
    list("aborted", output, &mut lines);
    for name in ["m_000000_1", "m_000001_0"] {
        committer.commit_task(&attempt(name))?;
        list(&format!("committed {name}"), output, &mut lines);
    }
    conf.set("mapreduce.job.application.attempt.id", "1", "test");
    let committer = FileOutputCommitter::new(&conf, &files)?;
    committer.setup_job()?;
    committer.recover_task(&attempt("m_000000_1"))?;
    list("recovered", output, &mut lines);
    committer.commit_job()?;
    list("over", output, &mut lines);
    Ok(lines)
}

fn list(step: &str, output: &Path, lines: &mut String) {
    fn walk(root: &Path, path: &Path, found: &mut Vec<String>) {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        found.push(if path.is_dir() { format!("{name}/") } else { name });
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            walk(root, &entry.path(), found);
        }
    }
    let mut found = Vec::new();
    walk(output, output, &mut found);
    found.sort();
    let _ = writeln!(lines, "{step}");
    for name in found {
        let _ = writeln!(lines, "  {name}");
    }
}
