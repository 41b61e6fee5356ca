//! Hadoop's example programs and ours, on the same input: the same output, counters, words and exit codes.

use std::io;

use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::jobs::{EXAMPLES, JobEnd, JobSite, all_hold, differ, same_counters};

/// Counters that do not depend on how somebody sorts.
const COUNTERS: [&str; 17] = [
    "Map input records",
    "Map output records",
    "Map output bytes",
    "Input split bytes",
    "Combine input records",
    "Combine output records",
    "Reduce input groups",
    "Reduce input records",
    "Reduce output records",
    "Spilled Records",
    "Shuffled Maps",
    "Map output materialized bytes",
    "Reduce shuffle bytes",
    "Failed Shuffles",
    "Merged Map outputs",
    "Bytes Read",
    "Bytes Written",
];

const SEQUENCE: &str = "org.apache.hadoop.mapreduce.lib.input.SequenceFileInputFormat";
const KEY_VALUE: &str = "org.apache.hadoop.mapreduce.lib.input.KeyValueTextInputFormat";
const TEXT_OUT: &str = "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat";
const TEXT: &str = "org.apache.hadoop.io.Text";
const TUPLE: &str = "org.apache.hadoop.mapreduce.lib.join.TupleWritable";

#[test]
fn examples_beside_hadoops() {
    in_fresh_directory(|root| {
        let mut site = JobSite::start(root)?;
        site.put("/text/a", "to be or not to be\n\n that\tis  the\x0cquestion\r\nwörld 😀 x")?;
        site.put("/text/b", b"bytes that are \xff\xfe no UTF-8\nto be\n")?;
        all_hold(
            &[
                ("words", words),
                ("lengths of words", lengths),
                ("aggregation", aggregation),
                ("grep", grep),
                ("secondary sort", secondary_sort),
                ("random", random),
                ("sort", sort),
                ("total order", total_order),
                ("join", join),
                ("pi", pi),
                ("terasort", terasort),
                ("what is wrong", wrong),
            ],
            &mut site,
        )
    });
}

fn run_ours(site: &mut JobSite, args: &[&str]) -> io::Result<JobEnd> {
    site.ours(&[&["hadoop", "jar", "hadoop-mapreduce-examples-3.4.2.jar"], args].concat())
}

/// Runs an example with both makers, `OUT` in its arguments being their output directories, and wants the same end.
fn both(site: &mut JobSite, args: &[&str], output: &str) -> io::Result<(JobEnd, JobEnd)> {
    let of = |maker: &str| -> Vec<String> {
        args.iter().map(|arg| arg.replace("OUT", &format!("/{maker}/{output}"))).collect()
    };
    let (javas, ours) = (of("java"), of("ours"));
    let words: Vec<&str> = javas.iter().map(String::as_str).collect();
    let javas = site.javas(EXAMPLES, &words)?;
    let words: Vec<&str> = ours.iter().map(String::as_str).collect();
    let ours = run_ours(site, &words)?;
    if javas.outcome.exit != ours.outcome.exit {
        let (one, other) = (&javas.outcome, &ours.outcome);
        return Err(io::Error::other(format!("{args:?}:\nJava: {one:?}\nours: {other:?}")));
    }
    Ok((javas, ours))
}

/// As [`both`], with the same files as output and the same counters, apart from some.
fn same(site: &mut JobSite, args: &[&str], output: &str, but: &[&str]) -> io::Result<()> {
    let (javas, ours) = both(site, args, output)?;
    if javas.outcome.exit != 0 {
        return Err(io::Error::other(format!("{:?}\n{:?}", javas.outcome, ours.outcome)));
    }
    let named = |e| io::Error::other(format!("{args:?}: {e}"));
    site.same_files(&format!("/java/{output}"), &format!("/ours/{output}")).map_err(named)?;
    let names: Vec<&str> = COUNTERS.into_iter().filter(|name| !but.contains(name)).collect();
    same_counters(&javas, &ours, &names).map_err(named)
}

fn words(site: &mut JobSite) -> io::Result<()> {
    let two = ["wordcount", "-D", "mapreduce.job.reduces=2", "/text/a", "/text/b", "OUT"];
    same(site, &two, "words", &[])?;
    // Java counts no bytes of inputs that are several files.
    same(site, &["multifilewc", "/text", "OUT"], "multi", &["Bytes Read"])
}

fn lengths(site: &mut JobSite) -> io::Result<()> {
    for name in ["wordmean", "wordmedian", "wordstandarddeviation"] {
        let (javas, ours) = both(site, &[name, "/text", "OUT"], name)?;
        differ(name, &javas.outcome.stdout, &ours.outcome.stdout)?;
        site.same_files(&format!("/java/{name}"), &format!("/ours/{name}"))?;
        same_counters(&javas, &ours, &COUNTERS)?;
    }
    Ok(())
}

fn aggregation(site: &mut JobSite) -> io::Result<()> {
    let count = ["aggregatewordcount", "/text", "OUT", "2", "textinputformat"];
    same(site, &count, "aggregate", &[])?;
    let histogram = ["aggregatewordhist", "/text", "OUT", "1", "TextInputFormat"];
    same(site, &histogram, "histogram", &[])
}

fn grep(site: &mut JobSite) -> io::Result<()> {
    for (name, args) in [("grep", &["[a-z]+"][..]), ("group", &["(t)([a-z])", "2"])] {
        let (javas, ours) = both(site, &[&["grep", "/text", "OUT"], args].concat(), name)?;
        // In which order texts come that were found equally often, nothing says.
        let lines = |maker: &str| -> io::Result<Vec<String>> {
            let files = site.fetched(&format!("/{maker}/{name}"))?;
            let part = files.get("part-r-00000").map(Vec::as_slice).unwrap_or_default();
            let text = String::from_utf8_lossy(part).into_owned();
            let counts: Vec<i64> =
                text.lines().filter_map(|line| line.split('\t').next()?.parse().ok()).collect();
            if counts.is_empty() || !counts.is_sorted_by(|a, b| a >= b) {
                return Err(io::Error::other(text));
            }
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            Ok(lines)
        };
        differ(name, &lines("java")?, &lines("ours")?)?;
        // Its second job's input has a name with a number of more digits or fewer.
        let most: Vec<&str> = COUNTERS.into_iter().filter(|n| *n != "Input split bytes").collect();
        same_counters(&javas, &ours, &most)?;
    }
    Ok(())
}

fn secondary_sort(site: &mut JobSite) -> io::Result<()> {
    let pairs: String = (0..200_i64)
        .map(|n| format!("{} {}\n", n * 7919 % 23 - 11, n * 104_729 % 997 - 500))
        .collect();
    site.put("/pairs/a", pairs + "5\n\n2147483647 -2147483648\n")?;
    let args = ["secondarysort", "-D", "mapreduce.job.reduces=3", "/pairs", "OUT"];
    same(site, &args, "pairs", &[])
}

/// What each writes has as many files and bytes, and the other's shell shows the same of it.
fn random(site: &mut JobSite) -> io::Result<()> {
    for (name, prefix) in [
        ("randomwriter", "mapreduce.randomwriter"),
        ("randomtextwriter", "mapreduce.randomtextwriter"),
    ] {
        let total = format!("{prefix}.totalbytes=60000");
        let each = format!("{prefix}.bytespermap=60000");
        let (javas, ours) = both(site, &[name, "-D", &total, "-D", &each, "OUT"], name)?;
        for (maker, end) in [("java", &javas), ("ours", &ours)] {
            let written = end.counters.get("BYTES_WRITTEN").copied().unwrap_or(0);
            if !(60_000..130_000).contains(&written) {
                return Err(io::Error::other(format!("{name} of {maker}: {:?}", end.counters)));
            }
            let files = format!("/{maker}/{name}/part-m-*");
            differ(name, &site.javas_shell(&["-text", &files])?, &site.shell(&["-text", &files])?)?;
        }
        let names = |maker: &str| -> io::Result<Vec<String>> {
            Ok(site.fetched(&format!("/{maker}/{name}"))?.into_keys().collect())
        };
        differ(name, &names("java")?, &names("ours")?)?;
    }
    Ok(())
}

fn sort(site: &mut JobSite) -> io::Result<()> {
    // Random text of both, sorted by both.
    for maker in ["java", "ours"] {
        let input = format!("/{maker}/randomtextwriter");
        let name = format!("sorted-{maker}");
        let args = ["sort", "-r", "2", "-inFormat", SEQUENCE, "-outKey", TEXT, "-outValue", TEXT];
        let args: Vec<&str> = args.into_iter().chain([input.as_str(), "OUT"]).collect();
        let (javas, ours) = both(site, &args, &name)?;
        site.same_records(&format!("/java/{name}"), &format!("/ours/{name}"))?;
        let most: Vec<&str> = COUNTERS.into_iter().filter(|n| *n != "Bytes Written").collect();
        same_counters(&javas, &ours, &most)?;
    }
    let args = ["sort", "-r", "1", "/java/randomwriter", "OUT"];
    both(site, &args, "bytes")?;
    site.same_records("/java/bytes", "/ours/bytes")
}

/// A file of split points that one makes is read by the other.
fn total_order(site: &mut JobSite) -> io::Result<()> {
    let lines: String = (0..3000_u64).map(|n| format!("{:05}\t{n}\n", n * 7919 % 99_991)).collect();
    site.put("/keys/java/a", &lines)?;
    site.put("/keys/ours/a", &lines)?;
    let formats =
        ["-inFormat", KEY_VALUE, "-outFormat", TEXT_OUT, "-outKey", TEXT, "-outValue", TEXT];
    let path = "mapreduce.totalorderpartitioner.path=";
    for (maker, other) in [("java", "ours"), ("ours", "java")] {
        // Java's example looks for the file there, and writes it there only where it is told so.
        let input = format!("/keys/{maker}");
        let points = format!("{path}{input}/_sortPartitioning");
        let sorted = format!("/{maker}/total");
        let own = format!("/{other}/total-of-{maker}");
        let sampled = ["sort", "-D", &points, "-r", "3"];
        let rest = ["-totalOrder", "0.1", "100", "10", &input, &sorted];
        let sampled: Vec<&str> = sampled.into_iter().chain(formats).chain(rest).collect();
        let partitioner = "mapreduce.job.partitioner.class=\
                           org.apache.hadoop.mapreduce.lib.partition.TotalOrderPartitioner";
        let given = ["sort", "-D", &points, "-D", partitioner, "-r", "3"];
        let given: Vec<&str> =
            given.into_iter().chain(formats).chain([input.as_str(), own.as_str()]).collect();
        let ends = match maker {
            "java" => [site.javas(EXAMPLES, &sampled)?, run_ours(site, &given)?],
            _ => [run_ours(site, &sampled)?, site.javas(EXAMPLES, &given)?],
        };
        for end in ends {
            end.outcome.succeeded()?;
        }
        site.same_files(&sorted, &own)?;
        let files = site.fetched(&sorted)?;
        let parts = files.iter().filter(|(name, _)| name.starts_with("part"));
        let text: Vec<u8> = parts.clone().flat_map(|(_, bytes)| bytes.clone()).collect();
        let text = String::from_utf8_lossy(&text);
        let keys: Vec<&str> = text.lines().filter_map(|l| l.split('\t').next()).collect();
        let even = parts.clone().all(|(_, bytes)| bytes.len() > 1000);
        if keys.len() != 3000 || !keys.is_sorted() || parts.count() != 3 || !even {
            return Err(io::Error::other(format!("{maker}: {text}")));
        }
    }
    Ok(())
}

fn join(site: &mut JobSite) -> io::Result<()> {
    site.put("/tables/a/1", "1\ta1\n2\ta2\n2\ta3\n4\ta4\n")?;
    site.put("/tables/a/2", "5\ta5\n")?;
    site.put("/tables/b/1", "2\tb2\n2\tb3\n3\tb5\n4\tb4\n")?;
    site.put("/tables/b/2", "")?;
    site.put("/tables/c/1", "0\tc0\n4\tc4\n")?;
    site.put("/tables/c/2", "5\tc5\n5\tc6\n")?;
    let tables = ["/tables/a", "/tables/b", "/tables/c", "OUT"];
    for (operation, value) in [("inner", TUPLE), ("outer", TUPLE), ("override", TEXT)] {
        let formats = ["-inFormat", KEY_VALUE, "-outKey", TEXT, "-outValue", value];
        let head = ["join", "-r", "0", "-joinOp", operation, "-outFormat", TEXT_OUT];
        let args: Vec<&str> = head.into_iter().chain(formats).chain(tables).collect();
        let (javas, ours) = both(site, &args, operation)?;
        site.same_files(&format!("/java/{operation}"), &format!("/ours/{operation}"))?;
        same_counters(
            &javas,
            &ours,
            &["Map input records", "Map output records", "Input split bytes"],
        )?;
        // Tuples in sequence files; which of equal keys comes first, nothing says.
        let name = format!("{operation}-seq");
        let head = ["join", "-r", "2", "-joinOp", operation];
        let args: Vec<&str> = head.into_iter().chain(formats).chain(tables).collect();
        let (javas, ours) = both(site, &args, &name)?;
        site.same_record_sets(&format!("/java/{name}"), &format!("/ours/{name}"))?;
        // Java counts no bytes of inputs that are several files.
        let most: Vec<&str> = COUNTERS
            .into_iter()
            .filter(|n| !matches!(*n, "Bytes Written" | "Bytes Read"))
            .collect();
        same_counters(&javas, &ours, &most)?;
    }
    Ok(())
}

fn pi(site: &mut JobSite) -> io::Result<()> {
    let (javas, ours) = both(site, &["pi", "3", "1000"], "")?;
    let found = |end: &JobEnd| {
        let mut lines = end.outcome.stdout.lines();
        lines.find(|line| line.starts_with("Estimated value")).map(str::to_owned)
    };
    differ("pi", &found(&javas), &found(&ours))?;
    if found(&ours).is_some() { Ok(()) } else { Err(io::Error::other(ours.outcome.stdout)) }
}

fn terasort(site: &mut JobSite) -> io::Result<()> {
    let (javas, ours) =
        both(site, &["teragen", "-D", "mapreduce.job.maps=3", "5000", "OUT"], "rows")?;
    // One map writes what three of ours do.
    let rows = |maker: &str| -> io::Result<Vec<u8>> {
        let files = site.fetched(&format!("/{maker}/rows"))?;
        Ok(files
            .into_iter()
            .filter(|(name, _)| name.starts_with("part"))
            .flat_map(|f| f.1)
            .collect())
    };
    if rows("java")?.len() != 500_000 || rows("java")? != rows("ours")? {
        return Err(io::Error::other("rows differ"));
    }
    same_counters(
        &javas,
        &ours,
        &["Map input records", "Map output records", "Bytes Written", "CHECKSUM"],
    )?;
    let sort = ["terasort", "-D", "mapreduce.job.reduces=3", "/java/rows", "OUT"];
    same(site, &sort, "tera", &[])?;
    // Each looks at what the other sorted.
    for (maker, input) in [("java", "/ours/tera"), ("ours", "/java/tera")] {
        let report = format!("/{maker}/report");
        let words = ["teravalidate", input, &report];
        let end = match maker {
            "java" => site.javas(EXAMPLES, &words)?,
            _ => run_ours(site, &words)?,
        };
        end.outcome.succeeded()?;
    }
    site.same_files("/java/report", "/ours/report")?;
    // Rows out of order are told in the same words.
    both(site, &["teravalidate", "/java/rows", "OUT"], "bad-report")?;
    site.same_record_sets("/java/bad-report", "/ours/bad-report")
}

/// Command lines that nobody can run: the same exit code and the same first line.
fn wrong(site: &mut JobSite) -> io::Result<()> {
    let lines: &[&[&str]] = &[
        &[],
        &["nothing"],
        &["wordcount"],
        &["wordcount", "/nothing", "/out"],
        &["wordcount", "/text", "/text"],
        &["wordmean", "x"],
        &["wordmedian"],
        &["wordstandarddeviation"],
        &["grep", "x"],
        &["sort"],
        &["sort", "-r"],
        &["sort", "-r", "x", "a", "b"],
        &["sort", "-totalOrder", "0.1", "x"],
        &["join", "a"],
        &["join", "-joinOp"],
        &["secondarysort"],
        &["pi", "1"],
        &["randomwriter"],
        &["randomtextwriter"],
        &["multifilewc"],
        &["aggregatewordcount"],
        &["aggregatewordhist", "x"],
        &["teragen"],
        &["terasort", "x"],
        &["teravalidate"],
    ];
    let mut wrong = Vec::new();
    for line in lines {
        match both(site, line, "") {
            Ok((javas, ours)) => {
                let first = |end: &JobEnd| {
                    let text = format!("{}{}", end.outcome.stdout, end.outcome.stderr);
                    text.lines().next().unwrap_or_default().to_owned()
                };
                // A stack is no line for users: there the exit code is enough.
                let is_stack = first(&javas).contains("Exception");
                if !is_stack && let Err(error) = differ("first line", &first(&javas), &first(&ours))
                {
                    wrong.push(format!("{line:?}: {error}"));
                }
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(io::Error::other(wrong.join("\n"))) }
}
