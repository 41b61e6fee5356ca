//! `getfattr`, `setfattr`.

use bytes::Bytes;
use loxodon_client::{XAttr, XAttrSetMode};

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::{pop_flag, pop_valued};
use super::session::Session;

/// How a value is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Encoding {
    /// In double quotes.
    #[default]
    Text,
    /// Behind `0x`.
    Hex,
    /// Behind `0s`.
    Base64,
}

impl Encoding {
    fn encode(self, value: &[u8]) -> String {
        match self {
            Self::Text => format!("\"{}\"", String::from_utf8_lossy(value)),
            Self::Hex => {
                value.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
            }
            Self::Base64 => format!("0s{}", base64(value)),
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len().div_ceil(3) * 4);
    for chunk in value.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4_u32 {
            let index = (bits >> (18 - 6 * place) & 63) as usize;
            let letter = ALPHABET.get(index).copied().unwrap_or(b'=');
            text.push(if place as usize <= chunk.len() { letter.into() } else { '=' });
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let digit = ALPHABET.iter().position(|known| *known == letter)?;
        bits = bits << 6 | u32::try_from(digit).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            value.push((bits >> count & 0xff) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(value)
}

/// A value as it is given: `"text"`, `0x` hexadecimal, `0s` base 64, or plain text.
fn decode(text: &str) -> Result<Vec<u8>> {
    let wrong =
        || Failure::Illegal(format!("{text} is not a value: text, 0x... or 0s... is wanted"));
    let start = text.get(..2).unwrap_or_default();
    let rest = text.get(2..).unwrap_or_default();
    match start.to_ascii_lowercase().as_str() {
        "0x" => {
            let pairs = rest.as_bytes().chunks(2);
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            if rest.len() % 2 == 1 {
                return Err(wrong());
            }
            pairs.map(byte).collect::<Option<_>>().ok_or_else(wrong)
        }
        "0s" => from_base64(rest).ok_or_else(wrong),
        _ => {
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            Ok(inner.unwrap_or(text).as_bytes().to_vec())
        }
    }
}

fn check_one_path(args: &[String]) -> Result<()> {
    match args.len() {
        0 => Err(Failure::Illegal("<path> is missing.".into())),
        1 => Ok(()),
        _ => Err(Failure::Illegal("Too many arguments.".into())),
    }
}

/// `getfattr`.
#[derive(Debug, Default)]
pub(crate) struct GetFattr {
    name: Option<String>,
    all: bool,
    recursive: bool,
    encoding: Encoding,
}

impl GetFattr {
    fn print(&self, session: &mut Session, name: &str, value: &[u8]) -> Result<()> {
        if value.is_empty() {
            return session.line(name);
        }
        session.line(format_args!("{name}={}", self.encoding.encode(value)))
    }
}

impl Command for GetFattr {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.name = pop_valued("-n", args)?;
        if let Some(encoding) = pop_valued("-e", args)? {
            self.encoding = match encoding.to_ascii_lowercase().as_str() {
                "text" => Encoding::Text,
                "hex" => Encoding::Hex,
                "base64" => Encoding::Base64,
                _ => {
                    return Err(Failure::Illegal(format!(
                        "Invalid/unsupported encoding option specified: {encoding}"
                    )));
                }
            };
        }
        self.recursive = pop_flag("-R", args);
        self.all = pop_flag("-d", args);
        if !self.all && self.name.is_none() {
            return Err(Failure::Illegal("Must specify '-n name' or '-d' option.".into()));
        }
        check_one_path(args)
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        session.line(format_args!("# file: {item}"))?;
        let hdfs = item.fs.hdfs("getXAttrs")?;
        let named = self.name.as_deref().filter(|_| !self.all);
        let names: Vec<&str> = named.into_iter().collect();
        for attribute in hdfs.wait(hdfs.client.xattrs(&item.path, &names))? {
            let name = match named {
                Some(name) => name.to_owned(),
                None => format!("{}.{}", attribute.namespace.prefix(), attribute.name),
            };
            self.print(session, &name, &attribute.value)?;
        }
        Ok(())
    }

    fn recursive(&self) -> bool {
        self.recursive
    }
}

/// `setfattr`.
#[derive(Debug, Default)]
pub(crate) struct SetFattr {
    set: Option<String>,
    value: Vec<u8>,
    remove: Option<String>,
}

impl Command for SetFattr {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.set = pop_valued("-n", args)?;
        if let Some(value) = pop_valued("-v", args)? {
            self.value = decode(&value)?;
        }
        self.remove = pop_valued("-x", args)?;
        let wrong = match (&self.set, &self.remove) {
            (Some(_), Some(_)) => "Can not specify both '-n name' and '-x name' option.",
            (None, None) => "Must specify '-n name' or '-x name' option.",
            _ => return check_one_path(args),
        };
        Err(Failure::Illegal(wrong.into()))
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        let hdfs = item.fs.hdfs("setXAttr")?;
        if let Some(full) = &self.set {
            let (namespace, name) = XAttr::parse_name(full)?;
            let attribute = XAttr { namespace, name, value: Bytes::from(self.value.clone()) };
            let mode = XAttrSetMode::CreateOrReplace;
            return hdfs.wait(hdfs.client.set_xattr(&item.path, &attribute, mode));
        }
        match &self.remove {
            Some(name) => hdfs.wait(hdfs.client.remove_xattr(&item.path, name)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(decode("\"a b\"").unwrap(), b"a b");
        assert_eq!(decode("plain").unwrap(), b"plain");
        assert_eq!(decode("0x6162").unwrap(), b"ab");
        assert_eq!(decode("0sYWI=").unwrap(), b"ab");
        assert!(decode("0x616").is_err());
        assert!(decode("0xzz").is_err());
        assert!(decode("0s*").is_err());
        assert_eq!(Encoding::Text.encode(b"ab"), "\"ab\"");
        assert_eq!(Encoding::Hex.encode(b"ab"), "0x6162");
        for (value, text) in [("", "0s"), ("a", "0sYQ=="), ("ab", "0sYWI="), ("abc", "0sYWJj")] {
            assert_eq!(Encoding::Base64.encode(value.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), value.as_bytes());
        }
    }
}
