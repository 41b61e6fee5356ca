//! The spellings of values: numbers, sizes, times, lists.

use crate::key::Unit;

/// A whole number as Hadoop's `getLong`: decimal or `0x` hexadecimal, surrounding space ignored.
pub fn parse_int(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    if hex.is_some_and(|hex| hex.starts_with(['+', '-'])) {
        return None;
    }
    let magnitude = match hex {
        Some(hex) => i128::from_str_radix(hex, 16).ok()?,
        None => digits.parse::<i128>().ok()?,
    };
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A number of bytes as Hadoop's `TraditionalBinaryPrefix`: `64m`, `1G`, `-1`, `4096`.
pub fn parse_size(text: &str) -> Option<i64> {
    let text = text.trim();
    let last = text.chars().next_back()?;
    let shift = match last.to_ascii_lowercase() {
        'k' => 10,
        'm' => 20,
        'g' => 30,
        't' => 40,
        'p' => 50,
        'e' => 60,
        _ => return text.parse().ok(),
    };
    let number: i64 = text.get(..text.len().checked_sub(1)?)?.trim_end().parse().ok()?;
    number.checked_mul(1 << shift)
}

/// A length of time in nanoseconds, as Hadoop's `getTimeDuration`: `30s`, `5m`, `100`.
pub fn parse_time_ns(text: &str, default: Unit) -> Option<i128> {
    let text = text.trim().to_ascii_lowercase();
    const SUFFIXES: [(&str, i128); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ];
    let (number, scale) = SUFFIXES
        .iter()
        .find_map(|(suffix, scale)| Some((text.strip_suffix(suffix)?, *scale)))
        .unwrap_or((&text, default.nanoseconds()));
    let number: i64 = number.trim_end().parse().ok()?;
    Some(i128::from(number) * scale)
}

/// `true` or `false` in any case; nothing else.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A decimal number; Java's `f` and `d` suffixes are accepted as in `hdfs-default.xml`.
pub fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let number: f64 = text.strip_suffix(['f', 'd', 'F', 'D']).unwrap_or(text).parse().ok()?;
    number.is_finite().then_some(number)
}

/// Values between commas and line ends, trimmed, empty ones left out.
pub fn parse_list(text: &str) -> Vec<String> {
    text.split([',', '\n']).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(parse_int(" 42 "), Some(42));
        assert_eq!(parse_int("0x10"), Some(16));
        assert_eq!(parse_int("-0x10"), Some(-16));
        assert_eq!(parse_int("-9223372036854775808"), Some(i64::MIN));
        for bad in ["", "--1", "1.5", "ten", "9223372036854775808", "0x", "0x-1"] {
            assert_eq!(parse_int(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("128m"), Some(134_217_728));
        assert_eq!(parse_size("1K"), Some(1024));
        assert_eq!(parse_size("7e"), Some(7 << 60));
        assert_eq!(parse_size("-1"), Some(-1));
        for bad in ["", "m", "1.5g", "8e", "12q", "1 2"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(parse_time_ns("30s", Unit::Milliseconds), Some(30_000_000_000));
        assert_eq!(parse_time_ns("30", Unit::Milliseconds), Some(30_000_000));
        assert_eq!(parse_time_ns("15M", Unit::Seconds), Some(900_000_000_000));
        assert_eq!(parse_time_ns("2d", Unit::Seconds), Some(172_800_000_000_000));
        for bad in ["", "s", "1.5s", "10 parsecs"] {
            assert_eq!(parse_time_ns(bad, Unit::Seconds), None, "{bad}");
        }
    }

    #[test]
    fn lists_and_the_rest() {
        assert_eq!(parse_list(" a, b ,,c\n"), ["a", "b", "c"]);
        assert_eq!(parse_bool("TRUE"), Some(true));
        assert_eq!(parse_bool("yes"), None);
        assert_eq!(parse_float("0.999f"), Some(0.999));
        assert_eq!(parse_float("nan"), None);
    }
}
