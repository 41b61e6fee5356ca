//! `WRITE_BLOCK`: a stage of a pipeline is set up, and the block received.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loxodon_wire::checksum::DataChecksum;
use loxodon_wire::ids::GenerationStamp;
use loxodon_wire::proto::hdfs::{BlockOpResponseProto, ChecksumProto, OpWriteBlockProto};
use loxodon_wire::transfer::{
    HEARTBEAT_SEQNO, Operation, PacketReader, PipelineAck, Status, WriteStage,
};

use super::ack::{AckSink, Word};
use super::link::Link;
use super::mirror;
use super::receiver::{Received, Receiver, count, fill};
use super::request::Requests;
use super::responder::{Pending, Queue, respond};
use super::server::{Session, respond_with};
use crate::block::Block;
use crate::dataset::replica::ReplicaState;
use crate::dataset::{ReplicaFiles, ReplicaHandle, WriteTarget};
use crate::error::{DataNodeError, NetworkContext, Result};
use crate::node::Node;
use crate::storage::StorageType;

/// Packets that are there already are read together, up to this many bytes: they stay in the processor's
/// cache until they are written.
const READ_AHEAD: usize = 256 * 1024;
/// How long the word that a packet was damaged may take to the writer.
const VERDICT_PATIENCE: Duration = Duration::from_secs(3);

/// A request to write, as far as several steps need it.
pub(super) struct Write<'a> {
    node: &'a Arc<Node>,
    request: &'a OpWriteBlockProto,
    block: Block,
    stage: WriteStage,
    checksum: DataChecksum,
    /// Whether a client writes, and not a DataNode that copies.
    client: bool,
}

/// Serves one write. The connection ends with it.
pub(super) fn write_block(
    session: &Session,
    requests: &mut Requests<TcpStream>,
    request: &OpWriteBlockProto,
) -> Result<()> {
    let most = session.node.settings.max_packet;
    let checksum = checksum_of(&request.requested_checksum, most)?;
    let stage = WriteStage::from_proto(request.stage)
        .ok_or_else(|| DataNodeError::Refused(format!("unknown stage {}", request.stage)))?;
    let client = !request.header.client_name.is_empty();
    let block = Block::from_proto(&request.header.base_header.block);
    if stage.is_transfer() && !request.targets.is_empty() {
        return Err(DataNodeError::Refused(format!("{stage:?} does not support multiple targets")));
    }
    let write = Write { node: &session.node, request, block, stage, checksum, client };
    if client && stage == WriteStage::CloseRecovery {
        return write.recover_close(session, requests);
    }
    if stage == WriteStage::TransferFinalized && write.is_stored() {
        return write.pass_over(session, requests);
    }
    let handle = write.begin(requests)?;
    let files = handle.open(checksum)?;
    let result = write.receive(session, requests, &handle, &files);
    write.count(session, &handle);
    if handle.place == crate::dataset::replica::Place::Tmp && result.is_err() {
        session.node.dataset.abandon_temporary(&handle);
    }
    if result.is_err() && client && !stage.is_transfer() && session.node.is_restarting() {
        handle.expect_writer(std::time::SystemTime::now() + session.node.settings.restart_patience);
    }
    result
}

impl Write<'_> {
    /// Counts who wrote, whatever became of it (`incrWritesFromClient`).
    fn count(&self, session: &Session, handle: &ReplicaHandle) {
        let metrics = &self.node.metrics;
        if session.is_here {
            metrics.writes_from_here.add(1);
        } else {
            metrics.writes_from_elsewhere.add(1);
            metrics.bytes_written_from_elsewhere.add(handle.writing.on_disk().length);
        }
    }

    fn target(&self) -> WriteTarget {
        WriteTarget {
            kind: self.request.storage_type.and_then(StorageType::from_wire).unwrap_or_default(),
            storage: self.request.storage_id.clone(),
        }
    }

    /// Takes the right to write; lets a recovery end this connection.
    fn begin(&self, requests: &Requests<TcpStream>) -> Result<ReplicaHandle> {
        let (request, dataset) = (self.request, &self.node.dataset);
        let stamp = GenerationStamp(request.latest_generation_stamp);
        let handle = if self.client {
            dataset.begin(
                self.stage,
                &self.block,
                stamp,
                request.min_bytes_rcvd,
                request.max_bytes_rcvd,
                &self.target(),
            )?
        } else {
            dataset.create_temporary(&self.block, &self.target())?
        };
        let link = requests
            .link
            .duplicate()
            .network("cannot duplicate the connection of", &"the writer")?;
        handle.writing.set_interrupt(Box::new(move || link.close()));
        if self.client && !self.stage.is_transfer() {
            self.node.receiving(&handle.block, &handle.volume);
        }
        Ok(handle)
    }

    /// Connects to the next DataNode; what it and those behind say of the set-up.
    fn connect(&self) -> Result<Option<(TcpStream, String, BlockOpResponseProto)>> {
        let Some(target) = self.request.targets.first() else { return Ok(None) };
        let mut onward = self.request.clone();
        onward.targets.remove(0);
        onward.storage_type = take_first(&mut onward.target_storage_types);
        onward.storage_id = take_first(&mut onward.target_storage_ids);
        onward.pinning = take_first(&mut onward.target_pinnings);
        let behind = onward.targets.len();
        let address = mirror::transfer_address(&target.id, self.node.settings.connect_by_name);
        let mut link = mirror::request(
            &self.node.settings,
            &target.id,
            behind + 1,
            &Operation::WriteBlock(Box::new(onward)),
        )?;
        let answer = if self.client {
            mirror::response(&mut link, &address)?
        } else {
            BlockOpResponseProto::default()
        };
        Ok(Some((link, address, answer)))
    }

    /// As [`Self::connect`]; a client is told which DataNode could not be reached.
    fn connect_for(
        &self,
        requests: &mut Requests<TcpStream>,
    ) -> Result<Option<(TcpStream, String)>> {
        let connected = match self.connect() {
            Ok(connected) => connected,
            Err(error) if self.client => {
                let bad = self
                    .request
                    .targets
                    .first()
                    .map(|target| mirror::transfer_address(&target.id, false));
                let answer = BlockOpResponseProto {
                    status: Status::Error as i32,
                    first_bad_link: bad,
                    ..Default::default()
                };
                respond_with(&mut requests.link, &answer)?;
                return Err(error);
            }
            Err(error) => {
                tracing::info!(block = %self.block, %error, "goes on without the mirror");
                None
            }
        };
        if self.client && !self.stage.is_transfer() {
            let (status, bad) =
                connected.as_ref().map_or((Status::Success as i32, None), |(_, _, answer)| {
                    (answer.status, answer.first_bad_link.clone())
                });
            let answer = BlockOpResponseProto {
                status,
                first_bad_link: Some(bad.unwrap_or_default()),
                ..Default::default()
            };
            respond_with(&mut requests.link, &answer)?;
        }
        Ok(connected.map(|(link, address, _)| (link, address)))
    }

    fn recover_close(&self, session: &Session, requests: &mut Requests<TcpStream>) -> Result<()> {
        let stamp = GenerationStamp(self.request.latest_generation_stamp);
        let (block, volume) =
            session.node.dataset.recover_close(&self.block, stamp, self.request.min_bytes_rcvd)?;
        self.connect_for(requests)?;
        session.node.received(&block, &volume, None);
        Ok(())
    }

    /// Whether this very replica is here already. A client that appends, before all who stored the block have told
    /// the NameNode, lets it be copied to one of those; Hadoop's `FsDatasetImpl.createTemporary` refuses them.
    fn is_stored(&self) -> bool {
        self.node.dataset.find_exact(&self.block).is_ok_and(|(_, replica)| {
            matches!(replica.state, ReplicaState::Finalized) && replica.length == self.block.length
        })
    }

    /// Takes a copy of what is stored already: its bytes go nowhere.
    fn pass_over(&self, session: &Session, requests: &mut Requests<TcpStream>) -> Result<()> {
        let mut packets = PacketReader::new(self.node.settings.max_packet);
        packets.preload(&requests.take_rest());
        loop {
            if let Some(packet) = packets.packet()? {
                let is_last = packet.header.last_in_block;
                packets.consume();
                if is_last {
                    break;
                }
            } else {
                fill(&mut packets, &mut requests.link, &session.peer)?;
            }
        }
        tracing::info!(block = %self.block, from = session.peer, "a copy of what is here already");
        let status = Status::Success as i32;
        respond_with(&mut requests.link, &BlockOpResponseProto { status, ..Default::default() })
    }

    fn receive(
        &self,
        session: &Session,
        requests: &mut Requests<TcpStream>,
        handle: &ReplicaHandle,
        files: &ReplicaFiles,
    ) -> Result<()> {
        let mirror = self.connect_for(requests)?;
        let behind = match &mirror {
            Some((link, _)) => Some(
                link.duplicate().network("cannot duplicate the connection of", &"the mirror")?,
            ),
            None => None,
        };
        let mut receiver =
            self.receiver(session, requests, handle, files, mirror.as_ref().map(|(link, _)| link))?;
        match (self.client && !self.stage.is_transfer(), behind) {
            (false, _) => self.receive_copy(requests, receiver),
            (true, None) => self.receive_last(session, requests, receiver),
            (true, Some(behind)) => {
                let address =
                    mirror.as_ref().map(|(_, address)| address.as_str()).unwrap_or_default();
                self.receive_middle(session, requests, &mut receiver, behind, address)
            }
        }
    }

    fn receiver<'a>(
        &self,
        session: &'a Session,
        requests: &mut Requests<TcpStream>,
        handle: &'a ReplicaHandle,
        files: &'a ReplicaFiles,
        mirror: Option<&TcpStream>,
    ) -> Result<Receiver<'a, TcpStream>> {
        let mut packets = PacketReader::new(self.node.settings.max_packet);
        packets.set_read_ahead(READ_AHEAD);
        packets.preload(&requests.take_rest());
        let mirror = mirror
            .map(Link::duplicate)
            .transpose()
            .network("cannot duplicate the connection of", &"the mirror")?;
        let drop_behind = self.request.caching_strategy.and_then(|strategy| strategy.drop_behind);
        // Only who sends to the last of a pipeline knows that it is not held up by others.
        let measured = match &self.request.targets[..] {
            [last] if session.node.peers.is_measuring() => {
                let id = &last.id;
                Some((&session.node.peers, format!("{}:{}", id.ip_addr, id.info_port)))
            }
            _ => None,
        };
        Ok(Receiver {
            measured,
            handle,
            files,
            checksum: self.checksum,
            // The last DataNode verifies for all before it; a copy is verified by whoever stores it.
            verify: mirror.is_none() || !self.client || files.checksum != self.checksum,
            packets,
            peer: &session.peer,
            seqno: PipelineAck::UNKNOWN_SEQNO,
            mirror,
            throttle: if self.client {
                &session.node.throttles.write
            } else {
                &session.node.throttles.transfer
            },
            drop_behind: drop_behind.unwrap_or(self.node.settings.drop_behind_writes),
            sync_on_close: self.node.settings.sync_on_close,
            sync_behind: self.node.settings.sync_behind_writes,
            managed: 0,
            directory_synced: false,
            sums: Vec::new(),
            done: Vec::new(),
        })
    }

    /// A copy from another DataNode: nobody waits for acknowledgements.
    fn receive_copy(
        &self,
        requests: &mut Requests<TcpStream>,
        mut receiver: Receiver<'_, TcpStream>,
    ) -> Result<()> {
        loop {
            let batch = receiver
                .packets(&mut requests.link)
                .inspect_err(|error| self.blame_source(error))?;
            count(batch.done, &self.node.metrics);
            if batch.done.iter().any(|received| received.header.last_in_block) {
                break;
            }
        }
        let handle = receiver.handle;
        if self.stage == WriteStage::TransferRbw {
            self.node.dataset.convert_to_rbw(handle, self.block.length)?;
        } else {
            let block = self.node.dataset.finalize(handle, self.node.settings.sync_on_close)?;
            self.node.received(&block, &handle.volume, None);
        }
        if self.stage.is_transfer() {
            respond_with(
                &mut requests.link,
                &BlockOpResponseProto { status: Status::Success as i32, ..Default::default() },
            )?;
        }
        Ok(())
    }

    /// A DataNode that sends damaged data has a damaged replica.
    fn blame_source(&self, error: &DataNodeError) {
        if let (DataNodeError::Checksum(_), Some(source)) = (error, &self.request.source) {
            self.node.report_bad_remote(&self.block, source.clone());
        }
    }

    /// The last DataNode of a pipeline acknowledges by itself.
    fn receive_last(
        &self,
        session: &Session,
        requests: &mut Requests<TcpStream>,
        mut receiver: Receiver<'_, TcpStream>,
    ) -> Result<()> {
        let (handle, sink) = (receiver.handle, self.sink(requests)?);
        let _guard = self.node.transfers.announce(session.number, Arc::downgrade(&sink));
        loop {
            let batch = match receiver.packets(&mut requests.link) {
                Ok(batch) => batch,
                Err(error) => {
                    // The packets before it are good.
                    let heard = sink.flush().is_ok();
                    if heard && let DataNodeError::Checksum(_) = error {
                        self.acknowledge(&sink, handle, receiver.seqno, Status::ErrorChecksum)?;
                    }
                    return Err(error);
                }
            };
            count(batch.done, &self.node.metrics);
            let (mut waits, mut ends) = (batch.more, false);
            for received in batch.done {
                let header = received.header;
                if header.last_in_block {
                    self.finish(handle, *received)?;
                    ends = true;
                }
                if header.seqno != HEARTBEAT_SEQNO {
                    handle.writing.set_acked(received.end);
                }
                waits &= !header.last_in_block && !header.sync_block;
                sink.add(&acknowledgement(&sink, header.seqno, Status::Success));
            }
            // One write for all packets that came together.
            if !waits {
                sink.flush().network("cannot acknowledge to the writer of", &handle.block)?;
            }
            if ends {
                return Ok(());
            }
        }
    }

    fn acknowledge(
        &self,
        sink: &AckSink<TcpStream>,
        handle: &ReplicaHandle,
        seqno: i64,
        status: Status,
    ) -> Result<()> {
        sink.send(&acknowledgement(sink, seqno, status))
            .network("cannot acknowledge to the writer of", &handle.block)
    }

    fn sink(&self, requests: &Requests<TcpStream>) -> Result<Arc<AckSink<TcpStream>>> {
        let link = requests
            .link
            .duplicate()
            .network("cannot duplicate the connection of", &"the writer")?;
        Ok(Arc::new(AckSink::new(link, Word::new(self.node, &self.block.pool))))
    }

    /// A DataNode with others behind: a second thread joins their acknowledgements with ours.
    fn receive_middle(
        &self,
        session: &Session,
        requests: &mut Requests<TcpStream>,
        receiver: &mut Receiver<'_, TcpStream>,
        behind: TcpStream,
        address: &str,
    ) -> Result<()> {
        let (handle, sink, queue) = (receiver.handle, self.sink(requests)?, Queue::default());
        let _guard = self.node.transfers.announce(session.number, Arc::downgrade(&sink));
        let upstream = requests
            .link
            .duplicate()
            .network("cannot duplicate the connection of", &"the writer")?;
        let stop =
            behind.duplicate().network("cannot duplicate the connection of", &"the mirror")?;
        std::thread::scope(|scope| {
            let responder = scope.spawn(|| {
                let finish = |last: Pending| self.finish_written(handle, last.sync);
                let result = respond(behind, address, &sink, &queue, handle, finish);
                if result.is_err() {
                    upstream.close();
                }
                queue.end();
                result
            });
            let received = self.receive_all(requests, receiver, &queue);
            queue.close();
            if let Err(DataNodeError::Checksum(_)) = &received {
                queue.wait_for_end(VERDICT_PATIENCE);
            }
            if received.is_err() {
                stop.close();
            }
            let responded = responder.join().unwrap_or_else(|_| {
                Err(DataNodeError::Refused("the responder ended early".to_owned()))
            });
            responded.and(received)
        })
    }

    fn receive_all(
        &self,
        requests: &mut Requests<TcpStream>,
        receiver: &mut Receiver<'_, TcpStream>,
        queue: &Queue,
    ) -> Result<()> {
        loop {
            let batch = match receiver.packets(&mut requests.link) {
                Ok(batch) => batch,
                Err(error) => {
                    if let DataNodeError::Checksum(_) = error {
                        queue.push(Pending {
                            seqno: receiver.seqno,
                            end: 0,
                            last: false,
                            sync: false,
                            status: Status::ErrorChecksum,
                            at: Instant::now(),
                        });
                    }
                    return Err(error);
                }
            };
            count(batch.done, &self.node.metrics);
            queue.push_all(batch.done.iter().map(|Received { header, end, .. }| Pending {
                seqno: header.seqno,
                end: *end,
                last: header.last_in_block,
                sync: header.sync_block,
                status: Status::Success,
                at: Instant::now(),
            }))?;
            if batch.done.iter().any(|received| received.header.last_in_block) {
                return Ok(());
            }
        }
    }

    /// A last packet may begin before the end: libhdfs3 does not count a partial chunk that it has flushed. The
    /// block is what is on the disk (`BlockReceiver.receivePacket`).
    fn finish(&self, handle: &ReplicaHandle, received: Received) -> Result<()> {
        let on_disk = handle.writing.on_disk().length;
        if received.end > on_disk {
            return Err(DataNodeError::Refused(format!(
                "{} ends at {}, with {on_disk} bytes on disk",
                handle.block, received.end
            )));
        }
        self.finish_written(handle, received.header.sync_block)
    }

    /// With `sync`, the writer wants the block on the disk, under its last name.
    fn finish_written(&self, handle: &ReplicaHandle, sync: bool) -> Result<()> {
        let sync = sync || self.node.settings.sync_on_close;
        let block = self.node.dataset.finalize(handle, sync)?;
        self.node.received(&block, &handle.volume, None);
        self.node.metrics.blocks_written.add(1);
        self.node.metrics.bytes_written.add(block.length);
        Ok(())
    }
}

fn acknowledgement<L: Link>(sink: &AckSink<L>, seqno: i64, status: Status) -> PipelineAck {
    PipelineAck { seqno, flags: vec![sink.flag(status)], downstream_nanos: 0 }
}

/// What the writer sums by. A chunk that no packet could hold as a whole would be read into memory whenever a packet
/// goes on in it, and for each reader.
fn checksum_of(asked: &ChecksumProto, max_packet: usize) -> Result<DataChecksum> {
    let checksum = DataChecksum::from_proto(asked.r#type, asked.bytes_per_checksum)
        .map_err(|error| DataNodeError::Refused(error.to_string()))?;
    if checksum.bytes_per_chunk() > max_packet {
        return Err(DataNodeError::Refused(format!(
            "a checksum for {} bytes is refused: packets (dfs.data.transfer.max.packet.size) have at most {max_packet}",
            asked.bytes_per_checksum
        )));
    }
    Ok(checksum)
}

fn take_first<T>(list: &mut Vec<T>) -> Option<T> {
    if list.is_empty() { None } else { Some(list.remove(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_no_longer_than_a_packet_can_be() {
        let asked = |bytes_per_checksum| ChecksumProto { r#type: 2, bytes_per_checksum };
        assert!(checksum_of(&asked(512), 16 << 20).is_ok());
        assert!(checksum_of(&asked(16 << 20), 16 << 20).is_ok());
        let refused = checksum_of(&asked(i32::MAX as u32), 16 << 20).unwrap_err().to_string();
        assert!(refused.contains("2147483647 bytes is refused"), "{refused}");
        assert!(checksum_of(&asked(0), 16 << 20).is_err());
    }
}
