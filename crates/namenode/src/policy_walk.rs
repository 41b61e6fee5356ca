//! A storage policy that was set on a directory comes to the blocks of the files below it, some
//! files at a time.

use std::collections::{BTreeSet, VecDeque};

use loxodon_namespace::file_blocks::Blocks;
use loxodon_namespace::status::FileKind;
use loxodon_wire::ids::InodeId;

use crate::machine::NameNode;

/// Directories whose files' policies are being told to block management. Between two turns the
/// tree may change: files that are created below have their policy from the beginning, and what
/// is renamed meanwhile is walked again.
#[derive(Debug, Default)]
pub(crate) struct PolicyWalks {
    walks: VecDeque<Walk>,
    /// Directories whose walk has not begun: one is enough, however often the policy is set meanwhile.
    waiting: BTreeSet<InodeId>,
}

/// The way down to where a walk has come: directories, each with the child it went on behind.
#[derive(Debug)]
struct Walk {
    way: Vec<(InodeId, Vec<u8>)>,
}

impl PolicyWalks {
    /// Whether a walk is on its way.
    pub(crate) fn is_walking(&self) -> bool {
        !self.walks.is_empty()
    }

    /// Begins with a directory.
    pub(crate) fn begin(&mut self, directory: InodeId) {
        if self.waiting.insert(directory) {
            self.walks.push_back(Walk { way: vec![(directory, Vec::new())] });
        }
    }
}

impl NameNode {
    /// The policy of a file, or of what lies below a directory, may be another one.
    pub(crate) fn policy_changed(&mut self, inode: InodeId) {
        match self.namespace.file_blocks(inode) {
            Some(_) => self.tell_policy(inode),
            None => self.policy_walks.begin(inode),
        }
    }

    fn tell_policy(&mut self, file: InodeId) {
        let policy = self.policy_of(file);
        for id in self.block_ids(file) {
            self.blocks.set_policy(id, policy);
        }
    }

    /// Goes on with directories whose policy changed, about `budget` inodes; true once nothing
    /// is left.
    pub(crate) fn walk_policies(&mut self, budget: usize) -> bool {
        let mut left = budget.max(1);
        while left > 0 {
            let Some(walk) = self.policy_walks.walks.front_mut() else { return true };
            let is_top = walk.way.len() == 1;
            let Some((directory, after)) = walk.way.last_mut() else {
                self.policy_walks.walks.pop_front();
                continue;
            };
            if is_top && after.is_empty() {
                self.policy_walks.waiting.remove(directory);
            }
            let children = self.namespace.children_after(*directory, after);
            let children: Vec<(InodeId, Vec<u8>)> =
                children.take(left).map(|(id, name)| (id, name.to_vec())).collect();
            let is_end = children.len() < left;
            let mut down = None;
            for (id, name) in children {
                left -= 1;
                *after = name;
                let Some(status) = self.namespace.status_of(id) else { continue };
                if status.kind == FileKind::Directory {
                    down = Some(id);
                    break;
                }
                let policy = self.settings.policy_in_force(status.storage_policy);
                for block in self.namespace.file_blocks(id).iter().flat_map(Blocks::iter) {
                    self.blocks.set_policy(block.id, policy);
                }
            }
            match down {
                Some(directory) => walk.way.push((directory, Vec::new())),
                None if is_end => drop(walk.way.pop()),
                None => {}
            }
        }
        !self.policy_walks.is_walking()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_waits_once() {
        let mut walks = PolicyWalks::default();
        for directory in [7, 7, 8, 7] {
            walks.begin(InodeId(directory));
        }
        assert_eq!(walks.walks.len(), 2);
    }
}
