//! A body into a file, counted and digested on the way.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use md5::{Digest as _, Md5};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::pace::Pace;

/// What was saved of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Bytes.
    pub length: u64,
    /// MD5 of them.
    pub md5: [u8; 16],
}

/// Why a body was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It broke off.
    #[error("the body broke off: {0}")]
    Broken(String),
    /// Nothing came for so long.
    #[error("nothing came for {0:?}")]
    Stalled(Duration),
    /// It is longer than allowed.
    #[error("the body is longer than {0} bytes")]
    TooLong(u64),
    /// The file could not be written.
    #[error("the file cannot be written: {0}")]
    File(#[source] std::io::Error),
}

/// Writes at most `limit` bytes to `file`, waiting at most `patience` for each piece.
pub(super) async fn save(
    body: &mut Incoming,
    file: &mut tokio::fs::File,
    limit: u64,
    patience: Duration,
    mut pace: Pace,
) -> Result<Saved, SaveError> {
    let (mut md5, mut length) = (Md5::new(), 0u64);
    loop {
        let frame = timeout(patience, body.frame()).await;
        let Some(frame) = frame.map_err(|_elapsed| SaveError::Stalled(patience))? else { break };
        let frame = frame.map_err(|error| SaveError::Broken(reason(&error)))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len() as u64;
        if length > limit {
            return Err(SaveError::TooLong(limit));
        }
        md5.update(&data);
        file.write_all(&data).await.map_err(SaveError::File)?;
        pace.count(data.len() as u64);
        pace.wait().await;
    }
    file.flush().await.map_err(SaveError::File)?;
    Ok(Saved { length, md5: md5.finalize().into() })
}

/// An error with what caused it: hyper keeps the system's word one level down.
pub(super) fn reason(error: &hyper::Error) -> String {
    std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
