//! Sequence files, and the values within them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::fs::memory::MemoryInput;
use loxodon_mapreduce::io::sequence_file::Reader;
use loxodon_mapreduce::io::writable::Kind;

fuzz_target!(|bytes: &[u8]| {
    let file = || Box::new(MemoryInput::new(bytes.to_vec()));
    let Ok(mut reader) = Reader::open(file(), "f") else { return };
    let kinds = [&reader.header().key_class, &reader.header().value_class];
    let [key, value] = kinds.map(|class| Kind::of_class(class));
    let mut text = Vec::new();
    while let Ok(true) = reader.advance() {
        text.clear();
        let _ = key.map(|kind| kind.show(&mut { reader.key() }, &mut text));
        let _ = value.map(|kind| kind.show(&mut { reader.value() }, &mut text));
    }
    if let Ok(mut reader) = Reader::open(file(), "f") {
        let _ = reader.sync(bytes.len() as u64 / 2);
        let _ = reader.advance();
    }
});
