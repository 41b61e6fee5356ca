//! Deleting a large tree. Who is no superuser needs a right to every directory of it, as in Hadoop; to look at
//! them all takes long, and nobody is to wait for that. So it is done on a frozen view, while what changes
//! meanwhile is noted, and under the lock only that is looked at.

use std::collections::VecDeque;

use loxodon_namespace::Namespace;
use loxodon_namespace::edit::Edit;
use loxodon_namespace::error::FsError;
use loxodon_namespace::plan::{TreeChange, TreeCheck};
use loxodon_wire::ids::InodeId;
use loxodon_wire::proto::hdfs::{DeleteRequestProto, DeleteResponseProto};

use crate::error::Result;
use crate::machine::NameNode;
use crate::request::Request;

/// Directories that are looked at under the lock: a fraction of a millisecond.
pub(crate) const DIRECTORIES: usize = 2_000;
/// Changes that are remembered; with more, walks begin anew.
const MOST_CHANGES: usize = 1 << 18;
/// Changes that may be looked at under the lock.
const FEW: usize = 1_000;
/// Walks after which a tree that does not keep still is looked at under the lock.
const ROUNDS: u32 = 4;

/// What changed while walks are on their way.
#[derive(Debug, Default)]
pub(crate) struct TreeChanges {
    walks: usize,
    /// The number of the first change that is remembered.
    first: u64,
    changes: VecDeque<TreeChange>,
}

impl TreeChanges {
    pub(crate) fn note(&mut self, edit: &Edit, namespace: &Namespace) {
        if self.walks == 0 {
            return;
        }
        if let Some(change) = TreeChange::of(edit, namespace) {
            if self.changes.len() >= MOST_CHANGES {
                self.changes.pop_front();
                self.first += 1;
            }
            self.changes.push_back(change);
        }
    }

    fn now(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    /// What changed from number `from` on; `None` where that is forgotten.
    fn since(&self, from: u64) -> Option<Vec<TreeChange>> {
        let skip = usize::try_from(from.checked_sub(self.first)?).ok()?;
        Some(self.changes.iter().skip(skip).copied().collect())
    }

    fn end(&mut self) {
        self.walks = self.walks.saturating_sub(1);
        if self.walks == 0 {
            self.first = self.now();
            self.changes = VecDeque::new();
        }
    }
}

/// A delete whose tree is looked at without the lock.
#[derive(Debug)]
pub struct TreeWalk {
    asked: DeleteRequestProto,
    view: Namespace,
    /// The number of the first change that the view does not have.
    from: u64,
    rounds: u32,
    verdict: Option<std::result::Result<InodeId, FsError>>,
}

impl NameNode {
    /// Begins a walk for this delete.
    pub(crate) fn begin_tree_walk(&mut self, asked: DeleteRequestProto) -> TreeWalk {
        self.tree_changes.walks += 1;
        let (view, from) = (self.namespace.clone(), self.tree_changes.now());
        TreeWalk { asked, view, from, rounds: 0, verdict: None }
    }

    /// Takes a fresh view, where so much changed that it should be looked at without the lock again;
    /// false where the walk is ready to be [finished](Self::finish_tree_walk).
    pub fn continue_tree_walk(&self, walk: &mut TreeWalk) -> bool {
        let few = self.tree_changes.since(walk.from).is_some_and(|changes| changes.len() <= FEW);
        if few || walk.rounds >= ROUNDS || matches!(walk.verdict, Some(Err(_))) {
            return false;
        }
        (walk.view, walk.from) = (self.namespace.clone(), self.tree_changes.now());
        true
    }

    /// Deletes, if all that was looked at may be deleted and so may what changed since.
    ///
    /// # Errors
    /// As a delete.
    pub fn finish_tree_walk(
        &mut self,
        request: &mut Request<'_>,
        walk: TreeWalk,
    ) -> Result<DeleteResponseProto> {
        let TreeWalk { asked, from, verdict, .. } = walk;
        let since = self.tree_changes.since(from);
        self.tree_changes.end();
        self.check_safe_mode(request.now, || format!("Cannot delete {}", asked.src))?;
        let (src, recursive) = (&asked.src, asked.recursive);
        let plan = match (&verdict, &since) {
            (Some(Err(refused)), _) => Err(refused.clone()),
            (Some(Ok(root)), Some(since)) => {
                let changed = TreeCheck::Changed { root: *root, since };
                self.namespace.plan_delete_checking(&request.op(), src, recursive, changed)
            }
            _ => self.namespace.plan_delete(&request.op(), src, recursive),
        };
        let result = self.commit(request, plan);
        self.note(request, "delete", src, None, None, &result);
        Ok(DeleteResponseProto { result: result? })
    }

    /// Gives a walk up: the call was answered otherwise.
    pub fn abandon_tree_walk(&mut self) {
        self.tree_changes.end();
    }
}

impl TreeWalk {
    /// Looks at the whole tree of the view. Takes as long as the tree is large.
    pub fn look(&mut self, request: &Request<'_>) {
        self.rounds += 1;
        let plan = self.view.plan_delete(&request.op(), &self.asked.src, self.asked.recursive);
        let root = self.view.inode_at_path(&self.asked.src);
        self.verdict = Some(plan.map(|_| root.unwrap_or(InodeId(0))));
    }
}
