//! `ProtocolMetaInfoPB`: which versions of a protocol there are and what its methods are. Every
//! server answers it by itself (`ProtocolMetaInfoServerSideTranslatorPB`).

use loxodon_wire::proto::common::{
    GetProtocolSignatureRequestProto, GetProtocolSignatureResponseProto,
    GetProtocolVersionsRequestProto, GetProtocolVersionsResponseProto, ProtocolSignatureProto,
    ProtocolVersionProto,
};
use loxodon_wire::rpc::protocol::{self, Protocol};
use loxodon_wire::rpc::{RemoteError, exception};

use super::call::{Call, Responder};

pub(super) static PROTOCOL: &Protocol = &protocol::PROTOCOL_META_INFO;

/// The only kind of RPC there is here.
const KIND: &str = "RPC_PROTOCOL_BUFFER";

pub(super) fn answer(protocols: &[&'static Protocol], call: &Call, reply: Responder) {
    match call.method.name {
        "getProtocolVersions" => reply.finish(versions(protocols, call)),
        _ => reply.finish(signature(protocols, call)),
    }
}

fn versions(
    protocols: &[&'static Protocol],
    call: &Call,
) -> Result<GetProtocolVersionsResponseProto, RemoteError> {
    let request: GetProtocolVersionsRequestProto = call.decode()?;
    let version = find(protocols, &request.protocol)?.map(|protocol| protocol.version);
    // Java adds an entry for each kind that does not have the protocol, without the required name
    // of the kind, and so always fails to build its answer; here those are left out.
    let protocol_versions = version
        .map(|version| ProtocolVersionProto { rpc_kind: KIND.into(), versions: vec![version] })
        .into_iter()
        .collect();
    Ok(GetProtocolVersionsResponseProto { protocol_versions })
}

fn signature(
    protocols: &[&'static Protocol],
    call: &Call,
) -> Result<GetProtocolSignatureResponseProto, RemoteError> {
    let request: GetProtocolSignatureRequestProto = call.decode()?;
    match request.rpc_kind.as_str() {
        KIND | "RPC_WRITABLE" | "RPC_BUILTIN" => {}
        other => {
            let message = format!("No enum constant org.apache.hadoop.ipc.RPC.RpcKind.{other}");
            return Err(RemoteError::new(exception::ILLEGAL_ARGUMENT, message));
        }
    }
    let found = find(protocols, &request.protocol)?.filter(|_| request.rpc_kind == KIND);
    let protocol_signature = found
        .map(|protocol| ProtocolSignatureProto {
            version: protocol.version,
            methods: fingerprints(protocol),
        })
        .into_iter()
        .collect();
    Ok(GetProtocolSignatureResponseProto { protocol_signature })
}

/// Fingerprints of `VersionedProtocol`'s own methods, which two of the interfaces inherit.
const VERSIONED: [u32; 2] = [4138046293, 2691276095];

fn fingerprints(protocol: &Protocol) -> Vec<u32> {
    let inherited =
        [&protocol::HA_SERVICE, &protocol::ZKFC].iter().any(|p| p.name == protocol.name);
    let own = protocol.calls.iter().map(|call| call.fingerprint as u32);
    own.chain(VERSIONED.into_iter().filter(|_| inherited)).collect()
}

/// The protocol with this Java interface, if the server speaks it.
fn find(
    protocols: &[&'static Protocol],
    interface: &str,
) -> Result<Option<&'static Protocol>, RemoteError> {
    let known = protocol::ALL.iter().copied().find(|p| p.interface == interface);
    let Some(known) = known else {
        return Err(RemoteError::new("java.lang.ClassNotFoundException", interface));
    };
    let own = std::iter::once(&PROTOCOL);
    Ok(protocols.iter().chain(own).copied().find(|p| p.name == known.name))
}
