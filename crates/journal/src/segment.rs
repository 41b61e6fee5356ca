//! Reading a segment to its end: which of its transactions are whole, and what follows them.

use loxodon_wire::editlog::{Step, is_filler, read_frame};
use loxodon_wire::ids::TxId;

/// Pages are written to a disk in pieces no smaller than this.
const SECTOR: u64 = 512;

/// What follows the last whole transaction of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    None,
    /// Preallocated space.
    Filler,
    /// A write that did not come to its end: nothing in it was acknowledged.
    Torn(String),
}

/// A segment that is damaged where its contents had been acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at offset {offset}, after txid {}; whole transactions follow it, at {next}", last.0)]
pub struct Damage {
    /// Where the damaged bytes begin.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
    /// The last transaction before.
    pub last: TxId,
    /// Where the next whole transaction begins.
    pub next: u64,
}

/// Says what the end of a segment is: `bytes` is everything from `offset` on, where no whole
/// transaction begins; `last` is the transaction before.
///
/// A crash leaves whatever part of the last write had reached the disk, sector by sector, and
/// filler in between. So bytes that are no transaction are a torn write, unless a later
/// transaction follows without a sector of filler before it: that is damage to what was once
/// whole, and cutting it off would lose what was acknowledged.
///
/// # Errors
/// [`Damage`], if it is that.
pub fn classify_tail(
    bytes: &[u8],
    offset: u64,
    last: TxId,
    max_op_size: usize,
) -> Result<Tail, Damage> {
    let reason = match read_frame(bytes, max_op_size) {
        Ok(Step::End) => return Ok(Tail::None),
        Ok(Step::Filler) if is_filler(bytes) => return Ok(Tail::Filler),
        Ok(Step::Filler) => "Read extra bytes after the terminator!".to_owned(),
        Ok(Step::Incomplete { needed }) => {
            format!("{needed} bytes needed and {} there", bytes.len())
        }
        Ok(Step::Frame(frame)) => format!("txid {} is out of order", frame.txid),
        Err(error) => error.to_string(),
    };
    match next_transaction(bytes, last, max_op_size) {
        Some(next) if !has_empty_sector(bytes.get(..next).unwrap_or_default(), offset) => {
            Err(Damage { offset, reason, last, next: offset.saturating_add(next as u64) })
        }
        _ => Ok(Tail::Torn(reason)),
    }
}

/// Where, after the first byte, a transaction begins that came after `last`.
#[must_use]
pub fn next_transaction(bytes: &[u8], last: TxId, max_op_size: usize) -> Option<usize> {
    (1..bytes.len()).find(|&at| {
        let rest = bytes.get(at..).unwrap_or_default();
        // Looked at before the checksum, which is over many bytes.
        let plausible = rest.first().is_some_and(|&opcode| opcode < 128)
            && rest
                .get(5..13)
                .and_then(|field| field.try_into().ok())
                .map(u64::from_be_bytes)
                .is_some_and(|txid| txid > last.0 && txid - last.0 < 1 << 32);
        plausible && matches!(read_frame(rest, max_op_size), Ok(Step::Frame(_)))
    })
}

fn has_empty_sector(bytes: &[u8], offset: u64) -> bool {
    let skip = usize::try_from(offset.wrapping_neg() % SECTOR).unwrap_or(0);
    bytes.get(skip..).unwrap_or_default().chunks_exact(SECTOR as usize).any(is_filler)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_wire::editlog::{MAX_OP_SIZE, put_frame};
    use proptest::prelude::*;

    fn frames(ids: std::ops::Range<u64>, length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for id in ids {
            put_frame::<()>(2, TxId(id), &mut out, |out| {
                out.resize(out.len() + length, b'a');
                Ok(())
            })
            .unwrap();
        }
        out
    }

    fn classify(bytes: &[u8], offset: u64) -> Result<Tail, Damage> {
        classify_tail(bytes, offset, TxId(9), MAX_OP_SIZE)
    }

    #[test]
    fn clean_ends() {
        assert_eq!(classify(&[], 77), Ok(Tail::None));
        assert_eq!(classify(&[0xff; 5000], 77), Ok(Tail::Filler));
        assert_eq!(classify(&[0xff, 0, 0], 77), Ok(Tail::Filler));
    }

    #[test]
    fn a_cut_write_is_torn_at_every_byte() {
        let whole = frames(10..12, 40);
        for cut in 1..57 {
            for filler in [0, 600] {
                let mut bytes = whole[..cut].to_vec();
                bytes.resize(cut + filler, 0xff);
                assert!(matches!(classify(&bytes, 8), Ok(Tail::Torn(_))), "{cut} {filler}");
            }
        }
    }

    #[test]
    fn pages_that_arrived_out_of_order_are_torn() {
        let mut bytes = frames(10..200, 40);
        // The first sector of the write never arrived, later ones did.
        bytes[300..1100].fill(0xff);
        assert!(matches!(classify(&bytes[285..], 285), Ok(Tail::Torn(_))));
    }

    #[test]
    fn a_flipped_bit_among_whole_transactions_is_damage() {
        let mut bytes = frames(10..200, 40);
        bytes[20] ^= 1;
        let damage = classify(&bytes, 8).unwrap_err();
        assert_eq!((damage.offset, damage.next, damage.last), (8, 8 + 57, TxId(9)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, offset: u64) {
            let _ = classify(&bytes, offset);
        }
    }
}
