//! Loxodon beside Java Hadoop: harness of the interop tests.
//!
//! [`java::JavaHost`] is a JVM that runs Hadoop's own programs and daemons on request;
//! [`loxodon::Daemon`] is one of ours, as a process of its own; [`site::Site`] is the
//! configuration directory that both read.

pub mod cluster;
pub mod command_lines;
pub mod hadoop;
pub mod http;
pub mod java;
pub mod jobs;
pub mod loxodon;
pub mod site;
pub mod suites;
pub mod yarn;

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A TCP port that was free a moment ago, and which no outgoing connection takes before a daemon does.
///
/// # Errors
/// Where a thousand ports in a row are taken.
pub fn free_port() -> io::Result<u16> {
    // The system takes those of connections from above (`ip_local_port_range`).
    const FIRST: u32 = 14_000;
    const COUNT: u32 = 18_000;
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id().wrapping_mul(97);
    let mut tries = (0..1000).map(|_| {
        let at = own.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + at).map_err(io::Error::other)?;
        TcpListener::bind(("127.0.0.1", port)).map(|_| port)
    });
    tries.find(Result::is_ok).unwrap_or_else(|| Err(io::Error::other("no port is free")))
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
