//! What is on the disk, and not only in memory, when a writer hears that it is written.

use std::path::Path;

use loxodon_datanode::DataNode;
use loxodon_wire::transfer::{PacketHeader, Status};
use rustix::fs::inotify;

use crate::model::{Ack, NameNode, RECEIVED, Writer, block, data_file, pattern};

/// Sees when a directory is opened, as it is to be synced.
struct Opened {
    events: rustix::fd::OwnedFd,
}

impl Opened {
    fn watch(directory: &Path) -> Self {
        let events = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&events, directory, inotify::WatchFlags::OPEN).unwrap();
        Self { events }
    }

    /// Whether it was, since this was asked last. Its files do not count.
    fn seen(&self) -> bool {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let (mut reader, mut seen) = (inotify::Reader::new(&self.events, &mut buffer), false);
        while let Ok(event) = reader.next() {
            seen |= event.file_name().is_none();
        }
        seen
    }
}

/// Writes a block with a flush in between and says which of both packets ask for a sync; how often the DataNode
/// has synced a block since.
fn write(
    namenode: &NameNode,
    datanodes: &[&DataNode],
    id: u64,
    [flush, end]: [bool; 2],
) -> Vec<u64> {
    let counts = || datanodes.iter().map(|node| node.observer().metrics().syncs.get());
    let before: Vec<u64> = counts().collect();
    let (first, behind) = datanodes.split_first().unwrap();
    let behind: Vec<_> = behind.iter().map(|node| namenode.info_of(node)).collect();
    let data = pattern(512, 3);
    let mut writer = Writer::create(first.transfer_address(), &block(id), &behind);
    let good = |seqno| Ack(seqno, vec![Status::Success; datanodes.len()]);
    let mut sums = vec![0; crate::transfer::checksum().checksums_len(512) as usize];
    crate::transfer::checksum().compute(&data, &mut sums).unwrap();
    let header = PacketHeader { sync_block: flush, ..writer.header(&data) };
    writer.raw(header, &sums, &data).unwrap();
    assert_eq!(writer.ack().unwrap(), good(0));
    (writer.seqno, writer.offset) = (1, 512);
    let header = PacketHeader { last_in_block: true, sync_block: end, ..writer.header(&[]) };
    writer.raw(header, &[], &[]).unwrap();
    assert_eq!(writer.ack().unwrap(), good(1));
    namenode.model.wait_change(&block(id), RECEIVED);
    counts().zip(before).map(|(after, before)| after - before).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_writer_wants_synced_is_synced_by_the_whole_pipeline() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let first = namenode.datanode(places[0].path()).await;
    let last = namenode.datanode(places[1].path()).await;
    let nodes = [&first, &last];
    assert_eq!(write(&namenode, &nodes, 1, [false, false]), [0, 0]);
    let opened = places.each_ref().map(|place| {
        let file = data_file(place.path(), &block(1)).unwrap();
        Opened::watch(file.parent().unwrap())
    });
    let is_opened = || opened.each_ref().map(Opened::seen);
    assert_eq!(write(&namenode, &nodes, 2, [true, false]), [1, 1]);
    assert_eq!(is_opened(), [false, false], "nobody asked for the block's last name");
    assert_eq!(write(&namenode, &nodes, 3, [false, true]), [1, 1]);
    assert_eq!(is_opened(), [true, true], "the last name is on the disk");
    assert_eq!(write(&namenode, &nodes, 4, [true, true]), [2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datanode_may_sync_all_blocks_that_are_closed() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
    settings.sync_on_close = true;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    assert_eq!(write(&namenode, &[&datanode], 1, [false, false]), [1]);
    let file = data_file(place.path(), &block(1)).unwrap();
    let opened = Opened::watch(file.parent().unwrap());
    assert_eq!(write(&namenode, &[&datanode], 2, [true, false]), [2]);
    assert!(opened.seen());
    assert_eq!(write(&namenode, &[&datanode], 3, [false, true]), [1], "not twice");
}
