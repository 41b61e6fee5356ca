//! The cluster: statistics, reports and orders of an administrator.

use std::time::Instant;

use loxodon_wire::ids::TxId;
use loxodon_wire::proto::{common, hdfs};
use loxodon_wire::rpc::protocol;

use crate::client::Client;
use crate::error::Result;
use crate::retry::Repeat;
use crate::types::{
    CorruptFileBlocks, DatanodeInfo, DatanodeReportKind, DatanodeStorageReport,
    ErasureCodedBlockStats, FsStats, HaState, OpenFilesPage, ReplicatedBlockStats, SafeModeAction,
    ServerDefaults,
};

impl Client {
    /// What the NameNode tells clients to assume; kept as long as `dfs.client.server-defaults.validity.period.ms` says.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn server_defaults(&self) -> Result<ServerDefaults> {
        let now = Instant::now();
        if let Some((defaults, since)) = self.cached_server_defaults()
            && now.duration_since(since) < self.settings().server_defaults_validity
        {
            return Ok(defaults);
        }
        let request = hdfs::GetServerDefaultsRequestProto {};
        let answer: hdfs::GetServerDefaultsResponseProto =
            self.safe_call("getServerDefaults", &request).await?;
        let defaults = ServerDefaults::from_proto(answer.server_defaults)?;
        self.cache_server_defaults(defaults.clone(), now);
        Ok(defaults)
    }

    /// Totals of the file system.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn fs_stats(&self) -> Result<FsStats> {
        let request = hdfs::GetFsStatusRequestProto {};
        let answer: hdfs::GetFsStatsResponseProto = self.safe_call("getFsStats", &request).await?;
        Ok(FsStats::from_proto(&answer))
    }

    /// Counts of replicated blocks.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn replicated_block_stats(&self) -> Result<ReplicatedBlockStats> {
        let request = hdfs::GetFsReplicatedBlockStatsRequestProto {};
        let answer: hdfs::GetFsReplicatedBlockStatsResponseProto =
            self.safe_call("getFsReplicatedBlockStats", &request).await?;
        Ok(ReplicatedBlockStats::from_proto(&answer))
    }

    /// Counts of erasure-coded block groups.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn erasure_coded_block_stats(&self) -> Result<ErasureCodedBlockStats> {
        let request = hdfs::GetFsEcBlockGroupStatsRequestProto {};
        let answer: hdfs::GetFsEcBlockGroupStatsResponseProto =
            self.safe_call("getFsECBlockGroupStats", &request).await?;
        Ok(ErasureCodedBlockStats::from_proto(&answer))
    }

    /// DataNodes of a kind.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn datanode_report(&self, kind: DatanodeReportKind) -> Result<Vec<DatanodeInfo>> {
        let request = hdfs::GetDatanodeReportRequestProto { r#type: kind.to_wire() };
        let answer: hdfs::GetDatanodeReportResponseProto =
            self.safe_call("getDatanodeReport", &request).await?;
        answer.di.into_iter().map(DatanodeInfo::from_proto).collect()
    }

    /// DataNodes of a kind, with their storages.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn datanode_storage_report(
        &self,
        kind: DatanodeReportKind,
    ) -> Result<Vec<DatanodeStorageReport>> {
        let request = hdfs::GetDatanodeStorageReportRequestProto { r#type: kind.to_wire() };
        let answer: hdfs::GetDatanodeStorageReportResponseProto =
            self.safe_call("getDatanodeStorageReport", &request).await?;
        answer.datanode_storage_reports.into_iter().map(DatanodeStorageReport::from_proto).collect()
    }

    /// DataNodes that their peers find slow.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn slow_datanode_report(&self) -> Result<Vec<DatanodeInfo>> {
        let request = hdfs::GetSlowDatanodeReportRequestProto {};
        let answer: hdfs::GetSlowDatanodeReportResponseProto =
            self.safe_call("getSlowDatanodeReport", &request).await?;
        answer.datanode_info_proto.into_iter().map(DatanodeInfo::from_proto).collect()
    }

    /// Asks for or changes safe mode; says whether it is on. With `checked`, only an active
    /// NameNode answers.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_safe_mode(&self, action: SafeModeAction, checked: bool) -> Result<bool> {
        let request =
            hdfs::SetSafeModeRequestProto { action: action.to_wire(), checked: Some(checked) };
        let answer: hdfs::SetSafeModeResponseProto =
            self.safe_call("setSafeMode", &request).await?;
        Ok(answer.result)
    }

    /// Saves an image, unless the last one is younger than `window_seconds` and `gap`
    /// transactions; 0 and 0 saves always. Says whether it saved.
    ///
    /// # Errors
    /// `IOException` outside safe mode, and what else the NameNode answers.
    pub async fn save_namespace(&self, window_seconds: u64, gap: u64) -> Result<bool> {
        let request = hdfs::SaveNamespaceRequestProto {
            time_window: Some(window_seconds),
            tx_gap: Some(gap),
        };
        let answer: hdfs::SaveNamespaceResponseProto =
            self.safe_call("saveNamespace", &request).await?;
        Ok(answer.saved.unwrap_or(true))
    }

    /// Begins a new edit log segment and says its first transaction.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn roll_edits(&self) -> Result<TxId> {
        let request = hdfs::RollEditsRequestProto {};
        let answer: hdfs::RollEditsResponseProto = self.once_call("rollEdits", &request).await?;
        Ok(TxId(answer.new_segment_tx_id))
    }

    /// Asks for or changes (`true`, `false`, `check`) whether failed storage directories are
    /// taken back.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn restore_failed_storage(&self, argument: &str) -> Result<bool> {
        let request = hdfs::RestoreFailedStorageRequestProto { arg: argument.to_owned() };
        let answer: hdfs::RestoreFailedStorageResponseProto =
            self.safe_call("restoreFailedStorage", &request).await?;
        Ok(answer.result)
    }

    /// Re-reads the include and exclude files.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn refresh_nodes(&self) -> Result<()> {
        let request = hdfs::RefreshNodesRequestProto {};
        let _: hdfs::RefreshNodesResponseProto = self.safe_call("refreshNodes", &request).await?;
        Ok(())
    }

    /// Gives up the way back from an upgrade.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn finalize_upgrade(&self) -> Result<()> {
        let request = hdfs::FinalizeUpgradeRequestProto {};
        let _: hdfs::FinalizeUpgradeResponseProto =
            self.safe_call("finalizeUpgrade", &request).await?;
        Ok(())
    }

    /// Has the NameNode write its block structures to a file in its log directory.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn metasave(&self, file_name: &str) -> Result<()> {
        let request = hdfs::MetaSaveRequestProto { filename: file_name.to_owned() };
        let _: hdfs::MetaSaveResponseProto = self.safe_call("metaSave", &request).await?;
        Ok(())
    }

    /// Limits what each DataNode spends on balancing, in bytes a second.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_balancer_bandwidth(&self, bytes_per_second: i64) -> Result<()> {
        let request = hdfs::SetBalancerBandwidthRequestProto { bandwidth: bytes_per_second };
        let _: hdfs::SetBalancerBandwidthResponseProto =
            self.safe_call("setBalancerBandwidth", &request).await?;
        Ok(())
    }

    /// Files below `path` with blocks that cannot be read; `cookie` of the page before.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn list_corrupt_file_blocks(
        &self,
        path: &str,
        cookie: Option<&str>,
    ) -> Result<CorruptFileBlocks> {
        let request = hdfs::ListCorruptFileBlocksRequestProto {
            path: path.to_owned(),
            cookie: cookie.map(str::to_owned),
        };
        let answer: hdfs::ListCorruptFileBlocksResponseProto =
            self.safe_call("listCorruptFileBlocks", &request).await?;
        Ok(CorruptFileBlocks { files: answer.corrupt.files, cookie: answer.corrupt.cookie })
    }

    /// Files below `path` that somebody is writing, those after inode `after` (0 at first);
    /// with `blocking_decommission` only those that hold a DataNode up.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn list_open_files(
        &self,
        after: i64,
        blocking_decommission: bool,
        path: &str,
    ) -> Result<OpenFilesPage> {
        let kind = if blocking_decommission {
            hdfs::OpenFilesTypeProto::BlockingDecommission
        } else {
            hdfs::OpenFilesTypeProto::AllOpenFiles
        };
        let request = hdfs::ListOpenFilesRequestProto {
            id: after,
            types: vec![kind as i32],
            path: Some(path.to_owned()),
        };
        let answer: hdfs::ListOpenFilesResponseProto =
            self.safe_call("listOpenFiles", &request).await?;
        Ok(OpenFilesPage::from_proto(answer))
    }

    /// Waits until reads see what was written before, on observers.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn msync(&self) -> Result<()> {
        let request = hdfs::MsyncRequestProto {};
        let _: hdfs::MsyncResponseProto = self.safe_call("msync", &request).await?;
        Ok(())
    }

    /// Role of the NameNode that answers.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn ha_service_state(&self) -> Result<HaState> {
        let request = hdfs::HaServiceStateRequestProto {};
        let answer: hdfs::HaServiceStateResponseProto =
            self.safe_call("getHAServiceState", &request).await?;
        HaState::from_wire(answer.state)
    }

    /// Groups of a user, as the NameNode sees them (`GetUserMappingsProtocol`).
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn user_groups(&self, user: &str) -> Result<Vec<String>> {
        let request = common::GetGroupsForUserRequestProto { user: user.to_owned() };
        let answer: common::GetGroupsForUserResponseProto = self
            .name_nodes()
            .call(&protocol::GET_USER_MAPPINGS, "getGroupsForUser", &request, Repeat::Safe)
            .await?;
        Ok(answer.groups)
    }

    /// Makes the NameNode forget the groups that it remembers (`RefreshUserMappingsProtocol`).
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn refresh_user_to_groups_mappings(&self) -> Result<()> {
        let request = common::RefreshUserToGroupsMappingsRequestProto {};
        let method = "refreshUserToGroupsMappings";
        let _: common::RefreshUserToGroupsMappingsResponseProto = self
            .name_nodes()
            .call(&protocol::REFRESH_USER_MAPPINGS, method, &request, Repeat::Safe)
            .await?;
        Ok(())
    }

    /// Makes the NameNode read again who may act for whom (`RefreshUserMappingsProtocol`).
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn refresh_super_user_groups_configuration(&self) -> Result<()> {
        let request = common::RefreshSuperUserGroupsConfigurationRequestProto {};
        let method = "refreshSuperUserGroupsConfiguration";
        let _: common::RefreshSuperUserGroupsConfigurationResponseProto = self
            .name_nodes()
            .call(&protocol::REFRESH_USER_MAPPINGS, method, &request, Repeat::Safe)
            .await?;
        Ok(())
    }

    /// Makes the NameNode read its service-level authorization again
    /// (`RefreshAuthorizationPolicyProtocol`).
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn refresh_service_acl(&self) -> Result<()> {
        let request = common::RefreshServiceAclRequestProto {};
        let protocol = &protocol::REFRESH_AUTHORIZATION_POLICY;
        let _: common::RefreshServiceAclResponseProto =
            self.name_nodes().call(protocol, "refreshServiceAcl", &request, Repeat::Safe).await?;
        Ok(())
    }

    /// The last transaction written (`NamenodeProtocol`).
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn transaction_id(&self) -> Result<TxId> {
        let request = hdfs::namenode::GetTransactionIdRequestProto {};
        let answer: hdfs::namenode::GetTransactionIdResponseProto = self
            .name_nodes()
            .call(&protocol::NAMENODE, "getTransactionId", &request, Repeat::Safe)
            .await?;
        Ok(TxId(answer.tx_id))
    }

    /// The last transaction in an image (`NamenodeProtocol`).
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn most_recent_checkpoint_txid(&self) -> Result<TxId> {
        let request = hdfs::namenode::GetMostRecentCheckpointTxIdRequestProto {};
        let answer: hdfs::namenode::GetMostRecentCheckpointTxIdResponseProto = self
            .name_nodes()
            .call(&protocol::NAMENODE, "getMostRecentCheckpointTxId", &request, Repeat::Safe)
            .await?;
        Ok(TxId(answer.tx_id))
    }
}
