//! `TRANSFER_BLOCK`: a client lets a DataNode of its pipeline fill one that joins it.

use std::net::SocketAddr;

use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::transfer::{Operation, Status};

use crate::model::{NameNode, RECEIVED};
use crate::transfer::{Reader, Writer, block, client_header, pattern, request, response};

const LENGTH: u64 = 5000;

fn transfer(
    from: SocketAddr,
    block: &proto::ExtendedBlockProto,
    to: &proto::DatanodeInfoProto,
) -> proto::BlockOpResponseProto {
    let transfer = proto::OpTransferBlockProto {
        header: client_header(block),
        targets: vec![to.clone()],
        target_storage_types: vec![1],
        ..Default::default()
    };
    response(&mut request(from, &Operation::TransferBlock(Box::new(transfer)))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joining_datanode_gets_the_block_or_has_it() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let first = namenode.datanode(places[0].path()).await;
    let second = namenode.datanode(places[1].path()).await;
    let (from, to) = (first.transfer_address(), namenode.info_of(&second));
    let data = pattern(LENGTH as usize, 1);

    Writer::create(from, &block(1), &[]).write_all(&data, 512);
    namenode.model.wait_change(&block(1), RECEIVED);
    let stored = proto::ExtendedBlockProto { num_bytes: Some(LENGTH), ..block(1) };
    // The second time it is there: an append began before the NameNode had heard of that replica.
    for _ in 0..2 {
        let answer = transfer(from, &stored, &to);
        assert_eq!(answer.status, Status::Success as i32, "{:?}", answer.message);
        let read = Reader::read(second.transfer_address(), &stored, 0, LENGTH).unwrap();
        assert!(read == data);
    }

    // Another replica under the same name is not overwritten.
    let shorter = &data[..4000];
    Writer::create(from, &block(2), &[]).write_all(&data, 512);
    Writer::create(second.transfer_address(), &block(2), &[]).write_all(shorter, 512);
    let longer = proto::ExtendedBlockProto { num_bytes: Some(LENGTH), ..block(2) };
    let answer = transfer(from, &longer, &to);
    assert_eq!(answer.status, Status::Error as i32, "{:?}", answer.message);
    let read = Reader::read(second.transfer_address(), &block(2), 0, 4000).unwrap();
    assert!(read == shorter);
}

/// What a client has sent and what has come differ when a pipeline fails; the client sends the rest again.
#[tokio::test(flavor = "multi_thread")]
async fn a_joining_datanode_gets_what_is_there_of_a_block_that_is_being_written() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let first = namenode.datanode(places[0].path()).await;
    let second = namenode.datanode(places[1].path()).await;
    let (from, to) = (first.transfer_address(), namenode.info_of(&second));

    let _writer = Writer::create(from, &block(1), &[]);
    let sent = proto::ExtendedBlockProto { num_bytes: Some(LENGTH), ..block(1) };
    let answer = transfer(from, &sent, &to);
    assert_eq!(answer.status, Status::Success as i32, "{:?}", answer.message);
}
