//! The CRC of a whole from the CRCs of its parts: Hadoop's `CrcUtil` and `CrcComposer` (`COMPOSITE-CRC`).

use super::ChecksumType;

/// The polynomial 1, whose bits go from the highest down.
const ONE: u32 = 0x8000_0000;

const fn polynomial(kind: ChecksumType) -> u32 {
    match kind {
        ChecksumType::Crc32 => 0xEDB8_8320,
        ChecksumType::Crc32c => 0x82F6_3B78,
        ChecksumType::Null => 0,
    }
}

/// The product of two polynomials, modulo `polynomial`.
const fn multiply(a: u32, mut b: u32, polynomial: u32) -> u32 {
    let mut product = 0;
    let mut bit = ONE;
    while bit != 0 {
        if a & bit != 0 {
            product ^= b;
        }
        b = if b & 1 == 1 { (b >> 1) ^ polynomial } else { b >> 1 };
        bit >>= 1;
    }
    product
}

/// What shifts a CRC by `length` bytes: `CrcUtil.getMonomial`.
#[must_use]
pub const fn monomial(kind: ChecksumType, mut length: u64) -> u32 {
    let polynomial = polynomial(kind);
    let mut square = ONE >> 8;
    let mut product = ONE;
    while length > 0 {
        if length & 1 == 1 {
            product = multiply(product, square, polynomial);
        }
        square = multiply(square, square, polynomial);
        length >>= 1;
    }
    product
}

/// The CRC of A followed by B, from their CRCs and the length of B in bytes: `CrcUtil.compose`.
#[must_use]
pub const fn combine(kind: ChecksumType, crc_a: u32, crc_b: u32, length_b: u64) -> u32 {
    multiply(crc_a, monomial(kind, length_b), polynomial(kind)) ^ crc_b
}

/// Combines CRCs in order, one result per stripe: `CrcComposer`.
#[derive(Clone, Debug)]
pub struct CrcComposer {
    kind: ChecksumType,
    chunk: u64,
    chunk_monomial: u32,
    stripe: u64,
    position: u64,
    crc: u32,
    digest: Vec<u8>,
}

/// CRCs do not end where the stripe does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checksum ends {position} bytes into a stripe of {stripe}")]
pub struct StripeOverrun {
    position: u64,
    stripe: u64,
}

impl CrcComposer {
    /// Combines CRCs mostly of `chunk` bytes; one result per `stripe` bytes (`u64::MAX`: one for all).
    #[must_use]
    pub const fn new(kind: ChecksumType, chunk: u64, stripe: u64) -> Self {
        let chunk_monomial = monomial(kind, chunk);
        Self { kind, chunk, chunk_monomial, stripe, position: 0, crc: 0, digest: Vec::new() }
    }

    /// Adds the CRC of the next `length` bytes.
    ///
    /// # Errors
    /// If they go beyond the stripe's end.
    pub fn update(&mut self, crc: u32, length: u64) -> Result<(), StripeOverrun> {
        self.crc = if length == self.chunk {
            multiply(self.crc, self.chunk_monomial, polynomial(self.kind)) ^ crc
        } else {
            combine(self.kind, self.crc, crc, length)
        };
        self.position = self.position.saturating_add(length);
        if self.position > self.stripe {
            return Err(StripeOverrun { position: self.position, stripe: self.stripe });
        }
        if self.position == self.stripe {
            self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) {
        self.digest.extend_from_slice(&self.crc.to_be_bytes());
        self.crc = 0;
        self.position = 0;
    }

    /// The results, four bytes each.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.position > 0 {
            self.flush();
        }
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn parts_make_the_whole(a in proptest::collection::vec(proptest::num::u8::ANY, 0..300), b in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            for kind in [ChecksumType::Crc32, ChecksumType::Crc32c] {
                let whole = kind.append(kind.append(0, &a), &b);
                assert_eq!(combine(kind, kind.append(0, &a), kind.append(0, &b), b.len() as u64), whole);
            }
        }

        #[test]
        fn composed_chunks_are_the_whole(data in proptest::collection::vec(proptest::num::u8::ANY, 1..3000), size in 1_usize..600) {
            let kind = ChecksumType::Crc32c;
            let mut composer = CrcComposer::new(kind, size as u64, u64::MAX);
            for chunk in data.chunks(size) {
                composer.update(kind.append(0, chunk), chunk.len() as u64).unwrap();
            }
            assert_eq!(composer.finish(), kind.append(0, &data).to_be_bytes());
        }
    }

    #[test]
    fn stripes() {
        let kind = ChecksumType::Crc32;
        let mut composer = CrcComposer::new(kind, 2, 4);
        for chunk in [b"ab".as_slice(), b"cd", b"e"] {
            composer.update(kind.append(0, chunk), chunk.len() as u64).unwrap();
        }
        let expected = [kind.append(0, b"abcd").to_be_bytes(), kind.append(0, b"e").to_be_bytes()];
        assert_eq!(composer.clone().finish(), expected.concat());
        assert!(composer.update(0, 4).is_err());
    }
}
