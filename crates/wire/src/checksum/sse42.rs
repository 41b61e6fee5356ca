//! CRC-32C by the SSE 4.2 instruction.
//!
//! Invariant: a function marked `target_feature(enable = "sse4.2")` is called only after
//! `is_x86_feature_detected!("sse4.2")` said that the processor has it. All memory is read
//! through slices, so that this is the only unsafe step. Miri interprets it where the instruction is named at compile
//! time (without that it is told that the processor has none, and takes the table):
//!
//! ```text
//! MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=16 RUSTFLAGS=-Ctarget-feature=+sse4.2 \
//!     cargo +nightly miri test -p loxodon-wire --lib crc
//! ```
#![allow(unsafe_code)]

use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u64};

use super::crc32c::LANES;

/// As [`super::crc32c_append`]; `None` where the processor lacks the instruction.
#[inline]
pub(super) fn append(crc: u32, data: &[u8]) -> Option<u32> {
    if !std::arch::is_x86_feature_detected!("sse4.2") {
        return None;
    }
    // SAFETY: the processor has SSE 4.2, checked above.
    Some(unsafe { append_sse42(crc, data) })
}

/// Sums of `LANES` chunks of `length` bytes; `None` where the processor lacks the instruction.
#[inline]
pub(super) fn lanes(data: &[u8], length: usize) -> Option<[u32; LANES]> {
    if !std::arch::is_x86_feature_detected!("sse4.2") {
        return None;
    }
    // SAFETY: the processor has SSE 4.2, checked above.
    unsafe { lanes_sse42(data, length) }
}

#[target_feature(enable = "sse4.2")]
fn append_sse42(crc: u32, data: &[u8]) -> u32 {
    let (words, tail) = data.as_chunks::<8>();
    let mut state = u64::from(!crc);
    for word in words {
        state = _mm_crc32_u64(state, u64::from_le_bytes(*word));
    }
    let mut state = state as u32;
    for &byte in tail {
        state = _mm_crc32_u8(state, byte);
    }
    !state
}

#[target_feature(enable = "sse4.2")]
fn lanes_sse42(data: &[u8], length: usize) -> Option<[u32; LANES]> {
    let (a, rest) = data.split_at_checked(length)?;
    let (b, rest) = rest.split_at_checked(length)?;
    let (c, rest) = rest.split_at_checked(length)?;
    let (d, _) = rest.split_at_checked(length)?;
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let ((c, c_tail), (d, d_tail)) = (c.as_chunks::<8>(), d.as_chunks::<8>());
    let mut state = [u64::from(!0_u32); LANES];
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        state[0] = _mm_crc32_u64(state[0], u64::from_le_bytes(*a));
        state[1] = _mm_crc32_u64(state[1], u64::from_le_bytes(*b));
        state[2] = _mm_crc32_u64(state[2], u64::from_le_bytes(*c));
        state[3] = _mm_crc32_u64(state[3], u64::from_le_bytes(*d));
    }
    let mut sums = state.map(|state| state as u32);
    for (sum, tail) in sums.iter_mut().zip([a_tail, b_tail, c_tail, d_tail]) {
        for &byte in tail {
            *sum = _mm_crc32_u8(*sum, byte);
        }
        *sum = !*sum;
    }
    Some(sums)
}
