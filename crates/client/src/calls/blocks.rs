//! What a writer says to the NameNode while it writes.

use loxodon_wire::proto::hdfs;

use crate::client::Client;
use crate::error::Result;
use crate::types::{BlockToken, DatanodeInfo, ExtendedBlock, LocatedBlock, Location};

impl Client {
    /// Asks for the block after `previous` (`addBlock`).
    pub(crate) async fn add_block(
        &self,
        request: &hdfs::AddBlockRequestProto,
    ) -> Result<LocatedBlock> {
        let answer: hdfs::AddBlockResponseProto = self.safe_call("addBlock", request).await?;
        LocatedBlock::from_proto(answer.block)
    }

    /// Gives back a block that no pipeline could be made for.
    pub(crate) async fn abandon_block(
        &self,
        block: &ExtendedBlock,
        path: &str,
        file_id: u64,
    ) -> Result<()> {
        let request = hdfs::AbandonBlockRequestProto {
            b: block.to_proto(),
            src: path.to_owned(),
            holder: self.client_name().to_owned(),
            file_id: Some(file_id),
        };
        let _: hdfs::AbandonBlockResponseProto = self.safe_call("abandonBlock", &request).await?;
        Ok(())
    }

    /// Asks for one more DataNode for a pipeline that lost one.
    pub(crate) async fn additional_datanode(
        &self,
        path: &str,
        file_id: u64,
        block: &ExtendedBlock,
        existing: &[Location],
        excluded: &[Location],
    ) -> Result<LocatedBlock> {
        let request = hdfs::GetAdditionalDatanodeRequestProto {
            src: path.to_owned(),
            blk: block.to_proto(),
            existings: existing.iter().map(|at| at.datanode.to_proto()).collect(),
            excludes: excluded.iter().map(|at| at.datanode.to_proto()).collect(),
            num_additional_nodes: 1,
            client_name: self.client_name().to_owned(),
            existing_storage_uuids: existing.iter().map(|at| at.storage_id.clone()).collect(),
            file_id: Some(file_id),
        };
        let answer: hdfs::GetAdditionalDatanodeResponseProto =
            self.safe_call("getAdditionalDatanode", &request).await?;
        LocatedBlock::from_proto(answer.block)
    }

    /// Says that the file is done; `false` means its last block is not reported yet.
    pub(crate) async fn complete(
        &self,
        path: &str,
        file_id: u64,
        last: Option<&ExtendedBlock>,
    ) -> Result<bool> {
        let request = hdfs::CompleteRequestProto {
            src: path.to_owned(),
            client_name: self.client_name().to_owned(),
            last: last.map(ExtendedBlock::to_proto),
            file_id: Some(file_id),
        };
        let answer: hdfs::CompleteResponseProto = self.safe_call("complete", &request).await?;
        Ok(answer.result)
    }

    /// Makes the length of the last block known (`fsync`).
    pub(crate) async fn sync_length(
        &self,
        path: &str,
        file_id: u64,
        last_block_length: Option<u64>,
    ) -> Result<()> {
        let request = hdfs::FsyncRequestProto {
            src: path.to_owned(),
            client: self.client_name().to_owned(),
            last_block_length: Some(
                last_block_length.and_then(|length| i64::try_from(length).ok()).unwrap_or(-1),
            ),
            file_id: Some(file_id),
        };
        let _: hdfs::FsyncResponseProto = self.safe_call("fsync", &request).await?;
        Ok(())
    }

    /// Takes a new generation stamp and token for a block under recovery.
    pub(crate) async fn update_block_for_pipeline(
        &self,
        block: &ExtendedBlock,
    ) -> Result<(ExtendedBlock, BlockToken)> {
        let request = hdfs::UpdateBlockForPipelineRequestProto {
            block: block.to_proto(),
            client_name: self.client_name().to_owned(),
        };
        let answer: hdfs::UpdateBlockForPipelineResponseProto =
            self.safe_call("updateBlockForPipeline", &request).await?;
        let located = LocatedBlock::from_proto(answer.block)?;
        Ok((located.block, located.token))
    }

    /// Makes the recovered pipeline known; the server's retry cache makes it at-most-once.
    pub(crate) async fn update_pipeline(
        &self,
        old: &ExtendedBlock,
        new: &ExtendedBlock,
        nodes: &[Location],
    ) -> Result<()> {
        let request = hdfs::UpdatePipelineRequestProto {
            client_name: self.client_name().to_owned(),
            old_block: old.to_proto(),
            new_block: new.to_proto(),
            new_nodes: nodes.iter().map(|at| at.datanode.id_to_proto()).collect(),
            storage_i_ds: nodes.iter().map(|at| at.storage_id.clone()).collect(),
        };
        let _: hdfs::UpdatePipelineResponseProto =
            self.safe_call("updatePipeline", &request).await?;
        Ok(())
    }

    /// Tells the NameNode about replicas that do not match their checksums.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn report_bad_blocks(&self, blocks: &[LocatedBlock]) -> Result<()> {
        let request = hdfs::ReportBadBlocksRequestProto {
            blocks: blocks.iter().map(LocatedBlock::to_proto).collect(),
        };
        let _: hdfs::ReportBadBlocksResponseProto =
            self.safe_call("reportBadBlocks", &request).await?;
        Ok(())
    }

    /// Length of a replica that a reader may see while it is written
    /// (`ClientDatanodeProtocol.getReplicaVisibleLength`).
    pub(crate) async fn replica_visible_length(
        &self,
        datanode: &DatanodeInfo,
        block: &ExtendedBlock,
    ) -> Result<u64> {
        let request = hdfs::GetReplicaVisibleLengthRequestProto { block: block.to_proto() };
        let answer: hdfs::GetReplicaVisibleLengthResponseProto =
            self.datanode_call(datanode, "getReplicaVisibleLength", &request).await?;
        Ok(answer.length)
    }
}
