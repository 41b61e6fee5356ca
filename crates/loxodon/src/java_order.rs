//! The order in which Java's `HashMap` hands out what has strings for keys. Where Hadoop prints or sends
//! such a map, this is the order that others have seen.

/// Puts items, which are in the order in which they were put into the map, into that of the map.
pub(crate) fn sort<T>(items: &mut [T], key: impl Fn(&T) -> &str) {
    let mut size = 16;
    while items.len() * 4 > size * 3 {
        size *= 2;
    }
    let slot = |key: &str| {
        let hash = key
            .encode_utf16()
            .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ hash >> 16) as usize & (size - 1)
    };
    items.sort_by_key(|item| slot(key(item)));
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_java_has_it() {
        // A file's status as Hadoop puts it together, and as it sends it.
        let mut names = [
            "accessTime",
            "blockSize",
            "group",
            "length",
            "modificationTime",
            "owner",
            "pathSuffix",
            "permission",
            "replication",
            "type",
            "fileId",
            "childrenNum",
        ];
        super::sort(&mut names, |name| name);
        let sent = "owner replication pathSuffix modificationTime childrenNum length permission type \
                    blockSize accessTime group fileId";
        assert_eq!(names.join(" "), sent);
    }
}
