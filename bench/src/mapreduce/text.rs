//! The text whose words are counted.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Result;

/// Different words of the text.
const WORDS: usize = 100_000;

const WORDS_IN_LINE: usize = 11;

/// Words of a made-up language, by Zipf's law, from a fixed seed.
pub(super) fn write(path: &Path, bytes: u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(7);
    let words: Vec<String> = (0..WORDS).map(|rank| word(rank, &mut chance)).collect();
    let mut weights = Vec::with_capacity(WORDS);
    let mut sum = 0.0;
    for rank in 1..=WORDS {
        sum += 1.0 / rank as f64;
        weights.push(sum);
    }
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut written: u64 = 0;
    while written < bytes {
        for at in 0..WORDS_IN_LINE {
            let chosen = chance.f64() * sum;
            let rank = weights.partition_point(|w| *w < chosen).min(WORDS - 1);
            let word = words.get(rank).map_or("", String::as_str);
            out.write_all(word.as_bytes())?;
            out.write_all(if at + 1 == WORDS_IN_LINE { b"\n" } else { b" " })?;
            written += word.len() as u64 + 1;
        }
    }
    Ok(out.flush()?)
}

/// Frequent words are short; the rank in letters at the end keeps them different.
fn word(rank: usize, chance: &mut fastrand::Rng) -> String {
    const LETTERS: &[u8] = b"etaoinshrdlucmfwypvbgkjqxz";
    let mut word: String = (0..chance.usize(0..3)).map(|_| chance.lowercase()).collect();
    let mut rest = rank;
    loop {
        word.push(char::from(LETTERS.get(rest % LETTERS.len()).copied().unwrap_or(b'e')));
        rest /= LETTERS.len();
        if rest == 0 {
            return word;
        }
    }
}
