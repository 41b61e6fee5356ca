//! Access control lists: between the logical list that users and the log see and what an inode
//! keeps (`AclStorage`), and how lists change (`AclTransformation`).
//!
//! An inode keeps the entries that its permission bits do not say: the unnamed group entry and the
//! named ones, and all defaults. With such entries the group bits are the mask.

use std::cmp::Ordering;

use crate::edit::{AclEntry, AclKind, AclScope};
use crate::error::FsError;

/// Entries of each scope a list may have.
const MAX_ENTRIES: usize = 32;

fn compare(a: &AclEntry, b: &AclEntry) -> Ordering {
    (a.scope, a.kind, &a.name).cmp(&(b.scope, b.kind, &b.name))
}

fn entry(scope: AclScope, kind: AclKind, permission: u16) -> AclEntry {
    AclEntry { scope, kind, name: None, permission: (permission & 7) as u8 }
}

fn split(entries: &[AclEntry]) -> (&[AclEntry], &[AclEntry]) {
    let at = entries.partition_point(|e| e.scope == AclScope::Access);
    entries.split_at(at)
}

/// The list that permission bits alone mean (`AclUtil.getMinimalAcl`).
fn minimal(mode: u16) -> Vec<AclEntry> {
    vec![
        entry(AclScope::Access, AclKind::User, mode >> 6),
        entry(AclScope::Access, AclKind::Group, mode >> 3),
        entry(AclScope::Access, AclKind::Other, mode),
    ]
}

/// The whole list of an inode (`AclStorage.readINodeLogicalAcl`).
pub(crate) fn logical(mode: u16, kept: &[AclEntry]) -> Vec<AclEntry> {
    let (access, default) = split(kept);
    let mut all = if access.is_empty() {
        minimal(mode)
    } else {
        let mut all = vec![entry(AclScope::Access, AclKind::User, mode >> 6)];
        all.extend_from_slice(access);
        all.push(entry(AclScope::Access, AclKind::Mask, mode >> 3));
        all.push(entry(AclScope::Access, AclKind::Other, mode));
        all
    };
    all.extend_from_slice(default);
    all
}

/// What an inode keeps of a whole list, and its mode then (`AclStorage.updateINodeAcl`).
pub(crate) fn kept(all: &[AclEntry], mode: u16) -> Option<(u16, Vec<AclEntry>)> {
    let (access, default) = split(all);
    let (first, last) = (access.first()?, access.last()?);
    // With named entries the last but one is the mask; without, it is the group.
    let group = access.get(access.len().checked_sub(2)?)?;
    let bits = (u16::from(first.permission) << 6)
        | (u16::from(group.permission) << 3)
        | u16::from(last.permission);
    let mut entries = Vec::new();
    if access.len() > 3 {
        entries.extend_from_slice(access.get(1..access.len() - 2)?);
    }
    entries.extend_from_slice(default);
    Some(((mode & !0o777) | bits, entries))
}

/// Mode and entries of a child created with `mode` below an inode that keeps `parent`
/// (`AclStorage.copyINodeDefaultAcl`). `None` where there are no defaults to inherit.
pub(crate) fn inherited(
    parent: &[AclEntry],
    mode: u16,
    directory: bool,
) -> Option<(u16, Vec<AclEntry>)> {
    let (_, defaults) = split(parent);
    if defaults.is_empty() {
        return None;
    }
    let plain = defaults.len() == 3;
    let mut all: Vec<AclEntry> = defaults
        .iter()
        .map(|default| {
            let filter = match default.kind {
                AclKind::User if default.name.is_none() => mode >> 6,
                AclKind::Group if plain => mode >> 3,
                AclKind::Mask => mode >> 3,
                AclKind::Other => mode,
                AclKind::User | AclKind::Group => 7,
            };
            AclEntry {
                scope: AclScope::Access,
                permission: default.permission & (filter & 7) as u8,
                ..default.clone()
            }
        })
        .collect();
    if directory {
        all.extend_from_slice(defaults);
    }
    kept(&all, mode)
}

/// An inode's mode without its entries: the group's own permission comes back
/// (`FSDirAclOp.unprotectedRemoveAcl`).
pub(crate) fn mode_without(mode: u16, kept: &[AclEntry]) -> u16 {
    let group = kept
        .iter()
        .find(|e| e.scope == AclScope::Access && e.kind == AclKind::Group && e.name.is_none());
    group.map_or(mode, |group| (mode & !0o070) | (u16::from(group.permission) << 3))
}

/// A list that is being put together from an old one and a specification.
#[derive(Default)]
struct Builder {
    entries: Vec<AclEntry>,
    masks: [Option<AclEntry>; 2],
    mask_changed: [bool; 2],
    changed: [bool; 2],
}

impl Builder {
    fn keep(&mut self, old: &AclEntry) {
        if old.kind == AclKind::Mask {
            self.masks[old.scope as usize] = Some(old.clone());
        } else {
            self.entries.push(old.clone());
        }
    }

    fn put(&mut self, new: &AclEntry) {
        let scope = new.scope as usize;
        self.changed[scope] = true;
        self.mask_changed[scope] |= new.kind == AclKind::Mask;
        self.keep(new);
    }

    fn drop(&mut self, old: &AclEntry) {
        let scope = old.scope as usize;
        self.changed[scope] = true;
        self.mask_changed[scope] |= old.kind == AclKind::Mask;
    }

    /// Defaults that are missing come from the access entries.
    fn complete_defaults(&mut self) {
        self.entries.sort_by(compare);
        let (access, defaults) = split(&self.entries);
        if defaults.is_empty() {
            return;
        }
        let missing: Vec<AclEntry> = [AclKind::User, AclKind::Group, AclKind::Other]
            .into_iter()
            .filter(|&kind| !defaults.iter().any(|e| e.kind == kind && e.name.is_none()))
            .filter_map(|kind| access.iter().find(|e| e.kind == kind && e.name.is_none()))
            .map(|e| AclEntry { scope: AclScope::Default, ..e.clone() })
            .collect();
        self.entries.extend(missing);
    }

    fn complete_masks(&mut self) -> Result<(), FsError> {
        for scope in [AclScope::Access, AclScope::Default] {
            let of_scope = || self.entries.iter().filter(|e| e.scope == scope);
            if of_scope().next().is_none() {
                continue;
            }
            let needed = of_scope().any(|e| e.name.is_some());
            let union = of_scope()
                .filter(|e| e.kind == AclKind::Group || e.name.is_some())
                .fold(0, |union, e| union | e.permission);
            let at = scope as usize;
            match self.masks[at].take() {
                None if needed && self.mask_changed[at] => {
                    return Err(FsError::Acl(
                        "Invalid ACL: mask is required and cannot be deleted.".to_owned(),
                    ));
                }
                Some(mask) if !self.changed[at] || self.mask_changed[at] => {
                    self.entries.push(mask);
                }
                mask if needed || mask.is_some() => {
                    self.entries.push(entry(scope, AclKind::Mask, u16::from(union)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn build(mut self) -> Result<Vec<AclEntry>, FsError> {
        self.complete_defaults();
        self.complete_masks()?;
        validated(self.entries)
    }
}

fn validated(mut entries: Vec<AclEntry>) -> Result<Vec<AclEntry>, FsError> {
    let refuse = |message: &str| Err(FsError::Acl(message.to_owned()));
    entries.sort_by(compare);
    if entries.windows(2).any(|pair| compare(&pair[0], &pair[1]) == Ordering::Equal) {
        return refuse("Invalid ACL: multiple entries with same scope, type and name.");
    }
    if let Some(named) = entries
        .iter()
        .find(|e| e.name.is_some() && matches!(e.kind, AclKind::Mask | AclKind::Other))
    {
        return Err(FsError::Acl(format!(
            "Invalid ACL: this entry type must not have a name: {}.",
            entry_text(named)
        )));
    }
    check_count(&entries)?;
    let (access, defaults) = split(&entries);
    let complete = |list: &[AclEntry]| {
        [AclKind::User, AclKind::Group, AclKind::Other]
            .iter()
            .all(|&kind| list.iter().any(|e| e.kind == kind && e.name.is_none()))
    };
    if !complete(access) {
        return refuse("Invalid ACL: the user, group and other entries are required.");
    }
    if !defaults.is_empty() && !complete(defaults) {
        return refuse("Invalid default ACL: the user, group and other entries are required.");
    }
    Ok(entries)
}

fn check_count(entries: &[AclEntry]) -> Result<(), FsError> {
    for (scope, name) in [(AclScope::Access, "access"), (AclScope::Default, "default")] {
        let count = entries.iter().filter(|e| e.scope == scope).count();
        if count > MAX_ENTRIES {
            return Err(FsError::Acl(format!(
                "Invalid ACL: ACL has {count} {name} entries, which exceeds maximum of {MAX_ENTRIES}."
            )));
        }
    }
    Ok(())
}

/// `AclEntry.toString`: `default:user:bruce:rw-`.
#[must_use]
pub fn entry_text(e: &AclEntry) -> String {
    let scope = if e.scope == AclScope::Default { "default:" } else { "" };
    let kind = match e.kind {
        AclKind::User => "user",
        AclKind::Group => "group",
        AclKind::Mask => "mask",
        AclKind::Other => "other",
    };
    let bits = crate::access::mode_string(u16::from(e.permission) << 6);
    let symbol = bits.get(..3).unwrap_or("");
    format!("{scope}{kind}:{}:{symbol}", e.name.as_deref().unwrap_or(""))
}

fn same_key(a: &AclEntry, b: &AclEntry) -> bool {
    compare(a, b) == Ordering::Equal
}

/// Adds and replaces entries (`mergeAclEntries`).
pub(crate) fn merge(old: &[AclEntry], spec: &[AclEntry]) -> Result<Vec<AclEntry>, FsError> {
    check_count(spec)?;
    let mut builder = Builder::default();
    for entry in old {
        if !spec.iter().any(|s| same_key(s, entry)) {
            builder.keep(entry);
        }
    }
    for entry in spec {
        builder.put(entry);
    }
    builder.build()
}

/// Removes entries (`filterAclEntriesByAclSpec`).
pub(crate) fn without(old: &[AclEntry], spec: &[AclEntry]) -> Result<Vec<AclEntry>, FsError> {
    check_count(spec)?;
    let mut builder = Builder::default();
    for entry in old {
        if spec.iter().any(|s| same_key(s, entry)) {
            builder.drop(entry);
        } else {
            builder.keep(entry);
        }
    }
    builder.build()
}

/// Removes all defaults (`filterDefaultAclEntries`).
pub(crate) fn without_defaults(old: &[AclEntry]) -> Result<Vec<AclEntry>, FsError> {
    validated(split(old).0.to_vec())
}

/// Replaces each scope that is named (`replaceAclEntries`).
pub(crate) fn replace(old: &[AclEntry], spec: &[AclEntry]) -> Result<Vec<AclEntry>, FsError> {
    check_count(spec)?;
    let mut builder = Builder::default();
    for entry in spec {
        builder.put(entry);
    }
    for entry in old {
        if !builder.changed[entry.scope as usize] {
            builder.keep(entry);
        }
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(scope: AclScope, kind: AclKind, name: &str, permission: u8) -> AclEntry {
        AclEntry { scope, kind, name: Some(name.to_owned()), permission }
    }

    #[test]
    fn a_named_entry_brings_a_mask_and_keeps_the_group() {
        let old = logical(0o640, &[]);
        let new = merge(&old, &[named(AclScope::Access, AclKind::User, "bruce", 7)]).unwrap();
        let (mode, entries) = kept(&new, 0o640).unwrap();
        assert_eq!(mode, 0o670);
        assert_eq!(entries.len(), 2);
        assert_eq!(logical(mode, &entries), new);
        assert_eq!(mode_without(mode, &entries), 0o640);
        let back = without(&new, &[named(AclScope::Access, AclKind::User, "bruce", 0)]).unwrap();
        // The mask was there before, so one remains, recalculated.
        assert_eq!(kept(&back, mode).unwrap().0, 0o640);
    }

    #[test]
    fn children_inherit_defaults_filtered_by_their_mode() {
        let old = logical(0o755, &[]);
        let spec = [named(AclScope::Default, AclKind::User, "diana", 7)];
        let (_, parent) = kept(&merge(&old, &spec).unwrap(), 0o755).unwrap();
        let (mode, entries) = inherited(&parent, 0o666, false).unwrap();
        assert_eq!(mode, 0o664);
        assert!(entries.iter().all(|e| e.scope == AclScope::Access));
        let (_, entries) = inherited(&parent, 0o777, true).unwrap();
        assert!(entries.iter().any(|e| e.scope == AclScope::Default));
        assert_eq!(inherited(&[], 0o777, true), None);
    }

    #[test]
    fn lists_that_do_not_hold_together() {
        let only = [entry(AclScope::Access, AclKind::User, 7)];
        let error = replace(&logical(0o644, &[]), &only).unwrap_err();
        assert_eq!(error.message(), "Invalid ACL: the user, group and other entries are required.");
        let mask = [named(AclScope::Access, AclKind::Mask, "m", 7)];
        assert!(merge(&logical(0o644, &[]), &mask).unwrap_err().message().contains("mask:m:rwx"));
    }
}
