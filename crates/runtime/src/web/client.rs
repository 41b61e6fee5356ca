//! An HTTP client for what daemons fetch from each other: images, edits, pages.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::body::{Body, FileBody};
use super::pace::Pace;
pub use super::save::{SaveError, Saved};
use super::save::{reason, save};
use super::stall::StallGuard;

/// A server and how long to wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// How long it may be silent.
    pub read_timeout: Duration,
}

impl HttpTarget {
    /// With 60 s for each wait (`dfs.image.transfer.timeout`).
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let minute = Duration::from_secs(60);
        Self { host: host.into(), port, connect_timeout: minute, read_timeout: minute }
    }
}

impl From<SocketAddr> for HttpTarget {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip().to_string(), address.port())
    }
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection.
    #[error("cannot connect to http://{host}:{port}: {source}")]
    Connect {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The path, query or a header cannot be sent.
    #[error("not a request: {0}")]
    Request(String),
    /// The exchange broke off.
    #[error("{path}: {reason}")]
    Exchange {
        /// What was asked for.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer was not saved.
    #[error("{path}: {source}")]
    Save {
        /// What was asked for.
        path: String,
        /// Why not.
        source: SaveError,
    },
    /// The file to be sent cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl HttpError {
    /// The Java exception for it.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "java.net.ConnectException",
            Self::Request(_) => "java.net.MalformedURLException",
            Self::Exchange { .. } | Self::Save { .. } | Self::File { .. } => "java.io.IOException",
        }
    }
}

/// The head of an answer, and its body yet to be read.
#[derive(Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    path: String,
    patience: Duration,
}

/// Asks for `path_and_query`.
///
/// # Errors
/// If there is no connection or no answer.
pub async fn get(
    target: &HttpTarget,
    path_and_query: &str,
    headers: &[(&str, &str)],
) -> Result<HttpAnswer, HttpError> {
    send(target, Method::GET, path_and_query, headers, Body::Whole(Bytes::new())).await
}

/// Sends `length` bytes of a file to `path_and_query` with PUT.
///
/// # Errors
/// If the file cannot be read, or there is no connection or no answer.
pub async fn put_file(
    target: &HttpTarget,
    path_and_query: &str,
    headers: &[(&str, &str)],
    file: &Path,
    length: u64,
) -> Result<HttpAnswer, HttpError> {
    let opened = tokio::fs::File::open(file).await;
    let opened =
        opened.map_err(|source| HttpError::File { path: file.display().to_string(), source })?;
    let body = Body::File(FileBody::new(opened, length));
    send(target, Method::PUT, path_and_query, headers, body).await
}

async fn send(
    target: &HttpTarget,
    method: Method,
    path_and_query: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Result<HttpAnswer, HttpError> {
    let request = request(target, method, path_and_query, headers, body)?;
    let stream = connect(target).await?;
    let broken = |error: hyper::Error| HttpError::Exchange {
        path: path_and_query.to_owned(),
        reason: reason(&error),
    };
    let stream = TokioIo::new(StallGuard::both_ways(stream, target.read_timeout));
    let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
    // Ends with the exchange, or when the answer is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an exchange broke off");
        }
    });
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let path = path_and_query.to_owned();
    Ok(HttpAnswer {
        status: head.status,
        headers: head.headers,
        body,
        path,
        patience: target.read_timeout,
    })
}

fn request(
    target: &HttpTarget,
    method: Method,
    path_and_query: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Result<hyper::Request<Body>, HttpError> {
    let mut request = hyper::Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path_and_query
        .parse()
        .map_err(|error| HttpError::Request(format!("{path_and_query}: {error}")))?;
    let host = format!("{}:{}", target.host, target.port);
    for (name, value) in headers.iter().copied().chain([(HOST.as_str(), host.as_str())]) {
        let refuse = || HttpError::Request(format!("header {name}: {value}"));
        let key = HeaderName::try_from(name).map_err(|_| refuse())?;
        let value = HeaderValue::try_from(value).map_err(|_| refuse())?;
        request.headers_mut().insert(key, value);
    }
    Ok(request)
}

async fn connect(target: &HttpTarget) -> Result<TcpStream, HttpError> {
    let attempt = async {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in lookup_host((target.host.as_str(), target.port)).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    let failed =
        |source| HttpError::Connect { host: target.host.clone(), port: target.port, source };
    match timeout(target.connect_timeout, attempt).await {
        Ok(connected) => connected.map_err(failed),
        Err(_elapsed) => Err(failed(io::ErrorKind::TimedOut.into())),
    }
}

impl HttpAnswer {
    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What `Content-Length` says.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH.as_str())?.parse().ok()
    }

    /// The body as text, at most `limit` bytes of it.
    ///
    /// # Errors
    /// If it is longer or breaks off.
    pub async fn text(self, limit: usize) -> Result<String, HttpError> {
        let path = self.path;
        let collected = Limited::new(self.body, limit).collect().await;
        let body = collected
            .map_err(|error| HttpError::Exchange { path, reason: error.to_string() })?
            .to_bytes();
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Writes the body to a file, at most `limit` bytes of it. The file is not synced.
    ///
    /// # Errors
    /// If it is longer, breaks off, or the file cannot be written; part of it may be there then.
    pub async fn save(
        mut self,
        file: &mut tokio::fs::File,
        limit: u64,
    ) -> Result<Saved, HttpError> {
        save(&mut self.body, file, limit, self.patience, Pace::new(0))
            .await
            .map_err(|source| HttpError::Save { path: self.path, source })
    }
}
