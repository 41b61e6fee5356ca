//! What JMX says about a server: `RpcActivityForPortN` and `RpcDetailedActivityForPortN`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use loxodon_wire::rpc::protocol::Protocol;
use parking_lot::Mutex;

/// How often averages begin anew (Hadoop's default metrics period).
const PERIOD: Duration = Duration::from_secs(10);

/// Exceptions that are counted by name. They are our own and those that other servers answered with.
const MOST_EXCEPTIONS: usize = 1000;

/// Counts operations and their time (`MutableRate`).
#[derive(Debug, Default)]
pub struct Rate {
    count: AtomicU64,
    nanos: AtomicU64,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    count: u64,
    nanos: u64,
    average_ms: f64,
}

/// What a [`Rate`] showed when it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateSample {
    /// Operations since the start (`...NumOps`).
    pub count: u64,
    /// Their mean time in the last period in milliseconds (`...AvgTime`).
    pub average_ms: f64,
}

impl Rate {
    /// Counts one operation.
    #[inline]
    pub fn record(&self, took: Duration) {
        self.count.fetch_add(1, Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Operations since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Their time since the start.
    #[must_use]
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    /// What it shows now. Where `new_period` is said, averages begin anew after that.
    pub fn sample(&self, new_period: bool) -> RateSample {
        let (count, nanos) = (self.count.load(Relaxed), self.nanos.load(Relaxed));
        let mut window = self.window.lock();
        let new = count.wrapping_sub(window.count);
        if new > 0 {
            window.average_ms = nanos.wrapping_sub(window.nanos) as f64 / new as f64 / 1e6;
        }
        if new_period {
            (window.count, window.nanos) = (count, nanos);
        }
        RateSample { count, average_ms: window.average_ms }
    }
}

/// Counters of one server, written by its connections without a lock.
#[derive(Debug)]
pub struct ServerMetrics {
    pub(crate) received_bytes: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) queue_time: Rate,
    pub(crate) processing_time: Rate,
    pub(crate) response_time: Rate,
    pub(crate) deferred_time: Rate,
    lock_wait_time: Rate,
    pub(crate) authorization_failures: AtomicU64,
    pub(crate) authorization_successes: AtomicU64,
    pub(crate) call_successes: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) open_connections: AtomicUsize,
    pub(crate) dropped_connections: AtomicU64,
    pub(crate) calls_in_flight: AtomicUsize,
    connections_per_user: Mutex<BTreeMap<String, usize>>,
    methods: Vec<(&'static Protocol, Vec<Rate>)>,
    failures: Mutex<BTreeMap<String, Rate>>,
    period: Mutex<Period>,
}

#[derive(Debug)]
struct Period {
    began: Instant,
    requests: u64,
    requests_per_second: u64,
}

/// `RpcActivityForPortN`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RpcActivity {
    /// `ReceivedBytes`.
    pub received_bytes: u64,
    /// `SentBytes`.
    pub sent_bytes: u64,
    /// `RpcQueueTime`: from a frame's arrival to its call.
    pub queue_time: RateSample,
    /// `RpcLockWaitTime`, as far as handlers say it.
    pub lock_wait_time: RateSample,
    /// `RpcProcessingTime`: in the handler.
    pub processing_time: RateSample,
    /// `RpcResponseTime`: from arrival to answer.
    pub response_time: RateSample,
    /// `DeferredRpcProcessingTime`: the same of calls that were answered later.
    pub deferred_time: RateSample,
    /// `RpcAuthorizationFailures`.
    pub authorization_failures: u64,
    /// `RpcAuthorizationSuccesses`.
    pub authorization_successes: u64,
    /// `RpcCallSuccesses`.
    pub call_successes: u64,
    /// `NumOpenConnections`.
    pub open_connections: usize,
    /// `NumOpenConnectionsPerUser`, there as a JSON object.
    pub connections_per_user: BTreeMap<String, usize>,
    /// `NumDroppedConnections`: more than the limit.
    pub dropped_connections: u64,
    /// `NumInProcessHandler`: calls that wait for their answer. There is no queue before that.
    pub calls_in_flight: usize,
    /// `TotalRequests`.
    pub total_requests: u64,
    /// `TotalRequestsPerSecond`.
    pub requests_per_second: u64,
}

impl ServerMetrics {
    pub(crate) fn new(protocols: &[&'static Protocol]) -> Self {
        let rates = |p: &'static Protocol| (p, p.calls.iter().map(|_| Rate::default()).collect());
        Self {
            received_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            queue_time: Rate::default(),
            processing_time: Rate::default(),
            response_time: Rate::default(),
            deferred_time: Rate::default(),
            lock_wait_time: Rate::default(),
            authorization_failures: AtomicU64::new(0),
            authorization_successes: AtomicU64::new(0),
            call_successes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            open_connections: AtomicUsize::new(0),
            dropped_connections: AtomicU64::new(0),
            calls_in_flight: AtomicUsize::new(0),
            connections_per_user: Mutex::default(),
            methods: protocols.iter().copied().map(rates).collect(),
            failures: Mutex::default(),
            period: Mutex::new(Period {
                began: Instant::now(),
                requests: 0,
                requests_per_second: 0,
            }),
        }
    }

    /// Tells how long a call waited for a lock of its daemon's.
    pub fn record_lock_wait(&self, waited: Duration) {
        self.lock_wait_time.record(waited);
    }

    pub(crate) fn record_call(&self, protocol: usize, method: usize, took: Duration) {
        self.processing_time.record(took);
        if let Some(rate) = self.methods.get(protocol).and_then(|(_, rates)| rates.get(method)) {
            rate.record(took);
        }
    }

    /// Java counts failed calls under their exception's name.
    pub(crate) fn record_failure(&self, class: &str, took: Duration) {
        let mut failures = self.failures.lock();
        match failures.get(class) {
            Some(rate) => rate.record(took),
            None if failures.len() >= MOST_EXCEPTIONS => {}
            None => failures.entry(class.to_owned()).or_default().record(took),
        }
    }

    pub(crate) fn user_connected(&self, user: &str) {
        *self.connections_per_user.lock().entry(user.to_owned()).or_default() += 1;
    }

    pub(crate) fn user_left(&self, user: &str) {
        let mut users = self.connections_per_user.lock();
        if let Some(count) = users.get_mut(user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                users.remove(user);
            }
        }
    }

    /// Begins a new period if the last one is over; `now` is the caller's clock.
    fn new_period(&self, now: Instant) -> (bool, u64) {
        let mut period = self.period.lock();
        let elapsed = now.saturating_duration_since(period.began);
        let over = elapsed >= PERIOD;
        if over {
            let requests = self.requests.load(Relaxed);
            let new = requests.wrapping_sub(period.requests);
            let per_second = (new as f64 / elapsed.as_secs_f64()) as u64;
            *period = Period { began: now, requests, requests_per_second: per_second };
        }
        (over, period.requests_per_second)
    }

    /// `RpcActivityForPortN` and `RpcDetailedActivityForPortN` of this moment.
    ///
    /// The second maps a method's name, or a failed call's exception, to its rate.
    #[must_use]
    pub fn sample(&self) -> (RpcActivity, BTreeMap<String, RateSample>) {
        let (new_period, requests_per_second) = self.new_period(Instant::now());
        let activity = RpcActivity {
            received_bytes: self.received_bytes.load(Relaxed),
            sent_bytes: self.sent_bytes.load(Relaxed),
            queue_time: self.queue_time.sample(new_period),
            lock_wait_time: self.lock_wait_time.sample(new_period),
            processing_time: self.processing_time.sample(new_period),
            response_time: self.response_time.sample(new_period),
            deferred_time: self.deferred_time.sample(new_period),
            authorization_failures: self.authorization_failures.load(Relaxed),
            authorization_successes: self.authorization_successes.load(Relaxed),
            call_successes: self.call_successes.load(Relaxed),
            open_connections: self.open_connections.load(Relaxed),
            connections_per_user: self.connections_per_user.lock().clone(),
            dropped_connections: self.dropped_connections.load(Relaxed),
            calls_in_flight: self.calls_in_flight.load(Relaxed),
            total_requests: self.requests.load(Relaxed),
            requests_per_second,
        };
        (activity, self.detailed(new_period))
    }

    /// The name that Java gives the server: its first protocol's.
    #[must_use]
    pub fn server_name(&self) -> &'static str {
        let interface = self.methods.first().map_or("", |(protocol, _)| protocol.interface);
        let name = interface.rsplit('.').next().unwrap_or(interface);
        name.strip_suffix("PB").unwrap_or(name)
    }

    /// All methods, called or not; those of the same name in two protocols count as one.
    fn detailed(&self, new_period: bool) -> BTreeMap<String, RateSample> {
        let mut named = BTreeMap::<String, RateSample>::new();
        for (protocol, rates) in &self.methods {
            for (call, rate) in protocol.calls.iter().zip(rates) {
                named.entry(call.name.to_owned()).or_default().add(rate.sample(new_period));
            }
        }
        for (class, rate) in &*self.failures.lock() {
            named.insert(class.clone(), rate.sample(new_period));
        }
        named
    }
}

impl RateSample {
    fn add(&mut self, other: Self) {
        let count = self.count + other.count;
        if count > 0 {
            let total = self.average_ms * self.count as f64 + other.average_ms * other.count as f64;
            *self = Self { count, average_ms: total / count as f64 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_wire::rpc::protocol;

    #[test]
    fn average_is_the_periods() {
        let rate = Rate::default();
        rate.record(Duration::from_millis(2));
        rate.record(Duration::from_millis(4));
        assert_eq!(rate.sample(true), RateSample { count: 2, average_ms: 3.0 });
        assert_eq!(rate.sample(true), RateSample { count: 2, average_ms: 3.0 });
        rate.record(Duration::from_millis(10));
        assert_eq!(rate.sample(false), RateSample { count: 3, average_ms: 10.0 });
    }

    #[test]
    fn calls_are_counted_by_name() {
        let metrics = ServerMetrics::new(&[&protocol::CLIENT_NAMENODE]);
        let index = protocol::CLIENT_NAMENODE.find("getFileInfo").unwrap();
        metrics.record_call(0, index, Duration::from_millis(1));
        metrics.record_failure("FileNotFoundException", Duration::from_millis(1));
        let (_, named) = metrics.sample();
        let counted = named.iter().filter(|(_, rate)| rate.count > 0).map(|(name, _)| name);
        assert_eq!(counted.collect::<Vec<_>>(), ["FileNotFoundException", "getFileInfo"]);
        assert!(named.contains_key("delete"));
        assert_eq!(metrics.server_name(), "ClientNamenodeProtocol");
    }

    #[test]
    fn names_of_exceptions_are_bounded() {
        let metrics = ServerMetrics::new(&[]);
        for number in 0..MOST_EXCEPTIONS + 5 {
            metrics.record_failure(&format!("E{number}"), Duration::ZERO);
        }
        assert_eq!(metrics.sample().1.len(), MOST_EXCEPTIONS);
    }

    #[test]
    fn users_come_and_go() {
        let metrics = ServerMetrics::new(&[]);
        metrics.user_connected("a");
        metrics.user_connected("a");
        metrics.user_left("a");
        assert_eq!(metrics.sample().0.connections_per_user.get("a"), Some(&1));
        metrics.user_left("a");
        assert!(metrics.sample().0.connections_per_user.is_empty());
    }
}
