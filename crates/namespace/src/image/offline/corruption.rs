//! `hdfs oiv -p DetectCorruption` (`PBImageCorruptionDetector`): inodes that directories name and that
//! are not there, and the directories that name them.

use super::OfflineError;
use super::paths::{PIECE, Stores, Tree, put_field};
use crate::image::ImageReader;
use foldhash::{HashSet, HashSetExt as _};
use std::collections::BTreeMap;
use std::io::Write;

/// What is wrong with one inode.
#[derive(Clone, Copy, Debug, Default)]
struct Corruption {
    missing_child: bool,
    is_missing: bool,
    children: usize,
}

impl Corruption {
    const fn name(self) -> &'static str {
        match (self.is_missing, self.missing_child) {
            (true, true) => "CorruptNodeWithMissingChild",
            (true, false) => "CorruptNode",
            _ => "MissingChild",
        }
    }
}

/// Writes a line per inode that is missing or misses a child. `temporary` as in
/// [`Delimited::open`](super::Delimited::open).
///
/// # Errors
/// If the image cannot be read, or `sink` not be written.
pub fn write_corruption(
    image: &[u8],
    delimiter: &str,
    temporary: Option<Stores>,
    sink: &mut impl Write,
) -> Result<(), OfflineError> {
    let reader = ImageReader::open(image)?;
    reader.check_supported()?;
    let (known, mut corrupt, tree) = examine(&reader, temporary)?;
    let header = [
        "CorruptionType",
        "Id",
        "IsSnapshot",
        "ParentPath",
        "ParentId",
        "Name",
        "NodeType",
        "CorruptChildren",
    ];
    writeln!(sink, "{}", header.join(delimiter))?;
    let line = |id: u64, what: Corruption, snapshot: bool, parent: &str, name: &str| {
        let mut line = what.name().to_owned();
        let mut put = |field: &str| put_field(&mut line, delimiter, field);
        put(&(id as i64).to_string());
        put(if snapshot { "true" } else { "false" });
        put(parent);
        match tree.parent(id)? {
            Some(parent) => put(&(parent as i64).to_string()),
            None => put("Missing"),
        }
        put(name);
        put(if known.contains(&id) { "Node" } else { "Unknown" });
        put(&what.children.to_string());
        Ok::<_, OfflineError>(line)
    };
    let mut finder = tree.finder();
    for piece in &reader.inode_pieces(PIECE)?.0 {
        for inode in reader.decode(piece)? {
            let id = inode.id.0;
            let Some(parent) = finder.parent_path(id)? else { continue };
            if let Some(what) = corrupt.remove(&(id as i64)) {
                let name = String::from_utf8_lossy(inode.name);
                writeln!(sink, "{}", line(id, what, false, parent, &name)?)?;
            }
        }
    }
    // Those whose path is not known.
    for (id, what) in corrupt {
        let id = id as u64;
        let name = tree.name(id)?.unwrap_or_default();
        writeln!(sink, "{}", line(id, what, true, "", &String::from_utf8_lossy(&name))?)?;
    }
    sink.flush()?;
    Ok(())
}

type Examined = (HashSet<u64>, BTreeMap<i64, Corruption>, Tree);

fn examine(reader: &ImageReader<'_>, temporary: Option<Stores>) -> Result<Examined, OfflineError> {
    let known = std::cell::RefCell::new(HashSet::new());
    let mut corrupt: BTreeMap<i64, Corruption> = BTreeMap::new();
    let seen = |id| {
        known.borrow_mut().insert(id);
    };
    let tree = Tree::read(reader, temporary, seen, |directory, children| {
        let known = known.borrow();
        if !known.contains(&directory) {
            corrupt.entry(directory as i64).or_default().is_missing = true;
        }
        let mut missing = 0;
        for child in children.iter().filter(|child| !known.contains(child)) {
            corrupt.entry(*child as i64).or_default().is_missing = true;
            missing += 1;
        }
        if missing > 0 {
            let parent = corrupt.entry(directory as i64).or_default();
            parent.missing_child = true;
            parent.children = missing;
        }
    })?;
    Ok((known.into_inner(), corrupt, tree))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::offline::{Columns, Store, write_delimited, write_image, write_xml};
    use std::io;
    use std::sync::Mutex;

    const JAVAS: &[u8] = include_bytes!("../../../tests/data/fsimage");

    #[derive(Debug, Default)]
    struct Memory(Mutex<Vec<u8>>);

    impl Store for Memory {
        fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
            let bytes = self.0.lock().unwrap();
            let at = usize::try_from(at).unwrap();
            let found = bytes.get(at..at + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(found);
            Ok(())
        }

        fn write_all_at(&self, new: &[u8], at: u64) -> io::Result<()> {
            let mut bytes = self.0.lock().unwrap();
            let end = usize::try_from(at).unwrap() + new.len();
            let length = bytes.len().max(end);
            bytes.resize(length, 0);
            bytes[end - new.len()..end].copy_from_slice(new);
            Ok(())
        }
    }

    fn stores() -> Stores {
        [Box::<Memory>::default(), Box::<Memory>::default(), Box::<Memory>::default()]
    }

    fn found(image: &[u8], temporary: Option<Stores>) -> Vec<String> {
        let mut text = Vec::new();
        write_corruption(image, ",", temporary, &mut text).unwrap();
        String::from_utf8(text).unwrap().lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_missing_is_found_and_told_alike_from_memory_and_files() {
        assert!(found(JAVAS, None).is_empty());
        let mut xml = Vec::new();
        write_xml(JAVAS, "test", &mut xml).unwrap();
        let xml = String::from_utf8(xml).unwrap();
        // The first directory below the root is taken away; what is inside stays.
        let begin = xml.match_indices("<inode>").nth(1).unwrap().0;
        let end = begin + xml[begin..].find("</inode>\n").unwrap() + "</inode>\n".len();
        let count: u32 = 39;
        let mut text = xml;
        text.replace_range(begin..end, "");
        let text =
            text.replace(&format!("<numInodes>{count}<"), &format!("<numInodes>{}<", count - 1));
        let mut image = Vec::new();
        write_image(text.as_bytes(), &mut image).unwrap();
        let lines = found(&image, None);
        assert!(lines[0].starts_with("MissingChild,16385,false,/,Missing,,Node,1"), "{lines:?}");
        assert!(lines[1].starts_with("CorruptNode"), "{lines:?}");
        assert_eq!(found(&image, Some(stores())), lines);
        // And lines of all inodes are the same.
        let delimited = |temporary: Option<Stores>| {
            let mut text = Vec::new();
            let columns = Columns {
                delimiter: "\t",
                storage_policy: true,
                coding_policy: true,
                format_time: &|time| time.0.to_string(),
            };
            write_delimited(&image, columns, temporary, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let whole = delimited(None);
        assert!(whole.lines().count() > 2);
        assert_eq!(delimited(Some(stores())), whole);
    }
}
