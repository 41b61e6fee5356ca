//! Reports of single blocks, gathered until they are sent: Hadoop's `IncrementalBlockReportManager`.

use loxodon_wire::proto::hdfs::DatanodeStorageProto;
use loxodon_wire::proto::hdfs::datanode::{
    ReceivedDeletedBlockInfoProto, StorageReceivedDeletedBlocksProto,
    received_deleted_block_info_proto::BlockStatus,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::block::Block;
use crate::dataset::Volume;

/// What happened to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Receiving,
    /// With the DataNode that may drop its replica now.
    Received(Option<String>),
    Deleted,
}

/// Changes that one NameNode has not heard of.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pending: Mutex<Vec<StorageReceivedDeletedBlocksProto>>,
    pub(crate) wake: Notify,
}

impl Changes {
    pub(crate) fn add(&self, block: &Block, volume: &Volume, change: &Change) {
        let (status, delete_hint) = match change {
            Change::Receiving => (BlockStatus::Receiving, None),
            Change::Received(hint) => (BlockStatus::Received, hint.clone()),
            Change::Deleted => (BlockStatus::Deleted, None),
        };
        let info = ReceivedDeletedBlockInfoProto {
            block: block.to_block_proto(),
            status: status as i32,
            delete_hint,
        };
        let mut pending = self.pending.lock();
        match pending.iter_mut().find(|storage| {
            storage.storage.as_ref().is_some_and(|known| known.storage_uuid == volume.storage)
        }) {
            Some(storage) => {
                // The last word on a block counts.
                storage.blocks.retain(|known| known.block.block_id != info.block.block_id);
                storage.blocks.push(info);
            }
            None => pending.push(of_storage(volume, vec![info])),
        }
        drop(pending);
        // A block being received is nothing that anyone waits for: it goes along with the next report.
        if *change != Change::Receiving {
            self.wake.notify_one();
        }
    }

    pub(super) fn take(&self) -> Vec<StorageReceivedDeletedBlocksProto> {
        std::mem::take(&mut *self.pending.lock())
    }

    /// Puts back what could not be sent, before what has come since.
    pub(super) fn restore(&self, mut unsent: Vec<StorageReceivedDeletedBlocksProto>) {
        let mut pending = self.pending.lock();
        for mut newer in pending.drain(..) {
            match unsent.iter_mut().find(|storage| storage.storage == newer.storage) {
                Some(storage) => {
                    storage.blocks.retain(|old| {
                        newer.blocks.iter().all(|new| new.block.block_id != old.block.block_id)
                    });
                    storage.blocks.append(&mut newer.blocks);
                }
                None => unsent.push(newer),
            }
        }
        *pending = unsent;
    }

    pub(super) fn clear(&self) {
        self.pending.lock().clear();
    }
}

#[expect(deprecated, reason = "older NameNodes read the plain id")]
fn of_storage(
    volume: &Volume,
    blocks: Vec<ReceivedDeletedBlockInfoProto>,
) -> StorageReceivedDeletedBlocksProto {
    let storage = storage_proto(volume);
    StorageReceivedDeletedBlocksProto {
        storage_uuid: storage.storage_uuid.clone(),
        blocks,
        storage: Some(storage),
    }
}

/// A volume's name in messages.
pub(super) fn storage_proto(volume: &Volume) -> DatanodeStorageProto {
    DatanodeStorageProto {
        storage_uuid: volume.storage.clone(),
        state: Some(0),
        storage_type: Some(volume.kind().to_wire()),
    }
}
