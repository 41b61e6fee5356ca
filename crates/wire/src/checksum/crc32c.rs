//! CRC-32C (Castagnoli): the processor's instruction where there is one, a table elsewhere.

/// Chunks that are summed side by side, so that the instruction's latency of three cycles is hidden.
pub(super) const LANES: usize = 4;

const POLYNOMIAL: u32 = 0x82F6_3B78;

static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0_u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let previous = tables[table - 1][byte];
            tables[table][byte] = (previous >> 8) ^ tables[0][(previous & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// The CRC-32C of what `crc` stands for, followed by `data`; 0 stands for nothing.
#[must_use]
pub fn crc32c_append(crc: u32, data: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = super::sse42::append(crc, data) {
        return value;
    }
    portable_append(crc, data)
}

/// The sums of `LANES` chunks of `length` bytes that lie one after another in `data`.
#[inline]
pub(super) fn crc32c_lanes(data: &[u8], length: usize) -> [u32; LANES] {
    #[cfg(target_arch = "x86_64")]
    if let Some(sums) = super::sse42::lanes(data, length) {
        return sums;
    }
    let mut sums = [0; LANES];
    for (sum, chunk) in sums.iter_mut().zip(data.chunks(length.max(1))) {
        *sum = portable_append(0, chunk);
    }
    sums
}

/// Eight bytes at a time through eight tables ("slicing by eight").
pub(super) fn portable_append(crc: u32, data: &[u8]) -> u32 {
    let at = |table: usize, byte: u64| TABLES[table][(byte & 0xff) as usize];
    let mut state = !crc;
    let (words, tail) = data.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word) ^ u64::from(state);
        state = at(7, word)
            ^ at(6, word >> 8)
            ^ at(5, word >> 16)
            ^ at(4, word >> 24)
            ^ at(3, word >> 32)
            ^ at(2, word >> 40)
            ^ at(1, word >> 48)
            ^ at(0, word >> 56);
    }
    for &byte in tail {
        state = (state >> 8) ^ at(0, u64::from(state) ^ u64::from(byte));
    }
    !state
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miri takes a minute for a few kilobytes.
    const LONGEST: usize = if cfg!(miri) { 300 } else { 4096 };

    #[test]
    fn known_value() {
        assert_eq!(portable_append(0, b"123456789"), 0xE306_9283);
        assert_eq!(crc32c_append(0, b"123456789"), 0xE306_9283);
        assert_eq!(crc32c_append(crc32c_append(0, b"1234"), b"56789"), 0xE306_9283);
        assert_eq!(crc32c_append(0, b""), 0);
    }

    /// Holds Miri to the instruction, see `sse42.rs`.
    #[cfg(all(target_arch = "x86_64", target_feature = "sse4.2"))]
    #[test]
    fn the_instruction_is_used() {
        assert_eq!(super::super::sse42::append(0, b"123456789"), Some(0xE306_9283));
        assert!(super::super::sse42::lanes(b"12345678", 2).is_some());
    }

    proptest::proptest! {
        #[test]
        fn hardware_equals_table(data in proptest::collection::vec(proptest::num::u8::ANY, 0..LONGEST), crc: u32) {
            assert_eq!(crc32c_append(crc, &data), portable_append(crc, &data));
        }

        #[test]
        fn lanes_equal_one_by_one(data in proptest::collection::vec(proptest::num::u8::ANY, 4..LONGEST)) {
            let length = data.len() / LANES;
            let expected: Vec<u32> = data.chunks(length).take(LANES).map(|chunk| portable_append(0, chunk)).collect();
            assert_eq!(crc32c_lanes(&data[..length * LANES], length).as_slice(), expected);
        }
    }
}
