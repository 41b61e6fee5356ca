//! Hash codes of Java's strings and bytes, and the order in which its `HashMap` hands out what it holds: where
//! Hadoop partitions by the one, prints or sends in the other, this is what others have seen.

/// Buckets of a map that was not told a size.
pub const BUCKETS: usize = 16;

/// `String.hashCode`.
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash, unit| step(hash, i32::from(unit)))
}

/// Of bytes, which have a sign. It begins with 1 in `WritableComparator.hashBytes`, with 0 in Avro's `Utf8`.
#[inline]
pub fn bytes_hash(first: i32, bytes: &[u8]) -> i32 {
    bytes.iter().fold(first, |hash, byte| step(hash, i32::from(byte.cast_signed())))
}

#[inline]
fn step(hash: i32, unit: i32) -> i32 {
    hash.wrapping_mul(31).wrapping_add(unit)
}

/// Puts items, which came into a map of so many buckets in this order, into the order in which it is walked:
/// bucket after bucket, and within one in the order of their coming.
pub fn walk<T>(items: &mut [T], buckets: usize, hash: impl Fn(&T) -> i32) {
    let mut buckets = buckets.clamp(2, 1 << 30).next_power_of_two();
    // It grows once it is fuller than three quarters.
    while items.len() > buckets / 4 * 3 + buckets % 4 * 3 / 4 {
        buckets = buckets.saturating_mul(2);
    }
    items.sort_by_key(|item| {
        let hash = hash(item).cast_unsigned();
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(mut items: Vec<i32>, buckets: usize) -> Vec<i32> {
        walk(&mut items, buckets, |item| *item);
        items
    }

    #[test]
    fn strings_and_bytes_hash_as_in_java() {
        assert_eq!(string_hash(""), 0);
        assert_eq!(string_hash("hello"), 99_162_322);
        assert_eq!(bytes_hash(1, b""), 1);
        assert_eq!(bytes_hash(1, "a\u{e4}".as_bytes()), ((31 + 97) * 31 - 61) * 31 - 92);
    }

    #[test]
    fn buckets_grow_at_three_quarters() {
        // Twelve fit into sixteen buckets; with the thirteenth there are thirty-two.
        let twelve = walked((10..22).collect(), BUCKETS);
        assert_eq!(twelve, [16, 17, 18, 19, 20, 21, 10, 11, 12, 13, 14, 15]);
        let thirteen: Vec<i32> = (10..23).collect();
        assert_eq!(walked(thirteen.clone(), BUCKETS), thirteen);
        // Those of one bucket stay as they came.
        assert_eq!(walked(vec![33, 1, 17], 16), [33, 1, 17]);
        assert_eq!(walked(vec![3, 2], 2), [2, 3]);
    }

    #[test]
    fn a_status_is_sent_as_hadoop_sends_it() {
        let put = "accessTime blockSize group length modificationTime owner pathSuffix permission \
                   replication type fileId childrenNum";
        let mut names: Vec<&str> = put.split_whitespace().collect();
        walk(&mut names, BUCKETS, |name| string_hash(name));
        let sent = "owner replication pathSuffix modificationTime childrenNum length permission type \
                    blockSize accessTime group fileId";
        assert_eq!(names.join(" "), sent);
    }
}
