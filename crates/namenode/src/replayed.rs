//! What calls were answered before a restart, as far as their edits tell: the retry cache is
//! filled with it, so that a client that asks again is not served twice
//! (`FSEditLogLoader.applyEditLogOpInternal`).

use std::collections::VecDeque;

use bytes::Bytes;
use loxodon_namespace::Namespace;
use loxodon_namespace::edit::{Edit, RpcIds};
use loxodon_wire::ids::{InodeId, TxId};
use loxodon_wire::proto::hdfs::{
    AppendResponseProto, CreateResponseProto, DeleteResponseProto, RenameResponseProto,
};

use crate::convert::status;
use crate::dispatch::encode;
use crate::machine::NameNode;
use crate::ops::write::append_answer;
use crate::request::{Identity, Now, Request};
use crate::retry_cache::Answered;

/// Calls of the edits that are replayed, the last ones only: as many as the retry cache holds.
#[derive(Debug)]
pub struct ReplayedCalls {
    calls: VecDeque<(RpcIds, TxId, Outcome)>,
    capacity: usize,
}

/// What a call did. Answers are made when all is replayed: most of these calls leave the list
/// again before that.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Its answer says nothing.
    Done,
    /// `delete` said yes.
    Deleted,
    /// `rename` said yes.
    Renamed,
    /// `create` made this file.
    Created(InodeId),
    /// `append` opened this file.
    Appended {
        file: InodeId,
        /// It asked for a new block.
        new_block: bool,
    },
}

impl ReplayedCalls {
    /// None yet, and never more than `capacity`.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { calls: VecDeque::new(), capacity }
    }

    /// Notes the call of an edit that has just been applied to `namespace`, or that was before its
    /// image was saved.
    pub fn note(&mut self, txid: TxId, edit: &Edit, namespace: &Namespace) {
        let Some(rpc) = edit.rpc().filter(|rpc| rpc.client_id.is_some()) else { return };
        let outcome = match edit {
            Edit::Delete { .. } => Outcome::Deleted,
            Edit::RenameOld { .. } => Outcome::Renamed,
            Edit::Add(add) => Outcome::Created(add.inode),
            Edit::Append { path, client_name, new_block, .. } => {
                let file = namespace.inode_at_path(path).filter(|file| {
                    let writer = namespace.writer_of(*file);
                    writer.is_some_and(|writer| *writer.client_name == **client_name)
                });
                match file {
                    Some(file) => Outcome::Appended { file, new_block: *new_block },
                    None => return,
                }
            }
            _ => Outcome::Done,
        };
        if self.calls.len() >= self.capacity && self.calls.pop_front().is_none() {
            return;
        }
        self.calls.push_back((*rpc, txid, outcome));
    }
}

impl NameNode {
    /// Fills the retry cache with the calls of replayed edits.
    pub fn remember_calls(&mut self, replayed: ReplayedCalls, now: Now) {
        let identity = Identity::default();
        let request = Request::new(now, &identity, RpcIds::NONE);
        for (rpc, txid, outcome) in replayed.calls {
            let response = self.answer_again(&request, outcome);
            self.retries.insert(rpc, Answered { response, txid: Some(txid) }, now.monotonic);
        }
    }

    /// A file that is gone since has no status; Java's client takes that for no news.
    fn answer_again(&self, request: &Request<'_>, outcome: Outcome) -> Bytes {
        match outcome {
            Outcome::Done => Bytes::new(),
            Outcome::Deleted => encode(&DeleteResponseProto { result: true }),
            Outcome::Renamed => encode(&RenameResponseProto { result: true }),
            Outcome::Created(file) => {
                let found = self.namespace.status_of(file);
                let fs = found.map(|found| status::file_status(&found, None));
                encode(&CreateResponseProto { fs })
            }
            Outcome::Appended { file, new_block } => {
                let last = self.namespace.file_blocks(file).and_then(|blocks| blocks.last());
                let writer = self.namespace.writer_of(file);
                let goes_on = writer.is_some_and(|writer| writer.last_block_open);
                let named = last.filter(|_| goes_on || new_block);
                encode::<AppendResponseProto>(&append_answer(self, request, file, named))
            }
        }
    }
}
