//! The Java Hadoop to test against: fetched once by Maven into `.cache/`, compiled helpers beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::repository;

/// The class path with Hadoop's jars and the compiled `java/*.java`, fetched and built where missing.
///
/// # Errors
/// Where Maven or `javac` is missing or fails: what they printed.
pub fn class_path() -> io::Result<&'static str> {
    static CLASS_PATH: OnceLock<Result<String, String>> = OnceLock::new();
    CLASS_PATH
        .get_or_init(|| prepare().map_err(|e| e.to_string()))
        .as_deref()
        .map_err(|e| io::Error::other(e.clone()))
}

/// The archive with the sources and resources of HDFS's own tests, fetched where missing. It is not
/// on the class path: its configuration files are for those tests alone.
///
/// # Errors
/// Where Maven is missing or fails: what it printed.
pub fn hdfs_test_sources() -> io::Result<PathBuf> {
    let cache = cache()?;
    let _lock = lock()?;
    let archive = cache.join("hadoop-hdfs-3.5.0-test-sources.jar");
    if !archive.exists() {
        run(Command::new("mvn")
            .args(["-q", "-B", "dependency:copy"])
            .arg("-Dartifact=org.apache.hadoop:hadoop-hdfs:3.5.0:jar:test-sources")
            .arg(format!("-DoutputDirectory={}", cache.display()))
            .current_dir(env!("CARGO_MANIFEST_DIR")))?;
    }
    Ok(archive)
}

/// Jars beside those of `pom.xml`, without what they depend on (artifact and file): one that Hadoop uses where it is
/// there and does not bring, and MapReduce's own classes and programs (the newest that are published).
const FURTHER_JARS: [(&str, &str); 10] = [
    ("org.lz4:lz4-java:1.7.1", "lz4-java-1.7.1.jar"),
    (
        "org.apache.hadoop:hadoop-mapreduce-client-core:3.5.0",
        "hadoop-mapreduce-client-core-3.5.0.jar",
    ),
    (
        "org.apache.hadoop:hadoop-mapreduce-client-common:3.5.0",
        "hadoop-mapreduce-client-common-3.5.0.jar",
    ),
    (
        "org.apache.hadoop:hadoop-mapreduce-client-jobclient:3.5.0",
        "hadoop-mapreduce-client-jobclient-3.5.0.jar",
    ),
    ("org.apache.hadoop:hadoop-mapreduce-client-hs:3.5.0", "hadoop-mapreduce-client-hs-3.5.0.jar"),
    ("org.codehaus.jettison:jettison:1.5.4", "jettison-1.5.4.jar"),
    ("org.apache.hadoop:hadoop-mapreduce-examples:3.4.2", "hadoop-mapreduce-examples-3.4.2.jar"),
    ("org.apache.hadoop:hadoop-streaming:3.4.2", "hadoop-streaming-3.4.2.jar"),
    ("org.apache.hadoop:hadoop-yarn-api:3.5.0", "hadoop-yarn-api-3.5.0.jar"),
    ("org.apache.hadoop:hadoop-yarn-common:3.5.0", "hadoop-yarn-common-3.5.0.jar"),
];

/// The jars that the `pom.xml` in `folder` names, with all that they depend on: fetched once into `name` of the cache.
///
/// # Errors
/// Where Maven is missing or fails: what it printed.
pub fn jars(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let (jars, complete) = (cache()?.join(name), cache()?.join(format!("{name}-complete")));
    let _lock = lock()?;
    if !complete.exists() {
        run(Command::new("mvn")
            .args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(format!("-DoutputDirectory={}", jars.display()))
            .current_dir(folder))?;
        fs::write(&complete, "")?;
    }
    Ok(jars)
}

/// Compiles Java sources against `class_path`; the folder of the classes, `name` of the cache.
///
/// # Errors
/// Where `javac` is missing or fails: what it printed.
pub fn classes(sources: &[PathBuf], class_path: &str, name: &str) -> io::Result<PathBuf> {
    let classes = cache()?.join(name);
    let _lock = lock()?;
    run(Command::new("javac")
        .args(["-nowarn", "-cp", class_path, "-d"])
        .arg(&classes)
        .args(sources))?;
    Ok(classes)
}

/// Where what was fetched and compiled is kept.
pub(crate) fn cache() -> io::Result<PathBuf> {
    let cache = repository().join(".cache/hadoop-3.5.0");
    fs::create_dir_all(&cache)?;
    cache.canonicalize()
}

/// Keeps other tests from filling the cache at the same time, until it is dropped.
pub(crate) fn lock() -> io::Result<fs::File> {
    let lock = fs::File::create(cache()?.join("lock"))?;
    lock.lock()?;
    Ok(lock)
}

fn prepare() -> io::Result<String> {
    let cache = cache()?;
    let _lock = lock()?;
    let jars = cache.join("jars");
    if !cache.join("complete").exists() {
        fetch(&jars)?;
        fs::write(cache.join("complete"), "")?;
    }
    // A copy that was broken off is not taken for a jar.
    let coming = cache.join("coming");
    for (artifact, file) in FURTHER_JARS {
        if !jars.join(file).exists() {
            run(Command::new("mvn")
                .args(["-q", "-B", "dependency:copy"])
                .arg(format!("-Dartifact={artifact}"))
                .arg(format!("-DoutputDirectory={}", coming.display()))
                .current_dir(env!("CARGO_MANIFEST_DIR")))?;
            fs::rename(coming.join(file), jars.join(file))?;
        }
    }
    let classes = cache.join("classes");
    compile(&jars, &classes)?;
    Ok(format!("{}:{}/*", classes.display(), jars.display()))
}

fn fetch(jars: &Path) -> io::Result<()> {
    run(Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg(format!("-DoutputDirectory={}", jars.canonicalize().unwrap_or(jars.into()).display()))
        .current_dir(env!("CARGO_MANIFEST_DIR")))
}

fn compile(jars: &Path, classes: &Path) -> io::Result<()> {
    let sources = sources()?;
    let newest = |paths: &[PathBuf]| {
        paths.iter().filter_map(|p| fs::metadata(p).and_then(|m| m.modified()).ok()).max()
    };
    let built = newest(&[classes.join("JavaHost.class")]);
    if built.is_some() && built >= newest(&sources) {
        return Ok(());
    }
    run(Command::new("javac")
        .args(["-nowarn", "-cp"])
        .arg(format!("{}/*", jars.display()))
        .arg("-d")
        .arg(classes)
        .args(sources))?;
    // The jars lack the daemons' pages; HttpServer2 insists on the folders.
    for pages in ["hdfs", "datanode", "secondary", "journal"] {
        fs::create_dir_all(classes.join("webapps").join(pages))?;
    }
    Ok(())
}

fn sources() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("java"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "java") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Runs a tool to its end.
///
/// # Errors
/// Where it fails: what it printed.
pub(crate) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output().map_err(|e| {
        io::Error::new(e.kind(), format!("{}: {e}", command.get_program().display()))
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}
