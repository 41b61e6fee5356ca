//! `hdfs oiv`, `hdfs oev`: images and edit logs as text, and edit logs back.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};

use loxodon_namespace::edit_codec::offline::{self as edits, Format, Source};
use loxodon_namespace::image::offline as image;

use crate::shell::size;

/// Exit code of what failed, -1 in Java.
const FAILED: i32 = 255;

const OIV_USAGE: &str = "Usage: bin/hdfs oiv [OPTIONS] -i INPUTFILE -o OUTPUTFILE
  -i,--inputFile <arg>    the image
  -o,--outputFile <arg>   where to write; - is standard output, which is the default
  -p,--processor <arg>    XML | FileDistribution | Delimited
  -maxSize <arg>          FileDistribution: larger files are counted together
  -step <arg>             FileDistribution: width of a range
  -format                 FileDistribution: ranges in words
  -delimiter <arg>        Delimited: what stands between columns, a tab by default
  -h,--help               this text";

const OEV_USAGE: &str = "Usage: bin/hdfs oev [OPTIONS] -i INPUT_FILE -o OUTPUT_FILE
  -i,--inputFile <arg>    the edit log, or its XML where the name ends with .xml
  -o,--outputFile <arg>   where to write; - is standard output
  -p,--processor <arg>    xml (the default) | binary | stats
  -f,--fix-txids          number transactions anew from the first one on
  -r,--recover            pass over what cannot be read
  -v,--verbose            tell what is done
  -h,--help               this text";

/// Options given, by their long names.
#[derive(Debug, Default)]
struct Given {
    values: Vec<(&'static str, String)>,
    flags: Vec<&'static str>,
}

impl Given {
    /// Parses `-x VALUE`, `--long VALUE`, `--long=VALUE` and flags.
    fn parse(
        args: &[String],
        valued: &[(&'static str, &'static str)],
        flags: &[(&'static str, &'static str)],
    ) -> Result<Self, String> {
        let mut given = Self::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let word = arg.trim_start_matches('-');
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            let named = |table: &[(&'static str, &'static str)]| {
                table
                    .iter()
                    .find(|(short, long)| *short == name || *long == name)
                    .map(|(_, long)| *long)
            };
            if !arg.starts_with('-') {
                return Err(format!("unexpected argument {arg}"));
            } else if let Some(long) = named(flags) {
                given.flags.push(long);
            } else if let Some(long) = named(valued) {
                let value = inline.or_else(|| rest.next().cloned());
                given.values.push((long, value.ok_or_else(|| format!("{arg} needs a value"))?));
            } else {
                return Err(format!("unknown option {arg}"));
            }
        }
        Ok(given)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.flags.contains(&name)
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        let text = self.value(name).unwrap_or("0");
        text.parse().map_err(|_| format!("-{name}: '{text}' is not a number"))
    }
}

fn sink(output: &str) -> Result<Box<dyn Write>, String> {
    if output == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let file = File::create(output).map_err(|e| format!("{output}: {e}"))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn finish(done: Result<(), String>, usage: &str) -> i32 {
    match done {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("Encountered exception.  Exiting: {message}");
            if message.contains("option") || message.contains("processor") {
                eprintln!("{usage}");
            }
            FAILED
        }
    }
}

fn wants_help(args: &[String]) -> bool {
    args.is_empty() || args.iter().any(|arg| matches!(arg.as_str(), "-h" | "--help" | "-help"))
}

/// Runs `oiv`; its exit code.
pub(crate) fn oiv(args: &[String]) -> i32 {
    if wants_help(args) {
        crate::output::print(&format!("{OIV_USAGE}\n"));
        return 0;
    }
    finish(view_image(args), OIV_USAGE)
}

fn view_image(args: &[String]) -> Result<(), String> {
    let valued = [
        ("i", "inputFile"),
        ("o", "outputFile"),
        ("p", "processor"),
        ("maxSize", "maxSize"),
        ("step", "step"),
        ("delimiter", "delimiter"),
        ("t", "temp"),
        ("m", "multiThread"),
    ];
    let given = Given::parse(args, &valued, &[("format", "format")])?;
    if given.value("temp").is_some() || given.value("multiThread").is_some() {
        return Err("option -t and -m are not supported: the image is read into memory".into());
    }
    let input = given.value("inputFile").ok_or("option -i is missing")?;
    let processor = given.value("processor").unwrap_or("Web");
    let chosen = processor.to_ascii_lowercase();
    if matches!(chosen.as_str(), "reversexml" | "detectcorruption" | "web") {
        return Err(format!(
            "java.lang.UnsupportedOperationException: processor {processor} is not supported: XML, \
             FileDistribution and Delimited are"
        ));
    }
    let known = ["xml", "filedistribution", "delimited"];
    if !known.contains(&chosen.as_str()) {
        return Err(format!("Invalid processor specified : {processor}"));
    }
    let bytes = std::fs::read(input).map_err(|e| format!("{input}: {e}"))?;
    let mut out = sink(given.value("outputFile").unwrap_or("-"))?;
    let done = match chosen.as_str() {
        "xml" => image::write_xml(&bytes, env!("CARGO_PKG_VERSION"), &mut out),
        "filedistribution" => {
            let (max_size, step) = (given.number("maxSize")?, given.number("step")?);
            let options = image::Distribution { max_size, step, format: given.has("format") };
            image::write_distribution(&bytes, &options, &mut out)
        }
        _ => {
            let delimiter = given.value("delimiter").unwrap_or("\t");
            image::write_delimited(&bytes, delimiter, &|time| size::minute(time.0), &mut out)
        }
    };
    done.map_err(|e| format!("{input}: {e}"))?;
    out.flush().map_err(|e| e.to_string())
}

/// Runs `oev`; its exit code.
pub(crate) fn oev(args: &[String]) -> i32 {
    if wants_help(args) {
        crate::output::print(&format!("{OEV_USAGE}\n"));
        return 0;
    }
    finish(convert_edits(args), OEV_USAGE)
}

fn convert_edits(args: &[String]) -> Result<(), String> {
    let valued = [("i", "inputFile"), ("o", "outputFile"), ("p", "processor")];
    let flags = [("f", "fix-txids"), ("r", "recover"), ("v", "verbose")];
    let given = Given::parse(args, &valued, &flags)?;
    let input = given.value("inputFile").ok_or("option -i is missing")?;
    let output = given.value("outputFile").ok_or("option -o is missing")?;
    let processor = given.value("processor").unwrap_or("xml");
    let format = match processor.to_ascii_lowercase().as_str() {
        "xml" => Format::Xml,
        "binary" => Format::Binary,
        "stats" => Format::Statistics,
        _ => return Err(format!("Invalid processor specified : {processor}")),
    };
    let (fix_txids, recover) = (given.has("fix-txids"), given.has("recover"));
    let options = edits::Options { fix_txids, recover, max_op_size: 0 };
    if given.has("verbose") {
        eprintln!("input  [{input}]\noutput [{output}]");
    }
    let mut out = sink(output)?;
    let at_input = |e: io::Error| format!("{input}: {e}");
    let done = if input.to_ascii_lowercase().ends_with(".xml") {
        let mut text = BufReader::new(File::open(input).map_err(at_input)?);
        edits::convert(Source::Xml(&mut text), format, options, &mut *out)
    } else {
        let bytes = std::fs::read(input).map_err(at_input)?;
        edits::convert(Source::Binary(&bytes), format, options, &mut *out)
    };
    done.map_err(|e| format!("{input}: {e}"))?;
    out.flush().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("-p xml", "-i"),
            ("-i /no/such/image -p XML", "/no/such/image"),
            ("-i x -p YAML", "YAML"),
            ("-i x -p ReverseXML", "UnsupportedOperationException"),
            ("-i x", "processor Web"),
            ("-i x -z", "-z"),
            ("-i", "-i"),
            ("x", "x"),
        ] {
            let error = view_image(&args(text)).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        for (text, named) in
            [("-i x", "-o"), ("-i /no/such -o -", "/no/such"), ("-i x -o - -p yaml", "yaml")]
        {
            let error = convert_edits(&args(text)).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
