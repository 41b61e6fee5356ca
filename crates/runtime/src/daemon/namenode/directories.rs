//! The storage directories, as the configuration says them.

use std::path::PathBuf;

use loxodon_conf::{ConfError, Configuration, keys};

use crate::disk::DirectorySettings;

/// `dfs.namenode.name.dir` and `dfs.namenode.edits.dir`; a directory in both is one directory.
pub(crate) fn configured(conf: &Configuration) -> Result<Vec<DirectorySettings>, ConfError> {
    let images = paths(&conf.list(&keys::NAME_DIR)?);
    let edits = paths(&conf.list(&keys::EDITS_DIR)?);
    let required = paths(&conf.list(&keys::EDITS_DIR_REQUIRED)?);
    if required.iter().any(|root| !edits.contains(root)) {
        return Err(ConfError::Value {
            key: keys::EDITS_DIR_REQUIRED.name.to_owned(),
            value: conf.text(&keys::EDITS_DIR_REQUIRED)?.unwrap_or_default(),
            source_name: conf.source(keys::EDITS_DIR_REQUIRED.name),
            wanted: format!("among the directories of {}", keys::EDITS_DIR.name),
        });
    }
    let permissions = permissions(conf)?;
    let mut all: Vec<DirectorySettings> = Vec::new();
    for root in images.iter().chain(&edits) {
        if all.iter().any(|known| known.root == *root) {
            continue;
        }
        all.push(DirectorySettings {
            images: images.contains(root),
            edits: edits.contains(root),
            required: required.contains(root),
            permissions,
            root: root.clone(),
        });
    }
    Ok(all)
}

/// `dfs.namenode.storage.dir.perm`, octal.
fn permissions(conf: &Configuration) -> Result<u32, ConfError> {
    let key = &keys::NAME_DIR_PERMISSION;
    let value = conf.text(key)?.unwrap_or_default();
    let mode = u32::from_str_radix(&value, 8).ok().filter(|mode| *mode <= 0o1777);
    mode.ok_or_else(|| ConfError::Value {
        key: key.name.to_owned(),
        value,
        source_name: conf.source(key.name),
        wanted: "an octal mode such as 700".to_owned(),
    })
}

/// `dfs.namenode.max.op.size`, in bytes.
pub(crate) fn max_op_size(conf: &Configuration) -> Result<usize, ConfError> {
    Ok(usize::try_from(conf.bytes(&keys::MAX_OP_SIZE)?).unwrap_or(usize::MAX))
}

/// `dfs.namenode.resource.checked.volumes`.
pub(crate) fn checked_volumes(conf: &Configuration) -> Result<Vec<PathBuf>, ConfError> {
    Ok(paths(&conf.list(&keys::RESOURCE_CHECKED_VOLUMES)?))
}

/// Paths with or without `file://` in front.
fn paths(values: &[String]) -> Vec<PathBuf> {
    values
        .iter()
        .map(|value| {
            let path = value.strip_prefix("file:").unwrap_or(value);
            let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
            PathBuf::from(path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_paths_are_the_same() {
        let values = ["file:///a/b", "/a/b", "file:/a/b"].map(str::to_owned);
        assert!(paths(&values).iter().all(|path| path == &PathBuf::from("/a/b")));
    }
}
