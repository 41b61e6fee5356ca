//! Images on their way between memory and the storage directories.

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_namespace::Namespace;
use loxodon_namespace::image::{self, ImageInfo, SaveOptions};
use loxodon_wire::ids::TxId;

use crate::disk::{DiskError, StorageSet, save_image};

/// How images are compressed.
pub(crate) type Compression = image::Compression;

/// As the configuration has it (`dfs.image.compress`, `dfs.image.compression.codec`).
pub(crate) fn compression(conf: &Configuration) -> Result<Compression, ConfError> {
    if !conf.bool(&keys::IMAGE_COMPRESS)? {
        return Ok(Compression::None);
    }
    let codec = conf.text(&keys::IMAGE_CODEC)?.unwrap_or_default();
    Compression::from_class(&codec).map_err(|_| ConfError::Value {
        key: keys::IMAGE_CODEC.name.to_owned(),
        value: codec,
        source_name: conf.source(keys::IMAGE_CODEC.name),
        wanted: "a compression codec that is here".to_owned(),
    })
}

/// Saves an image of a frozen view into every image directory.
pub(crate) fn save(
    storage: &StorageSet,
    view: &Namespace,
    txid: TxId,
    compression: Compression,
) -> Result<(), DiskError> {
    let info = ImageInfo { namespace_id: storage.info().namespace_id, txid };
    let options = SaveOptions { compression, ..SaveOptions::default() };
    save_image(storage, txid, |sink| image::save(view, info, &options, sink))?;
    Ok(())
}
