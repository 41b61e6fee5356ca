//! What clients other than Hadoop's send when they write a block.

use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::transfer::{PacketHeader, Status};

use crate::model::{NameNode, RECEIVED};
use crate::transfer::{Ack, Reader, Writer, block, pattern};

/// libhdfs3 forgets a partial chunk that it has flushed: its last packet says where that chunk begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_last_packet_may_begin_before_what_was_flushed() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let first = namenode.datanode(places[0].path()).await;
    let second = namenode.datanode(places[1].path()).await;
    let data = pattern(1025, 1);

    let mut writer =
        Writer::create(first.transfer_address(), &block(1), &[namenode.info_of(&second)]);
    writer.send(&data).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(0, vec![Status::Success; 2]));
    let header = PacketHeader { offset_in_block: 1024, last_in_block: true, ..writer.header(&[]) };
    writer.raw(header, &[], &[]).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(1, vec![Status::Success; 2]));

    namenode.model.wait_change(&block(1), RECEIVED);
    let stored = proto::ExtendedBlockProto { num_bytes: Some(1025), ..block(1) };
    for datanode in [&first, &second] {
        assert!(Reader::read(datanode.transfer_address(), &stored, 0, 1025).unwrap() == data);
    }

    // One that lies after the end is of a packet that never came.
    let mut writer = Writer::create(first.transfer_address(), &block(2), &[]);
    writer.send(&data).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(0, vec![Status::Success]));
    let header = PacketHeader { offset_in_block: 1026, last_in_block: true, ..writer.header(&[]) };
    writer.raw(header, &[], &[]).unwrap();
    assert!(writer.ack().is_err());
}
