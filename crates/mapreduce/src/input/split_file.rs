//! `job.split` and `job.splitmetainfo`: what a client leaves in the staging directory for the JobTracker and the
//! tasks (`JobSplitWriter`, `SplitMetaInfoReader`).

use super::split::InputSplit;
use crate::error::{Error, Result};
use crate::io::writable::{Text, Writable, vint};

/// Name of the file of splits.
pub const SPLIT_FILE: &str = "job.split";
/// Name of the file that says where each split lies and on which machines its data.
pub const META_FILE: &str = "job.splitmetainfo";
/// `mapreduce.job.split.metainfo.maxsize`'s default, bytes.
pub const MOST_META: u64 = 10_000_000;
/// `mapreduce.job.max.split.locations`' default.
pub const MOST_LOCATIONS: usize = 15;

const SPLIT_HEADER: &[u8] = b"SPL\0\0\0\x01";
const META_HEADER: &[u8] = b"META-SPL";
const META_VERSION: i64 = 1;

/// What the JobTracker knows of a split (`TaskSplitMetaInfo`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitMeta {
    /// Machines that have its data.
    pub hosts: Vec<String>,
    /// Where it lies in `job.split`.
    pub offset: u64,
    /// Bytes to read.
    pub length: u64,
}

/// Bytes of `job.split` and `job.splitmetainfo`; of each split at most `most_locations` hosts.
#[must_use]
pub fn write(splits: &[InputSplit], most_locations: usize) -> (Vec<u8>, Vec<u8>) {
    let mut file = SPLIT_HEADER.to_vec();
    let mut meta = META_HEADER.to_vec();
    vint::write(META_VERSION, &mut meta);
    vint::write_length(splits.len(), &mut meta);
    for split in splits {
        let hosts = split.hosts().iter().take(most_locations);
        vint::write_length(hosts.len(), &mut meta);
        for host in hosts {
            Text::write(host.as_bytes(), &mut meta);
        }
        vint::write_length(file.len(), &mut meta);
        vint::write(i64::try_from(split.length()).unwrap_or(i64::MAX), &mut meta);
        Text::write(split.class().as_bytes(), &mut file);
        split.write(&mut file);
    }
    (file, meta)
}

/// Reads `job.splitmetainfo`.
///
/// # Errors
/// The bytes are no such file, in Hadoop's words.
pub fn read_meta(mut bytes: &[u8]) -> Result<Vec<SplitMeta>> {
    let from = &mut bytes;
    *from =
        from.strip_prefix(META_HEADER).ok_or_else(|| Error::io("Invalid header on split file"))?;
    let version = vint::read(from)?;
    if version != META_VERSION {
        return Err(Error::io(format!("Unsupported split version {version}")));
    }
    let count = vint::read_length(from)?;
    let mut metas = Vec::new();
    for _ in 0..count {
        let mut hosts = Vec::new();
        for _ in 0..vint::read_length(from)? {
            hosts.push(String::from_utf8_lossy(Text::read(from)?).into_owned());
        }
        let (offset, length) = (read_position(from)?, read_position(from)?);
        metas.push(SplitMeta { hosts, offset, length });
    }
    if !from.is_empty() {
        let left = from.len();
        return Err(Error::io(format!("the split file has {left} bytes behind its last split")));
    }
    Ok(metas)
}

fn read_position(from: &mut &[u8]) -> Result<u64> {
    let value = vint::read(from)?;
    u64::try_from(value).map_err(|_| Error::io(format!("the split file has a position of {value}")))
}

/// Reads one split from the bytes of `job.split`, with what its meta information knows of it.
///
/// # Errors
/// The bytes are no such file; nothing lies there.
pub fn read_split(bytes: &[u8], meta: &SplitMeta) -> Result<InputSplit> {
    if !bytes.starts_with(SPLIT_HEADER) {
        return Err(Error::io("Invalid header on split file"));
    }
    let offset = usize::try_from(meta.offset).unwrap_or(usize::MAX);
    let mut rest = bytes
        .get(offset..)
        .ok_or_else(|| Error::io(format!("the split file ends before offset {offset}")))?;
    let class = String::from_utf8_lossy(Text::read(&mut rest)?).into_owned();
    let mut split = InputSplit::read(&class, rest)?;
    match &mut split {
        InputSplit::File(file) => file.hosts.clone_from(&meta.hosts),
        InputSplit::Combine(parts) => parts.hosts.clone_from(&meta.hosts),
        InputSplit::Other { hosts, length, .. } => {
            hosts.clone_from(&meta.hosts);
            *length = meta.length;
        }
    }
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Path;
    use crate::input::{CombineSplit, FileSplit};

    fn file(name: &str, start: u64) -> FileSplit {
        let path = Path::parse(&format!("hdfs://h:1/{name}")).unwrap();
        FileSplit { path, start, length: 10, hosts: vec!["a".into(), "b".into()] }
    }

    #[test]
    fn round_trip() {
        let part = |name| FileSplit { hosts: Vec::new(), ..file(name, 3) };
        let parts = vec![part("x"), part("y")];
        let splits = [
            InputSplit::File(file("f", 0)),
            InputSplit::Combine(CombineSplit { parts, hosts: vec!["c".into()] }),
            InputSplit::File(file("f", 10)),
        ];
        let (bytes, meta) = write(&splits, 1);
        assert!(
            bytes.starts_with(b"SPL\0\0\0\x01\x2forg.apache.hadoop.mapreduce.lib.input.FileSplit")
        );
        let metas = read_meta(&meta).unwrap();
        assert_eq!(metas[0], SplitMeta { hosts: vec!["a".into()], offset: 7, length: 10 });
        assert_eq!(read_split(&bytes, &metas[1]).unwrap(), splits[1]);
        let InputSplit::File(last) = read_split(&bytes, &metas[2]).unwrap() else { panic!() };
        assert_eq!(last.to_string(), "hdfs://h:1/f:10+10");
        for end in 0..meta.len() {
            assert!(read_meta(&meta[..end]).is_err());
        }
        for end in 0..bytes.len() {
            let _ = read_split(&bytes[..end], &metas[2]);
        }
        assert!(read_meta(b"META-SPL\x02").unwrap_err().to_string().contains("version 2"));
    }
}
