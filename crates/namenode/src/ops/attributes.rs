//! Calls that change what is said about a path: mode, owner, times, replication, quotas,
//! storage policy, access control lists, extended attributes.

use loxodon_namespace::error::FsError;
use loxodon_wire::proto::hdfs::{
    ModifyAclEntriesRequestProto, ModifyAclEntriesResponseProto, RemoveAclEntriesRequestProto,
    RemoveAclEntriesResponseProto, RemoveAclRequestProto, RemoveAclResponseProto,
    RemoveDefaultAclRequestProto, RemoveDefaultAclResponseProto, RemoveXAttrRequestProto,
    RemoveXAttrResponseProto, SatisfyStoragePolicyRequestProto, SatisfyStoragePolicyResponseProto,
    SetAclRequestProto, SetAclResponseProto, SetErasureCodingPolicyRequestProto,
    SetErasureCodingPolicyResponseProto, SetOwnerRequestProto, SetOwnerResponseProto,
    SetPermissionRequestProto, SetPermissionResponseProto, SetQuotaRequestProto,
    SetQuotaResponseProto, SetReplicationRequestProto, SetReplicationResponseProto,
    SetStoragePolicyRequestProto, SetStoragePolicyResponseProto, SetTimesRequestProto,
    SetTimesResponseProto, SetXAttrRequestProto, SetXAttrResponseProto,
    UnsetErasureCodingPolicyRequestProto, UnsetErasureCodingPolicyResponseProto,
    UnsetStoragePolicyRequestProto, UnsetStoragePolicyResponseProto,
};
use loxodon_wire::storage::StorageType;

use crate::convert::attribute;
use crate::error::{NameNodeError, Result};
use crate::machine::NameNode;
use crate::ops::namespace::mode_bits;
use crate::request::Request;

/// `setPermission`.
pub(crate) fn set_permission(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetPermissionRequestProto,
) -> Result<SetPermissionResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot set permission for {}", asked.src))?;
    let mode = mode_bits(&asked.permission);
    let plan = machine.namespace.plan_set_permission(&request.op(), &asked.src, mode);
    let result = machine.commit(request, plan);
    machine.note(request, "setPermission", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| SetPermissionResponseProto {})
}

/// `setOwner`.
pub(crate) fn set_owner(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetOwnerRequestProto,
) -> Result<SetOwnerResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot set owner for {}", asked.src))?;
    let (user, group) = (asked.username.as_deref(), asked.groupname.as_deref());
    let plan = machine.namespace.plan_set_owner(&request.op(), &asked.src, user, group);
    let result = machine.commit(request, plan);
    machine.note(request, "setOwner", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| SetOwnerResponseProto {})
}

/// `setTimes`: -1 leaves a time as it is.
pub(crate) fn set_times(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetTimesRequestProto,
) -> Result<SetTimesResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot set times {}", asked.src))?;
    let (mtime, atime) = (asked.mtime.cast_signed(), asked.atime.cast_signed());
    let plan = machine.namespace.plan_set_times(&request.op(), &asked.src, mtime, atime);
    let result = machine.commit(request, plan);
    machine.note(request, "setTimes", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| SetTimesResponseProto {})
}

/// `setReplication`.
pub(crate) fn set_replication(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetReplicationRequestProto,
) -> Result<SetReplicationResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot set replication for {}", asked.src))?;
    let replication = u16::try_from(asked.replication).unwrap_or(u16::MAX);
    let plan = machine.namespace.plan_set_replication(&request.op(), &asked.src, replication);
    let result = machine.commit(request, plan);
    machine.note(request, "setReplication", &asked.src, None, None, &result);
    Ok(SetReplicationResponseProto { result: result? })
}

/// `setQuota`.
pub(crate) fn set_quota(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetQuotaRequestProto,
) -> Result<SetQuotaResponseProto> {
    let kind = asked.storage_type.map(storage_type).transpose()?;
    machine.check_safe_mode(request.now, || format!("Cannot set quota on {}", asked.path))?;
    let plan = machine.namespace.plan_set_quota(
        &request.op(),
        &asked.path,
        asked.namespace_quota.cast_signed(),
        asked.storagespace_quota.cast_signed(),
        kind,
    );
    let result = machine.commit(request, plan);
    let command =
        match (asked.namespace_quota.cast_signed(), asked.storagespace_quota.cast_signed()) {
            (QUOTA_RESET, QUOTA_DONT_SET) => "clearQuota",
            (QUOTA_DONT_SET, QUOTA_RESET) => "clearSpaceQuota",
            (_, QUOTA_DONT_SET) => "setQuota",
            _ => "setSpaceQuota",
        };
    machine.note(request, command, &asked.path, None, None, &result);
    result.map(|_| SetQuotaResponseProto {})
}

/// `HdfsConstants.QUOTA_DONT_SET`.
const QUOTA_DONT_SET: i64 = i64::MAX;
/// `HdfsConstants.QUOTA_RESET`.
const QUOTA_RESET: i64 = -1;

fn storage_type(number: i32) -> Result<StorageType> {
    StorageType::from_wire(number)
        .ok_or_else(|| NameNodeError::IllegalArgument(format!("no storage type {number}")))
}

/// `dfs.storage.policy.permissions.superuser-only`.
fn check_policy_right(
    machine: &NameNode,
    request: &mut Request<'_>,
    operation: &'static str,
) -> Result<()> {
    match machine.settings.policies_by_superusers {
        true => request.require_superuser(operation),
        false => Ok(()),
    }
}

/// `setStoragePolicy`.
pub(crate) fn set_storage_policy(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetStoragePolicyRequestProto,
) -> Result<SetStoragePolicyResponseProto> {
    machine
        .check_safe_mode(request.now, || format!("Cannot set storage policy for {}", asked.src))?;
    let (src, name) = (&asked.src, &asked.policy_name);
    check_policy_right(machine, request, "setStoragePolicy")?;
    let plan = machine.namespace.plan_set_storage_policy(&request.op(), src, name);
    let result = machine.commit(request, plan);
    machine.note(request, "setStoragePolicy", src, None, Some(src), &result);
    result.map(|_| SetStoragePolicyResponseProto {})
}

/// `satisfyStoragePolicy`: refused as where `dfs.storage.policy.satisfier.mode` is `none`, the default.
pub(crate) fn satisfy_storage_policy(
    _: &NameNode,
    _: &mut Request<'_>,
    _: SatisfyStoragePolicyRequestProto,
) -> Result<SatisfyStoragePolicyResponseProto> {
    Err(FsError::UnsupportedAction(
        "Cannot request to satisfy storage policy when storage policy satisfier feature has been \
         disabled by admin. Seek for an admin help to enable it or use Mover tool."
            .into(),
    )
    .into())
}

/// `unsetStoragePolicy`.
pub(crate) fn unset_storage_policy(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: UnsetStoragePolicyRequestProto,
) -> Result<UnsetStoragePolicyResponseProto> {
    machine.check_safe_mode(request.now, || {
        format!("Cannot unset storage policy for {}", asked.src)
    })?;
    check_policy_right(machine, request, "unsetStoragePolicy")?;
    let plan = machine.namespace.plan_unset_storage_policy(&request.op(), &asked.src);
    let result = machine.commit(request, plan);
    machine.note(request, "unsetStoragePolicy", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| UnsetStoragePolicyResponseProto {})
}

/// `modifyAclEntries`.
pub(crate) fn modify_acl_entries(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: ModifyAclEntriesRequestProto,
) -> Result<ModifyAclEntriesResponseProto> {
    machine
        .check_safe_mode(request.now, || format!("Cannot modify ACL entries on {}", asked.src))?;
    let entries = attribute::acl_entries(&asked.acl_spec)?;
    let plan = machine.namespace.plan_modify_acl(&request.op(), &asked.src, &entries);
    let result = machine.commit(request, plan);
    machine.note(request, "modifyAclEntries", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| ModifyAclEntriesResponseProto {})
}

/// `removeAclEntries`.
pub(crate) fn remove_acl_entries(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: RemoveAclEntriesRequestProto,
) -> Result<RemoveAclEntriesResponseProto> {
    machine
        .check_safe_mode(request.now, || format!("Cannot remove ACL entries on {}", asked.src))?;
    let entries = attribute::acl_entries(&asked.acl_spec)?;
    let plan = machine.namespace.plan_remove_acl_entries(&request.op(), &asked.src, &entries);
    let result = machine.commit(request, plan);
    machine.note(request, "removeAclEntries", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| RemoveAclEntriesResponseProto {})
}

/// `removeDefaultAcl`.
pub(crate) fn remove_default_acl(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: RemoveDefaultAclRequestProto,
) -> Result<RemoveDefaultAclResponseProto> {
    machine.check_safe_mode(request.now, || {
        format!("Cannot remove default ACL entries on {}", asked.src)
    })?;
    let plan = machine.namespace.plan_remove_default_acl(&request.op(), &asked.src);
    let result = machine.commit(request, plan);
    machine.note(request, "removeDefaultAcl", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| RemoveDefaultAclResponseProto {})
}

/// `removeAcl`.
pub(crate) fn remove_acl(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: RemoveAclRequestProto,
) -> Result<RemoveAclResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot remove ACL on {}", asked.src))?;
    let plan = machine.namespace.plan_remove_acl(&request.op(), &asked.src);
    let result = machine.commit(request, plan);
    machine.note(request, "removeAcl", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| RemoveAclResponseProto {})
}

/// `setAcl`.
pub(crate) fn set_acl(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetAclRequestProto,
) -> Result<SetAclResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot set ACL on {}", asked.src))?;
    let entries = attribute::acl_entries(&asked.acl_spec)?;
    let plan = machine.namespace.plan_set_acl(&request.op(), &asked.src, &entries);
    let result = machine.commit(request, plan);
    machine.note(request, "setAcl", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| SetAclResponseProto {})
}

/// The policy of `setErasureCodingPolicy` where a client names none (`dfs.namenode.ec.system.default.policy`).
const DEFAULT_CODING_POLICY: &str = "RS-6-3-1024k";

/// `setErasureCodingPolicy`: replication only.
pub(crate) fn set_erasure_coding_policy(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetErasureCodingPolicyRequestProto,
) -> Result<SetErasureCodingPolicyResponseProto> {
    let src = &asked.src;
    machine
        .check_safe_mode(request.now, || format!("Cannot set erasure coding policy on {src}"))?;
    let policy = asked.ec_policy_name.as_deref().unwrap_or(DEFAULT_CODING_POLICY);
    let plan = machine.namespace.plan_set_coding_policy(&request.op(), src, policy);
    let result = machine.commit(request, plan);
    machine.note(request, "setErasureCodingPolicy", src, None, Some(src), &result);
    result.map(|_| SetErasureCodingPolicyResponseProto {})
}

/// `unsetErasureCodingPolicy`.
pub(crate) fn unset_erasure_coding_policy(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: UnsetErasureCodingPolicyRequestProto,
) -> Result<UnsetErasureCodingPolicyResponseProto> {
    let src = &asked.src;
    machine
        .check_safe_mode(request.now, || format!("Cannot unset erasure coding policy on {src}"))?;
    let plan = machine.namespace.plan_unset_coding_policy(&request.op(), src);
    let result = machine.commit(request, plan);
    if result.is_ok() {
        // Java tells the audit log of no refusal here.
        machine.note(request, "unsetErasureCodingPolicy", src, None, Some(src), &result);
    }
    result.map(|_| UnsetErasureCodingPolicyResponseProto {})
}

/// `setXAttr`.
pub(crate) fn set_xattr(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetXAttrRequestProto,
) -> Result<SetXAttrResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot set XAttr on {}", asked.src))?;
    let flags = u8::try_from(asked.flag.unwrap_or(0)).unwrap_or_default();
    let xattr = attribute::xattr(asked.x_attr.as_ref())?;
    let plan = machine.namespace.plan_set_xattr(&request.op(), &asked.src, &xattr, flags);
    let result = machine.commit(request, plan);
    machine.note(request, "setXAttr", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| SetXAttrResponseProto {})
}

/// `removeXAttr`.
pub(crate) fn remove_xattr(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: RemoveXAttrRequestProto,
) -> Result<RemoveXAttrResponseProto> {
    machine
        .check_safe_mode(request.now, || format!("Cannot remove XAttr entry on {}", asked.src))?;
    let xattr = attribute::xattr(asked.x_attr.as_ref())?;
    let plan = machine.namespace.plan_remove_xattr(&request.op(), &asked.src, &xattr);
    let result = machine.commit(request, plan);
    machine.note(request, "removeXAttr", &asked.src, None, Some(&asked.src), &result);
    result.map(|_| RemoveXAttrResponseProto {})
}
