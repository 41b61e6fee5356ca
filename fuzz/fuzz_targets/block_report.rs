//! The replicas of a full block report, in both of its forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_blocks::{EncodedReport, LegacyReport};

fuzz_target!(|input: (u16, Vec<Vec<u8>>)| {
    let (count, buffers) = input;
    for replica in EncodedReport::new(&buffers, u64::from(count)) {
        if replica.is_err() {
            break;
        }
    }
    let bytes = buffers.concat();
    let longs: Vec<u64> = bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|chunk| u64::from_le_bytes(*chunk))
        .collect();
    for replica in LegacyReport::new(&longs) {
        if replica.is_err() {
            break;
        }
    }
});
