//! Bytes of the wire: frames, operations, packets, answers, reports.

use bytes::BytesMut;
use loxodon_wire::checksum::{BlockMetadataHeader, ChecksumType, DataChecksum};
use loxodon_wire::proto::common::rpc_sasl_proto::SaslState;
use loxodon_wire::proto::common::{IpcConnectionContextProto, RpcSaslProto, UserInformationProto};
use loxodon_wire::proto::hdfs::{
    self, BaseHeaderProto, BlockOpResponseProto, CachingStrategyProto, ClientOperationHeaderProto,
    DirectoryListingProto, ExtendedBlockProto, FsPermissionProto, GetBlockLocationsRequestProto,
    HdfsFileStatusProto, LocatedBlocksProto, OpReadBlockProto, PipelineAckProto,
};
use loxodon_wire::proto::services::MESSAGE_SHAPES;
use loxodon_wire::rpc::protocol::CLIENT_NAMENODE;
use loxodon_wire::rpc::{
    AnswerTo, AuthProtocol, CallId, ClientId, MethodHeader, Preamble, RemoteError, RequestHeader,
    put_answer, put_call, put_control, put_error,
};
use loxodon_wire::transfer::{MAX_HEADER, Operation, PacketHeader};
use prost::Message;
use prost::encoding::encode_varint;

use crate::{Corpora, Result};

const CLIENT: ClientId = ClientId([7; 16]);

pub(crate) fn put(corpora: &Corpora) -> Result {
    rpc(corpora)?;
    transfer(corpora)?;
    answers(corpora)?;
    let mut replicas = Vec::new();
    for id in 0..20_u64 {
        for number in [(1_073_741_825 + id) << 1, 1 << 20, 1001 + id, 0] {
            encode_varint(number, &mut replicas);
        }
    }
    corpora.put("block_report", "report", [&20_u16.to_le_bytes()[..], &replicas].concat())?;
    let mut file = vec![0x08, 20, 0x12];
    encode_varint(replicas.len() as u64, &mut file);
    file.extend(&replicas);
    corpora.put("datanode_files", "replicas", file)?;
    let longs = [1_u64, 1, 7, 100, 1001, u64::MAX, u64::MAX, u64::MAX, 8, 50, 1002, 3];
    let longs: Vec<u8> = longs.iter().flat_map(|long| long.to_le_bytes()).collect();
    corpora.put("block_report", "longs", [&2_u16.to_le_bytes()[..], &longs].concat())
}

fn rpc(corpora: &Corpora) -> Result {
    let request = GetBlockLocationsRequestProto { src: "/a/b".into(), offset: 0, length: 100 };
    let header = RequestHeader::of_call(CallId(3), &CLIENT, 0);
    let name = "getBlockLocations";
    let method = MethodHeader { method: name, protocol: CLIENT_NAMENODE.name, version: 1 };
    let mut call = BytesMut::new();
    assert!(put_call(&mut call, &header, &method, &request));
    let row = MESSAGE_SHAPES.iter().position(|shape| {
        CLIENT_NAMENODE.calls.iter().any(|call| {
            call.name == name && call.request_shape().is_some_and(|it| std::ptr::eq(it, shape))
        })
    });
    let row = u16::try_from(row.unwrap_or(0))?.to_le_bytes();
    corpora.put("rpc_request", "frame", [&row[..], &call[4..]].concat())?;
    corpora.put("rpc_request", "body", [&row[..], &request.encode_to_vec()].concat())?;

    let info = UserInformationProto { effective_user: Some("eve".into()), real_user: None };
    let context = IpcConnectionContextProto {
        user_info: Some(info),
        protocol: Some(CLIENT_NAMENODE.name.into()),
    };
    let mut plain = BytesMut::from(&Preamble::encode(0, AuthProtocol::None)[..]);
    let control = RequestHeader::of_call(CallId::CONNECTION_CONTEXT, &CLIENT, -1);
    put_control(&mut plain, &control, Some(&context));
    let after = plain.len();
    plain.extend_from_slice(&call);
    corpora.put("rpc_connection", "calls", [&plain[..], &call[..]].concat())?;
    let mut sasl = BytesMut::from(&Preamble::encode(0, AuthProtocol::Sasl)[..]);
    let negotiate =
        RpcSaslProto { version: Some(0), state: SaslState::Negotiate.into(), ..Default::default() };
    let control = RequestHeader::of_call(CallId::SASL, &CLIENT, -1);
    put_control(&mut sasl, &control, Some(&negotiate));
    let preamble = Preamble::encode(0, AuthProtocol::None).len();
    sasl.extend_from_slice(&plain[preamble..after]);
    sasl.extend_from_slice(&call);
    corpora.put("rpc_connection", "sasl", &sasl)?;
    corpora.put("rpc_connection", "browser", b"GET /jmx HTTP/1.1\r\nHost: a\r\n\r\n")?;

    let mut out = BytesMut::new();
    let to = AnswerTo::connection(CallId(3));
    assert!(put_answer(&mut out, &to, &BlockOpResponseProto::default()));
    corpora.put("rpc_answer", "answer", &out[4..])?;
    let mut out = BytesMut::new();
    put_error(&mut out, &to, &RemoteError::new("java.io.IOException", "no"));
    corpora.put("rpc_answer", "error", &out[4..])?;
    corpora.put("rpc_answer", "preamble", Preamble::encode(0, AuthProtocol::None))
}

fn transfer(corpora: &Corpora) -> Result {
    let block = ExtendedBlockProto {
        pool_id: "BP-1".into(),
        block_id: 1_073_741_825,
        generation_stamp: 1001,
        num_bytes: Some(100),
    };
    let header = ClientOperationHeaderProto {
        base_header: BaseHeaderProto { block, token: None, trace_info: None },
        client_name: "client".into(),
    };
    let read = Operation::ReadBlock(OpReadBlockProto {
        header,
        offset: 0,
        len: 100,
        send_checksums: Some(true),
        caching_strategy: Some(CachingStrategyProto { drop_behind: None, readahead: Some(4096) }),
    });
    let mut bytes = Vec::new();
    read.encode(&mut bytes);
    // Two bytes are the version's, the fourth is the length.
    let operation = [&bytes[2..3], &bytes[4..]].concat();
    corpora.put("transfer", "read", operation)?;

    let checksum = DataChecksum::new(ChecksumType::Crc32c, 512)?;
    let data = [7; 700];
    let mut sums = vec![0; usize::try_from(checksum.checksums_len(data.len() as u64))?];
    checksum.compute(&data, &mut sums)?;
    let mut stream = vec![80];
    for (seqno, length) in [(0, data.len()), (1, 0)] {
        let packet = PacketHeader {
            offset_in_block: 700 * seqno,
            seqno: i64::try_from(seqno)?,
            last_in_block: length == 0,
            data_len: u32::try_from(length)?,
            sync_block: false,
        };
        let mut head = [0; MAX_HEADER];
        let sums = if length == 0 { &[] } else { &sums[..] };
        let head_length = packet.encode(sums.len(), &mut head);
        stream.extend(&head[..head_length]);
        stream.extend(sums);
        stream.extend(&data[..length]);
    }
    corpora.put("transfer", "packets", stream)?;
    let ack = PipelineAckProto { seqno: 4, reply: vec![0, 0], ..Default::default() };
    corpora.put("transfer", "ack", [&[80], &ack.encode_to_vec()[..]].concat())?;

    let meta = [&BlockMetadataHeader::new(checksum).encode()[..], &sums].concat();
    corpora.put("datanode_files", "left", [&700_u16.to_le_bytes()[..], &meta].concat())?;
    corpora.put("rpc_answer", "meta", &meta)
}

fn answers(corpora: &Corpora) -> Result {
    let status = HdfsFileStatusProto {
        file_type: 2,
        path: b"f".to_vec().into(),
        length: 5,
        permission: FsPermissionProto { perm: 0o644 },
        owner: "ann".into(),
        group: "staff".into(),
        ..Default::default()
    };
    let listing =
        DirectoryListingProto { partial_listing: vec![status.clone(); 3], remaining_entries: 0 };
    let block = hdfs::LocatedBlockProto {
        b: ExtendedBlockProto { pool_id: "BP-1".into(), num_bytes: Some(5), ..Default::default() },
        ..Default::default()
    };
    let located = LocatedBlocksProto { file_length: 5, blocks: vec![block], ..Default::default() };
    let answers =
        [status.encode_to_vec(), listing.encode_to_vec(), Vec::new(), Vec::new(), Vec::new()];
    for (kind, body) in answers.into_iter().chain([located.encode_to_vec()]).enumerate() {
        let name = kind.to_string();
        corpora.put("client_answers", &name, [&[u8::try_from(kind)?], &body[..]].concat())?;
    }
    let answer = BlockOpResponseProto { message: Some("no".into()), ..Default::default() };
    let delimited = answer.encode_length_delimited_to_vec();
    corpora.put("client_answers", "datanode", [&[6], &delimited[..]].concat())
}
