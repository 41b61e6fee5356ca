//! Which directory an inode is in, for what prints paths (`PBImageTextWriter.MetadataMap`): in memory, or
//! in files that are addressed by inode number, where an image is larger than memory.

use super::OfflineError;
use crate::image::ImageReader;
use crate::image::error::ImageError;
use crate::image::reader::{Children, directory_entry, each_message};
use crate::image::section::{INODE, INODE_DIR, INODE_DIR_SUB};
use crate::view::{LoadedBody, LoadedInode};
use foldhash::{HashMap, HashMapExt as _};
use loxodon_wire::ids::InodeId;
use std::io;

/// `INodeId.ROOT_INODE_ID`.
const ROOT: u64 = 16_385;
/// Paths deeper than this are taken for a ring of directories.
const MAX_DEPTH: usize = 100_000;
/// Paths of directories that one reader remembers.
const REMEMBERED: usize = 16 * 1024;
/// Inodes are numbered from the root on; larger numbers than this have no place in a file.
const MAX_IN_FILE: u64 = 1 << 38;
/// Bytes of inodes that are decoded at a time.
pub(super) const PIECE: usize = 1 << 20;

type Result<T> = std::result::Result<T, OfflineError>;

/// Parents of inodes and names of directories.
#[derive(Debug)]
pub(super) struct Tree {
    places: Places,
}

#[derive(Debug)]
enum Places {
    Memory { parents: HashMap<u64, u64>, directories: HashMap<u64, Vec<u8>> },
    Files(Files),
}

/// A file whose bytes are addressed: whoever calls opens it.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Fills `buffer` with the bytes at `at`.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond what was written.
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;

    /// Puts bytes at `at`; what lies before and was never written reads as zeros.
    ///
    /// # Errors
    /// Those of the file.
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
}

/// Three empty files for what else is in memory (`-t`).
pub type Stores = [Box<dyn Store>; 3];

/// `parents` has eight bytes an inode, its directory's number; `places` sixteen, where in `names` a
/// directory's name is and how long it is, one more so that 0 stands for no directory.
#[derive(Debug)]
struct Files {
    parents: Box<dyn Store>,
    places: Box<dyn Store>,
    names: Box<dyn Store>,
}

impl Files {
    fn slot(id: u64, size: u64) -> io::Result<u64> {
        let at = id.checked_sub(ROOT).filter(|at| *at < MAX_IN_FILE);
        let at = at.ok_or_else(|| io::Error::other(format!("inode {id} is beyond all others")))?;
        Ok(at * size)
    }

    fn word(file: &dyn Store, at: u64) -> io::Result<u64> {
        let mut word = [0; 8];
        match file.read_exact_at(&mut word, at) {
            Ok(()) => Ok(u64::from_le_bytes(word)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn name(&self, id: u64) -> io::Result<Option<Vec<u8>>> {
        let Ok(at) = Self::slot(id, 16) else { return Ok(None) };
        let Some(length) = Self::word(&*self.places, at + 8)?.checked_sub(1) else {
            return Ok(None);
        };
        let mut name = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.names.read_exact_at(&mut name, Self::word(&*self.places, at)?)?;
        Ok(Some(name))
    }
}

impl Tree {
    /// Reads parents and directories of an image, into `temporary` if it is there; `seen` hears
    /// of every inode, and then `child` of every directory's children.
    pub(super) fn read(
        reader: &ImageReader<'_>,
        temporary: Option<Stores>,
        mut seen: impl FnMut(u64),
        mut child: impl FnMut(u64, &[u64]),
    ) -> Result<Self> {
        let mut places = match temporary {
            None => Places::Memory { parents: HashMap::new(), directories: HashMap::new() },
            Some([parents, places, names]) => Places::Files(Files { parents, places, names }),
        };
        places.put_directories(reader, &mut seen)?;
        let mut failed = None;
        for part in reader.parts(INODE_DIR, INODE_DIR_SUB)? {
            each_message(INODE_DIR, &part, |message| {
                let (InodeId(directory), children) = directory_entry(message)?;
                let mut children = Children::new(children);
                let mut all = Vec::new();
                while let Some(InodeId(child)) = children.next()? {
                    all.push(child);
                }
                child(directory, &all);
                if let Err(error) = places.put_children(directory, &all) {
                    failed.get_or_insert(error);
                }
                Ok(())
            })?;
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(Self { places }),
        }
    }

    /// The directory that an inode is in.
    pub(super) fn parent(&self, id: u64) -> io::Result<Option<u64>> {
        match &self.places {
            Places::Memory { parents, .. } => Ok(parents.get(&id).copied()),
            Places::Files(files) => match Files::slot(id, 8) {
                Ok(at) => Ok(Some(Files::word(&*files.parents, at)?).filter(|parent| *parent != 0)),
                Err(_) => Ok(None),
            },
        }
    }

    /// A directory's name.
    pub(super) fn name(&self, id: u64) -> io::Result<Option<Vec<u8>>> {
        match &self.places {
            Places::Memory { directories, .. } => Ok(directories.get(&id).cloned()),
            Places::Files(files) => files.name(id),
        }
    }

    /// Looks up paths, and remembers those of directories.
    pub(super) fn finder(&self) -> Finder<'_> {
        Finder { tree: self, paths: HashMap::new() }
    }
}

impl Places {
    fn put_directories(
        &mut self,
        reader: &ImageReader<'_>,
        seen: &mut impl FnMut(u64),
    ) -> Result<()> {
        // Names that are not written yet, and where they go.
        let (mut pending, mut begin) = (Vec::new(), 0_u64);
        for piece in &reader.inode_pieces(PIECE)?.0 {
            for inode in reader.decode(piece)? {
                let LoadedInode { id: InodeId(id), name, body, .. } = &inode;
                seen(*id);
                if !matches!(body, LoadedBody::Directory(_)) {
                    continue;
                }
                match self {
                    Self::Files(files) => {
                        let at = Files::slot(*id, 16)?;
                        let place = begin + pending.len() as u64;
                        let length = name.len() as u64 + 1;
                        files.places.write_all_at(&place.to_le_bytes(), at)?;
                        files.places.write_all_at(&length.to_le_bytes(), at + 8)?;
                        pending.extend_from_slice(name);
                    }
                    Self::Memory { directories, .. } => {
                        directories.insert(*id, name.to_vec());
                    }
                }
            }
            if let Self::Files(files) = self {
                files.names.write_all_at(&pending, begin)?;
                begin += pending.len() as u64;
                pending.clear();
            }
        }
        Ok(())
    }

    fn put_children(&mut self, directory: u64, children: &[u64]) -> io::Result<()> {
        for &child in children {
            match self {
                Self::Memory { parents, .. } => drop(parents.insert(child, directory)),
                Self::Files(files) => {
                    files.parents.write_all_at(&directory.to_le_bytes(), Files::slot(child, 8)?)?;
                }
            }
        }
        Ok(())
    }
}

/// Paths of directories, those last asked for at hand.
pub(super) struct Finder<'a> {
    tree: &'a Tree,
    paths: HashMap<u64, String>,
}

impl Finder<'_> {
    /// The path of the directory that an inode is in, `/` for the root itself; none where the way up does
    /// not lead to the root, as in snapshots.
    pub(super) fn parent_path(&mut self, id: u64) -> Result<Option<&str>> {
        if id == ROOT {
            return Ok(Some("/"));
        }
        let Some(parent) = self.tree.parent(id)? else { return Ok(None) };
        if !self.paths.contains_key(&parent) {
            let Some(path) = self.path(parent)? else { return Ok(None) };
            if self.paths.len() >= REMEMBERED {
                self.paths.clear();
            }
            self.paths.insert(parent, path);
        }
        Ok(self.paths.get(&parent).map(String::as_str))
    }

    fn path(&self, directory: u64) -> Result<Option<String>> {
        let mut names = Vec::new();
        let mut at = directory;
        while let Some(name) = self.tree.name(at)? {
            if at == ROOT {
                names.push(Vec::new());
                names.reverse();
                if names.len() == 1 {
                    return Ok(Some("/".to_owned()));
                }
                return Ok(Some(String::from_utf8_lossy(&names.join(&b'/')).into_owned()));
            }
            if names.len() >= MAX_DEPTH {
                let reason = format!("inode {directory} is in a ring of directories");
                return Err(ImageError::corrupt(INODE, 0, reason).into());
            }
            names.push(name);
            match self.tree.parent(at)? {
                Some(parent) => at = parent,
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// A field of a line, quoted and escaped as Java's writer does it (`StringEscapeUtils.escapeCsv`).
pub(super) fn put_field(line: &mut String, delimiter: &str, field: &str) {
    line.push_str(delimiter);
    let quoted = field.contains([',', '"', '\r', '\n']);
    let text =
        if quoted { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() };
    // Java changes either pairs of line ends or single ones, never both.
    if text.contains("\r\n") {
        line.push_str(&text.replace("\r\n", "%x0D%x0A"));
    } else {
        line.push_str(&text.replace('\n', "%x0A"));
    }
}

#[cfg(test)]
mod tests {
    use super::put_field;

    #[test]
    fn fields() {
        for (field, wanted) in [
            ("a b", "|a b"),
            ("a,b", "|\"a,b\""),
            ("a\"b", "|\"a\"\"b\""),
            ("a\nb", "|\"a%x0Ab\""),
            ("a\r\nb\nc", "|\"a%x0D%x0Ab\nc\""),
        ] {
            let mut line = String::new();
            put_field(&mut line, "|", field);
            assert_eq!(line, wanted);
        }
    }
}
