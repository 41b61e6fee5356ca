use std::io::{Read, Write};

use proptest::prelude::*;

use super::*;

const ALL: [Codec; 7] = [
    Codec::Zlib,
    Codec::Gzip,
    Codec::Bzip2,
    Codec::Snappy,
    Codec::Lz4,
    Codec::Zstd,
    Codec::Passthrough,
];

fn packed(codec: Codec, pieces: &[&[u8]]) -> Vec<u8> {
    let mut encoder = codec.encoder(Vec::new()).unwrap();
    for piece in pieces {
        encoder.write_all(piece).unwrap();
    }
    encoder.finish().unwrap()
}

fn plain(codec: Codec, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    codec.decoder(bytes)?.read_to_end(&mut text)?;
    Ok(text)
}

#[test]
fn names() {
    assert_eq!(Codec::of_name("part-00000.GZ"), Some(Codec::Gzip));
    assert_eq!(Codec::of_name("a.b.bz2"), Some(Codec::Bzip2));
    assert_eq!(Codec::of_name("gz"), None);
    assert_eq!(Codec::of_name("a.passthrough"), None);
    for codec in ALL {
        assert_eq!(Codec::of_class(&codec.class()), Some(codec));
    }
    assert_eq!(Codec::Zlib.class(), "org.apache.hadoop.io.compress.DefaultCodec");
    let error = Codec::required("x.Y").unwrap_err();
    assert_eq!(error.to_string(), "Compression codec x.Y was not found.");
}

#[test]
fn blocks_as_hadoop_frames_them() {
    // Nothing written is one block of length 0.
    assert_eq!(packed(Codec::Snappy, &[]), [0; 4]);
    // Small writes gather in one block of one chunk.
    let bytes = packed(Codec::Snappy, &[b"ab", b"cd"]);
    assert_eq!(bytes[..8], [0, 0, 0, 4, 0, 0, 0, 6]);
    // A write larger than the buffer is one block of several chunks, and an empty one follows.
    let large = vec![7; 300_000];
    let bytes = packed(Codec::Lz4, &[&large]);
    assert_eq!(bytes[..4], 300_000_u32.to_be_bytes());
    assert_eq!(bytes[bytes.len() - 4..], [0; 4]);
    assert_eq!(plain(Codec::Lz4, &bytes).unwrap(), large);
}

#[test]
fn cut_and_lying_frames() {
    for (codec, framing) in [(Codec::Snappy, Framing::Snappy), (Codec::Lz4, Framing::Lz4)] {
        let mut bytes = Vec::new();
        for block in [&b"one two "[..], b"three"] {
            let mut encoder = FramedEncoder::new(Vec::new(), framing);
            encoder.write_all(block).unwrap();
            bytes.extend(encoder.finish().unwrap());
        }
        assert_eq!(plain(codec, &bytes).unwrap(), b"one two three");
        for end in 1..bytes.len() {
            // Either an error, or whole blocks.
            if let Ok(text) = plain(codec, &bytes[..end]) {
                assert_eq!(text, b"one two ", "cut at {end}");
            }
        }
        let mut long = bytes.clone();
        long[..4].copy_from_slice(&[0, 0, 0, 1]);
        assert!(plain(codec, &long).is_err());
        long[4..8].copy_from_slice(&[0xff; 4]);
        assert!(plain(codec, &long).is_err());
    }
}

#[test]
fn a_file_of_two_parts_reads_as_one() {
    for codec in [Codec::Gzip, Codec::Bzip2, Codec::Zstd, Codec::Snappy, Codec::Lz4] {
        let mut bytes = packed(codec, &[b"first "]);
        bytes.extend(packed(codec, &[b"second"]));
        assert_eq!(plain(codec, &bytes).unwrap(), b"first second", "{codec:?}");
    }
}

#[test]
fn whole_buffers() {
    for codec in ALL {
        let mut packer = Packer::new(codec);
        for text in [&b""[..], b"a", &[b'x'; 500_000]] {
            let (mut bytes, mut back) = (vec![9], vec![8]);
            packer.pack(text, &mut bytes).unwrap();
            packer.unpack(&bytes[1..], &mut back, 500_000).unwrap();
            assert_eq!(&back[1..], text, "{codec:?}");
        }
        let mut bytes = Vec::new();
        packer.pack(&[b'x'; 1000], &mut bytes).unwrap();
        let error = packer.unpack(&bytes, &mut Vec::new(), 999).unwrap_err();
        assert!(error.to_string().contains("more than 999"), "{codec:?}: {error}");
        if codec != Codec::Passthrough {
            assert!(packer.unpack(&bytes[..bytes.len() / 2], &mut Vec::new(), 2000).is_err());
        }
    }
}

/// Lines that bzip2 makes several blocks of.
fn long_text() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(3);
    let mut text = Vec::new();
    while text.len() < 2_500_000 {
        let word: u32 = random.u32(..);
        text.extend_from_slice(format!("{word:x} {}\n", word % 97).as_bytes());
    }
    text
}

#[test]
fn bzip2_blocks_of_all_splits_are_the_whole() {
    let mut whole = long_text();
    let mut bytes = packed(Codec::Bzip2, &[&whole]);
    bytes.extend(packed(Codec::Bzip2, &[b"the second stream\n"]));
    whole.extend_from_slice(b"the second stream\n");
    for pieces in [1, 2, 5, 9] {
        let mut together = Vec::new();
        let step = bytes.len() / pieces + 1;
        for start in (0..bytes.len()).step_by(step) {
            let end = (start + step).min(bytes.len());
            let file = Box::new(crate::fs::memory::MemoryInput::new(bytes.clone()));
            let mut blocks = Bzip2Blocks::new(file, start as u64, end as u64).unwrap();
            let mut some = Vec::new();
            blocks.read_to_end(&mut some).unwrap();
            let own = usize::try_from(blocks.split_length().unwrap()).unwrap();
            together.extend_from_slice(&some[..own]);
        }
        assert!(together == whole, "{pieces} splits");
    }
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    let file = Box::new(crate::fs::memory::MemoryInput::new(bytes));
    let mut blocks = Bzip2Blocks::new(file, 0, u64::MAX).unwrap();
    let error = blocks.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("bzip2 block at offset"), "{error}");
}

proptest! {
    #[test]
    fn round_trip(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6)) {
        let whole = pieces.concat();
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        for codec in ALL {
            prop_assert_eq!(&plain(codec, &packed(codec, &pieces)).unwrap(), &whole);
        }
    }

    #[test]
    fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
        for codec in ALL {
            let _ = Packer::new(codec).unpack(&bytes, &mut Vec::new(), 1 << 20);
        }
    }
}

/// What the `zstd` program (1.5.4, level 3, no checksum) makes of lines from a pipe: a plain frame, as Hadoop's codec
/// writes and reads it.
const ZSTD_BYTES: &str = "28b52ffd005885030002040d12b0b50d70c4911697690cf095bdd36c0ce0405677f1aceee259ddc5b3ba8b677517cfea\
    a62c838833e4a10c8c4080a1529641022720e0e7b22497b044924b5822c9252c91e412964872094b24b9842522b98425\
    925cc212492e61892497b044924b5822c9252c119d5c2f4963";

#[test]
fn zstd_frames_are_plain_ones() {
    let text: String = (0..40).map(|n| format!("line {} of some text\n", n % 7)).collect();
    let known: Vec<u8> = (0..ZSTD_BYTES.len() / 2)
        .map(|at| u8::from_str_radix(&ZSTD_BYTES[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    assert_eq!(plain(Codec::Zstd, &known).unwrap(), text.as_bytes());
    let ours = packed(Codec::Zstd, &[text.as_bytes()]);
    // Magic number and descriptor: no content size, no checksum, no dictionary.
    assert_eq!(ours[..5], known[..5]);
    // Frames one behind the other are one stream.
    assert_eq!(plain(Codec::Zstd, &[ours, known].concat()).unwrap(), text.repeat(2).as_bytes());
}

#[test]
fn levels_change_what_is_written_and_not_what_is_read() {
    let text: Vec<u8> =
        (0..60_000_u32).flat_map(|n| (n.wrapping_mul(n) % 1009).to_string().into_bytes()).collect();
    let levels = Levels { zlib: 1, zstd: 19, snappy_buffer: 4096, lz4_buffer: 4096 };
    for codec in [Codec::Zlib, Codec::Gzip, Codec::Zstd, Codec::Snappy, Codec::Lz4] {
        let mut encoder = codec.encoder_at(&levels, Vec::new()).unwrap();
        encoder.write_all(&text).unwrap();
        let bytes = encoder.finish().unwrap();
        assert_ne!(bytes, packed(codec, &[&text]), "{codec:?}");
        assert_eq!(plain(codec, &bytes).unwrap(), text, "{codec:?}");
    }
}
