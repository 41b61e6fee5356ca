//! Programs that others wrote for Hadoop, on a cluster of ours: the Go client's own tests and its
//! command line, MapReduce jobs, benchmarks and DistCp.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use loxodon_interop::cluster::Maker::{Java, Loxodon};
use loxodon_interop::cluster::{Cluster, in_fresh_directory};
use loxodon_interop::{loxodon, suites};

/// The Go client and its version.
const GO_CLIENT: (&str, &str) = ("github.com/colinmarc/hdfs/v2", "v2.4.0");
/// Its tests that need what is not there yet.
const GO_SKIPPED: &str = "TestAllowSnapshot|TestDisallowSnapshot|TestSnapshot|TestDeleteSnapshot";
/// Those that fail where an answer takes 100 or 200 ms by the client's clock: a machine that was busy has more turns.
const GO_HURRIED: &str = "TestFileReadDeadline|TestFileChecksumDeadline|TestFileWriteDeadline|\
    TestFileAppendDeadline|TestDigestMD5Conn";
const GO_TURNS: usize = 3;

#[test]
fn go_client() {
    in_fresh_directory(|root| {
        let source = suites::go_module(GO_CLIENT.0, GO_CLIENT.1)?;
        let mut cluster = Cluster::start(root, Loxodon, &[Loxodon, Loxodon, Loxodon])?;
        // What the tests read is put by the client's own script, with our `hadoop`.
        let bin = root.join("bin");
        fs::create_dir(&bin)?;
        std::os::unix::fs::symlink(loxodon::program()?, bin.join("hadoop"))?;
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let within = |program: &str, args: &[&str]| {
            let output = Command::new(program)
                .args(args)
                .env("PATH", &path)
                .env("HADOOP_CONF_DIR", cluster.site().conf())
                .env("GOFLAGS", "-buildvcs=false")
                .current_dir(&source)
                .stdin(Stdio::null())
                .output()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.success() {
                true => Ok(text),
                false => Err(io::Error::other(format!("{program} {args:?}:\n{text}\n{errors}"))),
            }
        };
        within("bash", &[".github/scripts/fixtures.sh"])?;
        let others = format!("^({GO_SKIPPED}|{GO_HURRIED})$");
        let hurried = format!("^({GO_HURRIED})$");
        let test = |which: &str, names: &str| {
            let args =
                ["test", "-v", "-count=1", "-timeout=900s", which, names, ".", "./internal/..."];
            within("go", &args)
        };
        let mut printed = test("-skip", &others)?;
        let mut turns = (1..GO_TURNS).map(|_| test("-run", &hurried));
        printed += &turns.find_map(Result::ok).map_or_else(|| test("-run", &hurried), Ok)?;
        let passed =
            printed.lines().filter(|line| line.trim_start().starts_with("--- PASS")).count();
        if passed < 130 {
            return Err(io::Error::other(format!("only {passed} tests were run:\n{printed}")));
        }
        cluster.all_alive()
    });
}

#[test]
fn mapreduce_jobs() {
    in_fresh_directory(|root| {
        // The last benchmark's DataNodes say only once that they live.
        let patient = [("dfs.namenode.heartbeat.recheck-interval", "600000")];
        let mut cluster = Cluster::start_with(root, Loxodon, &[Loxodon, Loxodon], &patient)?;
        let conf = cluster.site().conf();
        let job = |class: &str, args: &[&str]| {
            let done = suites::program(&conf, root, class, args);
            done.map_err(|e| io::Error::other(format!("{class} {args:?}: {e}")))
        };
        let example = |args: &[&str]| job("org.apache.hadoop.examples.ExampleDriver", args);
        fs::write(root.join("words"), "to be or not to be\n".repeat(1000))?;
        let words = root.join("words").display().to_string();
        cluster.ours(&["dfs", "-put", &words, "/words"])?.succeeded()?;
        example(&["wordcount", "-D", "mapreduce.job.reduces=2", "/words", "/counted"])?;
        let counted = cluster.ours(&["dfs", "-cat", "/counted/part-r-*"])?.succeeded()?;
        let mut lines: Vec<&str> = counted.lines().collect();
        lines.sort_unstable();
        wanted(lines == ["be\t2000", "not\t1000", "or\t1000", "to\t2000"], "wordcount", &counted)?;
        example(&["teragen", "-D", "mapreduce.job.maps=2", "100000", "/gen"])?;
        example(&["terasort", "/gen", "/sorted"])?;
        example(&["teravalidate", "/sorted", "/validated"])?;
        let report = cluster.ours(&["dfs", "-cat", "/validated/*"])?.succeeded()?;
        wanted(report.starts_with("checksum\t") && report.lines().count() == 1, "sort", &report)?;
        let pi = example(&["pi", "2", "1000"])?;
        wanted(pi.contains("Estimated value of Pi is 3.14"), "pi", &pi)?;
        for direction in ["-write", "-read", "-append", "-truncate"] {
            job("org.apache.hadoop.fs.TestDFSIO", &[direction, "-nrFiles", "2", "-size", "4MB"])?;
        }
        for operation in ["create_write", "open_read", "delete"] {
            let few = ["-maps", "2", "-numberOfFiles", "10", "-startTime", "1"];
            let small = ["-blockSize", "1024", "-bytesToWrite", "100", "-bytesPerChecksum", "512"];
            let args = [&["-operation", operation][..], &few, &small].concat();
            job("org.apache.hadoop.hdfs.NNBench", &args)?;
        }
        // It registers DataNodes that are none, which keeps the cluster from being used for anything else.
        let uri = cluster.site().uri();
        let benchmark = "org.apache.hadoop.hdfs.server.namenode.NNThroughputBenchmark";
        job(benchmark, &["-D", "dfs.blocksize=1024", "-fs", &uri, "-op", "all"])?;
        cluster.all_alive()
    });
}

/// Each side's NameNode is source and target once; DistCp compares checksums itself.
#[test]
fn distcp_between_java_and_us() {
    in_fresh_directory(|root| {
        let (ours_at, javas_at) = (root.join("ours"), root.join("javas"));
        fs::create_dir(&ours_at)?;
        fs::create_dir(&javas_at)?;
        let ours = Cluster::start(&ours_at, Loxodon, &[Loxodon])?;
        let mut javas = Cluster::start(&javas_at, Java, &[Java])?;
        let content: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
        fs::write(root.join("large"), &content)?;
        let large = root.join("large").display().to_string();
        ours.ours(&["dfs", "-mkdir", "-p", "/from/sub"])?.succeeded()?;
        ours.ours(&["dfs", "-D", "dfs.blocksize=1048576", "-put", &large, "/from/large"])?
            .succeeded()?;
        ours.ours(&["dfs", "-touchz", "/from/sub/empty"])?.succeeded()?;
        let (ours_uri, javas_uri) = (ours.site().uri(), javas.site().uri());
        let copy = |from: &str, to: &str| {
            let args = ["-pbugpt", "-update", from, to];
            suites::program(&ours.site().conf(), root, "org.apache.hadoop.tools.DistCp", &args)
        };
        copy(&format!("{ours_uri}/from"), &format!("{javas_uri}/copy"))?;
        copy(&format!("{javas_uri}/copy"), &format!("{ours_uri}/back"))?;
        // Nothing is left to copy.
        copy(&format!("{ours_uri}/from"), &format!("{ours_uri}/back"))?;
        let there = javas.java("dfs", &["-cat", "/copy/large"])?.succeeded()?;
        let back = ours.ours(&["dfs", "-cat", "/back/large"])?.succeeded()?;
        wanted(there == content && back == content, "the bytes", "they differ")?;
        let shown = ours
            .ours(&["dfs", "-stat", "%o %b %n", "/back/large", "/back/sub/empty"])?
            .succeeded()?;
        wanted(
            shown == format!("1048576 {} large\n134217728 0 empty\n", content.len()),
            "status",
            &shown,
        )
    });
}

fn wanted(holds: bool, what: &str, found: &str) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::Error::other(format!("{what}: {found}"))) }
}

/// Its command line's tests are shell scripts for `bats`, which `./test` installs.
#[test]
fn go_command_line() {
    in_fresh_directory(|root| {
        let source = suites::go_module(GO_CLIENT.0, GO_CLIENT.1)?;
        let copy = root.join("go");
        run(Command::new("cp").arg("-r").arg(&source).arg(&copy))?;
        run(Command::new("chmod").args(["-R", "u+w"]).arg(&copy))?;
        run(Command::new("go")
            .args(["build", "-buildvcs=false", "./cmd/hdfs"])
            .current_dir(&copy))?;
        let cluster = Cluster::start(root, Loxodon, &[Loxodon])?;
        let bin = root.join("bin");
        fs::create_dir(&bin)?;
        std::os::unix::fs::symlink(loxodon::program()?, bin.join("hadoop"))?;
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let tests: Vec<_> = bats_files(&copy.join("cmd/hdfs/test"))?;
        let prepared = |program: &str| {
            let mut command = Command::new(program);
            command
                .env("PATH", &path)
                .env("HADOOP_CONF_DIR", cluster.site().conf())
                .current_dir(&copy);
            command
        };
        run(prepared("bash").arg(".github/scripts/fixtures.sh"))?;
        run(prepared("bats").args(&tests))
    });
}

fn bats_files(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "bats") {
            files.push(path);
        }
    }
    wanted(files.len() > 10, "the Go client's scripts", &format!("{files:?}"))?;
    Ok(files)
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| {
        io::Error::new(e.kind(), format!("{}: {e}", command.get_program().display()))
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    wanted(output.status.success(), &format!("{command:?}"), &format!("{text}\n{errors}"))
}
