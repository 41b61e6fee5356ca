use super::*;
use crate::settings::Settings;
use crate::tree::Namespace;
use loxodon_wire::ids::TxId;

const JAVAS: &[u8] = include_bytes!("../../tests/data/fsimage");

fn write(namespace: &Namespace, info: ImageInfo, options: &SaveOptions) -> Vec<u8> {
    let mut out = Vec::new();
    save(namespace, info, options, &mut out).unwrap();
    out
}

fn everything(namespace: &Namespace) -> Vec<String> {
    let mut all: Vec<String> = namespace
        .inode_views()
        .map(|inode| format!("{inode:?}{:?}", namespace.child_ids(inode.id).collect::<Vec<_>>()))
        .collect();
    all.sort();
    all.push(format!("{:?}", namespace.counters()));
    all.push(format!("{:?}", namespace.carried()));
    all
}

#[test]
fn javas_image_is_loaded_and_written_and_loaded() {
    let image = load(JAVAS, Settings::default()).unwrap();
    assert_eq!(image.info, ImageInfo { namespace_id: 1_328_912_033, txid: TxId(307) });
    assert_eq!(image.namespace.totals().inodes(), 39);
    for codec in
        ["", "DefaultCodec", "GzipCodec", "BZip2Codec", "SnappyCodec", "Lz4Codec", "ZStandardCodec"]
    {
        let class = if codec.is_empty() {
            String::new()
        } else {
            format!("org.apache.hadoop.io.compress.{codec}")
        };
        for divide_from in [1, 1000] {
            let options = SaveOptions {
                compression: Compression::from_class(&class).unwrap(),
                divide: true,
                divide_from,
                parts: 3,
            };
            let bytes = write(&image.namespace, image.info, &options);
            let again = load(&bytes, Settings::default()).unwrap();
            assert_eq!(again.info, image.info);
            for (ours, theirs) in
                everything(&again.namespace).iter().zip(everything(&image.namespace))
            {
                assert_eq!(*ours, theirs, "{codec}");
            }
        }
    }
}

#[test]
fn an_image_cut_anywhere_or_with_any_byte_changed_does_no_harm() {
    for cut in (0..JAVAS.len()).step_by(5) {
        assert!(load(&JAVAS[..cut], Settings::default()).is_err(), "{cut}");
    }
    for at in (0..JAVAS.len()).step_by(3) {
        for byte in [0, 0x7f, 0xff] {
            let mut damaged = JAVAS.to_vec();
            damaged[at] = byte;
            let _ = load(&damaged, Settings::default());
        }
    }
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let rename = |from: &[u8], to: &[u8]| {
        let mut bytes = JAVAS.to_vec();
        let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        load(&bytes, Settings::default()).err().unwrap()
    };
    let error = rename(b"CACHE_MANAGER", b"SNAPSHOT_DIFF");
    assert_eq!(error.java_class(), "java.lang.UnsupportedOperationException");
    assert!(error.to_string().contains("snapshots"), "{error}");
    let error = rename(b"CACHE_MANAGER", b"CACHE_MONSTER");
    assert_eq!(error.to_string(), "Unrecognized section CACHE_MONSTER");
}

#[test]
fn xml_is_hadoops() {
    let theirs = include_str!("../../tests/data/fsimage.xml");
    let mut ours = Vec::new();
    let revision = "dbcc7cd797100e6b32cd84f85b53a5193a5f9af0";
    offline::write_xml(JAVAS, revision, &mut ours).unwrap();
    let ours = String::from_utf8(ours).unwrap();
    for (line, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {}", line + 1);
    }
    assert!(ours == theirs);
}

#[test]
fn distribution_is_hadoops() {
    let options = offline::Distribution { max_size: 0, step: 0, format: false };
    let mut out = Vec::new();
    offline::write_distribution(JAVAS, &options, &mut out).unwrap();
    let expected = "Processed 0 inodes.\nSize\tNumFiles\n0\t2\n2097152\t26\ntotalFiles = 28\n\
        totalDirectories = 10\ntotalBlocks = 55\ntotalSpace = 43283\nmaxFileSize = 4608\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn delimited_is_hadoops() {
    let mut out = Vec::new();
    let columns = offline::Columns {
        delimiter: "\t",
        storage_policy: false,
        coding_policy: false,
        format_time: &|time| format!("t{time}"),
    };
    offline::write_delimited(JAVAS, columns, None, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 40);
    assert_eq!(
        lines[1],
        "/\t0\tt1795240510340\tt0\t0\t0\t0\t9223372036854775807\t-1\tdrwxr-xr-x\troot\tsupergroup"
    );
    assert!(lines.iter().any(|line| line.starts_with("/tree/d1/file-1\t3\t")));
}
