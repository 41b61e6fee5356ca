//! Unpacking archives of the distributed cache: zip and jar, tar, with gzip. Nothing is written
//! outside the directory, and not more than allowed.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What a file name says of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Zip,
    Tar,
    TarGzip,
    /// None that is unpacked: the file itself is put into the directory, as Hadoop does.
    File,
}

fn kind(name: &str) -> Kind {
    let name = name.to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    if ends(".zip") || ends(".jar") {
        Kind::Zip
    } else if ends(".tar.gz") || ends(".tgz") {
        Kind::TarGzip
    } else if ends(".tar") {
        Kind::Tar
    } else {
        Kind::File
    }
}

/// Unpacks `archive` into the directory `to`, which is made. Gives the bytes written.
///
/// # Errors
/// A damaged archive, an entry that would leave the directory, more than `most` bytes, a full disk.
pub fn unpack(archive: &Path, name: &str, to: &Path, most: u64) -> io::Result<u64> {
    fs::create_dir_all(to)?;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
    let file = BufReader::new(File::open(archive).map_err(named)?);
    let mut room = Room { left: most, most };
    match kind(name) {
        Kind::Zip => unzip(file, to, &mut room),
        Kind::Tar => untar(file, to, &mut room),
        Kind::TarGzip => untar(flate2::bufread::MultiGzDecoder::new(file), to, &mut room),
        Kind::File => {
            let last = Path::new(name).file_name().unwrap_or_default();
            room.copy(file, &to.join(last))
        }
    }
    .map_err(named)?;
    Ok(most.saturating_sub(room.left))
}

/// Bytes that may still be written.
struct Room {
    left: u64,
    most: u64,
}

impl Room {
    fn copy(&mut self, from: impl Read, to: &Path) -> io::Result<()> {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::options().write(true).create_new(true).open(to)?;
        let written = io::copy(&mut from.take(self.left.saturating_add(1)), &mut file)?;
        self.left = self.left.checked_sub(written).ok_or_else(|| {
            io::Error::other(format!("it is longer than {} bytes when unpacked", self.most))
        })?;
        Ok(())
    }
}

fn leaves(name: &str) -> io::Error {
    let text = format!("the entry {name:?} is not below the archive's directory");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn unzip(file: BufReader<File>, to: &Path, room: &mut Room) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut archive = zip::ZipArchive::new(file).map_err(io::Error::other)?;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(io::Error::other)?;
        let path = entry.enclosed_name().ok_or_else(|| leaves(entry.name()))?;
        let path = to.join(path);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
        } else {
            let mode = entry.unix_mode().map(|mode| mode & 0o777);
            room.copy(entry, &path)?;
            if let Some(mode) = mode {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o400))?;
            }
        }
    }
    Ok(())
}

fn untar(stream: impl Read, to: &Path, room: &mut Room) -> io::Result<()> {
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.display().to_string();
        room.left = room.left.checked_sub(entry.size()).ok_or_else(|| {
            io::Error::other(format!("it is longer than {} bytes when unpacked", room.most))
        })?;
        // Refuses what leaves the directory, by `..`, an absolute path or a link on the way.
        if !entry.unpack_in(to)? {
            return Err(leaves(&name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn tar_with(name: &[u8], data: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        let field = &mut header.as_old_mut().name;
        field.get_mut(..name.len()).unwrap().copy_from_slice(name);
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
        bytes
    }

    fn unpacked(name: &str, bytes: &[u8], most: u64) -> (tempfile::TempDir, io::Result<u64>) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("archive");
        fs::write(&file, bytes).unwrap();
        let result = unpack(&file, name, &dir.path().join("to/here"), most);
        (dir, result)
    }

    #[test]
    fn archives_are_unpacked_and_stay_in_their_directory() {
        let (dir, result) = unpacked("a.tar", &tar_with(b"x/y", b"data"), 100);
        assert_eq!(result.unwrap(), 4);
        assert_eq!(fs::read(dir.path().join("to/here/x/y")).unwrap(), b"data");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&tar_with(b"z", b"data")).unwrap();
        let (dir, result) = unpacked("b.tgz", &packed.finish().unwrap(), 100);
        assert_eq!(result.unwrap(), 4);
        assert_eq!(fs::read(dir.path().join("to/here/z")).unwrap(), b"data");
        let (dir, result) = unpacked("c.txt", b"text", 100);
        assert_eq!(result.unwrap(), 4);
        assert_eq!(fs::read(dir.path().join("to/here/c.txt")).unwrap(), b"text");

        let (dir, result) = unpacked("d.tar", &tar_with(b"../../evil", b"data"), 100);
        assert!(result.unwrap_err().to_string().contains("d.tar: the entry"));
        assert!(!dir.path().join("evil").exists());
        let (_dir, result) = unpacked("e.tar", &tar_with(b"x", &[0; 600]), 100);
        assert!(result.unwrap_err().to_string().contains("longer than 100 bytes"));
        let (_dir, result) = unpacked("f.zip", b"no zip at all", 100);
        assert!(result.unwrap_err().to_string().starts_with("f.zip: "));
    }
}
