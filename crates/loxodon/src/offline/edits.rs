//! `hdfs oev`: edit logs as text, and back.

use std::fs::File;
use std::io::{self, BufReader, Write};

use loxodon_console::{eprintln, println};
use loxodon_namespace::edit_codec::offline::{self as edits, Format, Source};

use super::{FAILED, Given, sink};

const USAGE: &str = "Usage: bin/hdfs oev [OPTIONS] -i INPUT_FILE -o OUTPUT_FILE
  -i,--inputFile <arg>    the edit log, or its XML where the name ends with .xml
  -o,--outputFile <arg>   where to write; - is standard output
  -p,--processor <arg>    xml (the default) | binary | stats
  -f,--fix-txids          number transactions anew from the first one on
  -r,--recover            pass over what cannot be read
  -v,--verbose            tell what is done
  -h,--help               this text";

/// Runs `oev`; its exit code.
pub(crate) fn oev(args: &[String]) -> i32 {
    if wants_help(args) {
        println!("{USAGE}");
        return 0;
    }
    finish(convert_edits(args), USAGE)
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

fn wants_help(args: &[String]) -> bool {
    args.is_empty() || args.iter().any(|arg| matches!(arg.as_str(), "-h" | "--help" | "-help"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in
            [("-i x", "-o"), ("-i /no/such -o -", "/no/such"), ("-i x -o - -p yaml", "yaml")]
        {
            let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            let error = convert_edits(&args).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
