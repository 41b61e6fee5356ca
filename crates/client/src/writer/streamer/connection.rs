//! The open connection to a pipeline's first DataNode: packets out, acknowledgements in.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Instant;

use bytes::{Buf, Bytes};
use loxodon_wire::transfer::{
    HEARTBEAT_SEQNO, MAX_HEADER, PacketHeader, PipelineAck, Slow, Status,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::error::Error;
use crate::transfer::Incoming;
use crate::writer::packet::Packet;
use crate::writer::pipeline::Fault;

/// Packets that one `writev` carries at most.
pub(super) const PACKETS_PER_WRITE: usize = 8;

/// An open pipeline.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) acks: Incoming<OwnedReadHalf>,
    pub(super) out: OwnedWriteHalf,
    /// Header with checksums, and data, of what is being sent.
    pub(super) outgoing: VecDeque<(Bytes, Bytes)>,
    pub(super) last_heard: Instant,
    pub(super) last_sent: Instant,
    pub(super) heartbeats_out: usize,
    /// How often in a row each node was called slow.
    slow: Vec<u32>,
}

impl Connection {
    pub(super) fn new(incoming: Incoming<TcpStream>, nodes: usize) -> Self {
        let (stream, buffer) = incoming.into_parts();
        let (read, out) = stream.into_split();
        let now = Instant::now();
        Self {
            acks: Incoming::with_buffer(read, buffer),
            out,
            outgoing: VecDeque::with_capacity(PACKETS_PER_WRITE),
            last_heard: now,
            last_sent: now,
            heartbeats_out: 0,
            slow: vec![0; nodes],
        }
    }
}

/// Looks for the node that failed, restarts or is slow.
pub(super) fn check_ack(
    ack: &PipelineAck,
    connection: &mut Connection,
    slow_threshold: u32,
) -> std::result::Result<(), (Fault, Error)> {
    if ack.flags.len() > connection.slow.len() {
        return Err((
            Fault::Unknown,
            Error::Pipeline(format!(
                "{} replies from {} DataNodes",
                ack.flags.len(),
                connection.slow.len()
            )),
        ));
    }
    // The farthest node that complains is the one that failed; those before it only pass it on.
    for (place, flag) in ack.flags.iter().enumerate().rev() {
        let fault = match flag.status() {
            Status::Success => continue,
            Status::OobRestart => Fault::Restarting(place),
            _ => Fault::Node(place),
        };
        return Err((
            fault,
            Error::Pipeline(format!(
                "bad response {} from DataNode {place} of the pipeline",
                flag.status().as_str_name()
            )),
        ));
    }
    if slow_threshold > 0 {
        for (place, (flag, count)) in ack.flags.iter().zip(&mut connection.slow).enumerate() {
            *count = if flag.slow() == Slow::Slow { count.saturating_add(1) } else { 0 };
            if *count >= slow_threshold {
                return Err((
                    Fault::Node(place),
                    Error::Pipeline(format!("DataNode {place} of the pipeline is slow")),
                ));
            }
        }
    }
    Ok(())
}

/// A packet's header and checksums.
pub(super) fn head(packet: &Packet) -> Bytes {
    let header = PacketHeader {
        offset_in_block: packet.offset,
        seqno: packet.seqno,
        last_in_block: packet.last,
        data_len: u32::try_from(packet.data.len()).unwrap_or(u32::MAX),
        sync_block: packet.sync,
    };
    let mut front = [0_u8; MAX_HEADER];
    let length = header.encode(packet.checksums.len(), &mut front);
    let mut bytes = Vec::with_capacity(length.saturating_add(packet.checksums.len()));
    bytes.extend_from_slice(front.get(..length).unwrap_or(&front));
    bytes.extend_from_slice(&packet.checksums);
    bytes.into()
}

pub(super) fn heartbeat() -> Bytes {
    head(&Packet {
        seqno: HEARTBEAT_SEQNO,
        offset: 0,
        data: Bytes::new(),
        checksums: Bytes::new(),
        last: false,
        sync: false,
    })
}

/// Writes once from the front of `outgoing`. Nothing is lost if it is dropped while it waits.
pub(super) async fn write_some(
    out: &mut OwnedWriteHalf,
    outgoing: &mut VecDeque<(Bytes, Bytes)>,
) -> std::io::Result<()> {
    let empty: &[u8] = &[];
    let mut slices = [IoSlice::new(empty); 2 * PACKETS_PER_WRITE];
    let parts = outgoing.iter().flat_map(|(head, data)| [head, data]);
    let mut used = 0_usize;
    for (slice, part) in slices.iter_mut().zip(parts.filter(|part| !part.is_empty())) {
        *slice = IoSlice::new(part);
        used = used.saturating_add(1);
    }
    let mut written = out.write_vectored(slices.get(..used).unwrap_or_default()).await?;
    if written == 0 {
        return Err(std::io::ErrorKind::WriteZero.into());
    }
    while let Some((head, data)) = outgoing.front_mut() {
        let from_head = written.min(head.len());
        head.advance(from_head);
        let from_data = written.saturating_sub(from_head).min(data.len());
        data.advance(from_data);
        written = written.saturating_sub(from_head).saturating_sub(from_data);
        if !head.is_empty() || !data.is_empty() {
            break;
        }
        outgoing.pop_front();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use loxodon_wire::transfer::{Congestion, HeaderFlag};

    use super::*;

    async fn connection(nodes: usize) -> Connection {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        Connection::new(Incoming::new(stream), nodes)
    }

    fn ack(replies: &[(Status, Slow)]) -> PipelineAck {
        let flag =
            |(status, slow): &(Status, Slow)| HeaderFlag::new(*status, Congestion::Disabled, *slow);
        PipelineAck { seqno: 0, flags: replies.iter().map(flag).collect(), downstream_nanos: 0 }
    }

    #[tokio::test]
    async fn farthest_complaint_is_the_cause() {
        let mut connection = connection(3).await;
        let good = (Status::Success, Slow::Disabled);
        let bad = (Status::Error, Slow::Disabled);
        let fault = |ack: PipelineAck, connection: &mut Connection| {
            check_ack(&ack, connection, 10).err().map(|(fault, _)| fault)
        };
        assert_eq!(fault(ack(&[good, good, good]), &mut connection), None);
        assert_eq!(fault(ack(&[good, bad, bad]), &mut connection), Some(Fault::Node(2)));
        let restart = (Status::OobRestart, Slow::Disabled);
        assert_eq!(fault(ack(&[good, restart]), &mut connection), Some(Fault::Restarting(1)));
        assert_eq!(fault(ack(&[good; 4]), &mut connection), Some(Fault::Unknown));
    }

    #[tokio::test]
    async fn node_that_stays_slow_is_replaced() {
        let mut connection = connection(2).await;
        let replies = [(Status::Success, Slow::Normal), (Status::Success, Slow::Slow)];
        assert!(check_ack(&ack(&replies), &mut connection, 2).is_ok());
        let outcome = check_ack(&ack(&replies), &mut connection, 2);
        assert!(matches!(outcome, Err((Fault::Node(1), _))));
    }
}
