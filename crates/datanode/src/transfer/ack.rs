//! Acknowledgements towards the writer.

use std::io;
use std::sync::Arc;

use loxodon_wire::transfer::{HeaderFlag, PipelineAck, Slow, Status};
use parking_lot::Mutex;

use super::link::Link;
use crate::namenode::Service;
use crate::node::Node;

/// Where acknowledgements go. Shared by who writes, who hears from behind, and who shuts down.
#[derive(Debug)]
pub(super) struct AckSink<L> {
    state: Mutex<(L, Vec<u8>)>,
    word: Word,
}

impl<L: Link> AckSink<L> {
    pub(super) fn new(link: L, word: Word) -> Self {
        Self { state: Mutex::new((link, Vec::with_capacity(64))), word }
    }

    /// This DataNode's part of an acknowledgement.
    pub(super) fn flag(&self, status: Status) -> HeaderFlag {
        self.word.flag(status)
    }

    pub(super) fn send(&self, ack: &PipelineAck) -> io::Result<()> {
        self.add(ack);
        self.flush()
    }

    /// Keeps an acknowledgement until the next one is sent: for packets whose successor is here already.
    pub(super) fn add(&self, ack: &PipelineAck) {
        let (_, buffer) = &mut *self.state.lock();
        ack.encode(buffer);
    }

    /// Sends what was kept.
    pub(super) fn flush(&self) -> io::Result<()> {
        let (link, buffer) = &mut *self.state.lock();
        if buffer.is_empty() {
            return Ok(());
        }
        let sent = link.write_all(buffer);
        buffer.clear();
        sent
    }

    /// Tells the writer that this DataNode restarts and will be back.
    pub(super) fn send_restart(&self) -> io::Result<()> {
        self.send(&PipelineAck {
            seqno: PipelineAck::UNKNOWN_SEQNO,
            flags: vec![self.flag(Status::OobRestart)],
            downstream_nanos: 0,
        })
    }
}

/// How this DataNode is, said with every acknowledgement.
pub(super) struct Word {
    node: Arc<Node>,
    /// Whose NameNode may find this DataNode slow; `None` where writers do not hear of that.
    slowness: Option<Arc<Service>>,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Word").field("tells_slow", &self.slowness.is_some()).finish()
    }
}

impl Word {
    pub(super) fn new(node: &Arc<Node>, pool: &str) -> Self {
        let service = node.settings.tell_slow.then(|| node.service(pool).ok());
        Self { node: Arc::clone(node), slowness: service.flatten() }
    }

    fn flag(&self, status: Status) -> HeaderFlag {
        let slow = match &self.slowness {
            None => Slow::Disabled,
            Some(service) if service.is_slow() => Slow::Slow,
            Some(_) => Slow::Normal,
        };
        HeaderFlag::new(status, self.node.load.congestion(), slow)
    }
}
