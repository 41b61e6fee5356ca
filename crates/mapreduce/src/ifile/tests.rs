//! Segments as bytes: Hadoop's, and damaged ones.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::error::{ErrorKind, Result};

fn write(path: &Path, segments: &[Vec<(Vec<u8>, Vec<u8>)>]) -> SpillIndex {
    let mut writer = IFileWriter::create(path.to_owned(), None).unwrap();
    for segment in segments {
        writer.begin_segment().unwrap();
        for (key, value) in segment {
            writer.append(key, value).unwrap();
        }
        writer.end_segment().unwrap();
    }
    writer.finish().unwrap()
}

fn read(path: &Path, place: IndexEntry, buffer: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let path = path.to_owned();
    let segment = Segment::Disk { path, place, codec: None, remove: false, from_map: false };
    let mut reader = segment.open(buffer)?;
    let mut pairs = Vec::new();
    while reader.advance()? {
        let record = reader.record();
        pairs.push((record.key.to_vec(), record.value.to_vec()));
    }
    assert!(!reader.advance()?);
    Ok(pairs)
}

fn read_memory(bytes: Vec<u8>) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let name = "attempt_1_0001_m_000000_0".into();
    let mut reader = Segment::Memory { bytes: std::sync::Arc::new(bytes), name }.open(0)?;
    let mut pairs = Vec::new();
    while reader.advance()? {
        pairs.push((reader.record().key.to_vec(), reader.record().value.to_vec()));
    }
    assert!(!reader.advance()?);
    Ok(pairs)
}

#[test]
fn the_bytes_are_hadoops() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.out");
    let segments = [vec![(b"\x03abc".to_vec(), vec![0, 0, 0, 1])], vec![]];
    let index = write(&path, &segments);
    let bytes = std::fs::read(&path).unwrap();
    // Lengths 4 and 4, key, value, end marker, CRC32; then an empty segment: end marker, CRC32 of it.
    let mut expected = b"\x04\x04\x03abc\0\0\0\x01\xff\xff".to_vec();
    expected.extend(crc32fast::hash(&expected).to_be_bytes());
    expected.extend([0xff, 0xff, 0xff, 0xff, 0, 0]);
    assert_eq!(bytes, expected);
    let first = IndexEntry { start: 0, raw_length: 12, part_length: 16 };
    let second = IndexEntry { start: 16, raw_length: 2, part_length: 6 };
    assert_eq!(index.entries, [first, second]);
}

#[test]
fn every_damaged_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.out");
    let pairs: Vec<_> = (0..20_u8).map(|n| (vec![n; usize::from(n)], vec![n; 9])).collect();
    let index = write(&path, &[pairs]);
    let bytes = std::fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        let error = read(&path, index.entries[0], 64).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Checksum, "byte {at}: {error}");
        assert!(error.message().contains("file.out"), "{error}");
    }
    for length in 0..bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = read(&path, index.entries[0], 64).unwrap_err();
        assert!(error.message().contains("file.out"), "{error}");
    }
}

#[test]
fn a_length_that_is_claimed_takes_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.out");
    let mut bytes = Vec::new();
    vint::write(i64::from(i32::MAX), &mut bytes);
    vint::write(i64::from(i32::MAX), &mut bytes);
    bytes.extend([0; 100]);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let place = IndexEntry { start: 0, raw_length: 110, part_length: bytes.len() as u64 };
    let error = read(&path, place, 64).unwrap_err();
    assert!(error.message().contains("Asked for 4294967294 Got: 100"), "{error}");
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        segments in proptest::collection::vec(
            proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..300), proptest::collection::vec(any::<u8>(), 0..3000)),
                0..30,
            ),
            1..4,
        ),
        buffer in 1usize..5000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.out");
        let index = write(&path, &segments);
        let bytes = std::fs::read(&path).unwrap();
        for (segment, place) in segments.iter().zip(&index.entries) {
            prop_assert_eq!(&read(&path, *place, buffer).unwrap(), segment);
            let start = place.start as usize;
            let body = bytes[start..start + place.raw_length as usize].to_vec();
            prop_assert_eq!(&read_memory(body.clone()).unwrap(), segment);
            for cut in [0, body.len() / 2, body.len() - 1] {
                prop_assert!(read_memory(body[..cut].to_vec()).is_err());
            }
        }
    }
}
