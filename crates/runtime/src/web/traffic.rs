//! What a web server counts: requests, answers and their time (`HttpServer2Metrics`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::bean::{Bean, BeanSource};

/// Counters of one web server.
#[derive(Debug)]
pub struct Traffic {
    began: Instant,
    active: AtomicU64,
    most_active: AtomicU64,
    answers: [AtomicU64; 5],
    bytes: AtomicU64,
    times: Mutex<Times>,
}

/// Milliseconds, summed up as they come (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    count: u64,
    total: f64,
    most: f64,
    mean: f64,
    squares: f64,
}

impl Times {
    fn add(&mut self, took: Duration) {
        let time = took.as_secs_f64() * 1000.0;
        self.count += 1;
        self.total += time;
        self.most = self.most.max(time);
        let from_mean = time - self.mean;
        self.mean += from_mean / self.count as f64;
        self.squares += from_mean * (time - self.mean);
    }

    fn deviation(&self) -> f64 {
        match self.count {
            0 | 1 => 0.0,
            count => (self.squares / (count - 1) as f64).sqrt(),
        }
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            active: AtomicU64::new(0),
            most_active: AtomicU64::new(0),
            answers: Default::default(),
            bytes: AtomicU64::new(0),
            times: Mutex::default(),
        }
    }
}

/// A request in work; it counts as such until this is dropped.
pub(super) struct InWork<'a> {
    traffic: &'a Traffic,
    began: Instant,
}

impl Traffic {
    pub(super) fn begin(&self) -> InWork<'_> {
        let active = self.active.fetch_add(1, Relaxed) + 1;
        self.most_active.fetch_max(active, Relaxed);
        InWork { traffic: self, began: Instant::now() }
    }

    /// An answer with this status, and so many bytes as are known before it is sent.
    pub(super) fn answered(&self, status: u16, bytes: u64) {
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(count) = self.answers.get(class) {
            count.fetch_add(1, Relaxed);
        }
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// The bean `HttpServer2-PORT` of a service on a host.
    fn bean(&self, service: &str, host: &str, port: u16) -> Bean {
        let times = *self.times.lock();
        let (active, most) = (self.active.load(Relaxed), self.most_active.load(Relaxed));
        let kind = format!("HttpServer2-{port}");
        let mut bean = Bean::new(format!("Hadoop:service={service},name={kind}"), kind)
            .with("tag.Context", "http")
            .with("tag.Hostname", host.to_owned());
        // A request is dispatched once, and never in the background.
        for (requests, time) in [("Dispatched", "DispatchedTime"), ("Requests", "RequestTime")] {
            bean = bean
                .with(requests, times.count)
                .with(format!("{requests}Active"), active)
                .with(format!("{requests}ActiveMax"), most)
                .with(format!("{time}Max"), times.most as u64)
                .with(format!("{time}Mean"), times.mean)
                .with(format!("{time}StdDev"), times.deviation())
                .with(format!("{time}Total"), times.total as u64);
        }
        for (class, count) in self.answers.iter().enumerate() {
            bean = bean.with(format!("Responses{}xx", class + 1), count.load(Relaxed));
        }
        for name in ["AsyncDispatches", "AsyncRequests", "AsyncRequestsWaiting"] {
            bean = bean.with(name, 0);
        }
        let age = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        bean.with("AsyncRequestsWaitingMax", 0)
            .with("Expires", 0)
            .with("ResponsesBytesTotal", self.bytes.load(Relaxed))
            .with("StatsOnMs", age)
    }
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        self.traffic.active.fetch_sub(1, Relaxed);
        self.traffic.times.lock().add(self.began.elapsed());
    }
}

/// A server's counters as a bean.
#[derive(Clone, Debug)]
pub struct TrafficBeans {
    service: String,
    host: String,
    port: u16,
    traffic: std::sync::Arc<Traffic>,
}

impl TrafficBeans {
    /// Of a daemon such as `NameNode` on this host, whose server listens at `port`.
    pub fn new(
        service: impl Into<String>,
        host: impl Into<String>,
        port: u16,
        traffic: std::sync::Arc<Traffic>,
    ) -> Self {
        Self { service: service.into(), host: host.into(), port, traffic }
    }
}

impl BeanSource for TrafficBeans {
    fn beans(&self) -> Vec<Bean> {
        vec![self.traffic.bean(&self.service, &self.host, self.port)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_outcome() {
        let traffic = Traffic::default();
        let first = traffic.begin();
        drop(traffic.begin());
        traffic.answered(200, 10);
        traffic.answered(404, 5);
        let bean = traffic.bean("NameNode", "nn", 9870);
        let value = |name: &str| bean.attributes.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!((value("Requests"), value("RequestsActive")), (1.into(), 1.into()));
        assert_eq!(
            (value("RequestsActiveMax"), value("ResponsesBytesTotal")),
            (2.into(), 15.into())
        );
        assert_eq!((value("Responses2xx"), value("Responses4xx")), (1.into(), 1.into()));
        drop(first);
        let mut times = Times::default();
        for ms in [2, 4, 6] {
            times.add(Duration::from_millis(ms));
        }
        assert!((times.mean - 4.0).abs() < 1e-9 && (times.deviation() - 2.0).abs() < 1e-9);
    }
}
