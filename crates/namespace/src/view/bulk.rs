//! Many inodes at a time: decoded apart from the tree, by several threads if the caller has them,
//! in the form in which the tree keeps them, and then moved into it by whole runs.

use std::hash::Hash;

use foldhash::HashMap;
use loxodon_wire::ids::InodeId;

use super::{LoadedBody, LoadedInode, LoadedPermissions, Loader};
use crate::arena::NONE;
use crate::error::LoadError;
use crate::file_blocks::pack;
use crate::id_map::MAX_INODE_ID;
use crate::inode::{FileLayout, Inode};
use crate::names::{NameArena, compare_names};
use crate::status::FileKind;
use crate::tree::{Namespace, ROOT};

/// Inodes that are not in a tree yet.
#[derive(Default)]
pub struct Batch<'a> {
    /// By far the most: what the record does not hold is in the tables below, by number, and the
    /// name in `names`, by offset.
    records: Vec<Inode>,
    names: Vec<u8>,
    permissions: Numbers<LoadedPermissions<'a>>,
    layouts: Numbers<FileLayout>,
    /// Those with more than a record holds.
    others: Vec<LoadedInode<'a>>,
}

/// Values, each kept once; neighbours mostly have the same.
struct Numbers<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
    recent: Option<(T, u32)>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::default(), recent: None }
    }
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    fn number(&mut self, value: T) -> u32 {
        if let Some((recent, number)) = self.recent
            && recent == value
        {
            return number;
        }
        let next = u32::try_from(self.values.len()).unwrap_or(NONE);
        let number = *self.numbers.entry(value).or_insert(next);
        if number == next {
            self.values.push(value);
        }
        self.recent = Some((value, number));
        number
    }
}

impl<'a> Batch<'a> {
    /// Room for so many.
    pub(crate) fn with_capacity(inodes: usize) -> Self {
        Self {
            records: Vec::with_capacity(inodes),
            names: Vec::with_capacity(inodes.saturating_mul(24)),
            ..Self::default()
        }
    }

    /// Adds an inode.
    pub(crate) fn push(&mut self, inode: LoadedInode<'a>) {
        if !self.push_record(&inode) {
            self.others.push(inode);
        }
    }

    /// False if there is more to the inode than a record holds.
    fn push_record(&mut self, inode: &LoadedInode<'a>) -> bool {
        if inode.id == InodeId::ROOT
            || inode.id.0 > MAX_INODE_ID
            || !inode.acl.is_empty()
            || !inode.xattrs.is_empty()
        {
            return false;
        }
        let (kind, layout, block) = match &inode.body {
            LoadedBody::Directory(quota) if !quota.is_set() => (FileKind::Directory, 0, None),
            LoadedBody::File {
                replication,
                block_size,
                storage_policy,
                erasure_coding_policy,
                blocks,
                writer: None,
            } => {
                let block = match blocks.as_slice() {
                    [] => None,
                    [only] => match pack(*only) {
                        None => return false,
                        packed => packed,
                    },
                    _ => return false,
                };
                let layout = FileLayout {
                    block_size: *block_size,
                    replication: *replication,
                    storage_policy: *storage_policy,
                    erasure_coding_policy: *erasure_coding_policy,
                };
                (FileKind::File, self.layouts.number(layout), block)
            }
            _ => return false,
        };
        let Some(name) = NameArena::put_slot(inode.name, &mut self.names) else {
            return false;
        };
        let permission = self.permissions.number(inode.permissions);
        let mut record = Inode::new(kind, inode.id, name, permission);
        record.layout = layout;
        record.set_mtime(inode.mtime);
        record.set_atime(inode.atime);
        if block.is_some() {
            record.set_inline_block(block);
        }
        self.records.push(record);
        true
    }
}

/// Directories and their children as indices of a tree.
#[derive(Default)]
pub struct Families {
    directories: Vec<Family>,
    children: Vec<u32>,
}

struct Family {
    directory: u32,
    children: usize,
    subdirectories: u32,
    /// The children are in order of their names, no two alike.
    in_order: bool,
}

impl Loader {
    /// Adds the inodes of a batch; how many they were.
    ///
    /// # Errors
    /// A number is taken or out of range, or there is no room for more.
    pub fn add_batch(&mut self, batch: Batch<'_>) -> Result<u64, LoadError> {
        let Batch { mut records, names, permissions, layouts, others } = batch;
        let count = (records.len() + others.len()) as u64;
        let permissions: Vec<u32> =
            permissions.values.iter().map(|wanted| self.permission(wanted)).collect();
        let layouts: Vec<u32> =
            layouts.values.iter().map(|layout| self.namespace.layouts.number(layout)).collect();
        for record in &mut records {
            // Both numbers are from these tables.
            record.permission = permissions.get(record.permission as usize).copied().unwrap_or(0);
            if record.is_file() {
                record.layout = layouts.get(record.layout as usize).copied().unwrap_or(0);
            }
        }
        self.namespace.add_records(records, &names)?;
        for other in others {
            self.add(other)?;
        }
        Ok(count)
    }

    /// Looks up a directory and its children, to be joined later.
    ///
    /// # Errors
    /// One of them is unknown, or the first is no directory; or those of `children`.
    pub(crate) fn find_family<E: From<LoadError>>(
        &self,
        families: &mut Families,
        directory: InodeId,
        mut children: impl FnMut() -> Result<Option<InodeId>, E>,
    ) -> Result<(), E> {
        let ns = &self.namespace;
        let index_of = |id| ns.index_of(id).ok_or(LoadError::UnknownInode(id));
        let parent = index_of(directory)?;
        if !ns.inode(parent).is_some_and(Inode::is_directory) {
            return Err(LoadError::NotDirectory(directory).into());
        }
        let before = families.children.len();
        let (mut subdirectories, mut in_order, mut last) = (0, true, None);
        while let Some(child) = children()? {
            let index = index_of(child)?;
            families.children.push(index);
            subdirectories += u32::from(ns.inode(index).is_some_and(Inode::is_directory));
            let name = ns.name(index);
            in_order &= last.is_none_or(|last| compare_names(last, name).is_lt());
            last = Some(name);
        }
        let children = families.children.len() - before;
        families.directories.push(Family { directory: parent, children, subdirectories, in_order });
        Ok(())
    }

    /// Puts children into their directories.
    ///
    /// # Errors
    /// One of them has a parent or a namesake.
    pub fn join(&mut self, families: &Families) -> Result<(), LoadError> {
        let mut rest = families.children.as_slice();
        for family in &families.directories {
            let (children, others) = rest.split_at_checked(family.children).unwrap_or_default();
            rest = others;
            let ns = &mut self.namespace;
            let is_empty = ns.children_count(family.directory) == 0;
            if family.in_order && is_empty {
                ns.adopt(family.directory, children, family.subdirectories)?;
                continue;
            }
            let id = |index| ns.inode(index).map_or(InodeId(0), Inode::id);
            let directory = id(family.directory);
            let children: Vec<InodeId> = children.iter().map(|&index| id(index)).collect();
            for child in children {
                self.link(directory, child)?;
            }
        }
        Ok(())
    }
}

impl Namespace {
    /// Takes over inodes whose names are slots in `names`, and whose permissions and layouts have
    /// numbers of this tree.
    fn add_records(&mut self, mut records: Vec<Inode>, names: &[u8]) -> Result<(), LoadError> {
        let Some(first_id) = records.first().map(Inode::id) else { return Ok(()) };
        let full = LoadError::OutOfRange { inode: first_id, what: "the number of inodes or names" };
        self.names.add_slots(names, &mut records).ok_or_else(|| full.clone())?;
        let first = self.inode_slots.take_run(records.len(), NONE - 1).ok_or(full)?;
        self.ids.insert_run(&records, Inode::id, first).map_err(LoadError::DuplicateInode)?;
        for record in &records {
            self.counters.last_inode = self.counters.last_inode.max(record.id());
            match record.kind() {
                FileKind::Directory => self.totals.directories += 1,
                FileKind::File => self.totals.files += 1,
                FileKind::Symlink => self.totals.symlinks += 1,
            }
            self.totals.blocks += u64::from(record.inline_block().is_some());
        }
        self.inodes.write_run(first, &records);
        Ok(())
    }

    /// Makes inodes the children of a directory that has none yet.
    fn adopt(
        &mut self,
        directory: u32,
        children: &[u32],
        subdirectories: u32,
    ) -> Result<(), LoadError> {
        let mut taken = None;
        self.inodes.for_each_mut(children, |index, inode| {
            if index == ROOT || inode.parent != NONE {
                taken = Some(inode.id());
            }
            inode.parent = directory;
        });
        if let Some(id) = taken {
            return Err(LoadError::TwoParents(id));
        }
        let tree = self.nodes.build(children);
        let record = self.inodes.get_mut(directory);
        record.set_tree(tree);
        record.set_subdirectories(subdirectories);
        Ok(())
    }
}
