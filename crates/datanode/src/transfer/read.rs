//! `READ_BLOCK` and `COPY_BLOCK`: a block is sent.

use std::net::TcpStream;
use std::time::Instant;

use loxodon_wire::proto::hdfs::{
    BlockOpResponseProto, ChecksumProto, ClientReadStatusProto, OpCopyBlockProto, OpReadBlockProto,
    ReadOpChecksumInfoProto,
};
use loxodon_wire::transfer::{Status, decode_message};

use super::request::Requests;
use super::sender::{Range, SendOptions, Sender};
use super::server::{Session, respond_error, respond_with};
use super::throttle::Throttle;
use crate::block::Block;
use crate::error::{DataNodeError, Result};

/// Serves one read; whether the connection may serve another request.
pub(super) fn read_block(
    session: &Session,
    requests: &mut Requests<TcpStream>,
    request: &OpReadBlockProto,
) -> Result<bool> {
    let node = &session.node;
    let block = Block::from_proto(&request.header.base_header.block);
    let strategy = request.caching_strategy.unwrap_or_default();
    let options = SendOptions {
        with_checksums: request.send_checksums.unwrap_or(true),
        drop_behind: strategy.drop_behind.unwrap_or(node.settings.drop_behind_reads),
        readahead: strategy
            .readahead
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(node.settings.readahead),
        sendfile: node.settings.sendfile,
    };
    // A length below 0 is the whole block.
    let length = (!request.len.cast_signed().is_negative()).then_some(request.len);
    let range = Range { offset: request.offset, length };
    let sender = match Sender::open(&node.dataset, &block, range, options) {
        Ok(sender) => sender,
        Err(error) => {
            let message =
                format!("opReadBlock {block} received exception {}: {error}", error.java_class());
            node.opened_in_vain(&block, &error);
            respond_error(&mut requests.link, message)?;
            return Err(error);
        }
    };
    begin(requests, &sender)?;
    let began = Instant::now();
    let sent = sender.send(&mut requests.link, &session.peer, &node.throttles.read).inspect_err(
        |error| {
            if !error.is_disconnect() {
                node.suspect(&block, error);
            }
        },
    )?;
    let metrics = &node.metrics;
    metrics.read_nanos.add(began.elapsed().as_nanos() as u64);
    metrics.bytes_read.add(sent);
    metrics.blocks_read.add(1);
    if session.is_here {
        metrics.reads_from_here.add(1);
    } else {
        metrics.reads_from_elsewhere.add(1);
        metrics.bytes_read_from_elsewhere.add(sent);
    }
    read_status(requests, &block)
}

/// The reader says whether the data was good. One that has enough just closes the connection.
fn read_status(requests: &mut Requests<TcpStream>, block: &Block) -> Result<bool> {
    let Ok(bytes) = requests.message() else { return Ok(false) };
    let status: ClientReadStatusProto = decode_message("ClientReadStatusProto", &bytes)?;
    if status.status == Status::ErrorChecksum as i32 {
        tracing::warn!(%block, "the reader found a checksum error");
    }
    Ok(true)
}

fn begin(requests: &mut Requests<TcpStream>, sender: &Sender) -> Result<()> {
    let checksum = ChecksumProto {
        r#type: sender.checksum.kind().to_proto() as i32,
        bytes_per_checksum: sender.checksum.bytes_per_chunk() as u32,
    };
    let info = ReadOpChecksumInfoProto { checksum, chunk_offset: sender.start };
    let answer = BlockOpResponseProto {
        status: Status::Success as i32,
        read_op_checksum_info: Some(info),
        ..Default::default()
    };
    respond_with(&mut requests.link, &answer)
}

/// Sends a whole block to a DataNode that balances.
pub(super) fn copy_out(
    session: &Session,
    requests: &mut Requests<TcpStream>,
    request: &OpCopyBlockProto,
) -> Result<()> {
    let node = &session.node;
    let block = Block::from_proto(&request.header.block);
    let Some(_permit) = node.transfers.begin_balancing(node.live.get().balance_moves) else {
        let message = format!(
            "Not able to copy block {} to {} because threads quota is exceeded.",
            block.id, session.peer
        );
        respond_error(&mut requests.link, message.clone())?;
        return Err(DataNodeError::Refused(message));
    };
    let options = SendOptions {
        with_checksums: true,
        drop_behind: true,
        readahead: node.settings.readahead,
        sendfile: node.settings.sendfile,
    };
    let sender =
        match Sender::open(&node.dataset, &block, Range { offset: 0, length: None }, options) {
            Ok(sender) => sender,
            Err(error) => {
                node.opened_in_vain(&block, &error);
                respond_error(
                    &mut requests.link,
                    format!("opCopyBlock {block} received exception {error}"),
                )?;
                return Err(error);
            }
        };
    begin(requests, &sender)?;
    let throttle: &Throttle = &node.throttles.balance;
    sender.send(&mut requests.link, &session.peer, throttle)?;
    Ok(())
}
