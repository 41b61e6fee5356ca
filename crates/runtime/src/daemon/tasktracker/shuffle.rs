//! Map outputs over HTTP, as Hadoop's `ShuffleHandler` serves them: one thread a connection, data by
//! `sendfile`. What a request asks for and whether it may is `mapreduce::shuffle`'s to say.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use loxodon_mapreduce::job::{AttemptId, JobId};
use loxodon_mapreduce::shuffle::security::{NAME, REPLY_HASH, URL_HASH, VERSION};
use loxodon_mapreduce::shuffle::server::{IndexCache, Part, Refusal, ShuffleRequest, authorize};

/// Longest head of a request.
const MAX_HEAD: usize = 64 << 10;
/// Patience with a peer that neither sends nor takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests on one connection.
const MAX_REQUESTS: usize = 1000;
/// A thread here calls little.
const STACK: usize = 256 << 10;
/// Bytes given to `sendfile` at once.
const PIECE: usize = 1 << 20;

/// What the server must ask of the tracker.
pub(super) trait Outputs: Send + Sync + 'static {
    /// The key with which requests for a job's outputs are signed.
    fn key(&self, job: &JobId) -> Option<Arc<[u8]>>;
    /// A complete map's output and its index.
    fn files(&self, map: &AttemptId) -> Option<(std::path::PathBuf, std::path::PathBuf)>;
}

/// A server that listens; dropped, it stops.
pub(super) struct ShuffleServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

/// A connection's place among those that are served at once: given back however its thread ends.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Shared {
    outputs: Arc<dyn Outputs>,
    indexes: Arc<IndexCache>,
    port: u16,
    open: AtomicUsize,
    most: usize,
}

impl ShuffleServer {
    /// Listens; at most `most` connections are served at once, others are closed.
    ///
    /// # Errors
    /// It cannot listen there.
    pub(super) fn start(
        address: SocketAddr,
        most: usize,
        outputs: Arc<dyn Outputs>,
        indexes: Arc<IndexCache>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let shared =
            Shared { outputs, indexes, port: address.port(), open: AtomicUsize::new(0), most };
        let (stopped, shared) = (Arc::clone(&stop), Arc::new(shared));
        std::thread::Builder::new()
            .name("shuffle".into())
            .stack_size(STACK)
            .spawn(move || accept(&listener, &shared, &stopped))?;
        Ok(Self { address, stop })
    }

    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ShuffleServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut own = self.address;
        if own.ip().is_unspecified() {
            own.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        // Wakes the thread that accepts.
        drop(TcpStream::connect_timeout(&own, Duration::from_secs(1)));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, stop: &AtomicBool) {
    for accepted in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!("shuffle: cannot accept: {error}");
                // Out of descriptors, most likely: others must end first.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        if shared.open.fetch_add(1, Ordering::Relaxed) >= shared.most {
            shared.open.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!("shuffle: {} connections are open, one more is closed", shared.most);
            continue;
        }
        let place = Place(Arc::clone(shared));
        let serving = std::thread::Builder::new().name("shuffle".into()).stack_size(STACK);
        let serving = serving.spawn(move || {
            if let Err(error) = serve(stream, &place.0) {
                tracing::debug!("shuffle: {error}");
            }
        });
        if let Err(error) = serving {
            tracing::warn!("shuffle: no thread for a connection: {error}");
        }
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut rest = Vec::new();
    for _ in 0..MAX_REQUESTS {
        let Some(head) = read_head(&mut stream, &mut rest, PATIENCE)? else { return Ok(()) };
        let stays = match answer(&head, shared) {
            Ok((signature, parts, keep)) => {
                send(&mut stream, &signature, &parts, keep)?;
                keep
            }
            Err(refusal) => {
                refuse(&mut stream, &refusal)?;
                false
            }
        };
        if !stays {
            return Ok(());
        }
    }
    Ok(())
}

/// The head of a request.
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        words.next()?.starts_with("HTTP/1.").then_some(Self { method, target, headers })
    }
}

/// Reads up to the empty line; `rest` keeps what came behind it. Nothing where the peer is done. Who has not
/// said all of it after `patience` is not waited for: byte by byte it would keep its thread for days.
fn read_head(
    stream: &mut TcpStream,
    rest: &mut Vec<u8>,
    patience: Duration,
) -> io::Result<Option<Head>> {
    let until = Instant::now() + patience;
    let (mut piece, mut looked_at) = ([0; 4096], 0_usize);
    loop {
        let new = rest.get(looked_at..).unwrap_or_default();
        if let Some(end) = new.windows(4).position(|four| four == b"\r\n\r\n") {
            let end = looked_at + end;
            let text = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
            rest.drain(..end + 4);
            let bad = || io::Error::new(io::ErrorKind::InvalidData, "a request that is not HTTP");
            return Head::parse(&text).ok_or_else(bad).map(Some);
        }
        if rest.len() > MAX_HEAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the request's head is too long",
            ));
        }
        looked_at = rest.len().saturating_sub(3);
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the request's head did not come within {patience:?}"),
            ));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            count => rest.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
}

type Answer = (String, Vec<Part>, bool);

fn answer(head: &Head, shared: &Shared) -> Result<Answer, Refusal> {
    if !head.target.starts_with("/mapOutput?") {
        return Err(Refusal { status: 404, reason: format!("{} is not served", head.target) });
    }
    let request = ShuffleRequest::parse(
        &head.method,
        &head.target,
        head.header(NAME.0),
        head.header(VERSION.0),
    )?;
    let key = shared.outputs.key(&request.job);
    let unknown = || Refusal { status: 404, reason: format!("{} has nothing here", request.job) };
    let key = key.ok_or_else(unknown)?;
    let signature = authorize(&key, shared.port, &head.target, head.header(URL_HASH))?;
    let mut parts = Vec::with_capacity(request.maps.len());
    for map in &request.maps {
        let missing = |reason: String| Refusal { status: 404, reason };
        let files = shared.outputs.files(map);
        let (file, index) = files.ok_or_else(|| missing(format!("{map} has no output here")))?;
        let part = shared.indexes.part(map, request.reduce, &file, &index);
        parts.push(part.map_err(|error| Refusal { status: 500, reason: error.to_string() })?);
    }
    Ok((signature, parts, request.keep_alive))
}

fn refuse(stream: &mut TcpStream, refusal: &Refusal) -> io::Result<()> {
    let Refusal { status, reason } = refusal;
    tracing::debug!("shuffle: refused with {status}: {reason}");
    let head = format!(
        "HTTP/1.1 {status} Refused\r\n{}: {}\r\n{}: {}\r\nContent-Type: text/plain; charset=UTF-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{reason}",
        NAME.0,
        NAME.1,
        VERSION.0,
        VERSION.1,
        reason.len()
    );
    stream.write_all(head.as_bytes())
}

fn send(stream: &mut TcpStream, signature: &str, parts: &[Part], keep: bool) -> io::Result<()> {
    // The index is the task's: it may say anything.
    let lengths = parts.iter().map(|part| part.length.saturating_add(part.header.len() as u64));
    let length = lengths.fold(0_u64, u64::saturating_add);
    let connection = if keep { "keep-alive" } else { "close" };
    let head = format!(
        "HTTP/1.1 200 OK\r\n{}: {}\r\n{}: {}\r\n{REPLY_HASH}: {signature}\r\n\
         Content-Length: {length}\r\nConnection: {connection}\r\n\r\n",
        NAME.0, NAME.1, VERSION.0, VERSION.1
    );
    let mut first = head.into_bytes();
    for part in parts {
        first.extend_from_slice(&part.header);
        stream.write_all(&first)?;
        first.clear();
        send_part(stream, part)?;
    }
    stream.write_all(&first)
}

fn send_part(stream: &TcpStream, part: &Part) -> io::Result<()> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", part.file.display()))
    };
    let file = super::files::open_plain(&part.file).map_err(named)?;
    let (mut offset, mut left) = (part.start, part.length);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        match rustix::fs::sendfile(stream, &file, Some(&mut offset), most) {
            Ok(0) => {
                let short =
                    io::Error::new(io::ErrorKind::UnexpectedEof, "shorter than its index says");
                return Err(named(short));
            }
            Ok(count) => left = left.saturating_sub(count as u64),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (peer, listener.accept().unwrap().0)
    }

    #[test]
    fn heads_are_read_however_they_are_cut() {
        let (mut peer, mut stream) = connected();
        let cut = ["GET /mapOutput?job=a HTTP/1.1\r", "\n", "Name: mapreduce\r\n\r", "\nGET / HTT"];
        let sending = std::thread::spawn(move || {
            for piece in cut {
                peer.write_all(piece.as_bytes()).unwrap();
                // Each piece is a read of its own, most likely.
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let mut rest = Vec::new();
        let head = read_head(&mut stream, &mut rest, PATIENCE).unwrap().unwrap();
        assert_eq!((&*head.method, head.header("name")), ("GET", Some("mapreduce")));
        sending.join().unwrap();
        // The next one ends in the middle.
        assert!(read_head(&mut stream, &mut rest, PATIENCE).unwrap().is_none());
        assert_eq!(rest, b"GET / HTT");
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_given_up() {
        let (mut peer, mut stream) = connected();
        let sending = std::thread::spawn(move || {
            // Until the other side has gone.
            while peer.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let read = read_head(&mut stream, &mut Vec::new(), Duration::from_millis(100));
        let error = read.err().expect("it is given up");
        // The system's own time-out comes where the last byte was late.
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock));
        drop(stream);
        sending.join().unwrap();
    }
}
