//! Files of records: Java reads what we write, and we read what Java writes. Sequence files of every
//! compression, `MapFile`s, compressed text, in every codec that Java has without native code.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::java::{JavaHost, whoami};
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::fs::{self, FileSystems};
use loxodon_mapreduce::input::{InputFormat, add_input_path, required_input_format};
use loxodon_mapreduce::io::codec::Codec;
use loxodon_mapreduce::io::map_file;
use loxodon_mapreduce::io::sequence_file::{Compression, Options, Reader, Writer};
use loxodon_mapreduce::io::writable::{
    Datum, DoubleWritable, IntWritable, Kind, LongWritable, Text, Writable,
};

const COUNT: i32 = 3000;
/// Codecs that Java has; zstd it has only with native code.
const CODECS: [(&str, Codec); 5] = [
    ("DefaultCodec", Codec::Zlib),
    ("GzipCodec", Codec::Gzip),
    ("BZip2Codec", Codec::Bzip2),
    ("SnappyCodec", Codec::Snappy),
    ("Lz4Codec", Codec::Lz4),
];
const TYPES: [(&str, Compression); 3] =
    [("NONE", Compression::None), ("RECORD", Compression::Record), ("BLOCK", Compression::Block)];

fn value(n: i32) -> String {
    let x = "x".repeat(usize::try_from(n % 100).unwrap_or(0));
    format!("value {n} {x}{}", i64::from(n) * i64::from(n) * 7919)
}

struct Pair {
    java: JavaHost,
    root: std::path::PathBuf,
    files: FileSystems,
}

impl Pair {
    fn new(root: &Path) -> io::Result<Self> {
        let files = FileSystems::new(&Configuration::new(), UserIdentity::new(whoami()));
        let files = files.map_err(io::Error::other)?;
        Ok(Self { java: JavaHost::start(&root.join("java.log"))?, root: root.into(), files })
    }

    fn java(&mut self, args: &[&str]) -> io::Result<String> {
        self.java.run(&self.root, &whoami(), "records", args)?.succeeded()
    }

    fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    fn open(&self, file: &str) -> Result<Reader> {
        let path = self.files.path(file)?;
        Reader::open(self.files.get(&path)?.open(&path, None)?, file)
    }

    /// What Java's `show` prints of a file.
    fn show(&self, file: &str) -> Result<Vec<String>> {
        let mut reader = self.open(file)?;
        let header = reader.header().clone();
        let (key, value) =
            (Kind::required(&header.key_class)?, Kind::required(&header.value_class)?);
        let mut lines = Vec::new();
        while reader.advance()? {
            let mut line = Vec::new();
            key.show(&mut { reader.key() }, &mut line)?;
            line.push(b'\t');
            value.show(&mut { reader.value() }, &mut line)?;
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        Ok(lines)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &[T], found: &[T]) -> io::Result<()> {
    if wanted == found {
        return Ok(());
    }
    let at = wanted.iter().zip(found).position(|(a, b)| a != b);
    let at = at.unwrap_or(wanted.len().min(found.len()));
    Err(io::Error::other(format!(
        "{what}: {} wanted, {} found; the first that differs, number {at}: {:?} and {:?}",
        wanted.len(),
        found.len(),
        wanted.get(at),
        found.get(at)
    )))
}

#[test]
fn sequence_files_both_ways() {
    in_fresh_directory(|root| {
        let mut pair = Pair::new(root)?;
        let wanted: Vec<String> = (0..COUNT).map(|n| format!("{n}\t{}", value(n))).collect();
        for (type_name, compression) in TYPES {
            for (codec_name, codec) in CODECS {
                let what = format!("{type_name} {codec_name}");
                let theirs = pair.path(&format!("java {what}"));
                pair.java(&["sequence", &theirs, type_name, codec_name])?;
                let found = pair.show(&theirs).map_err(io::Error::other)?;
                same(&format!("Java's {what}"), &wanted, &found)?;
                let header = pair.open(&theirs).map_err(io::Error::other)?.header().clone();
                let made = [("made by".to_owned(), "a test".to_owned())];
                same(&what, &made, &header.metadata)?;

                let ours = pair.path(&format!("ours {what}"));
                write_sequence(&ours, compression, codec).map_err(io::Error::other)?;
                let shown = pair.java(&["show", &ours])?;
                let mut shown: Vec<String> = shown.lines().map(str::to_owned).collect();
                same(&what, &[Some("middle".to_owned())], &[shown.pop()])?;
                let first = format!("{type_name} {{made by=a test}}");
                same(&what, &[first], &shown.drain(..1).collect::<Vec<_>>())?;
                same(&format!("our {what}"), &wanted, &shown)?;
                if compression == Compression::None {
                    break;
                }
            }
        }
        Ok(())
    });
}

fn write_sequence(file: &str, compression: Compression, codec: Codec) -> Result<()> {
    let mut options = Options::new(IntWritable::CLASS, Text::CLASS).compressed(compression, codec);
    options.block_size = 20_000;
    options.metadata = vec![("made by".into(), "a test".into())];
    let mut writer = Writer::new(File::create(file)?, options)?;
    for n in 0..COUNT {
        writer.append(Datum::Int(n), Datum::Text(value(n).as_bytes()))?;
    }
    writer.finish().map(drop)
}

#[test]
fn map_files_both_ways() {
    in_fresh_directory(|root| {
        let mut pair = Pair::new(root)?;
        let theirs = pair.path("java");
        pair.java(&["map", &theirs])?;
        let ours = pair.path("ours");
        maps(&pair.files, &theirs, &ours).map_err(io::Error::other)?;
        let middle = pair.java(&["find", &theirs])?;
        same("the middle of the index", &[middle], &[pair.java(&["find", &ours])?])
    });
}

fn maps(files: &FileSystems, theirs: &str, ours: &str) -> Result<()> {
    let (theirs, ours) = (files.path(theirs)?, files.path(ours)?);
    let fs = files.get(&theirs)?;
    let mut reader = map_file::Reader::open(&*fs, &theirs)?;
    let options =
        Options::new(Text::CLASS, LongWritable::CLASS).compressed(Compression::Record, Codec::Zlib);
    let mut writer = map_file::Writer::create(&*fs, &ours, options)?;
    for n in 0..i64::from(COUNT) {
        let text = format!("k{:06}", n * 2);
        let mut key = Vec::new();
        Text::write(text.as_bytes(), &mut key);
        assert_eq!(reader.get(&key)?, Some(&n.to_be_bytes()[..]), "{text}");
        writer.append(Datum::Text(text.as_bytes()), Datum::Long(n))?;
    }
    writer.close()
}

#[test]
fn compressed_text_both_ways() {
    in_fresh_directory(|root| {
        let mut pair = Pair::new(root)?;
        let wanted: Vec<String> = (0..COUNT).map(value).collect();
        for (name, codec) in CODECS {
            let theirs = pair.path(&format!("java{}", codec.extension()));
            pair.java(&["text", &theirs])?;
            let found = lines(&pair.files, &theirs).map_err(io::Error::other)?;
            same(&format!("Java's {name}"), &wanted, &found)?;

            let ours = pair.path(&format!("ours{}", codec.extension()));
            let mut encoder = codec.encoder(File::create(&ours)?)?;
            for line in &wanted {
                encoder.write_all(format!("{line}\n").as_bytes())?;
            }
            encoder.finish()?;
            let shown = pair.java(&["lines", &ours])?;
            let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
            same(&format!("our {name}"), &wanted, &shown)?;
            // Ours is framed exactly as Java's: same lengths of plain bytes.
            if codec == Codec::Snappy {
                let mut heads = [[0; 4]; 2];
                for (file, head) in [&theirs, &ours].into_iter().zip(&mut heads) {
                    File::open(file)?.read_exact(head)?;
                }
                same("the first block", &heads[..1], &heads[1..])?;
            }
        }
        Ok(())
    });
}

/// A file's lines as a job reads them, in splits where it can be split.
fn lines(files: &FileSystems, file: &str) -> Result<Vec<String>> {
    let mut job = Configuration::new();
    add_input_path(&mut job, files, file)?;
    job.set("mapreduce.input.fileinputformat.split.maxsize", "10000", "test");
    let format: Box<dyn InputFormat> =
        required_input_format("org.apache.hadoop.mapreduce.lib.input.TextInputFormat")?;
    let mut lines = Vec::new();
    for split in format.splits(&job, files)? {
        let mut reader = format.open(&split, &job, files)?;
        while reader.advance()? {
            lines.push(String::from_utf8_lossy(Text::of_datum(reader.value())?).into_owned());
        }
    }
    Ok(lines)
}

#[test]
fn values_are_shown_as_java_shows_them() {
    in_fresh_directory(|root| {
        let mut pair = Pair::new(root)?;
        let file = pair.path("values");
        pair.java(&["values", &file])?;
        let shown = pair.java(&["show", &file])?;
        let lines: Vec<String> = shown.lines().map(str::to_owned).collect();
        let wanted = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
        same("values", wanted, &pair.show(&file).map_err(io::Error::other)?)?;
        // And they are, byte for byte, what we would write.
        let mut reader = pair.open(&file).map_err(io::Error::other)?;
        let again = pair.path("again");
        let header = reader.header().clone();
        let mut options = Options::new(header.key_class, header.value_class);
        options.mark = header.mark;
        let copy = |reader: &mut Reader| -> Result<()> {
            let mut writer = Writer::new(File::create(&again)?, options)?;
            while reader.advance()? {
                let key = DoubleWritable::read(&mut { reader.key() })?;
                let mut scratch = Vec::new();
                let key = DoubleWritable::datum(key, &mut scratch);
                writer.append(key, Datum::Serialized(reader.value()))?;
            }
            writer.finish().map(drop)
        };
        copy(&mut reader).map_err(io::Error::other)?;
        same("bytes", &std::fs::read(&file)?, &std::fs::read(&again)?)
    });
}

#[test]
fn local_files_that_java_checks() {
    in_fresh_directory(|root| {
        let mut pair = Pair::new(root)?;
        let file = pair.path("text.gz");
        pair.java(&["text", &file])?;
        // Java keeps a checksum file beside it, which must not outlive the bytes it is of.
        let path = pair.files.path(&file).map_err(io::Error::other)?;
        let local = pair.files.get(&path).map_err(io::Error::other)?;
        let mut encoder = Codec::Gzip.encoder(Vec::new())?;
        encoder.write_all(b"other\n")?;
        let bytes = encoder.finish()?;
        let options = fs::CreateOptions::overwriting();
        local.write_all(&path, &bytes, options).map_err(io::Error::other)?;
        same("lines", &["other\n".to_owned()], &[pair.java(&["lines", &file])?])
    });
}
