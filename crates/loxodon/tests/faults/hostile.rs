//! Peers that send nonsense, while others go on.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use loxodon_client::SafeModeAction;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_wire::rpc::UserIdentity;
use loxodon_wire::rpc::protocol::{self, Protocol};
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, encode_key, encode_varint, skip_field};
use prost::{DecodeError, Message};

use crate::daemon::Site;
use crate::web::{get, send};

/// A request that is whatever bytes it holds.
#[derive(Debug, Default)]
struct Raw(Vec<u8>);

impl Message for Raw {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, context)
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl Raw {
    /// Fields that are there or not, of one kind or another, and sometimes cut off.
    fn random(rng: &mut Rng, depth: u32) -> Self {
        const TEXTS: [&[u8]; 6] = [b"", b"/", b"/x", b"x", b"/\xff", b"BP-1-127.0.0.1-1"];
        const NUMBERS: [u64; 6] = [0, 1, 2, 1 << 31, 1 << 63, u64::MAX];
        let mut bytes = Vec::new();
        for tag in 1..=rng.u32(1..8) {
            match rng.u8(..8) {
                0 => {}
                1..4 => {
                    encode_key(tag, WireType::Varint, &mut bytes);
                    encode_varint(NUMBERS[rng.usize(..NUMBERS.len())], &mut bytes);
                }
                kind => {
                    let inner = match (kind, depth) {
                        (4..6, 0..3) => Self::random(rng, depth + 1).0,
                        _ => TEXTS[rng.usize(..TEXTS.len())].to_vec(),
                    };
                    encode_key(tag, WireType::LengthDelimited, &mut bytes);
                    encode_varint(inner.len() as u64, &mut bytes);
                    bytes.extend(inner);
                }
            }
        }
        if rng.u8(..10) == 0 {
            bytes.truncate(bytes.len() / 2);
        }
        Self(bytes)
    }
}

#[tokio::test]
async fn every_call_with_any_request_is_answered() {
    const PROTOCOLS: [&Protocol; 5] = [
        &protocol::CLIENT_NAMENODE,
        &protocol::DATANODE,
        &protocol::NAMENODE,
        &protocol::GET_USER_MAPPINGS,
        &protocol::HA_SERVICE,
    ];
    let site = Site::formatted();
    let mut namenode = site.start();
    assert!(namenode.client().mkdirs("/x", 0o755, true).await.expect("mkdirs"));
    let user = Arc::new(UserIdentity::new(loxodon_runtime::daemon::process_user()));
    let client = RpcClient::new(ClientSettings::default(), user);
    let (host, port) = namenode.rpc.rsplit_once(':').expect("host:port");
    let address = ServerAddress::new(host, port.parse().expect("a port"));
    let mut rng = Rng::with_seed(7);
    let mut refused = 0;
    for protocol in PROTOCOLS {
        for call in protocol.calls {
            for round in 0..25 {
                let request = if round == 0 { Raw::default() } else { Raw::random(&mut rng, 0) };
                let options = CallOptions {
                    timeout: Some(Duration::from_secs(120)),
                    ..CallOptions::default()
                };
                match client
                    .call::<Raw, Raw>(&address, protocol, call.name, &request, options)
                    .await
                {
                    Ok(_) => {}
                    Err(RpcError::Remote(error)) => {
                        assert!(!error.class.is_empty(), "{}: {request:?}", call.name);
                        refused += 1;
                    }
                    Err(error) => panic!("{} {request:?}: {error}\n{}", call.name, namenode.log()),
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
    let client = namenode.client();
    client.set_safe_mode(SafeModeAction::Leave, false).await.expect("leave");
    assert!(client.mkdirs("/after", 0o755, true).await.expect("mkdirs"));
    let log = namenode.log();
    assert!(!log.contains("panicked"), "{log}");
    // Whatever of it was done is read again.
    namenode.stop();
    let namenode = site.start();
    assert!(namenode.client().exists("/after").await.expect("getFileInfo"));
}

#[tokio::test]
async fn nonsense_on_the_ports_disturbs_nobody_else() {
    let site = Site::formatted();
    let mut namenode = site.start();
    let (rpc, http) = (namenode.rpc.clone(), namenode.http.clone());
    let noise = tokio::task::spawn_blocking(move || {
        let mut rng = Rng::with_seed(3);
        for round in 0..40 {
            let mut bytes: Vec<u8> = (0..rng.usize(1..3000)).map(|_| rng.u8(..)).collect();
            let begin: &[u8] = match round % 4 {
                // A header, then a frame as long as can be said.
                0 => b"hrpc\x09\0\0\x7f\xff\xff\xff",
                1 => b"hrpc\x09\0\0\0\0\0\x20",
                2 => b"GET / HTTP/1.1\r\n",
                _ => b"",
            };
            bytes.splice(..0, begin.iter().copied());
            send(&rpc, &bytes);
            send(&http, &bytes);
        }
        for target in
            ["/%", "/../../etc/passwd", "/jmx?qry=%ff", "/conf?name=%00", "/imagetransfer"]
        {
            send(&http, format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes());
        }
        let long = format!("GET /{} HTTP/1.0\r\n\r\n", "x".repeat(1 << 20));
        send(&http, long.as_bytes());
    });
    let client = namenode.client();
    let mut calls = 0;
    while calls < 10 || !noise.is_finished() {
        let path = format!("/{calls}");
        let made = client.mkdirs(&path, 0o755, true);
        let made = tokio::time::timeout(Duration::from_secs(120), made).await.expect("an answer");
        assert!(made.expect("mkdirs"));
        calls += 1;
    }
    noise.await.expect("noise");
    assert!(get(&namenode.http, "/jmx").contains("NameNodeInfo"));
    let log = namenode.log();
    assert!(!log.contains("panicked"), "{log}");
    namenode.stop();
}
