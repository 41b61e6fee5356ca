//! The port of `dfs.namenode.lifeline.rpc-address`, where DataNodes say that they live while their
//! heartbeats are late. Nothing else is answered there, so that nothing else can delay it.

use std::net::SocketAddr;
use std::sync::Arc;

use loxodon_rpc::server::{
    Call, Handler, Place, Responder, Server, ServerError, ServerLimits, ServiceAccess,
};
use loxodon_wire::rpc::protocol::{self, Protocol};
use loxodon_wire::rpc::{RemoteError, UserIdentity};

use super::door::Door;

/// Hands lifelines to the door that all calls go through.
struct Lifeline(Arc<Door>);

static PROTOCOLS: [&Protocol; 1] = [&protocol::DATANODE_LIFELINE];

impl Handler for Lifeline {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, call: Call, reply: Responder) {
        self.0.call(call, reply);
    }

    fn authorize(
        &self,
        user: &UserIdentity,
        protocol: Option<&str>,
        peer: SocketAddr,
    ) -> Result<(), RemoteError> {
        self.0.authorize(user, protocol, peer)
    }

    fn services(&self) -> Option<&ServiceAccess> {
        self.0.services()
    }

    fn groups_of(&self, user: &str) -> Vec<String> {
        self.0.groups_of(user)
    }
}

/// Listens at `place`.
pub(crate) fn serve(
    place: Place,
    limits: ServerLimits,
    door: &Arc<Door>,
) -> Result<Server, ServerError> {
    Server::serve(place, limits, Arc::new(Lifeline(Arc::clone(door))))
}
