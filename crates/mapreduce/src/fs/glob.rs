//! Hadoop's globs (`GlobExpander`, `GlobPattern`): `*`, `?`, `[a-z]`, `[^x]`, `{a,b{c,d}}`, `\x`.

use std::collections::BTreeSet;

use super::{FileStatus, FileSystem, Path, name};
use crate::error::{Error, ErrorKind, Result};

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Char(char),
    Any,
    Star,
    Set { negated: bool, ranges: Vec<(char, char)> },
    Choice(Vec<Vec<Self>>),
}

/// A compiled pattern for one name.
#[derive(Clone, Debug)]
pub struct Pattern {
    steps: Vec<Step>,
    has_wildcard: bool,
}

impl Pattern {
    /// Compiles one component of a path.
    ///
    /// # Errors
    /// An unclosed `[` or `{`; a backslash with nothing behind it.
    pub fn new(glob: &str) -> Result<Self> {
        let mut parser = Parser { glob, chars: glob.chars().collect(), at: 0, has_wildcard: false };
        let steps = parser.sequence(0)?;
        Ok(Self { steps, has_wildcard: parser.has_wildcard })
    }

    /// Whether it can match more than one name.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.has_wildcard
    }

    /// Whether it matches the whole of `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let text: Vec<char> = name.chars().collect();
        advance(&self.steps, &text, BTreeSet::from([0])).contains(&text.len())
    }
}

struct Parser<'a> {
    glob: &'a str,
    chars: Vec<char>,
    at: usize,
    has_wildcard: bool,
}

impl Parser<'_> {
    fn error(&self, what: &str, at: usize) -> Error {
        Error::io(format!(
            "Illegal file pattern: error parsing regexp: {what} at pos {at}: `{}`",
            self.glob
        ))
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn escaped(&mut self) -> Result<char> {
        let at = self.at;
        self.next().ok_or_else(|| self.error("Missing escaped character", at))
    }

    /// Up to the end, or within braces up to `,` or `}`, which is left unread.
    fn sequence(&mut self, braces: usize) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        while let Some(c) = self.chars.get(self.at).copied() {
            if braces > 0 && (c == ',' || c == '}') {
                return Ok(steps);
            }
            self.at += 1;
            steps.push(match c {
                '\\' => Step::Char(self.escaped()?),
                '*' | '?' => {
                    self.has_wildcard = true;
                    if c == '*' { Step::Star } else { Step::Any }
                }
                '[' => self.set()?,
                '{' => self.choice(braces + 1)?,
                other => Step::Char(other),
            });
        }
        if braces > 0 {
            return Err(self.error("Unclosed group", self.chars.len()));
        }
        Ok(steps)
    }

    fn choice(&mut self, braces: usize) -> Result<Step> {
        self.has_wildcard = true;
        let mut choices = Vec::new();
        loop {
            choices.push(self.sequence(braces)?);
            if self.next() == Some('}') {
                return Ok(Step::Choice(choices));
            }
        }
    }

    fn set(&mut self) -> Result<Step> {
        self.has_wildcard = true;
        let negated = matches!(self.chars.get(self.at), Some('^' | '!'));
        self.at += usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            let at = self.at;
            let low = match self.next() {
                None => return Err(self.error("Unclosed character class", self.chars.len())),
                Some(']') if !ranges.is_empty() => return Ok(Step::Set { negated, ranges }),
                Some('[') => return Err(self.error("Unclosed character class", at)),
                Some('\\') => self.escaped()?,
                Some(c) => c,
            };
            let high = match (self.chars.get(self.at), self.chars.get(self.at + 1)) {
                (Some('-'), Some(high)) if *high != ']' => *high,
                _ => {
                    ranges.push((low, low));
                    continue;
                }
            };
            self.at += 2;
            ranges.push((low, high));
        }
    }
}

/// Where in `text` matching can stand after all of `steps`, from any of `positions`.
fn advance(steps: &[Step], text: &[char], mut positions: BTreeSet<usize>) -> BTreeSet<usize> {
    for step in steps {
        positions = match step {
            Step::Star => match positions.first() {
                Some(first) => (*first..=text.len()).collect(),
                None => return positions,
            },
            Step::Choice(choices) => {
                choices.iter().flat_map(|choice| advance(choice, text, positions.clone())).collect()
            }
            single => positions
                .into_iter()
                .filter(|at| text.get(*at).is_some_and(|c| accepts(single, *c)))
                .map(|at| at + 1)
                .collect(),
        };
    }
    positions
}

fn accepts(step: &Step, c: char) -> bool {
    match step {
        Step::Char(wanted) => *wanted == c,
        Step::Any => true,
        Step::Set { negated, ranges } => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
        }
        Step::Star | Step::Choice(_) => false,
    }
}

/// Takes braces apart that have a slash inside, so that each result can be matched name by name.
///
/// # Errors
/// A backslash with nothing behind it.
pub fn expand(pattern: &str) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let mut waiting = vec![(pattern.to_owned(), 0)];
    while let Some((pattern, from)) = waiting.pop() {
        match expand_first(&pattern, from)? {
            Some(expanded) => waiting.extend(expanded.into_iter().rev()),
            None => done.push(pattern),
        }
    }
    Ok(done)
}

/// The first outermost brace with a slash inside taken apart, each with where to go on.
fn expand_first(pattern: &str, from: usize) -> Result<Option<Vec<(String, usize)>>> {
    let chars: Vec<char> = pattern.chars().collect();
    let Some((open, close)) = braces_with_slash(pattern, &chars, from)? else { return Ok(None) };
    let prefix: String = chars.iter().take(open).collect();
    let suffix: String = chars.iter().skip(close + 1).collect();
    let mut choices = vec![String::new()];
    let mut depth = 0_usize;
    let mut at = open + 1;
    while at < close {
        let Some(mut c) = chars.get(at).copied() else { break };
        match c {
            '\\' => {
                at += 1;
                c = chars.get(at).copied().unwrap_or(c);
            }
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                choices.push(String::new());
                at += 1;
                continue;
            }
            _ => {}
        }
        if let Some(choice) = choices.last_mut() {
            choice.push(c);
        }
        at += 1;
    }
    let text = |choice: String| (format!("{prefix}{choice}{suffix}"), open);
    Ok(Some(choices.into_iter().map(text).collect()))
}

fn braces_with_slash(pattern: &str, chars: &[char], from: usize) -> Result<Option<(usize, usize)>> {
    let (mut depth, mut open, mut slash) = (0_usize, 0, false);
    let mut at = from;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => {
                at += 1;
                if at >= chars.len() {
                    return Err(Error::io(format!(
                        "Illegal file pattern: An escaped character does not present for glob {pattern} at {at}"
                    )));
                }
            }
            '{' => {
                if depth == 0 {
                    open = at;
                }
                depth += 1;
            }
            '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 && slash {
                    return Ok(Some((open, at)));
                }
            }
            '/' if depth > 0 => slash = true,
            _ => {}
        }
        at += 1;
    }
    Ok(None)
}

/// A component without its backslashes.
#[must_use]
pub fn unescaped(component: &str) -> String {
    let mut text = String::with_capacity(component.len());
    let mut chars = component.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    text
}

/// What a pattern matches, by path (`FileSystem.globStatus`). `None` where it has no wildcard and nothing is there.
///
/// # Errors
/// A malformed pattern; a directory that cannot be listed.
pub fn glob_status(
    fs: &dyn FileSystem,
    pattern: &Path,
    accepts: impl Fn(&Path) -> bool,
) -> Result<Option<Vec<FileStatus>>> {
    let flattened = expand(&pattern.path)?;
    let mut saw_wildcard = false;
    let mut found = Vec::new();
    for flat in &flattened {
        let root = Path { path: "/".into(), ..fs.uri() };
        let matched = matching(fs, root, flat, &mut saw_wildcard)?;
        found.extend(matched.into_iter().filter(|status| accepts(&status.path)));
    }
    if found.is_empty() && !saw_wildcard && flattened.len() <= 1 {
        return Ok(None);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Some(found))
}

fn matching(
    fs: &dyn FileSystem,
    root: Path,
    flat: &str,
    saw_wildcard: &mut bool,
) -> Result<Vec<FileStatus>> {
    let components: Vec<&str> = flat.split('/').filter(|c| !c.is_empty()).collect();
    let mut candidates = vec![root];
    let mut found = Vec::new();
    for (at, component) in components.iter().enumerate() {
        let last = at + 1 == components.len();
        let pattern = Pattern::new(component)?;
        *saw_wildcard |= pattern.has_wildcard();
        let mut next = Vec::new();
        for candidate in candidates {
            if pattern.has_wildcard() {
                let children = absent(fs.list(&candidate))?.unwrap_or_default();
                // A file lists itself.
                let children = children.into_iter().filter(|c| c.path.path != candidate.path);
                let fit = children
                    .filter(|c| (last || c.is_directory) && pattern.matches(name(&c.path.path)));
                if last {
                    found.extend(fit);
                } else {
                    next.extend(fit.map(|c| c.path));
                }
            } else {
                let path = candidate.child(&unescaped(component));
                if last {
                    found.extend(absent(fs.status(&path))?);
                } else {
                    next.push(path);
                }
            }
        }
        candidates = next;
    }
    if components.is_empty() {
        for root in candidates {
            found.extend(absent(fs.status(&root))?);
        }
    }
    Ok(found)
}

fn absent<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::new(glob).unwrap();
        for name in yes {
            assert!(pattern.matches(name), "{glob} should match {name}");
        }
        for name in no {
            assert!(!pattern.matches(name), "{glob} should not match {name}");
        }
    }

    #[test]
    fn wildcards() {
        check("*", &["", "a", "abc"], &[]);
        check("a*c", &["ac", "abc", "abbc"], &["ab", "bac"]);
        check("?", &["a", "é"], &["", "ab"]);
        check("a.b", &["a.b"], &["axb"]);
    }

    #[test]
    fn sets() {
        check("[ab]", &["a", "b"], &["c", "ab"]);
        check("[a-c]x", &["ax", "cx"], &["dx"]);
        check("[^a-c]", &["d"], &["a"]);
        check("[!a]", &["b"], &["a"]);
        check(r"[\]]", &["]"], &["a"]);
        check("[a-]", &["a", "-"], &["b"]);
    }

    #[test]
    fn choices() {
        check("{a,b}", &["a", "b"], &["c", "a,b"]);
        check("x{a,b{c,d}}", &["xa", "xbc", "xbd"], &["xb", "x"]);
        check("{a*,*b}", &["ax", "xb"], &["xay"]);
        check("a,b", &["a,b"], &["a"]);
        check("{,a}b", &["b", "ab"], &["aab"]);
    }

    #[test]
    fn escapes_and_errors() {
        check(r"\*", &["*"], &["a"]);
        assert!(!Pattern::new(r"\*").unwrap().has_wildcard());
        for (glob, message) in [
            ("[a", "Unclosed character class at pos 2"),
            ("{a", "Unclosed group at pos 2"),
            ("a\\", "Missing escaped character at pos 2"),
        ] {
            let error = Pattern::new(glob).unwrap_err().to_string();
            assert!(error.contains(message), "{glob}: {error}");
        }
    }

    #[test]
    fn slashes_in_braces() {
        assert_eq!(expand("/a/{b,c/d}/e").unwrap(), ["/a/b/e", "/a/c/d/e"]);
        assert_eq!(expand("{a,b}").unwrap(), ["{a,b}"]);
        assert_eq!(expand("{a/b,{c,d}/e}").unwrap(), ["a/b", "{c,d}/e"]);
        assert_eq!(expand("{a{b/c,d},e}x").unwrap(), ["ab/cx", "adx", "ex"]);
        assert_eq!(expand(r"\{a/b").unwrap(), [r"\{a/b"]);
        assert!(expand("a\\").is_err());
        assert_eq!(unescaped(r"a\*b\\"), r"a*b\");
    }

    proptest::proptest! {
        #[test]
        fn a_name_matches_itself_escaped(name in "[a-z*?{}\\[\\],.^-]{1,12}") {
            let glob: String = name.chars().flat_map(|c| ['\\', c]).collect();
            proptest::prop_assert!(Pattern::new(&glob).unwrap().matches(&name));
        }

        #[test]
        fn nothing_panics(glob in ".{0,24}", name in ".{0,24}") {
            let _ = expand(&glob);
            if let Ok(pattern) = Pattern::new(&glob) {
                let _ = pattern.matches(&name);
            }
        }
    }
}
