//! The order in which Java walks a `HashMap`: Hadoop's viewers print tasks, attempts and machines in it.

/// Buckets of a map that was not told a size.
pub(super) const INITIAL: usize = 16;

/// `String.hashCode`.
pub(super) fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// `Text.hashCode`: of the bytes, and it begins with 1.
pub(super) fn text_hash(text: &str) -> i32 {
    text.bytes().fold(1, |hash: i32, byte| {
        hash.wrapping_mul(31).wrapping_add(i32::from(byte.cast_signed()))
    })
}

/// Things that were put into a map in this order, as it is walked: bucket after bucket, and within a bucket in the
/// order of their coming.
pub(super) fn by_hash<T>(all: &[T], initial: usize, hash: impl Fn(&T) -> i32) -> Vec<&T> {
    let mut buckets = initial.max(2);
    // It grows once it is fuller than three quarters.
    while all.len() > buckets / 4 * 3 + buckets % 4 * 3 / 4 {
        buckets = buckets.saturating_mul(2);
    }
    let bucket = |item: &T| {
        let hash = hash(item) as u32;
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    };
    let mut ordered: Vec<&T> = all.iter().collect();
    ordered.sort_by_key(|item| bucket(item));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_hash_as_in_java() {
        assert_eq!(string_hash(""), 0);
        assert_eq!(string_hash("hello"), 99_162_322);
        assert_eq!(text_hash(""), 1);
        assert_eq!(text_hash("a\u{e4}"), ((31 + 97) * 31 - 61) * 31 - 92);
    }

    #[test]
    fn buckets_grow_at_three_quarters() {
        // Twelve fit into sixteen buckets; with the thirteenth there are thirty-two.
        let twelve: Vec<i32> = (10..22).collect();
        let walked: Vec<i32> = by_hash(&twelve, INITIAL, |n| *n).into_iter().copied().collect();
        assert_eq!(walked, [16, 17, 18, 19, 20, 21, 10, 11, 12, 13, 14, 15]);
        let thirteen: Vec<i32> = (10..23).collect();
        let walked: Vec<i32> = by_hash(&thirteen, INITIAL, |n| *n).into_iter().copied().collect();
        assert_eq!(walked, thirteen);
        // Those of one bucket stay as they came.
        assert_eq!(by_hash(&[33, 1, 17], 16, |n| *n), [&33, &1, &17]);
        assert_eq!(by_hash(&[3, 2], 2, |n| *n), [&2, &3]);
    }
}
