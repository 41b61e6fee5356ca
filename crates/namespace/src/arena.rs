//! A growable array in chunks that are shared between a namespace and its frozen views, and copied
//! when either writes (`Arc::make_mut`). Cloning copies the top level alone: one pointer for every
//! `CHUNKS * N` items.

use std::sync::Arc;

/// Chunks below one pointer of the top level.
const CHUNKS: usize = 256;

type Chunk<T, const N: usize> = Arc<[T; N]>;

/// An array of `T`, in chunks of `N`, that may have holes of whole chunks.
pub(crate) struct CowVec<T, const N: usize> {
    top: Vec<Arc<Middle<T, N>>>,
}

struct Middle<T, const N: usize> {
    chunks: [Option<Chunk<T, N>>; CHUNKS],
}

impl<T, const N: usize> Clone for Middle<T, N> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone() }
    }
}

impl<T, const N: usize> Clone for CowVec<T, N> {
    fn clone(&self) -> Self {
        Self { top: self.top.clone() }
    }
}

impl<T, const N: usize> Default for CowVec<T, N> {
    fn default() -> Self {
        Self { top: Vec::new() }
    }
}

impl<T: Clone + Default, const N: usize> CowVec<T, N> {
    const fn split(index: u32) -> (usize, usize, usize) {
        let index = index as usize;
        (index / N / CHUNKS, index / N % CHUNKS, index % N)
    }

    #[inline]
    fn chunk(&self, index: u32) -> Option<(&[T; N], usize)> {
        let (a, b, c) = Self::split(index);
        let chunk = self.top.get(a)?.chunks.get(b)?.as_ref()?;
        Some((chunk, c))
    }

    /// The item, if its chunk is there.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (chunk, at) = self.chunk(index)?;
        chunk.get(at)
    }

    /// `len` items from `start`, all within one chunk.
    #[inline]
    pub(crate) fn slice(&self, start: u32, len: usize) -> Option<&[T]> {
        let (chunk, at) = self.chunk(start)?;
        chunk.get(at..at.checked_add(len)?)
    }

    #[inline]
    fn chunk_mut(&mut self, index: u32) -> (&mut [T; N], usize) {
        let (a, b, c) = Self::split(index);
        while self.top.len() <= a {
            self.top.push(Arc::new(Middle { chunks: [const { None }; CHUNKS] }));
        }
        let middle = Arc::make_mut(&mut self.top[a]);
        let chunk = middle.chunks[b].get_or_insert_with(|| {
            let items: Box<[T]> = vec![T::default(); N].into_boxed_slice();
            // The length is N by construction, so the conversion cannot fail.
            items
                .try_into()
                .map_or_else(|_| Arc::new(std::array::from_fn(|_| T::default())), box_to_arc)
        });
        (Arc::make_mut(chunk), c)
    }

    /// The item, to be changed; its chunk is made where it is not there.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        let (chunk, at) = self.chunk_mut(index);
        &mut chunk[at]
    }

    /// `len` items from `start`, all within one chunk, to be changed.
    pub(crate) fn slice_mut(&mut self, start: u32, len: usize) -> Option<&mut [T]> {
        let (chunk, at) = self.chunk_mut(start);
        chunk.get_mut(at..at.checked_add(len)?)
    }

    /// Writes `items` from `start` on.
    pub(crate) fn write_run(&mut self, start: u32, items: &[T]) {
        let (mut at, mut rest) = (start, items);
        while !rest.is_empty() {
            let (chunk, offset) = self.chunk_mut(at);
            let room = &mut chunk[offset..];
            let (now, later) = rest.split_at(room.len().min(rest.len()));
            room[..now.len()].clone_from_slice(now);
            at = at.saturating_add(now.len() as u32);
            rest = later;
        }
    }

    /// Changes the items at these places, one after the other.
    pub(crate) fn for_each_mut(&mut self, indices: &[u32], mut change: impl FnMut(u32, &mut T)) {
        let mut rest = indices;
        while let Some(&first) = rest.first() {
            let number = first as usize / N;
            let together = rest.iter().take_while(|&&index| index as usize / N == number).count();
            let (now, later) = rest.split_at(together);
            let (chunk, _) = self.chunk_mut(first);
            for &index in now {
                change(index, &mut chunk[index as usize % N]);
            }
            rest = later;
        }
    }

    /// Every item of the chunk that `index` is in.
    pub(crate) fn chunk_items(&self, index: u32) -> Option<&[T; N]> {
        self.chunk(index).map(|(chunk, _)| chunk)
    }

    /// Gives back the chunk that `index` is in.
    pub(crate) fn drop_chunk(&mut self, index: u32) {
        let (a, b, _) = Self::split(index);
        if let Some(middle) = self.top.get_mut(a) {
            Arc::make_mut(middle).chunks[b] = None;
        }
    }

    /// Bytes held: chunks, and the two levels of pointers above.
    pub(crate) fn heap_bytes(&self) -> usize {
        let chunks: usize =
            self.top.iter().map(|middle| middle.chunks.iter().flatten().count()).sum();
        let counts = 2 * size_of::<usize>();
        chunks * (size_of::<[T; N]>() + counts)
            + self.top.len() * (size_of::<Middle<T, N>>() + counts)
            + self.top.capacity() * size_of::<usize>()
    }
}

fn box_to_arc<T, const N: usize>(items: Box<[T; N]>) -> Arc<[T; N]> {
    Arc::from(items)
}

/// Hands out slots of a [`CowVec`] and takes them back. Free slots are chained through the items
/// themselves, so that the list is part of the frozen view at no cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FreeList {
    head: u32,
    next_fresh: u32,
    used: u32,
}

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

impl Default for FreeList {
    fn default() -> Self {
        Self { head: NONE, next_fresh: 0, used: 0 }
    }
}

impl FreeList {
    /// A slot: one given back, whose link `link` reads, or a fresh one. `None` if there are no more
    /// than `limit`.
    pub(crate) fn take(&mut self, limit: u32, link: impl FnOnce(u32) -> u32) -> Option<u32> {
        let slot = if self.head == NONE {
            if self.next_fresh >= limit {
                return None;
            }
            let slot = self.next_fresh;
            self.next_fresh += 1;
            slot
        } else {
            let slot = self.head;
            self.head = link(slot);
            slot
        };
        self.used += 1;
        Some(slot)
    }

    /// So many fresh slots, one after the other; the first of them. `None` where slots were given
    /// back before, or there are no more than `limit`.
    pub(crate) fn take_run(&mut self, count: usize, limit: u32) -> Option<u32> {
        let first = self.next_fresh;
        let count = u32::try_from(count).ok()?;
        let next = first.checked_add(count).filter(|&next| self.head == NONE && next <= limit)?;
        self.next_fresh = next;
        self.used += count;
        Some(first)
    }

    /// Takes a slot back; the caller writes the returned link into it.
    pub(crate) fn give(&mut self, slot: u32) -> u32 {
        self.used = self.used.saturating_sub(1);
        std::mem::replace(&mut self.head, slot)
    }

    /// Slots in use.
    #[cfg(test)]
    pub(crate) const fn used(&self) -> u32 {
        self.used
    }

    /// Slots ever handed out: every used one is below this.
    pub(crate) const fn end(&self) -> u32 {
        self.next_fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_what_the_original_changes() {
        let mut array: CowVec<u32, 4> = CowVec::default();
        for i in 0..5000 {
            *array.get_mut(i) = i;
        }
        let frozen = array.clone();
        for i in 0..5000 {
            *array.get_mut(i) += 1;
        }
        for i in 0..5000 {
            assert_eq!(frozen.get(i), Some(&i));
            assert_eq!(array.get(i), Some(&(i + 1)));
        }
    }

    #[test]
    fn holes_read_as_nothing_and_chunks_go_back() {
        let mut array: CowVec<u8, 16> = CowVec::default();
        *array.get_mut(100_000) = 7;
        assert_eq!(array.get(5), None);
        assert_eq!(array.get(100_001), Some(&0));
        assert_eq!(array.slice(100_000, 17), None);
        array.drop_chunk(100_000);
        assert_eq!(array.get(100_000), None);
    }

    #[test]
    fn free_slots_come_back_last_first() {
        let mut links = [0; 8];
        let mut list = FreeList::default();
        let a = list.take(8, |_| NONE);
        let b = list.take(8, |_| NONE);
        assert_eq!((a, b, list.used()), (Some(0), Some(1), 2));
        links[0] = list.give(0);
        links[1] = list.give(1);
        assert_eq!(list.take(8, |s| links[s as usize]), Some(1));
        assert_eq!(list.take(8, |s| links[s as usize]), Some(0));
        assert_eq!(list.take(8, |s| links[s as usize]), Some(2));
        assert_eq!(FreeList::default().take(0, |_| NONE), None);
    }
}
