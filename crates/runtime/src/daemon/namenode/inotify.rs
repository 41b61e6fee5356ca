//! `getEditsFromTxid`: what happened since a transaction, read from the segments on disk.

use std::sync::Arc;

use bytes::Bytes;
use loxodon_conf::keys;
use loxodon_namenode::Identity;
use loxodon_namenode::inotify::events_of;
use loxodon_rpc::server::Call;
use loxodon_wire::ids::TxId;
use loxodon_wire::proto::hdfs::{
    EventsListProto, GetEditsFromTxidRequestProto, GetEditsFromTxidResponseProto,
};
use loxodon_wire::rpc::{RemoteError, exception};

use super::door::Door;
use super::tasks::{blocking, encoded};

impl Door {
    /// Events after a transaction, as far as they are on disk and fit into one answer.
    pub(crate) async fn edits_from(
        self: &Arc<Self>,
        call: Call,
        identity: Arc<Identity>,
    ) -> Result<Bytes, RemoteError> {
        let door = Arc::clone(self);
        blocking(move || {
            door.require_superuser(&call, &identity, "getEditsFromTxid")?;
            let asked: GetEditsFromTxidRequestProto = call.decode()?;
            let list = door.events(TxId(asked.txid.max(0).cast_unsigned()))?;
            Ok(encoded(&GetEditsFromTxidResponseProto { events_list: list }))
        })
        .await
    }

    fn events(&self, from: TxId) -> Result<EventsListProto, RemoteError> {
        let failed = |error: String| RemoteError::new(exception::IO, error);
        let most = self.conf.count(&keys::INOTIFY_MAX_EVENTS);
        let most = most.map_err(|error| failed(error.to_string()))?;
        let synced = self.journal.last_synced();
        let mut list = EventsListProto {
            first_txid: -1,
            last_txid: -1,
            sync_txid: synced.0.cast_signed(),
            ..EventsListProto::default()
        };
        if from > synced {
            return Ok(list);
        }
        let mut count = 0;
        let read = self.store.storage.read_from(from, synced, |transaction| {
            let txid = transaction.txid;
            if let Some(batch) = events_of(txid, &transaction.edit) {
                count += batch.events.len();
                list.batch.push(batch);
            }
            list.last_txid = txid.0.cast_signed();
            if list.first_txid < 0 {
                list.first_txid = list.last_txid;
            }
            count < most
        });
        read.map_err(|error| failed(error.to_string()))?;
        Ok(list)
    }
}
