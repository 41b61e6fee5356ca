//! An element of the XML with what is inside it, taken apart field by field.

use crate::edit_codec::xml::{Pull, Token, XmlError, unmangle};
use std::io::BufRead;
use std::str::FromStr;

/// Elements inside elements.
const MAX_DEPTH: usize = 16;

pub(super) type Result<T> = std::result::Result<T, XmlError>;

pub(super) fn invalid(message: impl Into<String>) -> XmlError {
    XmlError::Invalid(message.into())
}

/// An element: what is not taken out of it by the end was not understood.
#[derive(Debug, Default)]
pub(super) struct Node {
    text: String,
    children: Vec<(String, Self)>,
}

impl Node {
    /// Reads what follows the beginning of an element, to its end.
    pub(super) fn read(pull: &mut Pull<impl BufRead>) -> Result<Self> {
        Self::read_at(pull, 0)
    }

    fn read_at(pull: &mut Pull<impl BufRead>, depth: usize) -> Result<Self> {
        if depth > MAX_DEPTH {
            return Err(invalid("elements are too deep"));
        }
        let mut node = Self::default();
        loop {
            match pull.next()? {
                Token::Open(name) => node.children.push((name, Self::read_at(pull, depth + 1)?)),
                Token::Close(_, text) => {
                    if node.children.is_empty() {
                        node.text = unmangle(&text).map_err(invalid)?;
                    }
                    return Ok(node);
                }
                Token::End => return Err(ended()),
            }
        }
    }

    /// Takes out all children of a name.
    pub(super) fn all(&mut self, name: &str) -> Vec<Self> {
        let taken = self.children.extract_if(.., |(key, _)| key == name);
        taken.map(|(_, child)| child).collect()
    }

    /// Takes out the only child of a name.
    pub(super) fn child(&mut self, name: &str) -> Option<Self> {
        let at = self.children.iter().position(|(key, _)| key == name)?;
        Some(self.children.remove(at).1)
    }

    pub(super) fn has(&mut self, name: &str) -> bool {
        self.child(name).is_some()
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.child(name) {
            None => Ok(None),
            Some(child) if child.children.is_empty() => Ok(Some(child.text)),
            Some(_) => Err(invalid(format!("<{name}> has elements inside"))),
        }
    }

    pub(super) fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        self.text(name)?.map(|text| parse(name, &text)).transpose()
    }

    /// A `long`, which is held unsigned.
    pub(super) fn long(&mut self, name: &str) -> Result<Option<u64>> {
        Ok(self.number::<i64>(name)?.map(|number| number as u64))
    }

    /// An `int`, which is held unsigned.
    pub(super) fn int(&mut self, name: &str) -> Result<Option<u32>> {
        Ok(self.number::<i32>(name)?.map(|number| number as u32))
    }

    pub(super) fn required<T>(found: Option<T>, of: &str, name: &str) -> Result<T> {
        found.ok_or_else(|| invalid(format!("<{of}> has no <{name}>")))
    }

    /// The text of an element without others inside.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The number that is its text.
    pub(super) fn into_number<T: FromStr>(self, name: &str) -> Result<T> {
        parse(name, &self.text)
    }

    /// Whether all was understood.
    ///
    /// # Errors
    /// What was not, by name.
    pub(super) fn finish(self, of: &str) -> Result<()> {
        if self.children.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self.children.into_iter().map(|(name, _)| name).collect();
        Err(invalid(format!("Found unknown XML keys in {of}: {}", names.join(", "))))
    }
}

pub(super) fn ended() -> XmlError {
    XmlError::Syntax("the document ends inside an element".into())
}

fn parse<T: FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| invalid(format!("For input string: \"{text}\" in <{name}>")))
}

/// `xx` for each byte.
pub(super) fn unhex(name: &str, text: &str) -> Result<Vec<u8>> {
    let wrong = || invalid(format!("<{name}> is not hexadecimal: {text}"));
    let digit = |c: u8| (c as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong());
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}
