//! How many small calls a second one core of the server answers: one connection that pipelines,
//! 64 that do, 64 that wait for each answer, and our own client with 64 callers.
//!
//! Run as `cargo run --release -p loxodon-rpc --example echo_rate`.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient};
use loxodon_rpc::server::{Call, Handler, Responder, Server, ServerLimits};
use loxodon_wire::proto::common::{IpcConnectionContextProto, UserInformationProto};
use loxodon_wire::proto::hdfs::{GetLinkTargetRequestProto, GetLinkTargetResponseProto};
use loxodon_wire::rpc::protocol::{CLIENT_NAMENODE, Protocol};
use loxodon_wire::rpc::{
    AuthProtocol, CallId, ClientId, MethodHeader, Preamble, RequestHeader, UserIdentity, put_call,
    put_control,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PATH: &str = "/user/someone/some/directory/part-00000";
const TIME: Duration = Duration::from_secs(3);

/// Answers with what it was asked.
struct Echo;

static PROTOCOLS: [&Protocol; 1] = [&CLIENT_NAMENODE];

impl Handler for Echo {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, call: Call, reply: Responder) {
        let request = call.decode::<GetLinkTargetRequestProto>();
        reply.finish(
            request.map(|request| GetLinkTargetResponseProto { target_path: Some(request.path) }),
        );
    }
}

fn main() -> Outcome<()> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        runtime.block_on(async {
            let server = Server::bind(anywhere, ServerLimits::default(), Arc::new(Echo)).await?;
            let thread = fs::read_link("/proc/thread-self")?;
            sender.send((server.local_addr(), format!("/proc/{}/schedstat", thread.display())))?;
            std::future::pending::<()>().await;
            Ok(())
        })
    });
    let (address, clock) = receiver.recv()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (name, connections, batch) in [
        ("1 connection, 128 calls in flight", 1, 128),
        ("64 connections, 32 calls in flight each", 64, 32),
        ("64 connections, 1 call in flight each", 64, 1),
    ] {
        let before = cpu(&clock)?;
        let (calls, wall) = runtime.block_on(pipeline(address, connections, batch))?;
        report(name, calls, wall, cpu(&clock)? - before);
    }
    let before = cpu(&clock)?;
    let (calls, wall) = runtime.block_on(own_client(address))?;
    report("own client, 64 callers, 1 connection", calls, wall, cpu(&clock)? - before);
    Ok(())
}

fn report(name: &str, calls: u64, wall: Duration, cpu: Duration) {
    let per_second = calls as f64 / wall.as_secs_f64();
    let per_core = calls as f64 / cpu.as_secs_f64();
    println!("{name}: {per_second:.0} calls/s, {per_core:.0} per second of server CPU");
}

/// CPU time that a thread has used.
fn cpu(clock: &str) -> Outcome<Duration> {
    let text = fs::read_to_string(clock)?;
    let nanos = text.split_whitespace().next().ok_or("empty schedstat")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

async fn pipeline(
    address: SocketAddr,
    connections: usize,
    batch: usize,
) -> Outcome<(u64, Duration)> {
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(connection(address, batch));
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done??;
    }
    Ok((calls, started.elapsed()))
}

/// Sends batches of calls, each once the one before it is answered.
async fn connection(address: SocketAddr, batch: usize) -> Outcome<u64> {
    let id = ClientId([1; 16]);
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut out = BytesMut::from(&Preamble::encode(0, AuthProtocol::None)[..]);
    let info = UserInformationProto { effective_user: Some("me".into()), real_user: None };
    let context = IpcConnectionContextProto { user_info: Some(info), protocol: None };
    let header = RequestHeader::of_call(CallId::CONNECTION_CONTEXT, &id, -1);
    put_control(&mut out, &header, Some(&context));
    stream.write_all(&out).await?;

    let method =
        MethodHeader { method: "getLinkTarget", protocol: CLIENT_NAMENODE.name, version: 1 };
    let request = GetLinkTargetRequestProto { path: PATH.into() };
    let header = RequestHeader::of_call(CallId(1), &id, 0);
    let mut one = BytesMut::new();
    if !put_call(&mut one, &header, &method, &request) {
        return Err("the call is too long".into());
    }
    stream.write_all(&one).await?;
    let length = stream.read_u32().await? as usize;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    let many = one.repeat(batch);
    let mut answers = vec![0; (length + 4) * batch];
    let (started, mut calls) = (Instant::now(), 0);
    while started.elapsed() < TIME {
        stream.write_all(&many).await?;
        stream.read_exact(&mut answers).await?;
        calls += batch as u64;
    }
    Ok(calls)
}

async fn own_client(address: SocketAddr) -> Outcome<(u64, Duration)> {
    let client = RpcClient::new(ClientSettings::default(), Arc::new(UserIdentity::new("me")));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let client = client.clone();
        tasks.spawn(async move {
            let (to, mut calls) = (address.into(), 0u64);
            let request = GetLinkTargetRequestProto { path: PATH.into() };
            while started.elapsed() < TIME {
                let _answer: GetLinkTargetResponseProto = client
                    .call(&to, &CLIENT_NAMENODE, "getLinkTarget", &request, CallOptions::default())
                    .await?;
                calls += 1;
            }
            Outcome::Ok(calls)
        });
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done??;
    }
    Ok((calls, started.elapsed()))
}
