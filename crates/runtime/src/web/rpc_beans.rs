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

    fn bean(&self, kind: &str, server_name: &str, context: &str) -> Bean {
        let name = format!("{kind}ForPort{}", self.port);
        let bean = Bean::new(format!("Hadoop:service={},name={name}", self.service), name)
            .with("tag.port", self.port.to_string());
        let bean =
            if server_name.is_empty() { bean } else { bean.with("tag.serverName", server_name) };
        bean.with("tag.Context", context)
    }
}

impl BeanSource for RpcBeans {
    fn beans(&self) -> Vec<Bean> {
        let (now, named) = self.metrics.sample();
        let users = serde_json::to_string(&now.connections_per_user).unwrap_or_default();
        let activity = self
            .bean("RpcActivity", self.metrics.server_name(), "rpc")
            .with("tag.NumOpenConnectionsPerUser", users)
            .with("tag.Hostname", self.host.clone());
        let activity = with_rate(activity, "DeferredRpcProcessingTime", now.deferred_time)
            .with("ReceivedBytes", now.received_bytes)
            .with("RpcAuthenticationFailures", 0)
            .with("RpcAuthenticationSuccesses", 0)
            .with("RpcAuthorizationFailures", now.authorization_failures)
            .with("RpcAuthorizationSuccesses", now.authorization_successes)
            .with("RpcCallSuccesses", now.call_successes)
            // No call is queued, turned away or called slow, so these stay zero.
            .with("RpcClientBackoff", 0)
            .with("RpcClientBackoffDisconnected", 0);
        let activity = [
            ("RpcEnQueueTime", RateSample::default()),
            ("RpcLockWaitTime", now.lock_wait_time),
            ("RpcProcessingTime", now.processing_time),
            ("RpcQueueTime", now.queue_time),
            ("RpcResponseTime", now.response_time),
        ]
        .into_iter()
        .fold(activity, |bean, (name, rate)| with_rate(bean, name, rate))
        .with("RpcRequeueCalls", 0)
        .with("RpcSlowCalls", 0)
        .with("SentBytes", now.sent_bytes)
        .with("NumOpenConnections", now.open_connections)
        .with("CallQueueLength", 0)
        .with("NumDroppedConnections", now.dropped_connections)
        .with("NumInProcessHandler", now.calls_in_flight)
        .with("TotalRequests", now.total_requests)
        .with("TotalRequestsPerSecond", now.requests_per_second);
        let detailed = self
            .bean("RpcDetailedActivity", "", "rpcdetailed")
            .with("tag.Hostname", self.host.clone());
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

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_rpc::server::{Call, Handler, Responder, Server, ServerLimits};
    use loxodon_wire::rpc::protocol::{CLIENT_NAMENODE, Protocol};

    struct Silent;

    impl Handler for Silent {
        fn protocols(&self) -> &[&'static Protocol] {
            static PROTOCOLS: [&Protocol; 1] = [&CLIENT_NAMENODE];
            &PROTOCOLS
        }

        fn call(&self, _: Call, _: Responder) {}
    }

    #[tokio::test]
    async fn attributes_are_javas() {
        let anywhere = ([127, 0, 0, 1], 0).into();
        let limits = ServerLimits::default();
        let server = Server::bind(anywhere, limits, Arc::new(Silent)).await.unwrap();
        let beans = RpcBeans::new("NameNode", "nn", 9000, server.metrics()).beans();
        let [activity, detailed] = &beans[..] else { panic!("{beans:?}") };
        assert_eq!(activity.name, "Hadoop:service=NameNode,name=RpcActivityForPort9000");
        let value = |bean: &Bean, name: &str| {
            bean.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
        };
        assert_eq!(value(activity, "tag.serverName"), Some("ClientNamenodeProtocol".into()));
        assert_eq!(value(activity, "tag.NumOpenConnectionsPerUser"), Some("{}".into()));
        assert_eq!(value(activity, "RpcQueueTimeAvgTime"), Some(0.0.into()));
        assert_eq!(value(detailed, "GetFileInfoNumOps"), Some(0.into()));
        assert_eq!(value(detailed, "tag.Context"), Some("rpcdetailed".into()));
    }
}
