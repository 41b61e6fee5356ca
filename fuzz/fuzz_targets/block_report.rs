//! The replicas of a full block report, in both of its forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_blocks::{EncodedReport, LegacyReport};

fuzz_target!(|input: &[u8]| {
    let Some((count, bytes)) = input.split_first_chunk() else { return };
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let buffers = [first.to_vec(), second.to_vec()];
    for replica in EncodedReport::new(&buffers, u64::from(u16::from_le_bytes(*count))) {
        if replica.is_err() {
            break;
        }
    }
    let longs: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
    for replica in LegacyReport::new(&longs) {
        if replica.is_err() {
            break;
        }
    }
});
