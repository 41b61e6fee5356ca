//! Bodies of answers and uploads: a whole, a file, or what is written meanwhile.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::sync::mpsc;

use super::pace::Pace;

/// Bytes read from a file at a time.
const FILE_CHUNK: usize = 256 * 1024;
/// Pieces that may wait in a channel before its writer waits.
const CHANNEL_PIECES: usize = 16;

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Bytes),
    File(FileBody),
    Channel(mpsc::Receiver<io::Result<Bytes>>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::File(file) => file.poll_data(cx).map(|data| data.map(|d| d.map(Frame::data))),
            Self::Channel(pieces) => {
                pieces.poll_recv(cx).map(|piece| piece.map(|p| p.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::File(file) => file.left == 0,
            Self::Channel(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::File(file) => SizeHint::with_exact(file.left),
            Self::Channel(_) => SizeHint::new(),
        }
    }
}

/// Part of a file.
#[derive(Debug)]
pub(super) struct FileBody {
    file: tokio::fs::File,
    left: u64,
    pace: Pace,
}

impl FileBody {
    pub(super) fn new(mut file: tokio::fs::File, length: u64) -> Self {
        file.set_max_buf_size(FILE_CHUNK);
        Self { file, left: length, pace: Pace::new(0) }
    }

    pub(super) fn pace(&mut self, bytes_per_second: u64) {
        self.pace = Pace::new(bytes_per_second);
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.pace.poll(cx));
        let wanted = usize::try_from(self.left).map_or(FILE_CHUNK, |left| left.min(FILE_CHUNK));
        let mut chunk = BytesMut::zeroed(wanted);
        let mut buffer = ReadBuf::new(&mut chunk);
        if let Err(error) = ready!(Pin::new(&mut self.file).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let count = buffer.filled().len();
        if count == 0 {
            let error = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Poll::Ready(Some(Err(error)));
        }
        self.left -= count as u64;
        self.pace.count(count as u64);
        chunk.truncate(count);
        Poll::Ready(Some(Ok(chunk.freeze())))
    }
}

/// Writes an answer while it is sent; the answer ends when this is dropped.
#[derive(Clone, Debug)]
pub struct BodySender(mpsc::Sender<io::Result<Bytes>>);

impl BodySender {
    /// Sends a piece, waiting while too many are on their way; false if nobody reads any more.
    pub async fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.send(Ok(piece.into())).await.is_ok()
    }

    /// [`Self::send`] for a thread that may wait.
    pub fn blocking_send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.blocking_send(Ok(piece.into())).is_ok()
    }

    /// Breaks the answer off, so that nobody takes it for complete.
    pub async fn abort(self, error: io::Error) {
        let _reader_left = self.0.send(Err(error)).await;
    }
}

pub(super) fn channel() -> (BodySender, mpsc::Receiver<io::Result<Bytes>>) {
    let (sender, receiver) = mpsc::channel(CHANNEL_PIECES);
    (BodySender(sender), receiver)
}
