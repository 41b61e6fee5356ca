//! Names of checkpoints in a trash: the time, as `TrashPolicyDefault` writes it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// `yyMMddHHmmss` in local time.
const FORMAT: &str = "%y%m%d%H%M%S";
/// The same before Hadoop 0.23.
const OLD_FORMAT: &str = "%y%m%d%H%M";

/// The name of a checkpoint made at `time`, in milliseconds since the epoch.
#[must_use]
pub fn name(time: u64) -> String {
    let time = i64::try_from(time).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    let zoned = time.unwrap_or_default().to_zoned(TimeZone::system());
    zoned.strftime(FORMAT).to_string()
}

/// When a checkpoint was made; `None` where this is no checkpoint's name.
#[must_use]
pub fn time(name: &str) -> Option<u64> {
    let digits = name.split('-').next()?;
    let format = match digits.len() {
        12 => FORMAT,
        10 => OLD_FORMAT,
        _ => return None,
    };
    let zoned = DateTime::strptime(format, digits).ok()?.to_zoned(TimeZone::system()).ok()?;
    u64::try_from(zoned.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times() {
        let at = time("260131170559").unwrap();
        assert_eq!(name(at), "260131170559");
        assert_eq!(time("260131170559-2"), Some(at));
        assert!(time("2601311705").is_some());
        assert_eq!(time("Current"), None);
        assert_eq!(time("269931170559"), None);
    }
}
