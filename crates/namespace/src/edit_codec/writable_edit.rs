//! Whether an edit can be written, and read again by the next start.
//!
//! Asked before an edit is applied: what is in memory and cannot be on disk would end the NameNode, and a client could
//! bring that about with a name of its own that is long enough.

use super::encode::encode_transaction;
use super::error::CodecError;
use crate::edit::{Edit, Permissions};
use loxodon_wire::editlog::{LAYOUT_VERSION, MAX_OP_SIZE};
use loxodon_wire::ids::TxId;

/// A text of so many bytes fits whatever is in it: of four bytes in UTF-8 Java makes six, of 65,535 at most.
const SURELY_FITS: usize = 40_000;
/// So many blocks are far from the longest operation.
const FEW_BLOCKS: usize = 100_000;

/// Refuses an edit that a log whose operations have at most `max_op_size` bytes (and
/// [`MAX_OP_SIZE`] in any case) cannot hold.
///
/// # Errors
/// What is too long in it.
pub fn check_writable(edit: &Edit, max_op_size: usize) -> Result<(), CodecError> {
    let limit = max_op_size.min(MAX_OP_SIZE);
    if limit == MAX_OP_SIZE && surely_fits(edit) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    encode_transaction(TxId(0), edit, LAYOUT_VERSION, &mut bytes)?;
    if bytes.len() <= limit {
        return Ok(());
    }
    let reason = format!("{} bytes, and dfs.namenode.max.op.size is {limit}", bytes.len());
    Err(CodecError::field("operation", reason))
}

/// Looks at lengths alone. False only means that it takes a closer look.
fn surely_fits(edit: &Edit) -> bool {
    let few = |texts: &[&str]| texts.iter().all(|text| text.len() <= SURELY_FITS);
    let of = |permissions: &Permissions| few(&[&permissions.owner, &permissions.group]);
    match edit {
        Edit::Add(add) => {
            let texts = [add.path.as_str(), &add.client_name, &add.client_machine];
            let plain = add.acl.is_empty() && add.xattrs.is_empty();
            plain && few(&texts) && of(&add.permissions) && add.blocks.len() <= FEW_BLOCKS
        }
        Edit::Close(close) => {
            few(&[&close.path]) && of(&close.permissions) && close.blocks.len() <= FEW_BLOCKS
        }
        Edit::Mkdir(mkdir) => {
            let plain = mkdir.acl.is_empty() && mkdir.xattrs.is_empty();
            plain && few(&[&mkdir.path]) && of(&mkdir.permissions)
        }
        Edit::RenameOld { source, destination, .. } => few(&[source, destination]),
        Edit::Rename { source, destination, options, .. } => {
            few(&[source, destination]) && options.len() < FEW_BLOCKS
        }
        Edit::UpdateBlocks { path, blocks, .. } => few(&[path]) && blocks.len() <= FEW_BLOCKS,
        Edit::Append { path, client_name, client_machine, .. } => {
            few(&[path, client_name, client_machine])
        }
        Edit::Delete { path, .. }
        | Edit::AddBlock { path, .. }
        | Edit::SetReplication { path, .. }
        | Edit::SetPermissions { path, .. }
        | Edit::Times { path, .. } => few(&[path]),
        Edit::SetGenstampV2 { .. } | Edit::AllocateBlockId { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{AclEntry, AclKind, AclScope, AddFile, Mkdir, RpcIds};
    use loxodon_wire::ids::Milliseconds;

    /// One edit of each kind that a client brings about, with `text` in all places that are his.
    fn edits(text: &str) -> Vec<Edit> {
        let (text, timestamp, rpc) = (text.to_owned(), Milliseconds(1), RpcIds::NONE);
        let client_machine = "127.0.0.1".to_owned();
        vec![
            Edit::Add(Box::new(AddFile { client_name: text.clone(), ..AddFile::default() })),
            Edit::Add(Box::new(AddFile { path: text.clone(), ..AddFile::default() })),
            Edit::Mkdir(Box::new(Mkdir { path: text.clone(), ..Mkdir::default() })),
            Edit::Delete { path: text.clone(), timestamp, rpc },
            Edit::RenameOld { source: "/a".into(), destination: text.clone(), timestamp, rpc },
            Edit::SetOwner { path: "/a".into(), owner: None, group: Some(text.clone()) },
            Edit::ReassignLease {
                lease_holder: "a".into(),
                path: "/a".into(),
                new_holder: text.clone(),
            },
            Edit::Append {
                path: "/a".into(),
                client_name: text,
                client_machine,
                new_block: false,
                rpc,
            },
        ]
    }

    #[test]
    fn what_is_let_through_can_be_written() {
        for text in ["a", "\u{1f600}"] {
            for bytes in [0, 39_999, 40_000, 40_001, 43_690, 43_692, 65_535, 65_536, 70_000] {
                for edit in edits(&text.repeat(bytes / text.len())) {
                    let written =
                        encode_transaction(TxId(1), &edit, LAYOUT_VERSION, &mut Vec::new());
                    assert_eq!(check_writable(&edit, MAX_OP_SIZE).is_ok(), written.is_ok());
                    assert!(written.is_ok() || bytes > 43_690);
                }
            }
        }
    }

    #[test]
    fn what_the_next_start_would_not_read_is_refused() {
        let name = Some("u".repeat(1 << 20));
        let entry = AclEntry { scope: AclScope::Access, kind: AclKind::User, name, permission: 7 };
        let edit = Edit::SetAcl { path: "/a".into(), entries: vec![entry; 51] };
        let error = check_writable(&edit, MAX_OP_SIZE).unwrap_err().to_string();
        assert!(error.contains("dfs.namenode.max.op.size is 52428800"), "{error}");
        let edit =
            Edit::Delete { path: "/a".into(), timestamp: Milliseconds(1), rpc: RpcIds::NONE };
        assert!(check_writable(&edit, 10).is_err());
        assert!(check_writable(&edit, 100).is_ok());
    }
}
