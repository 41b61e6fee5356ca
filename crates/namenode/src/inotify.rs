//! What happened to files, for whoever follows it (`DFSInotifyEventInputStream`): edits as events
//! (`InotifyFSEditLogOpTranslator`).

use bytes::Bytes;
use loxodon_namespace::edit::{AddFile, CloseFile, Edit, Permissions, Symlink};
use loxodon_wire::ids::{Milliseconds, TxId};
use loxodon_wire::proto::hdfs::{
    AppendEventProto, CloseEventProto, CreateEventProto, EventBatchProto, EventProto, EventType,
    FsPermissionProto, INodeType, MetadataUpdateEventProto, MetadataUpdateType, RenameEventProto,
    TruncateEventProto, UnlinkEventProto,
};
use prost::Message;

use crate::convert::attribute::{acl_entry_proto, xattr_proto};

/// The events that an edit is; none for those that clients are not told of.
#[must_use]
pub fn events_of(txid: TxId, edit: &Edit) -> Option<EventBatchProto> {
    let events = match edit {
        Edit::Add(file) if file.blocks.is_empty() => vec![created(file)],
        Edit::Add(file) => vec![appended(&file.path, false)],
        Edit::Append { path, new_block, .. } => vec![appended(path, *new_block)],
        Edit::Close(file) => vec![closed(&file.path, length(file), file.mtime)],
        Edit::Mkdir(made) => {
            let (path, time) = (made.path.clone(), number(made.timestamp));
            vec![create(
                &made.permissions,
                CreateEventProto {
                    r#type: INodeType::ITypeDirectory.into(),
                    path,
                    ctime: time,
                    ..no_file()
                },
            )]
        }
        Edit::Symlink(link) => vec![linked(link)],
        Edit::ConcatDelete { target, sources, timestamp, .. } => {
            let mut events = vec![appended(target, false)];
            events.extend(sources.iter().map(|source| unlinked(source, *timestamp)));
            events.push(closed(target, -1, *timestamp));
            events
        }
        Edit::Delete { path, timestamp, .. } => vec![unlinked(path, *timestamp)],
        Edit::RenameOld { source, destination, timestamp, .. }
        | Edit::Rename { source, destination, timestamp, .. } => {
            let renamed = RenameEventProto {
                src_path: source.clone(),
                dest_path: destination.clone(),
                timestamp: number(*timestamp),
            };
            vec![event(EventType::EventRename, &renamed)]
        }
        Edit::Truncate { path, new_length, timestamp, .. } => {
            let truncated = TruncateEventProto {
                path: path.clone(),
                file_size: signed(*new_length),
                timestamp: number(*timestamp),
            };
            vec![event(EventType::EventTruncate, &truncated)]
        }
        other => vec![event(EventType::EventMetadata, &metadata(other)?)],
    };
    Some(EventBatchProto { txid: signed(txid.0), events })
}

/// A change of what is said about a path.
fn metadata(edit: &Edit) -> Option<MetadataUpdateEventProto> {
    use MetadataUpdateType::{
        MetaTypeAcls, MetaTypeOwner, MetaTypePerms, MetaTypeReplication, MetaTypeTimes,
        MetaTypeXattrs,
    };
    let of = |path: &str, kind: MetadataUpdateType| MetadataUpdateEventProto {
        path: path.to_owned(),
        r#type: kind.into(),
        mtime: Some(0),
        atime: Some(0),
        replication: Some(0),
        owner_name: Some(String::new()),
        group_name: Some(String::new()),
        x_attrs_removed: Some(false),
        ..MetadataUpdateEventProto::default()
    };
    Some(match edit {
        Edit::SetReplication { path, replication } => MetadataUpdateEventProto {
            replication: Some(i32::from(*replication)),
            ..of(path, MetaTypeReplication)
        },
        Edit::SetPermissions { path, mode } => {
            MetadataUpdateEventProto { perms: Some(permission(*mode)), ..of(path, MetaTypePerms) }
        }
        Edit::SetOwner { path, owner, group } => MetadataUpdateEventProto {
            owner_name: Some(owner.clone().unwrap_or_default()),
            group_name: Some(group.clone().unwrap_or_default()),
            ..of(path, MetaTypeOwner)
        },
        Edit::Times { path, mtime, atime } => MetadataUpdateEventProto {
            mtime: Some(*mtime),
            atime: Some(*atime),
            ..of(path, MetaTypeTimes)
        },
        Edit::SetAcl { path, entries } => MetadataUpdateEventProto {
            acls: entries.iter().map(acl_entry_proto).collect(),
            ..of(path, MetaTypeAcls)
        },
        Edit::SetXAttr { path, xattrs, .. } => MetadataUpdateEventProto {
            x_attrs: xattrs.iter().map(xattr_proto).collect(),
            ..of(path, MetaTypeXattrs)
        },
        Edit::RemoveXAttr { path, xattrs, .. } => MetadataUpdateEventProto {
            x_attrs: xattrs.iter().map(xattr_proto).collect(),
            x_attrs_removed: Some(true),
            ..of(path, MetaTypeXattrs)
        },
        _ => return None,
    })
}

fn created(file: &AddFile) -> EventProto {
    create(
        &file.permissions,
        CreateEventProto {
            path: file.path.clone(),
            ctime: number(file.atime),
            replication: Some(i32::from(file.replication)),
            overwrite: Some(file.overwrite),
            default_block_size: Some(signed(file.block_size)),
            erasure_coded: Some(file.erasure_coding_policy != 0),
            ..no_file()
        },
    )
}

fn linked(link: &Symlink) -> EventProto {
    create(
        &link.permissions,
        CreateEventProto {
            r#type: INodeType::ITypeSymlink.into(),
            path: link.path.clone(),
            ctime: number(link.atime),
            symlink_target: Some(link.target.clone()),
            ..no_file()
        },
    )
}

/// What Java sends where nothing was said.
fn no_file() -> CreateEventProto {
    CreateEventProto {
        r#type: INodeType::ITypeFile.into(),
        replication: Some(0),
        symlink_target: Some(String::new()),
        overwrite: Some(false),
        default_block_size: Some(0),
        ..CreateEventProto::default()
    }
}

fn create(permissions: &Permissions, event_of: CreateEventProto) -> EventProto {
    let contents = CreateEventProto {
        owner_name: permissions.owner.clone(),
        group_name: permissions.group.clone(),
        perms: permission(permissions.mode),
        ..event_of
    };
    event(EventType::EventCreate, &contents)
}

fn appended(path: &str, new_block: bool) -> EventProto {
    let contents = AppendEventProto { path: path.to_owned(), new_block: Some(new_block) };
    event(EventType::EventAppend, &contents)
}

fn closed(path: &str, file_size: i64, mtime: Milliseconds) -> EventProto {
    let contents = CloseEventProto { path: path.to_owned(), file_size, timestamp: number(mtime) };
    event(EventType::EventClose, &contents)
}

fn unlinked(path: &str, timestamp: Milliseconds) -> EventProto {
    let contents = UnlinkEventProto { path: path.to_owned(), timestamp: number(timestamp) };
    event(EventType::EventUnlink, &contents)
}

fn event(kind: EventType, contents: &impl Message) -> EventProto {
    EventProto { r#type: kind.into(), contents: Bytes::from(contents.encode_to_vec()) }
}

fn length(file: &CloseFile) -> i64 {
    signed(file.blocks.iter().fold(0, |sum: u64, block| sum.saturating_add(block.length)))
}

const fn permission(mode: u16) -> FsPermissionProto {
    FsPermissionProto { perm: mode as u32 }
}

const fn number(time: Milliseconds) -> i64 {
    time.0.cast_signed()
}

const fn signed(value: u64) -> i64 {
    value.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_namespace::edit::{Block, RpcIds};

    #[test]
    fn a_new_file_and_its_end_are_told() {
        let file = AddFile { path: "/a".into(), replication: 3, ..AddFile::default() };
        let batch = events_of(TxId(5), &Edit::Add(Box::new(file))).unwrap();
        assert_eq!((batch.txid, batch.events.len()), (5, 1));
        let told = CreateEventProto::decode(batch.events[0].contents.clone()).unwrap();
        assert_eq!((told.path.as_str(), told.replication), ("/a", Some(3)));
        assert_eq!(told.erasure_coded, Some(false));
        let block = Block { length: 7, ..Block::default() };
        let file = CloseFile { blocks: vec![block, block], ..CloseFile::default() };
        let batch = events_of(TxId(6), &Edit::Close(Box::new(file))).unwrap();
        let told = CloseEventProto::decode(batch.events[0].contents.clone()).unwrap();
        assert_eq!(told.file_size, 14);
    }

    #[test]
    fn a_concat_is_several_events_and_a_quota_none() {
        let edit = Edit::ConcatDelete {
            target: "/t".into(),
            sources: vec!["/a".into(), "/b".into()],
            timestamp: Milliseconds(9),
            rpc: RpcIds::NONE,
        };
        let kinds: Vec<_> =
            events_of(TxId(1), &edit).unwrap().events.iter().map(EventProto::r#type).collect();
        use EventType::{EventAppend, EventClose, EventUnlink};
        assert_eq!(kinds, [EventAppend, EventUnlink, EventUnlink, EventClose]);
        assert_eq!(events_of(TxId(1), &Edit::EndLogSegment), None);
        let quota = Edit::ClearNsQuota { path: "/".into() };
        assert_eq!(events_of(TxId(1), &quota), None);
    }
}
