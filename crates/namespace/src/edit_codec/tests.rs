use super::xml::{XmlEvent, XmlReader, XmlWriter};
use super::*;
use crate::edit::*;
use loxodon_wire::editlog::{HEADER_LENGTH, LAYOUT_VERSION, MAX_OP_SIZE, put_header};
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds, TxId};
use proptest::prelude::*;

const SEGMENTS: [(&str, &[u8], Option<&str>); 3] = [
    (
        "edits-operations",
        include_bytes!("../../tests/data/edits-operations"),
        Some(include_str!("../../tests/data/edits-operations.xml")),
    ),
    (
        "edits-tokens",
        include_bytes!("../../tests/data/edits-tokens"),
        Some(include_str!("../../tests/data/edits-tokens.xml")),
    ),
    ("edits-tree", include_bytes!("../../tests/data/edits-tree"), None),
];

fn decode_segment(bytes: &[u8]) -> (i32, Vec<Transaction>) {
    let version = read_header(bytes).unwrap();
    let mut rest = &bytes[HEADER_LENGTH..];
    let mut all = Vec::new();
    loop {
        match read_transaction(rest, version, MAX_OP_SIZE).unwrap() {
            Read::Transaction(transaction, length) => {
                all.push(*transaction);
                rest = &rest[length..];
            }
            Read::End => return (version, all),
            other => panic!("{other:?} after {} operations", all.len()),
        }
    }
}

fn encode_segment(version: i32, all: &[Transaction]) -> Vec<u8> {
    let mut out = Vec::new();
    put_header(version, &mut out);
    for transaction in all {
        encode_transaction(transaction.txid, &transaction.edit, version, &mut out).unwrap();
    }
    out
}

fn to_xml(version: i32, all: &[Transaction]) -> String {
    let mut writer = XmlWriter::new(Vec::new(), version).unwrap();
    for transaction in all {
        writer.write(transaction).unwrap();
    }
    String::from_utf8(writer.finish(None).unwrap()).unwrap()
}

fn from_xml(text: &[u8]) -> Result<(i32, Vec<Transaction>), super::xml::XmlError> {
    let mut reader = XmlReader::new(text);
    let (mut version, mut all) = (0, Vec::new());
    loop {
        match reader.next_event()? {
            XmlEvent::Version(found) => version = found,
            XmlEvent::Transaction(transaction) => all.push(transaction),
            XmlEvent::End => return Ok((version, all)),
        }
    }
}

#[test]
fn hadoops_segments_are_written_as_they_were_read() {
    for (name, bytes, _) in SEGMENTS {
        let (version, all) = decode_segment(bytes);
        assert!(encode_segment(version, &all) == bytes, "{name}");
    }
}

#[test]
fn xml_is_hadoops() {
    for (name, bytes, xml) in SEGMENTS {
        let (version, all) = decode_segment(bytes);
        let ours = to_xml(version, &all);
        let Some(xml) = xml else { continue };
        for (line, (ours, theirs)) in ours.lines().zip(xml.lines()).enumerate() {
            assert_eq!(ours, theirs, "{name}, line {}", line + 1);
        }
        assert!(ours == xml, "{name}");
    }
}

#[test]
fn xml_becomes_the_segment_again() {
    for (name, bytes, _) in &SEGMENTS[..2] {
        let (version, mut all) = decode_segment(bytes);
        // Java leaves a new file's attributes and storage policy out of the XML.
        for transaction in &mut all {
            if let Edit::Add(add) = &mut transaction.edit {
                add.xattrs.clear();
                add.storage_policy = 0;
            }
        }
        let (read_version, read) = from_xml(to_xml(version, &all).as_bytes()).unwrap();
        assert_eq!(read_version, version);
        assert_eq!(read, all, "{name}");
    }
}

#[test]
fn every_opcode_is_in_the_samples() {
    let seen: std::collections::BTreeSet<Opcode> = SEGMENTS
        .iter()
        .flat_map(|(_, bytes, _)| decode_segment(bytes).1)
        .map(|transaction| transaction.edit.opcode())
        .collect();
    let unseen: Vec<_> = Opcode::ALL.iter().filter(|code| !seen.contains(code)).collect();
    // Operations that this version of Hadoop only reads.
    assert_eq!(unseen, [&Opcode::SetNsQuota, &Opcode::ClearNsQuota]);
}

#[test]
fn a_segment_cut_anywhere_ends_before_the_cut() {
    let (_, bytes, _) = SEGMENTS[0];
    let (version, all) = decode_segment(bytes);
    for cut in HEADER_LENGTH..bytes.len() {
        let mut rest = &bytes[HEADER_LENGTH..cut];
        let mut count = 0;
        let end = loop {
            match read_transaction(rest, version, MAX_OP_SIZE).unwrap() {
                Read::Transaction(transaction, length) => {
                    assert_eq!(*transaction, all[count]);
                    count += 1;
                    rest = &rest[length..];
                }
                other => break other,
            }
        };
        assert!(matches!(end, Read::End | Read::Incomplete { .. }), "{cut}: {end:?}");
    }
}

#[test]
fn old_and_new_layouts_are_refused_by_name() {
    for version in [-68_i32, -62, -40, 0] {
        let mut header = version.to_be_bytes().to_vec();
        header.extend([0; 4]);
        let error = read_header(&header).unwrap_err();
        assert_eq!(error, HeaderError::Version(version));
        assert!(error.java_class().ends_with("IncorrectVersionException"));
    }
    assert_eq!(read_header(&[0xff; 100]), Err(HeaderError::Preallocated));
    assert_eq!(read_header(&[]), Err(HeaderError::Empty));
    assert_eq!(read_header(&(-67_i32).to_be_bytes()), Err(HeaderError::NoFlags));
}

#[test]
fn older_layouts_lack_what_came_later() {
    let add = Edit::Add(Box::new(AddFile { path: "/f".into(), ..AddFile::default() }));
    let snapshot = Edit::CreateSnapshot {
        root: "/d".into(),
        name: "s".into(),
        mtime: Milliseconds(0),
        rpc: RpcIds::new([7; 16], 3),
    };
    for edit in [add, snapshot] {
        let mut lengths = Vec::new();
        for layout in -67..=-63 {
            let mut out = Vec::new();
            encode_body(&edit, layout, &mut out).unwrap();
            assert_eq!(decode_body(edit.opcode() as u8, &out, layout).unwrap(), edit);
            lengths.push(out.len());
        }
        assert!(lengths.iter().min() < lengths.iter().max());
    }
}

#[test]
fn a_string_that_is_too_long_leaves_nothing_behind() {
    let mut out = vec![1, 2, 3];
    let edit = Edit::AllowSnapshot { root: "x".repeat(70_000) };
    assert!(encode_transaction(TxId(1), &edit, LAYOUT_VERSION, &mut out).is_err());
    assert_eq!(out, [1, 2, 3]);
}

fn text() -> impl Strategy<Value = String> {
    "[a-z/.😀é\\\\<&]{0,12}".prop_map(|text| text.trim().to_owned())
}

fn block() -> impl Strategy<Value = Block> {
    (any::<i64>(), any::<u64>(), any::<u64>()).prop_map(|(id, length, stamp)| Block {
        id: BlockId(id),
        length,
        generation_stamp: GenerationStamp(stamp),
    })
}

fn rpc() -> impl Strategy<Value = RpcIds> {
    (any::<Option<[u8; 16]>>(), any::<i32>())
        .prop_map(|(client_id, call_id)| RpcIds { client_id, call_id })
}

fn permissions() -> impl Strategy<Value = Permissions> {
    (text(), text(), any::<u16>()).prop_map(|(owner, group, mode)| Permissions {
        owner,
        group,
        mode,
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let blocks = || proptest::collection::vec(block(), 0..4);
    prop_oneof![
        (any::<u64>(), text(), any::<u16>(), blocks(), permissions(), rpc(), any::<bool>())
            .prop_map(|(inode, path, replication, blocks, permissions, rpc, overwrite)| {
                Edit::Add(Box::new(AddFile {
                    inode: InodeId(inode),
                    path,
                    replication,
                    blocks,
                    permissions,
                    rpc,
                    overwrite,
                    ..AddFile::default()
                }))
            }),
        (any::<u64>(), text(), blocks(), permissions()).prop_map(
            |(inode, path, blocks, permissions)| Edit::Close(Box::new(CloseFile {
                inode: InodeId(inode),
                path,
                blocks,
                permissions,
                ..CloseFile::default()
            }))
        ),
        (text(), blocks(), rpc()).prop_map(|(path, blocks, rpc)| Edit::UpdateBlocks {
            path,
            blocks,
            rpc
        }),
        (text(), proptest::option::of(block()), block(), rpc()).prop_map(
            |(path, penultimate, last, rpc)| Edit::AddBlock { path, penultimate, last, rpc }
        ),
        (text(), proptest::collection::vec(text(), 0..4), any::<u64>(), rpc()).prop_map(
            |(target, sources, time, rpc)| Edit::ConcatDelete {
                target,
                sources,
                timestamp: Milliseconds(time),
                rpc,
            }
        ),
        (text(), any::<i64>(), any::<i64>()).prop_map(|(path, mtime, atime)| Edit::Times {
            path,
            mtime,
            atime
        }),
    ]
}

proptest! {
    #[test]
    fn round_trip_in_bytes_and_xml(edit in edit(), txid: u64) {
        let transaction = Transaction { txid: TxId(txid), edit };
        let all = std::slice::from_ref(&transaction);
        let bytes = encode_segment(LAYOUT_VERSION, all);
        prop_assert_eq!(&decode_segment(&bytes).1, all);
        let xml = to_xml(LAYOUT_VERSION, all);
        prop_assert_eq!(from_xml(xml.as_bytes()).unwrap().1, all);
    }

    #[test]
    fn any_body_is_answered(opcode: u8, body: Vec<u8>, layout in -67..=-63) {
        let _ = decode_body(opcode, &body, layout);
    }

    #[test]
    fn a_damaged_body_is_answered(
        segment in 0..3_usize, which: prop::sample::Index, at: prop::sample::Index, byte: u8,
    ) {
        let (version, all) = decode_segment(SEGMENTS[segment].1);
        let edit = &which.get(&all).edit;
        let mut body = Vec::new();
        encode_body(edit, version, &mut body).unwrap();
        if !body.is_empty() {
            let position = at.index(body.len());
            body[position] = byte;
        }
        let _ = decode_body(edit.opcode() as u8, &body, version);
    }

    #[test]
    fn any_xml_is_answered(text in "(<EDITS>|<EDITS_VERSION>|-67|</EDITS_VERSION>|<RECORD>|<OPCODE>|OP_DELETE|&#0;|&x;|</OPCODE>|<DATA/>|</RECORD>|</EDITS>|\\\\00){0,12}") {
        let _ = from_xml(text.as_bytes());
    }
}
