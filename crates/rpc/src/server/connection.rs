//! A connection's socket: frames in, answers out, and the deadlines of both.

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use loxodon_wire::rpc::{
    AnswerTo, CallId, PREAMBLE_LEN, Preamble, RemoteError, RpcErrorCode, exception, put_error,
};
use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::link::Link;
use super::listener::Shared;
use super::session::{Ended, Session};

/// Room for reading when no frame is known to need more.
const READ_CHUNK: usize = 16 * 1024;
/// Frames larger than this count against the limit of unfinished frames.
const SMALL_FRAME: usize = 64 * 1024;
/// Calls after which other connections get their turn.
const CALLS_PER_TURN: usize = 64;
/// A buffer that grew larger than this is given back once it is empty.
pub(super) const KEEP_CAPACITY: usize = 64 * 1024;
/// How long, and for how many bytes, a refused peer's last words are read, lest the reset that
/// unread bytes cause destroys the refusal before he reads it.
const LINGER: (Duration, usize) = (Duration::from_secs(1), 1 << 20);

pub(super) struct Connection {
    /// The link has the other half.
    reader: OwnedReadHalf,
    peer: SocketAddr,
    server: Arc<Shared>,
    link: Arc<Link>,
    /// `None` until the preamble is read.
    session: Option<Session>,
    input: BytesMut,
    output: BytesMut,
    /// How much of `output` is sent.
    written: usize,
    /// Bytes counted in the server's `unfinished`.
    unfinished: usize,
    since: Deadlines,
}

/// When that began which must not take too long.
struct Deadlines {
    opened: Instant,
    last_contact: Instant,
    frame_began: Option<Instant>,
    write_stuck: Option<Instant>,
}

/// What a turn of reading frames left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// More whole frames are in the buffer.
    More,
    /// More bytes are needed.
    Read,
    /// The connection has too much waiting already.
    Full,
    /// The peer was refused.
    Ended,
}

enum Event {
    /// So many bytes came; none at the end.
    Read(usize),
    Answers,
    Writable,
    Tick,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, peer: SocketAddr, server: Arc<Shared>) -> Self {
        let now = Instant::now();
        let (reader, writer) = stream.into_split();
        Self {
            reader,
            peer,
            link: Arc::new(Link::new(server.clone(), writer)),
            server,
            session: None,
            input: BytesMut::new(),
            output: BytesMut::new(),
            written: 0,
            unfinished: 0,
            since: Deadlines {
                opened: now,
                last_contact: now,
                frame_began: None,
                write_stuck: None,
            },
        }
    }

    /// Serves the peer until one of the two is done.
    pub(super) async fn run(mut self) {
        let mut tick = Box::pin(sleep(self.server.limits.tick()));
        match self.serve(tick.as_mut()).await {
            Ok(()) => {}
            Err(error) => tracing::debug!(peer = %self.peer, %error, "connection ended"),
        }
    }

    async fn serve(&mut self, mut tick: Pin<&mut Sleep>) -> io::Result<()> {
        loop {
            self.link.awake();
            let turn = self.turn();
            self.write_ready()?;
            match turn {
                Turn::Ended => return self.finish().await,
                Turn::More => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Turn::Read | Turn::Full => {}
            }
            match self.wait(turn == Turn::Read, tick.as_mut()).await? {
                Event::Read(0) => return Ok(()),
                Event::Read(_) | Event::Answers | Event::Writable => {}
                Event::Tick => {
                    let now = Instant::now();
                    if let Some(reason) = self.overdue(now) {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
                    }
                    self.give_back_buffers(now);
                    tick.as_mut().reset(now + self.server.limits.tick());
                }
            }
        }
    }

    /// Handles the whole frames that are in the buffer, some at a time.
    fn turn(&mut self) -> Turn {
        let received = std::time::Instant::now();
        for _ in 0..CALLS_PER_TURN {
            if self.is_full() {
                return Turn::Full;
            }
            match self.next_frame(received) {
                Ok(true) => {}
                Ok(false) => return Turn::Read,
                Err(Ended) => return Turn::Ended,
            }
        }
        Turn::More
    }

    fn is_full(&self) -> bool {
        let limits = &self.server.limits;
        let unsent = self.unwritten() + self.link.waiting();
        self.link.in_flight() >= limits.max_calls_per_connection
            || unsent >= limits.max_unsent
            || (unsent > 0 && self.server.unsent.load(Relaxed) >= limits.max_unsent_total)
    }

    /// Handles one frame, or the preamble; false if it is not here as a whole.
    fn next_frame(&mut self, received: std::time::Instant) -> Result<bool, Ended> {
        let Some(session) = &mut self.session else { return self.preamble() };
        let Some(&prefix) = self.input.first_chunk() else {
            self.frame_waits(4);
            return Ok(false);
        };
        let length = i32::from_be_bytes(prefix);
        let limit = self.server.limits.max_frame;
        let Some(length) = usize::try_from(length).ok().filter(|&l| l <= limit) else {
            self.refuse_length(length);
            return Err(Ended);
        };
        if self.input.len() < length + 4 {
            self.frame_waits(length + 4);
            return Ok(false);
        }
        self.since.frame_began = None;
        self.input.advance(4);
        let frame = self.input.split_to(length).freeze();
        session.receive(&frame, received)?;
        self.release_unfinished();
        Ok(true)
    }

    fn preamble(&mut self) -> Result<bool, Ended> {
        let Some(first) = self.input.first_chunk::<PREAMBLE_LEN>() else { return Ok(false) };
        let preamble = Preamble::decode(first);
        let Preamble::Hadoop { auth, .. } = preamble else {
            tracing::warn!(peer = %self.peer, ?preamble, "refused a connection");
            self.link.push(|out| preamble.refuse(out));
            return Err(Ended);
        };
        self.input.advance(PREAMBLE_LEN);
        let (server, link) = (self.server.clone(), self.link.clone());
        self.session = Some(Session::new(server, link, self.peer, auth));
        Ok(true)
    }

    fn refuse_length(&self, length: i32) {
        let peer = self.peer.ip();
        let message = if length < 0 {
            format!("Unexpected data length {length}!! from {peer}")
        } else {
            format!(
                "Requested data length {length} is longer than maximum configured RPC length {}.  \
                 RPC came from {peer}",
                self.server.limits.max_frame
            )
        };
        tracing::warn!("{message}");
        let code = RpcErrorCode::FatalInvalidRpcHeader;
        let error = RemoteError::with_code(exception::IO, message, code);
        self.link.push(|out| put_error(out, &AnswerTo::connection(CallId(-1)), &error));
    }

    /// A frame of this length is not here as a whole: its time runs, and room is made for it.
    fn frame_waits(&mut self, length: usize) {
        if self.input.is_empty() {
            self.since.frame_began = None;
            self.input = BytesMut::new();
            return;
        }
        self.since.frame_began.get_or_insert(self.since.last_contact);
        // Doubling, so that a peer cannot make us hold more than twice what he sent.
        let missing = length.saturating_sub(self.input.len());
        self.input.reserve(missing.min(self.input.len().max(READ_CHUNK)));
        if self.input.len() > SMALL_FRAME {
            self.server.unfinished.fetch_add(self.input.len() - self.unfinished, Relaxed);
            self.unfinished = self.input.len();
        }
    }

    fn release_unfinished(&mut self) {
        if self.unfinished > 0 {
            self.server.unfinished.fetch_sub(self.unfinished, Relaxed);
            self.unfinished = 0;
        }
    }

    fn socket(&self) -> &TcpStream {
        self.reader.as_ref()
    }

    fn unwritten(&self) -> usize {
        self.output.len() - self.written
    }

    /// Writes the answers that are ready, as far as the socket takes them.
    fn write_ready(&mut self) -> io::Result<()> {
        loop {
            if self.unwritten() == 0 {
                let mut empty = std::mem::take(&mut self.output);
                empty.clear();
                if empty.capacity() > KEEP_CAPACITY {
                    empty = BytesMut::new();
                }
                self.written = 0;
                self.output = self.link.take(empty);
                if self.output.is_empty() {
                    self.since.write_stuck = None;
                    return Ok(());
                }
            }
            match self.socket().try_write(self.output.get(self.written..).unwrap_or_default()) {
                Ok(count) => {
                    self.written += count;
                    self.server.unsent.fetch_sub(count, Relaxed);
                    self.server.metrics.sent_bytes.fetch_add(count as u64, Relaxed);
                    self.since.write_stuck = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.since.write_stuck.get_or_insert_with(Instant::now);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn wait(&mut self, wants_input: bool, mut tick: Pin<&mut Sleep>) -> io::Result<Event> {
        let over = self.server.unfinished.load(Relaxed) >= self.server.limits.max_unfinished_total;
        let full = !wants_input;
        let wants_input = wants_input && !(over && self.unfinished > 0);
        poll_fn(|cx| {
            let stuck = self.unwritten() > 0;
            // While a write is stuck, more answers change nothing.
            if !stuck && self.link.poll_ready(cx, full).is_ready() {
                return Poll::Ready(Ok(Event::Answers));
            }
            if stuck && self.socket().poll_write_ready(cx).is_ready() {
                return Poll::Ready(Ok(Event::Writable));
            }
            if wants_input && let Poll::Ready(count) = self.poll_read(cx) {
                return Poll::Ready(count.map(Event::Read));
            }
            tick.as_mut().poll(cx).map(|()| Ok(Event::Tick))
        })
        .await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() == self.input.len() {
            // An idle connection keeps no buffer: it is made when there is something to read.
            if self.input.is_empty() {
                std::task::ready!(self.socket().poll_read_ready(cx))?;
            }
            self.input.reserve(READ_CHUNK);
        }
        let count = std::task::ready!(pin!(self.reader.read_buf(&mut self.input)).poll(cx))?;
        self.server.metrics.received_bytes.fetch_add(count as u64, Relaxed);
        self.since.last_contact = Instant::now();
        Poll::Ready(Ok(count))
    }

    /// Why the connection must end by the clock, if it must.
    fn overdue(&self, now: Instant) -> Option<&'static str> {
        let limits = &self.server.limits;
        let is_past = |since: Instant, allowed: Duration| now.duration_since(since) >= allowed;
        if !self.session.as_ref().is_some_and(Session::is_set_up)
            && is_past(self.since.opened, limits.setup_timeout)
        {
            return Some("the connection was not set up in time");
        }
        let allowed = limits.frame_allowance(self.frame_length());
        if self.since.frame_began.is_some_and(|began| is_past(began, allowed)) {
            return Some("a frame did not arrive in time");
        }
        if self.since.write_stuck.is_some_and(|since| is_past(since, limits.write_timeout)) {
            return Some("the peer did not take its answers in time");
        }
        let idle = self.link.in_flight() == 0
            && self.input.is_empty()
            && self.unwritten() == 0
            && is_past(self.since.last_contact, limits.max_idle);
        (idle && self.server.may_close_idle(now)).then_some("idle")
    }

    /// A connection that was quiet for a while keeps no memory for answers.
    fn give_back_buffers(&mut self, now: Instant) {
        let quiet = now.duration_since(self.since.last_contact) >= self.server.limits.tick();
        if quiet && self.output.is_empty() && self.link.waiting() == 0 {
            self.output = self.link.take(BytesMut::new());
            if self.output.is_empty() {
                self.output = BytesMut::new();
            }
        }
    }

    /// Length of the frame that is arriving.
    fn frame_length(&self) -> usize {
        let prefix = self.input.first_chunk().map_or(0, |&prefix| i32::from_be_bytes(prefix));
        usize::try_from(prefix).map_or(0, |length| length.min(self.server.limits.max_frame))
    }

    /// Sends what is left to a peer that was refused, and lets it read that.
    async fn finish(&mut self) -> io::Result<()> {
        let (time, mut bytes) = LINGER;
        let farewell = async {
            while self.unwritten() > 0 || self.link.waiting() > 0 {
                self.socket().writable().await?;
                self.write_ready()?;
            }
            SockRef::from(self.socket()).shutdown(Shutdown::Write)?;
            let mut scrap = [0u8; 4096];
            while bytes > 0 {
                self.socket().readable().await?;
                match self.socket().try_read(&mut scrap) {
                    Ok(0) => break,
                    Ok(count) => bytes = bytes.saturating_sub(count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        timeout(time, farewell).await.unwrap_or(Ok(()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.close();
        self.server.unsent.fetch_sub(self.unwritten(), Relaxed);
        self.release_unfinished();
        self.server.connection_ended();
    }
}
