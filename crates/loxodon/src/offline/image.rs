//! `hdfs oiv` (`OfflineImageViewerPB`).

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use loxodon_console::{eprintln, println};
use loxodon_namespace::image::offline::{self as image, OfflineError};
use md5::{Digest, Md5};

use super::{FAILED, Given, browse, sink};
use crate::shell::size;

const USAGE: &str = "Usage: bin/hdfs oiv [OPTIONS] -i INPUTFILE -o OUTPUTFILE
  -i,--inputFile <arg>    the image; the XML for ReverseXML
  -o,--outputFile <arg>   where to write; - is standard output, which is the default
  -p,--processor <arg>    XML | ReverseXML | FileDistribution | Web | Delimited | DetectCorruption;
                          Web is the default
  -addr <arg>             Web: where to listen, localhost:5978 by default
  -maxSize <arg>          FileDistribution: larger files are counted together
  -step <arg>             FileDistribution: width of a range
  -format                 FileDistribution: ranges in words
  -delimiter <arg>        Delimited, DetectCorruption: what stands between columns, a tab by default
  -sp                     Delimited: a column with the storage policy
  -ec                     Delimited: a column with the erasure coding policy
  -t,--temp <arg>         Delimited, DetectCorruption: a directory that is made for what else is in memory
  -m,--multiThread <arg>  Delimited: so many threads
  -h,--help               this text
ReverseXML makes an image of the XML, and beside it a file with its MD5.
";

/// Ways of ending that are no success.
enum Wrong {
    /// A wrong command line: the usage is printed, after this.
    Usage(&'static str),
    /// No such processor.
    Processor(String),
    /// What is said and ends with 1: Java's virtual machine ends with a stack trace there.
    Trace(String),
    /// An error while reading or writing.
    Failed(OfflineError),
}

impl From<OfflineError> for Wrong {
    fn from(error: OfflineError) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs `oiv`; its exit code.
pub(crate) fn oiv(args: &[String]) -> i32 {
    let is_help =
        |arg: &String| arg.eq_ignore_ascii_case("-h") || arg.eq_ignore_ascii_case("--help");
    if args.is_empty() || matches!(args, [only] if is_help(only)) {
        println!("{USAGE}");
        return 0;
    }
    match view(args) {
        Ok(()) => 0,
        Err(Wrong::Usage(before)) => {
            println!("{before}{USAGE}");
            FAILED
        }
        Err(Wrong::Processor(name)) => {
            eprintln!("Invalid processor specified : {name}");
            println!("{USAGE}");
            FAILED
        }
        Err(Wrong::Trace(message)) => {
            eprintln!("{message}");
            1
        }
        Err(Wrong::Failed(error)) => {
            eprintln!("Encountered exception.  Exiting: {error}");
            FAILED
        }
    }
}

const VALUED: [(&str, &str); 9] = [
    ("i", "inputFile"),
    ("o", "outputFile"),
    ("p", "processor"),
    ("addr", "addr"),
    ("maxSize", "maxSize"),
    ("step", "step"),
    ("delimiter", "delimiter"),
    ("t", "temp"),
    ("m", "multiThread"),
];
const FLAGS: [(&str, &str); 4] = [("format", "format"), ("sp", "sp"), ("ec", "ec"), ("h", "help")];

fn view(args: &[String]) -> Result<(), Wrong> {
    const PARSING: &str = "Error parsing command-line options: \n";
    let given = Given::parse(args, &VALUED, &FLAGS).map_err(|message| {
        eprintln!("{message}");
        Wrong::Usage(PARSING)
    })?;
    let input = given.value("inputFile").ok_or(Wrong::Usage(PARSING))?;
    if given.has("help") {
        return Err(Wrong::Usage(""));
    }
    let threads = given.number("multiThread", "1").map_err(Wrong::Trace)?;
    let out = given.value("outputFile").unwrap_or("-");
    let name = given.value("processor").unwrap_or("Web");
    match name.to_ascii_uppercase().as_str() {
        "REVERSEXML" => reverse(Path::new(input), out)
            .map_err(|e| Wrong::Trace(format!("OfflineImageReconstructor failed: {e}"))),
        "WEB" => {
            let bytes = read(input)?;
            let address = given.value("addr").unwrap_or("localhost:5978");
            browse::serve(&bytes, address).map_err(Wrong::Trace)
        }
        "XML" => {
            let bytes = read(input)?;
            let mut out = open(out)?;
            Ok(image::write_xml(&bytes, env!("CARGO_PKG_VERSION"), &mut out)?)
        }
        "FILEDISTRIBUTION" => {
            let options = image::Distribution {
                max_size: given.number("maxSize", "0").map_err(Wrong::Trace)?,
                step: u64::from(given.number::<u32>("step", "0").map_err(Wrong::Trace)?),
                format: given.has("format"),
            };
            let bytes = read(input)?;
            Ok(image::write_distribution(&bytes, &options, &mut open(out)?)?)
        }
        "DELIMITED" => {
            let bytes = read(input)?;
            let columns = image::Columns {
                delimiter: given.value("delimiter").unwrap_or("\t"),
                storage_policy: given.has("sp"),
                coding_policy: given.has("ec"),
                format_time: &|time| size::minute(time.0),
            };
            let mut out = open(out)?;
            let image = image::Delimited::open(&bytes, columns, temporary(&given)?)?;
            Ok(write_lines(&image, threads, &mut out)?)
        }
        "DETECTCORRUPTION" => {
            let bytes = read(input)?;
            let delimiter = given.value("delimiter").unwrap_or("\t");
            let mut out = open(out)?;
            Ok(image::write_corruption(&bytes, delimiter, temporary(&given)?, &mut out)?)
        }
        _ => Err(Wrong::Processor(name.to_owned())),
    }
}

/// Lines of all inodes, some pieces at a time.
fn write_lines(
    image: &image::Delimited<'_>,
    threads: usize,
    out: &mut dyn Write,
) -> Result<(), OfflineError> {
    out.write_all(image.header().as_bytes())?;
    for together in image.pieces().chunks(threads.max(1)) {
        let texts = std::thread::scope(|scope| {
            let running = together.iter().map(|piece| scope.spawn(move || image.lines(piece)));
            let running: Vec<_> = running.collect();
            let ended = running.into_iter().map(|thread| {
                thread.join().map_err(|_| io::Error::other("a thread that makes lines has failed"))
            });
            ended.collect::<io::Result<Vec<_>>>()
        })?;
        for text in texts {
            out.write_all(text?.as_bytes())?;
        }
    }
    out.flush()?;
    Ok(())
}

/// A file of those that `-t` asks for.
#[derive(Debug)]
struct Place(File);

impl image::Store for Place {
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, at)
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }
}

/// The files of `-t`, in a directory that is made for them.
fn temporary(given: &Given) -> Result<Option<image::Stores>, Wrong> {
    let path = given.value("temp").filter(|path| !path.is_empty());
    let Some(path) = path.map(Path::new) else { return Ok(None) };
    if path.exists() {
        let message = format!(
            "Folder {} already exists! Delete manually or provide another (not existing) directory!",
            path.display()
        );
        return Err(io::Error::other(message).into());
    }
    std::fs::create_dir_all(path)?;
    let file = |name: &str| -> Result<Box<dyn image::Store>, Wrong> {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(path.join(name))?;
        Ok(Box::new(Place(file)))
    };
    Ok(Some([file("parents")?, file("places")?, file("names")?]))
}

fn open(output: &str) -> Result<Box<dyn Write>, Wrong> {
    sink(output).map_err(|e| io::Error::other(e).into())
}

/// An error with the file's name, as Java's file streams word it.
fn named(path: &Path, error: &io::Error) -> io::Error {
    let words = match error.kind() {
        io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "Is a directory".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("{} ({words})", path.display()))
}

fn read(input: &str) -> Result<Vec<u8>, Wrong> {
    let path = Path::new(input);
    let bytes = std::fs::read(path).map_err(|e| named(path, &e))?;
    if !bytes.starts_with(b"HDFSIMG1") {
        return Err(io::Error::other("Unrecognized FSImage").into());
    }
    Ok(bytes)
}

/// What is written, and its MD5.
struct Digesting<W> {
    sink: W,
    digest: Md5,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

fn reverse(input: &Path, output: &str) -> Result<(), OfflineError> {
    if output == "-" {
        return Err(io::Error::other("an image needs a file: name it with -o").into());
    }
    let output = Path::new(output);
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sum_file = output.with_file_name(format!("{name}.md5"));
    let xml = File::open(input).map_err(|e| named(input, &e))?;
    // What an earlier run left there must not stand beside half an image.
    for old in [&sum_file, output] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(named(old, &error).into());
            }
            _ => {}
        }
    }
    let file = File::create(output).map_err(|e| named(output, &e))?;
    let mut sink = Digesting { sink: BufWriter::new(file), digest: Md5::new() };
    let reader: Box<dyn Read> = Box::new(xml);
    image::write_image(BufReader::new(reader), &mut sink)?;
    let sum: String = sink.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(&sum_file, format!("{sum} *{name}\n")).map_err(|e| named(&sum_file, &e))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> i32 {
        oiv(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn exit_codes_are_javas() {
        for (text, wanted) in [
            ("", 0),
            ("-h", 0),
            ("--help", 0),
            ("-p xml", 255),
            ("-i x -h", 255),
            ("-i /no/such/image -p XML", 255),
            ("-i x -p YAML", 255),
            ("-i x -z", 255),
            ("-i", 255),
            ("-i x -p Delimited -m many", 1),
            ("-i /no/such.xml -o /tmp/no/such -p ReverseXML", 1),
            ("-i /no/such.xml -p ReverseXML", 1),
        ] {
            assert_eq!(code(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_image_there_and_back() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../namespace/tests/data/fsimage");
        assert_eq!(code(&format!("-i {source} -p XML -o {}", at("a.xml"))), 0);
        assert_eq!(code(&format!("-i {} -p reversexml -o {}", at("a.xml"), at("image"))), 0);
        assert_eq!(code(&format!("-i {} -p XML -o {}", at("image"), at("b.xml"))), 0);
        assert_eq!(std::fs::read(at("a.xml")).unwrap(), std::fs::read(at("b.xml")).unwrap());
        let sum: String = Md5::digest(std::fs::read(at("image")).unwrap())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(std::fs::read_to_string(at("image.md5")).unwrap(), format!("{sum} *image\n"));
    }
}
