//! A daemon's start waits for the file system that it writes to.

use std::sync::Arc;
use std::time::Duration;

use loxodon_mapreduce::error::{Error, Result};

/// Between attempts.
const RETRY: Duration = Duration::from_millis(250);

/// Does what must be done before a daemon serves, again and again while the file system is not there or in safe mode,
/// and says in the log what it waits for.
///
/// # Errors
/// What waiting does not help against: rights and configuration.
pub(super) async fn until_done(
    work: impl Fn() -> Result<()> + Send + Sync + 'static,
) -> Result<()> {
    let work = Arc::new(work);
    let mut said = String::new();
    loop {
        let own = Arc::clone(&work);
        let done = tokio::task::spawn_blocking(move || own()).await;
        let error = match done.map_err(|error| Error::io(error.to_string()))? {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let class = error.java_class();
        if class.ends_with("AccessControlException") || class.ends_with("IllegalArgumentException")
        {
            return Err(error);
        }
        let text = error.to_string();
        if text != said {
            tracing::warn!("waiting for the file system: {text}");
            said = text;
        }
        tokio::time::sleep(RETRY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_time_mends_is_tried_again() {
        let tries = Arc::new(AtomicU32::new(0));
        let own = Arc::clone(&tries);
        let work = move || match own.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Error::io("Name node is in safe mode")),
            _ => Ok(()),
        };
        assert!(until_done(work).await.is_ok());
        assert_eq!(tries.load(Ordering::Relaxed), 2);
        assert!(until_done(|| Err(Error::argument("no"))).await.is_err());
    }
}
