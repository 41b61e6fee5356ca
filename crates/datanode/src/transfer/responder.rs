//! Acknowledgements from the DataNodes behind, joined with this one's: Hadoop's `PacketResponder`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use loxodon_wire::transfer::{PipelineAck, Status};
use parking_lot::{Condvar, Mutex};

use super::ack::AckSink;
use super::link::{Link, read_message};
use crate::dataset::ReplicaHandle;
use crate::error::{DataNodeError, NetworkContext, Result};

/// Packets that may wait: a writer that sends more than this ahead of the acknowledgements is none. At 64 KiB each
/// they are 4 GiB; Hadoop's clients send 80 packets ahead.
const MOST_WAITING: usize = 1 << 16;

/// A packet that this DataNode is done with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) seqno: i64,
    pub(super) end: u64,
    pub(super) last: bool,
    /// Whether the writer wants it on the disk.
    pub(super) sync: bool,
    pub(super) status: Status,
    pub(super) at: Instant,
}

/// Packets that wait for the word from behind.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    packets: VecDeque<Pending>,
    closed: bool,
    /// The responder has ended.
    ended: bool,
}

impl Queue {
    pub(super) fn push(&self, packet: Pending) {
        self.state.lock().packets.push_back(packet);
        self.changed.notify_one();
    }

    /// # Errors
    /// Too many wait already.
    pub(super) fn push_all(&self, packets: impl Iterator<Item = Pending>) -> Result<()> {
        let mut state = self.state.lock();
        if state.packets.len() >= MOST_WAITING {
            return Err(DataNodeError::Refused(format!(
                "{MOST_WAITING} packets wait for their acknowledgement already"
            )));
        }
        state.packets.extend(packets);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// No packet comes any more.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Nobody answers any more.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits until the responder has ended, or `patience` is over.
    pub(super) fn wait_for_end(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.state.lock();
        while !state.ended && !self.changed.wait_until(&mut state, until).timed_out() {}
    }

    fn pop(&self) -> Option<Pending> {
        let mut state = self.state.lock();
        loop {
            if let Some(packet) = state.packets.pop_front() {
                return Some(packet);
            }
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }
}

/// Joins the words of both until the block's last packet; `finish` is called before that is acknowledged.
pub(super) fn respond<L: Link>(
    mut behind: L,
    peer: &str,
    upstream: &AckSink<L>,
    queue: &Queue,
    handle: &ReplicaHandle,
    finish: impl FnOnce(Pending) -> Result<()>,
) -> Result<()> {
    loop {
        let ack = match read_message(&mut behind).network("cannot read acknowledgements of", &peer)
        {
            Ok(bytes) => PipelineAck::decode(&bytes)?,
            Err(error) => {
                tracing::info!(block = %handle.block, peer, %error, "the mirror failed");
                return report_mirror(upstream, queue, handle);
            }
        };
        if ack.out_of_band().is_some() {
            send(upstream, PipelineAck { flags: joined(upstream, Status::Success, &ack), ..ack })?;
            continue;
        }
        let Some(packet) = queue.pop() else { return Ok(()) };
        if packet.seqno != ack.seqno {
            return Err(DataNodeError::Refused(format!(
                "{} seqno: expected={}, received={}",
                handle.block, packet.seqno, ack.seqno
            )));
        }
        if ack.flags.first().is_some_and(|flag| flag.status() == Status::ErrorChecksum) {
            return Err(DataNodeError::Checksum(
                "Shutting down writer and responder since the down streams reported the data sent by this thread is corrupt".to_owned(),
            ));
        }
        if packet.last {
            finish(packet)?;
            return acknowledge(upstream, handle, packet, &ack);
        }
        acknowledge(upstream, handle, packet, &ack)?;
        if packet.status == Status::ErrorChecksum {
            return Err(DataNodeError::Checksum(
                "Shutting down writer and responder due to a checksum error in received data. The error response has been sent upstream.".to_owned(),
            ));
        }
    }
}

fn acknowledge<L: Link>(
    upstream: &AckSink<L>,
    handle: &ReplicaHandle,
    packet: Pending,
    behind: &PipelineAck,
) -> Result<()> {
    let nanos = packet.at.elapsed().as_nanos() as u64;
    let ack = PipelineAck {
        seqno: packet.seqno,
        flags: joined(upstream, packet.status, behind),
        downstream_nanos: nanos,
    };
    if ack.is_success() {
        handle.writing.set_acked(packet.end);
    }
    send(upstream, ack)
}

fn joined<L: Link>(
    upstream: &AckSink<L>,
    own: Status,
    behind: &PipelineAck,
) -> Vec<loxodon_wire::transfer::HeaderFlag> {
    std::iter::once(upstream.flag(own)).chain(behind.flags.iter().copied()).collect()
}

/// The mirror is gone: the writer hears that we have the packets and the next one has not.
fn report_mirror<L: Link>(
    upstream: &AckSink<L>,
    queue: &Queue,
    handle: &ReplicaHandle,
) -> Result<()> {
    while let Some(packet) = queue.pop() {
        let flags = vec![upstream.flag(packet.status), upstream.flag(Status::Error)];
        send(upstream, PipelineAck { seqno: packet.seqno, flags, downstream_nanos: 0 })?;
    }
    tracing::debug!(block = %handle.block, "no packets left to answer for the mirror");
    Ok(())
}

fn send<L: Link>(upstream: &AckSink<L>, ack: PipelineAck) -> Result<()> {
    upstream.send(&ack).network("cannot acknowledge to", &"the writer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_runs_ahead_for_ever_is_refused() {
        let queue = Queue::default();
        let packet = |seqno| Pending {
            seqno,
            end: 0,
            last: false,
            sync: false,
            status: Status::Success,
            at: Instant::now(),
        };
        queue.push_all((0..MOST_WAITING as i64).map(packet)).unwrap();
        let refused = queue.push_all(std::iter::once(packet(-1))).unwrap_err();
        assert!(matches!(refused, DataNodeError::Refused(_)), "{refused}");
        assert_eq!(queue.pop().map(|packet| packet.seqno), Some(0));
        queue.push_all(std::iter::once(packet(-1))).unwrap();
    }
}
