//! Small files of a storage directory: `VERSION`, digests, names; an image's XML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_journal::{digest, names::StorageFile, version::StorageInfo};
use loxodon_namespace::image::offline::write_image;

fuzz_target!(|text: &str| {
    let _ = StorageFile::parse(text);
    let _ = digest::parse(text, "fsimage_0000000000000000000");
    let _ = StorageInfo::parse(text);
    let _ = write_image(text.as_bytes(), &mut Vec::new());
});
