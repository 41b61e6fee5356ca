use proptest::prelude::*;

use super::*;
use crate::fs::memory::MemoryInput;
use crate::io::codec::Codec;
use crate::io::writable::{BytesWritable, Datum, IntWritable, Text, Writable};

type Records = Vec<(Vec<u8>, Vec<u8>)>;

fn open(bytes: &[u8]) -> Result<Reader> {
    Reader::open(Box::new(MemoryInput::new(bytes.to_vec())), "f")
}

fn read(bytes: &[u8]) -> Result<Records> {
    let mut reader = open(bytes)?;
    let mut records = Vec::new();
    while reader.advance()? {
        records.push((reader.key().to_vec(), reader.value().to_vec()));
    }
    Ok(records)
}

fn write(options: Options, records: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    for (key, value) in records {
        writer.append(Datum::Serialized(key), Datum::Serialized(value)).unwrap();
    }
    writer.finish().unwrap()
}

fn header(version: u8, key: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![b'S', b'E', b'Q', version];
    for class in [key, value] {
        let class = format!("org.apache.hadoop.io.{class}");
        if version < 4 {
            bytes.push(0);
        }
        bytes.push(u8::try_from(class.len()).unwrap());
        bytes.extend(class.bytes());
    }
    let flags = match version {
        ..=2 => 0,
        3 => 1,
        4 | 5 => 2,
        _ => 6,
    };
    bytes.extend(vec![0; flags]);
    if version > 1 {
        bytes.extend([7; 16]);
    }
    bytes
}

#[test]
fn bytes_of_a_file_as_hadoop_writes_it() {
    let mut options = Options::new(IntWritable::CLASS, Text::CLASS);
    options.mark = Some([7; 16]);
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    writer.append(Datum::Int(-2), Datum::Text(b"abc")).unwrap();
    writer.sync().unwrap();
    writer.sync().unwrap();
    writer.append(Datum::Int(9), Datum::Text(b"")).unwrap();
    let mut wanted = header(6, "IntWritable", "Text");
    wanted.extend([0, 0, 0, 8, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe, 3]);
    wanted.extend(b"abc");
    wanted.extend([0xff; 4]);
    wanted.extend([7; 16]);
    wanted.extend([0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 9, 0]);
    assert_eq!(writer.finish().unwrap(), wanted);
}

#[test]
fn every_version() {
    for version in 1..=6 {
        let mut bytes = header(version, "IntWritable", "Text");
        bytes.extend([0, 0, 0, 6, 0, 0, 0, 4, 0, 0, 0, 9, 1, b'x']);
        assert_eq!(read(&bytes).unwrap(), [(vec![0, 0, 0, 9], vec![1, b'x'])], "version {version}");
        assert_eq!(open(&bytes).unwrap().header().key_class, IntWritable::CLASS);
    }
    let error = read(&header(7, "Text", "Text")).unwrap_err();
    assert!(error.to_string().contains("Expecting v6, found v7"), "{error}");
    assert!(read(b"SE").unwrap_err().to_string().contains("not a SequenceFile"));
    assert!(read(b"PAR1").unwrap_err().to_string().contains("not a SequenceFile"));
}

#[test]
fn cut_and_damaged_files_are_errors_with_their_place() {
    let records: Records = (0..40_u8).map(|n| (vec![n; 5], vec![n; 50])).collect();
    for (compression, codec) in [
        (Compression::None, Codec::Zlib),
        (Compression::Record, Codec::Gzip),
        (Compression::Block, Codec::Zlib),
    ] {
        let mut options = Options::new(Text::CLASS, Text::CLASS).compressed(compression, codec);
        options.block_size = 600;
        options.mark = Some([7; 16]);
        let bytes = write(options, &records);
        assert_eq!(read(&bytes).unwrap(), records);
        for end in 0..bytes.len() {
            match read(&bytes[..end]) {
                Ok(some) => assert!(records.starts_with(&some), "cut at {end}"),
                Err(error) => assert!(error.to_string().starts_with('f'), "{error}"),
            }
        }
    }
    let mut bytes = header(6, "Text", "Text");
    let start = bytes.len();
    bytes.extend([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0]);
    let error = read(&bytes).unwrap_err().to_string();
    let place = format!("f: at offset {}: the file ends within 2147483647 bytes", start + 8);
    assert!(error.starts_with(&place), "{error}");
    bytes[start + 4] = 0x80;
    assert!(read(&bytes).unwrap_err().to_string().contains("File is corrupt!"));
    bytes.truncate(start);
    bytes.extend([0xff; 4]);
    bytes.extend([8; 16]);
    assert!(read(&bytes).unwrap_err().to_string().contains("wrong synchronisation mark"));
}

#[test]
fn metadata_and_unknown_codecs() {
    let mut options = Options::new(Text::CLASS, Text::CLASS);
    options.metadata = vec![("b".into(), "2".into()), ("a".into(), "1".into())];
    let bytes = write(options, &[]);
    let sorted = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
    assert_eq!(open(&bytes).unwrap().header().metadata, sorted);

    let mut bytes = header(6, "Text", "Text");
    let flags = bytes.len() - 22;
    bytes[flags] = 1;
    bytes.splice(flags + 2..flags + 2, *b"\x04a.Bc");
    assert!(read(&bytes).unwrap_err().to_string().contains("Unknown codec: a.Bc"));
    // Metadata that promises two thousand million entries.
    let mut bytes = header(6, "Text", "Text");
    let count = bytes.len() - 20;
    bytes[count..count + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    assert!(read(&bytes).is_err());
}

#[test]
fn a_bomb_is_refused() {
    let mut packed = Vec::new();
    let mut packer = crate::io::codec::Packer::new(Codec::Zlib);
    packer.pack(&vec![0; 1 << 24], &mut packed).unwrap();
    let error = packer.unpack(&packed, &mut Vec::new(), 1 << 20).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}

/// Reads a file in pieces, as tasks do, from mark to mark.
fn read_in_splits(bytes: &[u8], step: usize) -> Records {
    let mut together = Vec::new();
    for start in (0..bytes.len()).step_by(step) {
        let end = (start + step).min(bytes.len()) as u64;
        let mut reader = open(bytes).unwrap();
        if start as u64 > reader.position() {
            reader.sync(start as u64).unwrap();
        }
        let mut more = reader.position() < end;
        while more {
            let position = reader.position();
            more = reader.advance().unwrap() && !(position >= end && reader.sync_seen());
            if more {
                together.push((reader.key().to_vec(), reader.value().to_vec()));
            }
        }
    }
    together
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn round_trip_whole_and_in_splits(
        records in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..40), proptest::collection::vec(any::<u8>(), 0..4000)),
            0..120,
        ),
        step in 100_usize..60_000,
        block_size in 100_usize..20_000,
    ) {
        for (compression, codec) in [
            (Compression::None, Codec::Zlib),
            (Compression::Record, Codec::Zlib),
            (Compression::Record, Codec::Snappy),
            (Compression::Block, Codec::Lz4),
            (Compression::Block, Codec::Zstd),
        ] {
            let mut options =
                Options::new(BytesWritable::CLASS, Text::CLASS).compressed(compression, codec);
            options.block_size = block_size;
            let bytes = write(options, &records);
            prop_assert_eq!(&read(&bytes).unwrap(), &records);
            prop_assert_eq!(&read_in_splits(&bytes, step), &records);
        }
    }

}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(tail: Vec<u8>, version in 0_u8..8, flags: [bool; 2]) {
        let mut bytes = header(version, "Text", "Text");
        if version == 6 {
            let at = bytes.len() - 22;
            bytes[at] = flags[0].into();
            bytes[at + 1] = flags[1].into();
        }
        bytes.extend(tail);
        let _ = read(&bytes);
        if let Ok(mut reader) = open(&bytes) {
            let _ = reader.sync(bytes.len() as u64 / 2);
            let _ = reader.advance();
        }
    }
}
