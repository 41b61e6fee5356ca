//! What a connection's task shares with those who answer its calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use parking_lot::Mutex;

use loxodon_wire::rpc::CallId;

use super::listener::Shared;
use crate::metrics::ServerMetrics;

/// Answers are written into one buffer, in the order they get ready; the connection's task takes
/// it whole, so everything ready leaves in one write.
pub(super) struct Link {
    outbox: Mutex<Outbox>,
    in_flight: AtomicUsize,
    /// The call that is in its handler right now; `CallId::INVALID` if none is.
    inline: AtomicI32,
    server: Arc<Shared>,
}

#[derive(Default)]
struct Outbox {
    bytes: BytesMut,
    /// Set while the connection's task sleeps.
    waker: Option<Waker>,
    closed: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(server: Arc<Shared>) -> Self {
        Self {
            outbox: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            inline: AtomicI32::new(CallId::INVALID.0),
            server,
        }
    }

    pub(super) fn metrics(&self) -> &ServerMetrics {
        &self.server.metrics
    }

    pub(super) fn state_id(&self) -> Option<i64> {
        self.server.handler.state_id()
    }

    /// Lets `put` append an answer and wakes the connection's task if it sleeps.
    /// On a closed connection, what `put` appends is thrown away.
    pub(super) fn push(&self, put: impl FnOnce(&mut BytesMut)) {
        let waker = {
            let mut outbox = self.outbox.lock();
            let before = outbox.bytes.len();
            put(&mut outbox.bytes);
            if outbox.closed {
                outbox.bytes = BytesMut::new();
                return;
            }
            self.server.unsent.fetch_add(outbox.bytes.len() - before, Relaxed);
            outbox.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn call_began(&self, call: CallId) {
        self.inline.store(call.0, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        self.server.metrics.calls_in_flight.fetch_add(1, Relaxed);
    }

    /// The call's handler returned; what is answered from now on is answered late.
    pub(super) fn handler_returned(&self) {
        self.inline.store(CallId::INVALID.0, Relaxed);
    }

    pub(super) fn is_inline(&self, call: CallId) -> bool {
        self.inline.load(Relaxed) == call.0
    }

    pub(super) fn call_finished(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.server.metrics.calls_in_flight.fetch_sub(1, Relaxed);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    /// Bytes that wait here.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.lock().bytes.len()
    }

    /// Takes all answers that are ready, leaving `empty` to be filled.
    pub(super) fn take(&self, empty: BytesMut) -> BytesMut {
        std::mem::replace(&mut self.outbox.lock().bytes, empty)
    }

    /// Whether there is anything to take; otherwise the task is woken when there is.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut outbox = self.outbox.lock();
        if !outbox.bytes.is_empty() {
            return Poll::Ready(());
        }
        match &mut outbox.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The connection is gone; answers that come from now on are thrown away.
    pub(super) fn close(&self) {
        let mut outbox = self.outbox.lock();
        outbox.closed = true;
        outbox.waker = None;
        let lost = std::mem::take(&mut outbox.bytes).len();
        self.server.unsent.fetch_sub(lost, Relaxed);
    }
}
