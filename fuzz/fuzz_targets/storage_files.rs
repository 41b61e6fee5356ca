//! Small files of a storage directory: `VERSION`, digests, names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_journal::{digest, names::StorageFile, version::StorageInfo};

fuzz_target!(|text: &str| {
    let _ = StorageFile::parse(text);
    let _ = digest::parse(text, "fsimage_0000000000000000000");
    let _ = StorageInfo::parse(text);
});
