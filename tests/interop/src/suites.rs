//! Tests that Hadoop's and other projects' authors wrote for their own software, run on our daemons.
//!
//! Hadoop's JUnit classes find `suites/org/apache/hadoop/hdfs/MiniDFSCluster.java` in place of the
//! class of that name, and so start processes of ours; `DaemonViews.java` beside it answers for the
//! daemons' objects what those processes tell.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{hadoop, loxodon, repository};

/// How one test of a JUnit class went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// `PASSED`, `FAILED` or `SKIPPED`.
    pub outcome: String,
    /// Class, below `org.apache.hadoop`.
    pub class: String,
    /// The method, with its parameters where it has any; `(class)` for what is around the tests.
    pub test: String,
    /// What the JUnit engine said, with the stack.
    pub why: String,
}

impl TestResult {
    /// Whether the test asks the stand-in for something that only a cluster within its JVM has.
    pub fn reaches_into_daemons(&self) -> bool {
        let first = self.why.lines().next().unwrap_or_default();
        // The error about a field does not say whose it is.
        first.starts_with("java.lang.NoSuchFieldError")
            || first.starts_with("java.lang.NoSuchMethodError") && first.contains("MiniDFSCluster")
    }
}

/// Whose tests are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// Hadoop's own.
    Hadoop,
    /// HBase, whose writer of logs speaks to DataNodes by itself.
    HBase,
}

/// Runs JUnit classes of one author, named below `org.apache.hadoop`, in one JVM with `root` as its place;
/// but not the methods of `without`, each with its class.
///
/// # Errors
/// Where Hadoop could not be fetched, or the JVM ended in another way than by itself.
pub fn junit(
    root: &Path,
    author: Author,
    classes: &[&str],
    without: &[(&str, &str)],
) -> io::Result<Vec<TestResult>> {
    let mut class_path = class_path()?;
    if author == Author::HBase {
        let jars = hadoop::jars(&repository().join("tests/interop/hbase"), "hbase")?;
        class_path = format!("{class_path}:{}/*", jars.display());
    }
    let log = fs::File::create(root.join("suites.log"))?;
    let data = root.join("cache");
    unpack_test_data(&data)?;
    let without: Vec<String> =
        without.iter().map(|(class, test)| format!("org.apache.hadoop.{class}#{test}")).collect();
    let output = java()
        .arg("--add-opens=java.base/java.util=ALL-UNNAMED")
        .arg(format!("-Dloxodon.program={}", loxodon::program()?.display()))
        .arg(format!("-Dloxodon.ports={}", ports()))
        .arg(format!("-Dloxodon.without={}", without.join(",")))
        .arg(format!("-Dtest.build.data={}", root.join("data").display()))
        .arg(format!("-Dtest.cache.data={}", data.display()))
        .arg(format!("-Dhadoop.log.dir={}", root.display()))
        .args(["-cp", &class_path, "SuiteRunner"])
        .args(classes.iter().map(|class| format!("org.apache.hadoop.{class}")))
        .env("HADOOP_LOG_DIR", root)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(log)
        .output()?;
    fs::write(root.join("suites.out"), &output.stdout)?;
    if !output.status.success() {
        return Err(io::Error::other(format!("SuiteRunner ended with {}", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(parse).collect()
}

/// The first of a JVM's own 1,600 ports, below those that the system gives to outgoing connections: enough for the
/// second turns of all tests besides.
fn ports() -> u32 {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    12_000 + STARTED.fetch_add(1, Ordering::Relaxed) % 12 * 1_600
}

fn parse(line: &str) -> io::Result<TestResult> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [outcome, class, test, _milliseconds, why] = fields.as_slice() else {
        return Err(io::Error::other(format!("SuiteRunner printed {line:?}")));
    };
    let test = test.split(' ').next().unwrap_or_default();
    Ok(TestResult {
        outcome: (*outcome).to_owned(),
        class: class.trim_start_matches("org.apache.hadoop.").to_owned(),
        test: test.trim_end_matches("()").to_owned(),
        why: why.replace("\\n", "\n"),
    })
}

/// Runs a main class of Hadoop's on the configuration in `conf`; what it printed.
///
/// # Errors
/// Where it fails: all it said.
pub fn program(conf: &Path, root: &Path, class: &str, args: &[&str]) -> io::Result<String> {
    let output = java()
        .arg(format!("-Dhadoop.tmp.dir={}", root.join("tmp").display()))
        .arg(format!("-Dtest.build.data=/benchmarks/{}", class.rsplit('.').next().unwrap_or(class)))
        .args(["-cp", &format!("{}:{}", conf.display(), class_path()?), class])
        .args(args)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let command = args.join(" ");
    Err(io::Error::other(format!("{class} {command}: {}\n{printed}\n{errors}", output.status)))
}

fn java() -> Command {
    let mut java = Command::new("java");
    java.args(["-Xmx700m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg("--add-opens=java.base/java.lang=ALL-UNNAMED");
    java
}

/// Our stand-ins, Hadoop's tests, its jobs and its jars: the first that has a class gives it.
///
/// # Errors
/// Where Maven or `javac` is missing or fails: what they printed.
pub fn class_path() -> io::Result<String> {
    let hadoop = hadoop::class_path()?;
    let cache = hadoop::cache()?;
    let (jars, classes) = (cache.join("suite-jars"), cache.join("suite-classes"));
    let _lock = hadoop::lock()?;
    let pom = source("pom.xml");
    if !cache.join("suites-complete").exists() || newer(&pom, &cache.join("suites-complete")) {
        hadoop::run(
            Command::new("mvn")
                .args(["-q", "-B", "dependency:copy-dependencies", "-DexcludeTransitive=true"])
                .arg(format!("-DoutputDirectory={}", jars.display()))
                .current_dir(source("")),
        )?;
        fs::write(cache.join("suites-complete"), "")?;
    }
    let sources = [
        "SuiteRunner.java",
        "org/apache/hadoop/hdfs/MiniDFSCluster.java",
        "org/apache/hadoop/hdfs/DaemonViews.java",
        "org/apache/hadoop/hdfs/server/namenode/InodeViews.java",
    ]
    .map(source);
    if sources.iter().any(|path| newer(path, &classes.join("SuiteRunner.class"))) {
        hadoop::run(
            Command::new("javac")
                .args(["-nowarn", "-cp", &format!("{}/*:{hadoop}", jars.display()), "-d"])
                .arg(&classes)
                .args(&sources),
        )?;
    }
    Ok(format!("{}:{}/*:{hadoop}", classes.display(), jars.display()))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("suites").join(name)
}

/// Whether `path` was changed after `built` was made.
fn newer(path: &Path, built: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    changed(built).is_none_or(|built| changed(path).is_none_or(|path| path > built))
}

/// Files that some of Hadoop's tests read from `test.cache.data`; `jar` is at hand with every JDK.
fn unpack_test_data(into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    let archive = hadoop::cache()?.join("suite-jars/hadoop-hdfs-3.5.0-test-sources.jar");
    hadoop::run(Command::new("jar").arg("xf").arg(archive).current_dir(into))
}

/// The folder of a Go module of exactly this version, fetched where missing. It is read-only.
///
/// # Errors
/// Where Go is missing or fails: what it printed.
pub fn go_module(module: &str, version: &str) -> io::Result<PathBuf> {
    let cache = repository().join(".cache/go");
    fs::create_dir_all(&cache)?;
    let cache = cache.canonicalize()?;
    let output = Command::new("go")
        .args(["mod", "download", "-json", &format!("{module}@{version}")])
        .env("GOMODCACHE", cache.join("modules"))
        .env("GOFLAGS", "-mod=mod")
        .current_dir(&cache)
        .output()
        .map_err(|e| io::Error::new(e.kind(), format!("go: {e}")))?;
    let folder = cache.join("modules").join(format!("{module}@{version}"));
    if output.status.success() && folder.is_dir() {
        return Ok(folder);
    }
    let (text, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(io::Error::other(format!("go mod download {module}@{version}:\n{text}\n{errors}")))
}
