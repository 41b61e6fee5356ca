//! The shuffle: what a reduce asks for, what stands before a segment, what a reduce is answered, where segments lie.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::ifile::SpillIndex;
use loxodon_mapreduce::shuffle::ShuffleHeader;
use loxodon_mapreduce::shuffle::server::{ShuffleRequest, authorize};
use loxodon_mapreduce::{error::Error, parsers};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (path, signature) = text.split_once(' ').unwrap_or((text, ""));
        let _ = ShuffleRequest::parse("GET", path, Some("mapreduce"), Some("1.0.0"));
        let _ = authorize(b"key", 13562, path, Some(signature));
    }
    let mut rest = bytes.iter();
    let header = ShuffleHeader::read(|| rest.next().copied().ok_or_else(|| Error::io("end")));
    if let Ok(header) = header {
        let mut again = Vec::new();
        header.write(&mut again);
        let mut rest = again.iter();
        let read = ShuffleHeader::read(|| rest.next().copied().ok_or_else(|| Error::io("end")));
        assert_eq!(read.expect("what was just written"), header);
    }
    parsers::shuffle_answer(bytes);
    if let Ok(index) = SpillIndex::decode(bytes, Path::new("index")) {
        let again = SpillIndex::decode(&index.encode(), Path::new("index"));
        assert_eq!(again.expect("what was just written"), index);
    }
});
