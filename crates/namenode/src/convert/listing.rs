//! A page of a listing as the bytes of its answer. A page has a thousand entries: a message for
//! each, with four strings of its own, costs more than everything else that a listing takes.

use bytes::Bytes;
use loxodon_namespace::status::FileStatus;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::status::{file_type, flags};

/// Room in front for the key and length of the listing within the answer.
const HEADER: usize = 11;
/// What an entry takes as a rule.
const ENTRY: usize = 128;

/// `GetListingResponseProto` with entries that have no locations.
pub(crate) fn listing(entries: &[FileStatus<'_>], remaining: u32) -> Bytes {
    let mut out = Vec::with_capacity(HEADER + entries.len() * ENTRY + 8);
    out.resize(HEADER, 0);
    let mut entry = Vec::with_capacity(ENTRY);
    for status in entries {
        entry.clear();
        put_status(&mut entry, status);
        put_bytes(&mut out, 1, &entry);
    }
    put_number(&mut out, 2, u64::from(remaining));
    with_header(out)
}

/// Puts the listing into its answer, without moving it.
fn with_header(mut out: Vec<u8>) -> Bytes {
    let length = (out.len() - HEADER) as u64;
    let from = HEADER - 1 - encoded_len_varint(length);
    let mut header = Vec::with_capacity(HEADER);
    encode_key(1, WireType::LengthDelimited, &mut header);
    encode_varint(length, &mut header);
    if let Some(room) = out.get_mut(from..HEADER) {
        room.copy_from_slice(&header);
    }
    Bytes::from(out).slice(from..)
}

/// The fields of `HdfsFileStatusProto`, as [`file_status`](super::status::file_status) fills it.
fn put_status(out: &mut Vec<u8>, status: &FileStatus<'_>) {
    let mode = u64::from(status.mode);
    put_number(out, 1, file_type(status) as u64);
    put_bytes(out, 2, status.name);
    put_number(out, 3, status.length);
    encode_key(4, WireType::LengthDelimited, out);
    encode_varint(1 + encoded_len_varint(mode) as u64, out);
    put_number(out, 1, mode);
    put_bytes(out, 5, status.owner.as_bytes());
    put_bytes(out, 6, status.group.as_bytes());
    put_number(out, 7, status.mtime.0);
    put_number(out, 8, status.atime.0);
    if let Some(target) = status.symlink {
        put_bytes(out, 9, target.as_bytes());
    }
    put_number(out, 10, u64::from(status.replication));
    put_number(out, 11, status.block_size);
    put_number(out, 13, status.inode.0);
    put_number(out, 14, u64::from(status.children.min(i32::MAX.cast_unsigned())));
    put_number(out, 16, u64::from(status.storage_policy));
    put_number(out, 18, u64::from(flags(status)));
}

fn put_number(out: &mut Vec<u8>, field: u32, number: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(number, out);
}

fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use loxodon_namespace::Namespace;
    use loxodon_namespace::context::{Caller, OpContext};
    use loxodon_namespace::edit::RpcIds;
    use loxodon_namespace::plan::CreateMode;
    use loxodon_namespace::settings::Settings;
    use loxodon_wire::ids::Milliseconds;
    use loxodon_wire::proto::hdfs::{DirectoryListingProto, GetListingResponseProto};
    use prost::Message;

    use super::*;
    use crate::convert::status::file_status;

    #[test]
    fn the_bytes_are_those_of_the_message() {
        let settings =
            Settings { fs_owner: "hdfs".into(), symlinks_enabled: true, ..Settings::default() };
        let caller = Caller::new("hdfs".into(), vec!["staff".into()], &settings);
        let mut ns = Namespace::new(settings);
        let now = Milliseconds(1_764_000_000_000);
        let ctx = OpContext { caller: &caller, now, monotonic: now, rpc: RpcIds::NONE };
        let long = format!("/{}", "n".repeat(200));
        for path in ["/a", "/b/below", &long] {
            let plan = ns.plan_mkdirs(&ctx, path, CreateMode::plain(0o1755), true).unwrap();
            plan.edits.iter().for_each(|edit| drop(ns.apply(edit).unwrap()));
        }
        let plan = ns.plan_symlink(&ctx, "/a", "/link", true).unwrap();
        plan.edits.iter().for_each(|edit| drop(ns.apply(edit).unwrap()));
        let page = ns.listing(&ctx, "/", b"", false).unwrap().unwrap();
        assert_eq!(page.entries.len(), 4);
        for some in [&page.entries[..], &page.entries[..1], &[]] {
            let message = GetListingResponseProto {
                dir_list: Some(DirectoryListingProto {
                    partial_listing: some.iter().map(|entry| file_status(entry, None)).collect(),
                    remaining_entries: 7,
                }),
            };
            assert_eq!(listing(some, 7), message.encode_to_vec());
        }
    }
}
