//! What a client reads from a server, and a server from whoever connects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_wire::checksum::BlockMetadataHeader;
use loxodon_wire::rpc::{PREAMBLE_LEN, Preamble, ResponseHeader, take_delimited};

fuzz_target!(|bytes: &[u8]| {
    let _ = ResponseHeader::decode(bytes);
    let _ = BlockMetadataHeader::decode(bytes);
    if let Some(first) = bytes.first_chunk::<PREAMBLE_LEN>() {
        let _ = Preamble::decode(first);
    }
    let mut rest = bytes;
    while take_delimited(&mut rest).is_ok() && !rest.is_empty() {}
});
