//! The tree as an image has it: every inode with all its fields, and how a tree is put together
//! from such.

mod bulk;

use std::sync::Arc;

use loxodon_wire::ids::{InodeId, Milliseconds};
use smallvec::SmallVec;

use crate::acl;
use crate::arena::NONE;
use crate::carried::Carried;
use crate::edit::{AclEntry, Block, XAttr};
use crate::error::LoadError;
use crate::file_blocks::Blocks;
use crate::id_map::MAX_INODE_ID;
use crate::inode::{FileLayout, Inode, PermissionWord, QuotaFeature, Writer};
use crate::policy::UNSPECIFIED;
use crate::settings::Settings;
use crate::status::{FileKind, Quota, Usage};
use crate::tree::{Counters, Namespace, ROOT, name_of};

pub use bulk::{Batch, Families};

/// One inode with everything that is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InodeView<'a> {
    /// Its number.
    pub id: InodeId,
    /// Its directory; none for the root.
    pub parent: Option<InodeId>,
    /// Its name; empty for the root.
    pub name: &'a [u8],
    /// Last change.
    pub mtime: Milliseconds,
    /// Last access; 0 for directories.
    pub atime: Milliseconds,
    /// Owner.
    pub owner: &'a str,
    /// Group.
    pub group: &'a str,
    /// Mode with sticky bit. With access entries in `acl` its group bits are the mask.
    pub mode: u16,
    /// Entries as the inode keeps them (`AclFeature`): without those that the mode says.
    pub acl: &'a [AclEntry],
    /// Attributes.
    pub xattrs: &'a [XAttr],
    /// The rest, by kind.
    pub body: InodeBody<'a>,
}

/// What is said about an inode of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InodeBody<'a> {
    /// A file.
    File {
        /// Copies of each block.
        replication: u16,
        /// Preferred block size.
        block_size: u64,
        /// Policy set on the file, 0 for none.
        storage_policy: u8,
        /// 0 for replication.
        erasure_coding_policy: u8,
        /// Its blocks.
        blocks: Blocks<'a>,
        /// Who writes it, if somebody does.
        writer: Option<&'a Writer>,
    },
    /// A directory.
    Directory {
        /// Its limits.
        quota: Quota,
        /// How many children it has.
        children: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: &'a str,
    },
}

impl Namespace {
    fn view(&self, index: u32) -> Option<InodeView<'_>> {
        let inode = self.inode(index)?;
        let word = self.permission_word(inode);
        let beside = self.beside(index);
        let body = match inode.kind() {
            FileKind::File => {
                let layout = self.layout(inode);
                InodeBody::File {
                    replication: layout.replication,
                    block_size: layout.block_size,
                    storage_policy: layout.storage_policy,
                    erasure_coding_policy: layout.erasure_coding_policy,
                    blocks: self.blocks(index),
                    writer: beside.and_then(|b| b.writer.as_deref()),
                }
            }
            FileKind::Directory => InodeBody::Directory {
                quota: self.quota(index).map_or(Quota::NONE, |q| q.limits),
                children: self.children_count(index),
            },
            FileKind::Symlink => InodeBody::Symlink {
                target: beside.and_then(|b| b.symlink.as_deref()).unwrap_or(""),
            },
        };
        Some(InodeView {
            id: inode.id(),
            parent: self.inode(inode.parent).map(Inode::id),
            name: self.name(index),
            mtime: inode.mtime(),
            atime: inode.atime(),
            owner: self.user(word.owner),
            group: self.user(word.group),
            mode: word.mode,
            acl: beside.map_or(&[], |b| &b.acl),
            xattrs: beside.map_or(&[], |b| &b.xattrs),
            body,
        })
    }

    /// One inode.
    #[must_use]
    pub fn inode_view(&self, id: InodeId) -> Option<InodeView<'_>> {
        self.view(self.index_of(id)?)
    }

    /// Every inode of the tree, the root first and otherwise in no order of meaning.
    pub fn inode_views(&self) -> impl Iterator<Item = InodeView<'_>> {
        self.indices()
            .filter(|&index| self.detached_is_empty() || self.inode_is_live(index))
            .filter_map(|index| self.view(index))
    }

    fn detached_is_empty(&self) -> bool {
        self.detached.is_empty()
    }

    fn inode_is_live(&self, index: u32) -> bool {
        self.inode(index).is_some_and(|inode| self.index_of(inode.id()) == Some(index))
    }

    /// The children of a directory, in name order; none for other inodes.
    pub fn child_ids(&self, directory: InodeId) -> impl Iterator<Item = InodeId> + '_ {
        let tree =
            self.index_of(directory).and_then(|index| self.inode(index)).map_or(NONE, Inode::tree);
        self.nodes.iter(tree).filter_map(|child| self.inode(child).map(Inode::id))
    }

    /// The children of a directory after a name (empty: all), with theirs; none for other inodes.
    pub fn children_after(
        &self,
        directory: InodeId,
        after: &[u8],
    ) -> impl Iterator<Item = (InodeId, &[u8])> {
        let tree =
            self.index_of(directory).and_then(|index| self.inode(index)).map_or(NONE, Inode::tree);
        let of = |index| name_of(&self.inodes, &self.names, index);
        let children = match after {
            [] => self.nodes.iter(tree),
            after => self.nodes.iter_after(tree, after, &of).0,
        };
        children.filter_map(|child| Some((self.inode(child)?.id(), self.name(child))))
    }

    /// Files being written, by number, each with its path and writer.
    pub fn open_file_views(&self) -> impl Iterator<Item = (InodeId, String, &Writer)> {
        self.leases.files_after(None).filter_map(|(id, _)| {
            let index = self.index_of(id)?;
            let writer = self.beside(index)?.writer.as_deref()?;
            Some((id, self.path(index), writer))
        })
    }
}

/// Owner, group and mode, as an image names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoadedPermissions<'a> {
    /// The owner.
    pub owner: &'a str,
    /// The group.
    pub group: &'a str,
    /// Mode with sticky bit.
    pub mode: u16,
}

/// An inode as an image gives it; names are where the image's bytes are.
#[derive(Clone, Debug)]
pub struct LoadedInode<'a> {
    /// Its number.
    pub id: InodeId,
    /// Its name; empty for the root.
    pub name: &'a [u8],
    /// Owner, group and mode.
    pub permissions: LoadedPermissions<'a>,
    /// Last change.
    pub mtime: Milliseconds,
    /// Last access.
    pub atime: Milliseconds,
    /// Entries as the inode keeps them.
    pub acl: Vec<AclEntry>,
    /// Attributes.
    pub xattrs: Vec<XAttr>,
    /// The rest.
    pub body: LoadedBody<'a>,
}

/// The rest of a loaded inode, by kind.
#[derive(Clone, Debug)]
pub enum LoadedBody<'a> {
    /// A file.
    File {
        /// Copies of each block.
        replication: u16,
        /// Preferred block size.
        block_size: u64,
        /// Policy set on the file, 0 for none.
        storage_policy: u8,
        /// 0 for replication.
        erasure_coding_policy: u8,
        /// Its blocks.
        blocks: SmallVec<[Block; 1]>,
        /// Lease holder and his host, if it is being written.
        writer: Option<(&'a str, &'a str)>,
    },
    /// A directory with its limits (-1 for none).
    Directory(Quota),
    /// A symbolic link with its target.
    Symlink(&'a str),
}

/// Puts a tree together: inodes in any order, then who is in which directory.
pub struct Loader {
    namespace: Namespace,
    root_seen: bool,
    /// The last permissions and their number: neighbours mostly have the same.
    recent: Option<(PermissionWord, u32)>,
}

impl Loader {
    /// Begins with nothing, not even a root.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut namespace = Namespace::new(settings);
        namespace.root_quota.used.namespace = 0;
        Self { namespace, root_seen: false, recent: None }
    }

    /// Adds an inode.
    ///
    /// # Errors
    /// Its number is taken or out of range.
    pub fn add(&mut self, inode: LoadedInode<'_>) -> Result<(), LoadError> {
        let permission = self.permission(&inode.permissions);
        let ns = &mut self.namespace;
        let index = if inode.id == InodeId::ROOT {
            if self.root_seen || !matches!(inode.body, LoadedBody::Directory(_)) {
                return Err(LoadError::DuplicateInode(inode.id));
            }
            self.root_seen = true;
            ns.inodes.get_mut(ROOT).permission = permission;
            ROOT
        } else {
            let kind = match inode.body {
                LoadedBody::File { .. } => FileKind::File,
                LoadedBody::Directory(_) => FileKind::Directory,
                LoadedBody::Symlink(_) => FileKind::Symlink,
            };
            ns.new_inode(kind, inode.id, inode.name, permission).map_err(|_| why_not(ns, &inode))?
        };
        let layout = match inode.body {
            LoadedBody::File {
                replication,
                block_size,
                storage_policy,
                erasure_coding_policy,
                ..
            } => ns.layouts.number(&FileLayout {
                block_size,
                replication,
                storage_policy,
                erasure_coding_policy,
            }),
            _ => 0,
        };
        let record = ns.inodes.get_mut(index);
        record.set_mtime(inode.mtime);
        record.set_atime(inode.atime);
        record.layout = layout;
        if !inode.acl.is_empty() || !inode.xattrs.is_empty() {
            ns.update_beside(index, |beside| {
                beside.acl = inode.acl;
                beside.xattrs = inode.xattrs;
            });
        }
        self.add_body(index, inode.id, inode.body);
        Ok(())
    }

    fn permission(&mut self, wanted: &LoadedPermissions<'_>) -> u32 {
        let ns = &mut self.namespace;
        if let Some((word, number)) = self.recent
            && word.mode == wanted.mode
            && ns.user(word.owner) == wanted.owner
            && ns.user(word.group) == wanted.group
        {
            return number;
        }
        let word = PermissionWord {
            owner: ns.owner(wanted.owner),
            group: ns.owner(wanted.group),
            mode: wanted.mode,
        };
        let number = ns.permissions.number(&word);
        self.recent = Some((word, number));
        number
    }

    fn add_body(&mut self, index: u32, id: InodeId, body: LoadedBody<'_>) {
        let ns = &mut self.namespace;
        match body {
            LoadedBody::File { blocks, writer, .. } => {
                if !blocks.is_empty() {
                    ns.set_blocks(index, &blocks);
                }
                if let Some((client, machine)) = writer {
                    let client_name: Arc<str> = client.into();
                    ns.leases.add(&client_name, id, Milliseconds(0));
                    ns.update_beside(index, |beside| {
                        beside.writer = Some(Box::new(Writer {
                            client_name,
                            client_machine: machine.into(),
                            // What a loaded file ends in counts as being written.
                            last_block_open: !blocks.is_empty(),
                            truncate: None,
                        }));
                    });
                }
            }
            LoadedBody::Directory(limits) if index == ROOT => {
                ns.root_quota.limits = limits;
            }
            LoadedBody::Directory(limits) if limits.is_set() => {
                ns.update_beside(index, |beside| {
                    beside.quota = Some(Box::new(QuotaFeature { limits, used: Usage::default() }));
                });
            }
            LoadedBody::Directory(_) => {}
            LoadedBody::Symlink(target) => {
                ns.update_beside(index, |beside| beside.symlink = Some(target.into()));
            }
        }
    }

    /// Puts a child into a directory. Both were added before.
    ///
    /// # Errors
    /// One of them is unknown, is no directory, has a parent or a namesake.
    pub fn link(&mut self, directory: InodeId, child: InodeId) -> Result<(), LoadError> {
        let ns = &mut self.namespace;
        let unknown = LoadError::UnknownInode;
        let parent = ns.index_of(directory).ok_or(unknown(directory))?;
        let index = ns.index_of(child).ok_or(unknown(child))?;
        if !ns.inode(parent).is_some_and(Inode::is_directory) {
            return Err(LoadError::NotDirectory(directory));
        }
        if index == ROOT || ns.inode(index).is_some_and(|i| i.parent != NONE) {
            return Err(LoadError::TwoParents(child));
        }
        if !ns.link(parent, index) {
            let name = String::from_utf8_lossy(ns.name(index)).into_owned();
            return Err(LoadError::DuplicateName { directory, name });
        }
        Ok(())
    }

    /// The tree, with what its directories use counted.
    ///
    /// # Errors
    /// There was no root, or an inode is in no directory.
    pub fn finish(self, counters: Counters, carried: Carried) -> Result<Namespace, LoadError> {
        let mut ns = self.namespace;
        if !self.root_seen {
            return Err(LoadError::NoRoot);
        }
        let seen_last = ns.counters.last_inode;
        ns.counters = counters;
        ns.counters.last_inode = ns.counters.last_inode.max(seen_last);
        ns.carried = Arc::new(carried);
        let (mut plain, mut orphan) = (Usage::default(), None);
        let mut is_plain = true;
        for index in ns.indices() {
            let Some(inode) = ns.inode(index) else { continue };
            if inode.parent == NONE && index != ROOT {
                orphan.get_or_insert(inode.id());
            }
            is_plain &= !inode.counts_usage() && !inode.has_policy_attribute();
            plain.add(&ns.own_usage(index, UNSPECIFIED));
        }
        if let Some(id) = orphan {
            return Err(LoadError::UnknownInode(id));
        }
        // A ring of directories hangs on nothing: fewer are reached than there are.
        if ns.directories_reached() != ns.totals.directories {
            return Err(LoadError::NoRoot);
        }
        if is_plain {
            ns.root_quota.used = plain;
        } else {
            ns.count_usage();
        }
        Ok(ns)
    }
}

fn why_not(ns: &Namespace, inode: &LoadedInode<'_>) -> LoadError {
    if inode.id.0 <= MAX_INODE_ID && ns.index_of(inode.id).is_some() {
        return LoadError::DuplicateInode(inode.id);
    }
    LoadError::OutOfRange { inode: inode.id, what: "its number, or its name's length," }
}

impl Namespace {
    /// How many directories hang on the root, itself included.
    fn directories_reached(&self) -> u64 {
        let mut reached = 0;
        let mut pending = vec![ROOT];
        while let Some(inode) = pending.pop().and_then(|index| self.inode(index)) {
            reached += 1;
            if inode.subdirectories() > 0 {
                let is_directory =
                    |&child: &u32| self.inode(child).is_some_and(Inode::is_directory);
                pending.extend(self.nodes.iter(inode.tree()).filter(is_directory));
            }
        }
        reached
    }

    /// Counts anew what every directory with limits uses.
    fn count_usage(&mut self) {
        let mut totals: Vec<(u32, Usage)> = Vec::new();
        let mut pending = vec![(ROOT, 0, None)];
        while let Some((at, above, counter)) = pending.pop() {
            let usage = self.own_usage(at, above);
            let Some(inode) = self.inode(at) else {
                continue;
            };
            let counter = if at == ROOT || inode.counts_usage() {
                totals.push((at, Usage::default()));
                Some(totals.len() - 1)
            } else {
                counter
            };
            if let Some((_, total)) = counter.and_then(|c: usize| totals.get_mut(c)) {
                total.add(&usage);
            }
            if inode.is_directory() {
                let own = self.own_policy(at, inode);
                let policy = if own == 0 { above } else { own };
                let children = self.nodes.iter(inode.tree());
                pending.extend(children.map(|child| (child, policy, counter)));
            }
        }
        self.root_quota.used = Usage::default();
        for (directory, _) in &totals {
            self.update_beside(*directory, |beside| {
                if let Some(quota) = &mut beside.quota {
                    quota.used = Usage::default();
                }
            });
        }
        for (directory, usage) in totals {
            self.account(directory, &usage);
        }
    }

    /// The whole list of an inode that keeps these entries, as the log and `getfacl` have it.
    #[must_use]
    pub fn logical_acl(mode: u16, kept: &[AclEntry]) -> Vec<AclEntry> {
        acl::logical(mode, kept)
    }
}
