//! Archives that a job ships: nothing leaves the directory, and nothing gets larger than allowed.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::cache::unpack;

const MOST: u64 = 1 << 20;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let names = ["a.zip", "a.tar", "a.tgz"];
    let name = names[usize::from(kind) % names.len()];
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let place = tempfile::tempdir_in(parent).expect("a directory");
    let (outer, archive) = (place.path().join("outer"), place.path().join("archive"));
    fs::create_dir(&outer).expect("a directory");
    fs::write(&archive, bytes).expect("the archive");
    let unpacked = unpack(&archive, name, &outer.join("inner"), MOST);
    assert!(unpacked.is_err() || unpacked.is_ok_and(|length| length <= MOST));
    for directory in [place.path(), outer.as_path()] {
        for entry in fs::read_dir(directory).expect("a list") {
            let name = entry.expect("an entry").file_name();
            assert!(["outer", "archive", "inner"].iter().any(|known| name == *known), "{name:?}");
        }
    }
});
