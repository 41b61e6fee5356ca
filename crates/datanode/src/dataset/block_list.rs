//! Replicas in reports and in the `replicas` file: Hadoop's `BlockListAsLongs`.

use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::rpc::{Fields, Value, take_varint};
use prost::encoding::encode_varint;

/// One replica of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: BlockId,
    pub(crate) length: u64,
    pub(crate) stamp: GenerationStamp,
    /// `ReplicaState`'s number.
    pub(crate) state: u8,
}

/// Bytes of a list, and how many replicas they are.
#[derive(Debug, Default)]
pub(crate) struct BlockList {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u64,
}

impl BlockList {
    pub(crate) fn push(&mut self, replica: Listed) {
        let id = replica.id.0;
        encode_varint(((id << 1) ^ (id >> 63)) as u64, &mut self.bytes);
        encode_varint(replica.length, &mut self.bytes);
        encode_varint(replica.stamp.0, &mut self.bytes);
        encode_varint(u64::from(replica.state), &mut self.bytes);
        self.count += 1;
    }

    /// The contents of a `replicas` file.
    pub(crate) fn to_file(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.bytes.len() + 16);
        file.push(0x08);
        encode_varint(self.count, &mut file);
        file.push(0x12);
        encode_varint(self.bytes.len() as u64, &mut file);
        file.extend_from_slice(&self.bytes);
        file
    }
}

/// Reads a `replicas` file; `None` if it is not one to the last byte.
pub(crate) fn read_file(file: &[u8]) -> Option<Vec<Listed>> {
    let (mut count, mut bytes, mut fields) = (None, None, Fields::new(file));
    while let Some(field) = fields.read().ok()? {
        match field {
            (1, Value::Varint(value)) => count = Some(value),
            (2, Value::Bytes(value)) => bytes = Some(value),
            _ => {}
        }
    }
    let (count, mut rest) = (count?, bytes?);
    let mut list = Vec::with_capacity(usize::try_from(count).ok()?.min(rest.len() / 4));
    while !rest.is_empty() {
        let id = take_varint(&mut rest).ok()?;
        list.push(Listed {
            id: BlockId((id >> 1) as i64 ^ -((id & 1) as i64)),
            length: take_varint(&mut rest).ok()? & ((1 << 48) - 1),
            stamp: GenerationStamp(take_varint(&mut rest).ok()?),
            state: (take_varint(&mut rest).ok()? & 0xf) as u8,
        });
    }
    (list.len() as u64 == count).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn round_trip(replicas: Vec<(i64, u32, u64, bool)>) {
            let replicas: Vec<Listed> = replicas.into_iter().map(|(id, length, stamp, state)| Listed {
                id: BlockId(id), length: u64::from(length), stamp: GenerationStamp(stamp), state: u8::from(state),
            }).collect();
            let mut list = BlockList::default();
            replicas.iter().for_each(|replica| list.push(*replica));
            assert_eq!(read_file(&list.to_file()), Some(replicas));
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let _ = read_file(&bytes);
        }
    }

    #[test]
    fn a_cut_file_is_none() {
        let mut list = BlockList::default();
        list.push(Listed { id: BlockId(1), length: 2, stamp: GenerationStamp(3), state: 0 });
        let file = list.to_file();
        assert_eq!(read_file(&file[..file.len() - 1]), None);
    }
}
