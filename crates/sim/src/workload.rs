//! What clients do next: mostly in their own directories, sometimes where everybody writes.

use crate::scene::Scene;
use crate::tree::{Op, Tree, parent};

/// Bytes of a block; a client's writes are as many at most.
pub(crate) const BLOCK: u64 = 100;
/// Where everybody writes.
pub(crate) const SHARED: &str = "/shared";

fn lengths(scene: &mut Scene) -> Vec<u64> {
    let blocks = scene.rng.usize(0..4);
    let mut lengths = vec![BLOCK; blocks];
    if let Some(last) = lengths.last_mut() {
        *last = scene.rng.u64(1..=BLOCK);
    }
    lengths
}

/// A path that may be there or not.
fn name(scene: &mut Scene, root: &str) -> String {
    let (directory, file) = (scene.rng.u8(..5), scene.rng.u8(..6));
    match directory {
        0 | 1 => format!("{root}/f{file}"),
        _ => format!("{root}/d{directory}/f{file}"),
    }
}

fn create(scene: &mut Scene, path: String, overwrite: bool) -> Op {
    let replication = scene.rng.u32(1..4);
    Op::Create { path, overwrite, replication, lengths: lengths(scene) }
}

/// The next operation of a client whose directory is `root`.
pub(crate) fn next(scene: &mut Scene, root: &str, tree: &Tree) -> Op {
    if !tree.has(root) {
        return Op::Mkdirs(root.to_owned());
    }
    if scene.chance(200) {
        return shared(scene);
    }
    let path = name(scene, root);
    // Something that is there, where there is anything.
    let there = {
        let paths = tree.paths();
        let at = scene.rng.usize(..paths.len().max(1));
        paths.get(at).filter(|path| **path != root).map_or(path.clone(), |it| (*it).to_owned())
    };
    match scene.rng.u8(..25) {
        0..=6 => create(scene, path, false),
        7 | 8 => create(scene, path, true),
        9..=11 if tree.is_file(&there) => Op::Append { path: there, lengths: lengths(scene) },
        12..=14 => Op::Delete(there),
        15 | 16 if tree.is_directory(&there) => {
            Op::Rename(there, format!("{root}/d{}", scene.rng.u8(..5)))
        }
        15 | 16 if !tree.has(&path) => Op::Rename(there, path),
        17 if tree.is_file(&there) && there != path && tree.is_directory(parent(&path)) => {
            Op::Replace(there, path)
        }
        18 => Op::Replication(there, scene.rng.u32(1..5)),
        19 => Op::Mkdirs(root.to_owned()),
        20 | 21 if tree.is_file(&there) => Op::Truncate(there, scene.rng.u64(..3 * BLOCK)),
        22 if tree.is_file(&there) => concat(scene, there, tree),
        23 => {
            let names = ["HOT", "WARM", "ONE_SSD", "ALL_SSD"];
            let name = names.get(scene.rng.usize(..names.len())).copied().unwrap_or("HOT");
            Op::Policy(there, name)
        }
        _ => create(scene, path, false),
    }
}

/// One or two files of the target's directory go into it.
fn concat(scene: &mut Scene, target: String, tree: &Tree) -> Op {
    let directory = parent(&target).to_owned();
    let beside = |path: &&str| parent(path) == directory && tree.is_file(path) && **path != *target;
    let mut sources: Vec<String> =
        tree.paths().into_iter().filter(beside).map(str::to_owned).collect();
    scene.rng.shuffle(&mut sources);
    sources.truncate(scene.rng.usize(1..3));
    if sources.is_empty() { Op::Truncate(target, 0) } else { Op::Concat(target, sources) }
}

fn shared(scene: &mut Scene) -> Op {
    let path = format!("{SHARED}/f{}", scene.rng.u8(..3));
    match scene.rng.u8(..10) {
        0..=2 => create(scene, path, false),
        3 => create(scene, path, true),
        4 | 5 => Op::Append { path, lengths: lengths(scene) },
        6 => Op::Delete(path),
        7 => Op::Recover(path),
        8 => Op::Truncate(path, scene.rng.u64(..3 * BLOCK)),
        _ => Op::Rename(path, format!("{SHARED}/f{}", scene.rng.u8(..3))),
    }
}
