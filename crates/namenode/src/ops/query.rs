//! Calls that read the namespace.

use bytes::{Bytes, BytesMut};
use loxodon_namespace::Namespace;
use loxodon_namespace::status::{FileKind, FileStatus};
use loxodon_wire::proto::hdfs::{
    AclStatusProto, BatchedDirectoryListingProto, CheckAccessRequestProto,
    CheckAccessResponseProto, DirectoryListingProto, FsPermissionProto, GetAclStatusRequestProto,
    GetAclStatusResponseProto, GetBatchedListingRequestProto, GetBatchedListingResponseProto,
    GetBlockLocationsRequestProto, GetBlockLocationsResponseProto, GetContentSummaryRequestProto,
    GetContentSummaryResponseProto, GetEnclosingRootRequestProto, GetEnclosingRootResponseProto,
    GetErasureCodingPolicyRequestProto, GetErasureCodingPolicyResponseProto,
    GetEzForPathRequestProto, GetEzForPathResponseProto, GetFileInfoRequestProto,
    GetFileInfoResponseProto, GetFileLinkInfoRequestProto, GetFileLinkInfoResponseProto,
    GetLinkTargetRequestProto, GetLinkTargetResponseProto, GetListingRequestProto,
    GetListingResponseProto, GetLocatedFileInfoRequestProto, GetLocatedFileInfoResponseProto,
    GetPreferredBlockSizeRequestProto, GetPreferredBlockSizeResponseProto,
    GetQuotaUsageRequestProto, GetQuotaUsageResponseProto, GetXAttrsRequestProto,
    GetXAttrsResponseProto, HdfsFileStatusProto, IsFileClosedRequestProto,
    IsFileClosedResponseProto, ListXAttrsRequestProto, ListXAttrsResponseProto,
    RemoteExceptionProto,
};
use prost::Message;

use crate::convert::{attribute, listing, status};
use crate::dispatch::encode;
use crate::error::{NameNodeError, Result};
use crate::machine::NameNode;
use crate::request::Request;

/// `getFileInfo`: null where nothing is.
pub(crate) fn file_info(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetFileInfoRequestProto,
) -> Result<GetFileInfoResponseProto> {
    let result = machine.namespace.file_info(&request.op(), &asked.src, true).map_err(Into::into);
    machine.note(request, "getfileinfo", &asked.src, None, None, &result);
    Ok(GetFileInfoResponseProto { fs: result?.map(|found| status::file_status(&found, None)) })
}

/// `getFileLinkInfo`: of a symbolic link itself.
pub(crate) fn file_link_info(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetFileLinkInfoRequestProto,
) -> Result<GetFileLinkInfoResponseProto> {
    let result = machine.namespace.file_info(&request.op(), &asked.src, false).map_err(Into::into);
    machine.note(request, "getfileinfo", &asked.src, None, None, &result);
    Ok(GetFileLinkInfoResponseProto { fs: result?.map(|found| status::file_status(&found, None)) })
}

/// `getLocatedFileInfo`.
pub(crate) fn located_file_info(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetLocatedFileInfoRequestProto,
) -> Result<GetLocatedFileInfoResponseProto> {
    let src = asked.src.unwrap_or_default();
    let result = machine.namespace.file_info(&request.op(), &src, true).map_err(Into::into);
    machine.note(request, "getfileinfo", &src, None, None, &result);
    let fs = result?.map(|found| located_status(machine, request, &found));
    Ok(GetLocatedFileInfoResponseProto { fs })
}

/// A file's status with the locations of all its blocks; of anything else without.
fn located_status(
    machine: &NameNode,
    request: &Request<'_>,
    found: &FileStatus<'_>,
) -> HdfsFileStatusProto {
    let locations = (found.kind == FileKind::File).then(|| machine.locate_file(request, found));
    status::file_status(found, locations)
}

/// `getLinkTarget`.
pub(crate) fn link_target(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetLinkTargetRequestProto,
) -> Result<GetLinkTargetResponseProto> {
    let found = machine.namespace.file_info(&request.op(), &asked.path, false)?;
    let found = found.ok_or_else(|| {
        NameNodeError::other(
            loxodon_wire::rpc::exception::FILE_NOT_FOUND,
            format!("File does not exist: {}", asked.path),
        )
    })?;
    let target = found
        .symlink
        .ok_or_else(|| NameNodeError::Io(format!("Path {} is not a symbolic link", asked.path)))?;
    Ok(GetLinkTargetResponseProto { target_path: Some(target.to_owned()) })
}

/// `getListing`: one page of a directory.
pub(crate) fn listing(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetListingRequestProto,
) -> Result<Bytes> {
    let result = machine
        .namespace
        .listing(&request.op(), &asked.src, &asked.start_after, asked.need_location)
        .map_err(Into::into);
    machine.note(request, "listStatus", &asked.src, None, None, &result);
    let Some(page) = result? else {
        return Ok(encode(&GetListingResponseProto { dir_list: None }));
    };
    request.effects.listed = page.entries.len();
    if !asked.need_location {
        return Ok(listing::listing(&page.entries, page.remaining));
    }
    let located = page.entries.iter().map(|entry| located_status(machine, request, entry));
    let dir_list = DirectoryListingProto {
        partial_listing: located.collect(),
        remaining_entries: page.remaining,
    };
    Ok(encode(&GetListingResponseProto { dir_list: Some(dir_list) }))
}

/// `getBatchedListing`.
pub(crate) fn batched_listing(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetBatchedListingRequestProto,
) -> Result<GetBatchedListingResponseProto> {
    let start = match asked.start_after.is_empty() {
        true => None,
        false => Some(batched_cursor(&asked.start_after, &asked.paths)?),
    };
    let start = start.map(|(index, after)| (index, after.to_vec()));
    let result = machine
        .namespace
        .batched_listing(&request.op(), &asked.paths, start, asked.need_location)
        .map_err(Into::into);
    let listed = format!("[{}]", asked.paths.join(", "));
    machine.note(request, "listStatus", &listed, None, None, &result);
    let batch = result?;
    let listings = batch.listings.iter().map(|part| {
        let parent_idx = u32::try_from(part.path_index).unwrap_or(u32::MAX);
        match &part.result {
            Ok(entries) => BatchedDirectoryListingProto {
                partial_listing: entries
                    .iter()
                    .map(|entry| match asked.need_location {
                        true => located_status(machine, request, entry),
                        false => status::file_status(entry, None),
                    })
                    .collect(),
                parent_idx,
                exception: None,
            },
            Err(error) => BatchedDirectoryListingProto {
                partial_listing: Vec::new(),
                parent_idx,
                exception: Some(RemoteExceptionProto {
                    class_name: error.java_class().to_owned(),
                    message: Some(error.message().to_owned()),
                }),
            },
        }
    });
    Ok(GetBatchedListingResponseProto {
        listings: listings.collect(),
        has_more: batch.has_more,
        start_after: match batch.next {
            Some((index, after)) => write_cursor(index, &after, &asked.paths),
            None => Bytes::new(),
        },
    })
}

/// Where a batched listing goes on; a cursor from another list of paths is refused, as Java does.
fn batched_cursor(cursor: &Bytes, paths: &[String]) -> Result<(usize, Bytes)> {
    use loxodon_wire::proto::hdfs::BatchedListingKeyProto;
    let key = BatchedListingKeyProto::decode(cursor.clone())
        .map_err(|error| NameNodeError::Malformed(error.to_string()))?;
    if key.checksum != paths_checksum(paths) {
        return Err(NameNodeError::IllegalArgument(
            "the paths of a batched listing changed between two of its pages".into(),
        ));
    }
    let index = usize::try_from(key.path_index).unwrap_or(usize::MAX);
    if index >= paths.len() {
        return Err(NameNodeError::IllegalArgument(format!("there is no path number {index}")));
    }
    Ok((index, key.start_after))
}

fn write_cursor(index: usize, after: &[u8], paths: &[String]) -> Bytes {
    use loxodon_wire::proto::hdfs::BatchedListingKeyProto;
    let key = BatchedListingKeyProto {
        checksum: paths_checksum(paths),
        path_index: u32::try_from(index).unwrap_or(u32::MAX),
        start_after: Bytes::copy_from_slice(after),
    };
    Bytes::from(key.encode_to_vec())
}

/// Eight bytes that tell one list of paths from another; only this NameNode reads them again.
fn paths_checksum(paths: &[String]) -> Bytes {
    use std::hash::BuildHasher;
    let hash = foldhash::quality::FixedState::with_seed(0).hash_one(paths);
    let mut bytes = BytesMut::with_capacity(8);
    bytes.extend_from_slice(&hash.to_be_bytes());
    bytes.freeze()
}

/// `getBlockLocations`.
pub(crate) fn block_locations(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetBlockLocationsRequestProto,
) -> Result<GetBlockLocationsResponseProto> {
    let (offset, length) = (asked.offset.cast_signed(), asked.length.cast_signed());
    if offset < 0 {
        return Err(hadoop_illegal_argument(format!(
            "Negative offset is not supported. File: {}",
            asked.src
        )));
    }
    if length < 0 {
        return Err(hadoop_illegal_argument(format!(
            "Negative length is not supported. File: {}",
            asked.src
        )));
    }
    let result = machine
        .namespace
        .block_range(&request.op(), &asked.src, asked.offset, asked.length)
        .map_err(Into::into);
    machine.note(request, "open", &asked.src, None, None, &result);
    let range = result?;
    if range.access_time_due {
        request.effects.touched = Some(range.inode);
    }
    let located = machine.locate_range(request, &range);
    // DataNodes may be about to report: a client is to come again rather than to give up.
    if located.blocks.iter().any(|block| block.locs.is_empty()) {
        machine
            .check_safe_mode(request.now, || format!("Zero blocklocations for {}", asked.src))?;
    }
    Ok(GetBlockLocationsResponseProto { locations: Some(located) })
}

fn hadoop_illegal_argument(message: String) -> NameNodeError {
    NameNodeError::Other { class: "org.apache.hadoop.HadoopIllegalArgumentException", message }
}

/// `getContentSummary`.
pub(crate) fn content_summary(
    view: &Namespace,
    request: &mut Request<'_>,
    asked: GetContentSummaryRequestProto,
) -> Result<GetContentSummaryResponseProto> {
    let result = view.content_summary(&request.op(), &asked.path).map_err(Into::into);
    request.note("contentSummary", &asked.path, &result);
    Ok(GetContentSummaryResponseProto { summary: status::content_summary(&result?) })
}

/// `getQuotaUsage`.
pub(crate) fn quota_usage(
    view: &Namespace,
    request: &mut Request<'_>,
    asked: GetQuotaUsageRequestProto,
) -> Result<GetQuotaUsageResponseProto> {
    let result = view.quota_usage(&request.op(), &asked.path).map_err(Into::into);
    request.note("quotaUsage", &asked.path, &result);
    Ok(GetQuotaUsageResponseProto { usage: status::quota_usage(&result?) })
}

/// `getPreferredBlockSize`.
pub(crate) fn preferred_block_size(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetPreferredBlockSizeRequestProto,
) -> Result<GetPreferredBlockSizeResponseProto> {
    let bsize = machine.namespace.preferred_block_size(&request.op(), &asked.filename)?;
    Ok(GetPreferredBlockSizeResponseProto { bsize })
}

/// `checkAccess`.
pub(crate) fn check_access(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: CheckAccessRequestProto,
) -> Result<CheckAccessResponseProto> {
    let mode = u8::try_from(asked.mode & 7).unwrap_or_default();
    let result = machine.namespace.check_path(&request.op(), &asked.path, mode).map_err(Into::into);
    machine.note(request, "checkAccess", &asked.path, None, None, &result);
    result.map(|()| CheckAccessResponseProto {})
}

/// `isFileClosed`.
pub(crate) fn is_file_closed(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: IsFileClosedRequestProto,
) -> Result<IsFileClosedResponseProto> {
    let result = machine.namespace.is_file_closed(&request.op(), &asked.src).map_err(Into::into);
    machine.note(request, "isFileClosed", &asked.src, None, None, &result);
    Ok(IsFileClosedResponseProto { result: result? })
}

/// `getAclStatus`.
pub(crate) fn acl_status(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetAclStatusRequestProto,
) -> Result<GetAclStatusResponseProto> {
    let result = machine.namespace.acl_status(&request.op(), &asked.src).map_err(Into::into);
    machine.note(request, "getAclStatus", &asked.src, None, None, &result);
    let acl = result?;
    Ok(GetAclStatusResponseProto {
        result: AclStatusProto {
            owner: acl.owner.to_owned(),
            group: acl.group.to_owned(),
            sticky: acl.mode & 0o1000 != 0,
            entries: acl.entries.iter().map(attribute::acl_entry_proto).collect(),
            permission: Some(FsPermissionProto { perm: u32::from(acl.mode) }),
        },
    })
}

/// `getXAttrs`.
pub(crate) fn xattrs(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetXAttrsRequestProto,
) -> Result<GetXAttrsResponseProto> {
    let names: Vec<_> =
        asked.x_attrs.iter().map(|one| attribute::xattr(Some(one))).collect::<Result<_>>()?;
    let result = machine.namespace.xattrs(&request.op(), &asked.src, &names).map_err(Into::into);
    machine.note(request, "getXAttrs", &asked.src, None, None, &result);
    Ok(GetXAttrsResponseProto { x_attrs: result?.iter().map(attribute::xattr_proto).collect() })
}

/// `listXAttrs`.
pub(crate) fn list_xattrs(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: ListXAttrsRequestProto,
) -> Result<ListXAttrsResponseProto> {
    let result = machine.namespace.xattrs(&request.op(), &asked.src, &[]).map_err(Into::into);
    machine.note(request, "listXAttrs", &asked.src, None, None, &result);
    Ok(ListXAttrsResponseProto { x_attrs: result?.iter().map(attribute::xattr_proto).collect() })
}

/// `getEZForPath`: no path is in an encryption zone; a path that may not be read is refused.
pub(crate) fn encryption_zone_of(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetEzForPathRequestProto,
) -> Result<GetEzForPathResponseProto> {
    let result = machine.namespace.file_info(&request.op(), &asked.src, true).map_err(Into::into);
    machine.note(request, "getEZForPath", &asked.src, None, None, &result);
    result.map(|_| GetEzForPathResponseProto { zone: None })
}

/// `getErasureCodingPolicy`: every path is replicated.
pub(crate) fn erasure_coding_policy_of(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetErasureCodingPolicyRequestProto,
) -> Result<GetErasureCodingPolicyResponseProto> {
    let result = machine.namespace.file_info(&request.op(), &asked.src, true).map_err(Into::into);
    machine.note(request, "getErasureCodingPolicy", &asked.src, None, None, &result);
    if result?.is_none() {
        return Err(NameNodeError::other(
            loxodon_wire::rpc::exception::FILE_NOT_FOUND,
            format!("Path not found: {}", asked.src),
        ));
    }
    Ok(GetErasureCodingPolicyResponseProto { ec_policy: None })
}

/// `getEnclosingRoot`: without encryption zones, always the root.
pub(crate) fn enclosing_root(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetEnclosingRootRequestProto,
) -> Result<GetEnclosingRootResponseProto> {
    let path = asked.filename.unwrap_or_default();
    let result = machine.namespace.file_info(&request.op(), &path, true).map_err(Into::into);
    machine.note(request, "getEnclosingRoot", &path, None, None, &result);
    result.map(|_| GetEnclosingRootResponseProto { enclosing_root_path: Some("/".into()) })
}
