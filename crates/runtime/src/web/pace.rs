//! Bodies that may not use up the network (`DataTransferThrottler`).

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Lets so many bytes a second through, counted from the first.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    began: Option<Instant>,
    passed: u64,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// With 0 there is no limit.
    pub(super) const fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, began: None, passed: 0, sleep: None }
    }

    /// Counts bytes that went through.
    pub(super) fn count(&mut self, bytes: u64) {
        if self.bytes_per_second == 0 {
            return;
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        self.passed = self.passed.saturating_add(bytes);
        let due = due(self.passed, self.bytes_per_second);
        self.sleep = began.checked_add(due).map(|at| Box::pin(sleep_until(at)));
    }

    /// Ready when more may go.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        Poll::Ready(())
    }

    /// Waits until more may go.
    pub(super) async fn wait(&mut self) {
        std::future::poll_fn(|cx| self.poll(cx)).await;
    }
}

/// When so many bytes may have passed, counted from the beginning.
fn due(passed: u64, bytes_per_second: u64) -> Duration {
    let nanoseconds = u128::from(passed) * 1_000_000_000 / u128::from(bytes_per_second.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_when() {
        assert_eq!(due(0, 10), Duration::ZERO);
        assert_eq!(due(25, 10), Duration::from_millis(2500));
        assert_eq!(due(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }

    #[tokio::test]
    async fn without_a_limit_nobody_waits() {
        let mut free = Pace::new(0);
        free.count(u64::MAX);
        free.wait().await;
        assert!(free.sleep.is_none());
        let mut slow = Pace::new(1);
        slow.wait().await;
        slow.count(1_000_000);
        assert!(slow.sleep.is_some());
    }
}
