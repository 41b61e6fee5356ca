//! What `hdfs oev` does: a segment, in bytes or as XML, becomes bytes, XML or a count of its
//! operations (`OfflineEditsViewer`).

use super::decode::{Read, read_header, read_transaction};
use super::encode::encode_transaction;
use super::error::{CodecError, HeaderError};
use super::opcode::Opcode;
use super::xml::{XmlError, XmlEvent, XmlReader, XmlWriter};
use crate::edit::Transaction;
use loxodon_wire::editlog::{HEADER_LENGTH, LAYOUT_VERSION, is_filler, put_header};
use loxodon_wire::ids::TxId;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

/// What is read.
pub enum Source<'a> {
    /// A segment.
    Binary(&'a [u8]),
    /// What `-p xml` wrote.
    Xml(&'a mut dyn BufRead),
}

/// What is written (`-p`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A segment of the current layout.
    Binary,
    /// XML.
    Xml,
    /// How often each operation occurs.
    Statistics,
}

/// How it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Numbers transactions anew from the first one on (`-f`).
    pub fix_txids: bool,
    /// Passes over what cannot be read (`-r`).
    pub recover: bool,
    /// Longest operation that is read; 0 for the default.
    pub max_op_size: usize,
}

/// Why it ended early. What came before has been written.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The segment's beginning.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// An operation.
    #[error("at offset {offset}: {source}")]
    Transaction {
        /// Where it is.
        offset: usize,
        /// What is wrong with it.
        source: CodecError,
    },
    /// The XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// An operation that cannot be written.
    #[error(transparent)]
    Encode(#[from] CodecError),
    /// The output.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Reads `source` and writes it in another form.
///
/// # Errors
/// [`ConvertError`], where reading or writing could not go on.
pub fn convert(
    source: Source<'_>,
    format: Format,
    options: Options,
    sink: &mut dyn Write,
) -> Result<(), ConvertError> {
    let mut numbering = options.fix_txids.then_some(None);
    match source {
        Source::Binary(bytes) => {
            let version = read_header(bytes)?;
            let mut output = Output::new(format, version, sink)?;
            let outcome = each_transaction(bytes, version, options, |transaction| {
                output.write(&renumber(transaction, &mut numbering))
            });
            output.finish(outcome)
        }
        Source::Xml(text) => {
            let mut reader = XmlReader::new(text);
            let XmlEvent::Version(version) = reader.next_event()? else {
                return Err(XmlError::Invalid("no EDITS_VERSION".into()).into());
            };
            let mut output = Output::new(format, version, sink)?;
            let outcome = loop {
                match reader.next_event() {
                    Ok(XmlEvent::Transaction(transaction)) => {
                        if let Err(error) = output.write(&renumber(transaction, &mut numbering)) {
                            break Err(error);
                        }
                    }
                    Ok(_) => break Ok(()),
                    Err(error) => break Err(error.into()),
                }
            };
            output.finish(outcome)
        }
    }
}

/// The outer option says whether to number anew, the inner one what came last.
fn renumber(mut transaction: Transaction, numbering: &mut Option<Option<TxId>>) -> Transaction {
    if let Some(last) = numbering {
        let next = last.map_or(TxId(transaction.txid.0.max(1)), TxId::next);
        transaction.txid = next;
        *last = Some(next);
    }
    transaction
}

fn each_transaction(
    bytes: &[u8],
    version: i32,
    options: Options,
    mut take: impl FnMut(Transaction) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let max_op_size = match options.max_op_size {
        0 => loxodon_wire::editlog::MAX_OP_SIZE,
        size => size,
    };
    let mut offset = HEADER_LENGTH;
    loop {
        let rest = bytes.get(offset..).unwrap_or_default();
        let broken = match read_transaction(rest, version, max_op_size) {
            Ok(Read::Transaction(transaction, length)) => {
                offset += length;
                take(*transaction)?;
                continue;
            }
            Ok(Read::End) => return Ok(()),
            Ok(Read::Filler) if is_filler(rest) => return Ok(()),
            Ok(Read::Filler) => {
                CodecError::field("terminator", "Read extra bytes after the terminator!")
            }
            Ok(Read::Incomplete { .. }) => CodecError::Truncated("the last operation"),
            Err(error) => error,
        };
        if !options.recover {
            return Err(ConvertError::Transaction { offset, source: broken });
        }
        offset += 1;
    }
}

enum Output<'a> {
    Binary(&'a mut dyn Write, Vec<u8>),
    Xml(XmlWriter<&'a mut dyn Write>),
    Statistics(&'a mut dyn Write, i32, BTreeMap<Opcode, u64>),
}

impl<'a> Output<'a> {
    fn new(format: Format, version: i32, sink: &'a mut dyn Write) -> io::Result<Self> {
        Ok(match format {
            Format::Binary => {
                let mut buffer = Vec::new();
                put_header(LAYOUT_VERSION, &mut buffer);
                sink.write_all(&buffer)?;
                Self::Binary(sink, buffer)
            }
            Format::Xml => Self::Xml(XmlWriter::new(sink, version)?),
            Format::Statistics => Self::Statistics(sink, version, BTreeMap::new()),
        })
    }

    fn write(&mut self, transaction: &Transaction) -> Result<(), ConvertError> {
        match self {
            Self::Binary(sink, buffer) => {
                buffer.clear();
                let Transaction { txid, edit } = transaction;
                encode_transaction(*txid, edit, LAYOUT_VERSION, buffer)?;
                sink.write_all(buffer)?;
            }
            Self::Xml(writer) => writer.write(transaction)?,
            Self::Statistics(_, _, counts) => {
                *counts.entry(transaction.edit.opcode()).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Ends the output as Java does, saying what went wrong where it has a place for that.
    fn finish(self, outcome: Result<(), ConvertError>) -> Result<(), ConvertError> {
        let error = outcome.as_ref().err().map(ToString::to_string);
        match self {
            Self::Binary(sink, _) => sink.flush()?,
            Self::Xml(writer) => {
                writer.finish(error.as_deref())?;
            }
            Self::Statistics(sink, version, counts) => {
                write_statistics(sink, version, &counts)?;
                if let Some(error) = error {
                    writeln!(sink, "EXITING ON ERROR: {error}")?;
                }
                sink.flush()?;
            }
        }
        outcome
    }
}

fn write_statistics(
    sink: &mut dyn Write,
    version: i32,
    counts: &BTreeMap<Opcode, u64>,
) -> io::Result<()> {
    writeln!(sink, "    {:<30.30}      : {version}", "VERSION")?;
    for number in 0..=52_u8 {
        let known = Opcode::from_number(number);
        let name = match (known, number) {
            (Some(opcode), _) => opcode.name(),
            (None, 5) => "OP_DATANODE_ADD",
            (None, _) => "OP_DATANODE_REMOVE",
        };
        let count = known.and_then(|opcode| counts.get(&opcode)).unwrap_or(&0);
        writeln!(sink, "    {name:<30.30} ({number:>3}): {count}")?;
    }
    writeln!(sink, "    {:<30.30} ({:>3}): 0", "OP_INVALID", -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: &[u8] = include_bytes!("../../tests/data/edits-tokens");
    const XML: &str = include_str!("../../tests/data/edits-tokens.xml");

    fn run(source: Source<'_>, format: Format, options: Options) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let ended_well = convert(source, format, options, &mut out).is_ok();
        (out, ended_well)
    }

    #[test]
    fn as_hadoop_converts() {
        let options = Options::default();
        let statistics = include_str!("../../tests/data/edits-tokens.stats");
        let (out, _) = run(Source::Binary(SEGMENT), Format::Statistics, options);
        assert_eq!(String::from_utf8(out).unwrap(), statistics);
        let (out, _) = run(Source::Binary(SEGMENT), Format::Xml, options);
        assert_eq!(String::from_utf8(out).unwrap(), XML);
        let (out, _) = run(Source::Xml(&mut XML.as_bytes()), Format::Binary, options);
        assert_eq!(out, SEGMENT);
        let (out, _) = run(Source::Binary(SEGMENT), Format::Binary, options);
        assert_eq!(out, SEGMENT);
    }

    #[test]
    fn recovery_passes_over_what_is_damaged() {
        let mut damaged = SEGMENT.to_vec();
        damaged[60] ^= 1;
        let (out, ended_well) = run(Source::Binary(&damaged), Format::Xml, Options::default());
        assert!(!ended_well);
        assert!(String::from_utf8(out).unwrap().contains("<ERROR>"));
        let options = Options { recover: true, fix_txids: true, ..Options::default() };
        let (out, ended_well) = run(Source::Binary(&damaged), Format::Xml, options);
        assert!(ended_well);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("<RECORD>").count(), 7);
        assert!(text.contains("<TXID>7</TXID>") && !text.contains("<TXID>8</TXID>"));
    }
}
