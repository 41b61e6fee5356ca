//! Hadoop's streaming and ours, given the same command lines: the same output, counters, exit codes and complaints.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::command_lines::split;
use loxodon_interop::jobs::{JobEnd, JobSite, STREAMING, all_hold, differ, same_counters};

/// Which of a key's values comes first, nothing says.
const SORT: &str = "env LC_ALL=C sort";
const PRINT: &str = "sh -c 'cat >/dev/null; echo $A $B $mapreduce_job_reduces $stream_num_map_output_key_fields \
                     $mapreduce_task_partition $mapreduce_task_ismap $mapred_task_is_map'";

const COUNTERS: [&str; 9] = [
    "Map input records",
    "Map output records",
    "Map output bytes",
    "Input split bytes",
    "Reduce input groups",
    "Reduce input records",
    "Reduce output records",
    "Shuffled Maps",
    "Bytes Written",
];

/// Speaks typed bytes and raw bytes.
const PROGRAM: &str = include_str!("../../streams/program.py");

#[test]
fn streaming_beside_hadoops() {
    in_fresh_directory(|root| {
        let mut site = JobSite::start(root)?;
        prepare(&mut site)?;
        all_hold(
            &[
                ("plain jobs", plain_jobs),
                ("bytes", bytes),
                ("late files", late_files),
                ("combiners", combiners),
                ("other options", other_options),
                ("failing commands", failing),
                ("what is wrong", wrong),
            ],
            &mut site,
        )
    });
}

fn prepare(site: &mut JobSite) -> io::Result<()> {
    let lines: String = (0..300).map(|n| format!("word{} and word{}\n", n % 17, n % 5)).collect();
    site.put("/in/text", lines)?;
    site.put(
        "/in/odd",
        b"\n\tno key\nno value\t\n\t\nk\xff\xfe\tbad \xc3\r\ncr\tlf\r\nend without".as_slice(),
    )?;
    let fields: String =
        (0..80_i64).map(|n| format!("{}.{}.{}\t{n}\n", n % 3, n * 37 % 11, n % 7)).collect();
    site.put("/in/fields", fields)?;
    site.put("/in/xml", "junk<a>1</a> <b/> <a>two\nlines</a><a>3")?;
    let cdata: String = (0..40)
        .map(|n| format!("<b/><a n=\"{n}\"> {n} <![CDATA[<a>no</a>]]> </a>\n<a>{n}</a>"))
        .collect();
    site.put("/in/cdata", cdata)?;
    fs::write(site.path("program.py"), PROGRAM)?;
    fs::write(site.path("side.txt"), "from the side\n")?;
    let script = site.path("mapper.sh");
    fs::write(&script, "#!/bin/sh\nsed s/^/own:/\n")?;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755))?;
    fs::create_dir(site.path("tree"))?;
    fs::write(site.path("tree/leaf.txt"), "a leaf\n")?;
    let tar = std::process::Command::new("tar")
        .args(["-czf", "tree.tar.gz", "tree"])
        .current_dir(site.path(""))
        .status()?;
    if !tar.success() {
        return Err(io::Error::other("tar"));
    }
    let conf = "<configuration><property><name>my.key</name><value>of the file</value></property></configuration>";
    fs::write(site.path("more.xml"), conf)?;
    site.put("/sorted/a", "1\tx\n2\ty\n")?;
    site.put("/sorted/b", "2\tz\n3\tq\n")?;
    site.put("/cache/side.txt", "from the cache\n")?;
    site.shell(&["-put", &site.path("tree.tar.gz").display().to_string(), "/cache/"]).map(drop)
}

/// Runs a command line with both makers; `OUT` in it is the output directory.
fn both(site: &mut JobSite, args: &[&str], output: &str) -> io::Result<(JobEnd, JobEnd)> {
    let root = site.path("").display().to_string();
    let of = |maker: &str| -> Vec<String> {
        let out = format!("/{maker}/{output}");
        args.iter().map(|arg| arg.replace("OUT", &out).replace("ROOT/", &root)).collect()
    };
    let (javas, ours) = (of("java"), of("ours"));
    let words: Vec<&str> = javas.iter().map(String::as_str).collect();
    let javas = site.javas(STREAMING, &words)?;
    let words: Vec<&str> =
        ["mapred", "streaming"].into_iter().chain(ours.iter().map(String::as_str)).collect();
    let ours = site.ours(&words)?;
    if javas.outcome.exit != ours.outcome.exit {
        let (one, other) = (&javas.outcome, &ours.outcome);
        return Err(io::Error::other(format!("{args:?}:\nJava: {one:?}\nours: {other:?}")));
    }
    Ok((javas, ours))
}

/// As [`both`] for a job with an input: it succeeds, with the same files as output and the same counters.
fn same(site: &mut JobSite, name: &str, input: &str, args: &[&str]) -> io::Result<JobEnd> {
    // Generic options stand before all others.
    let generic = ["-D", "-files", "-archives"];
    let is_generic = |pair: &&[&str]| pair.first().is_some_and(|word| generic.contains(word));
    let (head, tail) = args.split_at(2 * args.chunks(2).take_while(is_generic).count());
    let middle = ["-input", input, "-output", "OUT"];
    let all: Vec<&str> = head.iter().chain(&middle).chain(tail).copied().collect();
    let (javas, ours) = both(site, &all, name)?;
    if javas.outcome.exit != 0 {
        return Err(io::Error::other(format!("{name}: {:?}\n{:?}", javas.outcome, ours.outcome)));
    }
    let named = |e| io::Error::other(format!("{name}: {e}"));
    site.same_files(&format!("/java/{name}"), &format!("/ours/{name}")).map_err(named)?;
    same_counters(&javas, &ours, &COUNTERS).map_err(named)?;
    Ok(ours)
}

/// The jobs of `streams/jobs.txt`.
fn plain_jobs(site: &mut JobSite) -> io::Result<()> {
    let root = site.path("").display().to_string();
    let text = include_str!("../../streams/jobs.txt");
    let mut failed = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let line = split(line).into_iter().map(|word| match word.as_str() {
            "{sort}" => SORT.to_owned(),
            "{print}" => PRINT.to_owned(),
            _ => word.replace("{root}/", &root),
        });
        let line: Vec<String> = line.collect();
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        let [name, input, args @ ..] = words.as_slice() else { continue };
        failed.extend(same(site, name, input, args).err().map(|error| error.to_string()));
    }
    if failed.is_empty() { Ok(()) } else { Err(io::Error::other(failed.join("\n"))) }
}

fn bytes(site: &mut JobSite) -> io::Result<()> {
    let args = [
        "-io",
        "typedbytes",
        "-mapper",
        "python3 ROOT/program.py map",
        "-reducer",
        "python3 ROOT/program.py reduce",
        "-numReduceTasks",
        "2",
    ];
    // As it is on disk, with other classes in the header than text.
    let sequence = "org.apache.hadoop.mapred.SequenceFileOutputFormat";
    let (_, _) = both(
        site,
        &[&["-input", "/in/text", "-output", "OUT", "-outputformat", sequence], &args[..]].concat(),
        "typed-seq",
    )?;
    site.same_records("/java/typed-seq", "/ours/typed-seq")?;
    let back = [
        "-inputformat",
        "SequenceFileInputFormat",
        "-io",
        "typedbytes",
        "-mapper",
        "cat",
        "-numReduceTasks",
        "0",
    ];
    same(site, "typed-back", "/java/typed-seq", &back)?;
    for file in ["/java/typed-seq/part-00000", "/in/fields"] {
        let (javas, ours) = both(site, &["dumptb", file], "")?;
        differ("dumptb", &javas.outcome.stdout, &ours.outcome.stdout)?;
    }
    let raw = [
        "-io",
        "rawbytes",
        "-mapper",
        "python3 ROOT/program.py raw",
        "-reducer",
        "python3 ROOT/program.py raw",
        "-outputformat",
        sequence,
    ];
    let whole = [&["-input", "/in/text", "-output", "OUT"], &raw[..]].concat();
    both(site, &whole, "raw")?;
    site.same_record_sets("/java/raw", "/ours/raw")?;
    let text =
        ["-inputformat", "SequenceFileAsTextInputFormat", "-mapper", "cat", "-reducer", "cat"];
    same(site, "as-text", "/java/raw", &text).map(drop)
}

/// Files that are made late.
fn late_files(site: &mut JobSite) -> io::Result<()> {
    let lazy = [
        "-lazyOutput",
        "-mapper",
        "cat",
        "-reducer",
        "sh -c 'grep word16; true'",
        "-numReduceTasks",
        "3",
    ];
    // Java counts no bytes of them.
    let (javas, ours) =
        both(site, &[&["-input", "/in/text", "-output", "OUT"], &lazy[..]].concat(), "lazy")?;
    site.same_files("/java/lazy", "/ours/lazy")?;
    let most: Vec<&str> = COUNTERS.into_iter().filter(|name| *name != "Bytes Written").collect();
    same_counters(&javas, &ours, &most)
}

fn combiners(site: &mut JobSite) -> io::Result<()> {
    let combined = ["-mapper", "tr ' ' '\\n'", "-combiner", "uniq", "-reducer", "uniq -c"];
    let end = same(site, "combiner", "/in/text", &combined)?;
    if end.counters.get("Combine input records").copied().unwrap_or(0) == 0 {
        return Err(io::Error::other(format!("nothing was combined: {:?}", end.counters)));
    }
    Ok(())
}

fn other_options(site: &mut JobSite) -> io::Result<()> {
    let end = same(
        site,
        "verbose",
        "/in/text",
        &["-verbose", "-debug", "-mapper", "cat", "-reducer", "cat"],
    )?;
    for line in [
        "STREAM: cmd=cat",
        "STREAM: ==== JobConf properties:",
        "STREAM: stream.map.streamprocessor=cat",
    ] {
        if !end.outcome.stdout.lines().any(|own| own == line) {
            return Err(io::Error::other(format!("no {line:?} in {}", end.outcome.stdout)));
        }
    }
    let counted =
        "sh -c 'echo reporter:counter:mine,seen,5 >&2; echo reporter:status:well >&2; cat'";
    let (javas, ours) = both(
        site,
        &["-input", "/in/text", "-output", "OUT", "-mapper", counted, "-numReduceTasks", "0"],
        "reporter",
    )?;
    same_counters(&javas, &ours, &["seen"])?;
    let prefix = ["-D", "stream.stderr.reporter.prefix=me:"];
    let counted =
        "sh -c 'echo me:counter:mine,other,2 >&2; echo reporter:counter:mine,none,5 >&2; cat'";
    let args = ["-input", "/in/text", "-output", "OUT", "-mapper", counted, "-numReduceTasks", "0"];
    let (javas, ours) = both(site, &[&prefix[..], &args].concat(), "prefix")?;
    same_counters(&javas, &ours, &["other", "none"])?;
    if !ours.counters.contains_key("other") {
        return Err(io::Error::other(format!("{:?}", ours.counters)));
    }
    let jars = [
        "mapred",
        "streaming",
        "-libjars",
        "mine.jar",
        "-input",
        "/in/text",
        "-output",
        "/ours/jars",
    ];
    let end = site.ours(&[&jars[..], &["-mapper", "my.Mapper"]].concat())?;
    if end.outcome.exit == 0 || !end.outcome.stderr.contains("-libjars mine.jar") {
        return Err(io::Error::other(format!("{:?}", end.outcome)));
    }
    for word in ["-help", "-info"] {
        let (javas, ours) = both(site, &[word], "")?;
        // The texts are our own; the options they name are not.
        for option in javas.outcome.stdout.split_whitespace().filter(|word| word.starts_with('-')) {
            let name: String =
                option.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
            // Refused by name.
            if name.len() > 3 && name != "-libjars" && !ours.outcome.stdout.contains(&name) {
                return Err(io::Error::other(format!("{word} does not tell of {name}")));
            }
        }
    }
    Ok(())
}

fn failing(site: &mut JobSite) -> io::Result<()> {
    let job = |mapper: &'static str| {
        ["-input", "/in/text", "-output", "OUT", "-mapper", mapper, "-reducer", "cat"]
    };
    for (name, mapper) in [
        ("exits", "sh -c 'cat; exit 3'"),
        ("no-such", "no-such-program-anywhere"),
        ("stops-reading", "false"),
    ] {
        let (javas, _) = both(site, &job(mapper), name)?;
        if javas.outcome.exit != 1 {
            return Err(io::Error::other(format!("{name}: {:?}", javas.outcome)));
        }
    }
    Ok(())
}

/// Command lines that nobody can run: the same exit code, and the complaint on the same stream.
fn wrong(site: &mut JobSite) -> io::Result<()> {
    let (input, output) = (["-input", "/in/text"], ["-output", "OUT"]);
    let good = [input, output].concat();
    let with =
        |more: &[&'static str]| -> Vec<&'static str> { good.iter().chain(more).copied().collect() };
    let lines: Vec<Vec<&str>> = vec![
        vec![],
        vec!["-output", "OUT"],
        vec!["-input", "/in/text"],
        with(&["stray"]),
        with(&["-mapper", "cat", "stray", "words"]),
        with(&["-inputformat", "my.Format"]),
        with(&["-outputformat", "my.Format"]),
        with(&["-partitioner", "my.Partitioner"]),
        with(&["-inputreader", "my.Reader,a=b"]),
        with(&["-cacheFile", "/cache/side.txt#a", "-cacheFile", "/cache/side.txt#a"]),
        vec!["-input", "/nothing", "-output", "OUT", "-mapper", "cat"],
        vec!["-input", "/in/text", "-output", "/in", "-mapper", "cat"],
        with(&["-unknown", "x"]),
        with(&["-mapper"]),
        vec!["streamjob", "-input", "/in/text"],
        vec!["dumptb"],
        vec!["loadtb"],
        vec!["-file", "no-such-file", "-input", "/in/text", "-output", "OUT", "-mapper", "cat"],
    ];
    let mut wrong = Vec::new();
    for line in &lines {
        match both(site, line, "wrong") {
            Ok((javas, ours)) => {
                // What Java says goes to standard error where it is no line of its log; one sentence is our own.
                let is_own = |line: &str| line.starts_with("You need to specify the uris");
                let lines = javas.outcome.stderr.lines();
                let said: Vec<&str> = lines.filter(|l| !l.is_empty() && !is_own(l)).collect();
                let missing: Vec<&&str> = said
                    .iter()
                    .filter(|line| !line.starts_with('\t') && !ours.outcome.stderr.contains(**line))
                    .collect();
                if !missing.is_empty() {
                    wrong.push(format!(
                        "{line:?}: not said: {missing:?}, but {}",
                        ours.outcome.stderr
                    ));
                }
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(io::Error::other(wrong.join("\n"))) }
}
