//! What a call was answered before a restart, as far as its edit tells: the retry cache is filled
//! with it while edits are replayed.

use bytes::Bytes;
use loxodon_namespace::edit::Edit;
use loxodon_wire::proto::hdfs::{DeleteResponseProto, RenameResponseProto};

use crate::dispatch::encode;

/// The answer of the call that logged this edit. Calls that answer nothing have an empty message;
/// a create that is sent again is told the same by the file's status, which the client asks for.
#[must_use]
pub fn replayed_answer(edit: &Edit) -> Option<Bytes> {
    match edit {
        Edit::Delete { .. } => Some(encode(&DeleteResponseProto { result: true })),
        Edit::RenameOld { .. } => Some(encode(&RenameResponseProto { result: true })),
        // These answer with what they made, which the edit alone does not tell.
        Edit::Add(_) | Edit::Append { .. } => None,
        _ => Some(Bytes::new()),
    }
}
