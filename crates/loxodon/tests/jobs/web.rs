//! What daemons' pages say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The status line and the body of a page; nothing while nobody answers.
pub(crate) fn ask(address: &str, path: &str, accept: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(120))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nAccept: {accept}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.lines().next()?.to_owned(), body.to_owned()))
}

/// The JSON of a page that must be there.
pub(crate) fn json(address: &str, path: &str) -> Value {
    let (status, body) = ask(address, path, "application/json").expect("an answer");
    assert!(status.contains(" 200 "), "{path}: {status} {body}");
    serde_json::from_str(&body).expect("JSON")
}
