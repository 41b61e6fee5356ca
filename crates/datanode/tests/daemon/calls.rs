//! `ClientDatanodeProtocol`: what an administrator and a client ask a DataNode for, and what writers notice of it.

use std::sync::Arc;
use std::time::Duration;

use loxodon_datanode::{DataNode, GroupLookup};
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::UserIdentity;
use loxodon_wire::rpc::protocol::CLIENT_DATANODE;
use loxodon_wire::transfer::{Operation, Status, WriteStage};
use prost::Message;

use crate::model::{
    Ack, NameNode, POOL, RECEIVED, Reader, Writer, block, eventually, pattern, request, response,
};

async fn call_as<Q: Message, A: Message + Default>(
    user: &str,
    datanode: &DataNode,
    method: &str,
    request: &Q,
) -> Result<A, RpcError> {
    let address: ServerAddress = datanode.ipc_address().into();
    let client = RpcClient::new(ClientSettings::default(), Arc::new(UserIdentity::new(user)));
    client.call(&address, &CLIENT_DATANODE, method, request, CallOptions::default()).await
}

pub async fn call<Q: Message, A: Message + Default>(
    datanode: &DataNode,
    method: &str,
    request: &Q,
) -> Result<A, String> {
    call_as("hdfs", datanode, method, request).await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_asked() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    Writer::create(datanode.transfer_address(), &block(1), &[]).write_all(&pattern(5000, 1), 512);
    namenode.model.wait_change(&block(1), RECEIVED);

    let visible = hdfs::GetReplicaVisibleLengthRequestProto { block: block(1) };
    let answer: hdfs::GetReplicaVisibleLengthResponseProto =
        call(&datanode, "getReplicaVisibleLength", &visible).await.unwrap();
    assert_eq!(answer.length, 5000);
    let missing = hdfs::GetReplicaVisibleLengthRequestProto { block: block(2) };
    let error = call_as::<_, hdfs::GetReplicaVisibleLengthResponseProto>(
        "hdfs",
        &datanode,
        "getReplicaVisibleLength",
        &missing,
    )
    .await
    .unwrap_err();
    assert!(error.java_class().ends_with("ReplicaNotFoundException"), "{error}");

    let info: hdfs::GetDatanodeInfoResponseProto =
        call(&datanode, "getDatanodeInfo", &hdfs::GetDatanodeInfoRequestProto {}).await.unwrap();
    assert_eq!(info.local_info.software_version, "3.5.0");
    let volumes: hdfs::GetVolumeReportResponseProto =
        call(&datanode, "getVolumeReport", &hdfs::GetVolumeReportRequestProto {}).await.unwrap();
    assert_eq!(volumes.volume_info.len(), 1);
    assert_eq!(volumes.volume_info[0].num_blocks, 1);
    assert!(volumes.volume_info[0].used_space >= 5000);
    let bandwidth: hdfs::GetBalancerBandwidthResponseProto =
        call(&datanode, "getBalancerBandwidth", &hdfs::GetBalancerBandwidthRequestProto {})
            .await
            .unwrap();
    assert_eq!(bandwidth.bandwidth, 100 << 20);

    let reports = namenode.model.has_heard(|heard| heard.reports.len());
    let report = hdfs::TriggerBlockReportRequestProto { incremental: false, nn_address: None };
    let _: hdfs::TriggerBlockReportResponseProto =
        call(&datanode, "triggerBlockReport", &report).await.unwrap();
    namenode.model.wait("another report", |heard| heard.reports.get(reports).map(|_| ()));

    let delete = hdfs::DeleteBlockPoolRequestProto { block_pool: POOL.to_owned(), force: true };
    let error =
        call::<_, hdfs::DeleteBlockPoolResponseProto>(&datanode, "deleteBlockPool", &delete)
            .await
            .unwrap_err();
    assert!(error.contains("The block pool is still running"), "{error}");
    let path = hdfs::GetBlockLocalPathInfoRequestProto { block: block(1), ..Default::default() };
    let error = call::<_, hdfs::GetBlockLocalPathInfoResponseProto>(
        &datanode,
        "getBlockLocalPathInfo",
        &path,
    )
    .await
    .unwrap_err();
    assert!(error.contains("dfs.block.local-path-access.user"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_for_superusers() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
    settings.groups_of = GroupLookup::new(|user| {
        vec![if user == "root" { "supergroup" } else { "users" }.to_owned()]
    });
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    let evict = hdfs::EvictWritersRequestProto {};
    for user in ["hdfs", "root"] {
        let done: Result<hdfs::EvictWritersResponseProto, _> =
            call_as(user, &datanode, "evictWriters", &evict).await;
        done.unwrap();
    }
    let error =
        call_as::<_, hdfs::EvictWritersResponseProto>("someone", &datanode, "evictWriters", &evict)
            .await
            .unwrap_err();
    assert!(error.java_class().ends_with("AccessControlException"), "{error}");
    let shut = hdfs::ShutdownDatanodeRequestProto { for_upgrade: false };
    let refused: Result<hdfs::ShutdownDatanodeResponseProto, _> =
        call_as("someone", &datanode, "shutdownDatanode", &shut).await;
    assert!(refused.is_err() && !datanode.shutdown_wanted());
}

#[tokio::test(flavor = "multi_thread")]
async fn evicted_writers_lose_their_connection_and_readers_do_not() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let mut writer = Writer::create(datanode.transfer_address(), &block(1), &[]);
    writer.send(&pattern(512, 1)).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(0, vec![Status::Success]));
    let _: hdfs::EvictWritersResponseProto =
        call(&datanode, "evictWriters", &hdfs::EvictWritersRequestProto {}).await.unwrap();
    assert!(writer.ack().is_err(), "the connection is closed, without a word of a restart");
    assert_eq!(Reader::read(datanode.transfer_address(), &block(1), 0, 512).unwrap().len(), 512);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_comes_back_after_an_upgrade() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let mut writer = Writer::create(datanode.transfer_address(), &block(1), &[]);
    writer.send(&pattern(1000, 1)).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(0, vec![Status::Success]));
    let shut = hdfs::ShutdownDatanodeRequestProto { for_upgrade: true };
    let _: hdfs::ShutdownDatanodeResponseProto =
        call(&datanode, "shutdownDatanode", &shut).await.unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(-2, vec![Status::OobRestart]));
    let again =
        call::<_, hdfs::ShutdownDatanodeResponseProto>(&datanode, "shutdownDatanode", &shut)
            .await
            .unwrap_err();
    assert!(again.contains("Shutdown already in progress."), "{again}");
    datanode.ended().await;
    assert!(datanode.shutdown_wanted());
    datanode.shutdown().await;
    assert!(writer.ack().is_err());

    let datanode = namenode.datanode(place.path()).await;
    let newer = hdfs::ExtendedBlockProto { generation_stamp: 1001, ..block(1) };
    let (answer, mut writer) = Writer::request(datanode.transfer_address(), &newer, |write| {
        write.stage = WriteStage::SetupStreamingRecovery.to_proto();
        write.latest_generation_stamp = 1002;
        (write.min_bytes_rcvd, write.max_bytes_rcvd) = (1000, 1000);
    });
    assert_eq!(answer.unwrap().status, Status::Success as i32);
    writer.offset = 1000;
    writer.seqno = 0;
    // The chunk that is not full comes again from where it ends.
    writer.send(&pattern(24, 3)).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(0, vec![Status::Success]));
    writer.last().unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(1, vec![Status::Success]));
    let newer = hdfs::ExtendedBlockProto { generation_stamp: 1002, ..block(1) };
    let read = Reader::read(datanode.transfer_address(), &newer, 0, 1024).unwrap();
    assert_eq!(read, [pattern(1000, 1), pattern(24, 3)].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_copied_out_for_a_balancer() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
    settings.balance_moves = 1;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    Writer::create(datanode.transfer_address(), &block(1), &[]).write_all(&pattern(5000, 1), 512);
    let copy = |id| {
        let base_header = hdfs::BaseHeaderProto { block: block(id), ..Default::default() };
        let operation = Operation::CopyBlock(hdfs::OpCopyBlockProto { header: base_header });
        let mut link = request(datanode.transfer_address(), &operation);
        let answer = response(&mut link).unwrap();
        (link, answer)
    };
    let (_, answer) = copy(1);
    assert_eq!(answer.status, Status::Success as i32);
    assert_eq!(answer.read_op_checksum_info.unwrap().chunk_offset, 0);
    eventually("the permit is given back", || {
        let (_, answer) = copy(2);
        answer.message.unwrap_or_default().contains("Replica does not exist")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_or_slow_datanode_says_so() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
    settings.congestion_ratio = Some(-1.0);
    settings.tell_slow = true;
    settings.heartbeat = Duration::from_millis(10);
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    let mut writer = Writer::create(datanode.transfer_address(), &block(1), &[]);
    writer.send(&pattern(512, 1)).unwrap();
    let ack = writer.full_ack().unwrap();
    let flag = ack.flags[0];
    assert_eq!(flag.congestion(), loxodon_wire::transfer::Congestion::Congested);
    assert_eq!(flag.slow(), loxodon_wire::transfer::Slow::Normal);
    assert_eq!(flag.status(), Status::Success);
}
