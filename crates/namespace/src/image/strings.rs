//! The string table: names of users, groups and attributes by number (`SerialNumberManager`).

use super::error::ImageError;
use super::proto::{put_length_before, put_number};
use super::section::STRING_TABLE;
use foldhash::HashMap;
use loxodon_wire::proto::hdfs::fsimage::{StringTableSection, string_table_section};
use prost::Message;
use std::sync::Arc;

/// Which numbers a name belongs to: those of each kind are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub(crate) enum Kind {
    User = 1,
    Group = 2,
    XAttr = 3,
}

/// Bits of a number that say its kind: what 3.5 writes.
const MASK_BITS: u32 = 3;
/// Numbers have 24 bits wherever they are used.
const MAX_NUMBER: u32 = (1 << 24) - 1;

/// Names by number, as an image has them.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    names: HashMap<u32, Arc<str>>,
    mask_bits: u32,
}

impl Strings {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        let corrupt = |offset: usize, error: prost::DecodeError| {
            ImageError::corrupt(STRING_TABLE, offset, error.to_string())
        };
        let mut rest = bytes;
        let header = StringTableSection::decode_length_delimited(&mut rest)
            .map_err(|error| corrupt(0, error))?;
        let mask_bits = header.mask_bits();
        if mask_bits > MASK_BITS {
            return Err(ImageError::corrupt(
                STRING_TABLE,
                0,
                format!("String table bits ({mask_bits}) are greater than {MASK_BITS}"),
            ));
        }
        let mut names = HashMap::default();
        for _ in 0..header.num_entry() {
            let offset = bytes.len() - rest.len();
            let entry = string_table_section::Entry::decode_length_delimited(&mut rest)
                .map_err(|error| corrupt(offset, error))?;
            names.insert(entry.id(), entry.str().into());
        }
        Ok(Self { names, mask_bits })
    }

    pub(crate) fn get(&self, kind: Kind, number: u32) -> Option<&Arc<str>> {
        let mask = match self.mask_bits {
            0 => 0,
            bits => (kind as u32) << (32 - bits),
        };
        self.names.get(&(number | mask))
    }
}

/// Numbers that are given to names while an image is written.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    numbers: HashMap<(Kind, Box<str>), u32>,
    /// The last lookup of each kind: neighbours mostly have the same owner.
    recent: [(Box<str>, u32); 3],
    counts: [u32; 3],
    overflow: bool,
}

impl Numbering {
    pub(super) fn number(&mut self, kind: Kind, name: &str) -> u32 {
        let slot = kind as usize - 1;
        if let Some((recent, number)) = self.recent.get(slot)
            && **recent == *name
            && *number != 0
        {
            return *number;
        }
        let key = (kind, Box::from(name));
        let number = match self.numbers.get(&key) {
            Some(&number) => number,
            None => {
                let mut next = 0;
                if let Some(count) = self.counts.get_mut(slot) {
                    *count += 1;
                    next = *count;
                }
                self.overflow |= next > MAX_NUMBER;
                self.numbers.insert(key, next);
                next
            }
        };
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = (name.into(), number);
        }
        number
    }

    /// Whether there were more names than numbers.
    pub(super) const fn overflowed(&self) -> bool {
        self.overflow
    }

    /// The section's contents.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = StringTableSection {
            num_entry: Some(u32::try_from(self.numbers.len()).unwrap_or(u32::MAX)),
            mask_bits: Some(MASK_BITS),
        }
        .encode_length_delimited_to_vec();
        let mut entries: Vec<(u32, &str)> = self
            .numbers
            .iter()
            .map(|((kind, name), &number)| ((*kind as u32) << (32 - MASK_BITS) | number, &**name))
            .collect();
        entries.sort_unstable();
        for (number, name) in entries {
            put_length_before(&mut out, |out| {
                put_number(1, u64::from(number), out);
                super::proto::put_bytes(2, name.as_bytes(), out);
            });
        }
        out
    }
}
