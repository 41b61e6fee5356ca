//! The namespace itself: arenas of inodes, names and children, and the primitives that change them.

use std::sync::Arc;

use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};

use crate::apply::Detached;
use crate::arena::{CowVec, FreeList, NONE};
use crate::carried::Carried;
use crate::children::Nodes;
use crate::edit::{Block, Permissions};
use crate::file_blocks::{Blocks, pack, unpack};
use crate::id_map::{IdMap, MAX_INODE_ID};
use crate::inode::{Beside, BesideSlot, FileLayout, Inode, PermissionWord, QuotaFeature};
use crate::intern::Interner;
use crate::lease::Leases;
use crate::names::NameArena;
use crate::policy::UNSPECIFIED;
use crate::settings::Settings;
use crate::status::{FileKind, Quota, Usage};

/// Numbers that only grow, as the image keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The last inode number given out.
    pub last_inode: InodeId,
    /// The last sequential block number given out.
    pub last_block: BlockId,
    /// The last number of an erasure-coded block group.
    pub last_striped_block: BlockId,
    /// The last generation stamp.
    pub generation_stamp: GenerationStamp,
    /// The last generation stamp of blocks with random ids (before Hadoop 2).
    pub generation_stamp_v1: GenerationStamp,
    /// Where stamps of blocks with random ids end.
    pub generation_stamp_v1_limit: GenerationStamp,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            last_inode: InodeId::ROOT,
            last_block: BlockId::LAST_RESERVED,
            last_striped_block: BlockId(i64::MIN),
            generation_stamp: GenerationStamp::LAST_RESERVED,
            generation_stamp_v1: GenerationStamp::LAST_RESERVED,
            generation_stamp_v1_limit: GenerationStamp::GRANDFATHER,
        }
    }
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Directories, the root included.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Blocks of files.
    pub blocks: u64,
}

impl Totals {
    /// Everything with a name (`FilesTotal`).
    #[must_use]
    pub const fn inodes(&self) -> u64 {
        self.files + self.directories + self.symlinks
    }
}

/// All inodes: with the two counts before it, a chunk is 8 KiB less a few bytes, as allocators have
/// them.
pub(crate) type Inodes = CowVec<Inode, 157>;

/// The tree and everything said about it. A clone is a frozen view of the moment it was made: it
/// costs microseconds, and then only the chunks that are written while it lives.
#[derive(Clone)]
pub struct Namespace {
    pub(crate) settings: Arc<Settings>,
    pub(crate) inodes: Inodes,
    pub(crate) inode_slots: FreeList,
    pub(crate) names: NameArena,
    pub(crate) nodes: Nodes,
    pub(crate) ids: IdMap,
    beside: CowVec<BesideSlot, 64>,
    beside_slots: FreeList,
    pub(crate) users: Interner<Arc<str>>,
    pub(crate) permissions: Interner<PermissionWord>,
    pub(crate) layouts: Interner<FileLayout>,
    pub(crate) leases: Leases,
    pub(crate) counters: Counters,
    pub(crate) totals: Totals,
    pub(crate) carried: Arc<Carried>,
    /// The root's limits and use: counted on every change, so not kept beside.
    pub(crate) root_quota: QuotaFeature,
    /// Trees that were removed and wait to be taken apart.
    pub(crate) detached: Vec<Detached>,
    /// The clock as last told, for the renewal times of leases that edits open.
    pub(crate) clock: Milliseconds,
}

impl std::fmt::Debug for Namespace {
    /// Counts alone: a tree may have millions of inodes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespace")
            .field("totals", &self.totals)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// Index of the root in the arena.
pub(crate) const ROOT: u32 = 0;

/// The arena has no room for another inode or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Namespace {
    /// An empty tree: a root that belongs to the file system's owner and the supergroup, mode 755
    /// (`FSDirectory.createRoot`).
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut namespace = Self::without_root(settings);
        let permission = namespace.permission(&Permissions {
            owner: namespace.settings.fs_owner.clone(),
            group: namespace.settings.supergroup.clone(),
            mode: 0o755,
        });
        // In an empty arena there is room for the root.
        let root = namespace.new_inode(FileKind::Directory, InodeId::ROOT, b"", permission);
        debug_assert_eq!(root, Ok(ROOT));
        namespace.root_quota.used.namespace = 1;
        namespace
    }

    /// Nothing at all, for the image loader.
    pub(crate) fn without_root(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            inodes: CowVec::default(),
            inode_slots: FreeList::default(),
            names: NameArena::default(),
            nodes: Nodes::default(),
            ids: IdMap::default(),
            beside: CowVec::default(),
            beside_slots: FreeList::default(),
            users: Interner::default(),
            permissions: Interner::default(),
            layouts: Interner::default(),
            leases: Leases::default(),
            counters: Counters::default(),
            totals: Totals::default(),
            carried: Arc::default(),
            root_quota: QuotaFeature {
                limits: Quota { namespace: i64::MAX, ..Quota::NONE },
                used: Usage::default(),
            },
            detached: Vec::new(),
            clock: Milliseconds(0),
        }
    }

    /// The configuration in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes settings while it serves; views that were taken keep theirs.
    pub fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        change(Arc::make_mut(&mut self.settings));
    }

    /// Takes over a changed configuration.
    pub fn configure(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
    }

    /// Numbers given out so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many inodes and blocks there are.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What is kept for features that are not served.
    #[must_use]
    pub fn carried(&self) -> &Carried {
        &self.carried
    }

    // Reading.

    #[inline]
    pub(crate) fn inode(&self, index: u32) -> Option<&Inode> {
        self.inodes.get(index).filter(|inode| !inode.is_free())
    }

    #[inline]
    pub(crate) fn name(&self, index: u32) -> &[u8] {
        name_of(&self.inodes, &self.names, index)
    }

    pub(crate) fn child(&self, directory: u32, name: &[u8]) -> Option<u32> {
        let tree = self.inode(directory)?.tree();
        self.nodes.find(tree, name, &|i| name_of(&self.inodes, &self.names, i))
    }

    pub(crate) fn children_count(&self, index: u32) -> u32 {
        self.inode(index).map_or(0, |i| self.nodes.count(i.tree()))
    }

    pub(crate) fn beside(&self, index: u32) -> Option<&Beside> {
        let slot = self.inode(index)?.beside()?;
        match self.beside.get(slot)? {
            BesideSlot::Used(beside) => Some(beside),
            BesideSlot::Free(_) => None,
        }
    }

    pub(crate) fn blocks(&self, index: u32) -> Blocks<'_> {
        let Some(inode) = self.inode(index) else {
            return Blocks::EMPTY;
        };
        if let Some(words) = inode.inline_block() {
            return Blocks::Inline(Some(unpack(words)));
        }
        self.beside(index).map_or(Blocks::EMPTY, |beside| Blocks::List(&beside.blocks))
    }

    pub(crate) fn layout(&self, inode: &Inode) -> FileLayout {
        self.layouts.get(inode.layout).copied().unwrap_or_default()
    }

    pub(crate) fn permission_word(&self, inode: &Inode) -> PermissionWord {
        let none = PermissionWord { owner: NONE, group: NONE, mode: 0 };
        self.permissions.get(inode.permission).copied().unwrap_or(none)
    }

    pub(crate) fn user(&self, number: u32) -> &str {
        self.users.get(number).map_or("", |name| name)
    }

    /// The index of an inode that is in the tree.
    pub(crate) fn index_of(&self, id: InodeId) -> Option<u32> {
        let index = self.ids.get(id)?;
        self.is_attached(index).then_some(index)
    }

    /// In the tree, not in one that was removed and is still being taken apart?
    pub(crate) fn is_attached(&self, mut index: u32) -> bool {
        if self.detached.is_empty() {
            return true;
        }
        while let Some(inode) = self.inode(index) {
            if inode.is_detached() {
                return false;
            }
            if index == ROOT {
                return true;
            }
            index = inode.parent;
        }
        false
    }

    /// Indices from the root down to `index`.
    pub(crate) fn lineage(&self, index: u32) -> smallvec::SmallVec<[u32; 16]> {
        let mut lineage = smallvec::SmallVec::new();
        let mut at = index;
        while let Some(inode) = self.inode(at) {
            lineage.push(at);
            at = inode.parent;
        }
        lineage.reverse();
        lineage
    }

    /// The path of an inode.
    pub(crate) fn path(&self, index: u32) -> String {
        let lineage = self.lineage(index);
        if lineage.len() <= 1 {
            return "/".to_owned();
        }
        let mut path = Vec::new();
        for &at in lineage.iter().skip(1) {
            path.push(b'/');
            path.extend_from_slice(self.name(at));
        }
        String::from_utf8_lossy(&path).into_owned()
    }

    /// The policy in effect for an inode: its own, else the nearest directory's; 0 for none.
    pub(crate) fn effective_policy(&self, mut index: u32) -> u8 {
        while let Some(inode) = self.inode(index) {
            let own = self.own_policy(index, inode);
            if own != UNSPECIFIED {
                return own;
            }
            index = inode.parent;
        }
        UNSPECIFIED
    }

    pub(crate) fn own_policy(&self, index: u32, inode: &Inode) -> u8 {
        if inode.is_file() {
            self.layout(inode).storage_policy
        } else if inode.has_policy_attribute() {
            self.beside(index).and_then(Beside::storage_policy).unwrap_or(UNSPECIFIED)
        } else {
            UNSPECIFIED
        }
    }

    // Changing.

    pub(crate) fn owner(&mut self, name: &str) -> u32 {
        self.users.number(name)
    }

    pub(crate) fn permission(&mut self, permissions: &Permissions) -> u32 {
        let word = PermissionWord {
            owner: self.users.number(permissions.owner.as_str()),
            group: self.users.number(permissions.group.as_str()),
            mode: permissions.mode,
        };
        self.permissions.number(&word)
    }

    pub(crate) fn new_inode(
        &mut self,
        kind: FileKind,
        id: InodeId,
        name: &[u8],
        permission: u32,
    ) -> Result<u32, Full> {
        if id.0 > MAX_INODE_ID || self.ids.get(id).is_some() {
            return Err(Full);
        }
        let name = self.names.add(name).ok_or(Full)?;
        let inodes = &self.inodes;
        let link = |slot| inodes.get(slot).map_or(NONE, |inode| inode.name);
        let Some(index) = self.inode_slots.take(NONE - 1, link) else {
            self.names.remove(name);
            return Err(Full);
        };
        *self.inodes.get_mut(index) = Inode::new(kind, id, name, permission);
        self.ids.insert(id, index);
        self.counters.last_inode = self.counters.last_inode.max(id);
        match kind {
            FileKind::Directory => self.totals.directories += 1,
            FileKind::File => self.totals.files += 1,
            FileKind::Symlink => self.totals.symlinks += 1,
        }
        Ok(index)
    }

    /// Puts an inode under a directory. False if there is one of its name.
    pub(crate) fn link(&mut self, directory: u32, index: u32) -> bool {
        let Some(tree) = self.inode(directory).map(Inode::tree) else {
            return false;
        };
        let (inodes, names) = (&self.inodes, &self.names);
        let of = |i| name_of(inodes, names, i);
        let Some(root) = self.nodes.insert(tree, of(index), index, &of) else {
            return false;
        };
        if root != tree {
            self.inodes.get_mut(directory).set_tree(root);
        }
        self.inodes.get_mut(index).parent = directory;
        self.count_subdirectory(directory, index, 1);
        true
    }

    /// Takes an inode out of its directory.
    pub(crate) fn unlink(&mut self, index: u32) {
        let Some(directory) = self.inode(index).map(|inode| inode.parent) else {
            return;
        };
        let Some(tree) = self.inode(directory).map(Inode::tree) else {
            return;
        };
        let (inodes, names) = (&self.inodes, &self.names);
        let of = |i| name_of(inodes, names, i);
        if let Some((_, root)) = self.nodes.remove(tree, of(index), &of) {
            if root != tree {
                self.inodes.get_mut(directory).set_tree(root);
            }
            self.count_subdirectory(directory, index, -1);
        }
        self.inodes.get_mut(index).parent = NONE;
    }

    fn count_subdirectory(&mut self, directory: u32, child: u32, change: i32) {
        if self.inode(child).is_some_and(Inode::is_directory) {
            let record = self.inodes.get_mut(directory);
            record.set_subdirectories(record.subdirectories().saturating_add_signed(change));
        }
    }

    pub(crate) fn rename_inode(&mut self, index: u32, name: &[u8]) -> Result<(), Full> {
        let new = self.names.add(name).ok_or(Full)?;
        let old = std::mem::replace(&mut self.inodes.get_mut(index).name, new);
        self.names.remove(old);
        Ok(())
    }

    /// Frees an inode that is out of the tree and has no children; its blocks are the caller's.
    pub(crate) fn free_inode(&mut self, index: u32) {
        let Some(&inode) = self.inode(index) else {
            return;
        };
        self.totals.blocks -= self.blocks(index).len() as u64;
        self.update_beside(index, |beside| *beside = Beside::default());
        match inode.kind() {
            FileKind::Directory => self.totals.directories -= 1,
            FileKind::File => self.totals.files -= 1,
            FileKind::Symlink => self.totals.symlinks -= 1,
        }
        self.nodes.release_tree(inode.tree());
        self.names.remove(inode.name);
        self.ids.remove(inode.id());
        let link = self.inode_slots.give(index);
        let slot = self.inodes.get_mut(index);
        *slot = Inode::default();
        slot.name = link;
    }

    /// Changes what is kept beside an inode; what the record can hold moves back into it.
    pub(crate) fn update_beside(&mut self, index: u32, change: impl FnOnce(&mut Beside)) {
        let Some(&inode) = self.inode(index) else {
            return;
        };
        let slot = inode.beside();
        if let Some(slot) = slot {
            if let BesideSlot::Used(shared) = self.beside.get_mut(slot) {
                let beside = Arc::make_mut(shared);
                change(beside);
                if !beside.is_superfluous() {
                    self.inodes.get_mut(index).note(Some(beside));
                    return;
                }
                let block = beside.blocks.first().copied().and_then(pack);
                let link = self.beside_slots.give(slot);
                *self.beside.get_mut(slot) = BesideSlot::Free(link);
                self.settle(index, block);
            }
            return;
        }
        let mut beside = Beside::default();
        beside.blocks.extend(inode.inline_block().map(unpack));
        change(&mut beside);
        if beside.is_superfluous() {
            let block = beside.blocks.first().copied().and_then(pack);
            self.settle(index, block);
            return;
        }
        let slots = &self.beside;
        let link = |slot| match slots.get(slot) {
            Some(BesideSlot::Free(next)) => *next,
            _ => NONE,
        };
        // There are as many slots as inodes.
        let Some(slot) = self.beside_slots.take(NONE - 1, link) else {
            return;
        };
        let record = self.inodes.get_mut(index);
        record.set_beside(Some(slot));
        record.note(Some(&beside));
        *self.beside.get_mut(slot) = BesideSlot::Used(Arc::new(beside));
    }

    /// Nothing is beside the record any more.
    fn settle(&mut self, index: u32, block: Option<[u32; 4]>) {
        let record = self.inodes.get_mut(index);
        record.set_beside(None);
        record.note(None);
        if record.is_file() {
            record.set_inline_block(block);
        }
    }

    /// Replaces a file's blocks.
    pub(crate) fn set_blocks(&mut self, index: u32, blocks: &[Block]) {
        let old = self.blocks(index).len() as u64;
        self.totals.blocks = self.totals.blocks - old + blocks.len() as u64;
        // Nothing beside the record, and nothing to go there: by far the most files.
        if let &[only] = blocks
            && let Some(block) = pack(only)
            && self.inode(index).is_some_and(|inode| inode.is_file() && inode.beside().is_none())
        {
            self.inodes.get_mut(index).set_inline_block(Some(block));
            return;
        }
        self.update_beside(index, |beside| {
            beside.blocks.clear();
            beside.blocks.extend_from_slice(blocks);
        });
    }

    pub(crate) fn set_layout(&mut self, index: u32, layout: FileLayout) {
        let number = self.layouts.number(&layout);
        self.inodes.get_mut(index).layout = number;
    }

    pub(crate) fn set_permission_word(&mut self, index: u32, word: PermissionWord) {
        let number = self.permissions.number(&word);
        self.inodes.get_mut(index).permission = number;
    }

    /// A directory's time of change never goes back (`INode.updateModificationTime`).
    pub(crate) fn touch_directory(&mut self, index: u32, time: Milliseconds) {
        if self.inode(index).is_some_and(|i| i.mtime() < time) {
            self.inodes.get_mut(index).set_mtime(time);
        }
    }

    /// Bytes that the namespace itself holds, everything counted.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let beside: usize = (0..self.beside_slots.end())
            .filter_map(|slot| match self.beside.get(slot)? {
                BesideSlot::Used(beside) => Some(size_of::<Beside>() + 16 + beside.heap_bytes()),
                BesideSlot::Free(_) => None,
            })
            .sum();
        size_of::<Self>()
            + self.inodes.heap_bytes()
            + self.names.heap_bytes()
            + self.nodes.heap_bytes()
            + self.ids.heap_bytes()
            + self.beside.heap_bytes()
            + beside
            + self.users.heap_bytes()
            + self.permissions.heap_bytes()
            + self.layouts.heap_bytes()
    }

    /// Every inode in the arena, in no order of meaning.
    pub(crate) fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.inode_slots.end()).filter(|&index| self.inode(index).is_some())
    }
}

/// The name of an inode, from the two arenas alone, so that the children can be changed meanwhile.
#[inline]
pub(crate) fn name_of<'a>(inodes: &Inodes, names: &'a NameArena, index: u32) -> &'a [u8] {
    inodes.get(index).map_or(&[], |inode| names.get(inode.name))
}
