//! Paths: their parts, the reserved ones, and what of them exists.

use std::borrow::Cow;

use loxodon_wire::ids::InodeId;
use smallvec::SmallVec;

use crate::context::Caller;
use crate::error::FsError;
use crate::status::FileKind;
use crate::tree::{Namespace, ROOT};

/// The longest path, in characters (`HdfsServerConstants.MAX_PATH_LENGTH`).
pub const MAX_PATH_LENGTH: usize = 8000;
/// The deepest path, in levels (`HdfsServerConstants.MAX_PATH_DEPTH`).
pub const MAX_PATH_DEPTH: usize = 1000;

const RESERVED: &str = ".reserved";
const RESERVED_PATH: &str = "/.reserved";
const INODES: &str = ".inodes";
const RAW: &str = "raw";
/// The name under which snapshots would be found.
pub const DOT_SNAPSHOT: &str = ".snapshot";

/// What a path is resolved for (`FSDirectory.DirOp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    ReadLink,
    Write,
    WriteLink,
    Create,
    CreateLink,
}

impl Purpose {
    const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::CreateLink)
    }

    const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadLink)
    }

    const fn follows_link(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Create)
    }
}

/// A path and the inodes on it that exist (`INodesInPath`). Component 0 is the root.
#[derive(Clone, Debug)]
pub(crate) struct Resolved<'a> {
    /// The path without reserved prefixes, doubled or trailing slashes.
    path: Cow<'a, str>,
    /// Where each component after the root ends, and it begins after the slash before.
    ends: SmallVec<[u32; 16]>,
    /// Inodes from the root on, as far as they exist.
    pub(crate) inodes: SmallVec<[u32; 16]>,
    /// Below `/.reserved/raw`.
    pub(crate) raw: bool,
}

impl<'a> Resolved<'a> {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn into_path(self) -> String {
        self.path.into_owned()
    }

    /// Components, the root included.
    pub(crate) fn len(&self) -> usize {
        self.ends.len() + 1
    }

    pub(crate) fn is_root(&self) -> bool {
        self.ends.is_empty()
    }

    /// The component at `at`; empty for the root.
    pub(crate) fn component(&self, at: usize) -> &str {
        let Some(index) = at.checked_sub(1) else {
            return "";
        };
        let start = match index.checked_sub(1) {
            None => 1,
            Some(before) => self.ends.get(before).map_or(1, |&end| end as usize + 1),
        };
        let end = self.ends.get(index).map_or(start, |&end| end as usize);
        self.path.get(start..end).unwrap_or("")
    }

    pub(crate) fn name(&self) -> &str {
        self.component(self.ends.len())
    }

    /// The path down to component `at`.
    pub(crate) fn prefix(&self, at: usize) -> &str {
        match at.checked_sub(1).and_then(|index| self.ends.get(index)) {
            Some(&end) => self.path.get(..end as usize).unwrap_or("/"),
            None => "/",
        }
    }

    pub(crate) fn parent_path(&self) -> &str {
        self.prefix(self.ends.len().saturating_sub(1))
    }

    /// The inode of the whole path.
    pub(crate) fn last(&self) -> Option<u32> {
        self.inodes.get(self.ends.len()).copied()
    }

    /// The inode of the component before the last.
    pub(crate) fn parent(&self) -> Option<u32> {
        self.inodes.get(self.ends.len().checked_sub(1)?).copied()
    }

    /// The last inode that exists; the root always does.
    pub(crate) fn deepest(&self) -> u32 {
        self.inodes.last().copied().unwrap_or(ROOT)
    }

    /// The same path one level deeper, where the parent is `deepest` (rename into a directory).
    pub(crate) fn join(&self, name: &str, inode: Option<u32>) -> Resolved<'static> {
        let mut path = if self.is_root() { String::new() } else { self.path.clone().into_owned() };
        path.push('/');
        path.push_str(name);
        let mut ends = self.ends.clone();
        ends.push(u32::try_from(path.len()).unwrap_or(u32::MAX));
        let mut inodes = self.inodes.clone();
        inodes.extend(inode);
        Resolved { path: Cow::Owned(path), ends, inodes, raw: self.raw }
    }
}

/// Splits an absolute path; doubled and trailing slashes do not count
/// (`DFSUtilClient.bytes2byteArray`).
fn split(path: Cow<'_, str>) -> Resolved<'_> {
    let plain = path.len() > 1 && !path.ends_with('/') && !path.contains("//");
    let path = if plain || path == "/" {
        path
    } else {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        Cow::Owned(format!("/{}", parts.join("/")))
    };
    let mut ends = SmallVec::new();
    if path.len() > 1 {
        for (at, byte) in path.bytes().enumerate().skip(1) {
            if byte == b'/' {
                ends.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
        ends.push(u32::try_from(path.len()).unwrap_or(u32::MAX));
    }
    Resolved { path, ends, inodes: SmallVec::new(), raw: false }
}

/// `Path.checkPathArg`, before a path that is to be made is looked at any closer.
pub(crate) fn check_not_empty(path: &str) -> Result<(), FsError> {
    if path.is_empty() {
        return Err(FsError::IllegalArgument(
            "Can not create a Path from an empty string".to_owned(),
        ));
    }
    Ok(())
}

/// `DFSUtilClient.isValidName`: absolute, no `.`, `..` or `:` in it (`..` is allowed below
/// `/.reserved/.inodes/<id>`), and no empty name but at the end.
#[must_use]
pub fn is_valid_name(path: &str) -> bool {
    if !path.starts_with('/') {
        return false;
    }
    let by_inode = path.starts_with("/.reserved/.inodes/");
    path.trim_end_matches('/').split('/').skip(1).all(|part| {
        !part.is_empty() && part != "." && !part.contains(':') && (part != ".." || by_inode)
    })
}

/// `NameNodeRpcServer.checkPathLength`.
#[must_use]
pub fn is_within_limits(path: &str) -> bool {
    path.chars().count() <= MAX_PATH_LENGTH
        && path.bytes().filter(|&b| b == b'/').count() <= MAX_PATH_DEPTH
}

/// `FSDirectory.isExactReservedName`: the directory `/.reserved` itself.
#[must_use]
pub fn is_reserved_root(path: &str) -> bool {
    path == RESERVED_PATH
}

/// `FSDirectory.isReservedName`: below `/.reserved`.
pub(crate) fn is_reserved(path: &str) -> bool {
    path.starts_with("/.reserved/")
}

pub(crate) fn is_reserved_raw(path: &str) -> bool {
    path.starts_with("/.reserved/raw")
}

pub(crate) fn is_reserved_inodes(path: &str) -> bool {
    path.starts_with("/.reserved/.inodes")
}

impl Namespace {
    /// Splits a path and takes the reserved prefixes away (`FSDirectory.resolveComponents`).
    fn parse<'a>(&self, path: &'a str) -> Result<Resolved<'a>, FsError> {
        if !path.starts_with('/') {
            return Err(FsError::Assertion(format!("Absolute path required, but got '{path}'")));
        }
        let parsed = split(Cow::Borrowed(path));
        if parsed.component(1) != RESERVED || parsed.len() < 3 {
            return Ok(parsed);
        }
        let kind = parsed.component(2);
        if kind == RAW {
            if parsed.len() == 4 && parsed.component(3) == RESERVED {
                return Ok(Resolved { raw: true, ..parsed });
            }
            let rest = parsed.path.get("/.reserved/raw".len()..).unwrap_or("");
            let rest = if rest.is_empty() { "/" } else { rest };
            let resolved = split(Cow::Owned(rest.to_owned()));
            return Ok(Resolved { raw: true, ..resolved });
        }
        if kind == INODES && parsed.len() > 3 {
            return self.parse_by_inode(&parsed).map(|p| split(Cow::Owned(p)));
        }
        Ok(parsed)
    }

    /// `/.reserved/.inodes/<id>/rest` as the path it stands for.
    fn parse_by_inode(&self, parsed: &Resolved<'_>) -> Result<String, FsError> {
        let Ok(id) = parsed.component(3).parse::<i64>() else {
            return Err(FsError::FileNotFound(format!("Invalid inode path: {}", parsed.path)));
        };
        let id = InodeId(id.cast_unsigned());
        if id == InodeId::ROOT && parsed.len() == 4 {
            return Ok("/".to_owned());
        }
        let Some(index) = self.index_of(id) else {
            return Err(FsError::FileNotFound(format!(
                "File for given inode path does not exist: {}",
                parsed.path
            )));
        };
        // A single ".." is how NFS asks for the parent.
        if parsed.len() > 4 && parsed.component(4) == ".." {
            let parent = self.inode(index).map_or(ROOT, |inode| inode.parent);
            return Ok(self.path(if self.inode(parent).is_some() { parent } else { ROOT }));
        }
        let rest = parsed.path.get(parsed.prefix(3).len()..).unwrap_or("");
        let base = self.path(index);
        Ok(if rest.is_empty() {
            base
        } else if base == "/" {
            rest.to_owned()
        } else {
            format!("{base}{rest}")
        })
    }

    /// Walks down as far as there are inodes.
    fn walk(&self, resolved: &mut Resolved<'_>) {
        let mut at = ROOT;
        resolved.inodes.push(ROOT);
        for depth in 1..resolved.len() {
            let Some(child) = self.child(at, resolved.component(depth).as_bytes()) else {
                return;
            };
            resolved.inodes.push(child);
            at = child;
        }
    }

    /// Resolves a path for a caller: reserved names, traversal, links (`FSDirectory.resolvePath`).
    /// With no caller only the shape of the way is checked.
    pub(crate) fn resolve<'a>(
        &self,
        caller: Option<&Caller>,
        path: &'a str,
        purpose: Purpose,
    ) -> Result<Resolved<'a>, FsError> {
        if purpose.creates() {
            check_not_empty(path)?;
            if !is_valid_name(path) {
                return Err(FsError::invalid_path(format_args!("Invalid file name: {path}")));
            }
        }
        let mut resolved = self.parse(path)?;
        self.walk(&mut resolved);
        if resolved.raw
            && !purpose.reads()
            && self.settings.permissions_enabled
            && let Some(caller) = caller
        {
            self.check_superuser(caller)?;
        }
        self.check_traverse(caller, &resolved, purpose)?;
        Ok(resolved)
    }

    /// By number where the caller knows it, else by path (`FSDirectory.resolvePath(pc, src, id)`).
    pub(crate) fn resolve_file<'a>(
        &self,
        caller: &Caller,
        path: &'a str,
        file: InodeId,
    ) -> Result<Resolved<'a>, FsError> {
        if file == InodeId::GRANDFATHER {
            return self.resolve(Some(caller), path, Purpose::Write);
        }
        let Some(index) = self.index_of(file) else {
            // Not there: the path alone, for the message.
            let mut resolved = split(Cow::Borrowed(path));
            resolved.inodes.push(ROOT);
            return Ok(resolved);
        };
        Ok(self.resolved_inode(index))
    }

    /// The path of an inode that exists, resolved.
    pub(crate) fn resolved_inode(&self, index: u32) -> Resolved<'static> {
        let mut resolved = split(Cow::Owned(self.path(index)));
        resolved.inodes = self.lineage(index);
        resolved
    }

    fn check_traverse(
        &self,
        caller: Option<&Caller>,
        resolved: &Resolved<'_>,
        purpose: Purpose,
    ) -> Result<(), FsError> {
        let checked = caller.filter(|c| self.settings.permissions_enabled && !c.superuser);
        let ancestors = resolved.len() - 1;
        for (depth, &index) in resolved.inodes.iter().take(ancestors).enumerate() {
            let Some(inode) = self.inode(index) else {
                break;
            };
            if !inode.is_directory() {
                self.check_not_link(resolved, depth)?;
                let message = format!("{} (is not a directory)", resolved.prefix(depth));
                return Err(if purpose.creates() {
                    FsError::ParentNotDirectory(message)
                } else {
                    FsError::AccessControl(message)
                });
            }
            if let Some(caller) = checked {
                self.check_access(caller, resolved, depth, crate::access::EXECUTE)?;
            }
        }
        if purpose.follows_link() && resolved.last().is_some() {
            self.check_not_link(resolved, resolved.len() - 1)?;
        }
        Ok(())
    }

    /// A link on the way is the client's to resolve (`UnresolvedPathException`).
    fn check_not_link(&self, resolved: &Resolved<'_>, depth: usize) -> Result<(), FsError> {
        let Some(index) = resolved.inodes.get(depth).copied() else {
            return Ok(());
        };
        if self.inode(index).map(crate::inode::Inode::kind) != Some(FileKind::Symlink) {
            return Ok(());
        }
        let target = self.beside(index).and_then(|b| b.symlink.as_deref());
        let target = target.unwrap_or("");
        let resolved_target = if target.starts_with('/') || target.contains("://") {
            target.to_owned()
        } else {
            format!("{}/{target}", resolved.prefix(depth - 1).trim_end_matches('/'))
        };
        let rest = resolved.path.get(resolved.prefix(depth).len()..);
        Err(FsError::UnresolvedPath(format!("{resolved_target}{}", rest.unwrap_or(""))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_ignores_doubled_and_trailing_slashes() {
        let r = split(Cow::Borrowed("/a//b/"));
        assert_eq!((r.path(), r.len(), r.component(1), r.name()), ("/a/b", 3, "a", "b"));
        assert_eq!((r.prefix(0), r.prefix(1), r.parent_path()), ("/", "/a", "/a"));
        let root = split(Cow::Borrowed("///"));
        assert_eq!((root.path(), root.len(), root.name()), ("/", 1, ""));
    }

    #[test]
    fn names_that_are_refused() {
        for bad in ["a", "", "/a/./b", "/a/../b", "/a:b", "/..", "/a//b", "//a"] {
            assert!(!is_valid_name(bad), "{bad}");
        }
        for good in ["/", "//", "/a/b/", "/a//", "/.reserved/.inodes/16386/..", "/..a", "/é"] {
            assert!(is_valid_name(good), "{good}");
        }
    }

    #[test]
    fn limits_count_characters_and_levels() {
        assert!(is_within_limits(&format!("/{}", "é".repeat(7999))));
        assert!(!is_within_limits(&format!("/{}", "a".repeat(8000))));
        assert!(!is_within_limits(&"/a".repeat(1001)));
    }
}
