//! Measures the namespace: bytes per file, and time per operation.
//!
//! `cargo run --release -p loxodon-namespace --example figures [files]`

use std::time::{Duration, Instant};

use loxodon_namespace::Namespace;
use loxodon_namespace::context::{BlockState, BlockStates, Caller, OpContext, Plan};
use loxodon_namespace::edit::{Block, RpcIds};
use loxodon_namespace::error::{ApplyError, FsError};
use loxodon_namespace::plan::{AddBlock, CreateFile, CreateFlags, CreateMode};
use loxodon_namespace::settings::Settings;
use loxodon_wire::ids::{BlockId, InodeId, Milliseconds};

/// Files of one directory.
const PER_DIRECTORY: usize = 1000;

struct AllComplete;

impl BlockStates for AllComplete {
    fn state(&self, _: BlockId) -> BlockState {
        BlockState::Complete
    }
    fn has_min_replication(&self, _: BlockId) -> bool {
        true
    }
    fn expected_locations(&self, _: BlockId) -> usize {
        3
    }
    fn may_start_recovery(&self, _: BlockId) -> bool {
        true
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Refused(#[from] FsError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("not a number of files: {0}")]
    Argument(String),
}

fn run<T>(ns: &mut Namespace, plan: Plan<T>) -> Result<T, ApplyError> {
    for edit in &plan.edits {
        ns.apply(edit)?;
    }
    Ok(plan.value)
}

fn path(i: usize) -> String {
    // The last component has 20 bytes.
    format!("/data/dir-{:05}/part-{i:015}", i / PER_DIRECTORY)
}

/// Creates a file with one block and closes it: four calls of a client.
fn create(ns: &mut Namespace, ctx: &OpContext<'_>, path: &str) -> Result<(), Failure> {
    let args = CreateFile {
        path,
        mode: CreateMode::plain(0o644),
        client_name: "DFSClient_NONMAPREDUCE_1_1",
        client_machine: "192.168.1.17",
        flags: CreateFlags(CreateFlags::CREATE),
        create_parent: true,
        replication: 3,
        block_size: 128 << 20,
        erasure_coding_policy: "",
        storage_policy: "",
    };
    let plan = ns.plan_create(ctx, &args, &AllComplete)?;
    run(ns, plan)?;
    let client = args.client_name;
    let file = InodeId(ns.counters().last_inode.0);
    let plan = ns.plan_add_block(ctx, path, file, client, None, &AllComplete)?;
    let AddBlock::New { block, .. } = run(ns, plan)? else {
        return Ok(());
    };
    let last = Some(Block { length: 4321, ..block });
    let plan = ns.plan_complete(ctx, path, file, client, last, &AllComplete)?;
    run(ns, plan)?;
    Ok(())
}

/// The time that this thread ran, where the system tells it: others may be busy meanwhile.
#[derive(Clone, Copy)]
struct Watch {
    wall: Instant,
    ran: Option<u64>,
}

fn ran() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

impl Watch {
    fn now() -> Self {
        Self { wall: Instant::now(), ran: ran() }
    }

    fn elapsed(&self) -> Duration {
        match (self.ran, ran()) {
            (Some(before), Some(after)) => Duration::from_nanos(after.saturating_sub(before)),
            _ => self.wall.elapsed(),
        }
    }
}

fn report(what: &str, count: usize, start: Watch) {
    let each = start.elapsed().as_nanos() / count.max(1) as u128;
    println!("{what:<44} {each:>8} ns");
}

fn measure(files: usize) -> Result<(), Failure> {
    let settings = Settings {
        fs_owner: "hdfs".to_owned(),
        max_directory_items: u32::MAX,
        ..Settings::default()
    };
    let user = Caller::new("alice".to_owned(), vec!["staff".to_owned()], &settings);
    let root = Caller::new("hdfs".to_owned(), Vec::new(), &settings);
    let mut ns = Namespace::new(settings);
    let now = Milliseconds(1_764_000_000_000);
    let context = |caller| OpContext { caller, now, monotonic: now, rpc: RpcIds::NONE };
    let (ctx, superuser) = (context(&user), context(&root));
    let plan = ns.plan_mkdirs(&superuser, "/data", CreateMode::plain(0o777), true)?;
    run(&mut ns, plan)?;
    let empty = ns.heap_bytes();
    let start = Watch::now();
    for i in 0..files {
        create(&mut ns, &ctx, &path(i))?;
    }
    report("create, add block, complete", files, start);
    println!(
        "bytes per file (20-byte name, one block)     {:>8.1}",
        (ns.heap_bytes() - empty) as f64 / files as f64
    );
    small_operations(&mut ns, &ctx, files)?;
    views(&mut ns, &ctx, files)?;
    large_directory(&mut ns, &ctx, files)
}

fn small_operations(ns: &mut Namespace, ctx: &OpContext<'_>, files: usize) -> Result<(), Failure> {
    let some = files.min(200_000);
    let step = (files / some).max(1);
    let start = Watch::now();
    for i in 0..some {
        let plan =
            ns.plan_mkdirs(ctx, &format!("/data/m/{i:06}"), CreateMode::plain(0o755), true)?;
        run(ns, plan)?;
    }
    report("mkdir", some, start);
    let paths: Vec<String> = (0..some).map(|i| path((i * 7919) % some * step)).collect();
    let start = Watch::now();
    let mut seen = 0;
    for path in &paths {
        seen += u64::from(ns.file_info(ctx, path, true)?.is_some());
    }
    report("stat (random)", some, start);
    assert_eq!(seen, some as u64);
    let start = Watch::now();
    let rounds = 2000;
    let mut listed = 0;
    for i in 0..rounds {
        let directory = format!("/data/dir-{:05}", i % (files / PER_DIRECTORY).max(1));
        listed += ns.listing(ctx, &directory, b"", false)?.map_or(0, |l| l.entries.len());
    }
    report("listing of 1000", rounds, start);
    assert!(listed > 0);
    let start = Watch::now();
    for (i, from) in paths.iter().enumerate() {
        let plan = ns.plan_rename_old(ctx, from, &format!("/data/m/{i:06}/moved"))?;
        run(ns, plan)?;
    }
    report("rename", some, start);
    let start = Watch::now();
    for i in 0..some {
        let plan = ns.plan_delete(ctx, &format!("/data/m/{i:06}/moved"), false)?;
        run(ns, plan)?;
    }
    report("delete", some, start);
    Ok(())
}

fn views(ns: &mut Namespace, ctx: &OpContext<'_>, files: usize) -> Result<(), Failure> {
    let rounds = 100;
    let start = Watch::now();
    for _ in 0..rounds {
        std::hint::black_box(ns.clone());
    }
    report("frozen view", rounds, start);
    let frozen = ns.clone();
    let start = Watch::now();
    let some = files.min(50_000);
    for i in 0..some {
        create(ns, ctx, &format!("/data/while-frozen/{i:020}"))?;
    }
    report("create and close while a view is held", some, start);
    std::hint::black_box(frozen);
    Ok(())
}

fn large_directory(ns: &mut Namespace, ctx: &OpContext<'_>, files: usize) -> Result<(), Failure> {
    let start = Watch::now();
    for i in 0..files {
        let scattered = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let path = format!("/data/large/{scattered:020}");
        let args = CreateFile {
            path: &path,
            mode: CreateMode::plain(0o644),
            client_name: "client",
            client_machine: "host",
            flags: CreateFlags(CreateFlags::CREATE),
            create_parent: true,
            replication: 1,
            block_size: 128 << 20,
            erasure_coding_policy: "",
            storage_policy: "",
        };
        let plan = ns.plan_create(ctx, &args, &AllComplete)?;
        run(ns, plan)?;
        let file = ns.counters().last_inode;
        let plan = ns.plan_complete(ctx, &path, file, "client", None, &AllComplete)?;
        run(ns, plan)?;
    }
    report("create and close, one directory, any order", files, start);
    let start = Watch::now();
    let plan = ns.plan_delete(ctx, "/data/large", true)?;
    run(ns, plan)?;
    println!("delete of {files} files: first step {} us", start.elapsed().as_micros());
    let mut longest = 0;
    let all = Watch::now();
    loop {
        let start = Watch::now();
        let done = ns.reclaim(1000).done;
        longest = longest.max(start.elapsed().as_micros());
        if done {
            break;
        }
    }
    let all = all.elapsed().as_millis();
    println!("  the rest in slices of 1000: longest {longest} us, {all} ms in all");
    Ok(())
}

fn main() -> Result<(), Failure> {
    let files = match std::env::args().nth(1) {
        None => 1_000_000,
        Some(text) => text.parse().map_err(|_| Failure::Argument(text))?,
    };
    measure(files)
}
