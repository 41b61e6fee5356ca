//! A server's RPC counters as beans.

use std::sync::Arc;

use loxodon_rpc::metrics::{RateSample, ServerMetrics};

use super::bean::{Bean, BeanSource};

/// `RpcActivityForPortN` and `RpcDetailedActivityForPortN` of one RPC server.
#[derive(Clone, Debug)]
pub struct RpcBeans {
    service: String,
    host: String,
    port: u16,
    metrics: Arc<ServerMetrics>,
}

impl RpcBeans {
    /// For a daemon such as `NameNode` on this host, serving at `port`.
    pub fn new(
        service: impl Into<String>,
        host: impl Into<String>,
        port: u16,
        metrics: Arc<ServerMetrics>,
    ) -> Self {
        Self { service: service.into(), host: host.into(), port, metrics }
    }

    fn bean(&self, kind: &str, context: &str) -> Bean {
        let name = format!("{kind}ForPort{}", self.port);
        Bean::new(format!("Hadoop:service={},name={name}", self.service), name)
            .with("tag.port", self.port.to_string())
            .with("tag.Context", context.to_owned())
    }
}

impl BeanSource for RpcBeans {
    fn beans(&self) -> Vec<Bean> {
        let (now, named) = self.metrics.sample();
        let users = serde_json::to_string(&now.connections_per_user).unwrap_or_default();
        let mut activity = self
            .bean("RpcActivity", "rpc")
            .with("tag.NumOpenConnectionsPerUser", users)
            .with("tag.Hostname", self.host.clone())
            .with("ReceivedBytes", now.received_bytes)
            .with("SentBytes", now.sent_bytes);
        for (name, rate) in [
            ("RpcQueueTime", now.queue_time),
            ("RpcLockWaitTime", now.lock_wait_time),
            ("RpcProcessingTime", now.processing_time),
            ("RpcResponseTime", now.response_time),
            ("DeferredRpcProcessingTime", now.deferred_time),
        ] {
            activity = with_rate(activity, name, rate);
        }
        let activity = activity
            .with("RpcAuthenticationFailures", 0)
            .with("RpcAuthenticationSuccesses", 0)
            .with("RpcAuthorizationFailures", now.authorization_failures)
            .with("RpcAuthorizationSuccesses", now.authorization_successes)
            .with("RpcClientBackoff", 0)
            .with("RpcCallSuccesses", now.call_successes)
            .with("NumOpenConnections", now.open_connections)
            .with("CallQueueLength", now.calls_in_flight)
            .with("NumDroppedConnections", now.dropped_connections)
            .with("TotalRequests", now.total_requests)
            .with("TotalRequestsPerSecond", now.requests_per_second);
        let detailed =
            self.bean("RpcDetailedActivity", "rpcdetailed").with("tag.Hostname", self.host.clone());
        let detailed = named.into_iter().fold(detailed, |bean, (name, rate)| {
            let mut name = name;
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            with_rate(bean, &name, rate)
        });
        vec![activity, detailed]
    }
}

fn with_rate(bean: Bean, name: &str, rate: RateSample) -> Bean {
    bean.with(format!("{name}NumOps"), rate.count).with(format!("{name}AvgTime"), rate.average_ms)
}
