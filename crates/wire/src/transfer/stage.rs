//! What a write is for: Hadoop's `BlockConstructionStage`.

use crate::proto::hdfs::op_write_block_proto::BlockConstructionStage;

/// Why a pipeline is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteStage {
    /// To append to a finalized block.
    SetupAppend,
    /// To append to a finalized block, again, after a failure.
    SetupAppendRecovery,
    /// Data of one DataNode to another, not of a client: `DATA_STREAMING` is the stage of block copies' targets.
    DataStreaming,
    /// To go on after a failure in the middle of data.
    SetupStreamingRecovery,
    /// The pipeline is closed (a client's own state, never sent).
    Close,
    /// To finish a block after a failure while it was closed.
    CloseRecovery,
    /// To write a new block.
    SetupCreate,
    /// A replica being written is copied to a DataNode that joins its pipeline.
    TransferRbw,
    /// A finalized replica is copied to a DataNode that joins a pipeline.
    TransferFinalized,
}

const ALL: [(WriteStage, BlockConstructionStage); 9] = [
    (WriteStage::SetupAppend, BlockConstructionStage::PipelineSetupAppend),
    (WriteStage::SetupAppendRecovery, BlockConstructionStage::PipelineSetupAppendRecovery),
    (WriteStage::DataStreaming, BlockConstructionStage::DataStreaming),
    (WriteStage::SetupStreamingRecovery, BlockConstructionStage::PipelineSetupStreamingRecovery),
    (WriteStage::Close, BlockConstructionStage::PipelineClose),
    (WriteStage::CloseRecovery, BlockConstructionStage::PipelineCloseRecovery),
    (WriteStage::SetupCreate, BlockConstructionStage::PipelineSetupCreate),
    (WriteStage::TransferRbw, BlockConstructionStage::TransferRbw),
    (WriteStage::TransferFinalized, BlockConstructionStage::TransferFinalized),
];

impl WriteStage {
    /// The stage with the message's number.
    #[must_use]
    pub fn from_proto(number: i32) -> Option<Self> {
        ALL.iter().find(|(_, proto)| *proto as i32 == number).map(|(stage, _)| *stage)
    }

    /// The message's number.
    #[must_use]
    pub fn to_proto(self) -> i32 {
        ALL.iter().find(|(stage, _)| *stage == self).map_or(0, |(_, proto)| *proto as i32)
    }

    /// The stage to set a pipeline up again in, after it failed in this one (`getRecoveryStage`).
    #[must_use]
    pub const fn recovery(self) -> Self {
        match self {
            Self::SetupAppend => Self::SetupAppendRecovery,
            Self::DataStreaming => Self::SetupStreamingRecovery,
            Self::Close => Self::CloseRecovery,
            other => other,
        }
    }

    /// Whether this sets up after a failure.
    #[must_use]
    pub const fn is_recovery(self) -> bool {
        matches!(
            self,
            Self::SetupAppendRecovery | Self::SetupStreamingRecovery | Self::CloseRecovery
        )
    }

    /// Whether a DataNode copies a replica to another for a client's pipeline.
    #[must_use]
    pub const fn is_transfer(self) -> bool {
        matches!(self, Self::TransferRbw | Self::TransferFinalized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for number in 0..9 {
            assert_eq!(WriteStage::from_proto(number).map(WriteStage::to_proto), Some(number));
        }
        assert_eq!(WriteStage::from_proto(9), None);
        assert_eq!(WriteStage::Close.recovery(), WriteStage::CloseRecovery);
    }
}
