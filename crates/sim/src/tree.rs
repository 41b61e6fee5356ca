//! What a client knows about the directory that is his alone: what each of his operations must
//! be answered, and what must be there after it.

use std::collections::BTreeMap;

use loxodon_namespace::Namespace;

/// An operation on the tree. A write goes on after its file is open; here only the opening counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// A directory that nobody ever removes: `mkdirs` may be executed late and again.
    Mkdirs(String),
    Delete(String),
    Rename(String, String),
    /// A rename in place of what is there.
    Replace(String, String),
    Replication(String, u32),
    Create {
        path: String,
        overwrite: bool,
        replication: u32,
        lengths: Vec<u64>,
    },
    Append {
        path: String,
        lengths: Vec<u64>,
    },
    /// A file is cut to so many bytes.
    Truncate(String, u64),
    /// Files become the end of another one, and are gone.
    Concat(String, Vec<String>),
    /// A storage policy for a file or directory.
    Policy(String, &'static str),
    /// A file is taken from whoever writes it.
    Recover(String),
}

/// What an operation must be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Yes,
    No,
    /// One of these exceptions.
    Refused(&'static [&'static str]),
    /// Somebody else, or a writer that is being got rid of, may be in the way.
    Any,
}

/// Paths of a directory's content, and which of them are directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, bool>,
}

pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

impl Tree {
    pub(crate) const fn new() -> Self {
        Self { nodes: BTreeMap::new() }
    }

    /// What lies below `root` in a namespace, `root` with it.
    pub(crate) fn of(namespace: &Namespace, root: &str) -> Self {
        let mut nodes = BTreeMap::new();
        let mut pending: Vec<_> = namespace.inode_at_path(root).into_iter().collect();
        while let Some(id) = pending.pop() {
            if let (Some(path), Some(status)) = (namespace.path_of(id), namespace.status_of(id)) {
                nodes.insert(path, status.kind == loxodon_namespace::status::FileKind::Directory);
            }
            pending.extend(namespace.child_ids(id));
        }
        Self { nodes }
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
    }

    pub(crate) fn is_directory(&self, path: &str) -> bool {
        self.nodes.get(path) == Some(&true)
    }

    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.nodes.get(path) == Some(&false)
    }

    pub(crate) fn paths(&self) -> Vec<&str> {
        self.nodes.keys().map(String::as_str).collect()
    }

    /// Where a rename ends: in a directory that is there already.
    fn end(&self, from: &str, to: &str) -> String {
        match (self.is_directory(to), from.rsplit_once('/')) {
            (true, Some((_, name))) => format!("{to}/{name}"),
            _ => to.to_owned(),
        }
    }

    /// What must be answered.
    pub(crate) fn expected(&self, op: &Op) -> Expected {
        let yes = |is: bool| if is { Expected::Yes } else { Expected::No };
        match op {
            Op::Mkdirs(_) => Expected::Yes,
            Op::Delete(path) => yes(self.has(path)),
            Op::Rename(from, to) => {
                let to = self.end(from, to);
                if *from == to {
                    return yes(self.has(from));
                }
                let fits = self.has(from)
                    && !self.has(&to)
                    && self.is_directory(parent(&to))
                    && !is_below(&to, from);
                yes(fits)
            }
            Op::Replace(from, _) if !self.has(from) => {
                Expected::Refused(&["FileNotFoundException"])
            }
            Op::Replace(..) => Expected::Yes,
            Op::Replication(path, _) => yes(self.is_file(path)),
            Op::Create { path, overwrite: false, .. } if self.is_file(path) => {
                Expected::Refused(&[
                    "FileAlreadyExistsException",
                    "AlreadyBeingCreatedException",
                    "RecoveryInProgressException",
                ])
            }
            Op::Create { .. } => Expected::Yes,
            Op::Policy(path, _) if self.has(path) => Expected::Yes,
            Op::Append { .. }
            | Op::Truncate(..)
            | Op::Concat(..)
            | Op::Policy(..)
            | Op::Recover(_) => Expected::Any,
        }
    }

    /// What is there after it was done.
    pub(crate) fn apply(&mut self, op: &Op) {
        if matches!(self.expected(op), Expected::No | Expected::Refused(_)) {
            return;
        }
        match op {
            Op::Mkdirs(path) => self.add_directories(path),
            Op::Delete(path) => drop(self.take(path)),
            Op::Rename(from, to) | Op::Replace(from, to) => {
                let to = match op {
                    Op::Rename(..) => self.end(from, to),
                    _ => to.clone(),
                };
                if *from == to {
                    return;
                }
                let moved = self.take(from);
                self.take(&to);
                for (path, is_directory) in moved {
                    let rest = path.strip_prefix(from.as_str()).unwrap_or_default();
                    self.nodes.insert(format!("{to}{rest}"), is_directory);
                }
            }
            Op::Create { path, .. } => {
                self.add_directories(parent(path));
                self.nodes.insert(path.clone(), false);
            }
            Op::Concat(_, sources) => sources.iter().for_each(|path| drop(self.take(path))),
            Op::Replication(..)
            | Op::Append { .. }
            | Op::Truncate(..)
            | Op::Policy(..)
            | Op::Recover(_) => {}
        }
    }

    /// The trees between this one and the one with all directories of `path`.
    pub(crate) fn on_the_way_to(&self, path: &str) -> Vec<Self> {
        let (mut path, mut trees) = (parent(path), Vec::new());
        while !path.is_empty() && !self.has(path) {
            let mut tree = self.clone();
            tree.add_directories(path);
            trees.push(tree);
            path = parent(path);
        }
        trees
    }

    fn add_directories(&mut self, path: &str) {
        let mut path = path;
        while !path.is_empty() && !self.has(path) {
            self.nodes.insert(path.to_owned(), true);
            path = parent(path);
        }
    }

    fn take(&mut self, path: &str) -> BTreeMap<String, bool> {
        let taken: BTreeMap<String, bool> = self
            .nodes
            .iter()
            .filter(|(name, _)| *name == path || is_below(name, path))
            .map(|(name, is_directory)| (name.clone(), *is_directory))
            .collect();
        self.nodes.retain(|name, _| !taken.contains_key(name));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_takes_everything_below_with_it() {
        let mut tree = Tree::new();
        let create = |path: &str| Op::Create {
            path: path.to_owned(),
            overwrite: false,
            replication: 1,
            lengths: Vec::new(),
        };
        tree.apply(&create("/c/a/f"));
        tree.apply(&create("/c/ab"));
        tree.apply(&Op::Rename("/c/a".into(), "/c/b".into()));
        assert_eq!(tree.paths(), ["/c", "/c/ab", "/c/b", "/c/b/f"]);
        assert_eq!(tree.expected(&Op::Delete("/c/a".into())), Expected::No);
        assert!(matches!(tree.expected(&create("/c/b/f")), Expected::Refused(_)));
        tree.apply(&Op::Rename("/c/ab".into(), "/c/b".into()));
        assert_eq!(tree.paths(), ["/c", "/c/b", "/c/b/ab", "/c/b/f"]);
    }
}
