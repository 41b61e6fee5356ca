//! What a DataNode reads from a peer: an operation, an acknowledgement, a stream of packets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_wire::transfer::{Operation, PacketReader, PipelineAck};

fuzz_target!(|data: &[u8]| {
    let Some((code, message)) = data.split_first() else { return };
    let _ = Operation::decode(*code, message);
    let _ = PipelineAck::decode(message);
    let mut reader = PacketReader::new(1 << 20);
    let mut rest = message;
    loop {
        match reader.packet() {
            Ok(Some(_)) => reader.consume(),
            Ok(None) => {
                let Ok(space) = reader.space() else { return };
                let count = space.len().min(rest.len());
                if count == 0 {
                    return;
                }
                space[..count].copy_from_slice(&rest[..count]);
                rest = &rest[count..];
                reader.filled(count);
            }
            Err(_) => return,
        }
    }
});
