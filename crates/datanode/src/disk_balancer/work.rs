//! How far the moves of a plan are: Hadoop's `DiskBalancerWorkItem`, and the JSON that its clients read.

use super::plan::{NamedVolume, Step};

/// What is to be moved between two volumes, and what was.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) source: NamedVolume,
    pub(super) destination: NamedVolume,
    /// In milliseconds of the epoch.
    pub(super) started: i64,
    pub(super) seconds: i64,
    pub(super) to_copy: i64,
    pub(super) copied: i64,
    pub(super) blocks: i64,
    pub(super) errors: i64,
    pub(super) message: Option<String>,
    pub(super) max_errors: i64,
    pub(super) tolerance: i64,
    pub(super) bandwidth: i64,
}

/// What holds where a step does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub(super) max_errors: i64,
    pub(super) tolerance: i64,
    pub(super) bandwidth: i64,
}

fn or(own: i64, default: i64) -> i64 {
    if own > 0 { own } else { default }
}

fn percent(of: i64, percent: i64) -> i64 {
    of.saturating_mul(percent) / 100
}

impl Work {
    pub(super) fn new(step: &Step) -> Self {
        Self {
            source: step.source.clone(),
            destination: step.destination.clone(),
            started: 0,
            seconds: 0,
            to_copy: step.bytes,
            copied: 0,
            blocks: 0,
            errors: 0,
            message: None,
            max_errors: step.max_errors,
            tolerance: step.tolerance,
            bandwidth: step.bandwidth,
        }
    }

    /// Whether a block of that length is not more than what is missing, or only a little.
    pub(super) fn has_room_for(&self, length: u64, defaults: &Defaults) -> bool {
        let missing = self.to_copy.saturating_sub(self.copied);
        let most = missing.saturating_add(percent(missing, or(self.tolerance, defaults.tolerance)));
        i64::try_from(length).is_ok_and(|length| length <= most)
    }

    /// Whether what was moved is about what was to be moved.
    pub(super) fn is_close_enough(&self, defaults: &Defaults) -> bool {
        let extra = percent(self.copied, or(self.tolerance, defaults.tolerance));
        self.to_copy < self.copied.saturating_add(extra)
    }

    pub(super) fn has_failed(&self, defaults: &Defaults) -> bool {
        self.errors > or(self.max_errors, defaults.max_errors)
    }

    /// How long to wait after a block that took `used` milliseconds, to be no faster than allowed.
    pub(super) fn delay(&self, bytes: u64, used: u64, defaults: &Defaults) -> u64 {
        let bandwidth = or(self.bandwidth, defaults.bandwidth).max(1).cast_unsigned();
        // As in Hadoop: what took no time that could be measured is not held up.
        if used == 0 {
            return 0;
        }
        ((bytes >> 20).saturating_mul(1000) / bandwidth).saturating_sub(used)
    }

    /// The fields that are not their default, in the order of Hadoop's class.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let message = self.message.as_deref().map(quoted).unwrap_or_default();
        let number = |number: i64| if number == 0 { String::new() } else { number.to_string() };
        let all = [
            ("startTime", number(self.started)),
            ("secondsElapsed", number(self.seconds)),
            ("bytesToCopy", number(self.to_copy)),
            ("bytesCopied", number(self.copied)),
            ("errorCount", number(self.errors)),
            ("errMsg", message),
            ("blocksCopied", number(self.blocks)),
            ("maxDiskErrors", number(self.max_errors)),
            ("tolerancePercent", number(self.tolerance)),
            ("bandwidth", number(self.bandwidth)),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// As Jackson prints a list with indentation.
pub(super) fn pretty(all: &[Work]) -> String {
    if all.is_empty() {
        return "[ ]".to_owned();
    }
    let entry = |work: &Work| {
        let fields: Vec<String> =
            work.fields().iter().map(|(name, value)| format!("    \"{name}\" : {value}")).collect();
        let item = match fields.is_empty() {
            true => "{ }".to_owned(),
            false => format!("{{\n{}\n  }}", fields.join(",\n")),
        };
        let (source, destination) = (quoted(&work.source.path), quoted(&work.destination.path));
        format!(
            "{{\n  \"sourcePath\" : {source},\n  \"destPath\" : {destination},\n  \"workItem\" : {item}\n}}"
        )
    };
    format!("[ {} ]", all.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// As Jackson prints a list without.
pub(super) fn compact(all: &[Work]) -> String {
    let entry = |work: &Work| {
        let fields: Vec<String> =
            work.fields().iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let (source, destination) = (quoted(&work.source.path), quoted(&work.destination.path));
        let fields = fields.join(",");
        format!("{{\"sourcePath\":{source},\"destPath\":{destination},\"workItem\":{{{fields}}}}}")
    };
    format!("[{}]", all.iter().map(entry).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Defaults = Defaults { max_errors: 5, tolerance: 10, bandwidth: 10 };

    fn work(bytes: i64) -> Work {
        let volume =
            |name: &str| NamedVolume { storage: name.to_owned(), path: format!("/{name}") };
        let (source, destination) = (volume("a"), volume("b"));
        Work::new(&Step { source, destination, bytes, max_errors: 0, tolerance: 0, bandwidth: 0 })
    }

    #[test]
    fn blocks_fit_until_enough_was_moved() {
        let mut work = work(1000);
        assert!(work.has_room_for(1100, &DEFAULTS));
        assert!(!work.has_room_for(1101, &DEFAULTS));
        work.copied = 909;
        assert!(!work.is_close_enough(&DEFAULTS));
        work.copied = 910;
        assert!(work.is_close_enough(&DEFAULTS));
        work.to_copy = i64::MIN;
        assert!(!work.has_room_for(0, &DEFAULTS) && work.is_close_enough(&DEFAULTS));
    }

    #[test]
    fn a_move_is_no_faster_than_allowed() {
        assert_eq!(work(1).delay(100 << 20, 1000, &DEFAULTS), 9000);
        assert_eq!(work(1).delay(100 << 20, 20_000, &DEFAULTS), 0);
        assert_eq!(work(1).delay(1000, 1, &DEFAULTS), 0);
    }

    #[test]
    fn json_is_jacksons() {
        let mut work = work(1000);
        work.message = Some("no \"blocks\"".to_owned());
        assert_eq!(pretty(&[]), "[ ]");
        let text = "[ {\n  \"sourcePath\" : \"/a\",\n  \"destPath\" : \"/b\",\n  \"workItem\" : {\n    \"bytesToCopy\" : 1000,\n    \"errMsg\" : \"no \\\"blocks\\\"\"\n  }\n} ]";
        assert_eq!(pretty(&[work.clone()]), text);
        let text = r#"[{"sourcePath":"/a","destPath":"/b","workItem":{"bytesToCopy":1000,"errMsg":"no \"blocks\""}}]"#;
        assert_eq!(compact(&[work]), text);
    }
}
