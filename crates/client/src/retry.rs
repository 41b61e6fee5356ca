//! Whether, when and where a failed NameNode call is tried again
//! (`RetryPolicies`, `RetryInvocationHandler`).
//!
//! Pure: it is told what failed and how often, and answers with what to do.

use std::time::Duration;

/// What repeating a call would do (`@Idempotent`, `@AtMostOnce`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The same, or the server's retry cache recognises it.
    Safe,
    /// Perhaps harm: only if it was never sent.
    Unsafe,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection was made, however often that was tried: the call was not sent.
    Connect,
    /// The connection ended, or the answer did not come; it may have been sent.
    Transport,
    /// The server follows another one.
    Standby,
    /// The server says to try again.
    Retriable,
    /// The server is in safe mode.
    SafeMode,
    /// Anything else the server said, or an answer that makes no sense.
    Final,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Give the error to the caller.
    Fail,
    /// Same server, after a pause.
    Retry(Duration),
    /// Next server, after a pause.
    Failover(Duration),
}

/// Limits and pauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// There is another server to go to.
    pub(crate) highly_available: bool,
    /// `dfs.client.failover.max.attempts`.
    pub(crate) max_failovers: u32,
    /// `dfs.client.retry.max.attempts`.
    pub(crate) max_retries: u32,
    /// `dfs.client.failover.sleep.base.millis`.
    pub(crate) sleep_base: Duration,
    /// `dfs.client.failover.sleep.max.millis`.
    pub(crate) sleep_max: Duration,
    /// Pairs of pause and count (`dfs.client.retry.policy.spec`), empty unless
    /// `dfs.client.retry.policy.enabled`.
    pub(crate) linear: Vec<(Duration, u32)>,
}

/// How often a call was tried already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Changes of server.
    pub(crate) failovers: u32,
    /// Repetitions, including those that changed the server.
    pub(crate) retries: u32,
}

impl RetryPolicy {
    /// Decides; `jitter` is uniform in [0, 1).
    pub(crate) fn decide(
        &self,
        failure: Failure,
        repeat: Repeat,
        attempts: Attempts,
        jitter: f64,
    ) -> Decision {
        if self.highly_available {
            self.decide_available(failure, repeat, attempts, jitter)
        } else {
            self.decide_single(failure, repeat, attempts, jitter)
        }
    }

    /// `RetryPolicies.FailoverOnNetworkExceptionRetry`.
    fn decide_available(
        &self,
        failure: Failure,
        repeat: Repeat,
        attempts: Attempts,
        jitter: f64,
    ) -> Decision {
        if attempts.failovers >= self.max_failovers
            || attempts.retries.saturating_sub(attempts.failovers) > self.max_retries
        {
            return Decision::Fail;
        }
        let pause = |count: u32| match count {
            0 => Duration::ZERO,
            count => self.exponential(count, jitter),
        };
        match failure {
            Failure::Connect | Failure::Standby => Decision::Failover(pause(attempts.failovers)),
            Failure::Transport if repeat == Repeat::Safe => {
                Decision::Failover(pause(attempts.failovers))
            }
            Failure::Retriable => Decision::Retry(pause(attempts.retries)),
            Failure::Transport | Failure::SafeMode | Failure::Final => Decision::Fail,
        }
    }

    /// `RetryUtils.getDefaultRetryPolicy`: once, unless a linear policy is switched on.
    fn decide_single(
        &self,
        failure: Failure,
        repeat: Repeat,
        attempts: Attempts,
        jitter: f64,
    ) -> Decision {
        let worth_it = match failure {
            Failure::Connect | Failure::Retriable | Failure::SafeMode => true,
            Failure::Transport => repeat == Repeat::Safe,
            Failure::Standby | Failure::Final => false,
        };
        if !worth_it {
            return Decision::Fail;
        }
        let mut passed = attempts.retries;
        for (pause, count) in &self.linear {
            if passed < *count {
                // Hadoop spreads callers over half to one and a half of the pause.
                return Decision::Retry(pause.mul_f64(0.5 + jitter));
            }
            passed -= count;
        }
        Decision::Fail
    }

    /// `RetryPolicies.calculateExponentialTime`: doubled each time, spread by half.
    fn exponential(&self, count: u32, jitter: f64) -> Duration {
        let factor = 1_u32.checked_shl(count.min(20)).unwrap_or(u32::MAX);
        let base = self.sleep_base.saturating_mul(factor).min(self.sleep_max);
        base.mul_f64(0.5 + jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(highly_available: bool) -> RetryPolicy {
        RetryPolicy {
            highly_available,
            max_failovers: 15,
            max_retries: 10,
            sleep_base: Duration::from_millis(500),
            sleep_max: Duration::from_millis(15_000),
            linear: Vec::new(),
        }
    }

    fn after(failovers: u32, retries: u32) -> Attempts {
        Attempts { failovers, retries }
    }

    #[test]
    fn single_server_is_asked_once() {
        for failure in [Failure::Connect, Failure::Standby, Failure::Retriable, Failure::SafeMode] {
            assert_eq!(
                policy(false).decide(failure, Repeat::Safe, after(0, 0), 0.5),
                Decision::Fail
            );
        }
    }

    #[test]
    fn first_failover_is_at_once_and_later_ones_wait() {
        let policy = policy(true);
        let standby = |failovers| {
            policy.decide(Failure::Standby, Repeat::Unsafe, after(failovers, failovers), 0.5)
        };
        assert_eq!(standby(0), Decision::Failover(Duration::ZERO));
        assert_eq!(standby(1), Decision::Failover(Duration::from_millis(1000)));
        assert_eq!(standby(14), Decision::Failover(Duration::from_millis(15_000)));
        assert_eq!(standby(15), Decision::Fail);
    }

    #[test]
    fn a_call_that_may_have_run_is_repeated_only_if_that_is_safe() {
        for available in [true, false] {
            let policy = policy(available);
            assert_eq!(
                policy.decide(Failure::Transport, Repeat::Unsafe, after(0, 0), 0.5),
                Decision::Fail
            );
        }
        assert_eq!(
            policy(true).decide(Failure::Transport, Repeat::Safe, after(0, 0), 0.5),
            Decision::Failover(Duration::ZERO)
        );
    }

    #[test]
    fn retriable_waits_on_the_same_server() {
        let decision = policy(true).decide(Failure::Retriable, Repeat::Unsafe, after(0, 2), 0.0);
        assert_eq!(decision, Decision::Retry(Duration::from_millis(1000)));
    }

    #[test]
    fn linear_policy_counts_through_its_pairs() {
        let mut policy = policy(false);
        policy.linear = vec![(Duration::from_secs(10), 6), (Duration::from_secs(60), 10)];
        let safe_mode =
            |retries| policy.decide(Failure::SafeMode, Repeat::Unsafe, after(0, retries), 0.5);
        assert_eq!(safe_mode(5), Decision::Retry(Duration::from_secs(10)));
        assert_eq!(safe_mode(6), Decision::Retry(Duration::from_secs(60)));
        assert_eq!(safe_mode(16), Decision::Fail);
    }
}
