//! Compressed streams, whole and from the middle, Avro's data files, and the splits of a job.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::fs::memory::MemoryInput;
use loxodon_mapreduce::input::split_file;
use loxodon_mapreduce::io::avro;
use loxodon_mapreduce::io::codec::{Bzip2Blocks, Codec, Packer};

fuzz_target!(|input: (u8, &[u8])| {
    let (which, bytes) = input;
    let codecs = [
        Codec::Zlib,
        Codec::Gzip,
        Codec::Bzip2,
        Codec::Snappy,
        Codec::Lz4,
        Codec::Zstd,
        Codec::Passthrough,
    ];
    if let Some(codec) = codecs.get(usize::from(which)) {
        let _ = Packer::new(*codec).unpack(bytes, &mut Vec::new(), 1 << 22);
        return;
    }
    let file = Box::new(MemoryInput::new(bytes.to_vec()));
    if let Ok(blocks) = Bzip2Blocks::new(file, u64::from(which).min(bytes.len() as u64), u64::MAX) {
        let _ = blocks.take(1 << 22).read_to_end(&mut Vec::new());
    }
    let file = Box::new(std::io::Cursor::new(bytes.to_vec()));
    if let Ok(mut datums) = avro::Reader::open(file, "fuzz") {
        let mut text = Vec::new();
        while let Ok(true) = datums.show(&mut text) {
            text.clear();
        }
    }
    if let Ok(metas) = split_file::read_meta(bytes) {
        for meta in metas {
            let _ = split_file::read_split(bytes, &meta);
        }
    }
});
