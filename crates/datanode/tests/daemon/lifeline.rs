//! A DataNode whose heartbeats are held up says elsewhere that it lives.

use std::net::SocketAddr;
use std::time::Duration;

use loxodon_datanode::DataNode;
use loxodon_rpc::server::{Server, ServerLimits};

use crate::model::NameNode;

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
    assert!(datanode.metrics().lifelines.get() >= 2);
    datanode.shutdown().await;
    lifelines.shutdown().await;
}
