//! Elements of an XML document, one after the other; no attributes, no declarations of types.

use super::read::XmlError;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use std::io::BufRead;

/// Text between two tags may be this long.
const MAX_TEXT: usize = 64 * 1024 * 1024;

/// An element begins or ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// It begins.
    Open(String),
    /// It ends; the text since the last tag, unescaped and trimmed as Java trims.
    Close(String, String),
    /// The document ends.
    End,
}

pub(crate) struct Pull<R> {
    reader: Reader<R>,
    buffer: Vec<u8>,
    text: String,
    pending_close: Option<String>,
}

impl<R: BufRead> Pull<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            reader: Reader::from_reader(source),
            buffer: Vec::new(),
            text: String::new(),
            pending_close: None,
        }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.reader.buffer_position()
    }

    pub(crate) fn next(&mut self) -> Result<Token, XmlError> {
        if let Some(name) = self.pending_close.take() {
            return self.close(name);
        }
        loop {
            self.buffer.clear();
            let event = self
                .reader
                .read_event_into(&mut self.buffer)
                .map_err(|error| XmlError::Syntax(error.to_string()))?;
            match event {
                Event::Start(tag) => {
                    let name = tag.name().0.to_owned();
                    self.text.clear();
                    return Ok(Token::Open(name));
                }
                Event::Empty(tag) => {
                    let name = tag.name().0.to_owned();
                    self.text.clear();
                    self.pending_close = Some(name.clone());
                    return Ok(Token::Open(name));
                }
                Event::End(tag) => {
                    let name = tag.name().0.to_owned();
                    return self.close(name);
                }
                Event::Text(text) => self.text.push_str(&text.xml10_content()),
                Event::CData(text) => self.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = resolve(&reference)?;
                    self.text.push(character);
                }
                Event::DocType(_) => {
                    return Err(XmlError::Syntax("DOCTYPE is disallowed".into()));
                }
                Event::Eof => return Ok(Token::End),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
            if self.text.len() > MAX_TEXT {
                return Err(XmlError::Syntax("text is too long".into()));
            }
        }
    }

    fn close(&mut self, name: String) -> Result<Token, XmlError> {
        let text = std::mem::take(&mut self.text);
        Ok(Token::Close(name, text))
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, XmlError> {
    if let Some(character) =
        reference.resolve_char_ref().map_err(|error| XmlError::Syntax(error.to_string()))?
    {
        return Ok(character);
    }
    match reference.xml10_content().as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => Err(XmlError::Syntax(format!("Unknown entity ref &{other};"))),
    }
}
