//! Which host each split is for, so that all have as many (`TeraScheduler`).

use std::collections::{BTreeMap, BTreeSet};

use crate::input::InputSplit;

struct Host {
    name: String,
    /// Splits that could be read there, in the order of the input.
    splits: Vec<usize>,
}

/// Gives each split one host where it can, at most `slots` and as evenly as possible; those that got one come first.
pub(super) fn spread(splits: Vec<InputSplit>, slots: usize) -> Vec<InputSplit> {
    let mut hosts: Vec<Host> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut places: Vec<BTreeSet<String>> = Vec::new();
    for (number, split) in splits.iter().enumerate() {
        for name in split.hosts() {
            let at = *known.entry(name.clone()).or_insert_with(|| {
                hosts.push(Host { name: name.clone(), splits: Vec::new() });
                hosts.len().saturating_sub(1)
            });
            if let Some(host) = hosts.get_mut(at) {
                host.splits.push(number);
            }
        }
        places.push(split.hosts().iter().cloned().collect());
    }
    let mut chosen: BTreeMap<usize, String> = BTreeMap::new();
    let mut left = splits.len();
    // The first of those with the fewest.
    while let Some(at) = (0..hosts.len()).min_by_key(|at| hosts.get(*at).map(|h| h.splits.len())) {
        let host = hosts.remove(at);
        let even = if hosts.is_empty() { usize::MAX } else { left.div_ceil(hosts.len()) };
        let best = best(&host, &places, slots.min(even));
        for number in best {
            chosen.insert(number, host.name.clone());
            left = left.saturating_sub(1);
            hosts.iter_mut().for_each(|other| other.splits.retain(|split| *split != number));
        }
        for number in host.splits {
            if let Some(place) = places.get_mut(number).filter(|_| !chosen.contains_key(&number)) {
                place.remove(&host.name);
            }
        }
    }
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (number, mut split) in splits.into_iter().enumerate() {
        match (chosen.remove(&number), &mut split) {
            (Some(host), InputSplit::File(of_file)) => {
                of_file.hosts = vec![host];
                first.push(split);
            }
            _ => last.push(split),
        }
    }
    last.reverse();
    first.extend(last);
    first
}

/// Splits of a host that the fewest others have.
fn best(host: &Host, places: &[BTreeSet<String>], most: usize) -> Vec<usize> {
    let mut all = host.splits.clone();
    // A stable sort: of those alike the first comes first.
    all.sort_by_key(|number| places.get(*number).map_or(0, BTreeSet::len));
    all.truncate(most);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Path;
    use crate::input::FileSplit;

    #[test]
    fn hosts_get_as_many_each_and_the_rest_comes_last_backwards() {
        let split = |start, hosts: &[&str]| {
            let hosts = hosts.iter().map(|h| (*h).to_owned()).collect();
            let path = Path::parse("/x").unwrap();
            InputSplit::File(FileSplit { path, start, length: 1, hosts })
        };
        let one_host: Vec<_> = (0..6).map(|n| split(n, &["h"])).collect();
        let starts = |splits: Vec<InputSplit>| -> Vec<u64> {
            let start = |s| if let InputSplit::File(s) = s { s.start } else { 0 };
            splits.into_iter().map(start).collect()
        };
        assert_eq!(starts(spread(one_host, 4)), [0, 1, 2, 3, 5, 4]);
        let two = vec![split(0, &["a", "b"]), split(1, &["a"]), split(2, &["a", "b"])];
        let spread = spread(two, 4);
        let hosts: Vec<_> = spread.iter().map(|s| s.hosts().join(",")).collect();
        assert_eq!(hosts, ["b", "a", "b"]);
    }
}
