//! Which machines may have trackers: the include and exclude files.

use std::collections::BTreeSet;
use std::path::Path;

use loxodon_mapreduce::error::{Error, Result};

use super::settings::ShellSettings;

/// `mapreduce.jobtracker.hosts.filename` and `mapreduce.jobtracker.hosts.exclude.filename`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts {
    /// Empty where everybody may.
    included: BTreeSet<String>,
    excluded: BTreeSet<String>,
}

impl Hosts {
    /// The lists as they are now.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn read(settings: &ShellSettings) -> Result<Self> {
        let names = |file: Option<&Path>| file.map_or_else(|| Ok(BTreeSet::new()), names);
        Ok(Self {
            included: names(settings.include.as_deref())?,
            excluded: names(settings.exclude.as_deref())?,
        })
    }

    /// Whether a tracker may be on this machine.
    pub(super) fn allows(&self, host: &str) -> bool {
        (self.included.is_empty() || self.included.contains(host)) && !self.excluded.contains(host)
    }
}

/// Names between white space; `#` begins a comment (`HostsFileReader`).
fn names(file: &Path) -> Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Error::system(format_args!("reading the hosts in {}", file.display()), &e))?;
    Ok(parse(&text))
}

pub(crate) fn parse(text: &str) -> BTreeSet<String> {
    let words = text.lines().filter_map(|line| line.split('#').next());
    words.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_words_outside_comments() {
        let excluded = parse("a b # c\n# d\n\n e\n");
        assert_eq!(excluded.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "e"]);
        let hosts = Hosts { included: BTreeSet::new(), excluded };
        assert!(hosts.allows("c") && !hosts.allows("a"));
        let hosts = Hosts { included: parse("x"), excluded: parse("y") };
        assert!(hosts.allows("x") && !hosts.allows("y") && !hosts.allows("z"));
    }
}
