//! Dates in an image's XML, `yyyy-MM-dd'T'HH:mm:ss.SSS` in UTC.

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds since the epoch as text.
pub(super) fn utc(time: i64) -> String {
    let (days, millis) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    // Years that begin in March have their odd day at the end.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The other way.
pub(super) fn parse_utc(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.rsplitn(3, '-').map(str::parse::<i64>);
    let mut next = || date.next()?.ok();
    let (day, month, year) = (next()?, next()?, next()?);
    let (clock, millis) = time.split_once('.')?;
    let mut clock = clock.split(':').map(str::parse::<i64>);
    let mut next = || clock.next()?.ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    let millis: i64 = millis.parse().ok()?;
    let sound = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..1000).contains(&millis);
    if !sound || clock.next().is_some() {
        return None;
    }
    let shifted_year = year.checked_sub(i64::from(month <= 2))?;
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_468)?;
    days.checked_mul(DAY)?.checked_add(((hour * 60 + minute) * 60 + second) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000"),
            (951_782_400_000, "2000-02-29T00:00:00.000"),
            (1_795_845_301_111, "2026-11-28T05:55:01.111"),
            (-1, "1969-12-31T23:59:59.999"),
        ] {
            assert_eq!(utc(time), text);
            assert_eq!(parse_utc(text), Some(time));
        }
        for time in [i64::MAX, i64::MIN] {
            let _ = parse_utc(&utc(time));
        }
        for wrong in ["", "x", "2020-01-01", "2020-13-01T00:00:00.000", "2020-01-01T25:00:00.000"] {
            assert_eq!(parse_utc(wrong), None, "{wrong}");
        }
    }
}
