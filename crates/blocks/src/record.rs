//! What is kept about one block, in 27 bytes.

use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId};

use crate::block::{Block, BlockInfo, BlockState, NewBlock};
use crate::{PolicyId, StorageIndex};

/// Replicas that fit into the record itself; further ones go to a side table.
pub(crate) const INLINE_REPLICAS: usize = 3;

const EMPTY_SLOT: u32 = 0x00FF_FFFF;
const FORTY_BITS: u64 = (1 << 40) - 1;

/// Numbers that did not fit into forty bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WideNumbers {
    pub(crate) length: u64,
    pub(crate) stamp: u64,
    pub(crate) owner: u64,
}

/// One block, packed. `bits` holds, from the lowest: replication 15, policy 4, state 2, and one
/// each for: numbers are in the side table, replicas spill over, some replica is corrupt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    length: [u8; 5],
    stamp: [u8; 5],
    owner: [u8; 5],
    bits: [u8; 3],
    replicas: [[u8; 3]; INLINE_REPLICAS],
}

const POLICY_SHIFT: u32 = 15;
const STATE_SHIFT: u32 = 19;
const WIDE: u32 = 1 << 21;
const SPILLED: u32 = 1 << 22;
const CORRUPT: u32 = 1 << 23;

fn put40(value: u64) -> [u8; 5] {
    let [a, b, c, d, e, ..] = value.to_le_bytes();
    [a, b, c, d, e]
}

fn get40([a, b, c, d, e]: [u8; 5]) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
}

fn put24(value: u32) -> [u8; 3] {
    let [a, b, c, _] = value.to_le_bytes();
    [a, b, c]
}

fn get24([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}

impl Record {
    /// The record, and what did not fit into it.
    pub(crate) fn new(new: &NewBlock) -> (Self, Option<WideNumbers>) {
        let mut record = Self {
            length: [0; 5],
            stamp: [0; 5],
            owner: [0; 5],
            bits: [0; 3],
            replicas: [put24(EMPTY_SLOT); INLINE_REPLICAS],
        };
        record.set_replication(new.replication);
        record.set_policy(new.policy);
        record.set_state(new.state);
        let wide = record.set_numbers(WideNumbers {
            length: new.block.length,
            stamp: new.block.stamp.0,
            owner: new.owner.0,
        });
        (record, wide)
    }

    fn bits(&self) -> u32 {
        get24(self.bits)
    }

    fn set_flag(&mut self, flag: u32, on: bool) {
        self.bits = put24(if on { self.bits() | flag } else { self.bits() & !flag });
    }

    fn set_field(&mut self, shift: u32, mask: u32, value: u32) {
        self.bits = put24((self.bits() & !(mask << shift)) | ((value & mask) << shift));
    }

    /// Stores the numbers; gives them back if they belong into the side table.
    pub(crate) fn set_numbers(&mut self, numbers: WideNumbers) -> Option<WideNumbers> {
        let is_wide = (numbers.length | numbers.stamp | numbers.owner) > FORTY_BITS;
        self.length = put40(numbers.length);
        self.stamp = put40(numbers.stamp);
        self.owner = put40(numbers.owner);
        self.set_flag(WIDE, is_wide);
        is_wide.then_some(numbers)
    }

    pub(crate) fn is_wide(&self) -> bool {
        self.bits() & WIDE != 0
    }

    /// The numbers, unless the record is wide.
    pub(crate) fn numbers(&self) -> WideNumbers {
        WideNumbers {
            length: get40(self.length),
            stamp: get40(self.stamp),
            owner: get40(self.owner),
        }
    }

    pub(crate) fn replication(&self) -> u16 {
        (self.bits() & 0x7FFF) as u16
    }

    pub(crate) fn set_replication(&mut self, replication: u16) {
        self.set_field(0, 0x7FFF, u32::from(replication.min(0x7FFF)));
    }

    pub(crate) fn policy(&self) -> PolicyId {
        PolicyId(((self.bits() >> POLICY_SHIFT) & 0xF) as u8)
    }

    pub(crate) fn set_policy(&mut self, policy: PolicyId) {
        self.set_field(POLICY_SHIFT, 0xF, u32::from(policy.0));
    }

    pub(crate) fn state(&self) -> BlockState {
        match (self.bits() >> STATE_SHIFT) & 3 {
            0 => BlockState::Complete,
            1 => BlockState::UnderConstruction,
            2 => BlockState::UnderRecovery,
            _ => BlockState::Committed,
        }
    }

    pub(crate) fn set_state(&mut self, state: BlockState) {
        self.set_field(STATE_SHIFT, 3, state as u32);
    }

    pub(crate) fn has_corrupt(&self) -> bool {
        self.bits() & CORRUPT != 0
    }

    pub(crate) fn set_corrupt(&mut self, on: bool) {
        self.set_flag(CORRUPT, on);
    }

    pub(crate) fn is_spilled(&self) -> bool {
        self.bits() & SPILLED != 0
    }

    pub(crate) fn set_spilled(&mut self, on: bool) {
        self.set_flag(SPILLED, on);
    }

    /// Replicas in the record, in the order they came.
    pub(crate) fn inline_replicas(&self) -> impl Iterator<Item = StorageIndex> + Clone + '_ {
        self.replicas.iter().map(|slot| get24(*slot)).filter(|s| *s != EMPTY_SLOT).map(StorageIndex)
    }

    pub(crate) fn has_inline(&self, storage: StorageIndex) -> bool {
        self.replicas.iter().any(|slot| get24(*slot) == storage.0)
    }

    /// Puts the storage into a free slot; `false` if there is none.
    pub(crate) fn push_inline(&mut self, storage: StorageIndex) -> bool {
        match self.replicas.iter_mut().find(|slot| get24(**slot) == EMPTY_SLOT) {
            Some(slot) => {
                *slot = put24(storage.0);
                true
            }
            None => false,
        }
    }

    /// Frees the storage's slot, closing the gap; `false` if it has none.
    pub(crate) fn remove_inline(&mut self, storage: StorageIndex) -> bool {
        let Some(at) = self.replicas.iter().position(|slot| get24(*slot) == storage.0) else {
            return false;
        };
        if let Some(tail) = self.replicas.get_mut(at..) {
            tail.rotate_left(1);
        }
        if let Some(last) = self.replicas.last_mut() {
            *last = put24(EMPTY_SLOT);
        }
        true
    }

    pub(crate) fn info(&self, id: BlockId, numbers: WideNumbers) -> BlockInfo {
        BlockInfo {
            block: Block { id, length: numbers.length, stamp: GenerationStamp(numbers.stamp) },
            owner: InodeId(numbers.owner),
            replication: self.replication(),
            policy: self.policy(),
            state: self.state(),
        }
    }
}

/// Storages beyond this number cannot be named in a record.
pub(crate) const MAX_STORAGES: usize = EMPTY_SLOT as usize;
