//! File status, listings, summaries and quotas as messages.

use bytes::Bytes;
use loxodon_namespace::policy::{STORAGE_TYPES, StorageType};
use loxodon_namespace::status::{ContentSummary, FileKind, FileStatus, Quota, QuotaUsage};
use loxodon_wire::proto::hdfs::hdfs_file_status_proto::{FileType, Flags};
use loxodon_wire::proto::hdfs::{
    ContentSummaryProto, FsPermissionProto, HdfsFileStatusProto, LocatedBlocksProto,
    QuotaUsageProto, StorageTypeQuotaInfoProto, StorageTypeQuotaInfosProto,
};

/// `PBHelperClient.convert(HdfsFileStatus)`.
pub(crate) fn file_status(
    status: &FileStatus<'_>,
    locations: Option<LocatedBlocksProto>,
) -> HdfsFileStatusProto {
    HdfsFileStatusProto {
        file_type: file_type(status).into(),
        path: Bytes::copy_from_slice(status.name),
        length: status.length,
        permission: FsPermissionProto { perm: u32::from(status.mode) },
        owner: status.owner.to_owned(),
        group: status.group.to_owned(),
        modification_time: status.mtime.0,
        access_time: status.atime.0,
        symlink: status.symlink.map(|target| Bytes::copy_from_slice(target.as_bytes())),
        block_replication: Some(u32::from(status.replication)),
        blocksize: Some(status.block_size),
        locations,
        file_id: Some(status.inode.0),
        children_num: Some(i32::try_from(status.children).unwrap_or(i32::MAX)),
        file_encryption_info: None,
        storage_policy: Some(u32::from(status.storage_policy)),
        ec_policy: None,
        flags: Some(flags(status)),
        namespace: None,
    }
}

pub(super) const fn file_type(status: &FileStatus<'_>) -> FileType {
    match status.kind {
        FileKind::Directory => FileType::IsDir,
        FileKind::File => FileType::IsFile,
        FileKind::Symlink => FileType::IsSymlink,
    }
}

pub(super) const fn flags(status: &FileStatus<'_>) -> u32 {
    let mut flags = 0;
    if status.has_acl {
        flags |= Flags::HasAcl as u32;
    }
    if status.encrypted {
        flags |= Flags::HasCrypt as u32;
    }
    if status.erasure_coding_policy.is_some() {
        flags |= Flags::HasEc as u32;
    }
    flags
}

/// `PBHelperClient.convert(ContentSummary)`. Numbers that say "no limit" are -1, which the
/// protocol carries in unsigned fields.
pub(crate) fn content_summary(summary: &ContentSummary) -> ContentSummaryProto {
    ContentSummaryProto {
        length: summary.length,
        file_count: summary.files,
        directory_count: summary.directories,
        quota: summary.quota.namespace.cast_unsigned(),
        space_consumed: summary.space_consumed,
        space_quota: summary.quota.storage.cast_unsigned(),
        type_quota_infos: type_quotas(&summary.quota, &summary.by_type),
        snapshot_length: Some(0),
        snapshot_file_count: Some(0),
        snapshot_directory_count: Some(0),
        snapshot_space_consumed: Some(0),
        erasure_coding_policy: Some(summary.erasure_coding_policy.clone()),
    }
}

/// `PBHelperClient.convert(QuotaUsage)`.
pub(crate) fn quota_usage(usage: &QuotaUsage) -> QuotaUsageProto {
    QuotaUsageProto {
        file_and_directory_count: usage.inodes.cast_unsigned(),
        quota: usage.quota.namespace.cast_unsigned(),
        space_consumed: usage.space_consumed.cast_unsigned(),
        space_quota: usage.quota.storage.cast_unsigned(),
        type_quota_infos: type_quotas(&usage.quota, &usage.by_type),
    }
}

/// Nothing where no storage type has a quota or is used, as Java leaves the field out.
fn type_quotas(quota: &Quota, used: &[i64; STORAGE_TYPES]) -> Option<StorageTypeQuotaInfosProto> {
    let any = quota.by_type.iter().any(|&limit| limit >= 0) || used.iter().any(|&bytes| bytes > 0);
    any.then(|| StorageTypeQuotaInfosProto {
        type_quota_info: StorageType::ALL
            .iter()
            .zip(quota.by_type.iter().zip(used))
            .map(|(kind, (limit, bytes))| StorageTypeQuotaInfoProto {
                r#type: Some(kind.to_wire()),
                quota: limit.cast_unsigned(),
                consumed: bytes.cast_unsigned(),
            })
            .collect(),
    })
}
