//! The payload of a full report, read lazily (`BlockListAsLongs`).

use loxodon_wire::ids::{BlockId, GenerationStamp};

use crate::{Block, BlockError, ReplicaState, ReportedReplica};

const LENGTH_MASK: u64 = (1 << 48) - 1;
const STATE_MASK: u64 = 0xF;

/// Replicas from the buffers that every DataNode since 2.7 sends: id (zigzag), length, stamp and
/// state as varints, which may straddle two buffers.
#[derive(Clone, Debug)]
pub struct EncodedReport<'a, B> {
    buffers: &'a [B],
    buffer: usize,
    at: usize,
    left: u64,
}

impl<'a, B: AsRef<[u8]>> EncodedReport<'a, B> {
    /// `count` replicas from `buffers`.
    #[must_use]
    pub const fn new(buffers: &'a [B], count: u64) -> Self {
        Self { buffers, buffer: 0, at: 0, left: count }
    }

    /// Replicas yet to come.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.left
    }

    fn byte(&mut self) -> Option<u8> {
        loop {
            let buffer = self.buffers.get(self.buffer)?.as_ref();
            if let Some(byte) = buffer.get(self.at) {
                self.at += 1;
                return Some(*byte);
            }
            self.buffer += 1;
            self.at = 0;
        }
    }

    fn varint(&mut self) -> Result<u64, BlockError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte =
                self.byte().ok_or(BlockError::MalformedReport("it ends within a replica"))?;
            let bits = u64::from(byte & 0x7F);
            value |= bits.checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(BlockError::MalformedReport("a number is longer than ten bytes"))
    }

    fn replica(&mut self) -> Result<ReportedReplica, BlockError> {
        let id = self.varint()?;
        let id = BlockId((id >> 1) as i64 ^ -((id & 1) as i64));
        let length = self.varint()? & LENGTH_MASK;
        let stamp = GenerationStamp(self.varint()?);
        let state = ReplicaState::from_number((self.varint()? & STATE_MASK) as u8)
            .ok_or(BlockError::MalformedReport("no such replica state"))?;
        Ok(ReportedReplica { block: Block { id, length, stamp }, state })
    }
}

impl<B: AsRef<[u8]>> Iterator for EncodedReport<'_, B> {
    type Item = Result<ReportedReplica, BlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let replica = self.replica();
        if replica.is_err() {
            self.left = 0;
        }
        Some(replica)
    }
}

/// Replicas from the list of longs that older DataNodes send: two counts, final replicas in
/// threes, three times -1, then the others in fours.
#[derive(Clone, Debug)]
pub struct LegacyReport<'a> {
    longs: &'a [u64],
    finals: u64,
    others: u64,
    is_past_delimiter: bool,
}

impl<'a> LegacyReport<'a> {
    /// Replicas from `longs`; none from an empty list.
    #[must_use]
    pub fn new(longs: &'a [u64]) -> Self {
        match longs {
            [finals, others, rest @ ..] => {
                Self { longs: rest, finals: *finals, others: *others, is_past_delimiter: false }
            }
            _ => Self { longs: &[], finals: 0, others: 0, is_past_delimiter: true },
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u64; N], BlockError> {
        let cut = BlockError::MalformedReport("it ends within a replica");
        let (head, rest) = self.longs.split_first_chunk::<N>().ok_or(cut)?;
        self.longs = rest;
        Ok(*head)
    }

    fn replica(&mut self) -> Result<ReportedReplica, BlockError> {
        let block = |id, length, stamp| Block {
            id: BlockId(id as i64),
            length,
            stamp: GenerationStamp(stamp),
        };
        if self.finals > 0 {
            self.finals -= 1;
            let [id, length, stamp] = self.take()?;
            let state = ReplicaState::Finalized;
            return Ok(ReportedReplica { block: block(id, length, stamp), state });
        }
        if !self.is_past_delimiter {
            self.is_past_delimiter = true;
            let delimiter: [u64; 3] = self.take()?;
            if delimiter != [u64::MAX; 3] {
                return Err(BlockError::MalformedReport("no delimiter after the final replicas"));
            }
        }
        self.others -= 1;
        let [id, length, stamp, state] = self.take()?;
        let number = u8::try_from(state).ok().and_then(ReplicaState::from_number);
        let state = number.ok_or(BlockError::MalformedReport("no such replica state"))?;
        Ok(ReportedReplica { block: block(id, length, stamp), state })
    }
}

impl Iterator for LegacyReport<'_> {
    type Item = Result<ReportedReplica, BlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finals == 0 && self.others == 0 {
            return None;
        }
        let replica = self.replica();
        if replica.is_err() {
            (self.finals, self.others) = (0, 0);
        }
        Some(replica)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(out: &mut Vec<u8>, mut value: u64) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    fn encode(replicas: &[ReportedReplica]) -> Vec<u8> {
        let mut out = Vec::new();
        for replica in replicas {
            let id = replica.block.id.0;
            put(&mut out, ((id << 1) ^ (id >> 63)) as u64);
            put(&mut out, replica.block.length);
            put(&mut out, replica.block.stamp.0);
            put(&mut out, u64::from(replica.state.number()));
        }
        out
    }

    prop_compose! {
        fn replica()(id in any::<i64>(), length in 0..=LENGTH_MASK, stamp in any::<u64>(), state in 0u8..5)
            -> ReportedReplica
        {
            let block = Block { id: BlockId(id), length, stamp: GenerationStamp(stamp) };
            let state = ReplicaState::from_number(state).unwrap();
            ReportedReplica { block, state }
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_whatever_the_chunks(
            replicas in proptest::collection::vec(replica(), 0..20), chunk in 1usize..40,
        ) {
            let bytes = encode(&replicas);
            let chunks: Vec<&[u8]> = bytes.chunks(chunk).collect();
            let read: Result<Vec<_>, _> = EncodedReport::new(&chunks, replicas.len() as u64).collect();
            prop_assert_eq!(read, Ok(replicas));
        }

        #[test]
        fn rubbish_is_an_error_or_a_report_and_ends(bytes in proptest::collection::vec(any::<u8>(), 0..60), count in any::<u64>()) {
            let chunks = [bytes.as_slice()];
            let read: Result<Vec<_>, _> = EncodedReport::new(&chunks, count).collect();
            if let Ok(read) = read {
                prop_assert!(read.len() as u64 == count);
            }
        }

        #[test]
        fn legacy_rubbish_ends_too(longs in proptest::collection::vec(prop_oneof![0u64..5, any::<u64>(), Just(u64::MAX)], 0..30)) {
            prop_assert!(LegacyReport::new(&longs).count() <= 31);
        }
    }

    #[test]
    fn the_old_list_of_longs_is_read() {
        let m = u64::MAX;
        let longs = [1, 1, 5, 6, 7, m, m, m, 8, 9, 10, 1];
        let read: Result<Vec<_>, _> = LegacyReport::new(&longs).collect();
        let states: Vec<_> = read.unwrap().iter().map(|r| (r.block.id.0, r.state)).collect();
        assert_eq!(states, [(5, ReplicaState::Finalized), (8, ReplicaState::BeingWritten)]);
        assert!(LegacyReport::new(&[1, 0, 5]).next().unwrap().is_err());
        assert!(LegacyReport::new(&[0, 1, 5, 5, 5, 1, 2, 3, 4]).next().unwrap().is_err());
    }
}
