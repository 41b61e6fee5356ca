//! Loxodon beside Java Hadoop: harness of the interop tests.
//!
//! [`java::JavaHost`] is a JVM that runs Hadoop's own programs and daemons on request;
//! [`loxodon::Daemon`] is one of ours, as a process of its own; [`site::Site`] is the
//! configuration directory that both read.

pub mod cluster;
pub mod hadoop;
pub mod java;
pub mod loxodon;
pub mod site;
pub mod suites;

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A TCP port that was free a moment ago.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Asks `probe` every 50 ms until it answers, for at most `limit`; `what` names the wish in the error.
pub fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> io::Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return Ok(value);
        }
        if start.elapsed() > limit {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{what}: not after {} s", limit.as_secs()),
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The repository's top folder.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
