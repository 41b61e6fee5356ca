//! A segment of map output on a disk, in every compression.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::ifile::{IndexEntry, Segment};
use loxodon_mapreduce::io::codec::Codec;

/// In memory where the system has that.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    parent.join(format!("loxodon-fuzz-spill-{}", std::process::id()))
});

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (codec, raw_length, bytes) = input;
    let codecs = [Codec::Zlib, Codec::Gzip, Codec::Bzip2, Codec::Snappy, Codec::Lz4, Codec::Zstd];
    fs::write(&*FILE, bytes).expect("the segment");
    let segment = Segment::Disk {
        path: FILE.clone(),
        place: IndexEntry {
            start: 0,
            raw_length: u64::from(raw_length),
            part_length: bytes.len() as u64,
        },
        codec: codecs.get(usize::from(codec)).copied(),
        remove: false,
        from_map: true,
    };
    if let Ok(mut reader) = segment.open(1 << 12) {
        while let Ok(true) = reader.advance() {
            let _ = reader.record();
        }
    }
});
