//! A file system of many files, written as an image that either maker can load.

use std::io;

use loxodon_interop::java::whoami;
use loxodon_interop::site::Site;
use loxodon_namespace::carried::Carried;
use loxodon_namespace::edit::Block;
use loxodon_namespace::image::{self, ImageInfo, SaveOptions};
use loxodon_namespace::settings::Settings;
use loxodon_namespace::status::Quota;
use loxodon_namespace::view::{LoadedBody, LoadedInode, LoadedPermissions, Loader};
use loxodon_namespace::{Counters, Namespace};
use loxodon_runtime::disk::{DirectorySettings, StorageSet, save_image};
use loxodon_wire::editlog::MAX_OP_SIZE;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds, TxId};
use smallvec::smallvec;

use crate::Result;

/// Files of one directory as a rule.
pub(crate) const PER_DIRECTORY: u64 = 1000;
/// The first number that Hadoop gives a block.
const FIRST_BLOCK: u64 = 1 << 30;
const FIRST_STAMP: u64 = 1000;
const CREATED: Milliseconds = Milliseconds(1_764_000_000_000);

/// The path of a file, with a name of 20 bytes.
pub(crate) fn path(file: u64) -> String {
    format!("{}/{}", directory(file / PER_DIRECTORY), name(file))
}

/// The path of a directory.
pub(crate) fn directory(number: u64) -> String {
    format!("/data/{}", directory_name(number))
}

fn directory_name(number: u64) -> String {
    format!("dir-{number:06}")
}

fn name(file: u64) -> String {
    format!("part-{file:015}")
}

/// The one block of a file.
pub(crate) fn block(file: u64) -> Block {
    Block {
        id: BlockId((FIRST_BLOCK + 1 + file).cast_signed()),
        length: 1000 + file % 1000,
        generation_stamp: GenerationStamp(FIRST_STAMP + 1 + file),
    }
}

/// Replaces the image of a formatted directory by one with `files` files of a block each,
/// `per_directory` of them together.
pub(crate) fn write(site: &Site, files: u64, per_directory: u64) -> Result<()> {
    let namespace = namespace(files, per_directory)?;
    let directories = vec![DirectorySettings::new(site.name_dir())];
    let storage = StorageSet::open(directories, "bench@localhost", MAX_OP_SIZE)?;
    let info = ImageInfo { namespace_id: storage.info().namespace_id, txid: TxId(0) };
    save_image(&storage, TxId(0), |sink| {
        image::save(&namespace, info, &SaveOptions::default(), sink)
    })?;
    Ok(())
}

fn namespace(files: u64, per_directory: u64) -> Result<Namespace> {
    let owner = whoami();
    let mut loader = Loader::new(Settings { fs_owner: owner.clone(), ..Settings::default() });
    let mut last = InodeId::ROOT.0;
    let mut add = |loader: &mut Loader, parent: Option<InodeId>, name: &str, body| {
        let id = if parent.is_some() { InodeId(last + 1) } else { InodeId::ROOT };
        last = id.0;
        let mode = if matches!(body, LoadedBody::File { .. }) { 0o644 } else { 0o755 };
        loader.add(LoadedInode {
            id,
            name: name.as_bytes(),
            permissions: LoadedPermissions { owner: &owner, group: "supergroup", mode },
            mtime: CREATED,
            atime: CREATED,
            acl: Vec::new(),
            xattrs: Vec::new(),
            body,
        })?;
        if let Some(parent) = parent {
            loader.link(parent, id)?;
        }
        Result::Ok(id)
    };
    let directory = || LoadedBody::Directory(Quota::NONE);
    let root_limits = Quota { namespace: i64::MAX, ..Quota::NONE };
    let root = add(&mut loader, None, "", LoadedBody::Directory(root_limits))?;
    let data = add(&mut loader, Some(root), "data", directory())?;
    let mut parent = data;
    for file in 0..files {
        if file % per_directory == 0 {
            let name = directory_name(file / per_directory);
            parent = add(&mut loader, Some(data), &name, directory())?;
        }
        let body = LoadedBody::File {
            replication: 3,
            block_size: 128 << 20,
            storage_policy: 0,
            erasure_coding_policy: 0,
            blocks: smallvec![block(file)],
            writer: None,
        };
        add(&mut loader, Some(parent), &name(file), body)?;
    }
    let counters = Counters {
        last_inode: InodeId(last),
        last_block: BlockId((FIRST_BLOCK + files).cast_signed()),
        generation_stamp: GenerationStamp(FIRST_STAMP + files),
        ..Counters::default()
    };
    loader
        .finish(counters, Carried::default())
        .map_err(|error| io::Error::other(error.to_string()).into())
}
