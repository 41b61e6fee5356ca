//! The one HTTP request that these commands make: a GET whose answer is read as it comes.

use std::io::Write;
use std::io::{self, BufRead, BufReader};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Longest line of a header.
const MAX_HEADER: u64 = 64 << 10;

/// An answer: its headers, and a body that ends with the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// What follows.
    pub(crate) body: BufReader<TcpStream>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Asks `address` (`host:port`) for `path`. HTTP/1.0, so that the body comes in one piece.
///
/// # Errors
/// No connection; a status other than 200, with the server's words.
pub(crate) fn get(
    address: &str,
    path: &str,
    connect_timeout: Duration,
    read_timeout: Duration,
) -> io::Result<Answer> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("http://{address}{path}: {e}"));
    let mut refused = io::Error::new(io::ErrorKind::NotFound, "no address");
    let mut connected = None;
    for socket in address.to_socket_addrs().map_err(named)? {
        match TcpStream::connect_timeout(&socket, connect_timeout) {
            Ok(stream) => {
                connected = Some(stream);
                break;
            }
            Err(error) => refused = error,
        }
    }
    let mut stream = connected.ok_or(refused).map_err(named)?;
    stream.set_read_timeout(Some(read_timeout))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut body = BufReader::new(stream);
    let status = header_line(&mut body)?;
    let mut headers = Vec::new();
    loop {
        let line = header_line(&mut body)?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    if status.split(' ').nth(1) != Some("200") {
        return Err(io::Error::other(format!("http://{address}{path} answered: {status}")));
    }
    Ok(Answer { headers, body })
}

fn header_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    io::Read::take(from, MAX_HEADER).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is not HTTP"));
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// A value in a query, `a b/c` as `a+b%2Fc`.
pub(crate) fn encoded(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => result.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                result.push(byte.into());
            }
            other => result.push_str(&format!("%{other:02X}")),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    fn serve(answer: &'static str) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // All of the request: closing before it is read would reset the connection.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    fn ask(answer: &'static str) -> io::Result<Answer> {
        let second = Duration::from_secs(5);
        get(&serve(answer), "/x", second, second)
    }

    #[test]
    fn answers_and_refusals() {
        let mut answer = ask("HTTP/1.1 200 OK\r\nA-Name: value\r\n\r\nline\n").unwrap();
        assert_eq!(answer.header("a-name"), Some("value"));
        let mut body = String::new();
        answer.body.read_to_string(&mut body).unwrap();
        assert_eq!(body, "line\n");
        assert!(ask("HTTP/1.1 403 Forbidden\r\n\r\n").unwrap_err().to_string().contains("403"));
        assert!(ask("nonsense").is_err());
        assert!(ask("").is_err());
        assert_eq!(encoded("/a b+ü"), "%2Fa+b%2B%C3%BC");
    }
}
