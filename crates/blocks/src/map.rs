//! The block map: every block by id, in pages of 256 ids.
//!
//! A page keeps a bitmap of the ids it holds and their records side by side, found by counting
//! bits: full pages cost a fifth of a byte per block beyond the record, and a page most of whose
//! blocks were deleted costs nothing for them. Ids are given out in sequence, so pages are full
//! in practice; any other id works as well.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId};
use smallvec::SmallVec;

use crate::PolicyId;
use crate::StorageIndex;
use crate::block::{BlockInfo, BlockState, NewBlock};
use crate::record::{Record, WideNumbers};

/// Storages that hold a block, in the order they were told.
pub(crate) type Replicas = SmallVec<[StorageIndex; 4]>;

const PAGE: usize = 256;
const WORDS: usize = PAGE / 64;
const REGION: usize = 256;

#[derive(Clone, Debug, Default)]
struct Page {
    present: [u64; WORDS],
    records: Vec<Record>,
}

/// Where in a page an id belongs.
struct Place {
    word: usize,
    bit: u64,
    rank: usize,
    is_present: bool,
}

impl Page {
    fn place(&self, offset: usize) -> Place {
        let word = offset / 64;
        let bit = 1u64 << (offset % 64);
        let mut rank = 0;
        for full in self.present.iter().take(word) {
            rank += full.count_ones() as usize;
        }
        let here = self.present.get(word).copied().unwrap_or(0);
        rank += (here & (bit - 1)).count_ones() as usize;
        Place { word, bit, rank, is_present: here & bit != 0 }
    }

    fn get(&self, offset: usize) -> Option<&Record> {
        let place = self.place(offset);
        if place.is_present { self.records.get(place.rank) } else { None }
    }

    fn get_mut(&mut self, offset: usize) -> Option<&mut Record> {
        let place = self.place(offset);
        if place.is_present { self.records.get_mut(place.rank) } else { None }
    }

    fn insert(&mut self, offset: usize, record: Record) -> Option<Record> {
        let place = self.place(offset);
        if place.is_present {
            return self.records.get_mut(place.rank).map(|old| std::mem::replace(old, record));
        }
        if self.records.len() == self.records.capacity() {
            // Doubling, but never beyond what a page can hold.
            let room = self.records.len().max(4).min(PAGE - self.records.len());
            self.records.reserve_exact(room);
        }
        self.records.insert(place.rank, record);
        if let Some(word) = self.present.get_mut(place.word) {
            *word |= place.bit;
        }
        None
    }

    fn remove(&mut self, offset: usize) -> Option<Record> {
        let place = self.place(offset);
        if !place.is_present || place.rank >= self.records.len() {
            return None;
        }
        let record = self.records.remove(place.rank);
        if let Some(word) = self.present.get_mut(place.word) {
            *word &= !place.bit;
        }
        if self.records.len() * 2 < self.records.capacity() {
            self.records.shrink_to(self.records.len() + self.records.len() / 4);
        }
        Some(record)
    }

    fn offsets(&self) -> impl Iterator<Item = usize> + '_ {
        self.present.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                (left != 0).then(|| {
                    left &= left - 1;
                    index * 64 + bit
                })
            })
        })
    }
}

#[derive(Clone, Debug)]
struct Region {
    pages: Box<[Option<Box<Page>>]>,
    blocks: usize,
}

impl Region {
    fn new() -> Self {
        Self { pages: (0..REGION).map(|_| None).collect(), blocks: 0 }
    }
}

fn split(id: BlockId) -> (u64, usize, usize) {
    let number = id.0 as u64;
    (number >> 16, (number >> 8 & 0xFF) as usize, (number & 0xFF) as usize)
}

/// Every block by id; see the module's text.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockMap {
    regions: HashMap<u64, Region, FixedState>,
    wide: HashMap<BlockId, WideNumbers, FixedState>,
    spilled: HashMap<BlockId, SmallVec<[StorageIndex; 4]>, FixedState>,
    blocks: usize,
}

impl BlockMap {
    pub(crate) fn len(&self) -> usize {
        self.blocks
    }

    fn record(&self, id: BlockId) -> Option<&Record> {
        let (region, page, offset) = split(id);
        self.regions.get(&region)?.pages.get(page)?.as_ref()?.get(offset)
    }

    fn record_mut(&mut self, id: BlockId) -> Option<&mut Record> {
        let (region, page, offset) = split(id);
        self.regions.get_mut(&region)?.pages.get_mut(page)?.as_mut()?.get_mut(offset)
    }

    pub(crate) fn contains(&self, id: BlockId) -> bool {
        self.record(id).is_some()
    }

    fn info_of(&self, id: BlockId, record: &Record) -> BlockInfo {
        let numbers = if record.is_wide() {
            self.wide.get(&id).copied().unwrap_or_else(|| record.numbers())
        } else {
            record.numbers()
        };
        record.info(id, numbers)
    }

    pub(crate) fn get(&self, id: BlockId) -> Option<BlockInfo> {
        self.record(id).map(|record| self.info_of(id, record))
    }

    /// The block, and whether `storage` is known to hold it: all that a report needs mostly.
    pub(crate) fn get_on(
        &self,
        id: BlockId,
        storage: StorageIndex,
    ) -> Option<(BlockInfo, bool, bool)> {
        let record = self.record(id)?;
        let is_there = record.has_inline(storage) || self.is_spilled_to(id, record, storage);
        Some((self.info_of(id, record), is_there, record.has_corrupt()))
    }

    fn is_spilled_to(&self, id: BlockId, record: &Record, storage: StorageIndex) -> bool {
        record.is_spilled() && self.spilled.get(&id).is_some_and(|more| more.contains(&storage))
    }

    /// Adds a block without replicas; `false` (and nothing changes) if the id is taken.
    pub(crate) fn insert(&mut self, new: &NewBlock) -> bool {
        let id = new.block.id;
        if self.contains(id) {
            return false;
        }
        let (record, wide) = Record::new(new);
        if let Some(numbers) = wide {
            self.wide.insert(id, numbers);
        }
        let (region, page, offset) = split(id);
        let region = self.regions.entry(region).or_insert_with(Region::new);
        if let Some(slot) = region.pages.get_mut(page) {
            slot.get_or_insert_default().insert(offset, record);
            region.blocks += 1;
            self.blocks += 1;
        }
        true
    }

    /// Takes a block out; its replicas are returned.
    pub(crate) fn remove(&mut self, id: BlockId) -> Option<(BlockInfo, Replicas)> {
        let info = self.get(id)?;
        let replicas = self.replicas(id);
        let (key, page, offset) = split(id);
        let region = self.regions.get_mut(&key)?;
        let slot = region.pages.get_mut(page)?;
        slot.as_mut()?.remove(offset)?;
        if slot.as_ref().is_some_and(|page| page.records.is_empty()) {
            *slot = None;
        }
        region.blocks -= 1;
        if region.blocks == 0 {
            self.regions.remove(&key);
        }
        self.wide.remove(&id);
        self.spilled.remove(&id);
        self.blocks -= 1;
        Some((info, replicas))
    }

    pub(crate) fn replicas(&self, id: BlockId) -> Replicas {
        let Some(record) = self.record(id) else { return Replicas::new() };
        let mut list: Replicas = record.inline_replicas().collect();
        if record.is_spilled()
            && let Some(more) = self.spilled.get(&id)
        {
            list.extend_from_slice(more);
        }
        list
    }

    pub(crate) fn has_replica(&self, id: BlockId, storage: StorageIndex) -> bool {
        self.record(id).is_some_and(|record| {
            record.has_inline(storage) || self.is_spilled_to(id, record, storage)
        })
    }

    /// Records that `storage` holds the block; `false` if it was known, or the block is not.
    pub(crate) fn add_replica(&mut self, id: BlockId, storage: StorageIndex) -> bool {
        let (region, page, offset) = split(id);
        let Some(region) = self.regions.get_mut(&region) else { return false };
        let Some(Some(page)) = region.pages.get_mut(page) else { return false };
        let Some(record) = page.get_mut(offset) else { return false };
        if record.has_inline(storage) {
            return false;
        }
        if record.is_spilled() || !record.push_inline(storage) {
            record.set_spilled(true);
            let more = self.spilled.entry(id).or_default();
            if more.contains(&storage) {
                return false;
            }
            more.push(storage);
        }
        true
    }

    /// Records that `storage` does not hold the block any more; `false` if it did not before.
    pub(crate) fn remove_replica(&mut self, id: BlockId, storage: StorageIndex) -> bool {
        let Some(record) = self.record(id).copied() else { return false };
        let mut more = if record.is_spilled() { self.spilled.remove(&id) } else { None };
        let mut changed = record;
        let mut removed = changed.remove_inline(storage);
        if let Some(list) = more.as_mut() {
            if removed {
                if !list.is_empty() {
                    changed.push_inline(list.remove(0));
                }
            } else if let Some(at) = list.iter().position(|s| *s == storage) {
                list.remove(at);
                removed = true;
            }
        }
        let more = more.filter(|list| !list.is_empty());
        changed.set_spilled(more.is_some());
        if let Some(list) = more {
            self.spilled.insert(id, list);
        }
        if let Some(slot) = self.record_mut(id) {
            *slot = changed;
        }
        removed
    }

    fn change_numbers(&mut self, id: BlockId, change: impl FnOnce(&mut WideNumbers)) {
        let Some(info) = self.get(id) else { return };
        let mut numbers = WideNumbers {
            length: info.block.length,
            stamp: info.block.stamp.0,
            owner: info.owner.0,
        };
        change(&mut numbers);
        let wide = self.record_mut(id).and_then(|record| record.set_numbers(numbers));
        match wide {
            Some(numbers) => {
                self.wide.insert(id, numbers);
            }
            None => {
                self.wide.remove(&id);
            }
        }
    }

    pub(crate) fn set_length_and_stamp(
        &mut self,
        id: BlockId,
        length: u64,
        stamp: GenerationStamp,
    ) {
        self.change_numbers(id, |numbers| {
            numbers.length = length;
            numbers.stamp = stamp.0;
        });
    }

    pub(crate) fn set_owner(&mut self, id: BlockId, owner: InodeId) {
        self.change_numbers(id, |numbers| numbers.owner = owner.0);
    }

    pub(crate) fn set_state(&mut self, id: BlockId, state: BlockState) {
        if let Some(record) = self.record_mut(id) {
            record.set_state(state);
        }
    }

    pub(crate) fn set_replication(&mut self, id: BlockId, replication: u16) {
        if let Some(record) = self.record_mut(id) {
            record.set_replication(replication);
        }
    }

    pub(crate) fn set_policy(&mut self, id: BlockId, policy: PolicyId) {
        if let Some(record) = self.record_mut(id) {
            record.set_policy(policy);
        }
    }

    pub(crate) fn has_corrupt(&self, id: BlockId) -> bool {
        self.record(id).is_some_and(Record::has_corrupt)
    }

    pub(crate) fn set_corrupt(&mut self, id: BlockId, on: bool) {
        if let Some(record) = self.record_mut(id) {
            record.set_corrupt(on);
        }
    }

    /// The first `limit` ids from `start` on, in ascending order of the ids as unsigned numbers;
    /// to be called again from one past the last.
    pub(crate) fn ids_from(&self, start: u64, limit: usize) -> Vec<BlockId> {
        let (first_region, ..) = split(BlockId(start as i64));
        let mut keys: Vec<u64> =
            self.regions.keys().copied().filter(|key| *key >= first_region).collect();
        keys.sort_unstable();
        let mut found = Vec::new();
        for key in keys {
            let Some(region) = self.regions.get(&key) else { continue };
            for (number, page) in region.pages.iter().enumerate() {
                let Some(page) = page else { continue };
                let base = key << 16 | (number as u64) << 8;
                if base | 0xFF < start {
                    continue;
                }
                for offset in page.offsets() {
                    let id = base | offset as u64;
                    if id >= start {
                        if found.len() == limit {
                            return found;
                        }
                        found.push(BlockId(id as i64));
                    }
                }
            }
        }
        found
    }

    /// Bytes on the heap, computed from capacities.
    pub(crate) fn heap_bytes(&self) -> usize {
        let region_bytes = |region: &Region| {
            let pages = region.pages.iter().flatten();
            let page =
                |page: &Page| size_of::<Page>() + page.records.capacity() * size_of::<Record>();
            REGION * size_of::<Option<Box<Page>>>() + pages.map(|p| page(p)).sum::<usize>()
        };
        self.regions.allocation_size()
            + self.wide.allocation_size()
            + self.spilled.allocation_size()
            + self.regions.values().map(region_bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_record_is_27_bytes() {
        assert_eq!(size_of::<Record>(), 27);
    }

    fn block(id: i64, length: u64, stamp: u64, owner: u64) -> NewBlock {
        NewBlock {
            block: Block { id: BlockId(id), length, stamp: GenerationStamp(stamp) },
            owner: InodeId(owner),
            replication: 3,
            policy: PolicyId(7),
            state: BlockState::Complete,
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Insert(usize, u64, u64, u64),
        Remove(usize),
        Add(usize, u32),
        Drop(usize, u32),
        Renumber(usize, u64, u64),
        Replication(usize, u16),
        State(usize, u8),
        Policy(usize, u8),
        Owner(usize, u64),
        Corrupt(usize, bool),
    }

    const IDS: [i64; 12] = [
        1_073_741_825,
        1_073_741_826,
        1_073_742_080,
        1_073_742_081,
        1_073_900_000,
        0,
        -1,
        i64::MIN,
        i64::MAX,
        77,
        1 << 40,
        -256,
    ];

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..1000, Just(FORTY), Just(FORTY + 1), any::<u64>()]
    }

    const FORTY: u64 = (1 << 40) - 1;

    fn op() -> impl Strategy<Value = Op> {
        let id = 0..IDS.len();
        prop_oneof![
            (id.clone(), number(), number(), number())
                .prop_map(|(i, a, b, c)| Op::Insert(i, a, b, c)),
            id.clone().prop_map(Op::Remove),
            (id.clone(), 0u32..9).prop_map(|(i, s)| Op::Add(i, s)),
            (id.clone(), 0u32..9).prop_map(|(i, s)| Op::Add(i, s + 70_000)),
            (id.clone(), 0u32..9).prop_map(|(i, s)| Op::Drop(i, s)),
            (id.clone(), number(), number()).prop_map(|(i, a, b)| Op::Renumber(i, a, b)),
            (id.clone(), 0u16..0x8000).prop_map(|(i, r)| Op::Replication(i, r)),
            (id.clone(), 0u8..4).prop_map(|(i, s)| Op::State(i, s)),
            (id.clone(), 0u8..16).prop_map(|(i, p)| Op::Policy(i, p)),
            (id.clone(), number()).prop_map(|(i, o)| Op::Owner(i, o)),
            (id, any::<bool>()).prop_map(|(i, c)| Op::Corrupt(i, c)),
        ]
    }

    struct Model {
        info: BlockInfo,
        corrupt: bool,
        replicas: Vec<StorageIndex>,
    }

    fn apply(map: &mut BlockMap, model: &mut BTreeMap<u64, Model>, op: Op) {
        let key = |i: usize| (BlockId(IDS[i]), IDS[i] as u64);
        match op {
            Op::Insert(i, length, stamp, owner) => {
                let new = block(IDS[i], length, stamp, owner);
                let fresh = !model.contains_key(&key(i).1);
                assert_eq!(map.insert(&new), fresh);
                if fresh {
                    let NewBlock { block, owner, replication, policy, state } = new;
                    let info = BlockInfo { block, owner, replication, policy, state };
                    model.insert(key(i).1, Model { info, corrupt: false, replicas: Vec::new() });
                }
            }
            Op::Remove(i) => {
                let gone = map.remove(key(i).0).map(|(info, list)| (info, list.into_vec()));
                let expected = model.remove(&key(i).1).map(|m| (m.info, m.replicas));
                assert_eq!(gone, expected);
            }
            Op::Add(i, s) => {
                let s = StorageIndex(s);
                let known = model.get_mut(&key(i).1);
                let expected = known.is_some_and(|m| {
                    let new = !m.replicas.contains(&s);
                    if new {
                        m.replicas.push(s);
                    }
                    new
                });
                assert_eq!(map.add_replica(key(i).0, s), expected);
            }
            Op::Drop(i, s) => {
                let s = StorageIndex(s);
                let expected = model.get_mut(&key(i).1).is_some_and(|m| {
                    let before = m.replicas.len();
                    m.replicas.retain(|r| *r != s);
                    m.replicas.len() < before
                });
                assert_eq!(map.remove_replica(key(i).0, s), expected);
            }
            Op::Renumber(i, length, stamp) => {
                map.set_length_and_stamp(key(i).0, length, GenerationStamp(stamp));
                if let Some(m) = model.get_mut(&key(i).1) {
                    m.info.block.length = length;
                    m.info.block.stamp = GenerationStamp(stamp);
                }
            }
            Op::Replication(i, r) => {
                map.set_replication(key(i).0, r);
                model.entry(key(i).1).and_modify(|m| m.info.replication = r);
            }
            Op::State(i, s) => {
                let state = [
                    BlockState::Complete,
                    BlockState::UnderConstruction,
                    BlockState::UnderRecovery,
                    BlockState::Committed,
                ][usize::from(s)];
                map.set_state(key(i).0, state);
                model.entry(key(i).1).and_modify(|m| m.info.state = state);
            }
            Op::Policy(i, p) => {
                map.set_policy(key(i).0, PolicyId(p));
                model.entry(key(i).1).and_modify(|m| m.info.policy = PolicyId(p));
            }
            Op::Owner(i, o) => {
                map.set_owner(key(i).0, InodeId(o));
                model.entry(key(i).1).and_modify(|m| m.info.owner = InodeId(o));
            }
            Op::Corrupt(i, c) => {
                map.set_corrupt(key(i).0, c);
                model.entry(key(i).1).and_modify(|m| m.corrupt = c);
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_model(ops in proptest::collection::vec(op(), 0..120)) {
            let mut map = BlockMap::default();
            let mut model = BTreeMap::new();
            for op in ops {
                apply(&mut map, &mut model, op);
                prop_assert_eq!(map.len(), model.len());
                for (id, m) in &model {
                    let id = BlockId(*id as i64);
                    prop_assert_eq!(map.get(id), Some(m.info));
                    prop_assert_eq!(map.replicas(id).into_vec(), m.replicas.clone());
                    prop_assert_eq!(map.has_corrupt(id), m.corrupt);
                }
                let ids: Vec<u64> = map.ids_from(0, 99).into_iter().map(|id| id.0 as u64).collect();
                prop_assert_eq!(ids, model.keys().copied().collect::<Vec<_>>());
            }
        }
    }
}
