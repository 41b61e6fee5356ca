//! Connections to other DataNodes.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use loxodon_wire::proto::hdfs::{BlockOpResponseProto, DatanodeIdProto};
use loxodon_wire::transfer::{Operation, decode_message};

use super::link::{Link, read_message};
use crate::error::{NetworkContext, Result};
use crate::settings::DataNodeSettings;

/// What each DataNode of a pipeline adds to the patience (`READ_TIMEOUT_EXTENSION` and its kin).
const EXTENSION: Duration = Duration::from_secs(5);

/// `host:port` of a DataNode's transfers.
pub(super) fn transfer_address(id: &DatanodeIdProto, by_name: bool) -> String {
    let host = if by_name { &id.host_name } else { &id.ip_addr };
    format!("{host}:{}", id.xfer_port)
}

/// Connects to a DataNode that has `behind` more of them behind itself, and sends it a request.
pub(super) fn request(
    settings: &DataNodeSettings,
    target: &DatanodeIdProto,
    behind: usize,
    operation: &Operation,
) -> Result<TcpStream> {
    let address = transfer_address(target, settings.connect_by_name);
    let more = EXTENSION * u32::try_from(behind).unwrap_or(u32::MAX).min(1000);
    let patience = settings.read_timeout + more;
    let connect = || -> std::io::Result<TcpStream> {
        let mut last = std::io::ErrorKind::AddrNotAvailable.into();
        for place in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&place, patience) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    let mut link = connect().network("cannot connect to", &address)?;
    let prepared = link
        .set_nodelay(true)
        .and_then(|()| link.set_timeouts(patience, settings.write_timeout + more));
    prepared.network("cannot set up the connection to", &address)?;
    let mut bytes = Vec::with_capacity(512);
    operation.encode(&mut bytes);
    std::io::Write::write_all(&mut link, &bytes).network("cannot send a request to", &address)?;
    Ok(link)
}

/// The answer to a request.
pub(super) fn response(link: &mut impl Link, peer: &str) -> Result<BlockOpResponseProto> {
    let bytes = read_message(link).network("cannot read the answer of", &peer)?;
    Ok(decode_message("BlockOpResponseProto", &bytes)?)
}
