//! The jobs, their inputs, and the command lines by which each runner runs them.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use loxodon_interop::{hadoop, repository, yarn};

use super::text;
use crate::Result;
use crate::daemon::{Maker, release_program};

/// Bytes of a row of `TeraGen`.
const ROW: u64 = 100;

/// Who runs a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// Hadoop's daemons on one machine.
    Yarn,
    /// Hadoop's local runner.
    HadoopLocal,
    /// Spark in local mode.
    Spark,
    /// Our daemons on one machine.
    Cluster,
    /// One process of ours.
    Local,
}

/// Those that are one process.
pub(super) const LOCAL_RUNNERS: [Runner; 3] = [Runner::Local, Runner::HadoopLocal, Runner::Spark];

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    OneWord,
    WordCount,
    Streaming,
    TeraSort,
}

/// A job of a size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    kind: Kind,
    megabytes: u64,
}

/// Files that the jobs read, by kind and megabytes.
pub(super) struct Input {
    root: PathBuf,
}

/// Where a job reads and writes.
pub(super) struct Place<'a> {
    /// The cluster's configuration; without one, the job stays in its process.
    pub(super) conf: Option<PathBuf>,
    pub(super) input: PathBuf,
    pub(super) output: PathBuf,
    /// Temporary files go below it.
    pub(super) root: &'a Path,
}

impl Job {
    /// One word, to see what a job costs by itself; then larger ones.
    pub(super) fn all(large: u64, streamed: u64) -> Vec<Self> {
        let mut jobs = vec![Self { kind: Kind::OneWord, megabytes: 0 }];
        jobs.push(Self { kind: Kind::WordCount, megabytes: streamed });
        if large != streamed {
            jobs.push(Self { kind: Kind::WordCount, megabytes: large });
        }
        jobs.push(Self { kind: Kind::Streaming, megabytes: streamed });
        jobs.push(Self { kind: Kind::TeraSort, megabytes: large });
        jobs
    }

    /// A name for files.
    pub(super) fn id(&self) -> String {
        format!("{:?}-{}", self.kind, self.megabytes)
    }

    pub(super) fn title(&self) -> String {
        match self.kind {
            Kind::OneWord => "a job of one word".to_owned(),
            Kind::WordCount => format!("WordCount of {} MB", self.megabytes),
            Kind::Streaming => format!("the same of {} MB with awk, by streaming", self.megabytes),
            Kind::TeraSort => format!("TeraSort of {} MB", self.megabytes),
        }
    }

    /// Whether this runner's output is the same as Hadoop's, byte for byte. Spark's words are in another order.
    pub(super) fn is_compared(&self, runner: Runner) -> bool {
        runner != Runner::Spark || self.kind == Kind::TeraSort
    }
}

impl Input {
    /// Writes texts of both sizes, and rows.
    pub(super) fn make(root: &Path, large: u64, streamed: u64) -> Result<Self> {
        let input = Self { root: root.to_owned() };
        fs::write(input.path(&Job { kind: Kind::OneWord, megabytes: 0 }), "word\n")?;
        for megabytes in [large, streamed] {
            text::write(&input.path(&Job { kind: Kind::WordCount, megabytes }), megabytes << 20)?;
        }
        let rows = input.path(&Job { kind: Kind::TeraSort, megabytes: large });
        let made = Command::new(release_program()?)
            .args(["hadoop", "jar", "hadoop-mapreduce-examples.jar", "teragen"])
            .args(["-D", "mapreduce.framework.name=local", "-D", "fs.defaultFS=file:///"])
            .args(["-D", "mapreduce.job.maps=1"])
            .arg(((large << 20) / ROW).to_string())
            .arg(&rows)
            .env_remove("HADOOP_CONF_DIR")
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
        }
        Ok(input)
    }

    /// The file or folder that a job reads.
    pub(super) fn path(&self, job: &Job) -> PathBuf {
        let of = match job.kind {
            Kind::Streaming => Kind::WordCount,
            kind => kind,
        };
        self.root.join(format!("input-{of:?}-{}", job.megabytes))
    }
}

impl Runner {
    pub(super) fn maker(self) -> Maker {
        match self {
            Self::Yarn | Self::HadoopLocal | Self::Spark => Maker::Java,
            Self::Cluster | Self::Local => Maker::Loxodon,
        }
    }

    /// Ours that is compared with it.
    pub(super) fn ours(self) -> Self {
        if matches!(self, Self::Yarn | Self::Cluster) { Self::Cluster } else { Self::Local }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Yarn => "Hadoop on YARN",
            Self::HadoopLocal => "Hadoop's local runner",
            Self::Spark => "Spark in local mode",
            Self::Cluster => "Loxodon's cluster",
            Self::Local => "Loxodon in one process",
        }
    }

    /// The command line; `None` where this runner has no such job.
    pub(super) fn command(self, job: &Job, place: &Place<'_>) -> Result<Option<Command>> {
        if self == Self::Spark {
            return spark(job, place);
        }
        let streams = job.kind == Kind::Streaming;
        let mut command = match self.maker() {
            Maker::Java => hadoop_command(place, streams)?,
            Maker::Loxodon => {
                let mut command = Command::new(release_program()?);
                match (streams, &place.conf) {
                    (true, _) => command.args(["mapred", "streaming"]),
                    (false, _) => command.args(["hadoop", "jar", "hadoop-mapreduce-examples.jar"]),
                };
                command
            }
        };
        match job.kind {
            Kind::OneWord | Kind::WordCount => command.arg("wordcount"),
            Kind::TeraSort => command.arg("terasort"),
            Kind::Streaming => &mut command,
        };
        match &place.conf {
            Some(conf) => command.env("HADOOP_CONF_DIR", conf),
            None => command
                .args(["-D", "mapreduce.framework.name=local", "-D", "fs.defaultFS=file:///", "-D"])
                .arg(format!("hadoop.tmp.dir={}", place.root.join(format!("{self:?}")).display()))
                .env_remove("HADOOP_CONF_DIR"),
        };
        let mut files: Vec<OsString> =
            vec![place.input.clone().into(), place.output.clone().into()];
        if streams {
            let output = files.split_off(1);
            files.insert(0, "-input".into());
            files.push("-output".into());
            files.extend(output);
            files.extend(["-mapper", MAPPER, "-reducer", REDUCER].map(OsString::from));
        }
        command.args(files).current_dir(place.root);
        Ok(Some(command))
    }
}

const MAPPER: &str =
    r#"awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print w "\t" n[w] }'"#;
const REDUCER: &str = r#"awk -F '\t' '{ if ($1 != w) { if (NR > 1) print w "\t" n; w = $1; n = 0 } n += $2 } END { print w "\t" n }'"#;

fn hadoop_command(place: &Place<'_>, streams: bool) -> Result<Command> {
    let jars = yarn::jars()?;
    let conf = place.conf.as_ref().map_or_else(String::new, |conf| format!("{}:", conf.display()));
    let mut java = Command::new("java");
    java.args(["-Xmx2g", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp"])
        .arg(format!("{conf}{}/*", jars.display()))
        .arg(if streams {
            "org.apache.hadoop.streaming.HadoopStreaming"
        } else {
            "org.apache.hadoop.examples.ExampleDriver"
        });
    Ok(java)
}

fn spark(job: &Job, place: &Place<'_>) -> Result<Option<Command>> {
    let name = match job.kind {
        Kind::OneWord | Kind::WordCount => "wordcount",
        Kind::TeraSort => "terasort",
        Kind::Streaming => return Ok(None),
    };
    let sources = repository().join("bench/java/spark");
    let jars = format!("{}/*", hadoop::jars(&sources, "bench-spark")?.display());
    let classes = hadoop::classes(&[sources.join("SparkJobs.java")], &jars, "bench-spark-classes")?;
    let mut java = Command::new("java");
    java.arg("-Xmx4g");
    for package in SPARK_OPENS {
        java.arg(format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
    }
    java.arg("-cp")
        .arg(format!("{}:{jars}", classes.display()))
        .args(["SparkJobs", name])
        .args([&place.input, &place.output])
        .env_remove("HADOOP_CONF_DIR")
        .current_dir(place.root);
    Ok(Some(java))
}

/// Packages that Spark reaches into (`JavaModuleOptions`).
const SPARK_OPENS: [&str; 9] = [
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "sun.nio.ch",
];

/// A digest of the parts of an output, one after the other as their names order them.
pub(super) fn digest(output: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(output)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("part-") {
            parts.push(entry.path());
        }
    }
    parts.sort();
    let mut hasher = DefaultHasher::new();
    let mut bytes = 0;
    let mut piece = vec![0; 1 << 20];
    for part in parts {
        let mut file = fs::File::open(part)?;
        loop {
            let count = file.read(&mut piece)?;
            if count == 0 {
                break;
            }
            bytes += count;
            piece.get(..count).into_iter().flatten().for_each(|byte| hasher.write_u8(*byte));
        }
    }
    Ok(format!("{bytes} bytes, {:016x}", hasher.finish()))
}
