//! What several fuzz targets, and the program that makes their first inputs, share.

pub mod machine;

/// Pieces of an input, each behind two bytes for `K` and two for its length; a last one may be cut off.
pub struct Pieces<'a>(pub &'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.0.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        self.0 = rest;
        Some((u16::from_le_bytes(*kind), piece))
    }
}

/// Appends a piece.
///
/// # Panics
/// It is longer than 65,535 bytes.
pub fn put_piece(kind: u16, piece: &[u8], to: &mut Vec<u8>) {
    to.extend(kind.to_le_bytes());
    to.extend(u16::try_from(piece.len()).expect("a short piece").to_le_bytes());
    to.extend(piece);
}
