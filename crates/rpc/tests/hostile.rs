//! Peers that send nonsense, too much, too slowly, or nothing: each harms only itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use common::{address, client, link, serve};
use loxodon_conf::{Configuration, keys};
use loxodon_rpc::client::{CallOptions, ClientSettings};
use loxodon_rpc::server::{Call, Handler, Responder, Server, ServerLimits, Service, ServiceAccess};
use loxodon_wire::proto::common::{
    IpcConnectionContextProto, RpcSaslProto, UserInformationProto, rpc_sasl_proto::SaslState,
};
use loxodon_wire::proto::hdfs::{GetLinkTargetRequestProto, GetLinkTargetResponseProto};
use loxodon_wire::rpc::protocol::{CLIENT_NAMENODE, NAMENODE, Protocol};
use loxodon_wire::rpc::{
    AuthProtocol, CallId, ClientId, MethodHeader, Preamble, RequestHeader, ResponseHeader,
    RpcErrorCode, put_call, put_control, split_header,
};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CLIENT: ClientId = ClientId([7; 16]);

/// Preamble and context of a client.
fn opening() -> BytesMut {
    opening_for(None)
}

/// The same of one that says which protocol it will speak.
fn opening_for(protocol: Option<&str>) -> BytesMut {
    let mut out = BytesMut::from(&Preamble::encode(0, AuthProtocol::None)[..]);
    let info = UserInformationProto { effective_user: Some("eve".into()), real_user: None };
    let protocol = protocol.map(str::to_owned);
    let context = IpcConnectionContextProto { user_info: Some(info), protocol };
    let header = RequestHeader::of_call(CallId::CONNECTION_CONTEXT, &CLIENT, -1);
    put_control(&mut out, &header, Some(&context));
    out
}

/// One call for a path.
fn call(id: i32, path: &str) -> BytesMut {
    let header = RequestHeader::of_call(CallId(id), &CLIENT, 0);
    let method =
        MethodHeader { method: "getLinkTarget", protocol: CLIENT_NAMENODE.name, version: 1 };
    let mut out = BytesMut::new();
    let request = GetLinkTargetRequestProto { path: path.into() };
    assert!(put_call(&mut out, &header, &method, &request));
    out
}

/// Everything that the server answers until it closes the connection.
async fn converse(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let _closed_already = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    answer
}

/// The exception in the last frame of an answer.
fn refusal(answer: &[u8]) -> (String, RpcErrorCode) {
    let mut rest = answer;
    let mut last = None;
    while let Some((length, tail)) = rest.split_first_chunk() {
        let (frame, after) = tail.split_at(u32::from_be_bytes(*length) as usize);
        last = Some(frame);
        rest = after;
    }
    let (header, _) = split_header(last.expect("an answer")).unwrap();
    let error = ResponseHeader::decode(header).unwrap().error.expect("an error");
    (error.message, error.code)
}

async fn still_serves(server: &Server) {
    let request = GetLinkTargetRequestProto { path: "/a".into() };
    client(ClientSettings::default())
        .call::<_, GetLinkTargetResponseProto>(
            &address(server),
            &CLIENT_NAMENODE,
            "getLinkTarget",
            &request,
            CallOptions::default(),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn frames_of_a_wrong_length_are_refused() {
    let limits = ServerLimits { max_frame: 1000, ..ServerLimits::default() };
    let (server, _) = serve(limits).await;
    for (length, expected) in [
        (-1, "Unexpected data length -1!! from 127.0.0.1"),
        (
            1001,
            "Requested data length 1001 is longer than maximum configured RPC length 1000.  \
             RPC came from 127.0.0.1",
        ),
    ] {
        let mut bytes = opening();
        bytes.extend_from_slice(&i32::to_be_bytes(length));
        bytes.extend_from_slice(&[0; 500]);
        let (message, code) = refusal(&converse(&server, &bytes).await);
        assert_eq!((message.as_str(), code), (expected, RpcErrorCode::FatalInvalidRpcHeader));
    }
    still_serves(&server).await;
}

static GUARDED: [&Protocol; 2] = [&CLIENT_NAMENODE, &NAMENODE];
static SERVICES: [Service; 2] =
    [(&CLIENT_NAMENODE, &keys::CLIENT_PROTOCOL_ACL), (&NAMENODE, &keys::NAMENODE_PROTOCOL_ACL)];

/// Speaks two protocols, one of them only with some.
struct Guarded(ServiceAccess);

impl Handler for Guarded {
    fn protocols(&self) -> &[&'static Protocol] {
        &GUARDED
    }

    fn call(&self, _: Call, reply: Responder) {
        reply.reply(&link("inside"));
    }

    fn services(&self) -> Option<&ServiceAccess> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn a_protocol_is_not_entered_by_the_door_of_another() {
    let mut conf = Configuration::new();
    conf.set("hadoop.security.authorization", "true", "test");
    conf.set("security.client.protocol.acl", "ann", "test");
    let access = ServiceAccess::from_conf(&conf, &SERVICES).unwrap().unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let handler = Arc::new(Guarded(access));
    let server = Server::bind(anywhere, ServerLimits::default(), handler).await.unwrap();
    let denied = "User eve (auth:SIMPLE) is not authorized for protocol interface \
                  org.apache.hadoop.hdfs.protocol.ClientProtocol: denied by configured ACL";
    let bytes = opening_for(Some(CLIENT_NAMENODE.name));
    let (message, code) = refusal(&converse(&server, &bytes).await);
    assert_eq!((message.as_str(), code), (denied, RpcErrorCode::FatalUnauthorized));
    let bytes = opening_for(None);
    assert_eq!(refusal(&converse(&server, &bytes).await).0, "Null protocol not authorized");

    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(&opening_for(Some(NAMENODE.name))).await.unwrap();
    stream.write_all(&call(1, "/a")).await.unwrap();
    let length = stream.read_u32().await.unwrap();
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await.unwrap();
    let answer = [&length.to_be_bytes()[..], &frame].concat();
    let (message, code) = refusal(&answer);
    assert_eq!((message.as_str(), code), (denied, RpcErrorCode::Application));
    assert_eq!(server.metrics().sample().0.authorization_failures, 3);
}

#[tokio::test]
async fn a_refusal_is_read_even_when_much_was_sent_after_the_fault() {
    let (server, _) = serve(ServerLimits::default()).await;
    let mut bytes = opening();
    bytes.extend_from_slice(&[0xff; 300_000]);
    let (message, _) = refusal(&converse(&server, &bytes).await);
    assert!(message.starts_with("Unexpected data length -1"));
}

#[tokio::test]
async fn frames_out_of_order_are_refused() {
    let (server, _) = serve(ServerLimits::default()).await;
    let refused = async |parts: &[&[u8]]| refusal(&converse(&server, &parts.concat()).await);
    let preamble = Preamble::encode(0, AuthProtocol::None);
    let (message, code) = refused(&[&preamble, &call(1, "/a")]).await;
    assert_eq!(message, "Connection context not established");
    assert_eq!(code, RpcErrorCode::FatalInvalidRpcHeader);
    let twice = opening().split_off(7);
    let (message, _) = refused(&[&opening(), &twice]).await;
    assert_eq!(message, "Connection context already processed");
    let (message, code) = refused(&[&opening(), &[0, 0, 0, 3, 200, 1, 1]]).await;
    assert!(message.starts_with("Error decoding RpcRequestHeaderProto: "), "{message}");
    assert_eq!(code, RpcErrorCode::FatalDeserializingRequest);
    let mut strange = BytesMut::new();
    put_control::<()>(&mut strange, &RequestHeader::of_call(CallId(-9), &CLIENT, -1), None);
    let (message, _) = refused(&[&opening(), &strange]).await;
    assert_eq!(message, "Unknown out of band call #-9");
    let mut short_id = BytesMut::new();
    let header =
        RequestHeader { client_id: &[1, 2, 3], ..RequestHeader::of_call(CallId(1), &CLIENT, -1) };
    put_control::<()>(&mut short_id, &header, None);
    let (message, _) = refused(&[&opening(), &short_id]).await;
    assert_eq!(message, "Invalid clientId - length is 3 expected length 16");
    still_serves(&server).await;
}

#[tokio::test]
async fn a_context_that_is_too_long_is_refused() {
    let (server, _) = serve(ServerLimits::default()).await;
    let long = opening_for(Some(&"x".repeat(5000)));
    let (message, code) = refusal(&converse(&server, &long).await);
    assert!(message.ends_with("bytes; at most 4096 are taken"), "{message}");
    assert_eq!(code, RpcErrorCode::FatalInvalidRpcHeader);
    still_serves(&server).await;
}

#[tokio::test]
async fn sasl_goes_as_far_as_simple() {
    let (server, _) = serve(ServerLimits::default()).await;
    let sasl = |state: SaslState| {
        let mut out = BytesMut::new();
        let header = RequestHeader::of_call(CallId::SASL, &CLIENT, -1);
        let message = RpcSaslProto { state: state as i32, ..RpcSaslProto::default() };
        put_control(&mut out, &header, Some(&message));
        out
    };
    let preamble = Preamble::encode(0, AuthProtocol::Sasl);
    let refused = async |parts: &[&[u8]]| refusal(&converse(&server, &parts.concat()).await);
    let (message, code) = refused(&[&preamble, &sasl(SaslState::Response)]).await;
    assert_eq!(
        (message.as_str(), code),
        ("Client did not send a token", RpcErrorCode::FatalUnauthorized)
    );
    let (message, _) = refused(&[&preamble, &sasl(SaslState::Wrap)]).await;
    assert_eq!(message, "Server is not wrapping data");
    let context = opening().split_off(7);
    let (message, _) = refused(&[&preamble, &context]).await;
    assert_eq!(message, "Connection header sent during SASL negotiation");
    let negotiate = sasl(SaslState::Negotiate);
    let (message, _) = refused(&[&preamble, &negotiate, &negotiate]).await;
    assert_eq!(message, "SASL protocol not requested by client");
}

#[tokio::test]
async fn a_call_without_a_body_harms_only_itself() {
    let (server, _) = serve(ServerLimits::default()).await;
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let mut bytes = opening();
    put_control::<()>(&mut bytes, &RequestHeader::of_call(CallId(5), &CLIENT, 0), None);
    bytes.extend_from_slice(&call(6, "/a"));
    stream.write_all(&bytes).await.unwrap();
    let first = read_frame(&mut stream).await;
    let (header, _) = split_header(&first).unwrap();
    let header = ResponseHeader::decode(header).unwrap();
    assert_eq!(header.call_id, CallId(5));
    assert_eq!(header.error.unwrap().code, RpcErrorCode::Application);
    let second = read_frame(&mut stream).await;
    let (header, _) = split_header(&second).unwrap();
    assert_eq!(ResponseHeader::decode(header).unwrap().error, None);
}

async fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u32().await.unwrap();
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await.unwrap();
    frame
}

#[tokio::test]
async fn slow_senders_are_given_up() {
    let limits = ServerLimits {
        // Others are quicker, however busy the machine.
        setup_timeout: Duration::from_secs(2),
        frame_timeout: Duration::from_secs(2),
        ..ServerLimits::default()
    };
    let (server, _) = serve(limits).await;
    // Without a preamble, with half of one, without a context, and with half a frame.
    let halves = [&b""[..], b"hrp", &Preamble::encode(0, AuthProtocol::None), &[]];
    for (i, half) in halves.into_iter().enumerate() {
        let mut bytes = BytesMut::from(half);
        if i == 3 {
            bytes = opening();
            let whole = call(1, "/a");
            bytes.extend_from_slice(&whole[..whole.len() - 1]);
        }
        assert!(converse(&server, &bytes).await.is_empty());
    }
    let mut trickle = TcpStream::connect(server.local_addr()).await.unwrap();
    trickle.write_all(&opening()).await.unwrap();
    let whole = call(1, "/a").repeat(1000);
    let started = tokio::time::Instant::now();
    let mut frame = (whole.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&whole);
    for byte in frame {
        if trickle.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(started.elapsed() < Duration::from_secs(60), "still taken");
    }
    still_serves(&server).await;
}

#[tokio::test]
async fn a_peer_that_takes_no_answers_is_not_read_from_and_then_given_up() {
    let limits = ServerLimits {
        max_unsent: 4 << 20,
        write_timeout: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let (server, paths) = serve(limits).await;
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(&opening()).await.unwrap();
    let calls = call(1, "/big").repeat(2000);
    let _given_up = stream.write_all(&calls).await;
    while server.metrics().sample().0.open_connections > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let handled = paths.seen.lock().len();
    assert!(handled < 200, "{handled} answers of 1 MiB were made for a peer that takes none");
    still_serves(&server).await;
}

#[tokio::test]
async fn calls_that_wait_are_bounded() {
    let limits = ServerLimits { max_calls_per_connection: 10, ..ServerLimits::default() };
    let (server, paths) = serve(limits).await;
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(&opening()).await.unwrap();
    for id in 0..30 {
        stream.write_all(&call(id, "/hold")).await.unwrap();
    }
    for round in 1..=3 {
        while paths.seen.lock().len() < round * 10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        still_serves(&server).await;
        assert_eq!(paths.held.lock().len(), 10);
        let held = std::mem::take(&mut *paths.held.lock());
        for (path, reply) in held {
            reply.reply(&common::link(path));
        }
    }
}

#[tokio::test]
async fn hundreds_of_idle_connections_cost_little_and_go_when_there_are_too_many() {
    let limits = ServerLimits {
        idle_threshold: 395,
        max_idle: Duration::from_millis(300),
        ..ServerLimits::default()
    };
    let (server, _) = serve(limits).await;
    let mut streams = Vec::new();
    for _ in 0..400 {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(&opening()).await.unwrap();
        streams.push(stream);
    }
    still_serves(&server).await;
    while server.metrics().sample().0.open_connections >= 395 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(server.metrics().sample().0.open_connections >= 390);
    still_serves(&server).await;
}

#[tokio::test]
async fn more_connections_than_allowed_are_dropped() {
    let (server, _) = serve(ServerLimits { max_connections: 1, ..ServerLimits::default() }).await;
    let first = TcpStream::connect(server.local_addr()).await.unwrap();
    while server.metrics().sample().0.open_connections == 0 {
        tokio::task::yield_now().await;
    }
    assert!(converse(&server, &opening()).await.is_empty());
    assert_eq!(server.metrics().sample().0.dropped_connections, 1);
    drop(first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_harm_only_their_sender(
        valid_opening: bool,
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        at in 0usize..200,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (server, _) = serve(ServerLimits::default()).await;
            let mut bytes = if valid_opening { opening() } else { BytesMut::new() };
            bytes.extend_from_slice(&call(1, "/a"));
            let at = at.min(bytes.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&noise);
            let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
            let _closed_already = stream.write_all(&bytes).await;
            let _closed_already = stream.shutdown().await;
            let mut answer = Vec::new();
            let _reset = stream.read_to_end(&mut answer).await;
            still_serves(&server).await;
        });
    }
}
