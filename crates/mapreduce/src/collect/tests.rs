//! The buffer against a plain sort: whatever is collected comes out partitioned, sorted, combined, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::counters::Counter;
use crate::error::{ErrorKind, Result};
use crate::ifile::{IndexEntry, Segment, SpillIndex, vint};
use crate::merge::RecordStream;
use crate::task::LocalDirs;

type Pair = (Vec<u8>, Vec<u8>);

fn text(bytes: &[u8]) -> Vec<u8> {
    let mut to = Vec::new();
    vint::write(bytes.len() as i64, &mut to);
    to.extend_from_slice(bytes);
    to
}

/// Adds up values of four bytes.
struct Sum;

fn put(out: &mut CombineOutput<'_>, key: &[u8], sum: u32) -> Result<()> {
    out.append_with(|to| to.extend_from_slice(key), |to| to.extend_from_slice(&sum.to_be_bytes()))
}

impl Combiner for Sum {
    fn combine(&mut self, input: &mut dyn RecordStream, out: &mut CombineOutput<'_>) -> Result<()> {
        let mut current: Option<(Vec<u8>, u32)> = None;
        while input.advance()? {
            let record = input.record();
            let value = u32::from_be_bytes(record.value.try_into().unwrap());
            match &mut current {
                Some((key, sum)) if key == record.key => *sum += value,
                _ => {
                    if let Some((key, sum)) = current.take() {
                        put(out, &key, sum)?;
                    }
                    current = Some((record.key.to_vec(), value));
                }
            }
        }
        if let Some((key, sum)) = current {
            put(out, &key, sum)?;
        }
        Ok(())
    }
}

struct Setup {
    partitions: u32,
    factor: usize,
    combiner: bool,
    early: bool,
    spill_at: f64,
}

fn buffer(dir: &Path, setup: &Setup, spilled: &Counter) -> MapOutputBuffer {
    let dirs = Arc::new(LocalDirs::new("attempt_1_0001_m_000000_0", vec![dir.to_owned()]));
    let combiner = setup.combiner.then(|| {
        let factory: CombinerFactory = Arc::new(|| Ok(Box::new(Sum)));
        factory
    });
    let spiller = Spiller {
        partitions: setup.partitions,
        order: KeyOrder::of_class("org.apache.hadoop.io.Text").unwrap(),
        codec: None,
        combiner,
        task: None,
        combine_early: setup.early,
        combine_spills: 3,
        factor: setup.factor,
        spill_limit: None,
        buffers: 1 << 20,
        dirs,
        spilled: spilled.clone(),
    };
    let hash = JavaHash::of_class("org.apache.hadoop.io.Text").unwrap();
    let size = BufferSize { bytes: 1, spill_at: setup.spill_at };
    let (records, bytes) = (Counter::default(), Counter::default());
    MapOutputBuffer::new(size, Partitioner::Hash(hash), spiller, records, bytes).unwrap()
}

fn collect(buffer: &mut MapOutputBuffer, pairs: &[Pair]) {
    for (key, value) in pairs {
        let key = text(key);
        buffer.collect(|to| to.extend_from_slice(&key), |to| to.extend_from_slice(value)).unwrap();
    }
}

fn read(file: &Path, place: IndexEntry) -> Vec<Pair> {
    let (path, codec) = (file.to_owned(), None);
    let segment = Segment::Disk { path, place, codec, remove: false, from_map: false };
    let mut reader = segment.open(100).unwrap();
    let mut pairs = Vec::new();
    while reader.advance().unwrap() {
        let record = reader.record();
        pairs.push((Leading::VInt.rest(record.key).to_vec(), record.value.to_vec()));
    }
    pairs
}

fn expected(pairs: &[Pair], partitions: u32) -> Vec<Vec<Pair>> {
    let mut expected = vec![Vec::new(); partitions as usize];
    for pair in pairs {
        let hash = (hash_bytes(&pair.0) & i32::MAX) as u32;
        expected[(hash % partitions) as usize].push(pair.clone());
    }
    for part in &mut expected {
        part.sort_by(|a, b| a.0.cmp(&b.0));
    }
    expected
}

fn run(setup: &Setup, pairs: &[Pair]) -> (Vec<Vec<Pair>>, i64) {
    let dir = tempfile::tempdir().unwrap();
    let spilled = Counter::default();
    let mut buffer = buffer(dir.path(), setup, &spilled);
    collect(&mut buffer, pairs);
    let output = buffer.finish(&mut |_| Ok(())).unwrap();
    let index = SpillIndex::read(&output.index).unwrap();
    assert_eq!(index.entries.len(), setup.partitions as usize);
    assert_eq!(std::fs::metadata(&output.file).unwrap().len(), output.length);
    let found = index.entries.iter().map(|place| read(&output.file, *place)).collect();
    let files = std::fs::read_dir(output.file.parent().unwrap()).unwrap().count();
    assert_eq!(files, 2, "nothing but the output and its index is left");
    (found, spilled.value())
}

/// Mostly short records, some of about a chunk, some larger than the whole buffer of 64 KiB.
fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    let key = prop_oneof![
        6 => proptest::collection::vec(b'a'..b'e', 0..6),
        3 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => (1000usize..30_000).prop_map(|n| vec![b'k'; n]),
    ];
    let value = prop_oneof![
        20 => proptest::collection::vec(any::<u8>(), 0..200),
        4 => (0usize..20_000).prop_map(|n| vec![b'v'; n]),
        1 => (60_000usize..200_000).prop_map(|n| vec![b'V'; n]),
    ];
    proptest::collection::vec((key, value), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn everything_comes_out_sorted_once(
        pairs in pairs(),
        partitions in 1u32..5,
        factor in 2usize..12,
        spill_at in prop_oneof![Just(0.8), Just(1.0), Just(0.1)],
    ) {
        let setup = Setup { partitions, factor, combiner: false, early: false, spill_at };
        let (found, spilled) = run(&setup, &pairs);
        prop_assert!(spilled >= pairs.len() as i64);
        for (found, expected) in found.into_iter().zip(expected(&pairs, partitions)) {
            // Within one key the order of values is not promised once spills are merged in passes.
            let values = |pairs: &[Pair]| {
                let mut pairs = pairs.to_vec();
                pairs.sort();
                pairs
            };
            let keys = |pairs: &[Pair]| pairs.iter().map(|p| p.0.clone()).collect::<Vec<_>>();
            prop_assert_eq!(keys(&found), keys(&expected));
            prop_assert_eq!(values(&found), values(&expected));
        }
    }

    #[test]
    fn a_combiner_leaves_the_sums(
        words in proptest::collection::vec((proptest::collection::vec(b'a'..b'd', 0..4), 0u32..9), 0..200),
        repeat in 1usize..40,
        partitions in 1u32..4,
        factor in 2usize..6,
        early: bool,
    ) {
        let pairs: Vec<Pair> = std::iter::repeat_n(&words, repeat)
            .flatten()
            .map(|(word, n)| (word.clone(), n.to_be_bytes().to_vec()))
            .collect();
        let setup = Setup { partitions, factor, combiner: true, early, spill_at: 0.3 };
        let (found, _) = run(&setup, &pairs);
        let sums = |pairs: &[Pair]| {
            let mut sums = BTreeMap::<Vec<u8>, u32>::new();
            for (key, value) in pairs {
                *sums.entry(key.clone()).or_default() += u32::from_be_bytes(value.as_slice().try_into().unwrap());
            }
            sums
        };
        for (found, expected) in found.into_iter().zip(expected(&pairs, partitions)) {
            prop_assert_eq!(sums(&found), sums(&expected));
            prop_assert!(found.windows(2).all(|w| w[0].0 <= w[1].0));
        }
    }
}

#[test]
fn one_key_only_and_no_key_at_all() {
    let skewed: Vec<Pair> =
        (0..30_000_u32).map(|n| (b"same".to_vec(), n.to_be_bytes().to_vec())).collect();
    for (combiner, early) in [(false, false), (true, false), (true, true)] {
        let setup = Setup { partitions: 7, factor: 2, combiner, early, spill_at: 0.8 };
        let (found, _) = run(&setup, &skewed);
        assert_eq!(found.iter().filter(|part| !part.is_empty()).count(), 1);
        let (found, spilled) = run(&setup, &[]);
        assert!(found.iter().all(Vec::is_empty));
        assert_eq!(spilled, 0);
    }
}

#[test]
fn equal_keys_keep_the_order_they_came_in_within_one_spill() {
    let pairs: Vec<Pair> =
        (0..500_u32).map(|n| (vec![b'a' + (n % 3) as u8; 20], n.to_be_bytes().to_vec())).collect();
    let setup = Setup { partitions: 1, factor: 10, combiner: false, early: false, spill_at: 0.8 };
    let (found, spilled) = run(&setup, &pairs);
    assert_eq!(spilled, 500);
    assert_eq!(found, expected(&pairs, 1));
}

#[test]
fn a_partition_that_is_none_fails_the_record() {
    struct Beyond;
    impl RawPartitioner for Beyond {
        fn partition(&self, _: &[u8], _: &[u8], partitions: u32) -> i64 {
            i64::from(partitions)
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup { partitions: 2, factor: 2, combiner: false, early: false, spill_at: 0.8 };
    let mut buffer = buffer(dir.path(), &setup, &Counter::default());
    buffer.set_partitioner(Partitioner::Custom(Arc::new(Beyond)));
    let error = buffer.collect(|to| to.extend_from_slice(b"\x03key"), |_| {}).unwrap_err();
    assert_eq!(error.message(), "Illegal partition for \u{3}key (2)");
}

#[test]
fn a_disk_without_the_directory_fails_with_its_name_and_the_attempts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("no directory");
    std::fs::write(&file, "").unwrap();
    let setup = Setup { partitions: 2, factor: 2, combiner: false, early: false, spill_at: 0.8 };
    let mut buffer = buffer(&file, &setup, &Counter::default());
    let record = vec![1; 10_000];
    let mut failed = None;
    for _ in 0..100 {
        let collected = buffer.collect(|to| to.extend_from_slice(&record), |_| {});
        if let Err(error) = collected {
            failed = Some(error);
            break;
        }
    }
    let error = match failed {
        Some(error) => error,
        None => buffer.finish(&mut |_| Ok(())).unwrap_err(),
    };
    assert_eq!(*error.kind(), ErrorKind::Disk);
    for part in ["Spill failed", "attempt_1_0001_m_000000_0", "no directory"] {
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn memory_stays_within_the_buffer() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup { partitions: 3, factor: 10, combiner: false, early: false, spill_at: 0.8 };
    let mut buffer = buffer(dir.path(), &setup, &Counter::default());
    let mut most = 0;
    for number in 0..200_000_u32 {
        let key = text(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        buffer.collect(|to| to.extend_from_slice(&key), |to| to.extend_from_slice(&key)).unwrap();
        most = most.max(buffer.held());
    }
    let chunk = 16 << 10;
    assert!(most <= 64 * 1024 + 2 * chunk, "{most}");
    buffer.finish(&mut |_| Ok(())).unwrap();
}

/// Sums of many keys come out right whether they repeat (and the tables serve) or not (and they go).
#[test]
fn early_combining_serves_repeated_keys_and_ends_where_there_are_none() {
    // The tables of so small a buffer keep some twenty keys.
    for distinct in [16_u32, 700, 200_000] {
        let pairs: Vec<Pair> = (0..200_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) % distinct).to_be_bytes().to_vec())
            .map(|key| (key, 1_u32.to_be_bytes().to_vec()))
            .collect();
        let setup = Setup { partitions: 3, factor: 10, combiner: true, early: true, spill_at: 0.8 };
        let (found, spilled) = run(&setup, &pairs);
        let mut sums = BTreeMap::<Vec<u8>, u32>::new();
        for (key, _) in &pairs {
            *sums.entry(key.clone()).or_default() += 1;
        }
        let mut all = BTreeMap::<Vec<u8>, u32>::new();
        for (key, sum) in found.iter().flatten() {
            let sum = u32::from_be_bytes(sum.as_slice().try_into().unwrap());
            *all.entry(key.clone()).or_default() += sum;
        }
        assert_eq!(all, sums);
        assert!(distinct > 16 || spilled == 16, "{spilled} records were spilled");
    }
}
