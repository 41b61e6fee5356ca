//! How a client opens a connection: TCP, preamble, SASL's first words if wanted, context.

use std::io;

use bytes::BytesMut;
use loxodon_wire::proto::common::rpc_sasl_proto::SaslState;
use loxodon_wire::proto::common::{IpcConnectionContextProto, RpcSaslProto, UserInformationProto};
use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{
    AuthProtocol, CallId, ClientId, Preamble, RequestHeader, ResponseHeader, RpcStatus,
    UserIdentity, put_control, split_header, take_delimited,
};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::settings::{ClientSettings, ServerAddress};

/// The longest answer of a negotiation.
const MAX_NEGOTIATION: usize = 1 << 20;

/// Connects, trying again as Hadoop does (`Client.Connection.setupConnection`).
pub(super) async fn connect(
    address: &ServerAddress,
    settings: &ClientSettings,
) -> io::Result<TcpStream> {
    let (mut timeouts, mut failures) = (0, 0);
    loop {
        let error = match timeout(settings.connect_timeout, connect_once(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(settings.tcp_nodelay)?;
                socket2::SockRef::from(&stream).set_keepalive(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => error,
            Err(_elapsed) => {
                let limit = settings.connect_timeout.as_millis();
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!(
                        "{limit} millis timeout while waiting for channel to be ready for connect"
                    ),
                )
            }
        };
        let (count, allowed) = if error.kind() == io::ErrorKind::TimedOut {
            (&mut timeouts, settings.connect_retries_on_timeout)
        } else {
            (&mut failures, settings.connect_retries)
        };
        if *count >= allowed {
            return Err(error);
        }
        tracing::info!(
            "Retrying connect to server: {address}. Already tried {count} time(s); \
             maxRetries={allowed}"
        );
        *count += 1;
        if error.kind() != io::ErrorKind::TimedOut {
            sleep(settings.connect_retry_interval).await;
        }
    }
}

async fn connect_once(address: &ServerAddress) -> io::Result<TcpStream> {
    let unknown = |_| io::Error::new(io::ErrorKind::NotFound, address.host.to_string());
    let mut last = io::Error::new(io::ErrorKind::NotFound, address.host.to_string());
    for resolved in lookup_host((&*address.host, address.port)).await.map_err(unknown)? {
        match TcpStream::connect(resolved).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What is to be sent before the first call, after any negotiation.
pub(super) async fn open(
    stream: &mut TcpStream,
    client_id: &ClientId,
    user: &UserIdentity,
    protocol: &Protocol,
    settings: &ClientSettings,
) -> io::Result<BytesMut> {
    let mut out = BytesMut::new();
    if settings.negotiate {
        out.extend_from_slice(&Preamble::encode(0, AuthProtocol::Sasl));
        timeout(settings.connect_timeout, negotiate(stream, client_id, &mut out))
            .await
            .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
    } else {
        out.extend_from_slice(&Preamble::encode(0, AuthProtocol::None));
    }
    let info = UserInformationProto {
        effective_user: Some(user.effective.clone()),
        real_user: user.real.clone(),
    };
    let context = IpcConnectionContextProto {
        user_info: Some(info),
        protocol: Some(protocol.name.to_owned()),
    };
    let header = RequestHeader::of_call(CallId::CONNECTION_CONTEXT, client_id, -1);
    put_control(&mut out, &header, Some(&context));
    Ok(out)
}

/// Asks what authentication the server wants, and takes SIMPLE; leaves in `out` what is left to
/// be sent.
async fn negotiate(
    stream: &mut TcpStream,
    client_id: &ClientId,
    out: &mut BytesMut,
) -> io::Result<()> {
    let header = RequestHeader::of_call(CallId::SASL, client_id, -1);
    let ask = RpcSaslProto { state: SaslState::Negotiate as i32, ..Default::default() };
    put_control(out, &header, Some(&ask));
    stream.write_all(&out.split()).await?;
    let length = stream.read_i32().await?;
    let length = usize::try_from(length).ok().filter(|&l| l <= MAX_NEGOTIATION);
    let length = length.ok_or_else(|| invalid("an answer of a wrong length to SASL"))?;
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    let (header_bytes, mut rest) = split_header(&frame).map_err(invalid)?;
    let answer = ResponseHeader::decode(header_bytes).map_err(invalid)?;
    if answer.status != RpcStatus::Success {
        return Err(answer.error.map_or_else(|| invalid("SASL refused"), io::Error::other));
    }
    let message = take_delimited(&mut rest).map_err(invalid)?;
    let mut message = RpcSaslProto::decode(message).map_err(invalid)?;
    if message.state == SaslState::Success as i32 {
        return Ok(());
    }
    let methods: Vec<_> = message.auths.iter().map(|auth| auth.method.clone()).collect();
    let simple = message.auths.iter().position(|auth| auth.method == "SIMPLE");
    let Some(simple) = simple else {
        let text = format!("Client cannot authenticate via:{methods:?}");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    };
    let take = RpcSaslProto {
        state: SaslState::Initiate as i32,
        auths: vec![message.auths.swap_remove(simple)],
        ..Default::default()
    };
    put_control(out, &header, Some(&take));
    Ok(())
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
