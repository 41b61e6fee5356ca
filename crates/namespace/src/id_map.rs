//! From an inode's number to its place in the arena: pages of 256 numbers, dense or sparse, in
//! regions of 2^24. Numbers are given out in sequence and never again, so live ones crowd at the
//! end and thin out behind; pages that are empty are given back.

use std::collections::BTreeMap;

use loxodon_wire::ids::InodeId;

use crate::arena::CowVec;

/// Numbers of one page.
const PAGE: usize = 256;
/// Entries up to which a page is a list.
const SPARSE: usize = 48;
/// Pages of one chunk.
const CHUNK: usize = 16;
const REGION_BITS: u32 = 24;

/// The largest number that fits an inode record.
pub(crate) const MAX_INODE_ID: u64 = (1 << 48) - 1;

#[derive(Clone, Default)]
enum Page {
    #[default]
    Empty,
    /// Sorted by number.
    Sparse(Vec<(u8, u32)>),
    /// Index plus one, 0 for none; and how many there are.
    Dense(Box<[u32; PAGE]>, u16),
}

impl Page {
    /// False if the number is there already.
    fn insert(&mut self, number: u8, index: u32) -> bool {
        match self {
            Self::Empty => {
                let mut list = Vec::with_capacity(4);
                list.push((number, index));
                *self = Self::Sparse(list);
            }
            Self::Sparse(list) => {
                let Err(at) = list.binary_search_by_key(&number, |e| e.0) else {
                    return false;
                };
                if list.len() < SPARSE {
                    list.insert(at, (number, index));
                } else {
                    let mut slots = Box::new([0; PAGE]);
                    for &(number, index) in list.iter() {
                        slots[usize::from(number)] = index + 1;
                    }
                    slots[usize::from(number)] = index + 1;
                    *self = Self::Dense(slots, u16::try_from(SPARSE + 1).unwrap_or(u16::MAX));
                }
            }
            Self::Dense(slots, used) => {
                let slot = &mut slots[usize::from(number)];
                if *slot != 0 {
                    return false;
                }
                *slot = index + 1;
                *used += 1;
            }
        }
        true
    }
}

#[derive(Clone, Default)]
struct Region {
    pages: CowVec<Page, CHUNK>,
    used: u32,
}

/// `INodeMap`.
#[derive(Clone, Default)]
pub(crate) struct IdMap {
    regions: BTreeMap<u32, Region>,
}

/// Region, page in it, number in that.
fn split(id: InodeId) -> Option<(u32, u32, u8)> {
    if id.0 > MAX_INODE_ID {
        return None;
    }
    let region = u32::try_from(id.0 >> REGION_BITS).ok()?;
    let page = u32::try_from((id.0 >> 8) & ((1 << (REGION_BITS - 8)) - 1)).ok()?;
    Some((region, page, u8::try_from(id.0 & 0xff).ok()?))
}

impl IdMap {
    #[inline]
    pub(crate) fn get(&self, id: InodeId) -> Option<u32> {
        let (region, page, number) = split(id)?;
        match self.regions.get(&region)?.pages.get(page)? {
            Page::Empty => None,
            Page::Sparse(list) => {
                let at = list.binary_search_by_key(&number, |e| e.0).ok()?;
                list.get(at).map(|e| e.1)
            }
            Page::Dense(slots, _) => slots[usize::from(number)].checked_sub(1),
        }
    }

    /// Enters a number. False if it is there already or out of range.
    pub(crate) fn insert(&mut self, id: InodeId, index: u32) -> bool {
        let Some((region, page, number)) = split(id) else {
            return false;
        };
        let region = self.regions.entry(region).or_default();
        let is_new = region.pages.get_mut(page).insert(number, index);
        region.used += u32::from(is_new);
        is_new
    }

    /// Enters the numbers of `items`, with indices one after the other from `first` on; those that
    /// come in order are entered a page at a time.
    ///
    /// # Errors
    /// One that is there already or out of range.
    pub(crate) fn insert_run<T>(
        &mut self,
        items: &[T],
        id: impl Fn(&T) -> InodeId,
        first: u32,
    ) -> Result<(), InodeId> {
        let (mut rest, mut index) = (items, first);
        while let Some(item) = rest.first() {
            let (region, page, _) = split(id(item)).ok_or_else(|| id(item))?;
            let page_of = id(item).0 >> 8;
            let together = rest.iter().take_while(|item| id(item).0 >> 8 == page_of).count();
            let (now, later) = rest.split_at(together);
            let Region { pages, used } = self.regions.entry(region).or_default();
            let page = pages.get_mut(page);
            if now.len() > SPARSE && matches!(page, Page::Empty) {
                *page = Page::Dense(Box::new([0; PAGE]), 0);
            }
            for item in now {
                if !page.insert(id(item).0 as u8, index) {
                    return Err(id(item));
                }
                index = index.saturating_add(1);
                *used += 1;
            }
            rest = later;
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, id: InodeId) {
        if self.get(id).is_none() {
            return;
        }
        let Some((region_number, page_number, number)) = split(id) else {
            return;
        };
        let Some(region) = self.regions.get_mut(&region_number) else {
            return;
        };
        let page = region.pages.get_mut(page_number);
        let empty = match page {
            Page::Empty => true,
            Page::Sparse(list) => {
                list.retain(|e| e.0 != number);
                list.is_empty()
            }
            Page::Dense(slots, used) => {
                slots[usize::from(number)] = 0;
                *used -= 1;
                if usize::from(*used) <= SPARSE / 2 {
                    *page = Page::Sparse(thinned(slots));
                }
                false
            }
        };
        if empty {
            *page = Page::Empty;
            let items = region.pages.chunk_items(page_number);
            if items.is_some_and(|pages| pages.iter().all(|p| matches!(p, Page::Empty))) {
                region.pages.drop_chunk(page_number);
            }
        }
        region.used -= 1;
        if region.used == 0 {
            self.regions.remove(&region_number);
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let mut bytes = 0;
        for region in self.regions.values() {
            bytes += region.pages.heap_bytes() + size_of::<Region>();
            for page in (0..1 << (REGION_BITS - 8)).filter_map(|page| region.pages.get(page)) {
                bytes += match page {
                    Page::Empty => 0,
                    Page::Sparse(list) => list.capacity() * size_of::<(u8, u32)>(),
                    Page::Dense(..) => size_of::<[u32; PAGE]>(),
                };
            }
        }
        bytes
    }
}

/// The entries of a dense page that became thin.
fn thinned(slots: &[u32; PAGE]) -> Vec<(u8, u32)> {
    (0..=u8::MAX)
        .zip(slots)
        .filter(|(_, slot)| **slot != 0)
        .map(|(number, slot)| (number, slot - 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_until_removed() {
        let mut map = IdMap::default();
        let ids: Vec<u64> = (16_385..20_000).chain([1 << 30, MAX_INODE_ID]).collect();
        for (index, id) in ids.iter().enumerate() {
            assert!(map.insert(InodeId(*id), u32::try_from(index).unwrap()));
            assert!(!map.insert(InodeId(*id), 0));
        }
        assert!(!map.insert(InodeId(MAX_INODE_ID + 1), 0));
        let frozen = map.clone();
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(map.get(InodeId(*id)), u32::try_from(index).ok());
            map.remove(InodeId(*id));
            assert_eq!(map.get(InodeId(*id)), None);
        }
        assert!(map.regions.is_empty());
        assert_eq!(frozen.get(InodeId(16_385)), Some(0));
    }

    #[test]
    fn runs_are_entered_as_single_numbers_are() {
        let ids: Vec<InodeId> =
            (300..1000).chain(70..90).chain((5000..9000).step_by(9)).map(InodeId).collect();
        let (mut one, mut all) = (IdMap::default(), IdMap::default());
        for (index, id) in (7..).zip(&ids) {
            assert!(one.insert(*id, index));
        }
        assert_eq!(all.insert_run(&ids, |id| *id, 7), Ok(()));
        for id in (0..10_000).map(InodeId) {
            assert_eq!(one.get(id), all.get(id));
        }
        assert_eq!(all.insert_run(&[InodeId(20), InodeId(80)], |id| *id, 0), Err(InodeId(80)));
        let beyond = InodeId(MAX_INODE_ID + 1);
        assert_eq!(all.insert_run(&[beyond], |id| *id, 0), Err(beyond));
        for id in ids.iter().chain(&[InodeId(20)]) {
            all.remove(*id);
        }
        assert!(all.regions.is_empty());
    }

    #[test]
    fn survivors_of_a_churn_cost_little() {
        let mut map = IdMap::default();
        for id in 0..100_000u32 {
            map.insert(InodeId(u64::from(id) + 20_000), id);
            if id % 100 != 0 {
                map.remove(InodeId(u64::from(id) + 20_000));
            }
        }
        assert!(map.heap_bytes() < 60_000, "{}", map.heap_bytes());
        assert_eq!(map.get(InodeId(20_100)), Some(100));
    }
}
