//! What goes wrong, and when.

use crate::datanode::VOLUMES;
use crate::network::Address;
use crate::scene::{Event, Scene};
use crate::store::DIRECTORIES;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The NameNode loses its memory and what it had not synced; it starts again after a while.
    NameNodeCrashes { back_after: u64 },
    /// A DataNode's process dies; its files stay.
    DataNodeCrashes { node: usize, back_after: u64 },
    /// Two hosts do not hear each other.
    Partition { a: Address, b: Address, lasts: u64 },
    /// The NameNode's wall clock is set.
    ClockJumps { by: i64 },
    /// A client is gone for good, in the middle of whatever it does.
    ClientDies { client: usize },
    /// A DataNode's volume breaks, and never comes back.
    VolumeFails { node: usize, volume: usize },
    /// A DataNode has no room for new replicas.
    DiskFull { node: usize, lasts: u64 },
    /// Bytes of some replica change by themselves; the scanner finds that some time.
    ReplicaDamaged { node: usize, which: usize },
    /// The disk with the edits is nearly full, until an operator has made room.
    NameNodeDiskFull { lasts: u64 },
    /// A storage directory of the NameNode takes no more writes, until the next start.
    DirectoryFails { directory: usize },
}

/// How often something goes wrong, milliseconds on average.
pub(crate) fn interval(scene: &mut Scene) -> u64 {
    scene.rng.u64(1_000..15_000)
}

/// Draws what goes wrong next.
pub(crate) fn draw(scene: &mut Scene, nodes: usize, clients: usize) -> Fault {
    let rng = &mut scene.rng;
    match rng.u8(..18) {
        0 | 1 => Fault::NameNodeCrashes { back_after: rng.u64(100..15_000) },
        2..=5 => Fault::DataNodeCrashes {
            node: rng.usize(..nodes),
            back_after: if rng.bool() { rng.u64(100..5_000) } else { rng.u64(5_000..90_000) },
        },
        6..=8 => {
            let (node, other) = (rng.usize(..nodes), rng.usize(..nodes));
            let a = Address::DataNode(node);
            let b = match rng.u8(..3) {
                0 => Address::NameNode,
                1 => Address::Client(rng.usize(..clients)),
                _ => Address::DataNode(other),
            };
            Fault::Partition { a, b, lasts: rng.u64(500..60_000) }
        }
        9 => Fault::Partition {
            a: Address::NameNode,
            b: Address::Client(rng.usize(..clients)),
            lasts: rng.u64(500..90_000),
        },
        10 => {
            let hours = 3_600_000 * rng.i64(-3..=3);
            Fault::ClockJumps { by: hours + rng.i64(-5_000..5_000) }
        }
        11 => Fault::ClientDies { client: rng.usize(..clients) },
        12 => Fault::VolumeFails { node: rng.usize(..nodes), volume: rng.usize(..VOLUMES) },
        13 => Fault::DiskFull { node: rng.usize(..nodes), lasts: rng.u64(1_000..60_000) },
        14 | 15 => Fault::ReplicaDamaged { node: rng.usize(..nodes), which: rng.usize(..1_000) },
        16 => Fault::NameNodeDiskFull { lasts: rng.u64(1_000..20_000) },
        _ => Fault::DirectoryFails { directory: rng.usize(..DIRECTORIES) },
    }
}

/// The next fault, after a while.
pub(crate) fn schedule(scene: &mut Scene) {
    let delay = interval(scene);
    scene.after(delay, Event::Fault);
}
