//! What a daemon's web server says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// No page here takes longer, however slow the machine, unless something is wrong.
const LIMIT: Duration = Duration::from_secs(120);

/// The body of a page.
pub(crate) fn get(address: &str, path: &str) -> String {
    let answer = exchange(address, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes(), LIMIT);
    let text = String::from_utf8(answer).expect("text");
    text.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// Sends bytes to a port; what comes back until it closes, or says nothing for a second.
pub(crate) fn send(address: &str, bytes: &[u8]) -> Vec<u8> {
    exchange(address, bytes, Duration::from_secs(1))
}

fn exchange(address: &str, bytes: &[u8], silence: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(silence)).expect("a time-out");
    // The server may have closed already.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// A bean of `/jmx`.
pub(crate) fn bean(address: &str, name: &str) -> Value {
    let text = get(address, &format!("/jmx?qry=Hadoop:service={name}"));
    let mut all: Value = serde_json::from_str(&text).expect("JSON");
    all["beans"][0].take()
}
