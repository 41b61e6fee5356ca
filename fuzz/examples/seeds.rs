//! Writes first inputs for every fuzz target into `corpus/`: real bytes of each kind, made by what writes them.
#![allow(missing_docs)]

use std::error::Error;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

#[path = "seeds/calls.rs"]
mod calls;
#[path = "seeds/jobs.rs"]
mod jobs;
#[path = "seeds/texts.rs"]
mod texts;
#[path = "seeds/wire.rs"]
mod wire;

use loxodon_fuzz::put_piece;
use loxodon_namespace::edit_codec::{Read, encode_body, read_header, read_transaction};
use loxodon_namespace::image::{self, Compression, SaveOptions};
use loxodon_namespace::settings::Settings;
use loxodon_wire::editlog::{HEADER_LENGTH, MAX_OP_SIZE};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The directory of all corpora.
struct Corpora(PathBuf);

impl Corpora {
    fn put(&self, target: &str, name: &str, bytes: impl AsRef<[u8]>) -> Result {
        let directory = self.0.join(target);
        fs::create_dir_all(&directory)?;
        Ok(fs::write(directory.join(name), bytes)?)
    }
}

fn main() -> Result {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpora = Corpora(here.join("corpus"));
    let data = here.join("../crates/namespace/tests/data");
    namespace(&corpora, &data)?;
    archives(&corpora)?;
    calls::put(&corpora)?;
    jobs::put(&corpora)?;
    texts::put(&corpora)?;
    wire::put(&corpora)
}

/// Files that Hadoop wrote.
fn namespace(corpora: &Corpora, data: &Path) -> Result {
    for name in ["edits-operations", "edits-tokens", "edits-tree"] {
        let bytes = fs::read(data.join(name))?;
        for target in ["edit_log", "edits_text"] {
            corpora.put(target, name, &bytes)?;
        }
        let version = read_header(&bytes)?;
        let mut rest = bytes.get(HEADER_LENGTH..).unwrap_or_default();
        let mut pieces = Vec::new();
        let mut count = 0;
        while let Read::Transaction(transaction, length) =
            read_transaction(rest, version, MAX_OP_SIZE)?
        {
            let mut body = Vec::new();
            encode_body(&transaction.edit, -67, &mut body)?;
            let opcode = transaction.edit.opcode() as u8;
            put_piece(u16::from(opcode), &body, &mut pieces);
            corpora.put("edit_log", &format!("{name}-{count}"), [&[opcode], &body[..]].concat())?;
            (rest, count) = (rest.get(length..).unwrap_or_default(), count + 1);
        }
        corpora.put("replay", name, pieces)?;
    }
    for name in ["edits-operations.xml", "edits-tokens.xml"] {
        corpora.put("edits_text", name, fs::read(data.join(name))?)?;
    }
    let bytes = fs::read(data.join("fsimage"))?;
    let loaded = image::load(&bytes, Settings::default())?;
    corpora.put("image", "java", &bytes)?;
    corpora.put("storage_files", "image.xml", fs::read(data.join("fsimage.xml"))?)?;
    for codec in ["Default", "Gzip", "BZip2", "Snappy", "Lz4", "ZStandard"] {
        let class = format!("org.apache.hadoop.io.compress.{codec}Codec");
        let options =
            SaveOptions { compression: Compression::from_class(&class)?, ..SaveOptions::default() };
        let mut packed = Vec::new();
        image::save(&loaded.namespace, loaded.info, &options, &mut packed)?;
        corpora.put("image", codec, packed)?;
    }
    Ok(())
}

fn archives(corpora: &Corpora) -> Result {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    zip.add_directory("tree", options)?;
    zip.start_file("tree/leaf.txt", options)?;
    zip.write_all(b"leaf leaf leaf leaf")?;
    let zip = zip.finish()?.into_inner();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    tar.append_data(&mut header.clone(), "tree/leaf.txt", &b"leaf"[..])?;
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "tree/link", "leaf.txt")?;
    let tar = tar.into_inner()?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&tar)?;
    for (kind, bytes) in [zip, tar, gzip.finish()?].iter().enumerate() {
        let kind = u8::try_from(kind)?;
        corpora.put("archives", &kind.to_string(), [&[kind], &bytes[..]].concat())?;
    }
    Ok(())
}
