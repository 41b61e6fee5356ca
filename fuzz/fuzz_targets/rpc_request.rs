//! A frame of Hadoop RPC as a server sees it: header, request header, shape of every known request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_wire::proto::services::MESSAGE_SHAPES;
use loxodon_wire::rpc::{check_shape, split_header};

fuzz_target!(|data: &[u8]| {
    let Some((pick, frame)) = data.split_first_chunk::<2>() else { return };
    let _ = split_header(frame);
    let row = usize::from(u16::from_le_bytes(*pick)) % MESSAGE_SHAPES.len();
    let _ = check_shape(&MESSAGE_SHAPES[row], frame);
});
