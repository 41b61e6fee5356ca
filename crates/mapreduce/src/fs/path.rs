//! Paths as the user writes them and as file systems know them (`Path`, `PathData`).

use std::fmt;

use crate::error::{Error, Result};

/// Scheme, authority and path of a text; what Java's `URI` makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// `hdfs`, `file`; `None` where the default file system is meant.
    pub scheme: Option<String>,
    /// Host and port or name service.
    pub authority: Option<String>,
    /// The rest.
    pub path: String,
}

impl Location {
    /// Parses and normalises, as Hadoop's `Path(String)`.
    ///
    /// # Errors
    /// An empty text; a relative path behind a scheme.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::argument("Can not create a Path from an empty string"));
        }
        let mut location =
            Self::split(text, |colon, slash| slash.is_none_or(|slash| colon < slash));
        location.authority = location.authority.filter(|authority| !authority.is_empty());
        location.path = normalize(&location.path);
        if location.scheme.is_some() && !location.path.starts_with('/') && !location.path.is_empty()
        {
            return Err(Error::argument(format!(
                "java.net.URISyntaxException: Relative path in absolute URI: {text}"
            )));
        }
        Ok(location)
    }

    /// `name` below this path.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self { path: join(&self.path, name), ..self.clone() }
    }

    /// The path above; `None` above the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        Some(Self { path: parent(&self.path)?.to_owned(), ..self.clone() })
    }

    /// The last name; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        name(&self.path)
    }

    /// A path alone.
    #[must_use]
    pub fn plain(path: String) -> Self {
        Self { scheme: None, authority: None, path }
    }

    /// Parses but keeps the path as written: what is shown to the user.
    #[must_use]
    pub fn verbatim(text: &str) -> Self {
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
#[must_use]
pub fn normalize(path: &str) -> String {
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
#[must_use]
pub fn parent(path: &str) -> Option<&str> {
    let slash = path.rfind('/')?;
    if path == "/" {
        return None;
    }
    Some(path.get(..slash).filter(|parent| !parent.is_empty()).unwrap_or("/"))
}

/// The last name of a path; empty for the root.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// `parent/name` with one slash between.
#[must_use]
pub fn join(parent: &str, name: &str) -> String {
    let slash = if parent.ends_with('/') { "" } else { "/" };
    format!("{parent}{slash}{name}")
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
    fn parts() {
        assert_eq!((parent("/a/b"), parent("/a"), parent("/")), (Some("/a"), Some("/"), None));
        assert_eq!((name("/a/b"), name("/")), ("b", ""));
        let file = Location::parse("hdfs://h:1/a").unwrap().child("b");
        assert_eq!((file.to_string().as_str(), file.name()), ("hdfs://h:1/a/b", "b"));
        assert_eq!(file.parent().unwrap().to_string(), "hdfs://h:1/a");
    }
}
