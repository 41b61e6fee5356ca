//! Why a call failed, and whether the server may have done it all the same.

use std::io;
use std::sync::Arc;

use loxodon_wire::rpc::{RemoteError, RpcErrorCode, exception};

use super::host_name::host_name;
use super::settings::ServerAddress;

/// A call that failed. Messages are those of Java's `NetUtils.wrapException`, which people search
/// for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RpcError {
    /// The server answered with an exception.
    #[error(transparent)]
    Remote(RemoteError),
    /// No connection; the call was not sent.
    #[error("{}", transport(local, address, source))]
    Connect {
        /// The server.
        address: ServerAddress,
        /// This machine.
        local: Arc<str>,
        /// What went wrong last.
        source: Arc<io::Error>,
    },
    /// The connection broke.
    #[error("{}", transport(local, address, source))]
    Transport {
        /// The server.
        address: ServerAddress,
        /// This machine.
        local: Arc<str>,
        /// What went wrong.
        source: Arc<io::Error>,
        /// Whether the server may have got the call.
        maybe_sent: bool,
    },
    /// The request is longer than a frame can be.
    #[error("The request of {method} is longer than a frame can be")]
    TooLarge {
        /// The call.
        method: String,
    },
    /// The answer is not the message it should be.
    #[error("The answer of {address} to {method} cannot be read: {reason}")]
    Decode {
        /// The server.
        address: ServerAddress,
        /// The call.
        method: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl RpcError {
    /// The exception that the server sent.
    #[must_use]
    pub const fn remote(&self) -> Option<&RemoteError> {
        match self {
            Self::Remote(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the server may have done the call.
    #[must_use]
    pub const fn maybe_sent(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::TooLarge { .. } => false,
            Self::Transport { maybe_sent, .. } => *maybe_sent,
            Self::Remote(_) | Self::Decode { .. } => true,
        }
    }

    /// Whether no answer came in time, to the connection or to the call.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Connect { source, .. } | Self::Transport { source, .. } => {
                source.kind() == io::ErrorKind::TimedOut
            }
            _ => false,
        }
    }

    /// The Java exception that it would be there.
    #[must_use]
    pub fn java_class(&self) -> &str {
        match self {
            Self::Remote(error) => &error.class,
            Self::Connect { source, .. } | Self::Transport { source, .. } => java_class(source),
            Self::TooLarge { .. } | Self::Decode { .. } => exception::IO,
        }
    }

    /// The code of the server's RPC layer.
    #[must_use]
    pub const fn code(&self) -> Option<RpcErrorCode> {
        match self {
            Self::Remote(error) => Some(error.code),
            _ => None,
        }
    }
}

/// A peer that does not speak RPC, or too much of it (`RpcException`).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadFrame(pub(super) String);

impl From<BadFrame> for io::Error {
    fn from(error: BadFrame) -> Self {
        Self::other(error)
    }
}

fn is_bad_frame(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<BadFrame>())
}

fn java_class(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_bad_frame(error) => "org.apache.hadoop.ipc.RpcException",
        io::ErrorKind::ConnectionRefused => "java.net.ConnectException",
        io::ErrorKind::NotFound => "java.net.UnknownHostException",
        io::ErrorKind::TimedOut => "java.net.SocketTimeoutException",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "java.net.NoRouteToHostException"
        }
        io::ErrorKind::UnexpectedEof => exception::EOF,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "java.net.SocketException",
        _ => exception::IO,
    }
}

fn transport(local: &str, address: &ServerAddress, source: &io::Error) -> String {
    let see = |page: &str| format!("For more details see:  http://wiki.apache.org/hadoop/{page}");
    let class = java_class(source);
    let (host, port) = (host_name(&address.host), address.port);
    let call = format!("Call From {local} to {host}:{port} failed on");
    let hosts = || format!("local host is: \"{local}\"; destination host is: \"{host}\":{port}; ");
    match source.kind() {
        io::ErrorKind::ConnectionRefused
            if matches!(&*address.host, "0.0.0.0" | "::") || port == 0 =>
        {
            format!("Your endpoint configuration is wrong; {}", see("UnsetHostnameOrPort"))
        }
        io::ErrorKind::ConnectionRefused => format!(
            "{call} connection exception: {class}: Connection refused; {}",
            see("ConnectionRefused")
        ),
        io::ErrorKind::NotFound => {
            // Java says it twice: where the connection is made and where the call has failed.
            let hosts = hosts();
            let once = format!("Invalid host name: {hosts}{class}; {}", see("UnknownHost"));
            format!("Invalid host name: {hosts}{class}: {once}; {}", see("UnknownHost"))
        }
        io::ErrorKind::TimedOut => {
            format!("{call} socket timeout exception: {class}: {source}; {}", see("SocketTimeout"))
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => format!(
            "No Route to Host from  {local} to {host}:{port} failed on socket timeout exception: \
             {class}: No route to host; {}",
            see("NoRouteToHost")
        ),
        io::ErrorKind::UnexpectedEof => {
            format!("End of File Exception between {}: {class}; {}", hosts(), see("EOFException"))
        }
        io::ErrorKind::ConnectionReset => {
            format!(
                "{call} socket exception: {class}: Connection reset; {}",
                see("SocketException")
            )
        }
        io::ErrorKind::BrokenPipe => {
            format!("{call} socket exception: {class}: Broken pipe; {}", see("SocketException"))
        }
        _ if is_bad_frame(source) => source.to_string(),
        _ => format!(
            "DestHost:destPort {host}:{port} , LocalHost:localPort {local}:0. \
             Failed on local exception: {class}: {source}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_no_server_is_told() {
        let error = RpcError::Connect {
            address: ServerAddress::new("0.0.0.0", 8020),
            local: "me/10.0.0.1".into(),
            source: Arc::new(io::ErrorKind::ConnectionRefused.into()),
        };
        assert_eq!(
            error.to_string(),
            "Your endpoint configuration is wrong; \
             For more details see:  http://wiki.apache.org/hadoop/UnsetHostnameOrPort"
        );
    }

    #[test]
    fn messages_are_those_that_people_search_for() {
        let error = |kind: io::ErrorKind| RpcError::Connect {
            address: ServerAddress::new("nn", 8020),
            local: "me/10.0.0.1".into(),
            source: Arc::new(kind.into()),
        };
        let refused = error(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            refused.to_string(),
            "Call From me/10.0.0.1 to nn:8020 failed on connection exception: \
             java.net.ConnectException: Connection refused; \
             For more details see:  http://wiki.apache.org/hadoop/ConnectionRefused"
        );
        assert_eq!(refused.java_class(), "java.net.ConnectException");
        assert_eq!(
            error(io::ErrorKind::UnexpectedEof).to_string(),
            "End of File Exception between local host is: \"me/10.0.0.1\"; \
             destination host is: \"nn\":8020; : java.io.EOFException; \
             For more details see:  http://wiki.apache.org/hadoop/EOFException"
        );
    }
}
