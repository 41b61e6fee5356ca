//! The names of all inodes, one after another in a compact arena: a length byte and the bytes.
//!
//! A name that is given back leaves its slot in a list of slots of exactly that size; names of one
//! directory tend to have one length, so such slots are soon used again.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::arena::{CowVec, NONE};
use crate::inode::Inode;

/// Bytes in a chunk, with the two counts before it 64 KiB; no name straddles two.
const CHUNK: usize = 64 * 1024 - 16;
/// The longest name: more than any path of 8000 characters has in UTF-8.
pub(crate) const MAX_NAME: usize = 32 * 1024;
/// Length byte that says "two more bytes of length follow".
const LONG: u8 = 255;
/// A free slot holds the offset of the next one.
const MIN_SLOT: usize = 4;
/// Slots below this size have a list each.
const SHORT_SLOTS: usize = 256;

/// Where a name is: its offset in the arena.
pub(crate) type NameRef = u32;

#[derive(Clone)]
pub(crate) struct NameArena {
    bytes: CowVec<u8, CHUNK>,
    end: u64,
    free: [u32; SHORT_SLOTS],
    free_long: Arc<BTreeMap<usize, Vec<u32>>>,
}

impl Default for NameArena {
    fn default() -> Self {
        Self {
            bytes: CowVec::default(),
            end: 0,
            free: [NONE; SHORT_SLOTS],
            free_long: Arc::default(),
        }
    }
}

const fn slot_size(len: usize) -> usize {
    if len >= LONG as usize {
        len + 3
    } else if len + 1 < MIN_SLOT {
        MIN_SLOT
    } else {
        len + 1
    }
}

/// What stands before a name: its length in one byte, or in three. `None` if it is too long.
fn header(name: &[u8]) -> Option<([u8; 3], usize)> {
    if name.len() > MAX_NAME {
        return None;
    }
    let length = u16::try_from(name.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    Some(if length < u16::from(LONG) { ([low, 0, 0], 1) } else { ([LONG, high, low], 3) })
}

impl NameArena {
    /// The name at `at`; empty if there is none.
    #[inline]
    pub(crate) fn get(&self, at: NameRef) -> &[u8] {
        let Some(&first) = self.bytes.get(at) else {
            return &[];
        };
        let name = if first == LONG {
            let Some(&[_, high, low]) = self.bytes.slice(at, 3) else {
                return &[];
            };
            let len = usize::from(u16::from_be_bytes([high, low]));
            self.bytes.slice(at.saturating_add(3), len)
        } else {
            self.bytes.slice(at.saturating_add(1), usize::from(first))
        };
        name.unwrap_or(&[])
    }

    /// Stores a name. `None` where it is too long or the arena is full.
    pub(crate) fn add(&mut self, name: &[u8]) -> Option<NameRef> {
        let (header, len) = header(name)?;
        let size = slot_size(name.len());
        let at = self.take(size)?;
        let slot = self.bytes.slice_mut(at, size)?;
        slot.get_mut(..len)?.copy_from_slice(&header[..len]);
        slot.get_mut(len..len + name.len())?.copy_from_slice(name);
        Some(at)
    }

    /// Appends a name to `slots` as the arena keeps it; where it begins. `None` if it is too long.
    pub(crate) fn put_slot(name: &[u8], slots: &mut Vec<u8>) -> Option<NameRef> {
        let (header, len) = header(name)?;
        let at = slots.len();
        let start = u32::try_from(at).ok()?;
        slots.extend_from_slice(&header[..len]);
        slots.extend_from_slice(name);
        slots.resize(at + slot_size(name.len()), 0);
        Some(start)
    }

    /// Stores all names of `slots`, one after the other as [`Self::put_slot`] left them, by whole
    /// runs; each inode's name is where it begins in there, and then where it is in the arena.
    /// `None` if the arena is full.
    pub(crate) fn add_slots(&mut self, slots: &[u8], inodes: &mut [Inode]) -> Option<()> {
        let mut from = 0;
        while let Some(first) = inodes.get(from) {
            let begin = first.name;
            let room = CHUNK - usize::try_from(self.end % CHUNK as u64).ok()?;
            let limit = begin as usize + room;
            let ends_within =
                |next: Option<&Inode>| next.map_or(slots.len(), |next| next.name as usize) <= limit;
            // Names ascend: how many of them end in this chunk?
            let rest = inodes.get(from + 1..)?;
            let mut to = from + rest.partition_point(|next| ends_within(Some(next)));
            to += usize::from(to + 1 == inodes.len() && ends_within(None));
            if to == from {
                self.end = (self.end / CHUNK as u64 + 1) * CHUNK as u64;
                continue;
            }
            let end = inodes.get(to).map_or(slots.len(), |next| next.name as usize);
            let run = slots.get(begin as usize..end)?;
            let at = u32::try_from(self.end).ok()?;
            self.end += run.len() as u64;
            if self.end >= u64::from(NONE) {
                return None;
            }
            self.bytes.slice_mut(at, run.len())?.copy_from_slice(run);
            for inode in inodes.get_mut(from..to)? {
                inode.name = inode.name - begin + at;
            }
            from = to;
        }
        Some(())
    }

    fn take(&mut self, size: usize) -> Option<NameRef> {
        if size < SHORT_SLOTS {
            let at = self.free[size];
            if at != NONE {
                let next = self.bytes.slice(at, 4)?;
                self.free[size] = u32::from_le_bytes(next.try_into().ok()?);
                return Some(at);
            }
        } else if self.free_long.contains_key(&size) {
            let lists = Arc::make_mut(&mut self.free_long);
            let list = lists.get_mut(&size)?;
            let at = list.pop();
            if list.is_empty() {
                lists.remove(&size);
            }
            if at.is_some() {
                return at;
            }
        }
        let chunk = CHUNK as u64;
        let mut start = self.end;
        if start % chunk + size as u64 > chunk {
            start = (start / chunk + 1) * chunk;
        }
        // NONE itself is never an offset.
        if start + size as u64 >= u64::from(NONE) {
            return None;
        }
        self.end = start + size as u64;
        u32::try_from(start).ok()
    }

    /// Gives a name back.
    pub(crate) fn remove(&mut self, at: NameRef) {
        let size = slot_size(self.get(at).len());
        if size < SHORT_SLOTS {
            let next = std::mem::replace(&mut self.free[size], at);
            if let Some(slot) = self.bytes.slice_mut(at, 4) {
                slot.copy_from_slice(&next.to_le_bytes());
            }
        } else {
            let lists = Arc::make_mut(&mut self.free_long);
            lists.entry(size).or_default().push(at);
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.heap_bytes()
    }
}

/// The order of names in a directory: bytes compared as *signed* numbers, as Java's
/// `SignedBytes.lexicographicalComparator` does; images and listings depend on it.
#[inline]
pub(crate) fn compare_names(left: &[u8], right: &[u8]) -> Ordering {
    let mut words = left.chunks_exact(8).zip(right.chunks_exact(8));
    let same = words.by_ref().take_while(|(l, r)| l == r).count().saturating_mul(8);
    let (left, right) = (left.get(same..).unwrap_or(&[]), right.get(same..).unwrap_or(&[]));
    for (l, r) in left.iter().zip(right) {
        if l != r {
            return l.cast_signed().cmp(&r.cast_signed());
        }
    }
    left.len().cmp(&right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_whole_and_slots_are_used_again() {
        let mut arena = NameArena::default();
        let names: Vec<Vec<u8>> =
            [0, 1, 2, 3, 4, 20, 253, 254, 255, 256, 8000].iter().map(|&n| vec![b'x'; n]).collect();
        let refs: Vec<_> = names.iter().map(|n| arena.add(n).unwrap()).collect();
        for (name, at) in names.iter().zip(&refs) {
            assert_eq!(arena.get(*at), name);
        }
        let end = arena.end;
        for at in &refs {
            arena.remove(*at);
        }
        for name in names.iter().rev() {
            let at = arena.add(name).unwrap();
            assert_eq!(arena.get(at), name);
        }
        assert_eq!(arena.end, end, "every slot was used again");
        assert_eq!(arena.add(&vec![0; MAX_NAME + 1]), None);
    }

    #[test]
    fn whole_runs_are_stored_as_single_names_are() {
        let lengths = [20, 1, 0, 300, 7, 255, 254, 32_000, 3];
        let names: Vec<Vec<u8>> = (0..9000_usize)
            .map(|i| vec![u8::try_from(i % 251).unwrap(); lengths[i % lengths.len()] % (i + 400)])
            .collect();
        let mut arena = NameArena::default();
        let mut taken = Vec::new();
        for part in names.chunks(777) {
            let mut slots = Vec::new();
            let mut inodes: Vec<Inode> = Vec::new();
            for name in part {
                let mut inode = Inode::default();
                inode.name = NameArena::put_slot(name, &mut slots).unwrap();
                inodes.push(inode);
            }
            arena.add_slots(&slots, &mut inodes).unwrap();
            taken.extend(inodes.iter().map(|inode| inode.name));
        }
        for (name, at) in names.iter().zip(&taken) {
            assert_eq!(arena.get(*at), name);
        }
        let one = arena.add(b"and one more").unwrap();
        assert_eq!(arena.get(one), b"and one more");
    }

    #[test]
    fn no_name_straddles_two_chunks() {
        let mut arena = NameArena::default();
        let refs: Vec<_> = (0..1000)
            .map(|i| arena.add(&vec![u8::try_from(i % 251).unwrap(); 300]).unwrap())
            .collect();
        for (i, at) in refs.into_iter().enumerate() {
            assert_eq!(arena.get(at), vec![u8::try_from(i % 251).unwrap(); 300]);
        }
    }

    #[test]
    fn order_is_javas() {
        assert_eq!(compare_names("é".as_bytes(), b"a"), Ordering::Less);
        assert_eq!(compare_names(b"a", b"ab"), Ordering::Less);
        assert_eq!(compare_names(b"part-00010", b"part-00009"), Ordering::Greater);
        assert_eq!(compare_names(b"same-same-same", b"same-same-same"), Ordering::Equal);
        assert_eq!(compare_names(b"", b"\xff"), Ordering::Less);
    }
}
