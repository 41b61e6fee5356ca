//! Options of a command (`CommandFormat`): flags and options with a value, before the arguments.

use super::failure::{Failure, Result};

/// What a command takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// Fewest arguments.
    pub(crate) min: usize,
    /// Most arguments.
    pub(crate) max: usize,
    /// Options without a value, without their dash.
    pub(crate) flags: &'static [&'static str],
    /// Options with one.
    pub(crate) valued: &'static [&'static str],
    /// Whether an unknown option is an argument, as for `chmod -w`.
    pub(crate) pass_unknown: bool,
}

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    flags: Vec<&'static str>,
    values: Vec<(&'static str, String)>,
}

impl Format {
    /// Flags and any number of arguments from `min` on.
    pub(crate) const fn new(min: usize, flags: &'static [&'static str]) -> Self {
        Self { min, max: usize::MAX, flags, valued: &[], pass_unknown: false }
    }

    /// At most so many arguments.
    pub(crate) const fn at_most(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    /// Options with a value too.
    pub(crate) const fn with_values(mut self, valued: &'static [&'static str]) -> Self {
        self.valued = valued;
        self
    }

    /// Unknown options are arguments.
    pub(crate) const fn pass_unknown(mut self) -> Self {
        self.pass_unknown = true;
        self
    }

    /// Takes the options out of `args` and counts what is left.
    ///
    /// # Errors
    /// An unknown option; too few or too many arguments.
    pub(crate) fn parse(&self, args: &mut Vec<String>) -> Result<Given> {
        let mut given = Given::default();
        let mut at = 0;
        while let Some(arg) = args.get(at) {
            let Some(option) = arg.strip_prefix('-').filter(|rest| !rest.is_empty()) else { break };
            if option == "-" {
                args.remove(at);
                break;
            }
            if let Some(flag) = self.flags.iter().find(|flag| **flag == option) {
                given.flags.push(flag);
                args.remove(at);
            } else if let Some(name) = self.valued.iter().find(|name| **name == option) {
                args.remove(at);
                let has_value = args.len() > self.min
                    && args.get(at).is_some_and(|value| !value.starts_with('-'));
                let value = if has_value { args.remove(at) } else { String::new() };
                given.values.retain(|(known, _)| known != name);
                given.values.push((name, value));
            } else if self.pass_unknown {
                at += 1;
            } else {
                return Err(Failure::Illegal(format!("Illegal option {arg}")));
            }
        }
        self.count(args.len())?;
        Ok(given)
    }

    /// Whether so many arguments are allowed.
    ///
    /// # Errors
    /// Too few or too many.
    fn count(&self, got: usize) -> Result<()> {
        let (what, expected) = if got < self.min {
            ("Not enough arguments", self.min)
        } else if got > self.max {
            ("Too many arguments", self.max)
        } else {
            return Ok(());
        };
        Err(Failure::Illegal(format!("{what}: expected {expected} but got {got}")))
    }
}

impl Given {
    /// Whether a flag was given.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// The flags, in order, once each.
    pub(crate) fn flags(&self) -> Vec<&'static str> {
        let mut flags = Vec::new();
        for flag in &self.flags {
            if !flags.contains(flag) {
                flags.push(*flag);
            }
        }
        flags
    }

    /// The value of an option; empty where it was given without one.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Takes `option VALUE` out of `args` wherever it stands before `--` (`StringUtils.popOptionWithArgument`).
///
/// # Errors
/// The option without a value.
pub(crate) fn pop_valued(option: &str, args: &mut Vec<String>) -> Result<Option<String>> {
    let Some(at) = args.iter().take_while(|arg| *arg != "--").position(|arg| arg == option) else {
        return Ok(None);
    };
    args.remove(at);
    if at >= args.len() {
        return Err(Failure::Illegal(format!("option {option} requires 1 argument.")));
    }
    Ok(Some(args.remove(at)))
}

/// Takes a flag out of `args` wherever it stands before `--`.
pub(crate) fn pop_flag(option: &str, args: &mut Vec<String>) -> bool {
    let Some(at) = args.iter().take_while(|arg| *arg != "--").position(|arg| arg == option) else {
        return false;
    };
    args.remove(at);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn flags_values_and_arguments() {
        let format = Format::new(1, &["f", "p"]).with_values(&["t"]);
        let mut given = args("-f -t 4 -p a -b");
        let options = format.parse(&mut given).unwrap();
        assert!(options.has("f") && options.has("p"));
        assert_eq!(options.value("t"), Some("4"));
        assert_eq!(given, ["a", "-b"]);
        let mut given = args("-- -f");
        assert!(!format.parse(&mut given).unwrap().has("f"));
        assert_eq!(given, ["-f"]);
        let mut given = args("-t -");
        assert_eq!(format.parse(&mut given).unwrap().value("t"), Some(""));
        assert_eq!(given, ["-"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let format = Format::new(1, &["f"]).at_most(2);
        for (given, message) in [
            ("-z a", "Illegal option -z"),
            ("-f", "Not enough arguments: expected 1 but got 0"),
            ("a b c", "Too many arguments: expected 2 but got 3"),
        ] {
            assert_eq!(format.parse(&mut args(given)).unwrap_err().to_string(), message);
        }
        let mut given = args("-w a");
        Format::new(2, &["R"]).pass_unknown().parse(&mut given).unwrap();
        assert_eq!(given, ["-w", "a"]);
    }

    #[test]
    fn options_anywhere() {
        let mut given = args("a -n x b");
        assert_eq!(pop_valued("-n", &mut given).unwrap().as_deref(), Some("x"));
        assert_eq!(given, ["a", "b"]);
        assert!(pop_valued("-n", &mut args("a -n")).is_err());
        assert!(pop_flag("-R", &mut args("a -R")));
        assert!(!pop_flag("-R", &mut args("-- -R")));
    }
}
