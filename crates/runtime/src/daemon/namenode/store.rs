//! The NameNode's storage: images, segments, and the calls that are about them.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use loxodon_journal::inspect::{Segment, manifest};
use loxodon_journal::names::StorageFile;
use loxodon_journal::retention::Retention;
use loxodon_namenode::dispatch::ShellCall;
use loxodon_namenode::{Identity, NameNode};
use loxodon_namespace::Namespace;
use loxodon_rpc::server::Call;
use loxodon_wire::ids::TxId;
use loxodon_wire::proto::hdfs::namenode::{
    EndCheckpointResponseProto, GetEditLogManifestRequestProto, GetEditLogManifestResponseProto,
    GetMostRecentCheckpointTxIdResponseProto, GetMostRecentNameNodeFileTxIdRequestProto,
    GetMostRecentNameNodeFileTxIdResponseProto, RollEditLogResponseProto,
    StartCheckpointResponseProto,
};
use loxodon_wire::proto::hdfs::{
    CheckpointCommandProto, CheckpointSignatureProto, NamenodeCommandProto,
    RefreshNodesResponseProto, RemoteEditLogManifestProto, RemoteEditLogProto,
    RestoreFailedStorageRequestProto, RestoreFailedStorageResponseProto, RollEditsResponseProto,
    SaveNamespaceRequestProto, SaveNamespaceResponseProto, namenode_command_proto,
};
use loxodon_wire::rpc::{RemoteError, exception};
use parking_lot::Mutex;

use super::clock::wall;
use super::door::Door;
use super::hosts::HostFiles;
use super::image;
use super::tasks::{blocking, encoded};
use super::transfer::Pace;
use crate::disk::StorageSet;

/// What the disk holds, and what has been saved of it.
pub(crate) struct Store {
    pub(crate) storage: Arc<StorageSet>,
    pub(crate) retention: Retention,
    pub(crate) compression: image::Compression,
    pub(crate) hosts: HostFiles,
    pub(crate) log_directory: PathBuf,
    /// Stops the process: memory and disk no longer agree.
    pub(crate) stop: Box<dyn Fn(&str) + Send + Sync>,
    pub(crate) checkpoint: Mutex<Checkpoint>,
    /// How images and edits travel.
    pub(crate) pace: Pace,
}

/// The newest image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint {
    /// The last transaction in it.
    pub(crate) txid: TxId,
    /// When it was saved, milliseconds since the epoch.
    pub(crate) saved: u64,
}

type Answer = Result<Bytes, RemoteError>;

fn failed(error: impl ToString) -> RemoteError {
    RemoteError::new(exception::IO, error.to_string())
}

impl Store {
    /// Memory and disk no longer agree, or the disk is gone: the process ends.
    pub(crate) fn give_up(&self, reason: &str) {
        (self.stop)(reason);
    }

    /// Saves an image of a frozen view, and purges what it makes superfluous.
    pub(crate) fn save(&self, view: &Namespace, txid: TxId) -> Result<(), RemoteError> {
        image::save(&self.storage, view, txid, self.compression).map_err(failed)?;
        *self.checkpoint.lock() = Checkpoint { txid, saved: wall().0 };
        self.storage.purge(&self.retention);
        Ok(())
    }

    /// Where an image that is uploaded is kept until it is whole.
    pub(crate) fn upload_path(&self, txid: TxId) -> Option<PathBuf> {
        let directories = self.storage.status().into_iter();
        let mut images = directories.filter(|one| one.active && one.settings.images);
        images.next().map(|one| {
            one.settings.root.join("current").join(format!("fsimage.upload_{:019}", txid.0))
        })
    }

    /// Writes the report of `metaSave` into the log directory, in place of one of that name.
    pub(crate) fn write_report(&self, name: &str, text: &str) -> Result<(), RemoteError> {
        let path = self.log_directory.join(name);
        std::fs::write(&path, text)
            .map_err(|error| failed(format!("Cannot write {}: {error}", path.display())))
    }
}

impl Door {
    /// Calls about the storage.
    pub(crate) async fn store(
        self: &Arc<Self>,
        task: ShellCall,
        call: Call,
        identity: Arc<Identity>,
    ) -> Answer {
        let door = Arc::clone(self);
        blocking(move || match task {
            ShellCall::SaveNamespace => door.save_namespace(&call, &identity),
            ShellCall::RollEdits => door.roll_edits(&call, &identity),
            ShellCall::RestoreFailedStorage => door.restore_failed_storage(&call, &identity),
            ShellCall::RefreshNodes => door.refresh_nodes(&call, &identity),
            ShellCall::RollEditLog => door.roll_edit_log(&call, &identity),
            ShellCall::EditLogManifest => door.edit_log_manifest(&call, &identity),
            ShellCall::MostRecentCheckpoint => {
                door.require_superuser(&call, &identity, "getMostRecentCheckpointTxId")?;
                let tx_id = door.store.checkpoint.lock().txid.0;
                Ok(encoded(&GetMostRecentCheckpointTxIdResponseProto { tx_id }))
            }
            ShellCall::MostRecentFile => door.most_recent_file(&call, &identity),
            ShellCall::StartCheckpoint => door.start_checkpoint(&call, &identity),
            ShellCall::EndCheckpoint => {
                door.require_superuser(&call, &identity, "endCheckpoint")?;
                door.store.storage.purge(&door.store.retention);
                Ok(encoded(&EndCheckpointResponseProto {}))
            }
            ShellCall::RegisterDatanode
            | ShellCall::BlockReport
            | ShellCall::GroupsForUser
            | ShellCall::RefreshUserToGroups
            | ShellCall::EditsFromTxid
            | ShellCall::StartReconfiguration
            | ShellCall::ReconfigurationStatus
            | ShellCall::ReconfigurableProperties
            | ShellCall::RefreshProxyUsers
            | ShellCall::RefreshServiceAccess => {
                Err(RemoteError::new(exception::UNSUPPORTED_OPERATION, "not a call about storage"))
            }
        })
        .await
    }

    /// Notes that a call was allowed, for the audit log.
    pub(crate) fn note(
        self: &Arc<Self>,
        call: &Call,
        identity: &Identity,
        operation: &'static str,
    ) {
        let mut request = self.request(call, identity);
        request.effects.audit.push(loxodon_namenode::audit::AuditEvent::plain(true, operation));
        self.after(request);
    }

    fn save_namespace(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        self.require_superuser(call, identity, "saveNamespace")?;
        let asked: SaveNamespaceRequestProto = call.decode()?;
        if let (Some(window), Some(gap)) = (asked.time_window, asked.tx_gap)
            && (window > 0 || gap > 0)
        {
            let last = *self.store.checkpoint.lock();
            let age = wall().0.saturating_sub(last.saved);
            let transactions = self.journal.last_written().0.saturating_sub(last.txid.0);
            if age <= window.saturating_mul(1000) && transactions <= gap {
                return Ok(encoded(&SaveNamespaceResponseProto { saved: Some(false) }));
            }
        }
        let view = {
            let mut machine = self.machine.write();
            if !machine.blocks.safe_mode().is_on() {
                return Err(RemoteError::new(
                    exception::IO,
                    "Safe mode should be turned ON in order to create namespace image.",
                ));
            }
            self.freeze(&mut machine)
        };
        self.save_view(&view)?;
        self.note(call, identity, "saveNamespace");
        Ok(encoded(&SaveNamespaceResponseProto { saved: Some(true) }))
    }

    /// Ends the segment and takes a frozen view of what is in memory: the image that is saved
    /// from it goes up to the segment's last transaction.
    fn freeze(&self, machine: &mut NameNode) -> Frozen {
        let first = self.journal.roll();
        machine.last_txid = first;
        Frozen { view: machine.namespace.clone(), txid: TxId(first.0.saturating_sub(1)), first }
    }

    fn save_view(&self, frozen: &Frozen) -> Result<(), RemoteError> {
        // An image must not be ahead of the edits on disk.
        self.journal.sync(frozen.first).map_err(failed)?;
        self.store.save(&frozen.view, frozen.txid)
    }

    /// A checkpoint by the NameNode itself, while it serves.
    pub(crate) fn checkpoint(self: &Arc<Self>) -> Result<(), RemoteError> {
        let frozen = self.freeze(&mut self.machine.write());
        self.save_view(&frozen)
    }

    pub(crate) fn roll(self: &Arc<Self>) -> Result<TxId, RemoteError> {
        let first = {
            let mut machine = self.machine.write();
            let first = self.journal.roll();
            machine.last_txid = first;
            first
        };
        self.journal.sync(first).map_err(failed)?;
        Ok(first)
    }

    fn roll_edits(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        self.require_superuser(call, identity, "rollEditLog")?;
        self.refuse_in_safe_mode("Log not rolled")?;
        let new_segment_tx_id = self.roll()?.0;
        self.note(call, identity, "rollEditLog");
        Ok(encoded(&RollEditsResponseProto { new_segment_tx_id }))
    }

    fn refuse_in_safe_mode(&self, what: &str) -> Result<(), RemoteError> {
        let machine = self.machine.read();
        machine
            .refuse_in_safe_mode(self.clock.now(), what)
            .map_err(|error| RemoteError::from(&error))
    }

    fn roll_edit_log(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        self.require_superuser(call, identity, "rollEditLog")?;
        self.refuse_in_safe_mode("Log not rolled")?;
        let first = self.roll()?;
        Ok(encoded(&RollEditLogResponseProto { signature: self.signature(first) }))
    }

    fn signature(&self, segment: TxId) -> CheckpointSignatureProto {
        let machine = self.machine.read();
        CheckpointSignatureProto {
            block_pool_id: machine.storage.block_pool_id.clone(),
            most_recent_checkpoint_tx_id: self.store.checkpoint.lock().txid.0,
            cur_segment_tx_id: segment.0,
            storage_info: machine.storage_info(),
        }
    }

    fn start_checkpoint(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        self.require_superuser(call, identity, "startCheckpoint")?;
        self.refuse_in_safe_mode("Checkpoint not started")?;
        let first = self.roll()?;
        Ok(encoded(&StartCheckpointResponseProto {
            command: NamenodeCommandProto {
                action: CHECKPOINT_ACTION,
                r#type: namenode_command_proto::Type::CheckPointCommand.into(),
                checkpoint_cmd: Some(CheckpointCommandProto {
                    signature: self.signature(first),
                    need_to_return_image: true,
                }),
            },
        }))
    }

    fn restore_failed_storage(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        let asked: RestoreFailedStorageRequestProto = call.decode()?;
        let operation = match asked.arg.as_str() {
            "check" => "checkRestoreFailedStorage",
            "true" => "enableRestoreFailedStorage",
            _ => "disableRestoreFailedStorage",
        };
        self.require_superuser(call, identity, operation)?;
        let storage = &self.store.storage;
        match asked.arg.as_str() {
            "check" => {}
            arg => storage.set_restore_failed(arg == "true"),
        }
        let result = storage.restore_failed();
        self.note(call, identity, operation);
        Ok(encoded(&RestoreFailedStorageResponseProto { result }))
    }

    fn refresh_nodes(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        self.require_superuser(call, identity, "refreshNodes")?;
        let now = self.clock.now();
        let lists = self.store.hosts.read(now).map_err(failed)?;
        self.machine.write().blocks.refresh_hosts(now.monotonic, lists);
        self.note(call, identity, "refreshNodes");
        Ok(encoded(&RefreshNodesResponseProto {}))
    }

    fn most_recent_file(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        self.require_superuser(call, identity, "getMostRecentNameNodeFileTxId")?;
        let asked: GetMostRecentNameNodeFileTxIdRequestProto = call.decode()?;
        if asked.name_node_file != "IMAGE" {
            return Err(failed(format!(
                "No files of type {} are kept by this NameNode",
                asked.name_node_file
            )));
        }
        let tx_id = self.store.checkpoint.lock().txid.0;
        Ok(encoded(&GetMostRecentNameNodeFileTxIdResponseProto { tx_id }))
    }

    /// Finished segments after a transaction (`getEditLogManifest`).
    fn edit_log_manifest(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        self.require_superuser(call, identity, "getEditLogManifest")?;
        let asked: GetEditLogManifestRequestProto = call.decode()?;
        let files = self.store.storage.files().map_err(failed)?;
        let finished = files.into_iter().filter_map(|file| match file {
            StorageFile::Edits { first, last } => Some(Segment { first, last }),
            _ => None,
        });
        let (segments, last) = manifest(TxId(asked.since_tx_id), finished);
        let logs = segments.into_iter().map(|Segment { first, last }| RemoteEditLogProto {
            start_tx_id: first.0,
            end_tx_id: last.0,
            is_in_progress: Some(false),
        });
        let manifest =
            RemoteEditLogManifestProto { logs: logs.collect(), committed_txn_id: Some(last.0) };
        Ok(encoded(&GetEditLogManifestResponseProto { manifest }))
    }
}

/// `NamenodeProtocol.ACT_CHECKPOINT`.
const CHECKPOINT_ACTION: u32 = 51;

/// What an image is saved from.
struct Frozen {
    view: Namespace,
    txid: TxId,
    /// First transaction of the segment that was opened after it.
    first: TxId,
}
