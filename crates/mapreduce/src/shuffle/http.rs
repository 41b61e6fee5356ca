//! As much of HTTP/1.1 as fetching a map output takes: one GET on a connection of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Bytes of an answer's head that are read.
const MAX_HEAD: u64 = 64 << 10;

/// A server's address, from `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let authority = rest.split('/').next()?;
        let (host, port) = authority.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

/// An answer whose body is still to be read.
pub(crate) struct Answer<R = TcpStream> {
    pub(crate) status: u16,
    pub(crate) reason: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Body<R>,
}

impl<R> Answer<R> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The bytes of an answer, in whatever way it ends.
pub(crate) struct Body<R = TcpStream> {
    stream: BufReader<R>,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Length(u64),
    /// Bytes left of this chunk; 0 before the next one's head.
    Chunk(u64),
    Close,
    Over,
}

/// Connects.
pub(crate) fn connect(server: &Server, connect: Duration, read: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (server.host.as_str(), server.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, connect) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(read))?;
                stream.set_write_timeout(Some(read))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends a GET and reads the head of the answer.
pub(crate) fn get(
    mut stream: TcpStream,
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}:{}\r\n", server.host, server.port);
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    read_answer(stream)
}

/// Reads the head of an answer.
pub(crate) fn read_answer<R: Read>(stream: R) -> io::Result<Answer<R>> {
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    let (status, reason, headers) = read_head(&mut stream)?;
    let find = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    let chunked = find("Transfer-Encoding").is_some_and(|(_, v)| v.contains("chunked"));
    let length = find("Content-Length").map(|(_, v)| v.trim().parse::<u64>());
    let end = match length {
        _ if chunked => End::Chunk(0),
        Some(Ok(length)) => End::Length(length),
        Some(Err(_)) => return Err(bad("the answer's length is no number")),
        None => End::Close,
    };
    Ok(Answer { status, reason, headers, body: Body { stream, end } })
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

type Head = (u16, String, Vec<(String, String)>);

fn read_head(stream: &mut impl BufRead) -> io::Result<Head> {
    let mut head = stream.by_ref().take(MAX_HEAD);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let mut words = line.trim_end().splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|s| s.parse().ok());
    let reason = words.next().unwrap_or_default().to_owned();
    let status = match status {
        Some(status) if version.starts_with("HTTP/1.") => status,
        _ => return Err(bad("the answer is not HTTP")),
    };
    let mut headers = Vec::new();
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(bad("the answer's head does not end"));
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok((status, reason, headers));
        }
        if let Some((name, value)) = text.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

impl<R: Read> Body<R> {
    fn next_chunk(&mut self) -> io::Result<u64> {
        let mut line = String::new();
        for _ in 0..2 {
            line.clear();
            self.stream.by_ref().take(64).read_line(&mut line)?;
            if !line.trim().is_empty() {
                break;
            }
        }
        let size = line.trim().split(';').next().unwrap_or_default();
        u64::from_str_radix(size, 16).map_err(|_| bad("a chunk's size is no number"))
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        let left = match self.end {
            End::Over | End::Length(0) => return Ok(0),
            End::Close => return self.stream.read(to),
            End::Length(left) => left,
            End::Chunk(0) => match self.next_chunk()? {
                0 => {
                    self.end = End::Over;
                    return Ok(0);
                }
                size => size,
            },
            End::Chunk(left) => left,
        };
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(to.len());
        let count = self.stream.read(to.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = left - count as u64;
        self.end = match self.end {
            End::Length(_) => End::Length(left),
            _ => End::Chunk(left),
        };
        Ok(count)
    }
}
