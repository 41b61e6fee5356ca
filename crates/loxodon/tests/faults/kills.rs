//! `kill -9` of the NameNode under load, hundreds of times: whatever a client was told is there
//! on the next start, and nothing else but what it had asked for last.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fastrand::Rng;
use loxodon_client::{Client, CreateOptions, FileKind, Result};

use crate::daemon::{NameNode, Site};

const KILLS: usize = 200;
const CLIENTS: usize = 12;
/// Answers that a NameNode gives at most before it is told to die.
const LIFE: usize = 60;
/// From here on clients delete more than they make.
const MANY: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Directory {
        mode: u16,
    },
    /// A file; open until it is completed.
    File {
        mode: u16,
        open: bool,
    },
}

/// What one client knows to be below its directory.
type Tree = BTreeMap<String, Node>;

/// What a client asks for. Names are never used twice.
#[derive(Clone, Debug)]
enum Step {
    Mkdir(String),
    Create(String),
    Complete(String),
    SetMode(String, u16),
    Rename(String, String),
    Delete(String),
}

impl Step {
    /// The next step of a client, in a tree that is not empty.
    fn choose(rng: &mut Rng, tree: &Tree, name: u64) -> Self {
        let any = |rng: &mut Rng| {
            let below: Vec<_> = tree.keys().skip(1).collect();
            below.get(rng.usize(..below.len().max(1))).map(|path| (*path).clone())
        };
        let directories: Vec<_> = tree
            .iter()
            .filter(|(_, node)| matches!(node, Node::Directory { .. }))
            .map(|(path, _)| path)
            .collect();
        let fresh = format!("{}/{name}", directories[rng.usize(..directories.len())]);
        let deletes = if tree.len() > MANY { 8 } else { 1 };
        match (rng.u32(..10 + deletes), any(rng)) {
            (0..3, _) | (_, None) => Self::Mkdir(fresh),
            (3..7, _) => Self::Create(fresh),
            (7, Some(path)) => Self::SetMode(path, rng.u16(..0o1000)),
            (8..10, Some(path)) if fresh.starts_with(&format!("{path}/")) => Self::Delete(path),
            (8..10, Some(path)) => Self::Rename(path, fresh),
            (_, Some(path)) => Self::Delete(path),
        }
    }

    /// What it makes of the tree.
    fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Mkdir(path) => {
                tree.insert(path.clone(), Node::Directory { mode: 0o755 });
            }
            Self::Create(path) => {
                tree.insert(path.clone(), Node::File { mode: 0o644, open: true });
            }
            Self::Complete(path) => {
                if let Some(Node::File { open, .. }) = tree.get_mut(path) {
                    *open = false;
                }
            }
            Self::SetMode(path, new) => {
                if let Some(Node::Directory { mode } | Node::File { mode, .. }) = tree.get_mut(path)
                {
                    *mode = *new;
                }
            }
            Self::Rename(from, to) => {
                for (path, node) in take(tree, from) {
                    tree.insert(format!("{to}{}", &path[from.len()..]), node);
                }
            }
            Self::Delete(path) => drop(take(tree, path)),
        }
    }
}

/// Takes a path and what is below it out of a tree.
fn take(tree: &mut Tree, root: &str) -> Vec<(String, Node)> {
    let below = format!("{root}/");
    let paths: Vec<_> =
        tree.keys().filter(|path| *path == root || path.starts_with(&below)).cloned().collect();
    paths.into_iter().filter_map(|path| tree.remove_entry(&path)).collect()
}

/// A client that works until its NameNode is gone.
struct Worker {
    rng: Rng,
    tree: Tree,
    names: u64,
    /// Asked for, but not answered.
    pending: Option<Step>,
    /// Answers to all workers together.
    answered: Arc<AtomicUsize>,
}

impl Worker {
    fn new(root: String, seed: u64, answered: Arc<AtomicUsize>) -> Self {
        let tree = Tree::from([(root, Node::Directory { mode: 0o755 })]);
        Self { rng: Rng::with_seed(seed), tree, names: 0, pending: None, answered }
    }

    /// Ends with the error of the call that found the NameNode gone.
    async fn work(&mut self, client: &Client) -> loxodon_client::Error {
        loop {
            self.names += 1;
            let step = Step::choose(&mut self.rng, &self.tree, self.names);
            if let Err(error) = self.take_step(client, step).await {
                return error;
            }
        }
    }

    async fn take_step(&mut self, client: &Client, step: Step) -> Result<()> {
        self.pending = Some(step.clone());
        match &step {
            Step::Mkdir(path) => assert!(client.mkdirs(path, 0o755, false).await?, "{step:?}"),
            Step::Create(path) => {
                let options = CreateOptions {
                    permission: 0o644,
                    create_parent: false,
                    ..CreateOptions::default()
                };
                let mut writer = client.create(path, options).await?;
                self.done(&step);
                // Some are left open: their writer has died as well, as far as anybody knows.
                if self.rng.u8(..8) > 0 {
                    let step = Step::Complete(path.clone());
                    self.pending = Some(step.clone());
                    writer.close().await?;
                    self.done(&step);
                }
                return Ok(());
            }
            Step::Complete(_) => unreachable!("follows a create"),
            Step::SetMode(path, mode) => client.set_permission(path, *mode).await?,
            Step::Rename(from, to) => assert!(client.rename(from, to).await?, "{step:?}"),
            Step::Delete(path) => assert!(client.delete(path, true).await?, "{step:?}"),
        }
        self.done(&step);
        Ok(())
    }

    fn done(&mut self, step: &Step) {
        step.apply(&mut self.tree);
        self.pending = None;
        self.answered.fetch_add(1, Relaxed);
    }

    /// Compares what is there with what was acknowledged; what was asked for last may or may not
    /// have happened.
    fn check(&mut self, found: &Tree, when: &str) {
        if let Some(step) = self.pending.take() {
            let mut after = self.tree.clone();
            step.apply(&mut after);
            if *found == after {
                self.tree = after;
                return;
            }
            assert_eq!(*found, self.tree, "{when}, while {step:?} was on its way");
        }
        assert_eq!(*found, self.tree, "{when}");
    }
}

/// Everything below `root`.
async fn walk(client: &Client, root: &str, open: &[String]) -> Result<Tree> {
    let mut tree = Tree::new();
    let Some(status) = client.file_info(root).await? else { return Ok(tree) };
    tree.insert(root.to_owned(), Node::Directory { mode: status.permission });
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        let mut listing = client.list(&directory);
        while let Some(status) = listing.next().await? {
            let path = format!("{directory}/{}", status.name);
            let mode = status.permission;
            let node = if status.kind == FileKind::Directory {
                waiting.push(path.clone());
                Node::Directory { mode }
            } else {
                Node::File { mode, open: open.contains(&path) }
            };
            tree.insert(path, node);
        }
    }
    Ok(tree)
}

async fn open_files(client: &Client) -> Result<Vec<String>> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let page = client.list_open_files(after, false, "/").await?;
        after = page.files.last().map_or(after, |file| file.id);
        all.extend(page.files.into_iter().map(|file| file.path));
        if !page.has_more {
            return Ok(all);
        }
    }
}

async fn check_all(namenode: &NameNode, workers: &mut [Worker], when: &str) {
    let client = namenode.client();
    let open = open_files(&client).await.expect("open files");
    for worker in workers {
        let root = worker.tree.keys().next().expect("a root").clone();
        let found = walk(&client, &root, &open).await.expect("a listing");
        worker.check(&found, when);
    }
}

/// Lets everybody work until the NameNode is killed under them, after so many answers and those on their way.
async fn live_and_die(namenode: &mut NameNode, workers: &mut [Worker], life: usize) {
    let clients: Vec<_> = workers.iter().map(|_| namenode.client()).collect();
    let answered = Arc::clone(&workers[0].answered);
    let until = answered.load(Relaxed) + life;
    let over = Cell::new(false);
    let work = async {
        let mut running = Vec::new();
        for (worker, client) in workers.iter_mut().zip(&clients) {
            running.push(worker.work(client));
        }
        let ends = join_all(running).await;
        over.set(true);
        ends
    };
    let killer = async {
        while answered.load(Relaxed) < until && !over.get() {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        namenode.kill();
    };
    let (ends, ()) = tokio::join!(work, killer);
    for error in ends {
        // It was not refused: the connection broke.
        let broken = ["EOFException", "ConnectException", "SocketException"];
        assert!(broken.iter().any(|class| error.is(class)), "{}: {error}", error.java_class());
    }
}

/// Waits for all; they take turns on this task.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

#[tokio::test]
async fn what_was_acknowledged_survives_hundreds_of_kills() {
    let seed = std::env::var("LOXODON_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("LOXODON_TEST_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    // Two directories, so that one can be ahead of the other; checkpoints, rolls and purges all
    // the time, so that they are killed as well.
    let site = Site::unformatted()
        .with_names(&["name", "name2"])
        .with("dfs.namenode.checkpoint.txns", "150")
        .with("dfs.namenode.checkpoint.check.period", "20ms")
        .with("dfs.namenode.num.extra.edits.retained", "0");
    site.format();
    let answered = Arc::default();
    let mut worker = |i| Worker::new(format!("/c{i}"), rng.u64(..), Arc::clone(&answered));
    let mut workers: Vec<_> = (0..CLIENTS).map(&mut worker).collect();
    let mut namenode = site.start();
    for i in 0..CLIENTS {
        assert!(namenode.client().mkdirs(&format!("/c{i}"), 0o755, true).await.expect("mkdirs"));
    }
    let began = Instant::now();
    for kill in 1..=KILLS {
        live_and_die(&mut namenode, &mut workers, rng.usize(..LIFE)).await;
        if rng.u8(..5) == 0 {
            // While it starts.
            namenode = site.spawn();
            tokio::time::sleep(Duration::from_millis(rng.u64(..60))).await;
            namenode.kill();
        }
        namenode = site.start();
        check_all(&namenode, &mut workers, &format!("kill {kill}, seed {seed}")).await;
    }
    let answered = answered.load(Relaxed);
    println!("{KILLS} kills, {answered} answered calls, {:.1?}", began.elapsed());
    namenode.stop();
}
