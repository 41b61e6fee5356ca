//! Input of every kind: odd bytes, long records, many files, one key for nearly all.

use std::fs;

use crate::site::{Site, all};

const COMBINED: &str = "org.apache.hadoop.mapred.lib.CombineTextInputFormat";

/// Runs a job that must succeed.
fn job(site: &Site, settings: &[&str], options: &[&str]) -> String {
    let output = site.stream(settings, options);
    assert!(output.status.success(), "{}\n{}", all(&output), site.logs());
    all(&output)
}

/// A job that passes on what it reads, in order.
fn copy(site: &Site, name: &str, bytes: &[u8]) -> Vec<u8> {
    let (from, to) = (format!("/in-{name}"), format!("/out-{name}"));
    site.put(&from, bytes);
    let options = ["-input", &from, "-output", &to, "-mapper", "cat", "-numReduceTasks", "0"];
    job(site, &["mapreduce.job.maps=1"], &options);
    site.bytes(&to)
}

#[test]
fn odd_bytes_come_out_as_they_went_in() {
    let site = Site::start(1, &[]);
    assert_eq!(copy(&site, "empty", b""), b"");
    assert_eq!(copy(&site, "open", b"a\t1\nb\t2"), b"a\t1\nb\t2\n");
    assert_eq!(copy(&site, "dos", b"a\t1\r\n\r\nb\t2\r\n"), b"a\t1\n\t\nb\t2\n");
    let odd = b"\xff\xfe\t\xc3(\n\x00\t\x01\x02\n\xed\xa0\x80\t\xf8\n";
    assert_eq!(copy(&site, "odd", odd), odd);
    // Sorted they are as well, and a reduce has them.
    let options = ["-input", "/in-odd", "-output", "/sorted", "-mapper", "cat", "-reducer", "cat"];
    job(&site, &[], &options);
    assert_eq!(site.bytes("/sorted"), b"\x00\t\x01\x02\n\xed\xa0\x80\t\xf8\n\xff\xfe\t\xc3(\n");
    // Nothing at all, and a reducer that gets nothing.
    let options = ["-input", "/in-empty", "-output", "/none", "-mapper", "cat", "-reducer", "wc"];
    job(&site, &["mapreduce.job.reduces=2"], &options);
    assert_eq!(site.bytes("/none"), b"");
    site.text(&["hdfs", "dfs", "-mkdir", "/no-files"]);
    let options = ["-input", "/no-files", "-output", "/nothing", "-mapper", "cat"];
    job(&site, &[], &options);
    assert_eq!(site.bytes("/nothing"), b"");
    site.nothing_left();
}

#[test]
fn records_larger_than_every_buffer_pass() {
    let site = Site::start(1, &[]);
    // A long key without a value, a long value, and short ones before, between and behind.
    let mut lines = [
        b"a\t1".to_vec(),
        [vec![b'k'; 3 << 20], b"\t".to_vec()].concat(),
        b"m\t2".to_vec(),
        [b"v\t".to_vec(), vec![b'w'; 5 << 20]].concat(),
        b"z\t3".to_vec(),
    ];
    lines.rotate_left(2);
    let mut input = lines.join(&b'\n');
    input.push(b'\n');
    site.put("/in", input);
    let small = [
        "mapreduce.task.io.sort.mb=1",
        "mapreduce.reduce.memory.totalbytes=1048576",
        "mapreduce.map.memory.mb=200",
        "mapreduce.reduce.memory.mb=200",
        "mapreduce.task.io.sort.factor=2",
    ];
    let options = ["-input", "/in", "-output", "/out", "-mapper", "cat", "-reducer", "cat"];
    job(&site, &small, &options);
    lines.sort();
    let mut expected = lines.join(&b'\n');
    expected.push(b'\n');
    assert!(site.bytes("/out") == expected, "the long records are not what they were");

    // One without an end takes memory until it may take no more.
    let settings = ["mapreduce.map.memory.mb=96", "mapreduce.map.maxattempts=1"];
    let endless = "sh -c 'head -c 2000000000 /dev/zero | tr \"\\0\" x; sleep 1000'";
    let options = ["-input", "/in", "-output", "/big", "-mapper", endless, "-reducer", "cat"];
    let output = site.stream(&settings, &options);
    let text = all(&output);
    assert!(!output.status.success(), "{text}");
    for word in ["beyond physical memory limits", "attempt_", "failed on tracker_", "/tasklog?"] {
        assert!(text.contains(word), "{text}");
    }
    site.nothing_left();
}

#[test]
fn a_reducer_that_reads_nothing() {
    let site = Site::start(1, &[]);
    site.put("/few", "a\t1\n");
    let options = ["-input", "/few", "-output", "/out", "-mapper", "cat", "-reducer", "true"];
    job(&site, &[], &options);
    assert_eq!(site.bytes("/out"), b"");
    // What does not fit into its pipe cannot be given to it, and that is said.
    site.put("/many", "a line that is repeated\n".repeat(200_000));
    let options = ["-input", "/many", "-output", "/bad", "-mapper", "cat", "-reducer", "true"];
    let output = site.stream(&["mapreduce.reduce.maxattempts=1"], &options);
    let text = all(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("Broken pipe") && text.contains("_r_000000_0 failed on"), "{text}");
    site.nothing_left();
}

#[test]
fn ten_thousand_small_files_and_one_key_for_nearly_all() {
    let site = Site::start(1, &[]);
    let many = site.path("many");
    fs::create_dir(&many).expect("a directory");
    for number in 0..10_000 {
        fs::write(many.join(number.to_string()), format!("{number}\n")).expect("a file");
    }
    let from = format!("file://{}", many.display());
    let options = [
        "-inputformat",
        COMBINED,
        "-input",
        &from,
        "-output",
        "/many",
        "-mapper",
        "cat",
        "-reducer",
        "cat",
    ];
    let text = job(&site, &["mapreduce.input.fileinputformat.split.maxsize=20000"], &options);
    // As this input format is not the usual one, a mapper gets positions too.
    let lines = site.output("/many");
    let value = |line: &String| line.split('\t').next_back()?.parse().ok();
    let mut numbers: Vec<u32> = lines.iter().filter_map(value).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..10_000), "{} numbers\n{text}", numbers.len());
    assert!(text.contains("number of splits:3"), "{text}");

    let lines: Vec<String> = (0..100_000)
        .map(|n| if n % 10 == 0 { format!("rare{n}\t{n}") } else { format!("often\t{n}") })
        .collect();
    site.put("/skewed", lines.join("\n"));
    let small = [
        "mapreduce.job.reduces=3",
        "mapreduce.task.io.sort.mb=1",
        "mapreduce.reduce.memory.totalbytes=300000",
        "mapreduce.input.fileinputformat.split.maxsize=300000",
    ];
    let options = ["-input", "/skewed", "-output", "/out", "-mapper", "cat", "-reducer", "cat"];
    job(&site, &small, &options);
    let mut expected = lines;
    expected.sort();
    assert!(site.output("/out") == expected, "lines are lost or doubled");
    site.nothing_left();
}
