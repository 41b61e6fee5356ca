//! Sizes, times and permissions as Hadoop prints them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `1.5 K`, `128 M`; plain below 1024 (`TraditionalBinaryPrefix.long2String` with one decimal).
pub(crate) fn human(bytes: i64) -> String {
    human_in(bytes, "", 1)
}

/// The same with a unit and a number of decimals: `5.59 GB`.
pub(crate) fn human_in(bytes: i64, unit: &str, decimals: usize) -> String {
    const SYMBOLS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    let sign = if bytes < 0 { "-" } else { "" };
    let n = bytes.unsigned_abs();
    if n < 1024 {
        let space = if unit.is_empty() { "" } else { " " };
        return format!("{sign}{n}{space}{unit}");
    }
    let index = (n.ilog2() / 10 - 1) as usize;
    let shift = 10 * (index + 1);
    let symbol = |index: usize| SYMBOLS.get(index).copied().unwrap_or('E');
    if n & ((1 << shift) - 1) == 0 {
        return format!("{sign}{} {}{unit}", n >> shift, symbol(index));
    }
    let text = rounded(n as f64 / (1_u64 << shift) as f64, decimals);
    if text.starts_with("1024") && index + 1 < SYMBOLS.len() {
        let text = rounded(n as f64 / (1_u64 << (shift + 10)) as f64, decimals);
        return format!("{sign}{text} {}{unit}", symbol(index + 1));
    }
    format!("{sign}{text} {}{unit}", symbol(index))
}

/// A number with a binary prefix or without, `64m` (`TraditionalBinaryPrefix.string2long`).
///
/// # Errors
/// What Java's parser says.
pub(crate) fn with_prefix(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let number =
        |digits: &str| digits.parse::<i64>().map_err(|_| format!("For input string: \"{digits}\""));
    let Some((at, last)) = text.char_indices().next_back() else { return number(text) };
    if last.is_ascii_digit() {
        return number(text);
    }
    let power = "kmgtpe".find(last.to_ascii_lowercase()).ok_or_else(|| {
        format!(
            "Invalid size prefix '{last}' in '{text}'. Allowed prefixes are k, m, g, t, p, e(case \
             insensitive)"
        )
    })?;
    let unit = 1_i64 << (10 * (power + 1));
    let value = number(text.get(..at).unwrap_or_default())?;
    value.checked_mul(unit).ok_or_else(|| format!("{text} does not fit in a Long"))
}

/// A decimal rounded half up, as Java's `%.1f` does (Rust rounds half to even).
pub(crate) fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let exact = format!("{value:.*}", decimals + 25);
    let cut = exact.len() - 25;
    let is_half = exact.get(cut..).is_some_and(|rest| {
        rest.starts_with('5') && rest.bytes().skip(1).all(|digit| digit == b'0')
    });
    if !is_half {
        return text;
    }
    let step = 10_f64.powi(-i32::try_from(decimals).unwrap_or(0));
    let truncated: f64 = exact.get(..cut).and_then(|kept| kept.parse().ok()).unwrap_or(value);
    format!("{:.decimals$}", truncated + step.copysign(value))
}

/// Either form.
pub(crate) fn size(bytes: u64, as_human: bool) -> String {
    if as_human { human(i64::try_from(bytes).unwrap_or(i64::MAX)) } else { bytes.to_string() }
}

/// `2026-01-31 17:05` in the local time zone.
pub(crate) fn minute(milliseconds: u64) -> String {
    local(milliseconds, "%Y-%m-%d %H:%M")
}

/// `2026-01-31 17:05:59` in the local time zone.
pub(crate) fn second(milliseconds: u64) -> String {
    local(milliseconds, "%Y-%m-%d %H:%M:%S")
}

/// A time of the epoch in the local time zone, in a `strftime` format.
pub(crate) fn local(milliseconds: u64, format: &str) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let time = time.unwrap_or(Timestamp::MAX);
    time.to_zoned(TimeZone::system()).strftime(format).to_string()
}

/// `rwxr-xr-t`.
pub(crate) fn symbols(permission: u16) -> String {
    let mut text = String::with_capacity(9);
    for shift in [6, 3, 0] {
        let bits = permission >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(if bits & 1 != 0 { 'x' } else { '-' });
    }
    if permission & 0o1000 != 0 {
        text.pop();
        text.push(if permission & 1 != 0 { 't' } else { 'T' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn human_sizes() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1 K"),
            (1536, "1.5 K"),
            (1_048_575, "1.0 M"),
            (1 << 30, "1 G"),
            (-1536, "-1.5 K"),
            (i64::MAX, "8.0 E"),
            (134_217_728, "128 M"),
        ] {
            assert_eq!(human(bytes), text, "{bytes}");
        }
        assert_eq!(human_in(6_000_000_000, "B", 2), "5.59 GB");
        assert_eq!(human_in(12, "B", 2), "12 B");
    }

    #[test]
    fn halves_go_up() {
        assert_eq!(rounded(0.25, 1), "0.3");
        assert_eq!(rounded(0.5, 0), "1");
        assert_eq!(rounded(2.5, 0), "3");
        assert_eq!(rounded(1.04, 1), "1.0");
    }

    #[test]
    fn permissions() {
        assert_eq!(symbols(0o755), "rwxr-xr-x");
        assert_eq!(symbols(0o1777), "rwxrwxrwt");
        assert_eq!(symbols(0o1776), "rwxrwxrwT");
    }
}
