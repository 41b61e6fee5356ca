//! One connection of a client: calls go out as they come, answers find their call by its id.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use loxodon_wire::rpc::{
    CallId, ClientId, RemoteError, RequestHeader, ResponseHeader, RpcStatus, put_control,
    split_header,
};
use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

use super::error::BadFrame;
use super::settings::ClientSettings;

const READ_CHUNK: usize = 16 * 1024;
/// A buffer that grew larger than this is given back once it is empty.
const KEEP_CAPACITY: usize = 64 * 1024;

/// What becomes of a call.
pub(super) enum Outcome {
    /// The answer's message, its length before it, and the server's state id.
    Answer(Bytes, Option<i64>),
    Exception(RemoteError),
    Broken {
        source: Arc<io::Error>,
        maybe_sent: bool,
    },
}

/// The part of a connection that callers hold.
pub(super) struct Connection {
    state: Mutex<State>,
    /// Counts what was received; says whether a silent server is silent to all.
    received: AtomicU64,
}

#[derive(Default)]
struct State {
    outbox: BytesMut,
    /// How often the outbox was taken to be written.
    taken: u64,
    waker: Option<Waker>,
    calls: HashMap<i32, Waiting>,
    /// Set once the connection takes no more calls.
    closed: bool,
}

struct Waiting {
    answer: oneshot::Sender<Outcome>,
    /// The outbox's count of takings when the call was put in it.
    put_at: u64,
}

/// Forgets its call when the caller stops waiting.
pub(super) struct Ticket {
    pub(super) connection: Arc<Connection>,
    pub(super) answer: oneshot::Receiver<Outcome>,
    call_id: CallId,
    received_before: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.connection.state.lock().calls.remove(&self.call_id.0);
    }
}

impl Ticket {
    /// Whether the call may be on its way.
    pub(super) fn maybe_sent(&self) -> bool {
        let state = self.connection.state.lock();
        state.calls.get(&self.call_id.0).is_none_or(|waiting| waiting.put_at < state.taken)
    }

    /// The call took too long: a connection on which nothing came meanwhile takes no more calls.
    pub(super) fn give_up(&self) {
        if self.connection.received.load(Relaxed) == self.received_before {
            self.connection.close(&Arc::new(io::ErrorKind::TimedOut.into()));
        }
    }
}

impl Connection {
    /// Serves `stream` on a task of its own; the preamble and context are sent first.
    pub(super) fn start(
        stream: TcpStream,
        client_id: ClientId,
        opening: BytesMut,
        settings: &ClientSettings,
    ) -> Arc<Self> {
        let state = State { outbox: opening, ..State::default() };
        let connection = Arc::new(Self { state: Mutex::new(state), received: AtomicU64::new(0) });
        let task = Task {
            stream,
            connection: connection.clone(),
            client_id,
            input: BytesMut::new(),
            output: BytesMut::new(),
            written: 0,
            last_activity: Instant::now(),
            ping_interval: settings.ping_interval,
            max_idle: settings.max_idle,
            max_response: settings.max_response,
        };
        tokio::spawn(task.run());
        connection
    }

    /// Sends a call that `put` writes; `None` if the connection takes no more, or `put` refuses.
    pub(super) fn send(
        self: &Arc<Self>,
        call_id: CallId,
        put: impl FnOnce(&mut BytesMut) -> bool,
    ) -> Result<Ticket, NotSent> {
        let (answer, receiver) = oneshot::channel();
        let waker = {
            let mut state = self.state.lock();
            if state.closed {
                return Err(NotSent::Closed);
            }
            if state.calls.contains_key(&call_id.0) {
                return Err(NotSent::SameId);
            }
            if !put(&mut state.outbox) {
                return Err(NotSent::TooLarge);
            }
            let put_at = state.taken;
            state.calls.insert(call_id.0, Waiting { answer, put_at });
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(Ticket {
            connection: self.clone(),
            answer: receiver,
            call_id,
            received_before: self.received.load(Relaxed),
        })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.state.lock().closed
    }

    /// Takes no more calls and ends those that wait.
    fn close(&self, source: &Arc<io::Error>) {
        let (calls, taken, waker) = {
            let mut state = self.state.lock();
            state.closed = true;
            (std::mem::take(&mut state.calls), state.taken, state.waker.take())
        };
        for waiting in calls.into_values() {
            let maybe_sent = waiting.put_at < taken;
            let outcome = Outcome::Broken { source: source.clone(), maybe_sent };
            let _caller_left = waiting.answer.send(outcome);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The server refused the connection as a whole.
    fn refuse_all(&self, error: &RemoteError) {
        let calls = {
            let mut state = self.state.lock();
            state.closed = true;
            std::mem::take(&mut state.calls)
        };
        for waiting in calls.into_values() {
            let _caller_left = waiting.answer.send(Outcome::Exception(error.clone()));
        }
    }
}

/// Why a call was not put on a connection.
pub(super) enum NotSent {
    Closed,
    SameId,
    TooLarge,
}

/// The part of a connection that owns the socket.
struct Task {
    stream: TcpStream,
    connection: Arc<Connection>,
    client_id: ClientId,
    input: BytesMut,
    output: BytesMut,
    written: usize,
    last_activity: Instant,
    ping_interval: Duration,
    max_idle: Duration,
    max_response: usize,
}

impl Task {
    async fn run(mut self) {
        let mut tick = pin!(sleep(self.tick()));
        let reason = loop {
            let turn = poll_fn(|cx| self.poll_turn(cx, tick.as_mut())).await;
            match turn {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        self.connection.close(&Arc::new(reason));
    }

    fn tick(&self) -> Duration {
        let ping = Some(self.ping_interval).filter(|interval| !interval.is_zero());
        self.max_idle.min(ping.unwrap_or(self.max_idle)).max(Duration::from_millis(1))
    }

    /// Writes and reads what can be; ready after each step, an error ends the connection.
    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        mut tick: Pin<&mut Sleep>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = self.poll_write(cx) {
            return Poll::Ready(result);
        }
        if let Poll::Ready(result) = self.poll_read(cx) {
            return Poll::Ready(result);
        }
        ready!(tick.as_mut().poll(cx));
        let result = self.look_at_clock();
        tick.reset(Instant::now() + self.tick());
        Poll::Ready(result)
    }

    /// Ready when something was written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
            if self.output.capacity() > KEEP_CAPACITY {
                self.output = BytesMut::new();
            }
            let mut state = self.connection.state.lock();
            if state.closed {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            if state.outbox.is_empty() {
                match &mut state.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
            state.taken += 1;
            std::mem::swap(&mut state.outbox, &mut self.output);
        }
        let unsent = self.output.get(self.written..).unwrap_or_default();
        match self.stream.try_write(unsent) {
            Ok(count) => {
                self.written += count;
                self.last_activity = Instant::now();
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.stream.poll_write_ready(cx)
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.input.capacity() == self.input.len() {
            self.input.reserve(READ_CHUNK);
        }
        let count = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.connection.received.fetch_add(count as u64, Relaxed);
        self.last_activity = Instant::now();
        while let Some(frame) = self.next_frame()? {
            self.answer(&frame)?;
        }
        Poll::Ready(Ok(()))
    }

    fn next_frame(&mut self) -> io::Result<Option<Bytes>> {
        let Some(&prefix) = self.input.first_chunk() else { return Ok(None) };
        let said = i32::from_be_bytes(prefix);
        let length = match usize::try_from(said) {
            Ok(length) if length > 0 => length,
            _ => return Err(BadFrame(format!("RPC response has invalid length of {said}")).into()),
        };
        if length > self.max_response {
            let text = format!("RPC response has a length of {said} exceeds maximum data length");
            return Err(BadFrame(text).into());
        }
        if self.input.len() < length + 4 {
            // Doubling, so that a server cannot make us hold more than twice what it sent.
            let missing = length + 4 - self.input.len();
            self.input.reserve(missing.min(self.input.len().max(READ_CHUNK)));
            return Ok(None);
        }
        self.input.advance(4);
        Ok(Some(self.input.split_to(length).freeze()))
    }

    fn answer(&self, frame: &Bytes) -> io::Result<()> {
        let malformed = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
        let (header, rest) = split_header(frame).map_err(|error| malformed(error.to_string()))?;
        let header =
            ResponseHeader::decode(header).map_err(|error| malformed(error.to_string()))?;
        if !header.client_id.is_empty() && header.client_id != self.client_id.0 {
            return Err(malformed("Client IDs not matched".to_owned()));
        }
        if header.status == RpcStatus::Fatal
            && let Some(error) = &header.error
        {
            self.connection.refuse_all(error);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let waiting = self.connection.state.lock().calls.remove(&header.call_id.0);
        let Some(waiting) = waiting else {
            tracing::debug!(call = header.call_id.0, "an answer to no call");
            return Ok(());
        };
        let outcome = match header.error {
            Some(error) => Outcome::Exception(error),
            None => Outcome::Answer(frame.slice_ref(rest), header.state_id),
        };
        let _caller_left = waiting.answer.send(outcome);
        Ok(())
    }

    /// Pings a server that is silent while calls wait; ends a connection without any.
    fn look_at_clock(&self) -> io::Result<()> {
        let quiet = self.last_activity.elapsed();
        let mut state = self.connection.state.lock();
        if state.calls.is_empty() {
            if quiet >= self.max_idle {
                state.closed = true;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        } else if !self.ping_interval.is_zero() && quiet >= self.ping_interval {
            let header = RequestHeader::of_call(CallId::PING, &self.client_id, -1);
            put_control::<()>(&mut state.outbox, &header, None);
        }
        Ok(())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The runtime may end the task at any time; nobody must wait for ever.
        self.connection.close(&Arc::new(io::ErrorKind::ConnectionAborted.into()));
    }
}
