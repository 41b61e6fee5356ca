//! Files of a job on a real HDFS: the file system that tasks see, input cut at block boundaries, output committed.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write};

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_mapreduce::error::ErrorKind;
use loxodon_mapreduce::fs::{CreateOptions, FileSystems};
use loxodon_mapreduce::input::{InputSplit, add_input_path, required_input_format};
use loxodon_mapreduce::io::writable::{Datum, Text, Writable};
use loxodon_mapreduce::job::{JobId, TaskKind};
use loxodon_mapreduce::output::required_output_format;
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};

const TEXT_INPUT: &str = "org.apache.hadoop.mapreduce.lib.input.TextInputFormat";
const TEXT_OUTPUT: &str = "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat";

/// Runs a body on a plain thread, as a task is one, beside a cluster.
fn with_cluster(body: impl FnOnce(&Configuration, &FileSystems) + Send + 'static) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings = vec![("dfs.namenode.fs-limits.min-block-size".into(), "1024".into())];
        let options =
            MiniClusterOptions { datanodes: 2, settings, ..MiniClusterOptions::default() };
        let cluster = MiniCluster::start(options).await.unwrap();
        let mut conf = cluster.conf().clone();
        conf.set("fs.defaultFS", &cluster.uri(), "test");
        let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
        let run = move || {
            let files = FileSystems::new(&conf, user).unwrap();
            body(&conf, &files);
        };
        tokio::task::spawn_blocking(run).await.unwrap();
        cluster.stop().await;
    });
}

fn lines(count: u32) -> Vec<u8> {
    (0..count)
        .flat_map(|n| format!("line {n} {}\n", "y".repeat(n as usize % 50)).into_bytes())
        .collect()
}

fn small_blocks() -> CreateOptions {
    CreateOptions { block_size: Some(64 << 10), ..CreateOptions::default() }
}

#[test]
fn a_file_system_for_tasks() {
    with_cluster(|_, files| {
        let fs = files.default_fs().unwrap();
        let path = files.path("/d/e/file").unwrap();
        let bytes = lines(200_000);
        fs.write_all(&path, &bytes, small_blocks()).unwrap();
        assert!(fs.read_all(&path, 1 << 30).unwrap() == bytes);
        assert!(fs.read_all(&path, 10).is_err());
        // From anywhere, forwards and backwards, while a task reads ahead and after.
        let mut stream = fs.open(&path, Some(3_000_000)).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..60 {
            let at = random.usize(0..bytes.len());
            let length = random.usize(0..(bytes.len() - at).min(900_000) + 1);
            stream.seek(at as u64).unwrap();
            let mut found = vec![0; length];
            stream.read_exact(&mut found).unwrap();
            assert!(found == bytes[at..at + length], "{length} at {at}");
            assert_eq!(stream.position(), (at + length) as u64);
        }
        assert!(stream.seek(bytes.len() as u64 + 1).is_err());
        let error = fs.create(&path, CreateOptions::default()).map(drop).unwrap_err();
        assert_eq!(error.java_class(), "org.apache.hadoop.fs.FileAlreadyExistsException");
        let below = fs.status(&path.child("x")).unwrap_err();
        assert_eq!(*below.kind(), ErrorKind::NotFound);
        let missing = files.path("/none").unwrap();
        assert_eq!(*fs.open(&missing, None).map(drop).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!fs.exists(&missing).unwrap() && !fs.delete(&missing, true).unwrap());
        assert!(fs.rename(&path, &missing).unwrap());
        assert_eq!(fs.list(&files.path("/d/e").unwrap()).unwrap(), []);
        let sums = files.statistics();
        assert!(
            sums.iter()
                .any(|(scheme, s)| scheme == "hdfs" && s.bytes_written == bytes.len() as u64)
        );
    });
}

#[test]
fn input_is_cut_where_blocks_end_and_output_is_committed() {
    with_cluster(|conf, files| {
        let mut job = conf.clone();
        let path = files.path("in/file").unwrap();
        let bytes = lines(20_000);
        files.get(&path).unwrap().write_all(&path, &bytes, small_blocks()).unwrap();
        add_input_path(&mut job, files, "in").unwrap();
        job.set("mapreduce.output.fileoutputformat.outputdir", "out", "test");
        job.set("mapreduce.job.output.key.class", Text::CLASS, "test");
        let input = required_input_format(TEXT_INPUT).unwrap();
        let output = required_output_format(TEXT_OUTPUT).unwrap();
        output.check(&job, files).unwrap();
        let committer = output.committer(&job, files).unwrap();
        committer.setup_job().unwrap();
        let splits = input.splits(&job, files).unwrap();
        assert_eq!(splits.len(), bytes.len() / (64 << 10) + 1);
        for (number, split) in splits.iter().enumerate() {
            let InputSplit::File(place) = split else { panic!("{split:?}") };
            assert_eq!(place.start, (number * (64 << 10)) as u64);
            assert!(!place.hosts.is_empty());
            let number = u32::try_from(number).unwrap();
            let attempt = JobId::new("1", 1).task(TaskKind::Map, number).attempt(0);
            let mut reader = input.open(split, &job, files).unwrap();
            let mut writer = output.open(&job, files, &attempt).unwrap();
            while reader.advance().unwrap() {
                writer.write(reader.value(), Datum::Null).unwrap();
            }
            writer.close().unwrap();
            committer.commit_task(&attempt).unwrap();
        }
        committer.commit_job().unwrap();
        let error = output.check(&job, files).unwrap_err().to_string();
        assert!(
            error.starts_with("Output directory hdfs://") && error.ends_with("/out already exists"),
            "{error}"
        );
        let fs = files.default_fs().unwrap();
        let mut together = Vec::new();
        for status in fs.list(&files.path("out").unwrap()).unwrap() {
            together.extend(fs.read_all(&status.path, 1 << 30).unwrap());
        }
        assert!(together == bytes);
        // What is not closed is not there in full.
        let mut unfinished =
            fs.create(&files.path("/u").unwrap(), CreateOptions::default()).unwrap();
        unfinished.write_all(b"x").unwrap();
        assert_eq!(unfinished.position(), 1);
        drop(unfinished);
        assert_eq!(fs.status(&files.path("/u").unwrap()).unwrap().length, 0);
    });
}
