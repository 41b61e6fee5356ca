//! What a connection's task shares with those who answer its calls.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, BytesMut};
use parking_lot::Mutex;
use tokio::net::tcp::OwnedWriteHalf;

use loxodon_wire::rpc::CallId;

use super::connection::KEEP_CAPACITY;
use super::listener::Shared;
use crate::metrics::ServerMetrics;

/// Answers are written into one buffer, in the order they get ready; the connection's task takes
/// it whole, so everything ready leaves in one write. An answer that comes while the task sleeps
/// leaves from the thread that gives it: nothing is on the way before it, and the task need not
/// wake for it.
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
    /// Set while the connection's task sleeps with nothing left to send.
    sleeper: Option<Waker>,
    /// The task sleeps because too much is in flight: each answer wakes it.
    full: bool,
    /// Its thread gives more answers before these leave.
    together: bool,
    /// Gone once the connection is closed.
    socket: Option<OwnedWriteHalf>,
}

thread_local! {
    /// Connections with answers that leave when [`Together`] ends; `None` while there is none.
    static GATHERED: RefCell<Option<Vec<Arc<Link>>>> = const { RefCell::new(None) };
}

/// While it lives, answers given on this thread wait for each other.
#[derive(Debug)]
#[must_use = "answers leave when this is dropped"]
pub struct Together {
    /// It belongs to its thread.
    here: PhantomData<*const ()>,
}

/// Lets the answers that this thread gives until the guard is dropped leave together, with one
/// write for each connection: for those that give many answers at a time, as after a sync.
pub fn together() -> Together {
    GATHERED.with_borrow_mut(|gathered| {
        gathered.get_or_insert_default();
    });
    Together { here: PhantomData }
}

impl Drop for Together {
    fn drop(&mut self) {
        for link in GATHERED.take().into_iter().flatten() {
            link.let_go();
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(server: Arc<Shared>, socket: OwnedWriteHalf) -> Self {
        Self {
            outbox: Mutex::new(Outbox {
                bytes: BytesMut::new(),
                sleeper: None,
                full: false,
                together: false,
                socket: Some(socket),
            }),
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

    /// Lets `put` append an answer. If the connection's task sleeps, the answer is sent at once, as
    /// far as the socket takes it, and the task woken for what is left.
    /// On a closed connection, what `put` appends is thrown away.
    pub(super) fn push(self: &Arc<Self>, put: impl FnOnce(&mut BytesMut)) {
        let sleeper = {
            let mut outbox = self.outbox.lock();
            let before = outbox.bytes.len();
            put(&mut outbox.bytes);
            if outbox.socket.is_none() {
                outbox.bytes = BytesMut::new();
                return;
            }
            self.server.unsent.fetch_add(outbox.bytes.len() - before, Relaxed);
            if outbox.sleeper.is_none() || self.gathers(&mut outbox) {
                return;
            }
            self.sleeper_to_wake(&mut outbox, before == 0)
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Whether what was put waits for other answers of this thread.
    fn gathers(self: &Arc<Self>, outbox: &mut Outbox) -> bool {
        GATHERED.with_borrow_mut(|gathered| {
            let Some(gathered) = gathered else { return false };
            if !outbox.together {
                outbox.together = true;
                gathered.push(Arc::clone(self));
            }
            true
        })
    }

    /// Sends what was gathered.
    fn let_go(&self) {
        let sleeper = {
            let mut outbox = self.outbox.lock();
            outbox.together = false;
            if outbox.sleeper.is_none() || outbox.bytes.is_empty() {
                return;
            }
            self.sleeper_to_wake(&mut outbox, true)
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Sends if nothing is on the way before it; gives the task where it must do something.
    fn sleeper_to_wake(&self, outbox: &mut Outbox, is_first: bool) -> Option<Waker> {
        if is_first {
            self.send_now(outbox);
        }
        if outbox.bytes.is_empty() && !outbox.full { None } else { outbox.sleeper.take() }
    }

    /// Sends what the socket takes. Errors are left to the task, which meets them again.
    fn send_now(&self, outbox: &mut Outbox) {
        let Some(Ok(count)) = outbox.socket.as_ref().map(|s| s.try_write(&outbox.bytes)) else {
            return;
        };
        outbox.bytes.advance(count);
        self.server.unsent.fetch_sub(count, Relaxed);
        self.server.metrics.sent_bytes.fetch_add(count as u64, Relaxed);
        if outbox.bytes.is_empty() && outbox.bytes.capacity() > KEEP_CAPACITY {
            outbox.bytes = BytesMut::new();
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

    /// Whether there is anything to take; otherwise answers that come are sent without the task,
    /// which is woken for what they leave, or for each of them if it has too much in flight.
    pub(super) fn poll_ready(&self, cx: &Context<'_>, full: bool) -> Poll<()> {
        let mut outbox = self.outbox.lock();
        if !outbox.bytes.is_empty() {
            return Poll::Ready(());
        }
        outbox.full = full;
        match &mut outbox.sleeper {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The task is awake: it takes what comes by itself, and need not be woken for it.
    pub(super) fn awake(&self) {
        self.outbox.lock().sleeper = None;
    }

    /// The connection is gone; answers that come from now on are thrown away.
    pub(super) fn close(&self) {
        let mut outbox = self.outbox.lock();
        outbox.socket = None;
        outbox.sleeper = None;
        let lost = std::mem::take(&mut outbox.bytes).len();
        self.server.unsent.fetch_sub(lost, Relaxed);
    }
}
