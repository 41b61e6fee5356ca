//! Input that is damaged or forbidden, options that make no sense, disks that are full: the job fails and says
//! which attempt, where, why, or succeeds elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::site::{LOST_SOON, Site, all, wait};

const SEQUENCE_INPUT: &str = "org.apache.hadoop.mapred.SequenceFileAsTextInputFormat";
const SEQUENCE_OUTPUT: &str = "org.apache.hadoop.mapred.SequenceFileOutputFormat";

fn refused(output: &Output, words: &[&str]) {
    let text = all(output);
    assert!(!output.status.success(), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in:\n{text}");
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_runs() {
    let site = Site::start(1, &[]);
    site.put("/in", "a\t1\n");
    site.put("/secret", "b\t2\n");
    site.text(&["hdfs", "dfs", "-chmod", "600", "/secret"]);
    site.text(&["hdfs", "dfs", "-mkdir", "-p", "/user/bob", "/only-mine"]);
    site.text(&["hdfs", "dfs", "-chown", "bob", "/user/bob"]);
    let job = |options: &[&str]| site.stream(&[], &[&["-mapper", "cat"], options].concat());
    let to = |output: &'static str| ["-input", "/in", "-output", output];
    refused(&job(&["-input", "/missing", "-output", "/out"]), &["Input path does not exist"]);
    refused(&job(&["-input", "/in", "-output", "/in"]), &["already exists"]);
    refused(&job(&["-input", "/in"]), &["Required argument: -output"]);
    refused(&job(&[&to("/out")[..], &["-surely", "x"]].concat()), &["-surely"]);
    for (option, class) in [
        ("-inputformat", "no.such.Input"),
        ("-outputformat", "no.such.Output"),
        ("-partitioner", "no.such.Partitioner"),
        ("-reducer", "org.apache.hadoop.no.such.Reducer"),
    ] {
        refused(&job(&[&to("/out")[..], &[option, class]].concat()), &[class]);
    }
    // Somebody else may neither read that nor write there.
    let of_bob = |input: &str, output: &str| {
        let options = ["-input", input, "-output", output, "-mapper", "cat", "-reducer", "cat"];
        site.streaming(&[], &options).env("HADOOP_USER_NAME", "bob").output().expect("a program")
    };
    refused(&of_bob("/secret", "/user/bob/out"), &["Permission denied: user=bob", "/secret"]);
    refused(&of_bob("/in", "/only-mine/out"), &["Permission denied: user=bob", "/only-mine"]);
    let fine = of_bob("/in", "/user/bob/fine");
    assert!(fine.status.success(), "{}", all(&fine));
    assert_eq!(site.output("/user/bob/fine"), ["a\t1"]);
    site.nothing_left();
}

/// Damages a file of HDFS: `change` gets its bytes.
fn damage(site: &Site, from: &str, to: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let local = site.path("damaged");
    let _ = fs::remove_file(&local);
    site.text(&["hdfs", "dfs", "-get", from, &local.display().to_string()]);
    let mut bytes = fs::read(&local).expect("a file");
    change(&mut bytes);
    site.put(to, bytes);
}

#[test]
fn damaged_input_fails_its_job_by_name() {
    let site = Site::start(1, &[]);
    let lines: String = (0..20_000).map(|n| format!("key{n}\tvalue{}\n", n * 7919)).collect();
    site.put("/in", &lines);
    let packed = [
        "mapreduce.job.maps=1",
        "mapreduce.output.fileoutputformat.compress=true",
        "mapreduce.output.fileoutputformat.compress.type=BLOCK",
        "mapreduce.output.fileoutputformat.compress.codec=org.apache.hadoop.io.compress.GzipCodec",
    ];
    let copied = ["-input", "/in", "-mapper", "cat", "-numReduceTasks", "0"];
    let made = site.stream(&packed, &[&copied[..], &["-output", "/gz"]].concat());
    assert!(made.status.success(), "{}", all(&made));
    let sequence = ["-output", "/seq", "-outputformat", SEQUENCE_OUTPUT];
    let made = site.stream(&packed, &[&copied[..], &sequence].concat());
    assert!(made.status.success(), "{}", all(&made));

    let middle = |bytes: &mut Vec<u8>| {
        let at = bytes.len() / 2;
        bytes[at..at + 32].fill(0x55);
    };
    let half = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    damage(&site, "/gz/part-00000.gz", "/bad/flipped.gz", middle);
    damage(&site, "/gz/part-00000.gz", "/bad/short.gz", half);
    damage(&site, "/seq/part-00000", "/bad/flipped.seq", middle);
    damage(&site, "/seq/part-00000", "/bad/short.seq", half);
    damage(&site, "/seq/part-00000", "/bad/other.seq", |bytes| bytes[..3].copy_from_slice(b"XYZ"));
    for name in ["flipped.gz", "short.gz", "flipped.seq", "short.seq", "other.seq"] {
        let (input, output) = (format!("/bad/{name}"), format!("/out-{name}"));
        let mut options =
            vec!["-input", &*input, "-output", &*output, "-mapper", "cat", "-reducer", "cat"];
        if name.ends_with(".seq") {
            options.extend(["-inputformat", SEQUENCE_INPUT]);
        }
        let settings = ["mapreduce.map.maxattempts=2", "mapreduce.job.maps=1"];
        let ended = site.stream(&settings, &options);
        refused(&ended, &[&input, "attempt_", "failed on tracker_", "/tasklog?attemptid="]);
        assert!(site.list(&output).is_empty(), "{:?}", site.list(&output));
    }
    site.nothing_left();
}

/// The files of that name below a directory.
fn find(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(find(&path, name));
        } else if entry.file_name() == name {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_damaged_map_output_is_made_again() {
    let site = Site::start(2, &[]);
    let lines: String = (0..2000).map(|n| format!("key{n}\t{n}\n")).collect();
    site.put("/in", &lines);
    let gate = site.path("gate");
    // The last map waits until the output of another one is damaged.
    let mapper = format!(
        "sh -c 'cat; if [ $mapreduce_task_partition = 1 ]; then while [ ! -e {} ]; do sleep 0.05; done; fi'",
        gate.display()
    );
    let settings = [
        "mapreduce.job.maps=2",
        "mapreduce.job.reduce.slowstart.completedmaps=1.0",
        "mapreduce.reduce.shuffle.retry-delay.max.ms=200",
        "mapreduce.task.progress-report.interval=200",
    ];
    let options = ["-input", "/in", "-output", "/out", "-mapper", &mapper, "-reducer", "cat"];
    let child = site.streaming(&settings, &options).spawn().expect("the program starts");
    let outputs = || -> Vec<PathBuf> {
        (0..2).flat_map(|index| find(&site.path(&format!("tracker{index}")), "file.out")).collect()
    };
    wait("the first map's output", || site.completed_maps() == 1);
    assert_eq!(outputs().len(), 1);
    let output = outputs().remove(0);
    let mut bytes = fs::read(&output).expect("the output");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&output, bytes).expect("its damage");
    fs::write(&gate, "").expect("a file");
    let ended = child.wait_with_output().expect("its end");
    let text = all(&ended);
    assert!(ended.status.success(), "{text}\n{}", site.logs());
    assert!(text.contains("Failed map tasks=1") && text.contains("Launched map tasks=3"), "{text}");
    let mut expected: Vec<&str> = lines.lines().collect();
    expected.sort_unstable();
    assert_eq!(site.output("/out"), expected);
    site.nothing_left();
}

/// A small disk of its own, for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount.
    fn mount(at: PathBuf, mebibytes: u32) -> Option<Self> {
        fs::create_dir_all(&at).expect("a directory");
        let size = format!("size={mebibytes}m,mode=0700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        let mounted = done.is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("NOT RUN: this user may not mount a small disk");
        }
        mounted.then_some(Self(at))
    }

    /// While a file is open to be written to, it cannot be made one that is only read.
    fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        wait(&options, || {
            let done = Command::new("mount").args(["-o", &options]).arg(&self.0).output();
            done.expect("mount").status.success()
        });
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn full_and_failing_local_disks() {
    let mut site = Site::start(2, &[LOST_SOON]);
    let Some(small) = Disk::mount(site.path("tracker0/small"), 12) else { return };
    let lines: Vec<String> =
        (0..160_000).map(|n| format!("{:08}\t{}", n * 7919 % 100_003, "x".repeat(40))).collect();
    let mut expected = lines.clone();
    expected.sort();
    site.put("/in", lines.join("\n"));
    site.put("/few", lines[..120_000].join("\n"));
    (0..2).for_each(|index| site.kill_tracker(index));
    site.start_tracker_on(0, &small.0.display().to_string());
    wait("one tracker", || site.live_trackers() == 1);
    let job = |input: &str, output: &str, more: &[&str]| {
        let settings = [
            "mapreduce.task.io.sort.mb=1",
            "mapreduce.map.maxattempts=2",
            "mapreduce.reduce.maxattempts=2",
            "mapreduce.reduce.memory.totalbytes=1000000",
            "mapreduce.job.maps=1",
            "mapreduce.job.reduce.slowstart.completedmaps=1.0",
        ];
        let options = ["-input", input, "-output", output, "-mapper", "cat", "-reducer", "cat"];
        site.stream(&[&settings, more].concat(), &options)
    };
    // A map's spills do not fit.
    let place = small.0.display().to_string();
    let ended = job("/in", "/spill", &["mapreduce.input.fileinputformat.split.minsize=20000000"]);
    refused(&ended, &["_m_", &place, "failed on tracker_", "/tasklog?attemptid="]);
    // What maps made fits, and what a reduce copies does not besides.
    let ended = job("/few", "/merge", &["mapreduce.input.fileinputformat.split.maxsize=500000"]);
    refused(&ended, &["_r_000000", &place, "failed on tracker_"]);
    site.nothing_left();

    // Of two disks one can only be read from the middle of a job on, and is used again later.
    site.kill_tracker(0);
    let large = site.path("tracker0/large").display().to_string();
    site.start_tracker_on(0, &format!("{place},{large}"));
    wait("one tracker", || site.live_trackers() == 1);
    let gate = site.path("gate");
    let held =
        "if [ $mapreduce_task_partition -gt 3 ]; then while [ ! -e GATE ]; do sleep 0.1; done; fi";
    let mapper = format!("sh -c '{}; cat'", held.replace("GATE", &gate.display().to_string()));
    let options = ["-input", "/few", "-output", "/two", "-mapper", &mapper, "-reducer", "cat"];
    let settings = [
        "mapreduce.task.io.sort.mb=1",
        "mapreduce.input.fileinputformat.split.maxsize=500000",
        "mapreduce.job.reduces=2",
    ];
    let child = site.streaming(&settings, &options).spawn().expect("the program starts");
    // Four maps are complete, and those that run have written nothing yet.
    wait("some maps are complete", || site.completed_maps() >= 4);
    small.remount("ro");
    fs::write(&gate, "").expect("a file");
    let ended = child.wait_with_output().expect("its end");
    assert!(ended.status.success(), "{}\n{}", all(&ended), site.logs());
    let mut few = lines[..120_000].to_vec();
    few.sort();
    assert!(site.output("/two") == few, "lines are lost or doubled");
    // Which may be after the job: trackers look at their disks from time to time.
    let gives_up = |line: &str| line.contains("local directory") && line.contains("has failed");
    wait("the disk is given up", || site.logs().lines().any(gives_up));
    small.remount("rw");
    wait("the disk is used again", || site.logs().contains("is used again"));

    // And another tracker, whose disk has room, does what this one cannot.
    site.kill_tracker(0);
    site.start_tracker_on(0, &place);
    site.start_tracker(1);
    wait("both trackers", || site.live_trackers() == 2);
    let options = ["-input", "/in", "-output", "/elsewhere", "-mapper", "cat", "-reducer", "cat"];
    let ended = site.stream(&["mapreduce.task.io.sort.mb=1"], &options);
    assert!(ended.status.success(), "{}\n{}", all(&ended), site.logs());
    assert!(site.output("/elsewhere") == expected, "lines are lost or doubled");
    site.nothing_left();
    (0..2).for_each(|index| site.kill_tracker(index));
}
