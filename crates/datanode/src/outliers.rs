//! Who is slow among many (`OutlierDetector`).

/// The median absolute deviation times this is as wide as a standard deviation of normal values.
const TO_DEVIATION: f64 = 1.4826;
/// Deviations above the median that are too many.
const DEVIATIONS: f64 = 3.0;
/// Times the median that are too much.
const MEDIANS: f64 = 3.0;

/// Someone who is slow, and what that was measured with. All in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outlier {
    pub(crate) name: String,
    pub(crate) latency: f64,
    pub(crate) median: f64,
    pub(crate) mad: f64,
    pub(crate) limit: f64,
}

/// Those whose average is far above everybody's; nobody where there are fewer than `least`, or below `low`.
pub(crate) fn outliers(averages: &[(String, f64)], least: usize, low: f64) -> Vec<Outlier> {
    if averages.is_empty() || averages.len() < least {
        return Vec::new();
    }
    let median = median(averages.iter().map(|(_, average)| *average));
    let mad =
        TO_DEVIATION * self::median(averages.iter().map(|(_, average)| (average - median).abs()));
    let limit = low.max(median * MEDIANS).max(median + mad * DEVIATIONS);
    let slow = averages.iter().filter(|(_, average)| *average > limit);
    slow.map(|(name, latency)| Outlier {
        name: name.clone(),
        latency: *latency,
        median,
        mad,
        limit,
    })
    .collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    match sorted.len().is_multiple_of(2) {
        true => f64::midpoint(at(middle.saturating_sub(1)), at(middle)),
        false => at(middle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn averages(values: &[f64]) -> Vec<(String, f64)> {
        values.iter().enumerate().map(|(at, value)| (format!("dn{at}"), *value)).collect()
    }

    #[test]
    fn one_is_slow_among_many() {
        let mut values = vec![1.0; 10];
        values.push(50.0);
        let found = outliers(&averages(&values), 10, 5.0);
        assert_eq!(found.len(), 1);
        let Outlier { name, latency, median, mad, limit } = &found[0];
        assert_eq!((name.as_str(), *latency, *median, *mad, *limit), ("dn10", 50.0, 1.0, 0.0, 5.0));
    }

    #[test]
    fn nobody_is_slow_among_few_or_below_the_threshold() {
        assert!(outliers(&averages(&[1.0, 1.0, 50.0]), 10, 5.0).is_empty());
        assert!(outliers(&averages(&[1.0, 1.0, 1.0, 4.9]), 3, 5.0).is_empty());
        assert!(outliers(&[], 0, 5.0).is_empty());
    }

    #[test]
    fn a_wide_spread_is_no_fault() {
        let values = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 100.0];
        assert!(outliers(&averages(&values), 5, 5.0).is_empty());
    }
}
