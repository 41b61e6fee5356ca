//! Which Hadoop we are, for peers that ask, and which of two releases is the older one.

use std::cmp::Ordering;

/// The release whose protocols and formats we speak.
pub const HADOOP: &str = "3.5.0";
/// Its revision: what `versionRequest` and `/jmx` show.
pub const REVISION: &str = "dbcc7cd797100e6b32cd84f85b53a5193a5f9af0";
/// The layout of a DataNode's directories (`DataNodeLayoutVersion`).
pub const DATANODE_LAYOUT: i32 = -57;

/// What stands after a number, in the order of releases; what is not here comes later, by its letters.
const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
/// The place of a release without a word.
const RELEASE: &str = "5";

/// A part of a version: digits without leading zeros, or the place of a word among words.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Number(String),
    Word(String),
}

impl Part {
    fn number(digits: &str) -> Self {
        Self::Number(digits.trim_start_matches('0').to_owned())
    }

    fn word(letters: &str, before_digit: bool) -> Self {
        let letters = match letters {
            "a" if before_digit => "alpha",
            "b" if before_digit => "beta",
            "m" if before_digit => "milestone",
            "ga" | "final" => "",
            "cr" => "rc",
            other => other,
        };
        Self::Word(match QUALIFIERS.iter().position(|known| *known == letters) {
            Some(place) => place.to_string(),
            None => format!("{}-{letters}", QUALIFIERS.len()),
        })
    }

    fn says_nothing(&self) -> bool {
        match self {
            Self::Number(digits) => digits.is_empty(),
            Self::Word(place) => place == RELEASE,
        }
    }

    /// Against the end of the other version.
    fn to_nothing(&self) -> Ordering {
        match self {
            Self::Number(digits) => digits.len().cmp(&0),
            Self::Word(place) => place.as_str().cmp(RELEASE),
        }
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(ours), Self::Number(theirs)) => {
                ours.len().cmp(&theirs.len()).then_with(|| ours.cmp(theirs))
            }
            (Self::Number(_), Self::Word(_)) => Ordering::Greater,
            (Self::Word(_), Self::Number(_)) => Ordering::Less,
            (Self::Word(ours), Self::Word(theirs)) => ours.cmp(theirs),
        }
    }
}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What stands somewhere in a version. Behind a hyphen and a digit a level begins, which is always
/// the last of the level above.
enum Item<'a> {
    Part(&'a Part),
    Below(&'a [Vec<Part>]),
    End,
}

impl<'a> Item<'a> {
    fn at(levels: &'a [Vec<Part>], level: usize, at: usize) -> Self {
        let (here, below) = match levels.get(level..).and_then(<[_]>::split_first) {
            Some((here, below)) => (here.as_slice(), below),
            None => (&[][..], &[][..]),
        };
        match here.get(at) {
            Some(part) => Self::Part(part),
            None if at == here.len() && !below.is_empty() => Self::Below(below),
            None => Self::End,
        }
    }

    fn to_nothing(&self) -> Ordering {
        match self {
            Self::Part(part) => part.to_nothing(),
            Self::Below(levels) => levels
                .iter()
                .find_map(|level| level.first())
                .map_or(Ordering::Equal, Part::to_nothing),
            Self::End => Ordering::Equal,
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Part(ours), Self::Part(theirs)) => ours.cmp(theirs),
            (Self::Part(Part::Number(_)), Self::Below(_))
            | (Self::Below(_), Self::Part(Part::Word(_))) => Ordering::Greater,
            (Self::Part(Part::Word(_)), Self::Below(_))
            | (Self::Below(_), Self::Part(Part::Number(_))) => Ordering::Less,
            (ours, Self::End) => ours.to_nothing(),
            (Self::End, theirs) => theirs.to_nothing().reverse(),
            (Self::Below(_), Self::Below(_)) => Ordering::Equal,
        }
    }
}

/// Where `left` stands to `right` among releases, as Maven orders them (`ComparableVersion`):
/// `2.1.0-beta` before `2.1.0`, `3.9` before `3.10`.
#[must_use]
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (levels(left), levels(right));
    let (mut level, mut at) = (0, 0);
    loop {
        let (ours, theirs) = (Item::at(&left, level, at), Item::at(&right, level, at));
        match (&ours, &theirs) {
            (Item::End, Item::End) => return Ordering::Equal,
            (Item::Below(_), Item::Below(_)) => (level, at) = (level + 1, 0),
            _ => {
                let order = ours.order(&theirs);
                if order.is_ne() {
                    return order;
                }
                at += 1;
            }
        }
    }
}

/// The parts of a version, level by level.
fn levels(version: &str) -> Vec<Vec<Part>> {
    let version = version.to_lowercase();
    let part = |digits: bool, text: &str| {
        if digits { Part::number(text) } else { Part::word(text, false) }
    };
    let mut upper = Vec::new();
    let mut level = Vec::new();
    let (mut start, mut digits) = (0, false);
    let mut letters = version.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let text = &version[start..at];
        if letter == '.' || letter == '-' {
            level.push(if text.is_empty() { Part::number("") } else { part(digits, text) });
            start = at + 1;
            if letter == '-' && digits {
                shorten(&mut level);
                if letters.peek().is_some_and(|(_, next)| next.is_ascii_digit()) {
                    upper.push(std::mem::take(&mut level));
                }
            }
        } else if letter.is_ascii_digit() != digits {
            if !text.is_empty() {
                level.push(if digits { Part::number(text) } else { Part::word(text, true) });
                start = at;
            }
            digits = !digits;
        }
    }
    if start < version.len() {
        level.push(part(digits, &version[start..]));
    }
    shorten(&mut level);
    while level.is_empty()
        && let Some(above) = upper.pop()
    {
        level = above;
        shorten(&mut level);
    }
    upper.push(level);
    upper
}

/// What says nothing at the end is left out: `1.0` is `1`.
fn shorten(level: &mut Vec<Part>) {
    while level.pop_if(|part| part.says_nothing()).is_some() {}
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Hadoop's `TestVersionUtil` has them, and some as its `ComparableVersion` answered.
    #[test]
    fn releases_have_mavens_order() {
        let ascending = [
            ["1", "2"],
            ["2.0.0", "2.0.1"],
            ["2.0.1-SNAPSHOT", "2.0.1"],
            ["2.1.0-beta", "2.1.0"],
            ["2.1.0-alpha-1", "2.1.0-beta"],
            // A letter alone is no "alpha", but a word that nobody knows.
            ["2.0.0a2", "2.0.0a"],
            ["1.0.4a", "1.0.5"],
            ["1.2.3-1", "1.2.3.1"],
            ["1.0.0-alpha1", "1.0.0-alpha2"],
            ["1-sp", "1-1"],
            ["1.0-sp", "1.0-tag"],
            ["3.9.9", "3.10"],
            ["1-rc", "1"],
            ["1-1-1", "1-1-2"],
            ["1-1", "1-1-1"],
            ["", "0.1"],
        ];
        for [older, newer] in ascending {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
        }
        for [one, same] in [
            ["1", "1.0.0"],
            ["1.0-ga", "1"],
            ["1-0", "1"],
            ["1.0-CR", "1.0-rc"],
            ["3.5.0", "3.5.0"],
        ] {
            assert_eq!(compare(one, same), Ordering::Equal, "{one} {same}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_place(left in "[0-9a-c.ß-]{0,12}", right in "[0-9a-c.ß-]{0,12}") {
            prop_assert_eq!(compare(&left, &right), compare(&right, &left).reverse());
            prop_assert_eq!(compare(&left, &left), Ordering::Equal);
        }
    }
}
