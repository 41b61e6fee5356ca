//! A DataNode whose heartbeats are held up says elsewhere that it lives; one that starts lets others wait.

use std::net::SocketAddr;
use std::time::Duration;

use loxodon_datanode::DataNode;
use loxodon_rpc::server::{Server, ServerLimits};
use loxodon_wire::proto::hdfs as proto;

use crate::model::{NameNode, PATIENCE, Reader, Writer, block, eventually, pattern};

#[tokio::test(flavor = "multi_thread")]
async fn lifelines_are_sent_while_heartbeats_are_held_up() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let lifelines =
        Server::bind(anywhere, ServerLimits::default(), namenode.model.clone()).await.unwrap();
    let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
    settings.lifeline = Duration::from_millis(90);
    settings.services[0].namenodes[0].lifelines = Some(lifelines.local_addr().into());
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    namenode.model.wait("heartbeats", |heard| (heard.heartbeats.len() > 2).then_some(()));
    namenode.model.hold_heartbeats();
    let sent = namenode.model.wait("three lifelines", |heard| {
        (heard.lifelines.len() > 2).then(|| heard.lifelines.clone())
    });
    let beats = namenode.model.has_heard(|heard| heard.heartbeats.clone());
    let (lifeline, beat) = (sent.last().unwrap(), beats.last().unwrap());
    assert_eq!(lifeline.registration, beat.registration);
    assert_eq!(lifeline.reports[0].storage, beat.reports[0].storage);
    assert_eq!(lifeline.request_full_block_report_lease, Some(false));
    assert!(datanode.metrics().lifelines.count() >= 2);
    datanode.shutdown().await;
    lifelines.shutdown().await;
}

/// A node that was restarted is known to clients and NameNode before it knows its replicas.
#[tokio::test(flavor = "multi_thread")]
async fn writers_and_readers_wait_until_the_pool_is_open() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let settings = || {
        let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
        settings.pool_patience = PATIENCE;
        settings
    };
    let datanode = namenode.datanode(place.path()).await;
    let data = pattern(1000, 5);
    Writer::create(datanode.transfer_address(), &block(1), &[]).write_all(&data, 512);
    datanode.shutdown().await;
    namenode.model.set_starting(true);
    let datanode = DataNode::start(settings()).await.unwrap();
    let address = datanode.transfer_address();
    let reader = std::thread::spawn(move || Reader::read(address, &block(1), 0, 1000));
    let writer = std::thread::spawn(move || {
        Writer::create(address, &block(2), &[]).write_all(&pattern(1000, 6), 512);
    });
    eventually("both wait", || datanode.status().transfers == 2);
    namenode.model.set_starting(false);
    assert_eq!(reader.join().unwrap().unwrap(), data);
    writer.join().unwrap();
    let other = proto::ExtendedBlockProto { pool_id: "BP-other".to_owned(), ..block(1) };
    assert!(Reader::read(address, &other, 0, 1).is_err(), "nobody serves it, and nobody will");
    datanode.shutdown().await;
    namenode.model.set_starting(true);
    let mut impatient = settings();
    impatient.pool_patience = Duration::from_millis(50);
    let datanode = DataNode::start(impatient).await.unwrap();
    assert!(Reader::read(datanode.transfer_address(), &block(1), 0, 1000).is_err());
}
