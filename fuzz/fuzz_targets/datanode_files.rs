//! What a DataNode finds on its volumes: the list of replicas, `VERSION`, the scanner's place, a replica left behind.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use loxodon_datanode::parsers;

/// In memory where the system has that.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let place = parent.join(format!("loxodon-fuzz-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a directory");
    place
});

fuzz_target!(|input: &[u8]| {
    parsers::replicas(input);
    if let Ok(text) = std::str::from_utf8(input) {
        parsers::small_files(text);
    }
    // Its checksums, and so much data.
    let Some((length, sums)) = input.split_first_chunk() else { return };
    let length = u64::from(u16::from_le_bytes(*length));
    let (data, meta) = (PLACE.join("blk_1"), PLACE.join("blk_1_1001.meta"));
    fs::write(&data, vec![7; length as usize]).expect("data");
    fs::write(&meta, sums).expect("checksums");
    parsers::left_replica(&data, &meta, length, sums);
});
