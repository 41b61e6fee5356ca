//! A server whose calls do what a test needs.

use std::net::SocketAddr;
use std::sync::Arc;

use loxodon_rpc::client::{ClientSettings, RpcClient, ServerAddress};
use loxodon_rpc::server::{Call, Handler, Responder, Server, ServerLimits};
use loxodon_wire::proto::hdfs::{GetFileInfoRequestProto, GetLinkTargetResponseProto};
use loxodon_wire::rpc::protocol::{self, Protocol};
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};
use parking_lot::Mutex;

/// Answers `getFileInfo` as its path says, with the path as the target of a link.
#[derive(Default)]
pub(crate) struct Paths {
    /// Calls as they came.
    pub(crate) seen: Mutex<Vec<Call>>,
    /// Answers that wait until a test lets them go.
    pub(crate) held: Mutex<Vec<(String, Responder)>>,
}

static PROTOCOLS: [&Protocol; 1] = [&protocol::CLIENT_NAMENODE];

impl Handler for Paths {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, call: Call, reply: Responder) {
        let result = call.decode::<GetFileInfoRequestProto>();
        if call.method.name != "getFileInfo" && call.method.name != "getLinkTarget" {
            let name = call.method.name;
            return reply.fail(&RemoteError::new(exception::UNSUPPORTED_OPERATION, name));
        }
        self.seen.lock().push(call);
        let src = match result {
            Ok(request) => request.src,
            Err(error) => return reply.fail(&error),
        };
        match src.as_str() {
            "/hold" => self.held.lock().push((src, reply)),
            "/forget" => drop(reply),
            "/missing" => reply.fail(&RemoteError::new(exception::FILE_NOT_FOUND, src)),
            "/big" => reply.reply(&link("x".repeat(1 << 20))),
            _ => reply.reply(&link(src)),
        }
    }
}

pub(crate) fn link(target: impl Into<String>) -> GetLinkTargetResponseProto {
    GetLinkTargetResponseProto { target_path: Some(target.into()) }
}

pub(crate) async fn serve(limits: ServerLimits) -> (Server, Arc<Paths>) {
    let handler = Arc::new(Paths::default());
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    (Server::bind(anywhere, limits, handler.clone()).await.unwrap(), handler)
}

pub(crate) fn client(settings: ClientSettings) -> RpcClient {
    RpcClient::new(settings, Arc::new(UserIdentity::new("alice")))
}

pub(crate) fn address(server: &Server) -> ServerAddress {
    server.local_addr().into()
}
