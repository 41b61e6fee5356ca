//! Plans of the disk balancer, as `hdfs diskbalancer -execute` hands them in.

use std::path::Path;

use loxodon_datanode::DataNode;
use loxodon_wire::proto::hdfs;
use prost::Message;
use sha1::{Digest as _, Sha1};

use crate::calls::call;
use crate::model::{NameNode, RECEIVED, Reader, Writer, block, data_file, eventually, pattern};

const BLOCKS: u64 = 6;
const LENGTH: u64 = 3000;

async fn ask<Q: Message, A: Message + Default>(
    datanode: &DataNode,
    method: &str,
    request: Q,
) -> Result<A, String> {
    call(datanode, method, &request).await
}

async fn submit(datanode: &DataNode, plan: &str) -> Result<String, String> {
    let sum = Sha1::digest(plan.as_bytes());
    let plan_id: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = hdfs::SubmitDiskBalancerPlanRequestProto {
        plan_id: plan_id.clone(),
        plan: plan.to_owned(),
        plan_file: "/plans/a.json".to_owned(),
        ignore_date_check: Some(true),
        ..Default::default()
    };
    ask::<_, hdfs::SubmitDiskBalancerPlanResponseProto>(datanode, "submitDiskBalancerPlan", request)
        .await
        .map(|_| plan_id)
}

async fn query(datanode: &DataNode) -> hdfs::QueryPlanStatusResponseProto {
    ask(datanode, "queryDiskBalancerPlan", hdfs::QueryPlanStatusRequestProto {}).await.unwrap()
}

async fn setting(datanode: &DataNode, key: &str) -> Result<String, String> {
    let request = hdfs::DiskBalancerSettingRequestProto { key: key.to_owned() };
    let answer: Result<hdfs::DiskBalancerSettingResponseProto, String> =
        ask(datanode, "getDiskBalancerSetting", request).await;
    answer.map(|answer| answer.value)
}

/// A plan to move `bytes` between the volumes of these ids.
fn plan(datanode: &DataNode, from: &str, to: &str, bytes: u64, bandwidth: u64) -> String {
    let uuid = datanode.status().uuid;
    format!(
        r#"{{"volumeSetPlans":[{{"@class":"org.apache.hadoop.hdfs.server.diskbalancer.planner.MoveStep","sourceVolume":{{"path":"/a","uuid":"{from}"}},"destinationVolume":{{"path":"/b","uuid":"{to}"}},"idealStorage":0.5,"bytesToMove":{bytes},"volumeSetID":"v","maxDiskErrors":0,"tolerancePercent":0,"bandwidth":{bandwidth}}}],"nodeName":"n","nodeUUID":"{uuid}","port":1,"timeStamp":1}}"#
    )
}

fn blocks_in(place: &Path) -> usize {
    (1..=BLOCKS).filter(|id| data_file(place, &block(*id)).is_some()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_moves_blocks_to_another_volume() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let places = ["a", "b"].map(|name| place.path().join(name));
    let settings = namenode.settings(&places.each_ref().map(|path| path.to_str().unwrap()));
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    let data = |id: u64| pattern(LENGTH as usize, id as u8);
    for id in 1..=BLOCKS {
        let writer = Writer::create(datanode.transfer_address(), &block(id), &[]);
        writer.write_all(&data(id), 512);
        namenode.model.wait_change(&block(id), RECEIVED);
    }
    // New blocks go to both in turn.
    assert_eq!(places.each_ref().map(|place| blocks_in(place)), [3, 3]);
    let volumes = datanode.status().volumes;
    let [from, to] = [&volumes[0].storage, &volumes[1].storage];

    assert_eq!(setting(&datanode, "DiskBalancerBandwidth").await.unwrap(), "10");
    let names = setting(&datanode, "DiskBalancerVolumeName").await.unwrap();
    assert!(names.contains(&format!("\"{from}\":\"{}/\"", places[0].display())), "{names}");
    assert!(setting(&datanode, "x").await.unwrap_err().contains("Unknown key"));
    assert_eq!(query(&datanode).await.current_status.as_deref(), Some("[ ]"));
    let none = submit(&datanode, &plan(&datanode, from, "DS-none", 1, 1)).await.unwrap_err();
    assert!(none.contains("Unable to find dest volume: /b. SubmitPlan failed."), "{none}");
    let same = submit(&datanode, &plan(&datanode, from, from, 1, 1)).await.unwrap_err();
    assert!(same.contains("Source and destination volumes are same"), "{same}");

    // Two of the three.
    let id = submit(&datanode, &plan(&datanode, from, to, 2 * LENGTH, 1)).await.unwrap();
    eventually("the plan is done", || datanode.status().disk_balancer.contains("PLAN_DONE"));
    let done = query(&datanode).await;
    assert_eq!((done.result, done.plan_id.as_deref()), (Some(2), Some(id.as_str())));
    assert_eq!(done.plan_file.as_deref(), Some("/plans/a.json"));
    let status = done.current_status.unwrap();
    assert!(status.contains("\"bytesCopied\" : 6000"), "{status}");
    assert!(status.contains("\"blocksCopied\" : 2"), "{status}");
    eventually("the old files are gone", || blocks_in(&places[0]) == 1);
    assert_eq!(blocks_in(&places[1]), 5);
    for id in 1..=BLOCKS {
        let read = Reader::read(datanode.transfer_address(), &block(id), 0, LENGTH).unwrap();
        assert!(read == data(id), "block {id}");
    }
    let (wrong, right) = ("0".repeat(40), id);
    for (plan_id, ends) in [(wrong, false), (right, true)] {
        let request = hdfs::CancelPlanRequestProto { plan_id };
        let done: Result<hdfs::CancelPlanResponseProto, String> =
            ask(&datanode, "cancelDiskBalancerPlan", request).await;
        assert_eq!(done.is_ok(), ends, "{done:?}");
    }
    assert_eq!(query(&datanode).await.result, Some(2), "what is done is not cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_cancelled_between_two_blocks() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let places = ["a", "b"].map(|name| place.path().join(name));
    let settings = namenode.settings(&places.each_ref().map(|path| path.to_str().unwrap()));
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    // At 1 MiB a second each is followed by a wait of about 20 seconds.
    let large = 20 << 20;
    for id in 1..=4 {
        let writer = Writer::create(datanode.transfer_address(), &block(id), &[]);
        writer.write_all(&pattern(large, id as u8), 64_512);
        namenode.model.wait_change(&block(id), RECEIVED);
    }
    let volumes = datanode.status().volumes;
    let [from, to] = [&volumes[0].storage, &volumes[1].storage];
    let text = plan(&datanode, from, to, 2 * large as u64, 1);
    let id = submit(&datanode, &text).await.unwrap();
    let other = submit(&datanode, &text).await.unwrap_err();
    assert!(other.contains("Executing another plan"), "{other}");
    eventually("the first one is moved", || blocks_in(&places[1]) == 3);
    let request = hdfs::CancelPlanRequestProto { plan_id: id };
    ask::<_, hdfs::CancelPlanResponseProto>(&datanode, "cancelDiskBalancerPlan", request)
        .await
        .unwrap();
    assert_eq!(query(&datanode).await.result, Some(3));
    eventually("its old file is gone", || blocks_in(&places[0]) == 1);
    // The next is taken, and ends with the DataNode.
    submit(&datanode, &plan(&datanode, to, from, 2 * large as u64, 1)).await.unwrap();
    datanode.shutdown().await;
}
