//! What a job leaves behind: map outputs and histories.
#![no_main]

use std::sync::Arc;

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::history::{HistoryReader, JobRecord, Story, ViewFormat, file_header, view};
use loxodon_mapreduce::ifile::Segment;

fn history(bytes: &[u8]) {
    if let Ok(reader) = HistoryReader::new(bytes) {
        let events: Vec<_> = reader.map_while(Result::ok).collect();
        let _ = Story::read(&events);
    }
    if let Ok(record) = JobRecord::read(bytes) {
        for format in [ViewFormat::Human, ViewFormat::Json] {
            let _ = view(&record, true, format, &TimeZone::UTC);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    history(bytes);
    // The schema is long: what comes after it is changed more often so.
    history(&[file_header().as_bytes(), bytes].concat());
    let segment = Segment::Memory { bytes: Arc::new(bytes.to_vec()), name: "map".into() };
    if let Ok(mut reader) = segment.open(1 << 12) {
        while let Ok(true) = reader.advance() {
            let _ = reader.key();
        }
    }
});
