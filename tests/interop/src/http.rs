//! Pages of daemons.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// What a web server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `200`
    pub status: String,
    /// `Content-Type`, in small letters; empty where there is none.
    pub kind: String,
    /// What came behind the head.
    pub body: String,
}

/// Asks the web server at a port of this machine for a page.
///
/// # Errors
/// Where nobody answers there.
pub fn get(port: u16, path: &str) -> io::Result<Answer> {
    get_as(port, path, None)
}

/// As [`get`], where only one type of answer is wanted.
///
/// # Errors
/// Where nobody answers there.
pub fn get_as(port: u16, path: &str, accept: Option<&str>) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let accept = accept.map_or_else(String::new, |accept| format!("Accept: {accept}\r\n"));
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{accept}\r\n")?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| io::Error::other(format!("no HTTP answer for {path}: {text}")))?;
    let kind = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type").then(|| value.trim().replace("; ", ";"))
    });
    Ok(Answer {
        status: head.split(' ').nth(1).unwrap_or_default().to_owned(),
        kind: kind.unwrap_or_default().to_lowercase(),
        body: body.to_owned(),
    })
}
