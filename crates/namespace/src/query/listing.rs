//! Directories, page by page.

use super::{RESERVED_STATUS, is_reserved_directory};
use crate::access::READ_EXECUTE;
use crate::context::OpContext;
use crate::error::FsError;
use crate::path::{Purpose, is_reserved};
use crate::status::{BatchedListing, DirectoryListing, FileStatus, PartialListing};
use crate::tree::{Namespace, name_of};

impl Namespace {
    /// `getListing`: a page of a directory, after a name (empty: from the start); the file itself
    /// for a file; nothing where nothing is. A page that is to say where the blocks are ends once
    /// as many replicas are wanted as entries are allowed.
    ///
    /// # Errors
    /// Not the caller's to read.
    pub fn listing(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        start_after: &[u8],
        located: bool,
    ) -> Result<Option<DirectoryListing<'_>>, FsError> {
        self.listing_of(ctx, path, start_after, self.settings.ls_limit, located)
    }

    fn listing_of(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        start_after: &[u8],
        limit: usize,
        located: bool,
    ) -> Result<Option<DirectoryListing<'_>>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Read)?;
        let start = self.start_name(start_after)?;
        let Some(index) = resolved.last() else {
            if is_reserved_directory(&resolved) {
                return Ok(Some(reserved_listing(&self.settings.supergroup)));
            }
            return Ok(None);
        };
        let Some(inode) = self.inode(index) else {
            return Ok(None);
        };
        if !inode.is_directory() {
            let entries = self.status_at(index).into_iter().collect();
            return Ok(Some(DirectoryListing { entries, remaining: 0 }));
        }
        self.check_path_access(ctx.caller, &resolved, READ_EXECUTE)?;
        let of = |i| name_of(&self.inodes, &self.names, i);
        let tree = inode.tree();
        let (children, after) = if start.is_empty() {
            (self.nodes.iter(tree), self.nodes.count(tree))
        } else {
            self.nodes.iter_after(tree, &start, &of)
        };
        let around = self.surroundings(index);
        let mut entries: Vec<FileStatus<'_>> = Vec::with_capacity(limit.min(after as usize));
        let mut replicas = 0;
        for child in children.take(limit) {
            let Some(entry) = self.status(child, self.name(child), around) else { continue };
            if located {
                replicas += self.blocks(child).len() * usize::from(entry.replication);
            }
            entries.push(entry);
            if replicas >= self.settings.ls_limit {
                break;
            }
        }
        let listed = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        Ok(Some(DirectoryListing { entries, remaining: after.saturating_sub(listed) }))
    }

    /// Where a page begins: a name, or a path below `/.reserved` that stands for one.
    fn start_name<'a>(&self, start_after: &'a [u8]) -> Result<std::borrow::Cow<'a, [u8]>, FsError> {
        if start_after.first() != Some(&b'/') {
            return Ok(start_after.into());
        }
        let text = std::str::from_utf8(start_after).unwrap_or("");
        if !is_reserved(text) {
            return Ok(start_after.into());
        }
        self.resolve(None, text, Purpose::ReadLink)
            .map(|resolved| resolved.name().as_bytes().to_vec().into())
            .map_err(|_| {
                FsError::ListingStartAfterNotFound(format!("Can't find startAfter {text}"))
            })
    }

    /// `getBatchedListing`: several directories in one answer of at most a page in all, going on at
    /// `from` (index of a path and the last name given; an empty one where it was a file).
    ///
    /// # Errors
    /// Too many paths.
    pub fn batched_listing(
        &self,
        ctx: &OpContext<'_>,
        paths: &[String],
        from: Option<(usize, Vec<u8>)>,
        located: bool,
    ) -> Result<BatchedListing<'_>, FsError> {
        let limit = self.settings.batched_listing_paths;
        if paths.len() > limit {
            return Err(FsError::IllegalArgument(format!(
                "Too many source paths ({} > {limit})",
                paths.len()
            )));
        }
        let (mut at, mut start) = match from {
            None => (0, Vec::new()),
            // The last one listed was a file, not a directory: not once more.
            Some((index, name)) if name.is_empty() => (index.saturating_add(1), name),
            Some(next) => next,
        };
        let page = self.settings.ls_limit;
        let mut listings = Vec::new();
        let mut count = 0;
        let mut next = None;
        while let Some(path) = paths.get(at).filter(|_| count < page) {
            let listing = self.listing_of(ctx, path, &start, page - count, located);
            let result = listing.and_then(|listing| {
                listing.ok_or_else(|| FsError::FileNotFound(format!("Path {path} does not exist")))
            });
            start.clear();
            let remaining = result.as_ref().map_or(0, |listing| listing.remaining);
            let result = result.map(|listing| listing.entries);
            if let Ok(entries) = &result {
                count += entries.len();
                let last = entries.last().map_or(Vec::new(), |e| e.name.to_vec());
                next = Some((at, if remaining > 0 { last } else { Vec::new() }));
            } else {
                next = Some((at, Vec::new()));
            }
            listings.push(PartialListing { path_index: at, result });
            if remaining > 0 {
                return Ok(BatchedListing { listings, has_more: true, next });
            }
            at += 1;
        }
        let has_more = at < paths.len();
        Ok(BatchedListing { listings, has_more, next: next.filter(|_| has_more) })
    }
}

/// What is in `/.reserved`: `.inodes` and `raw` (`FSDirectory.createReservedStatuses`).
fn reserved_listing(supergroup: &str) -> DirectoryListing<'_> {
    let named = |name| FileStatus { name, group: supergroup, ..RESERVED_STATUS };
    DirectoryListing { entries: vec![named(b".inodes"), named(b"raw")], remaining: 0 }
}
