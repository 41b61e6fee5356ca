//! `dumptb` and `loadtb`: files as typed bytes on the standard output, and typed bytes from the standard input as
//! a sequence file.

use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};

use super::AutoInputFormat;
use super::typed_bytes::{read_raw, write};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{CreateOptions, FileSystems, glob_status};
use crate::input::{FileSplit, InputFormat as _, InputSplit};
use crate::io::sequence_file::{Options, Writer};
use crate::io::writable::{Datum, Kind};
use crate::program::options;
use crate::user::current_user;

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

/// Exit code of what Java calls -1.
const FAILED: i32 = 255;

/// Runs `dumptb` or `loadtb`; the exit code.
pub(super) fn run(directory: Option<&Path>, is_dump: bool, arguments: &[String]) -> i32 {
    let done = options::of_machine(directory).and_then(|mut conf| {
        let rest = options::parse(&mut conf, arguments)?;
        let Some(path) = rest.first() else {
            eprintln!("Too few arguments!");
            let (command, what) = match is_dump {
                true => (
                    "dumptb <glob-pattern>",
                    "Writes what is in these files to the standard output",
                ),
                false => ("loadtb <path>", "Writes the standard input into a sequence file"),
            };
            println!("Usage: mapred streaming {command}\n  {what}, as typed bytes");
            return Ok(1);
        };
        let files = FileSystems::new(&conf, current_user())?;
        if is_dump {
            dump(&conf, &files, path, &mut BufWriter::with_capacity(BUFFER, io::stdout().lock()))
        } else {
            load(&files, path, &mut BufReader::with_capacity(BUFFER, io::stdin().lock()))
        }
    });
    done.unwrap_or_else(|error| {
        eprintln!("{}: {error}", error.java_class());
        1
    })
}

/// Every file that a pattern stands for, and those in directories that it stands for.
fn dump(conf: &Configuration, files: &FileSystems, path: &str, to: &mut impl Write) -> Result<i32> {
    let path = files.path(path)?;
    let fs = files.get(&path)?;
    let Some(found) = glob_status(&*fs, &path, |_| true)? else {
        return Err(Error::new(ErrorKind::NotFound, format!("File does not exist: {path}")));
    };
    if found.is_empty() {
        return Ok(FAILED);
    }
    let mut record = Vec::new();
    for status in found {
        let all = if status.is_directory { fs.list(&status.path)? } else { vec![status] };
        for file in all {
            let split =
                FileSplit { path: file.path, start: 0, length: file.length, hosts: Vec::new() };
            let mut reader = AutoInputFormat.open(&InputSplit::File(split), conf, files)?;
            while reader.advance()? {
                let (key, value) = reader.classes().map_or((None, None), |(key, value)| {
                    (Kind::of_class(key), Kind::of_class(value))
                });
                record.clear();
                write(reader.key(), key, &mut record)?;
                write(reader.value(), value, &mut record)?;
                to.write_all(&record)?;
            }
        }
    }
    to.flush()?;
    Ok(0)
}

fn load(files: &FileSystems, path: &str, from: &mut impl io::Read) -> Result<i32> {
    let path = files.path(path)?;
    let fs = files.get(&path)?;
    if fs.exists(&path)? {
        eprintln!("given path exists already!");
        return Ok(FAILED);
    }
    let class = Kind::TypedBytes.class();
    let stream = fs.create(&path, CreateOptions::default())?;
    let mut writer = Writer::new(stream, Options::new(class, class))?;
    let (mut key, mut value) = (Vec::new(), Vec::new());
    loop {
        key.clear();
        value.clear();
        if !read_raw(from, &mut key)? {
            break;
        }
        if !read_raw(from, &mut value)? {
            return Err(Error::new(ErrorKind::Eof, "the input ends behind a key"));
        }
        writer.append(Datum::Bytes(&key), Datum::Bytes(&value))?;
    }
    writer.finish()?.close()?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use loxodon_client::UserIdentity;

    use super::*;

    #[test]
    fn what_is_loaded_is_dumped() {
        let dir = tempfile::tempdir().unwrap();
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "file:///", "test");
        let files = FileSystems::new(&conf, UserIdentity::new("u")).unwrap();
        let path = dir.path().join("file").display().to_string();
        let bytes = b"\x07\0\0\0\x01k\x03\0\0\0\x05\x07\0\0\0\x01l\x02\x01";
        assert_eq!(load(&files, &path, &mut bytes.as_slice()).unwrap(), 0);
        assert_eq!(load(&files, &path, &mut bytes.as_slice()).unwrap(), FAILED, "it is there");
        let mut dumped = Vec::new();
        assert_eq!(dump(&conf, &files, &path, &mut dumped).unwrap(), 0);
        assert_eq!(dumped, bytes);
        // Text has its places as keys.
        std::fs::write(&path, "a\n").unwrap();
        dumped.clear();
        let pattern = dir.path().join("fi*").display().to_string();
        dump(&conf, &files, &pattern, &mut dumped).unwrap();
        assert_eq!(dumped, b"\x04\0\0\0\0\0\0\0\0\x07\0\0\0\x01a");
        let nothing = dir.path().join("no*").display().to_string();
        assert_eq!(dump(&conf, &files, &nothing, &mut dumped).unwrap(), FAILED);
        assert!(dump(&conf, &files, &format!("{path}x"), &mut dumped).is_err());
        let half = dir.path().join("half").display().to_string();
        assert!(load(&files, &half, &mut &bytes[..6]).is_err());
    }
}
