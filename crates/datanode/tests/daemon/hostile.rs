//! Writers that send what they should not.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::model::{
    Ack, NameNode, Reader, Writer, block, data_file, eventually, pattern, response,
};
use crate::transfer::checksum;
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::transfer::{
    Congestion, HeaderFlag, MAX_HEADER, PacketHeader, PipelineAck, Slow, Status, WriteStage,
    encode_message,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_packet_is_named_by_the_last_datanode() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let mut writer = Writer::create(datanode.transfer_address(), &block(1), &[]);
    for part in pattern(3 * 512, 1).chunks(512) {
        writer.send(part).unwrap();
        assert_eq!(writer.ack().unwrap(), Ack(writer.seqno - 1, vec![Status::Success]));
    }
    writer.send_with(&pattern(512, 2), &[1, 2, 3, 4]).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(3, vec![Status::ErrorChecksum]));
    assert_eq!(writer.link.read(&mut [0; 8]).unwrap_or(0), 0, "the connection has ended");
    let replica = data_file(place.path(), &block(1)).unwrap();
    assert_eq!(std::fs::read(replica).unwrap(), pattern(3 * 512, 1), "nothing damaged was kept");
}

/// Java's DataNode hangs up as soon as it has read the version.
#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_protocol_ends_the_connection_at_once() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let mut link = std::net::TcpStream::connect(datanode.transfer_address()).unwrap();
    link.set_read_timeout(Some(crate::model::PATIENCE)).unwrap();
    link.write_all(&[0, 27]).unwrap();
    assert_eq!(link.read(&mut [0; 8]).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sent_damaged_data_on_takes_the_blame() {
    let namenode = NameNode::start().await;
    let places =
        [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut nodes = Vec::new();
    for place in &places {
        nodes.push(namenode.datanode(place.path()).await);
    }
    let behind = [namenode.info_of(&nodes[1]), namenode.info_of(&nodes[2])];
    let mut writer = Writer::create(nodes[0].transfer_address(), &block(2), &behind);
    writer.send(&pattern(512, 1)).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(0, vec![Status::Success; 3]));
    writer.send_with(&pattern(512, 2), &[1, 2, 3, 4]).unwrap();
    // The last one says so to the second, which takes itself out; the first one misses it.
    assert_eq!(writer.ack().unwrap(), Ack(1, vec![Status::Success, Status::Error]));
}

/// A DataNode behind that finds everything good.
fn credulous() -> (proto::DatanodeInfoProto, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let id = proto::DatanodeIdProto {
        ip_addr: "127.0.0.1".to_owned(),
        host_name: "127.0.0.1".to_owned(),
        xfer_port: port.into(),
        ..Default::default()
    };
    let thread = std::thread::spawn(move || {
        let (mut link, _) = listener.accept().unwrap();
        let mut answer = Vec::new();
        let good = proto::BlockOpResponseProto {
            status: Status::Success as i32,
            first_bad_link: Some(String::new()),
            ..Default::default()
        };
        encode_message(&good, &mut answer);
        let flags = vec![HeaderFlag::new(Status::Success, Congestion::Disabled, Slow::Normal)];
        PipelineAck { seqno: 0, flags, downstream_nanos: 0 }.encode(&mut answer);
        link.write_all(&answer).unwrap();
        // Until the DataNode before it goes.
        let _ = link.read_to_end(&mut Vec::new());
    });
    (proto::DatanodeInfoProto { id, ..Default::default() }, thread)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datanode_in_the_middle_says_what_it_found_itself() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    Writer::create(datanode.transfer_address(), &block(3), &[]).write_all(&pattern(512, 1), 512);
    let mut whole = block(3);
    whole.num_bytes = Some(512);
    let (behind, thread) = credulous();
    // The replica is summed in chunks of 512: packets in chunks of 256 are translated, and so verified.
    let (answer, mut writer) = Writer::request(datanode.transfer_address(), &whole, |write| {
        write.stage = WriteStage::SetupAppend.to_proto();
        write.latest_generation_stamp = 1002;
        (write.min_bytes_rcvd, write.max_bytes_rcvd) = (512, 512);
        write.requested_checksum.bytes_per_checksum = 256;
        write.targets = vec![behind];
        write.target_storage_types = vec![1];
        write.pipeline_size = 2;
    });
    assert_eq!(answer.unwrap().status, Status::Success as i32);
    writer.offset = 512;
    writer.send_with(&pattern(256, 2), &[1, 2, 3, 4]).unwrap();
    assert_eq!(writer.ack().unwrap(), Ack(0, vec![Status::ErrorChecksum, Status::Success]));
    thread.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_make_no_sense_end_their_connection_alone() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let address = datanode.transfer_address();
    let data = pattern(1024, 0);
    let mut id = 10;
    let mut refused = |send: &dyn Fn(&mut Writer)| {
        id += 1;
        let mut writer = Writer::create(address, &block(id), &[]);
        send(&mut writer);
        writer.link.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = writer.link.read_to_end(&mut rest);
        assert!(rest.is_empty(), "no packet of {id} was acknowledged: {rest:?}");
        assert_eq!(
            data_file(place.path(), &block(id)).map(|path| std::fs::metadata(path).unwrap().len()),
            Some(0)
        );
    };
    let header = |offset, length| PacketHeader {
        offset_in_block: offset,
        seqno: 0,
        last_in_block: false,
        data_len: length,
        sync_block: false,
    };
    refused(&|writer| writer.raw(header(512, 1024), &[0; 8], &data).unwrap());
    refused(&|writer| writer.raw(header(u64::MAX - 3, 1024), &[0; 8], &data).unwrap());
    refused(&|writer| writer.raw(header(0, 1024), &[0; 4], &data).unwrap());
    refused(&|writer| writer.raw(header(0, 5000), &[0; 8], &data).unwrap());
    refused(&|writer| writer.link.write_all(&[0x7f, 0xff, 0xff, 0xff, 0, 25]).unwrap());
    refused(&|writer| writer.link.write_all(&[0xff; 64]).unwrap());
    refused(&|writer| writer.link.write_all(&[0, 0, 0, 4, 0x7f, 0xff, 1, 2, 3]).unwrap());
    refused(&|writer| writer.raw(header(0, 1024), &[0; 8], &data[..100]).unwrap());
    Writer::create(address, &block(9), &[]).write_all(&data, 512);
    assert_eq!(Reader::read(address, &block(9), 0, 1024).unwrap(), data);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_end_their_connection_alone() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let address = datanode.transfer_address();
    let mut seed = 1_u64;
    for round in 0..200_usize {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut bytes = vec![0, 28, 80 + (round % 12) as u8];
        bytes.extend((0..round % 40).map(|at| (seed >> (at % 56)) as u8));
        let mut link = std::net::TcpStream::connect(address).unwrap();
        // It may be closed while we write.
        let _ = link.write_all(&bytes);
        let _ = link.shutdown(std::net::Shutdown::Write);
        let _ = link.read_to_end(&mut Vec::new());
    }
    let mut link = std::net::TcpStream::connect(address).unwrap();
    link.write_all(&[0, 28, 80, 0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap();
    assert!(response(&mut link).is_err(), "a request of 4 GB is not waited for");
    eventually("all connections ended", || datanode.status().transfers == 0);
    Writer::create(address, &block(9), &[]).write_all(&pattern(700, 3), 512);
    assert_eq!(Reader::read(address, &block(9), 100, 600).unwrap(), pattern(700, 3)[100..]);
}

/// Packets that come in one piece are written in one piece, up to the one that is damaged.
#[tokio::test(flavor = "multi_thread")]
async fn of_packets_that_come_together_the_good_ones_are_kept() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let first = namenode.datanode(places[0].path()).await;
    let second = namenode.datanode(places[1].path()).await;
    for (id, behind) in [(1, vec![]), (2, vec![namenode.info_of(&second)])] {
        let nodes = behind.len() + 1;
        let mut writer = Writer::create(first.transfer_address(), &block(id), &behind);
        let data = pattern(5 * 1024, 4);
        let mut together = Vec::new();
        for (at, part) in data.chunks(1024).enumerate() {
            let mut sums = vec![0; checksum().checksums_len(1024) as usize];
            checksum().compute(part, &mut sums).unwrap();
            sums[0] ^= u8::from(at == 3);
            let mut front = [0; MAX_HEADER];
            let size = writer.header(part).encode(sums.len(), &mut front);
            together.extend([&front[..size], &sums, part].concat());
            writer.seqno += 1;
            writer.offset += 1024;
        }
        writer.link.write_all(&together).unwrap();
        for seqno in 0..3 {
            assert_eq!(writer.ack().unwrap(), Ack(seqno, vec![Status::Success; nodes]));
        }
        if nodes == 1 {
            assert_eq!(writer.ack().unwrap(), Ack(3, vec![Status::ErrorChecksum]));
        }
        while writer.ack().is_ok() {}
        let read = Reader::read(first.transfer_address(), &block(id), 0, 3 * 1024).unwrap();
        assert_eq!(read, data[..3 * 1024]);
    }
}
