//! Management beans as values: what JMX would say in a JVM.

use std::borrow::Cow;

use serde_json::Value;

/// One bean: a name and attributes, in the order they are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Bean {
    /// Such as `Hadoop:service=NameNode,name=FSNamesystem`.
    pub name: String,
    /// The Java class behind it, or what stands in its place (`modelerType`).
    pub modeler_type: String,
    /// Names and values.
    pub attributes: Vec<(Cow<'static, str>, Value)>,
}

impl Bean {
    /// A bean without attributes yet.
    pub fn new(name: impl Into<String>, modeler_type: impl Into<String>) -> Self {
        Self { name: name.into(), modeler_type: modeler_type.into(), attributes: Vec::new() }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }
}

/// What has beans to show.
pub trait BeanSource: Send + Sync {
    /// Its beans as they are now.
    fn beans(&self) -> Vec<Bean>;
}

/// A pattern for bean names (`javax.management.ObjectName`): a domain and key properties in any
/// order, each with wildcards; `*` as the last property allows more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamePattern {
    domain: String,
    properties: Vec<(String, String)>,
    more: bool,
}

impl NamePattern {
    /// Reads a pattern; `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (domain, list) = text.split_once(':')?;
        let mut pattern = Self { domain: domain.to_owned(), properties: Vec::new(), more: false };
        if list.is_empty() {
            return None;
        }
        for property in list.split(',') {
            if property == "*" {
                pattern.more = true;
                continue;
            }
            let (key, value) = property.split_once('=')?;
            if key.is_empty() || value.is_empty() {
                return None;
            }
            pattern.properties.push((key.to_owned(), value.to_owned()));
        }
        Some(pattern)
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some(name) = Self::parse(name) else { return false };
        wildcard(&self.domain, &name.domain)
            && (self.more || self.properties.len() == name.properties.len())
            && self.properties.iter().all(|(key, value)| {
                name.properties.iter().any(|(k, v)| k == key && wildcard(value, v))
            })
    }
}

/// Whether `text` is of the form `pattern`, where `*` is any text and `?` any character.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the text after the last star turns out to be longer.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || Some(&c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, at)) => {
                    retry = Some((star, at + 1));
                    p = star + 1;
                    t = at + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_object_names() {
        let name = "Hadoop:service=NameNode,name=FSNamesystem";
        for pattern in [
            "*:*",
            "Hadoop:*",
            "Hadoop:service=NameNode,*",
            "Hadoop:name=FSNamesystem,service=NameNode",
            "Hadoop:service=NameNode,name=*",
            "Hadoop:service=Name*,name=FS?amesystem",
            "H*p:name=*system,*",
        ] {
            assert!(NamePattern::parse(pattern).unwrap().matches(name), "{pattern}");
        }
        for pattern in ["Hadoop:service=NameNode", "java.lang:*", "Hadoop:service=DataNode,name=*"]
        {
            assert!(!NamePattern::parse(pattern).unwrap().matches(name), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "Hadoop", "Hadoop:", "Hadoop:x", "Hadoop:=x", "Hadoop:x="] {
            assert_eq!(NamePattern::parse(text), None, "{text}");
        }
    }
}
