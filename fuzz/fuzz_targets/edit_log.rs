//! A segment of the edit log: whatever decodes must encode and decode to the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_namespace::edit_codec::{Read, decode_body, read_header, read_transaction};

const LAYOUT: i32 = -67;

fuzz_target!(|data: &[u8]| {
    let _ = read_header(data);
    if let Some((opcode, body)) = data.split_first() {
        let _ = decode_body(*opcode, body, LAYOUT);
    }
    let mut rest = data;
    while let Ok(Read::Transaction(_, length)) = read_transaction(rest, LAYOUT, 1 << 20) {
        rest = rest.get(length..).unwrap_or_default();
    }
});
