//! The tables: one row per call, sorted by name.

use super::dispatch::{Method, Run, ShellCall, decode, encode};
use super::ops::{
    admin, attributes, datanode, lease, namenode, namespace, none, query, stats, write,
};

/// A row's operation between the bytes of its request and those of its answer, which an `Encoded`
/// one gives itself.
macro_rules! row {
    ($name:literal, Shell, $call:ident) => {
        Method { name: $name, run: Run::Shell(ShellCall::$call) }
    };
    ($name:literal, Encoded, $operation:path) => {
        Method {
            name: $name,
            run: Run::Query(|machine, request, body| $operation(machine, request, decode(body)?)),
        }
    };
    ($name:literal, $kind:ident, $operation:path) => {
        Method {
            name: $name,
            run: Run::$kind(|machine, request, body| {
                $operation(machine, request, decode(body)?).map(|answer| encode(&answer))
            }),
        }
    };
}

/// `ClientProtocol`.
pub(crate) static CLIENT: &[Method] = &[
    row!("abandonBlock", Update, write::abandon_block),
    row!("addBlock", Update, write::add_block),
    row!("append", Once, write::append),
    row!("checkAccess", Query, query::check_access),
    row!("complete", Update, write::complete),
    row!("concat", Once, namespace::concat),
    row!("create", Once, write::create),
    row!("createSymlink", Once, namespace::create_symlink),
    row!("delete", Once, namespace::delete),
    row!("finalizeUpgrade", Query, admin::finalize_upgrade),
    row!("fsync", Once, write::fsync),
    row!("getAclStatus", Query, query::acl_status),
    row!("getAdditionalDatanode", Update, write::additional_datanode),
    row!("getBatchedListing", Query, query::batched_listing),
    row!("getBlockLocations", Query, query::block_locations),
    row!("getContentSummary", Walk, query::content_summary),
    row!("getCurrentEditLogTxid", Query, stats::current_edit_log_txid),
    row!("getDataEncryptionKey", Query, none::data_encryption_key),
    row!("getDatanodeReport", Query, stats::datanode_report),
    row!("getDatanodeStorageReport", Query, stats::datanode_storage_report),
    row!("getDelegationToken", Query, none::delegation_token),
    row!("getECTopologyResultForPolicies", Query, none::erasure_coding_topology),
    row!("getEZForPath", Query, query::encryption_zone_of),
    row!("getEditsFromTxid", Shell, EditsFromTxid),
    row!("getEnclosingRoot", Query, query::enclosing_root),
    row!("getErasureCodingCodecs", Query, none::erasure_coding_codecs),
    row!("getErasureCodingPolicies", Query, none::erasure_coding_policies),
    row!("getErasureCodingPolicy", Query, query::erasure_coding_policy_of),
    row!("getFileInfo", Query, query::file_info),
    row!("getFileLinkInfo", Query, query::file_link_info),
    row!("getFsECBlockGroupStats", Query, stats::block_group_stats),
    row!("getFsReplicatedBlockStats", Query, stats::replicated_block_stats),
    row!("getFsStats", Query, stats::fs_stats),
    row!("getHAServiceState", Query, stats::ha_service_state),
    row!("getLinkTarget", Query, query::link_target),
    row!("getListing", Encoded, query::listing),
    row!("getLocatedFileInfo", Query, query::located_file_info),
    row!("getPreferredBlockSize", Query, query::preferred_block_size),
    row!("getQuotaUsage", Walk, query::quota_usage),
    row!("getServerDefaults", Query, stats::server_defaults),
    row!("getSlowDatanodeReport", Query, stats::slow_datanode_report),
    row!("getSnapshottableDirListing", Query, none::snapshottable_directories),
    row!("getStoragePolicies", Query, stats::storage_policies),
    row!("getStoragePolicy", Query, stats::storage_policy),
    row!("getXAttrs", Query, query::xattrs),
    row!("isFileClosed", Query, query::is_file_closed),
    row!("listCacheDirectives", Query, none::cache_directives),
    row!("listCachePools", Query, none::cache_pools),
    row!("listCorruptFileBlocks", Query, stats::corrupt_file_blocks),
    row!("listEncryptionZones", Query, none::encryption_zones),
    row!("listOpenFiles", Query, stats::open_files),
    row!("listReencryptionStatus", Query, none::reencryption_status),
    row!("listXAttrs", Query, query::list_xattrs),
    row!("metaSave", Query, admin::meta_save),
    row!("mkdirs", Update, namespace::mkdirs),
    row!("modifyAclEntries", Update, attributes::modify_acl_entries),
    row!("msync", Query, stats::msync),
    row!("recoverLease", Update, lease::recover_lease),
    row!("refreshNodes", Shell, RefreshNodes),
    row!("removeAcl", Update, attributes::remove_acl),
    row!("removeAclEntries", Update, attributes::remove_acl_entries),
    row!("removeDefaultAcl", Update, attributes::remove_default_acl),
    row!("removeXAttr", Once, attributes::remove_xattr),
    row!("rename", Once, namespace::rename),
    row!("rename2", Once, namespace::rename2),
    row!("renewLease", Update, lease::renew_lease),
    row!("reportBadBlocks", Update, write::report_bad_blocks),
    row!("restoreFailedStorage", Shell, RestoreFailedStorage),
    row!("rollEdits", Shell, RollEdits),
    row!("satisfyStoragePolicy", Query, attributes::satisfy_storage_policy),
    row!("saveNamespace", Shell, SaveNamespace),
    row!("setAcl", Update, attributes::set_acl),
    row!("setBalancerBandwidth", Update, admin::set_balancer_bandwidth),
    row!("setErasureCodingPolicy", Once, attributes::set_erasure_coding_policy),
    row!("setOwner", Update, attributes::set_owner),
    row!("setPermission", Update, attributes::set_permission),
    row!("setQuota", Update, attributes::set_quota),
    row!("setReplication", Update, attributes::set_replication),
    row!("setSafeMode", Update, admin::set_safe_mode),
    row!("setStoragePolicy", Update, attributes::set_storage_policy),
    row!("setTimes", Update, attributes::set_times),
    row!("setXAttr", Once, attributes::set_xattr),
    row!("truncate", Update, write::truncate),
    row!("unsetErasureCodingPolicy", Once, attributes::unset_erasure_coding_policy),
    row!("unsetStoragePolicy", Update, attributes::unset_storage_policy),
    row!("updateBlockForPipeline", Update, write::update_block_for_pipeline),
    row!("updatePipeline", Once, write::update_pipeline),
    row!("upgradeStatus", Query, stats::upgrade_status),
];

/// `DatanodeProtocol`.
pub(crate) static DATANODE: &[Method] = &[
    row!("blockReceivedAndDeleted", Update, datanode::received_and_deleted),
    row!("blockReport", Shell, BlockReport),
    row!("cacheReport", Query, datanode::cache_report),
    row!("commitBlockSynchronization", Update, datanode::commit_block_synchronization),
    row!("errorReport", Query, datanode::error_report),
    row!("registerDatanode", Shell, RegisterDatanode),
    row!("reportBadBlocks", Update, datanode::report_bad_blocks),
    row!("sendHeartbeat", Update, datanode::heartbeat),
    row!("versionRequest", Query, datanode::version_request),
];

/// `NamenodeProtocol`.
pub(crate) static NAMENODE: &[Method] = &[
    row!("endCheckpoint", Shell, EndCheckpoint),
    row!("errorReport", Query, namenode::error_report),
    row!("getBlockKeys", Query, namenode::block_keys),
    row!("getBlocks", Update, namenode::blocks),
    row!("getEditLogManifest", Shell, EditLogManifest),
    row!("getMostRecentCheckpointTxId", Shell, MostRecentCheckpoint),
    row!("getMostRecentNameNodeFileTxId", Shell, MostRecentFile),
    row!("getTransactionId", Query, namenode::transaction_id),
    row!("isRollingUpgrade", Query, namenode::is_rolling_upgrade),
    row!("isUpgradeFinalized", Query, namenode::is_upgrade_finalized),
    row!("registerSubordinateNamenode", Query, namenode::register_subordinate),
    row!("rollEditLog", Shell, RollEditLog),
    row!("startCheckpoint", Shell, StartCheckpoint),
    row!("versionRequest", Query, datanode::version_request),
];

/// `HAServiceProtocol`.
pub(crate) static HA_SERVICE: &[Method] = &[
    row!("getServiceStatus", Query, admin::service_status),
    row!("monitorHealth", Query, admin::monitor_health),
    row!("transitionToActive", Query, admin::transition_to_active),
    row!("transitionToObserver", Query, admin::transition_to_observer),
    row!("transitionToStandby", Query, admin::transition_to_standby),
];

/// `RefreshAuthorizationPolicyProtocol`.
pub(crate) static REFRESH_AUTHORIZATION: &[Method] =
    &[row!("refreshServiceAcl", Shell, RefreshServiceAccess)];

/// `GenericRefreshProtocol`.
pub(crate) static GENERIC_REFRESH: &[Method] = &[row!("refresh", Query, admin::generic_refresh)];

/// `ReconfigurationProtocol`.
pub(crate) static RECONFIGURATION: &[Method] = &[
    row!("getReconfigurationStatus", Shell, ReconfigurationStatus),
    row!("listReconfigurableProperties", Shell, ReconfigurableProperties),
    row!("startReconfiguration", Shell, StartReconfiguration),
];

/// `DatanodeLifelineProtocol`.
pub(crate) static LIFELINE: &[Method] = &[row!("sendLifeline", Update, datanode::lifeline)];

/// `GetUserMappingsProtocol`.
pub(crate) static GET_USER_MAPPINGS: &[Method] = &[row!("getGroupsForUser", Shell, GroupsForUser)];

/// `RefreshUserMappingsProtocol`.
pub(crate) static REFRESH_USER_MAPPINGS: &[Method] = &[
    row!("refreshSuperUserGroupsConfiguration", Shell, RefreshProxyUsers),
    row!("refreshUserToGroupsMappings", Shell, RefreshUserToGroups),
];

#[cfg(test)]
mod tests {
    use loxodon_wire::rpc::protocol;

    use super::*;

    #[test]
    fn every_row_is_a_call_of_its_protocol_and_sorted() {
        let tables: [(&[Method], &protocol::Protocol); 10] = [
            (CLIENT, &protocol::CLIENT_NAMENODE),
            (DATANODE, &protocol::DATANODE),
            (NAMENODE, &protocol::NAMENODE),
            (HA_SERVICE, &protocol::HA_SERVICE),
            (GENERIC_REFRESH, &protocol::GENERIC_REFRESH),
            (RECONFIGURATION, &protocol::RECONFIGURATION),
            (LIFELINE, &protocol::DATANODE_LIFELINE),
            (GET_USER_MAPPINGS, &protocol::GET_USER_MAPPINGS),
            (REFRESH_USER_MAPPINGS, &protocol::REFRESH_USER_MAPPINGS),
            (REFRESH_AUTHORIZATION, &protocol::REFRESH_AUTHORIZATION_POLICY),
        ];
        for (rows, protocol) in tables {
            assert!(rows.is_sorted_by_key(|row| row.name), "{}", protocol.name);
            for row in rows {
                assert!(protocol.find(row.name).is_some(), "{} {}", protocol.name, row.name);
                assert!(super::super::dispatch::find(protocol.name, row.name).is_some());
            }
        }
    }
}
