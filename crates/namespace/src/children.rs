//! The children of every directory, in name order: a small sorted list that grows into a B+-tree.
//!
//! A node is 4, 16 or 64 words of 32 bits. Only the largest kind has levels above it. Entries are
//! inode indices; names are looked up through the inode, so a child costs four bytes and its share
//! of the slack. Interior nodes carry for each child the first inode below it and how many there
//! are, so that a listing knows what remains after a page without walking.
//!
//! ```text
//! word 0        length | level << 16
//! leaf          word 1..        inode indices
//! interior      word 1..=21     children (node references)
//!               word 22..=42    the first inode below each
//!               word 43..=63    inodes below each
//! ```

use smallvec::SmallVec;

use crate::arena::{CowVec, FreeList, NONE};
use crate::names::compare_names;
use std::cmp::Ordering;

const LEAF_CAPACITY: usize = 63;
const FAN: usize = 21;
const FIRSTS: usize = 1 + FAN;
const COUNTS: usize = FIRSTS + FAN;
/// A node reference: kind in the two highest bits, slot below.
const SLOTS: u32 = 1 << 30;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Medium,
    Large,
}

const fn kind_of(node: u32) -> Kind {
    match node >> 30 {
        0 => Kind::Small,
        1 => Kind::Medium,
        _ => Kind::Large,
    }
}

impl Kind {
    const fn capacity(self) -> usize {
        match self {
            Self::Small => 3,
            Self::Medium => 15,
            Self::Large => LEAF_CAPACITY,
        }
    }
}

/// All nodes of all directories.
#[derive(Clone, Default)]
pub(crate) struct Nodes {
    small: CowVec<[u32; 4], 63>,
    medium: CowVec<[u32; 16], 31>,
    large: CowVec<Large, 31>,
    small_free: FreeList,
    medium_free: FreeList,
    large_free: FreeList,
}

#[derive(Clone)]
struct Large([u32; 64]);

impl Default for Large {
    fn default() -> Self {
        Self([0; 64])
    }
}

/// What an insertion below a node did to it: a node beside it.
struct Split {
    right: u32,
    first: u32,
    count: u32,
}

/// What a removal below a node left of it.
struct Left {
    inode: u32,
    len: usize,
    first: u32,
}

const fn length(words: &[u32]) -> usize {
    (words[0] & 0xffff) as usize
}

const fn level(words: &[u32]) -> u32 {
    words[0] >> 16
}

fn set_length(words: &mut [u32], len: usize) {
    words[0] = (words[0] & 0xffff_0000) | (len as u32 & 0xffff);
}

/// Inserts at `at` within a run of `len` words that begins at `base`.
fn shift_in(words: &mut [u32], base: usize, len: usize, at: usize, value: u32) {
    words.copy_within(base + at..base + len, base + at + 1);
    words[base + at] = value;
}

/// Removes at `at` within a run of `len` words that begins at `base`.
fn shift_out(words: &mut [u32], base: usize, len: usize, at: usize) {
    words.copy_within(base + at + 1..base + len, base + at);
}

impl Nodes {
    fn words(&self, node: u32) -> &[u32] {
        let slot = node & (SLOTS - 1);
        let words: Option<&[u32]> = match kind_of(node) {
            Kind::Small => self.small.get(slot).map(|n| &n[..]),
            Kind::Medium => self.medium.get(slot).map(|n| &n[..]),
            Kind::Large => self.large.get(slot).map(|n| &n.0[..]),
        };
        words.unwrap_or(&[0])
    }

    fn words_mut(&mut self, node: u32) -> &mut [u32] {
        let slot = node & (SLOTS - 1);
        match kind_of(node) {
            Kind::Small => &mut self.small.get_mut(slot)[..],
            Kind::Medium => &mut self.medium.get_mut(slot)[..],
            Kind::Large => &mut self.large.get_mut(slot).0[..],
        }
    }

    /// A new node. With 2^30 of each kind there is always one: inodes run out first.
    fn allocate(&mut self, kind: Kind, level: u32) -> u32 {
        let node = match kind {
            Kind::Small => {
                let nodes = &self.small;
                let link = |s| nodes.get(s).map_or(NONE, |n| n[1]);
                self.small_free.take(SLOTS - 1, link).unwrap_or(0)
            }
            Kind::Medium => {
                let nodes = &self.medium;
                let link = |s| nodes.get(s).map_or(NONE, |n| n[1]);
                self.medium_free.take(SLOTS - 1, link).unwrap_or(0) | 1 << 30
            }
            Kind::Large => {
                let nodes = &self.large;
                let link = |s| nodes.get(s).map_or(NONE, |n| n.0[1]);
                self.large_free.take(SLOTS - 1, link).unwrap_or(0) | 2 << 30
            }
        };
        self.words_mut(node)[0] = level << 16;
        node
    }

    fn release(&mut self, node: u32) {
        let slot = node & (SLOTS - 1);
        let link = match kind_of(node) {
            Kind::Small => self.small_free.give(slot),
            Kind::Medium => self.medium_free.give(slot),
            Kind::Large => self.large_free.give(slot),
        };
        let words = self.words_mut(node);
        words[0] = 0;
        words[1] = link;
    }

    /// Where `name` is among a leaf's entries, or where it would be.
    fn search_leaf<'n>(
        entries: &[u32],
        name: &[u8],
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> Result<usize, usize> {
        // New names mostly come in order: look at the end first.
        if let Some(&last) = entries.last()
            && compare_names(name_of(last), name) == Ordering::Less
        {
            return Err(entries.len());
        }
        entries.binary_search_by(|&inode| compare_names(name_of(inode), name))
    }

    /// Which child of an interior node `name` belongs to.
    fn search_interior<'n>(
        words: &[u32],
        name: &[u8],
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> usize {
        let firsts = &words[FIRSTS..FIRSTS + length(words)];
        firsts
            .partition_point(|&inode| compare_names(name_of(inode), name) != Ordering::Greater)
            .saturating_sub(1)
    }

    /// The child called `name`.
    pub(crate) fn find<'n>(
        &self,
        root: u32,
        name: &[u8],
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> Option<u32> {
        if root == NONE {
            return None;
        }
        let mut node = root;
        loop {
            let words = self.words(node);
            if level(words) == 0 {
                let entries = words.get(1..=length(words))?;
                let found = entries.binary_search_by(|&i| compare_names(name_of(i), name));
                return entries.get(found.ok()?).copied();
            }
            node = words[1 + Self::search_interior(words, name, name_of)];
        }
    }

    /// Inodes in the tree.
    pub(crate) fn count(&self, root: u32) -> u32 {
        if root == NONE {
            return 0;
        }
        let words = self.words(root);
        let len = length(words);
        if level(words) == 0 { len as u32 } else { words[COUNTS..COUNTS + len].iter().sum() }
    }

    fn first(&self, node: u32) -> u32 {
        let words = self.words(node);
        if level(words) == 0 { words[1] } else { words[FIRSTS] }
    }

    /// Adds a child; `None` if there is one of that name. Gives the new root.
    pub(crate) fn insert<'n>(
        &mut self,
        root: u32,
        name: &[u8],
        inode: u32,
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> Option<u32> {
        if root == NONE {
            let node = self.allocate(Kind::Small, 0);
            let words = self.words_mut(node);
            words[1] = inode;
            set_length(words, 1);
            return Some(node);
        }
        let kind = kind_of(root);
        if kind != Kind::Large {
            let words = self.words(root);
            let len = length(words);
            let at = Self::search_leaf(&words[1..=len], name, name_of).err()?;
            let node = if len == kind.capacity() { self.resize(root) } else { root };
            let words = self.words_mut(node);
            shift_in(words, 1, len, at, inode);
            set_length(words, len + 1);
            return Some(node);
        }
        let old_first = self.first(root);
        let Some(split) = self.insert_below(root, name, inode, true, name_of)? else {
            return Some(root);
        };
        // Only where the new child became the first is the first not what it was.
        let first = if compare_names(name, name_of(old_first)) == Ordering::Less {
            inode
        } else {
            old_first
        };
        let count = self.count(root);
        let above = self.allocate(Kind::Large, level(self.words(root)) + 1);
        let words = self.words_mut(above);
        words[1] = root;
        words[FIRSTS] = first;
        words[COUNTS] = count;
        words[2] = split.right;
        words[FIRSTS + 1] = split.first;
        words[COUNTS + 1] = split.count;
        set_length(words, 2);
        Some(above)
    }

    /// A tree of children that are in order of their names, no two alike. Gives its root.
    pub(crate) fn build(&mut self, children: &[u32]) -> u32 {
        let kind = match children.len() {
            0 => return NONE,
            1..=3 => Kind::Small,
            4..=15 => Kind::Medium,
            _ => Kind::Large,
        };
        let mut row = Vec::with_capacity(children.len() / LEAF_CAPACITY + 1);
        for part in children.chunks(LEAF_CAPACITY) {
            let leaf = self.allocate(kind, 0);
            let words = self.words_mut(leaf);
            words[1..=part.len()].copy_from_slice(part);
            set_length(words, part.len());
            row.push(Split { right: leaf, first: part[0], count: part.len() as u32 });
        }
        let mut above = 1;
        while row.len() > 1 {
            row = row.chunks(FAN).map(|part| self.interior(above, part)).collect();
            above += 1;
        }
        row.first().map_or(NONE, |root| root.right)
    }

    fn interior(&mut self, level: u32, below: &[Split]) -> Split {
        let node = self.allocate(Kind::Large, level);
        let words = self.words_mut(node);
        for (at, child) in below.iter().enumerate() {
            words[1 + at] = child.right;
            words[FIRSTS + at] = child.first;
            words[COUNTS + at] = child.count;
        }
        set_length(words, below.len());
        let count = below.iter().map(|child| child.count).sum();
        Split { right: node, first: below[0].first, count }
    }

    /// Moves a leaf that is alone into a node of the next larger kind.
    fn resize(&mut self, node: u32) -> u32 {
        let kind = if kind_of(node) == Kind::Small { Kind::Medium } else { Kind::Large };
        self.move_leaf(node, kind)
    }

    fn move_leaf(&mut self, node: u32, kind: Kind) -> u32 {
        let mut entries = [0; LEAF_CAPACITY];
        let words = self.words(node);
        let len = length(words).min(kind.capacity());
        entries[..len].copy_from_slice(&words[1..=len]);
        self.release(node);
        let moved = self.allocate(kind, 0);
        let words = self.words_mut(moved);
        words[1..=len].copy_from_slice(&entries[..len]);
        set_length(words, len);
        moved
    }

    fn insert_below<'n>(
        &mut self,
        node: u32,
        name: &[u8],
        inode: u32,
        rightmost: bool,
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> Option<Option<Split>> {
        let words = self.words(node);
        let len = length(words);
        if level(words) == 0 {
            let at = Self::search_leaf(&words[1..=len], name, name_of).err()?;
            return Some(self.insert_into_leaf(node, at, inode, rightmost));
        }
        let at = Self::search_interior(words, name, name_of);
        let first = words[FIRSTS + at];
        let child = words[1 + at];
        let split = self.insert_below(child, name, inode, rightmost && at + 1 == len, name_of)?;
        let becomes_first = at == 0 && compare_names(name, name_of(first)) == Ordering::Less;
        let words = self.words_mut(node);
        if becomes_first {
            words[FIRSTS] = inode;
        }
        words[COUNTS + at] += 1;
        let Some(split) = split else {
            return Some(None);
        };
        words[COUNTS + at] -= split.count;
        Some(self.insert_into_interior(node, at + 1, &split, rightmost))
    }

    fn insert_into_leaf(&mut self, node: u32, at: usize, inode: u32, last: bool) -> Option<Split> {
        let words = self.words_mut(node);
        let len = length(words);
        if len < LEAF_CAPACITY {
            shift_in(words, 1, len, at, inode);
            set_length(words, len + 1);
            return None;
        }
        // Names that come in order leave full leaves behind them.
        let keep = if last && at == len { len } else { len / 2 };
        let mut moved = [0; LEAF_CAPACITY];
        let count = len - keep;
        moved[..count].copy_from_slice(&words[1 + keep..=len]);
        set_length(words, keep);
        let right = self.allocate(Kind::Large, 0);
        let target = self.words_mut(right);
        target[1..=count].copy_from_slice(&moved[..count]);
        set_length(target, count);
        let (into, at) = if at > keep || at == len { (right, at - keep) } else { (node, at) };
        let words = self.words_mut(into);
        let len = length(words);
        shift_in(words, 1, len, at, inode);
        set_length(words, len + 1);
        let words = self.words(right);
        Some(Split { right, first: words[1], count: length(words) as u32 })
    }

    fn insert_into_interior(
        &mut self,
        node: u32,
        at: usize,
        new: &Split,
        last: bool,
    ) -> Option<Split> {
        let words = self.words_mut(node);
        let len = length(words);
        if len < FAN {
            shift_in(words, 1, len, at, new.right);
            shift_in(words, FIRSTS, len, at, new.first);
            shift_in(words, COUNTS, len, at, new.count);
            set_length(words, len + 1);
            return None;
        }
        let keep = if last && at == len { len } else { len / 2 };
        let above = level(words);
        let mut old = [0; 64];
        old.copy_from_slice(words);
        set_length(words, keep);
        let right = self.allocate(Kind::Large, above);
        let target = self.words_mut(right);
        let count = len - keep;
        for base in [1, FIRSTS, COUNTS] {
            target[base..base + count].copy_from_slice(&old[base + keep..base + len]);
        }
        set_length(target, count);
        let (into, at) = if at > keep || at == len { (right, at - keep) } else { (node, at) };
        // There is room in either half, so this ends here.
        self.insert_into_interior(into, at, new, false);
        let words = self.words(right);
        Some(Split { right, first: words[FIRSTS], count: self.count(right) })
    }

    /// Removes the child called `name`. Gives it and the new root.
    pub(crate) fn remove<'n>(
        &mut self,
        root: u32,
        name: &[u8],
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> Option<(u32, u32)> {
        if root == NONE {
            return None;
        }
        let left = self.remove_below(root, name, name_of)?;
        let mut root = root;
        loop {
            let words = self.words(root);
            let (len, kind) = (length(words), kind_of(root));
            if level(words) > 0 {
                if len > 1 {
                    break;
                }
                let child = words[1];
                self.release(root);
                root = if len == 0 { NONE } else { child };
                if root == NONE {
                    break;
                }
                continue;
            }
            if len == 0 {
                self.release(root);
                root = NONE;
            } else if kind == Kind::Large && len <= 10 {
                root = self.move_leaf(root, Kind::Medium);
            } else if kind == Kind::Medium && len <= 2 {
                root = self.move_leaf(root, Kind::Small);
            }
            break;
        }
        Some((left.inode, root))
    }

    fn remove_below<'n>(
        &mut self,
        node: u32,
        name: &[u8],
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> Option<Left> {
        let words = self.words(node);
        let len = length(words);
        if level(words) == 0 {
            let at = Self::search_leaf(&words[1..=len], name, name_of).ok()?;
            let inode = words[1 + at];
            let words = self.words_mut(node);
            shift_out(words, 1, len, at);
            set_length(words, len - 1);
            return Some(Left { inode, len: len - 1, first: words[1] });
        }
        let at = Self::search_interior(words, name, name_of);
        let child = words[1 + at];
        let left = self.remove_below(child, name, name_of)?;
        let words = self.words_mut(node);
        words[COUNTS + at] -= 1;
        if left.len == 0 {
            self.release(child);
            self.drop_child(node, at);
        } else {
            words[FIRSTS + at] = left.first;
            self.merge_around(node, at, left.len);
        }
        let words = self.words(node);
        Some(Left { inode: left.inode, len: length(words), first: words[FIRSTS] })
    }

    fn drop_child(&mut self, node: u32, at: usize) {
        let words = self.words_mut(node);
        let len = length(words);
        for base in [1, FIRSTS, COUNTS] {
            shift_out(words, base, len, at);
        }
        set_length(words, len - 1);
    }

    /// Joins a thin child with a neighbour where both fit one node with room to spare.
    fn merge_around(&mut self, node: u32, at: usize, child_len: usize) {
        let words = self.words(node);
        let (len, leaf) = (length(words), level(words) == 1);
        let (thin, roomy) = if leaf { (20, 44) } else { (6, 15) };
        if child_len > thin {
            return;
        }
        for left in [at, at.wrapping_sub(1)] {
            if left >= len || left + 1 >= len {
                continue;
            }
            let (a, b) = (words[1 + left], words[2 + left]);
            if length(self.words(a)) + length(self.words(b)) <= roomy {
                self.merge(node, left, a, b, leaf);
                return;
            }
        }
    }

    fn merge(&mut self, node: u32, left: usize, a: u32, b: u32, leaf: bool) {
        let mut from = [0; 64];
        from.copy_from_slice(self.words(b));
        let added = length(&from);
        let words = self.words_mut(a);
        let len = length(words);
        let bases: &[usize] = if leaf { &[1] } else { &[1, FIRSTS, COUNTS] };
        for &base in bases {
            words[base + len..base + len + added].copy_from_slice(&from[base..base + added]);
        }
        set_length(words, len + added);
        self.release(b);
        let words = self.words_mut(node);
        words[COUNTS + left] += words[COUNTS + left + 1];
        self.drop_child(node, left + 1);
    }

    /// Gives back every node of a tree, whose inodes are gone or go elsewhere.
    pub(crate) fn release_tree(&mut self, root: u32) {
        if root == NONE {
            return;
        }
        let mut pending: SmallVec<[u32; 32]> = SmallVec::new();
        pending.push(root);
        while let Some(node) = pending.pop() {
            let words = self.words(node);
            if level(words) > 0 {
                pending.extend_from_slice(&words[1..=length(words)]);
            }
            self.release(node);
        }
    }

    /// All children, in order.
    pub(crate) fn iter(&self, root: u32) -> Children<'_> {
        let mut children = Children { nodes: self, stack: SmallVec::new() };
        if root != NONE {
            children.stack.push((root, 0));
        }
        children
    }

    /// The children after `name` (which need not be there) and how many they are.
    pub(crate) fn iter_after<'n>(
        &self,
        root: u32,
        name: &[u8],
        name_of: &impl Fn(u32) -> &'n [u8],
    ) -> (Children<'_>, u32) {
        let mut children = self.iter(NONE);
        let mut before: u32 = 0;
        let mut node = root;
        while node != NONE {
            let words = self.words(node);
            let len = length(words);
            if level(words) == 0 {
                let at = match Self::search_leaf(&words[1..=len], name, name_of) {
                    Ok(at) => at + 1,
                    Err(at) => at,
                };
                before += at as u32;
                children.stack.push((node, at));
                break;
            }
            let at = Self::search_interior(words, name, name_of);
            before += words[COUNTS..COUNTS + at].iter().sum::<u32>();
            children.stack.push((node, at + 1));
            node = words[1 + at];
        }
        (children, self.count(root) - before)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.small.heap_bytes() + self.medium.heap_bytes() + self.large.heap_bytes()
    }
}

/// Inode indices in name order.
#[derive(Clone)]
pub(crate) struct Children<'a> {
    nodes: &'a Nodes,
    stack: SmallVec<[(u32, usize); 6]>,
}

impl Iterator for Children<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            let (node, at) = self.stack.last_mut()?;
            let words = self.nodes.words(*node);
            if *at >= length(words) {
                self.stack.pop();
                continue;
            }
            let entry = words[1 + *at];
            *at += 1;
            if level(words) == 0 {
                return Some(entry);
            }
            self.stack.push((entry, 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn name(i: u32) -> Vec<u8> {
        format!("{:06}", i.wrapping_mul(2_654_435_761) % 1_000_000).into_bytes()
    }

    fn check(nodes: &Nodes, root: u32, model: &BTreeMap<Vec<u8>, u32>, names: &[Vec<u8>]) {
        let of = |i: u32| &names[i as usize][..];
        let listed: Vec<u32> = nodes.iter(root).collect();
        let expected: Vec<u32> = model.values().copied().collect();
        assert_eq!(listed, expected);
        assert_eq!(nodes.count(root) as usize, model.len());
        for (key, inode) in model.iter().step_by(37) {
            assert_eq!(nodes.find(root, key, &of), Some(*inode));
            let (after, count) = nodes.iter_after(root, key, &of);
            let rest = model
                .range::<Vec<u8>, _>((
                    std::ops::Bound::Excluded(key.clone()),
                    std::ops::Bound::Unbounded,
                ))
                .count();
            assert_eq!((after.count(), count as usize), (rest, rest));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn agrees_with_a_map(steps in proptest::collection::vec((0u32..3000, 0u8..10), 1..4000), add in 3u8..9) {
            let names: Vec<Vec<u8>> = (0..3000).map(name).collect();
            let of = |i: u32| &names[i as usize][..];
            let mut nodes = Nodes::default();
            let mut root = NONE;
            let mut model: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
            for (i, what) in steps {
                let key = names[i as usize].clone();
                if what < add {
                    match nodes.insert(root, &key, i, &of) {
                        Some(new) => { root = new; prop_assert!(model.insert(key, i).is_none()); }
                        None => prop_assert!(model.contains_key(&key)),
                    }
                } else {
                    match nodes.remove(root, &key, &of) {
                        Some((gone, new)) => { root = new; prop_assert_eq!(model.remove(&key), Some(gone)); }
                        None => prop_assert!(!model.contains_key(&key)),
                    }
                }
            }
            check(&nodes, root, &model, &names);
            for (key, i) in &model {
                let (gone, new) = nodes.remove(root, key, &of).unwrap();
                prop_assert_eq!(gone, *i);
                root = new;
            }
            prop_assert_eq!(root, NONE);
            prop_assert_eq!(nodes.large_free.used() + nodes.medium_free.used() + nodes.small_free.used(), 0);
        }
    }

    #[test]
    fn built_at_once_or_one_by_one() {
        for count in [0, 1, 3, 4, 15, 16, 63, 64, 1323, 1324, 1387, 30_000] {
            let names: Vec<Vec<u8>> =
                (0..2 * count).map(|i| format!("{i:08}").into_bytes()).collect();
            let of = |i: u32| &names[i as usize][..];
            let mut nodes = Nodes::default();
            let even: Vec<u32> = (0..count).map(|i| 2 * i).collect();
            let mut root = nodes.build(&even);
            let mut model: BTreeMap<Vec<u8>, u32> =
                even.iter().map(|&i| (of(i).to_vec(), i)).collect();
            check(&nodes, root, &model, &names);
            for i in even.iter().map(|i| i + 1).step_by(3) {
                root = nodes.insert(root, of(i), i, &of).unwrap();
                model.insert(of(i).to_vec(), i);
            }
            check(&nodes, root, &model, &names);
            for i in even.iter().rev() {
                let (gone, new) = nodes.remove(root, of(*i), &of).unwrap();
                assert_eq!(gone, *i);
                model.remove(of(*i));
                root = new;
            }
            check(&nodes, root, &model, &names);
            nodes.release_tree(root);
            assert_eq!(
                nodes.large_free.used() + nodes.medium_free.used() + nodes.small_free.used(),
                0
            );
        }
    }

    #[test]
    fn names_in_order_fill_their_leaves() {
        let names: Vec<Vec<u8>> = (0..100_000).map(|i| format!("{i:08}").into_bytes()).collect();
        let of = |i: u32| &names[i as usize][..];
        let mut nodes = Nodes::default();
        let mut root = NONE;
        for i in 0..100_000 {
            root = nodes.insert(root, of(i), i, &of).unwrap();
        }
        assert!(nodes.large_free.used() < 100_000 / 63 * 22 / 20);
        assert_eq!(nodes.iter(root).count(), 100_000);
        nodes.release_tree(root);
        assert_eq!(nodes.large_free.used(), 0);
    }
}
