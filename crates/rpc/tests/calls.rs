//! Calls from our client to our server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{address, client, link, serve};
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_rpc::server::{ServerLimits, together};
use loxodon_wire::proto::common::{
    GetProtocolSignatureRequestProto, GetProtocolSignatureResponseProto,
    GetProtocolVersionsRequestProto, GetProtocolVersionsResponseProto,
};
use loxodon_wire::proto::hdfs::{
    GetLinkTargetRequestProto, GetLinkTargetResponseProto, RenewLeaseRequestProto,
    RenewLeaseResponseProto,
};
use loxodon_wire::rpc::protocol::{CLIENT_NAMENODE, NAMENODE, PROTOCOL_META_INFO};
use loxodon_wire::rpc::{CallerContext, RpcErrorCode, UserIdentity};

async fn ask(
    client: &RpcClient,
    to: &ServerAddress,
    path: &str,
    options: CallOptions,
) -> Result<GetLinkTargetResponseProto, RpcError> {
    let request = GetLinkTargetRequestProto { path: path.into() };
    client.call(to, &CLIENT_NAMENODE, "getLinkTarget", &request, options).await
}

#[tokio::test]
async fn a_call_carries_everything_and_its_answer_returns() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let identity = client.new_call();
    let context = CallerContext { context: "job_1".into(), signature: vec![1, 2].into() };
    let options = CallOptions {
        identity: Some(identity),
        retry_count: 3,
        caller_context: Some(context.clone()),
        state_id: Some(77),
        ..CallOptions::default()
    };
    let answer = ask(&client, &address(&server), "/a", options).await.unwrap();
    assert_eq!(answer, link("/a"));
    let call = paths.seen.lock().pop().unwrap();
    assert_eq!(call.client_id, Some(identity.client_id));
    assert_eq!((call.call_id, call.retry_count), (identity.call_id, 3));
    assert_eq!(call.caller_context, Some(context));
    assert_eq!(call.state_id, Some(77));
    assert_eq!(*call.user, UserIdentity::new("alice"));
    server.shutdown().await;
}

#[tokio::test]
async fn a_client_that_begins_with_sasl_is_told_simple() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings { negotiate: true, ..ClientSettings::default() });
    ask(&client, &address(&server), "/a", CallOptions::default()).await.unwrap();
    assert_eq!(*paths.seen.lock()[0].user, UserIdentity::new("alice"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_come_in_any_order() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let to = address(&server);
    let held = {
        let (client, to) = (client.clone(), to.clone());
        tokio::spawn(async move { ask(&client, &to, "/hold", CallOptions::default()).await })
    };
    while paths.held.lock().is_empty() {
        ask(&client, &to, "/later", CallOptions::default()).await.unwrap();
    }
    assert_eq!(server.metrics().sample().0.calls_in_flight, 1);
    assert_eq!(server.metrics().sample().0.open_connections, 1);
    let (path, reply) = paths.held.lock().pop().unwrap();
    std::thread::spawn(move || reply.reply(&link(path)));
    assert_eq!(held.await.unwrap().unwrap(), link("/hold"));
    assert_eq!(server.metrics().sample().0.deferred_time.count, 1);
}

#[tokio::test]
async fn many_calls_share_a_connection() {
    let (server, _) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let mut calls = tokio::task::JoinSet::new();
    for i in 0..5000 {
        let (client, to) = (client.clone(), address(&server));
        calls.spawn(async move {
            let path = format!("/{i}");
            assert_eq!(ask(&client, &to, &path, CallOptions::default()).await.unwrap(), link(path));
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    let (activity, named) = server.metrics().sample();
    assert_eq!(activity.open_connections, 1);
    assert_eq!(named["getLinkTarget"].count, 5000);
    assert_eq!(activity.connections_per_user["alice"], 1);
}

#[tokio::test]
async fn exceptions_keep_class_and_message() {
    let (server, _) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let to = address(&server);
    let error = ask(&client, &to, "/missing", CallOptions::default()).await.unwrap_err();
    assert_eq!(error.java_class(), "java.io.FileNotFoundException");
    assert_eq!(error.remote().unwrap().message, "/missing");
    assert_eq!(error.code(), Some(RpcErrorCode::Application));
    let error = ask(&client, &to, "/forget", CallOptions::default()).await.unwrap_err();
    assert_eq!(error.java_class(), "java.io.IOException");
    let named = server.metrics().sample().1;
    assert_eq!(named["FileNotFoundException"].count, 1);
}

#[tokio::test]
async fn what_the_server_does_not_speak_is_named() {
    let (server, _) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let to = address(&server);
    let request = RenewLeaseRequestProto { client_name: "c".into(), namespaces: vec![] };
    let options = CallOptions::default;
    let error = client
        .call::<_, RenewLeaseResponseProto>(
            &to,
            &CLIENT_NAMENODE,
            "noSuchCall",
            &request,
            options(),
        )
        .await
        .unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.ipc.RpcNoSuchMethodException");
    assert_eq!(
        error.remote().unwrap().message,
        "Unknown method noSuchCall called on org.apache.hadoop.hdfs.protocol.ClientProtocol protocol."
    );
    assert_eq!(error.code(), Some(RpcErrorCode::NoSuchMethod));
    let error = client
        .call::<_, RenewLeaseResponseProto>(&to, &NAMENODE, "getBlocks", &request, options())
        .await
        .unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.ipc.RpcNoSuchProtocolException");
    assert_eq!(
        error.remote().unwrap().message,
        "Unknown protocol: org.apache.hadoop.hdfs.server.protocol.NamenodeProtocol"
    );
}

#[tokio::test]
async fn a_request_without_a_required_field_is_refused() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let error = client
        .call::<_, GetLinkTargetResponseProto>(
            &address(&server),
            &CLIENT_NAMENODE,
            "getLinkTarget",
            &(),
            CallOptions::default(),
        )
        .await
        .unwrap_err();
    assert!(error.java_class().ends_with("InvalidProtocolBufferException"));
    assert!(error.to_string().contains("Message missing required fields: path"), "{error}");
    assert!(paths.seen.lock().is_empty());
}

#[tokio::test]
async fn versions_and_signatures_are_told() {
    let (server, _) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let to = address(&server);
    let interface = CLIENT_NAMENODE.interface.to_owned();
    let request = GetProtocolVersionsRequestProto { protocol: interface.clone() };
    let versions: GetProtocolVersionsResponseProto = client
        .call(&to, &PROTOCOL_META_INFO, "getProtocolVersions", &request, CallOptions::default())
        .await
        .unwrap();
    assert_eq!(versions.protocol_versions[0].rpc_kind, "RPC_PROTOCOL_BUFFER");
    assert_eq!(versions.protocol_versions[0].versions, [1]);
    let rpc_kind = "RPC_PROTOCOL_BUFFER".to_owned();
    let request = GetProtocolSignatureRequestProto { protocol: interface, rpc_kind };
    let signature: GetProtocolSignatureResponseProto = client
        .call(&to, &PROTOCOL_META_INFO, "getProtocolSignature", &request, CallOptions::default())
        .await
        .unwrap();
    assert_eq!(signature.protocol_signature[0].methods.len(), CLIENT_NAMENODE.calls.len());
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let (server, _) = serve(ServerLimits::default()).await;
    let to = address(&server);
    server.shutdown().await;
    let settings = ClientSettings {
        connect_retries: 2,
        connect_retry_interval: Duration::from_millis(1),
        ..ClientSettings::default()
    };
    let error = ask(&client(settings), &to, "/a", CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, RpcError::Connect { .. }));
    assert!(!error.maybe_sent());
    assert_eq!(error.java_class(), "java.net.ConnectException");
}

#[tokio::test]
async fn a_call_without_an_answer_ends_in_time_and_may_be_done() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let client = client(ClientSettings::default());
    let to = address(&server);
    // Long enough for the call to get there.
    let timeout = Some(Duration::from_secs(5));
    let options = CallOptions { timeout, ..CallOptions::default() };
    let error = ask(&client, &to, "/hold", options).await.unwrap_err();
    assert!(error.is_timeout() && error.maybe_sent(), "{error}");
    // The silent connection is not used again.
    ask(&client, &to, "/a", CallOptions::default()).await.unwrap();
    assert_eq!(paths.held.lock().len(), 1);
}

#[tokio::test]
async fn a_broken_connection_ends_its_calls_and_a_new_one_is_made() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let to = address(&server);
    let client = client(ClientSettings::default());
    let held = {
        let (client, to) = (client.clone(), to.clone());
        tokio::spawn(async move { ask(&client, &to, "/hold", CallOptions::default()).await })
    };
    while paths.held.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
    let error = held.await.unwrap().unwrap_err();
    assert!(error.maybe_sent());
    assert!(matches!(error, RpcError::Transport { .. }), "{error:?}");
    // Answering a call whose connection is gone does no harm.
    let (path, reply) = paths.held.lock().pop().unwrap();
    reply.reply(&link(path));
    let (again, _) = serve(ServerLimits::default()).await;
    ask(&client, &address(&again), "/a", CallOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_waiting_connection_is_pinged_and_an_idle_one_closed() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let to = address(&server);
    let client = client(ClientSettings {
        rpc_timeout: Duration::ZERO,
        ping_interval: Duration::from_millis(20),
        max_idle: Duration::from_millis(60),
        ..ClientSettings::default()
    });
    let held = {
        let (client, to) = (client.clone(), to.clone());
        tokio::spawn(async move { ask(&client, &to, "/hold", CallOptions::default()).await })
    };
    while paths.held.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    let before = server.metrics().sample().0.received_bytes;
    while server.metrics().sample().0.received_bytes == before {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (path, reply) = paths.held.lock().pop().unwrap();
    reply.reply(&link(path));
    held.await.unwrap().unwrap();
    while server.metrics().sample().0.open_connections > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn speaking_for_another_is_refused_by_default() {
    let (server, _) = serve(ServerLimits::default()).await;
    let user = UserIdentity { effective: "bob".into(), real: Some("alice".into()) };
    let client = client(ClientSettings::default()).with_user(std::sync::Arc::new(user));
    let error = ask(&client, &address(&server), "/a", CallOptions::default()).await.unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.security.authorize.AuthorizationException");
    assert_eq!(error.remote().unwrap().message, "User: alice is not allowed to impersonate bob");
    assert_eq!(error.code(), Some(RpcErrorCode::FatalUnauthorized));
}

#[tokio::test]
async fn connections_on_threads_of_their_own_are_served_and_closed() {
    let limits = ServerLimits { threads: 2, ..ServerLimits::default() };
    let (server, paths) = serve(limits).await;
    let to = address(&server);
    let clients: Vec<_> = (0..5).map(|_| client(ClientSettings::default())).collect();
    for (number, client) in clients.iter().enumerate() {
        let path = format!("/{number}");
        assert_eq!(ask(client, &to, &path, CallOptions::default()).await.unwrap(), link(&path));
    }
    assert_eq!(server.metrics().sample().0.open_connections, 5);
    let held = ask(&clients[0], &to, "/hold", CallOptions::default());
    let answered = async {
        while paths.held.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        let (path, reply) = paths.held.lock().pop().unwrap();
        std::thread::spawn(move || reply.reply(&link(path))).join().unwrap();
    };
    let (answer, ()) = tokio::join!(held, answered);
    assert_eq!(answer.unwrap(), link("/hold"));
    let metrics = server.metrics();
    server.shutdown().await;
    assert_eq!(metrics.sample().0.open_connections, 0);
}

#[tokio::test]
async fn answers_given_together_leave_when_all_are_given() {
    let (server, paths) = serve(ServerLimits::default()).await;
    let (to, client) = (address(&server), client(ClientSettings::default()));
    let other = common::client(ClientSettings::default());
    let calls = async {
        let options = CallOptions::default;
        tokio::join!(
            ask(&client, &to, "/hold", options()),
            ask(&client, &to, "/hold", options()),
            ask(&client, &to, "/hold", options()),
            ask(&other, &to, "/hold", options()),
        )
    };
    let metrics = server.metrics();
    let answered = async {
        while paths.held.lock().len() < 4 {
            tokio::task::yield_now().await;
        }
        let held = std::mem::take(&mut *paths.held.lock());
        let thread = std::thread::spawn(move || {
            let before = metrics.sample().0.sent_bytes;
            let together = together();
            for (path, reply) in held {
                reply.reply(&link(path));
            }
            // Nobody but this thread sends while the connections sleep.
            let sent_early = metrics.sample().0.sent_bytes - before;
            drop(together);
            sent_early
        });
        thread.join().unwrap()
    };
    let (answers, sent_early) = tokio::join!(calls, answered);
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.unwrap(), link("/hold"));
    }
    assert_eq!(sent_early, 0);
    server.shutdown().await;
}
