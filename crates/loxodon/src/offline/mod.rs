//! `hdfs oiv`, `hdfs oev`: images and edit logs as text, and back.

mod browse;
mod edits;
mod image;

use std::fs::File;
use std::io::{self, BufWriter, Write};

pub(crate) use edits::oev;
pub(crate) use image::oiv;

/// Exit code of what failed, -1 in Java.
const FAILED: i32 = 255;

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

    fn number<T: std::str::FromStr>(&self, name: &str, default: &str) -> Result<T, String> {
        let text = self.value(name).unwrap_or(default);
        text.parse()
            .map_err(|_| format!("NumberFormatException: -{name}: For input string: \"{text}\""))
    }
}

fn sink(output: &str) -> Result<Box<dyn Write>, String> {
    if output == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let file = File::create(output).map_err(|e| format!("{output}: {e}"))?;
    Ok(Box::new(BufWriter::new(file)))
}
