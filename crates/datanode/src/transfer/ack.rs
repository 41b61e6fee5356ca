//! Acknowledgements towards the writer.

use std::io;

use loxodon_wire::transfer::{Congestion, HeaderFlag, PipelineAck, Slow, Status};
use parking_lot::Mutex;

use super::link::Link;

/// Where acknowledgements go. Shared by who writes, who hears from behind, and who shuts down.
#[derive(Debug)]
pub(super) struct AckSink<L> {
    state: Mutex<(L, Vec<u8>)>,
}

impl<L: Link> AckSink<L> {
    pub(super) fn new(link: L) -> Self {
        Self { state: Mutex::new((link, Vec::with_capacity(64))) }
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
            flags: vec![flag(Status::OobRestart)],
            downstream_nanos: 0,
        })
    }
}

/// This DataNode's word.
pub(super) const fn flag(status: Status) -> HeaderFlag {
    HeaderFlag::new(status, Congestion::Disabled, Slow::Normal)
}
