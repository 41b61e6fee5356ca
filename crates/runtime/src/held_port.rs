//! A port that stays ours while nobody listens on it: between the choice and the daemon's start, and while a
//! daemon is down.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

/// Ports that are tried before the system is asked for one.
const TRIES: usize = 100;
/// Between two looks at whether a port is free again.
const LOOK: Duration = Duration::from_millis(5);

/// A TCP port of `127.0.0.1` that nobody else gets for as long as this lives.
///
/// The socket behind it is bound and never listens. So the system gives its port to nobody who asks for any, and
/// nobody can take it for himself alone; a daemon, which binds with `SO_REUSEADDR` as all here do, listens beside it.
#[derive(Debug)]
pub struct HeldPort {
    port: u16,
    _socket: Socket,
}

impl HeldPort {
    /// One that was free, below those that outgoing connections get.
    ///
    /// # Errors
    /// What the system says when it has none.
    pub fn any() -> io::Result<Self> {
        let mut below = (0..TRIES).map(|_| Self::take(fastrand::u16(12_000..32_000)));
        below.find(Result::is_ok).unwrap_or_else(|| Self::take(0))
    }

    fn take(port: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // Without SO_REUSEADDR yet: whoever has the port already, listening or not, keeps it.
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        socket.set_reuse_address(true)?;
        let bound = socket.local_addr()?.as_socket();
        let port = bound.ok_or(io::ErrorKind::AddrNotAvailable)?.port();
        Ok(Self { port, _socket: socket })
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.port
    }
}

/// Waits until nobody listens on a port of `127.0.0.1` any more: a daemon that was taken away keeps its own for a
/// moment. After `limit` whoever wants the port finds out by himself.
pub(crate) async fn await_free(port: u16, limit: Duration) {
    let end = Instant::now() + limit;
    while TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() && Instant::now() < end {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_port_is_for_its_daemon_alone() {
        let held = HeldPort::any().unwrap();
        let listens = || TcpListener::bind((Ipv4Addr::LOCALHOST, held.number()));
        for _ in 0..2 {
            let daemon = listens().unwrap();
            assert!(listens().is_err());
            assert!(HeldPort::take(held.number()).is_err());
            drop(daemon);
            assert!(HeldPort::take(held.number()).is_err());
        }
        let number = held.number();
        drop(held);
        assert_eq!(HeldPort::take(number).unwrap().number(), number);
    }
}
