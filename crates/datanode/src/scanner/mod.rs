//! Threads that look after stored blocks: all data is read once in a while and compared with its checksums
//! ([`verify`], Hadoop's `VolumeScanner`), and what is remembered is compared with what lies on disk
//! ([`compare`], its `DirectoryScanner`).

mod compare;
mod control;
mod cursor;
mod verify;

use std::sync::Arc;
use std::thread::JoinHandle;

pub(crate) use control::ScanControl;
#[cfg(feature = "fuzzing")]
pub(crate) use cursor::State as CursorState;

use crate::dataset::Volume;
use crate::node::Node;

/// Starts the scanners that are wanted; they end when the node's [`ScanControl`] is stopped.
pub(crate) fn start(node: &Arc<Node>) -> Vec<JoinHandle<()>> {
    let mut threads = Vec::new();
    for volume in node.dataset.volumes() {
        threads.extend(scan_volume(node, volume));
    }
    let interval = node.settings.directory_scan_interval;
    if !interval.is_zero() {
        let (weak, control) = (Arc::downgrade(node), Arc::clone(&node.scans));
        let work = move || compare::repeat(&weak, &control, interval);
        threads.extend(node.in_background("directory-scanner", work));
    }
    threads
}

/// Starts the block scanner of one volume, if it is wanted.
pub(crate) fn scan_volume(node: &Arc<Node>, volume: Arc<Volume>) -> Option<JoinHandle<()>> {
    let plan = verify::Plan::of(&node.settings)?;
    let scanner = verify::VolumeScanner::new(node, volume, plan);
    node.in_background("block-scanner", move || scanner.run())
}
