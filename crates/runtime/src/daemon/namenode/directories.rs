//! The storage directories, as the configuration says them.

use std::path::PathBuf;

use loxodon_conf::{ConfError, Configuration, keys};

use crate::disk::DirectorySettings;

/// `dfs.namenode.name.dir` and `dfs.namenode.edits.dir`; a directory in both is one directory.
pub(crate) fn configured(conf: &Configuration) -> Result<Vec<DirectorySettings>, ConfError> {
    let images = paths(&conf.list(&keys::NAME_DIR)?);
    let edits = paths(&conf.list(&keys::EDITS_DIR)?);
    let required = paths(&conf.list(&keys::EDITS_DIR_REQUIRED)?);
    let mut all: Vec<DirectorySettings> = Vec::new();
    for root in images.iter().chain(&edits) {
        if all.iter().any(|known| known.root == *root) {
            continue;
        }
        all.push(DirectorySettings {
            images: images.contains(root),
            edits: edits.contains(root),
            required: required.contains(root),
            root: root.clone(),
        });
    }
    Ok(all)
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
