//! Sorts a batch: first the entries as numbers, then whatever these leave equal.

use std::cmp::Ordering;

use super::arena::{Batch, Entry};
use super::order::{KeyOrder, Leading, word};

/// Runs of equal prefixes up to this length are compared key by key; longer ones are sorted by their next bytes.
const SHORT_RUN: usize = 12;

/// Sorts entries by partition, then by key, then by arrival.
pub(crate) fn sort(batch: &mut Batch, order: &KeyOrder) {
    let mut entries = std::mem::take(&mut batch.entries);
    entries.sort_unstable();
    if !order.prefix_decides() {
        for_each_run(&mut entries, |run| match order {
            KeyOrder::Bytes(leading) => deeper(batch, *leading, run, 8),
            _ => run.sort_unstable_by(|a, b| by_key(batch, order, *a, *b)),
        });
    }
    batch.entries = entries;
}

fn by_key(batch: &Batch, order: &KeyOrder, a: Entry, b: Entry) -> Ordering {
    order.compare(batch.key(a), batch.key(b)).then_with(|| a.place().cmp(&b.place()))
}

fn for_each_run(entries: &mut [Entry], mut each: impl FnMut(&mut [Entry])) {
    let mut rest = entries;
    while let Some(first) = rest.first() {
        let group = first.group();
        let length = rest.iter().take_while(|e| e.group() == group).count();
        let (run, after) = rest.split_at_mut(length);
        if run.len() > 1 {
            each(run);
        }
        rest = after;
    }
}

/// Sorts entries whose keys agree in their first `depth` bytes (shorter keys filled up with zeros).
fn deeper(batch: &Batch, leading: Leading, run: &mut [Entry], depth: usize) {
    let bytes = |entry: Entry| leading.rest(batch.key(entry));
    if run.len() <= SHORT_RUN {
        run.sort_unstable_by(|a, b| {
            let (x, y) = (bytes(*a), bytes(*b));
            x.cmp(y).then_with(|| a.place().cmp(&b.place()))
        });
        return;
    }
    // Keys that end here begin all the others: they come first, the shorter the earlier.
    let mut ended = 0;
    for at in 0..run.len() {
        let Some(entry) = run.get(at).copied() else { break };
        let key = bytes(entry);
        if key.len() <= depth {
            if let Some(slot) = run.get_mut(at) {
                *slot = entry.with_prefix(key.len() as u64);
            }
            run.swap(at, ended);
            ended += 1;
        } else if let Some(slot) = run.get_mut(at) {
            *slot = entry.with_prefix(word(key.get(depth..).unwrap_or_default()));
        }
    }
    let (short, long) = run.split_at_mut(ended);
    short.sort_unstable();
    long.sort_unstable();
    for_each_run(long, |run| deeper(batch, leading, run, depth + 8));
}

#[cfg(test)]
mod tests {
    use super::super::arena::Shape;
    use super::*;
    use crate::ifile::{Frame, vint};
    use proptest::prelude::*;

    fn batch(keys: &[(u32, Vec<u8>)], order: &KeyOrder) -> Batch {
        let shape = Shape::of_buffer(1 << 20);
        let mut batch = Batch { shape, chunks: vec![Vec::new()], entries: Vec::new() };
        for (number, (partition, key)) in keys.iter().enumerate() {
            let chunk = batch.chunks.last_mut().unwrap();
            let mut frame = Frame::begin(chunk);
            vint::write(key.len() as i64, chunk);
            chunk.extend_from_slice(key);
            frame.key_ends(chunk);
            let prefix = order.prefix(frame.key(chunk));
            chunk.extend_from_slice(&(number as u32).to_be_bytes());
            frame.end(chunk);
            let place = shape.place(batch.chunks.len() - 1, frame.start());
            batch.entries.push(Entry::new(*partition, prefix, place));
            if batch.chunks.last().unwrap().len() > shape.chunk_bytes() / 2 {
                batch.chunks.push(Vec::new());
            }
        }
        batch
    }

    fn check(keys: Vec<(u32, Vec<u8>)>, order: &KeyOrder, by: impl Fn(&[u8], &[u8]) -> Ordering) {
        let mut sorted = batch(&keys, order);
        sort(&mut sorted, order);
        let mut expected: Vec<usize> = (0..keys.len()).collect();
        expected.sort_by(|a, b| keys[*a].0.cmp(&keys[*b].0).then(by(&keys[*a].1, &keys[*b].1)));
        let found: Vec<usize> = sorted
            .entries
            .iter()
            .map(|e| {
                let value = sorted.record(*e).value;
                u32::from_be_bytes(value.try_into().unwrap()) as usize
            })
            .collect();
        assert_eq!(found, expected);
    }

    fn keys(letters: std::ops::Range<u8>) -> impl Strategy<Value = Vec<(u32, Vec<u8>)>> {
        let key = proptest::collection::vec(letters, 0..40);
        let shared = (any::<bool>(), key).prop_map(|(shared, key)| {
            if shared { [b"a shared beginning ".as_slice(), &key].concat() } else { key }
        });
        proptest::collection::vec((0u32..3, shared), 0..200)
    }

    proptest! {
        #[test]
        fn text_keys(keys in keys(0..3)) {
            let order = KeyOrder::of_class("org.apache.hadoop.io.Text").unwrap();
            check(keys, &order, |a, b| a.cmp(b));
        }

        #[test]
        fn a_comparator_that_knows_no_prefix(keys in keys(b'a'..b'd')) {
            struct Backwards;
            impl super::super::order::RawComparator for Backwards {
                fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
                    Leading::VInt.rest(b).cmp(Leading::VInt.rest(a))
                }
            }
            let order = KeyOrder::Custom(std::sync::Arc::new(Backwards));
            check(keys, &order, |a, b| b.cmp(a));
        }
    }
}
