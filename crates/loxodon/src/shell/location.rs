//! Paths as the user writes them and as file systems know them (`Path`, `PathData`).

use std::fmt;

use super::failure::{Failure, Result};

/// Scheme, authority and path of a text; what Java's `URI` makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location {
    /// `hdfs`, `file`; `None` where the default file system is meant.
    pub(crate) scheme: Option<String>,
    /// Host and port or name service.
    pub(crate) authority: Option<String>,
    /// The rest.
    pub(crate) path: String,
}

impl Location {
    /// Parses and normalises, as Hadoop's `Path(String)`.
    ///
    /// # Errors
    /// An empty text; a relative path behind a scheme.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Failure::Illegal("Can not create a Path from an empty string".into()));
        }
        let mut location =
            Self::split(text, |colon, slash| slash.is_none_or(|slash| colon < slash));
        location.authority = location.authority.filter(|authority| !authority.is_empty());
        location.path = normalize(&location.path);
        if location.scheme.is_some() && !location.path.starts_with('/') && !location.path.is_empty()
        {
            return Err(Failure::Illegal(format!(
                "java.net.URISyntaxException: Relative path in absolute URI: {text}"
            )));
        }
        Ok(location)
    }

    /// A path alone.
    pub(crate) fn plain(path: String) -> Self {
        Self { scheme: None, authority: None, path }
    }

    /// Parses but keeps the path as written: what is shown to the user.
    pub(crate) fn verbatim(text: &str) -> Self {
        Self::split(text, |colon, slash| slash == Some(colon + 1))
    }

    fn split(text: &str, is_scheme: impl Fn(usize, Option<usize>) -> bool) -> Self {
        let slash = text.find('/');
        let colon = text.find(':').filter(|colon| *colon > 0 && is_scheme(*colon, slash));
        let (scheme, rest) = match colon {
            Some(at) => (text.get(..at), text.get(at + 1..).unwrap_or_default()),
            None => (None, text),
        };
        let (authority, path) = match rest.strip_prefix("//").filter(|after| !after.is_empty()) {
            Some(after) => {
                let end = after.find('/').unwrap_or(after.len());
                (after.get(..end), after.get(end..).unwrap_or_default())
            }
            None => (None, rest),
        };
        Self {
            scheme: scheme.map(str::to_owned),
            authority: authority.map(str::to_owned),
            path: path.to_owned(),
        }
    }
}

/// Single slashes, no slash at the end, `.` and `..` resolved as far as they can be.
pub(crate) fn normalize(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." && parts.last().is_some_and(|last| *last != "..") {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    let joined = parts.join("/");
    if absolute { format!("/{joined}") } else { joined }
}

/// The path above an absolute path; `None` above the root.
pub(crate) fn parent(path: &str) -> Option<&str> {
    let slash = path.rfind('/')?;
    if path == "/" {
        return None;
    }
    Some(path.get(..slash).filter(|parent| !parent.is_empty()).unwrap_or("/"))
}

/// The last name of a path; empty for the root.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// `parent/name` with one slash between.
pub(crate) fn join(parent: &str, name: &str) -> String {
    let slash = if parent.ends_with('/') { "" } else { "/" };
    format!("{parent}{slash}{name}")
}

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

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}:")?;
        }
        if let Some(authority) = &self.authority {
            write!(f, "//{authority}")?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(scheme: Option<&str>, authority: Option<&str>, path: &str) -> Location {
        Location {
            scheme: scheme.map(str::to_owned),
            authority: authority.map(str::to_owned),
            path: path.into(),
        }
    }

    #[test]
    fn parses() {
        for (text, wanted) in [
            ("a/./b//c/", location(None, None, "a/b/c")),
            ("/", location(None, None, "/")),
            (".", location(None, None, "")),
            ("../x", location(None, None, "../x")),
            ("/a/../b", location(None, None, "/b")),
            ("hdfs://h:9000/a/b/", location(Some("hdfs"), Some("h:9000"), "/a/b")),
            ("hdfs:///a", location(Some("hdfs"), None, "/a")),
            ("file:/a", location(Some("file"), None, "/a")),
            ("hdfs://h", location(Some("hdfs"), Some("h"), "")),
            ("/a:b", location(None, None, "/a:b")),
        ] {
            assert_eq!(Location::parse(text).unwrap(), wanted, "{text}");
        }
        assert!(Location::parse("").is_err());
        assert!(Location::parse("a:b").unwrap_err().to_string().contains("Relative path"));
    }

    #[test]
    fn shows_what_was_written() {
        for text in ["a//b/", "/x/../y", "hdfs://h:1//a", "hdfs:///a", "file:/a", "a:b"] {
            assert_eq!(Location::verbatim(text).to_string(), text);
        }
    }

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
        assert_eq!((parent("/a/b"), parent("/a"), parent("/")), (Some("/a"), Some("/"), None));
        assert_eq!((name("/a/b"), name("/")), ("b", ""));
    }
}
