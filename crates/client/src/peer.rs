//! Connections to DataNodes that are kept for the next read (`PeerCache`).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

/// Idle connections, oldest first.
#[derive(Debug)]
pub(crate) struct PeerCache {
    capacity: usize,
    expiry: Duration,
    idle: Mutex<VecDeque<Idle>>,
}

#[derive(Debug)]
struct Idle {
    datanode: String,
    stream: TcpStream,
    since: Instant,
}

impl PeerCache {
    pub(crate) fn new(capacity: usize, expiry: Duration) -> Self {
        Self { capacity, expiry, idle: Mutex::new(VecDeque::new()) }
    }

    /// Takes the connection to a DataNode (by its uuid) that was used last.
    pub(crate) fn take(&self, datanode: &str) -> Option<TcpStream> {
        let mut idle = self.idle();
        self.expire(&mut idle);
        let place = idle.iter().rposition(|peer| peer.datanode == datanode)?;
        let stream = idle.remove(place)?.stream;
        // Readable means closed or out of step: nothing is expected on an idle connection.
        let mut probe = [0_u8; 1];
        match stream.try_read(&mut probe) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(stream),
            Ok(_) | Err(_) => None,
        }
    }

    /// Keeps a connection on which an answer was read to its end.
    pub(crate) fn put(&self, datanode: &str, stream: TcpStream) {
        if self.capacity == 0 || self.expiry.is_zero() {
            return;
        }
        let mut idle = self.idle();
        self.expire(&mut idle);
        if idle.len() >= self.capacity {
            idle.pop_front();
        }
        idle.push_back(Idle { datanode: datanode.to_owned(), stream, since: Instant::now() });
    }

    fn expire(&self, idle: &mut VecDeque<Idle>) {
        while idle.front().is_some_and(|peer| peer.since.elapsed() >= self.expiry) {
            idle.pop_front();
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn live_connection_comes_back_and_a_closed_one_does_not() {
        let cache = PeerCache::new(2, Duration::from_secs(60));
        let (near, far) = pair().await;
        cache.put("a", near);
        assert!(cache.take("b").is_none());
        let near = cache.take("a").unwrap();
        drop(far);
        near.readable().await.unwrap();
        cache.put("a", near);
        assert!(cache.take("a").is_none());
    }

    #[tokio::test]
    async fn oldest_leaves_when_it_is_full() {
        let cache = PeerCache::new(1, Duration::from_secs(60));
        let (first, _keep_first) = pair().await;
        let (second, _keep_second) = pair().await;
        cache.put("a", first);
        cache.put("b", second);
        assert!(cache.take("a").is_none());
        assert!(cache.take("b").is_some());
    }
}
