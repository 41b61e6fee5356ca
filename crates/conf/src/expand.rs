//! `${name}` in values: Java's system properties, `${env.NAME}` with defaults, other keys.

/// Levels of substitution after which Hadoop gives up.
const MAX_SUBSTITUTIONS: usize = 20;

/// What variables may refer to outside of the configuration itself.
pub(crate) trait Surroundings {
    /// An environment variable.
    fn environment(&self, name: &str) -> Option<String>;
    /// A Java system property that configurations use (`user.name`, `user.home`, `user.dir`, `java.io.tmpdir`).
    fn property(&self, name: &str) -> Option<String>;
}

/// The process we run in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process;

impl Surroundings for Process {
    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn property(&self, name: &str) -> Option<String> {
        let user = || uzers::get_current_username()?.into_string().ok();
        match name {
            "user.name" => user().or_else(|| self.environment("USER")),
            "user.home" => self.environment("HOME"),
            "user.dir" => std::env::current_dir().ok()?.to_str().map(str::to_owned),
            "java.io.tmpdir" => Some("/tmp".into()),
            _ => None,
        }
    }
}

/// Substitutes until nothing is left to substitute; what resolves to nothing stays as written.
///
/// # Errors
/// The text as far as it went, where that takes more than 20 steps.
pub(crate) fn expand(
    text: &str,
    surroundings: &impl Surroundings,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut text = text.to_owned();
    for _ in 0..MAX_SUBSTITUTIONS {
        let Some(found) = find_variable(&text) else { return Ok(text) };
        let name = text.get(found.start + 2..found.end - 1).unwrap_or_default();
        let value = environment(name, surroundings)
            .or_else(|| surroundings.property(name))
            .or_else(|| lookup(name));
        let Some(value) = value else { return Ok(text) };
        text.replace_range(found, &value);
    }
    if find_variable(&text).is_some() { Err(text) } else { Ok(text) }
}

/// `env.NAME`, `env.NAME:-default` (also where empty), `env.NAME-default`.
fn environment(name: &str, surroundings: &impl Surroundings) -> Option<String> {
    let name = name.strip_prefix("env.")?;
    let Some(dash) = name.find('-').filter(|at| *at > 0) else {
        return surroundings.environment(name);
    };
    let (name, default) = (name.get(..dash)?, name.get(dash + 1..)?);
    match name.strip_suffix(':') {
        Some(name) => {
            let value = surroundings.environment(name).filter(|v| !v.is_empty());
            Some(value.unwrap_or_else(|| default.into()))
        }
        None => Some(surroundings.environment(name).unwrap_or_else(|| default.into())),
    }
}

/// The first `${...}` that has no `$`, space or brace inside: innermost first, as Hadoop.
fn find_variable(text: &str) -> Option<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = None;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'$' => start = Some(at),
            b'{' if start.is_some_and(|s| s + 1 == at) => {}
            b'}' => {
                if let Some(s) = start.filter(|s| bytes.get(s + 1) == Some(&b'{') && at > s + 2) {
                    return Some(s..at + 1);
                }
                start = None;
            }
            b' ' | b'{' => start = None,
            _ if start.is_some_and(|s| s + 1 == at) => start = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Surroundings for Fixed {
        fn environment(&self, name: &str) -> Option<String> {
            match name {
                "SET" => Some("set".into()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }

        fn property(&self, name: &str) -> Option<String> {
            (name == "user.name").then(|| "ann".into())
        }
    }

    fn keys(name: &str) -> Option<String> {
        match name {
            "hadoop.tmp.dir" => Some("/tmp/hadoop-${user.name}".into()),
            "which" => Some("hadoop.tmp".into()),
            "loop" => Some("${loop}".into()),
            _ => None,
        }
    }

    #[test]
    fn substitutes() {
        for (text, wanted) in [
            ("file://${hadoop.tmp.dir}/dfs/name", "file:///tmp/hadoop-ann/dfs/name"),
            ("${${which}.dir}", "/tmp/hadoop-ann"),
            ("${env.SET}/${env.NONE:-x}/${env.EMPTY:-y}/${env.EMPTY-z}/${env.NO-w}", "set/x/y//w"),
            ("${nothing}/a", "${nothing}/a"),
            ("$ {a} $5 ${}", "$ {a} $5 ${}"),
            ("plain", "plain"),
        ] {
            assert_eq!(expand(text, &Fixed, keys).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn a_loop_is_an_error() {
        assert!(expand("${loop}", &Fixed, keys).is_err());
    }
}
