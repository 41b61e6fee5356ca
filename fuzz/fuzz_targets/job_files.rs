//! What a job leaves behind: map outputs and histories.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::history::HistoryReader;
use loxodon_mapreduce::ifile::Segment;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reader) = HistoryReader::new(bytes) {
        for event in reader {
            if event.is_err() {
                break;
            }
        }
    }
    let segment = Segment::Memory { bytes: Arc::new(bytes.to_vec()), name: "map".into() };
    if let Ok(mut reader) = segment.open(1 << 12) {
        while let Ok(true) = reader.advance() {
            let _ = reader.key();
        }
    }
});
