//! A record's elements by name, in order (`XMLUtils.Stanza`).

use super::read::XmlError;
use std::str::FromStr;

/// An element: its text, and what is inside it.
#[derive(Debug, Default)]
pub(super) struct Stanza {
    pub(super) value: String,
    children: Vec<(String, Self)>,
}

impl Stanza {
    pub(super) fn push(&mut self, name: String, child: Self) {
        self.children.push((name, child));
    }

    pub(super) fn children<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a Self> + use<'a, 'n> {
        self.children.iter().filter(move |(key, _)| key == name).map(|(_, child)| child)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.children(name).next().is_some()
    }

    pub(super) fn child(&self, name: &str) -> Result<&Self, XmlError> {
        self.children(name).next().ok_or_else(|| XmlError::missing(name))
    }

    pub(super) fn text_or_none(&self, name: &str) -> Result<Option<&str>, XmlError> {
        let mut found = self.children(name);
        let first = found.next().map(|child| child.value.as_str());
        if found.next().is_some() {
            return Err(XmlError::Invalid(format!("More than one value found for {name}")));
        }
        Ok(first)
    }

    pub(super) fn str(&self, name: &str) -> Result<&str, XmlError> {
        self.text_or_none(name)?.ok_or_else(|| XmlError::missing(name))
    }

    pub(super) fn string(&self, name: &str) -> Result<String, XmlError> {
        self.str(name).map(str::to_owned)
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<T, XmlError> {
        parse(name, self.str(name)?)
    }

    pub(super) fn number_or_none<T: FromStr>(&self, name: &str) -> Result<Option<T>, XmlError> {
        self.text_or_none(name)?.map(|text| parse(name, text)).transpose()
    }

    /// A number that Java prints signed and we hold unsigned.
    pub(super) fn unsigned(&self, name: &str) -> Result<u64, XmlError> {
        self.number::<i64>(name).map(|value| value as u64)
    }

    /// A `short` that we hold unsigned.
    pub(super) fn short(&self, name: &str) -> Result<u16, XmlError> {
        self.number::<i16>(name).map(|value| value as u16)
    }

    /// A `byte` that we hold unsigned.
    pub(super) fn byte(&self, name: &str) -> Result<u8, XmlError> {
        self.number::<i8>(name).map(|value| value as u8)
    }

    /// Java's `Boolean.parseBoolean`: anything but "true" is false.
    pub(super) fn boolean(&self, name: &str) -> Result<bool, XmlError> {
        Ok(self.text_or_none(name)?.is_some_and(|text| text.eq_ignore_ascii_case("true")))
    }
}

fn parse<T: FromStr>(name: &str, text: &str) -> Result<T, XmlError> {
    text.parse().map_err(|_| XmlError::Invalid(format!("For input string: \"{text}\" in {name}")))
}
