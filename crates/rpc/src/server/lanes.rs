//! Where connections are served: on the runtime that the server was bound in, or on threads of
//! their own, each with an event loop for its share of them.
//!
//! A connection stays on its thread. Nothing is handed from thread to thread for a call, and one
//! wait serves whatever came meanwhile: a call costs a receive, a send, and its work.

use std::io;
use std::net::{SocketAddr, TcpStream as Socket};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use super::connection::Connection;
use super::listener::Shared;

/// All connections of a server.
pub(super) enum Lanes {
    Here(JoinSet<()>),
    Threads { lanes: Vec<Lane>, next: usize },
}

/// A thread, as the one that accepts sees it.
pub(super) struct Lane {
    admit: mpsc::UnboundedSender<(Socket, SocketAddr)>,
    /// Closed once every connection of the thread is.
    ended: oneshot::Receiver<()>,
}

impl Lanes {
    /// `threads` of them; with none, connections are tasks of the current runtime.
    pub(super) fn start(threads: usize, shared: &Arc<Shared>) -> io::Result<Self> {
        if threads == 0 {
            return Ok(Self::Here(JoinSet::new()));
        }
        let lanes = (0..threads).map(|number| Lane::start(number, Arc::clone(shared)));
        Ok(Self::Threads { lanes: lanes.collect::<io::Result<_>>()?, next: 0 })
    }

    /// Serves a connection that was counted as open.
    pub(super) fn admit(&mut self, stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
        match self {
            Self::Here(connections) => {
                connections.spawn(Connection::new(stream, peer, Arc::clone(shared)).run());
            }
            Self::Threads { lanes, next } => {
                *next = (*next + 1) % lanes.len().max(1);
                let admitted = stream.into_std().ok().zip(lanes.get(*next));
                if admitted.is_none_or(|(socket, lane)| lane.admit.send((socket, peer)).is_err()) {
                    shared.connection_ended();
                }
            }
        }
    }

    /// Waits for a connection to end, where they are tasks of this runtime.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Here(connections) if !connections.is_empty() => {
                if let Some(ended) = connections.join_next().await {
                    report(ended);
                }
            }
            _ => std::future::pending().await,
        }
    }

    /// Closes every connection.
    pub(super) async fn shutdown(self) {
        match self {
            Self::Here(mut connections) => connections.shutdown().await,
            Self::Threads { lanes, .. } => {
                let ended: Vec<_> = lanes.into_iter().map(|lane| lane.ended).collect();
                for lane in ended {
                    // Nothing is ever sent: the thread lets it go when it is done.
                    let _closed = lane.await;
                }
            }
        }
    }
}

impl Lane {
    fn start(number: usize, shared: Arc<Shared>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (admit, admitted) = mpsc::unbounded_channel();
        let (done, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("rpc-{number}"))
            .spawn(move || serve(&runtime, admitted, &shared, done))?;
        Ok(Self { admit, ended })
    }
}

/// A thread's life: it ends when nobody can send it connections any more.
fn serve(
    runtime: &Runtime,
    mut admitted: mpsc::UnboundedReceiver<(Socket, SocketAddr)>,
    shared: &Arc<Shared>,
    done: oneshot::Sender<()>,
) {
    runtime.block_on(async {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                next = admitted.recv() => match next {
                    Some((socket, peer)) => match TcpStream::from_std(socket) {
                        Ok(stream) => {
                            let connection = Connection::new(stream, peer, Arc::clone(shared));
                            connections.spawn(connection.run());
                        }
                        Err(error) => {
                            tracing::warn!(%peer, %error, "cannot serve a connection");
                            shared.connection_ended();
                        }
                    },
                    None => break,
                },
                Some(ended) = connections.join_next() => report(ended),
            }
        }
        connections.shutdown().await;
    });
    drop(done);
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}
