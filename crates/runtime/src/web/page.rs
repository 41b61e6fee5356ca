//! A request as pages see it, and their answer.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::time::timeout;

use super::body::{Body, BodySender, FileBody, channel};
use super::pace::Pace;
use super::save::{SaveError, Saved, save};

/// A request.
#[derive(Debug)]
pub struct Request {
    /// Such as GET.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// Its parameters, decoded, in the order they were sent.
    pub parameters: Vec<(String, String)>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Who asks.
    pub peer: SocketAddr,
    /// What comes along; `None` for a request without a body.
    pub body: Option<Incoming>,
}

impl Request {
    pub(super) fn new(request: hyper::Request<Incoming>, peer: SocketAddr) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            parameters: parse_query(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            peer,
            body: Some(body),
        }
    }

    /// A GET without a body.
    #[must_use]
    pub fn get(path: &str, query: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            parameters: parse_query(query),
            headers: HeaderMap::new(),
            peer: SocketAddr::from(([127, 0, 0, 1], 0)),
            body: None,
        }
    }

    /// The first parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The whole body, waiting at most `patience` for it.
    ///
    /// # Errors
    /// If it is longer than `limit` bytes or does not arrive.
    pub async fn read_body(&mut self, limit: usize, patience: Duration) -> Result<Bytes, String> {
        let Some(body) = self.body.take() else { return Ok(Bytes::new()) };
        let collected = timeout(patience, Limited::new(body, limit).collect()).await;
        let collected = collected.map_err(|elapsed| elapsed.to_string())?;
        collected.map(|body| body.to_bytes()).map_err(|error| error.to_string())
    }

    /// Writes the body to a file, at most `limit` bytes of it, waiting at most `patience` for
    /// each piece. The file is not synced.
    ///
    /// # Errors
    /// If it is longer, does not arrive, or the file cannot be written; part of it may be there
    /// then.
    pub async fn save_body(
        &mut self,
        file: &mut tokio::fs::File,
        limit: u64,
        patience: Duration,
        bytes_per_second: u64,
    ) -> Result<Saved, SaveError> {
        let Some(mut body) = self.body.take() else {
            return Err(SaveError::Broken("there is none".to_owned()));
        };
        save(&mut body, file, limit, patience, Pace::new(bytes_per_second)).await
    }
}

/// Parameters of a query, with `%xx` and `+` decoded.
fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = BytesMut::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let hex = |c: u8| (c as char).to_digit(16).map(|digit| digit as u8);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let (high, low) = (hex(*high).unwrap_or(0), hex(*low).unwrap_or(0));
                out.extend_from_slice(&[high << 4 | low]);
                rest = after;
                continue;
            }
            (b'+', _) => out.extend_from_slice(b" "),
            (other, _) => out.extend_from_slice(&[*other]),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Text that is safe between tags and in attributes.
#[must_use]
pub fn escape_html(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '>', '&', '"', '\'']) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out.into()
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    reason: Option<ReasonPhrase>,
    body: Body,
}

impl Response {
    /// An answer with this body, of no said type.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let body = Body::Whole(body.into());
        Self { status, headers: HeaderMap::new(), reason: None, body }
    }

    /// Plain text.
    pub fn plain(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::new(status, text).header("Content-Type", "text/plain; charset=utf-8")
    }

    /// A page.
    pub fn html(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::new(status, text).header("Content-Type", "text/html; charset=utf-8")
    }

    /// An error as a page, with its reason on it.
    #[must_use]
    pub fn error(status: StatusCode, reason: &str) -> Self {
        let code = status.as_u16();
        let reason = escape_html(reason);
        Self::html(
            status,
            format!(
                "<html>\n<head>\n<title>Error {code} {reason}</title>\n</head>\n\
                 <body><h2>HTTP ERROR {code} {reason}</h2>\n</body>\n</html>\n"
            ),
        )
    }

    /// With this text in the status line, as far as that can hold it (one line of 1024 bytes).
    #[must_use]
    pub fn reason(mut self, text: &str) -> Self {
        let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c as u8 } else { b'?' };
        let line: Vec<u8> = text.chars().take(1024).map(plain).collect();
        self.reason = ReasonPhrase::try_from(line).ok();
        self
    }

    /// `length` bytes of a file from where it stands, with their `Content-Length`. A file that
    /// ends sooner breaks the connection off, so that nobody takes half of it for all.
    #[must_use]
    pub fn file(file: tokio::fs::File, length: u64) -> Self {
        let body = Body::File(FileBody::new(file, length));
        Self { status: StatusCode::OK, headers: HeaderMap::new(), reason: None, body }
            .header("Content-Type", "application/octet-stream")
    }

    /// A file's bytes go out no faster than this; 0 is no limit.
    #[must_use]
    pub fn paced(mut self, bytes_per_second: u64) -> Self {
        if let Body::File(file) = &mut self.body {
            file.pace(bytes_per_second);
        }
        self
    }

    /// An answer that is written while it is sent.
    #[must_use]
    pub fn channel() -> (BodySender, Self) {
        let (sender, body) = channel();
        let body = Body::Channel(body);
        (sender, Self { status: StatusCode::OK, headers: HeaderMap::new(), reason: None, body })
    }

    /// Sets a header; a name or value that cannot be one is left out, and said in the log.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => drop(self.headers.insert(name, value)),
            _ => tracing::warn!(name, value, "not a header"),
        }
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, if it is there as a whole and is text.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match &self.body {
            Body::Whole(body) => String::from_utf8(body.clone().to_vec()).ok(),
            Body::File(_) | Body::Channel(_) => None,
        }
    }

    pub(super) fn into_hyper(self) -> hyper::Response<Body> {
        let mut response = hyper::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(reason) = self.reason {
            response.extensions_mut().insert(reason);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let request = Request::get("/x", "a=1&b=%2Ftmp%2fx+y&c&a=2&d=%zz%4");
        assert_eq!(request.parameter("a"), Some("1"));
        assert_eq!(request.parameter("b"), Some("/tmp/x y"));
        assert_eq!(request.parameter("c"), Some(""));
        assert_eq!(request.parameter("d"), Some("%zz%4"));
        assert_eq!(request.parameter("e"), None);
    }

    #[test]
    fn an_errors_reason_cannot_be_a_script() {
        let text = Response::error(StatusCode::NOT_FOUND, "<script>").text().unwrap();
        assert!(text.contains("HTTP ERROR 404 &lt;script&gt;"));
    }

    #[test]
    fn a_header_with_a_line_break_is_left_out() {
        let answer = Response::new(StatusCode::OK, "").header("X-A", "1\r\nX-B: 2");
        assert!(answer.headers().is_empty());
    }
}
