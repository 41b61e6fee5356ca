//! Paths as the user writes them and as file systems know them (`Path`, `PathData`).

pub(crate) use loxodon_mapreduce::fs::{Path as Location, join, name, normalize, parent};

/// A path within a URI, with what a URI may not hold written as `%20`.
pub(crate) fn quoted(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        let plain = c.is_ascii_alphanumeric() || "_-!.~'()*,;:$&+=/@".contains(c);
        if plain || (!c.is_ascii() && !c.is_control() && !c.is_whitespace()) {
            text.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text
}

/// `%20` and its like decoded; `None` where the text is no valid URI, so that it is taken as written.
pub(crate) fn unquoted(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']' => {
                return None;
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// `path` as seen from the directory `from`, with `..` where it must go up (`PathData.relativize`).
pub(crate) fn relative_to(from: &str, path: &str, is_directory: bool) -> String {
    if from == path {
        return ".".into();
    }
    let slashed =
        |text: &str| if text.ends_with('/') { text.to_owned() } else { format!("{text}/") };
    let base = slashed(from);
    let target = if is_directory { slashed(path) } else { path.to_owned() };
    let mut common = 0;
    for (at, (a, b)) in base.bytes().zip(target.bytes()).enumerate() {
        if a != b {
            break;
        }
        if a == b'/' {
            common = at + 1;
        }
    }
    let ups = base.get(common..).unwrap_or_default().matches('/').count();
    let mut parts = vec![".."; ups];
    let rest = path.get(common..).unwrap_or_default();
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative() {
        for (from, path, directory, wanted) in [
            ("/user/a", "/user/a", true, "."),
            ("/user/a", "/user/a/x/y", false, "x/y"),
            ("/user/a", "/user/b", true, "../b"),
            ("/user/a", "/user", true, ".."),
            ("/user/a", "/x", false, "../../x"),
        ] {
            assert_eq!(relative_to(from, path, directory), wanted, "{path}");
        }
    }

    #[test]
    fn quoting() {
        assert_eq!(quoted("/a b#é%"), "/a%20b%23é%25");
        assert_eq!(unquoted("a%20b").as_deref(), Some("a b"));
        assert_eq!(unquoted("a b"), None);
        assert_eq!(unquoted("a%zz"), None);
    }
}
