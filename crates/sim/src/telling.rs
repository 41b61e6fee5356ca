//! What a DataNode tells the NameNode, as the protocol's messages.

use bytes::Bytes;
use loxodon_blocks::Block;
use loxodon_wire::proto::hdfs::datanode::{
    BlockReceivedAndDeletedRequestProto, BlockReportContextProto, BlockReportRequestProto,
    DatanodeRegistrationProto, HeartbeatRequestProto, ReceivedDeletedBlockInfoProto,
    ReportBadBlocksRequestProto, StorageBlockReportProto, StorageReceivedDeletedBlocksProto,
};
use loxodon_wire::proto::hdfs::{
    BlockKeyProto, BlockProto, DatanodeInfoProto, DatanodeStorageProto, ExportedBlockKeysProto,
    ExtendedBlockProto, LocatedBlockProto, StorageInfoProto, StorageReportProto,
};
use loxodon_wire::version;

use crate::datanode::{DataNode, State, Told, VOLUMES, node_id};
use crate::message::length;
use crate::namenode::{CLUSTER, POOL};
use crate::scene::Scene;
use crate::store;

const GIB: u64 = 1 << 30;

impl DataNode {
    /// The scanner comes to a damaged replica.
    pub(crate) fn scan(&mut self, scene: &mut Scene) {
        let mut replicas = self.replicas.values_mut();
        if let Some(found) = replicas.find(|replica| replica.is_damaged && !replica.is_known) {
            found.is_known = true;
            self.names_damaged = true;
            self.speak(scene);
        }
    }

    /// What is known to be damaged, if the NameNode has to hear of it.
    pub(crate) fn damaged(&self) -> Option<ReportBadBlocksRequestProto> {
        let known = self.replicas.iter().filter(|(_, replica)| replica.is_known);
        let blocks: Vec<LocatedBlockProto> =
            known.map(|(id, replica)| self.located(replica.block(*id), replica.volume)).collect();
        (self.names_damaged && !blocks.is_empty()).then_some(ReportBadBlocksRequestProto { blocks })
    }

    fn located(&self, block: Block, volume: usize) -> LocatedBlockProto {
        LocatedBlockProto {
            b: ExtendedBlockProto {
                pool_id: POOL.to_owned(),
                block_id: block.id.0.cast_unsigned(),
                generation_stamp: block.stamp.0,
                num_bytes: Some(block.length),
            },
            corrupt: true,
            locs: vec![DatanodeInfoProto { id: node_id(self.index), ..Default::default() }],
            storage_i_ds: vec![self.storage(volume)],
            ..LocatedBlockProto::default()
        }
    }

    pub(crate) fn registration(&self) -> DatanodeRegistrationProto {
        DatanodeRegistrationProto {
            datanode_id: node_id(self.index),
            storage_info: StorageInfoProto {
                layout_version: version::DATANODE_LAYOUT.cast_unsigned(),
                namespce_id: store::NAMESPACE_ID.cast_unsigned(),
                cluster_id: CLUSTER.to_owned(),
                c_time: 0,
            },
            keys: ExportedBlockKeysProto {
                is_block_token_enabled: false,
                key_update_interval: 0,
                token_life_time: 0,
                current_key: BlockKeyProto::default(),
                all_keys: Vec::new(),
            },
            software_version: version::HADOOP.to_owned(),
        }
    }

    fn volume(&self, at: usize) -> DatanodeStorageProto {
        DatanodeStorageProto { storage_uuid: self.storage(at), state: None, storage_type: None }
    }

    pub(crate) fn heartbeat(&self, now: u64, wants_report: bool) -> HeartbeatRequestProto {
        let is_full =
            |at: usize| self.volumes.get(at).is_some_and(|volume| now < volume.full_until);
        #[allow(deprecated)]
        let report = |at| StorageReportProto {
            storage_uuid: self.storage(at),
            capacity: Some(10 * GIB),
            remaining: Some(if is_full(at) { 0 } else { 9 * GIB }),
            storage: Some(self.volume(at)),
            ..StorageReportProto::default()
        };
        HeartbeatRequestProto {
            registration: self.registration(),
            reports: self.good_volumes().map(report).collect(),
            xceiver_count: Some(1),
            request_full_block_report_lease: Some(wants_report),
            ..HeartbeatRequestProto::default()
        }
    }

    pub(crate) fn changes(&self, changes: &[Told]) -> BlockReceivedAndDeletedRequestProto {
        let on = |at: usize| -> Vec<ReceivedDeletedBlockInfoProto> {
            let here = changes.iter().filter(|(volume, ..)| *volume == at);
            let told = here.map(|(_, block, status)| ReceivedDeletedBlockInfoProto {
                block: to_proto(*block),
                status: (*status).into(),
                delete_hint: None,
            });
            told.collect()
        };
        #[allow(deprecated)]
        let storage = |at| StorageReceivedDeletedBlocksProto {
            storage_uuid: self.storage(at),
            blocks: on(at),
            storage: Some(self.volume(at)),
        };
        BlockReceivedAndDeletedRequestProto {
            registration: self.registration(),
            block_pool_id: POOL.to_owned(),
            blocks: (0..VOLUMES).map(storage).filter(|it| !it.blocks.is_empty()).collect(),
        }
    }

    pub(crate) fn report(&self) -> BlockReportRequestProto {
        BlockReportRequestProto {
            registration: self.registration(),
            block_pool_id: POOL.to_owned(),
            reports: self.good_volumes().map(|at| self.report_of(at)).collect(),
            context: Some(BlockReportContextProto {
                total_rpcs: 1,
                cur_rpc: 0,
                id: 1,
                lease_id: Some(self.lease),
            }),
        }
    }

    fn report_of(&self, volume: usize) -> StorageBlockReportProto {
        let (mut bytes, mut count) = (Vec::new(), 0);
        for (id, replica) in self.replicas.iter().filter(|(_, it)| it.volume == volume) {
            // One that a recovery examines is reported as what it was before.
            let state = match replica.state {
                State::Final => 0,
                State::Open => 1,
                State::Left => 2,
            };
            let zigzag = (id.0.cast_unsigned() << 1) ^ (id.0 >> 63).cast_unsigned();
            for number in [zigzag, length(&replica.content), replica.stamp.0, state] {
                prost::encoding::encode_varint(number, &mut bytes);
            }
            count += 1;
        }
        StorageBlockReportProto {
            storage: self.volume(volume),
            blocks: Vec::new(),
            number_of_blocks: Some(count),
            blocks_buffers: vec![Bytes::from(bytes)],
        }
    }
}

fn to_proto(block: Block) -> BlockProto {
    BlockProto {
        block_id: block.id.0.cast_unsigned(),
        gen_stamp: block.stamp.0,
        num_bytes: Some(block.length),
    }
}
