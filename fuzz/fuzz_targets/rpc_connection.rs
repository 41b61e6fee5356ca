//! A whole connection to a server: preamble, context, SASL, calls, in any order and cut anywhere.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use loxodon_rpc::server::{Call, Handler, Responder, Server, ServerLimits};
use loxodon_wire::proto::hdfs::GetLinkTargetResponseProto;
use loxodon_wire::rpc::protocol::{CLIENT_NAMENODE, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

struct Answers;

static PROTOCOLS: [&Protocol; 1] = [&CLIENT_NAMENODE];

impl Handler for Answers {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, _: Call, reply: Responder) {
        reply.reply(&GetLinkTargetResponseProto { target_path: None });
    }
}

thread_local! {
    static WORLD: RefCell<(Runtime, Server)> = RefCell::new({
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let limits = ServerLimits { max_frame: 1 << 20, ..ServerLimits::default() };
        let bound = Server::bind(([127, 0, 0, 1], 0).into(), limits, Arc::new(Answers));
        let server = runtime.block_on(bound).expect("a server");
        (runtime, server)
    });
}

async fn converse(server: &Server, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.local_addr()).await.expect("a connection");
    // No port waits for a minute after each of thousands of connections.
    #[allow(deprecated)]
    stream.set_linger(Some(Duration::ZERO)).expect("an option");
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answers = Vec::new();
    let read = stream.read_to_end(&mut answers);
    let _ = tokio::time::timeout(Duration::from_secs(3), read).await.expect("the server closes");
}

fuzz_target!(|bytes: &[u8]| {
    WORLD.with_borrow(|(runtime, server)| runtime.block_on(converse(server, bytes)));
});
