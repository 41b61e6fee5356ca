//! The HTTP server: hyper over tokio, with limits.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::RwLock;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::page::{Request, Response};
use super::router::Router;
use super::stall::StallGuard;
use super::traffic::Traffic;

/// What the server gives its clients at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebLimits {
    /// Connections at a time; further ones wait to be accepted.
    pub max_connections: usize,
    /// Bytes of a request's first line and headers (`hadoop.http.max.request.header.size`).
    pub max_header: usize,
    /// Time for a request's headers, and for the next request of an open connection
    /// (`hadoop.http.idle_timeout.ms`).
    pub idle_timeout: Duration,
    /// How long a peer may take nothing of its answer.
    pub stall_timeout: Duration,
}

impl Default for WebLimits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_header: 64 * 1024,
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(300),
        }
    }
}

/// A web server that listens. Dropped, it stops at once.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    site: Arc<Site>,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl WebServer {
    /// Listens on `address` and serves `router`, on the tokio runtime that this is called in.
    ///
    /// # Errors
    /// If it cannot listen there; the message names the address.
    pub async fn bind(address: SocketAddr, limits: WebLimits, router: Router) -> io::Result<Self> {
        let failed = |error: io::Error| {
            io::Error::new(error.kind(), format!("Port in use: {address}: {error}"))
        };
        let listener = listen(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let site = Arc::new(Site {
            limits,
            router: RwLock::new(Arc::new(router)),
            traffic: Arc::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&site), stopped));
        Ok(Self { address: bound, site, stop: Some(stop), accepting })
    }

    /// Serves these pages from the next request on.
    pub fn replace(&self, router: Router) {
        *self.site.router.write() = Arc::new(router);
    }

    /// Its counters.
    #[must_use]
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.site.traffic)
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and closes every connection.
    pub async fn shutdown(mut self) {
        self.stop = None;
        let _stopped = (&mut self.accepting).await;
    }
}

/// What the connections share.
#[derive(Debug)]
struct Site {
    limits: WebLimits,
    router: RwLock<Arc<Router>>,
    traffic: Arc<Traffic>,
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(128)
}

async fn accept(listener: TcpListener, site: Arc<Site>, mut stopped: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(site.limits.max_connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = admit(&listener, &places) => match accepted {
                Ok((stream, peer, place)) => {
                    connections.spawn(serve(stream, peer, place, site.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept web connections");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(%error, "a web page panicked");
                }
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn admit(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

async fn serve(stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit, site: Arc<Site>) {
    let limits = &site.limits;
    let stream = TokioIo::new(StallGuard::writes(stream, limits.stall_timeout));
    let pages = site.clone();
    let service = service_fn(move |request| {
        let site = pages.clone();
        async move {
            let router = Arc::clone(&site.router.read());
            let in_work = site.traffic.begin();
            let answer = answer(&router, Request::new(request, peer)).await;
            drop(in_work);
            let bytes = answer.body().size_hint().exact().unwrap_or(0);
            site.traffic.answered(answer.status().as_u16(), bytes);
            Ok::<_, Infallible>(answer)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.max_header.max(8192))
        .serve_connection(stream, service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "web connection ended");
    }
    drop(place);
}

async fn answer(router: &Router, request: Request) -> hyper::Response<super::body::Body> {
    let answer: Response = router.answer(request).await;
    answer
        .header("Cache-Control", "no-cache")
        .header("Pragma", "no-cache")
        .header("X-Content-Type-Options", "nosniff")
        .header("X-FRAME-OPTIONS", "SAMEORIGIN")
        .header("X-XSS-Protection", "1; mode=block")
        .into_hyper()
}
