//! The port that transfers come in at: Hadoop's `DataXceiverServer` and `DataXceiver`.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use loxodon_rpc::metrics::Rate;
use loxodon_wire::proto::hdfs::BlockOpResponseProto;
use loxodon_wire::transfer::{Operation, Status, encode_message};
use parking_lot::Mutex;

use super::ack::AckSink;
use super::link::Link;
use super::request::Requests;
use super::{block_checksum, copy, read, write};
use crate::error::{DataNodeError, NetworkContext, Result};
use crate::node::Node;

/// Threads of transfers need little: buffers are on the heap.
const STACK: usize = 256 * 1024;

/// One connection.
pub(super) struct Session {
    pub(super) node: Arc<Node>,
    pub(super) peer: String,
    /// Whether the peer is on this machine.
    pub(super) is_here: bool,
    /// Which of the connections it is.
    pub(super) number: u64,
}

/// Connections and what goes on in them.
#[derive(Default)]
pub(crate) struct Transfers {
    next: AtomicU64,
    links: Mutex<HashMap<u64, TcpStream, foldhash::fast::RandomState>>,
    writers: Mutex<Vec<(u64, Weak<AckSink<TcpStream>>)>>,
    balancing: AtomicUsize,
    copies: AtomicUsize,
}

/// Gives a count back when dropped.
pub(crate) struct Permit<'a>(&'a AtomicUsize);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Forgets a writer when dropped.
pub(super) struct Announced<'a>(&'a Transfers);

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.0.writers.lock().retain(|(_, writer)| writer.strong_count() > 1);
    }
}

/// Gives a connection's place back, however its thread ends, or where it does not begin.
struct Entered {
    node: Arc<Node>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.node.transfers.leave(self.number);
    }
}

impl Transfers {
    /// Connections now.
    pub(crate) fn count(&self) -> usize {
        self.links.lock().len()
    }

    /// Blocks that are sent to other DataNodes now.
    pub(crate) fn copies(&self) -> usize {
        self.copies.load(Ordering::Relaxed)
    }

    pub(super) fn begin_copy(&self) -> Permit<'_> {
        self.copies.fetch_add(1, Ordering::Relaxed);
        Permit(&self.copies)
    }

    pub(super) fn begin_balancing(&self, limit: usize) -> Option<Permit<'_>> {
        if self.balancing.fetch_add(1, Ordering::Relaxed) >= limit {
            self.balancing.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Permit(&self.balancing))
    }

    /// Takes note of a writer, who hears of a restart.
    pub(super) fn announce(
        &self,
        connection: u64,
        writer: Weak<AckSink<TcpStream>>,
    ) -> Announced<'_> {
        self.writers.lock().push((connection, writer));
        Announced(self)
    }

    /// Tells all writers that the DataNode will be back.
    pub(crate) fn send_restart(&self) {
        let writers = self.writers.lock().clone();
        for writer in writers.iter().filter_map(|(_, writer)| writer.upgrade()) {
            if let Err(error) = writer.send_restart() {
                tracing::debug!(%error, "a writer did not hear of the restart");
            }
        }
    }

    /// Ends all connections.
    pub(crate) fn close_all(&self) {
        self.links.lock().values().for_each(Link::close);
    }

    /// Ends all connections of writers: `evictWriters`.
    pub(crate) fn evict_writers(&self) {
        let writers: Vec<u64> = self.writers.lock().iter().map(|(number, _)| *number).collect();
        let links = self.links.lock();
        writers.iter().filter_map(|number| links.get(number)).for_each(Link::close);
    }

    fn enter(&self, link: TcpStream) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.links.lock().insert(number, link);
        number
    }

    fn leave(&self, number: u64) {
        self.links.lock().remove(&number);
    }
}

/// The open port.
#[derive(Debug)]
pub(crate) struct TransferServer {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TransferServer {
    /// Serves the connections of `listener` until it is stopped.
    pub(crate) fn start(node: Arc<Node>, listener: TcpListener) -> Result<Self> {
        let address =
            listener.local_addr().network("cannot ask for the address of", &"the transfer port")?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new().name("transfers".to_owned()).stack_size(STACK);
        let thread = thread
            .spawn(move || accept(&node, &listener, &stop))
            .network("cannot start the thread of", &address)?;
        Ok(Self { address, stopping, thread: Some(thread) })
    }

    /// Takes no more connections.
    pub(crate) fn stop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        // Wakes the thread up; if nobody is there to connect to, it has gone already.
        drop(TcpStream::connect_timeout(&address, Duration::from_secs(1)));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the transfer port's thread ended badly");
        }
    }
}

fn accept(node: &Arc<Node>, listener: &TcpListener, stopping: &AtomicBool) {
    loop {
        let accepted = listener.accept();
        if stopping.load(Ordering::Acquire) {
            return;
        }
        match accepted {
            Ok((link, peer)) => serve(node, link, peer),
            Err(error) => {
                // Out of descriptors, mostly: others must end first.
                tracing::warn!(%error, "cannot take a connection");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn serve(node: &Arc<Node>, link: TcpStream, peer: SocketAddr) {
    let count = node.transfers.count();
    let limit = node.live.get().max_transfers;
    if count >= limit {
        tracing::warn!(%peer, "Xceiver count {count} exceeds the limit of concurrent xceivers: {limit}");
        return;
    }
    let Ok(handle) = link.duplicate() else { return };
    let number = node.transfers.enter(handle);
    let is_here = link.local_addr().is_ok_and(|own| own.ip() == peer.ip());
    let session = Session { node: Arc::clone(node), peer: peer.to_string(), is_here, number };
    let thread = std::thread::Builder::new().name("transfer".to_owned()).stack_size(STACK);
    let entered = Entered { node: Arc::clone(node), number };
    let spawned = thread.spawn(move || {
        let _entered = entered;
        let mut requests = Requests::new(link);
        if let Err(error) = session.run(&mut requests) {
            session.failed(&error);
        }
        requests.link.close();
    });
    if let Err(error) = spawned {
        tracing::warn!(%peer, %error, "cannot start a thread");
    }
}

impl Session {
    fn run(&self, requests: &mut Requests<TcpStream>) -> Result<()> {
        let settings = &self.node.settings;
        let prepare = |read| requests_timeouts(&requests.link, read, settings.write_timeout);
        prepare(settings.read_timeout)?;
        requests.link.set_nodelay(true).network("cannot set up the connection of", &self.peer)?;
        loop {
            let Some(operation) = requests.next()? else { return Ok(()) };
            requests_timeouts(&requests.link, settings.read_timeout, settings.write_timeout)?;
            if !self.serve(requests, operation)? {
                return Ok(());
            }
            if settings.keepalive.is_zero() {
                return Ok(());
            }
            requests_timeouts(&requests.link, settings.keepalive, settings.write_timeout)?;
        }
    }

    /// Whether the connection may serve another request.
    fn serve(&self, requests: &mut Requests<TcpStream>, operation: Operation) -> Result<bool> {
        let name = operation.name();
        if let Some(pool) = pool_of(&operation) {
            self.node.wait_for_pool(pool)?;
        }
        let (metrics, began) = (&self.node.metrics, Instant::now());
        let counted = |rate: &Rate| rate.record(began.elapsed());
        match operation {
            Operation::ReadBlock(request) => {
                let again = read::read_block(self, requests, &request)?;
                counted(&metrics.read_block);
                return Ok(again);
            }
            Operation::WriteBlock(request) => {
                write::write_block(self, requests, &request)?;
                counted(&metrics.write_block);
            }
            Operation::CopyBlock(request) => {
                read::copy_out(self, requests, &request)?;
                counted(&metrics.copy_block);
            }
            Operation::ReplaceBlock(request) => {
                copy::replace_block(self, requests, &request)?;
                counted(&metrics.replace_block);
            }
            Operation::TransferBlock(request) => copy::transfer_block(self, requests, &request)?,
            Operation::BlockChecksum(request) => {
                block_checksum::block_checksum(self, requests, &request)?;
                counted(&metrics.block_checksum);
                return Ok(true);
            }
            Operation::RequestShortCircuitFds(_)
            | Operation::ReleaseShortCircuitFds(_)
            | Operation::RequestShortCircuitShm(_)
            | Operation::BlockGroupChecksum(_)
            | Operation::Custom(_) => {
                let message = format!("{name} is not supported by this DataNode");
                let answer = BlockOpResponseProto {
                    status: Status::ErrorUnsupported as i32,
                    message: Some(message.clone()),
                    ..Default::default()
                };
                respond_with(&mut requests.link, &answer)?;
                return Err(DataNodeError::Unsupported(message));
            }
        }
        Ok(false)
    }

    fn failed(&self, error: &DataNodeError) {
        if error.is_disconnect() {
            let host = self.peer.rsplit_once(':').map_or(self.peer.as_str(), |(host, _)| host);
            self.node.metrics.network_error(host);
        }
        match error {
            DataNodeError::Disk { .. } => self.node.disk_failed(error),
            error if error.is_disconnect() => {
                tracing::debug!(peer = %self.peer, %error, "connection ended");
            }
            error => tracing::warn!(peer = %self.peer, %error, "transfer failed"),
        }
    }
}

/// The pool of the block that is asked for.
fn pool_of(operation: &Operation) -> Option<&str> {
    let block = match operation {
        Operation::ReadBlock(request) => &request.header.base_header.block,
        Operation::WriteBlock(request) => &request.header.base_header.block,
        Operation::TransferBlock(request) => &request.header.base_header.block,
        Operation::CopyBlock(request) => &request.header.block,
        Operation::ReplaceBlock(request) => &request.header.block,
        Operation::BlockChecksum(request) => &request.header.block,
        Operation::RequestShortCircuitFds(_)
        | Operation::ReleaseShortCircuitFds(_)
        | Operation::RequestShortCircuitShm(_)
        | Operation::BlockGroupChecksum(_)
        | Operation::Custom(_) => return None,
    };
    Some(&block.pool_id)
}

fn requests_timeouts(link: &TcpStream, read: Duration, write: Duration) -> Result<()> {
    link.set_timeouts(read, write).network("cannot set up the connection of", &"the client")
}

/// Sends an answer.
pub(super) fn respond_with(link: &mut impl Link, answer: &BlockOpResponseProto) -> Result<()> {
    let mut bytes = Vec::with_capacity(64);
    encode_message(answer, &mut bytes);
    Write::write_all(link, &bytes).network("cannot answer", &"the client")
}

/// Sends the answer of a request that failed.
pub(super) fn respond_error(link: &mut impl Link, message: String) -> Result<()> {
    respond_with(
        link,
        &BlockOpResponseProto {
            status: Status::Error as i32,
            message: Some(message),
            ..Default::default()
        },
    )
}
