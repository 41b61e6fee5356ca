//! Measures block management: memory per block, a full report, choosing targets, planning.
//!
//! Times are this thread's CPU time, so that a busy machine does not show.
//!
//! `cargo run --release -p loxodon-blocks --example measure [million blocks]`

use loxodon_blocks::{
    Block, BlockManager, BlockState, NewBlock, NodeLoad, PolicyId, Reader, Registration,
    ReplicaState, ReportedReplica, ReportedStorage, Settings, StorageReport, StorageState,
    StorageUsage, TargetRequest,
};
use loxodon_cluster::{DatanodeId, StorageType};
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};

/// A point in this thread's CPU time.
struct Instant(f64);

impl Instant {
    fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Self(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    }

    fn seconds(&self) -> f64 {
        Self::now().0 - self.0
    }
}

const FIRST: i64 = 1_073_741_825;
const NOW: Milliseconds = Milliseconds(1_000_000);
const SLICE: usize = 500;

fn datanode(n: u64) -> DatanodeId {
    DatanodeId {
        ip: format!("10.{}.{}.{}", n >> 16, n >> 8 & 0xFF, n & 0xFF).into(),
        host: format!("dn{n}").into(),
        uuid: format!("00000000-0000-4000-8000-{n:012}").into(),
        transfer_port: 9866,
        info_port: 9864,
        info_secure_port: 0,
        ipc_port: 9867,
    }
}

fn storage(n: u64) -> ReportedStorage {
    ReportedStorage {
        id: format!("DS-{n}").into(),
        kind: StorageType::Disk,
        state: StorageState::Normal,
    }
}

fn join(manager: &mut BlockManager, n: u64, racks: u64) {
    let id = datanode(n);
    let rack = format!("/rack{}", n % racks).into();
    let registration = Registration { id: id.clone(), rack, software_version: "3.5.0".into() };
    let usage = StorageUsage { capacity: 1 << 44, remaining: 1 << 43, ..StorageUsage::default() };
    let ReportedStorage { id: place, kind, state } = storage(n);
    let report = StorageReport { id: place, kind, state, failed: false, usage, mount: None };
    let load = NodeLoad { xceivers: (n % 7) as u32, ..NodeLoad::default() };
    if manager.register(NOW, registration).is_err()
        || manager.heartbeat(NOW, &id, &[report], load, false).is_err()
    {
        eprintln!("node {n} was refused");
    }
}

fn block(n: i64) -> Block {
    Block { id: BlockId(FIRST + n), length: 128 << 20, stamp: GenerationStamp(1001 + n as u64) }
}

/// Reads a report in slices, noting how many microseconds each took; nanoseconds per block.
fn report(manager: &mut BlockManager, n: u64, blocks: &[i64], slices: &mut Vec<f64>) -> f64 {
    let started = Instant::now();
    let Ok(Some(mut scan)) = manager.begin_report(NOW, &datanode(n), &storage(n), 0) else {
        eprintln!("report of {n} was refused");
        return 0.0;
    };
    let replica =
        |n: &i64| Ok(ReportedReplica { block: block(*n), state: ReplicaState::Finalized });
    let mut replicas = blocks.iter().map(replica);
    let mut done = false;
    while !done {
        let slice = Instant::now();
        done = manager.report_slice(NOW, &mut scan, &mut replicas, SLICE).unwrap_or(true);
        slices.push(slice.seconds() * 1e6);
    }
    done = false;
    while !done {
        let slice = Instant::now();
        done = manager.finish_report(NOW, &mut scan, SLICE);
        slices.push(slice.seconds() * 1e6);
    }
    started.seconds() * 1e9 / blocks.len() as f64
}

/// The value that a share of the slices does not exceed.
fn quantile(slices: &mut [f64], share: f64) -> f64 {
    slices.sort_by(f64::total_cmp);
    let at = ((slices.len() as f64 * share) as usize).min(slices.len().saturating_sub(1));
    slices.get(at).copied().unwrap_or(0.0)
}

fn reports_and_memory(count: i64, nodes: u64) {
    let mut manager = BlockManager::new(Settings::default(), 1, NOW);
    let started = Instant::now();
    for n in 0..count {
        let new = NewBlock {
            block: block(n),
            owner: InodeId(16_386 + n as u64),
            replication: 3,
            policy: PolicyId::HOT,
            state: BlockState::Complete,
        };
        if manager.insert_block(new).is_err() {
            eprintln!("block {n} was refused");
        }
    }
    let loaded = started.seconds() * 1e9 / count as f64;
    manager.start(NOW, true);
    let mut lists: Vec<Vec<i64>> = vec![Vec::new(); nodes as usize];
    let mut rng = fastrand::Rng::with_seed(5);
    for n in 0..count {
        let first = rng.usize(..lists.len());
        for step in 0..3 {
            let at = (first + step * (lists.len() / 3).max(1)) % lists.len();
            if let Some(list) = lists.get_mut(at) {
                list.push(n);
            }
        }
    }
    for n in 0..nodes {
        join(&mut manager, n, 10);
    }
    let (mut first, mut again, mut slices) = (0f64, 0f64, Vec::new());
    for (n, list) in lists.iter().enumerate() {
        first += report(&mut manager, n as u64, list, &mut slices) / nodes as f64;
    }
    manager.leave_safe_mode(false);
    let scan = Instant::now();
    while !manager.background(NOW, 1_000) {}
    let scanned = scan.seconds() * 1e9 / count as f64;
    for (n, list) in lists.iter().enumerate() {
        again += report(&mut manager, n as u64, list, &mut slices) / nodes as f64;
    }
    let bytes = manager.block_heap_bytes() as f64 / count as f64;
    let [half, most, longest] = [0.5, 0.999, 1.0].map(|share| quantile(&mut slices, share));
    println!(
        "{count} blocks x 3 on {nodes} nodes: load {loaded:.0} ns/block, first report {first:.0} \
         ns/replica, repeated report {again:.0} ns/replica, slices of {SLICE}: half within \
         {half:.0} us, 99.9 % within {most:.0} us, all within {longest:.0} us, queue scan \
         {scanned:.0} ns/block, memory {bytes:.1} bytes/block"
    );
}

fn choose(nodes: u64) {
    let mut manager = BlockManager::new(Settings::default(), 1, NOW);
    for n in 0..nodes {
        join(&mut manager, n, (nodes / 20).max(3));
    }
    let rounds = 100_000u64;
    let started = Instant::now();
    let mut found = 0;
    for round in 0..rounds {
        let ip = datanode(round % nodes).ip.to_string();
        let request = TargetRequest {
            writer: Reader { ip, rack: None },
            replicas: 3,
            block_size: 128 << 20,
            policy: PolicyId::HOT,
            ..TargetRequest::default()
        };
        found += manager.choose_targets(NOW, &request).map_or(0, |targets| targets.len());
    }
    let each = started.seconds() * 1e6 / rounds as f64;
    println!("{nodes} nodes: {each:.2} us to choose 3 targets ({found} chosen)");
}

fn main() {
    let millions = std::env::args().nth(1).and_then(|text| text.parse::<i64>().ok()).unwrap_or(1);
    for nodes in [3, 30, 300] {
        reports_and_memory(millions.max(1) * 1_000_000, nodes);
    }
    for nodes in [10, 1_000, 5_000] {
        choose(nodes);
    }
}
