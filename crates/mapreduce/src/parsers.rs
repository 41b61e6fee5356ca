//! Parsers that only this crate needs, opened for `fuzz/` (feature `fuzzing`).

use std::io::Read as _;

use crate::input::parse_expression;
use crate::shuffle::read_answer;
use crate::streaming::typed_bytes;

/// Values of streaming programs: as they are passed on, and as they are shown.
pub fn typed_bytes(bytes: &[u8]) {
    let (mut from, mut raw) = (bytes, Vec::new());
    while let Ok(true) = typed_bytes::read_raw(&mut from, &mut raw) {}
    let (mut from, mut text) = (bytes, Vec::new());
    while !from.is_empty() && typed_bytes::show(&mut from, &mut text).is_ok() {}
}

/// What a tracker answers to a reduce, head and body.
pub fn shuffle_answer(bytes: &[u8]) {
    if let Ok(mut answer) = read_answer(bytes) {
        let _ = answer.body.read_to_end(&mut Vec::new());
    }
}

/// The expression of a join.
pub fn join_expression(text: &str) {
    let _ = parse_expression(text);
}
