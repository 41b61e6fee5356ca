//! What to load, of all that lies in the storage directories
//! (`FSImageTransactionalStorageInspector`, `JournalSet`, `FSEditLog.checkForGaps`).

use crate::names::StorageFile;
use loxodon_wire::ids::TxId;

/// What lies in one directory.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Names in `current`.
    pub files: Vec<StorageFile>,
    /// Images are kept here.
    pub images: bool,
    /// Edits are kept here.
    pub edits: bool,
    /// The transaction in `seen_txid`; the edits must reach at least so far.
    pub seen_txid: TxId,
}

/// A file, and which directory it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// Index of the directory.
    pub directory: usize,
    /// What was found.
    pub file: T,
}

/// Edits to be read, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Transactions before this one in the segment are known already.
    pub from: TxId,
    /// The last one.
    pub last: TxId,
    /// Segments that hold them, the first to be preferred.
    pub copies: Vec<Found<Segment>>,
}

/// A finished segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// First transaction.
    pub first: TxId,
    /// Last transaction.
    pub last: TxId,
}

/// What is to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadPlan {
    /// The transaction up to which the image goes.
    pub image: TxId,
    /// Directories that have it.
    pub image_copies: Vec<usize>,
    /// The edits after it.
    pub edits: Vec<Stretch>,
    /// The edits before it, as far as they are at hand: the newest [`EARLIER`], in whole segments.
    /// What they did is in the image; whose calls they were is not.
    pub earlier: Vec<Stretch>,
}

/// So many transactions before the image are looked through for calls that may be asked again.
pub const EARLIER: u64 = 100_000;

impl LoadPlan {
    /// The plan that reads what is before the image, and nothing else.
    #[must_use]
    pub fn before_image(&self) -> Self {
        let first = self.earlier.first().map_or(self.image.next(), |stretch| stretch.from);
        Self {
            image: TxId(first.0.saturating_sub(1)),
            image_copies: Vec::new(),
            edits: self.earlier.clone(),
            earlier: Vec::new(),
        }
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No image.
    #[error("No valid image files found")]
    NoImage,
    /// Transactions are missing.
    #[error(
        "Gap in transactions. Expected to be able to read up until at least txid {expected} but \
         unable to find any edit logs containing txid {missing}"
    )]
    Gap {
        /// How far the edits must go.
        expected: TxId,
        /// The first one that is not there.
        missing: TxId,
    },
}

impl PlanError {
    /// The exception Java raises here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::NoImage => "java.io.FileNotFoundException",
            Self::Gap { .. } => "java.io.IOException",
        }
    }
}

/// Chooses the newest image, and the edits after it up to `seen_txid` and as far as they go.
/// Segments in progress must have been finished before.
///
/// # Errors
/// [`PlanError`], if there is no image or edits are missing.
pub fn plan(directories: &[Listing]) -> Result<LoadPlan, PlanError> {
    plan_before(directories, None)
}

/// As [`plan`], with the newest image that is older than `before`: for when that one turned out
/// to be damaged.
///
/// # Errors
/// [`PlanError`], if there is no such image or edits are missing.
pub fn plan_before(directories: &[Listing], before: Option<TxId>) -> Result<LoadPlan, PlanError> {
    let mut images: Vec<Found<TxId>> = Vec::new();
    let mut segments: Vec<Found<Segment>> = Vec::new();
    for (directory, listing) in directories.iter().enumerate() {
        for &file in &listing.files {
            match file {
                StorageFile::Image(txid) | StorageFile::ImageRollback(txid)
                    if listing.images && before.is_none_or(|before| txid < before) =>
                {
                    images.push(Found { directory, file: txid });
                }
                StorageFile::Edits { first, last } if listing.edits => {
                    segments.push(Found { directory, file: Segment { first, last } });
                }
                _ => {}
            }
        }
    }
    images.sort_by_key(|image| (std::cmp::Reverse(image.file), image.directory));
    let image = images.first().ok_or(PlanError::NoImage)?.file;
    let newest = images.iter().filter(|found| found.file == image);
    let seen = directories.iter().map(|listing| listing.seen_txid).max();
    Ok(LoadPlan {
        image,
        image_copies: newest.map(|found| found.directory).collect(),
        earlier: earlier(&segments, image),
        edits: stretches(segments, image.next(), seen.unwrap_or_default())?,
    })
}

fn earlier(segments: &[Found<Segment>], image: TxId) -> Vec<Stretch> {
    let (mut stretches, mut last) = (Vec::new(), image);
    while image.0.saturating_sub(last.0) < EARLIER {
        let usable =
            segments.iter().filter(|found| found.file.first <= last && last <= found.file.last);
        let Some(from) = usable.clone().map(|found| found.file.first).min() else { break };
        let copies = usable.filter(|found| found.file.first == from).copied().collect();
        stretches.push(Stretch { from, last, copies });
        last = TxId(from.0.saturating_sub(1));
    }
    stretches.reverse();
    stretches
}

fn stretches(
    mut segments: Vec<Found<Segment>>,
    from: TxId,
    seen: TxId,
) -> Result<Vec<Stretch>, PlanError> {
    // The longest of those that begin together comes first.
    segments.sort_by_key(|found| {
        (found.file.first, std::cmp::Reverse(found.file.last), found.directory)
    });
    let mut stretches = Vec::new();
    let mut next = from;
    let gap = |missing| PlanError::Gap { expected: seen, missing };
    loop {
        let usable =
            segments.iter().filter(|found| found.file.first <= next && next <= found.file.last);
        let Some(last) = usable.clone().map(|found| found.file.last).max() else {
            break;
        };
        stretches.push(Stretch {
            from: next,
            last,
            copies: usable.filter(|found| found.file.last == last).copied().collect(),
        });
        next = last.next();
    }
    // `seen_txid` was written once that transaction was on disk.
    if next <= seen {
        return Err(gap(next));
    }
    if segments.iter().any(|found| found.file.first > next) {
        return Err(PlanError::Gap {
            expected: segments.iter().map(|found| found.file.last).max().unwrap_or(seen),
            missing: next,
        });
    }
    Ok(stretches)
}

/// Segments that whoever knows everything before `since` reads next, without a gap between them;
/// and the last transaction in them (`JournalSet.getEditLogManifest`). What comes before a gap is
/// left out: it may be what an old directory brought along.
#[must_use]
pub fn manifest(since: TxId, segments: impl Iterator<Item = Segment>) -> (Vec<Segment>, TxId) {
    let mut longest = std::collections::BTreeMap::<TxId, TxId>::new();
    for segment in segments {
        let last = longest.entry(segment.first).or_insert(segment.last);
        *last = segment.last.max(*last);
    }
    let (mut found, mut next) = (Vec::new(), since);
    while let Some((&first, &last)) = longest.range(next..).next() {
        if first > next {
            found.clear();
        }
        found.push(Segment { first, last });
        next = last.next();
    }
    (found, TxId(next.0.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_no_gap() {
        let segment = |(first, last): (u64, u64)| Segment { first: TxId(first), last: TxId(last) };
        let of = |since: u64, segments: &[(u64, u64)]| {
            let (found, last) = manifest(TxId(since), segments.iter().copied().map(segment));
            let shown: Vec<_> = found.iter().map(|one| (one.first.0, one.last.0)).collect();
            (shown, last.0)
        };
        let all = [(1, 10), (11, 20), (11, 15), (21, 30)];
        assert_eq!(of(1, &all), (vec![(1, 10), (11, 20), (21, 30)], 30));
        assert_eq!(of(11, &all), (vec![(11, 20), (21, 30)], 30));
        assert_eq!(of(12, &all), (vec![(21, 30)], 30));
        assert_eq!(of(1, &[(1, 10), (21, 30)]), (vec![(21, 30)], 30));
        assert_eq!(of(31, &all), (vec![], 30));
        assert_eq!(of(0, &[]), (vec![], 0));
    }

    fn listing(seen: u64, names: &[&str]) -> Listing {
        Listing {
            files: names.iter().filter_map(|name| StorageFile::parse(name)).collect(),
            images: true,
            edits: true,
            seen_txid: TxId(seen),
        }
    }

    fn reach(plan: &LoadPlan) -> Vec<(u64, u64)> {
        plan.edits.iter().map(|stretch| (stretch.from.0, stretch.last.0)).collect()
    }

    #[test]
    fn newest_image_and_what_follows() {
        let plan = plan(&[listing(
            151,
            &["fsimage_5", "fsimage_100", "edits_1-5", "edits_6-150", "edits_151-300"],
        )])
        .unwrap();
        assert_eq!(plan.image, TxId(100));
        assert_eq!(reach(&plan), [(101, 150), (151, 300)]);
    }

    #[test]
    fn what_is_before_the_image_is_known_as_far_as_it_goes_back() {
        let names = ["fsimage_100", "edits_1-5", "edits_8-50", "edits_51-150", "edits_151-300"];
        let before = plan(&[listing(151, &names)]).unwrap().before_image();
        assert_eq!((before.image, reach(&before)), (TxId(7), vec![(8, 50), (51, 100)]));
        let none = plan(&[listing(100, &["fsimage_100"])]).unwrap().before_image();
        assert_eq!((none.image, reach(&none)), (TxId(100), vec![]));
    }

    #[test]
    fn an_older_image_and_what_follows_it() {
        let names = ["fsimage_5", "fsimage_100", "edits_1-5", "edits_6-150"];
        let listings = [listing(6, &names)];
        let plan = plan_before(&listings, Some(TxId(100))).unwrap();
        assert_eq!(plan.image, TxId(5));
        assert_eq!(reach(&plan), [(6, 150)]);
        assert_eq!(plan_before(&listings, Some(TxId(5))), Err(PlanError::NoImage));
        let purged = [listing(6, &["fsimage_5", "fsimage_100", "edits_101-150"])];
        assert!(matches!(
            plan_before(&purged, Some(TxId(100))),
            Err(PlanError::Gap { missing: TxId(6), .. })
        ));
    }

    #[test]
    fn a_directory_that_missed_edits_is_helped_by_the_other() {
        let plan = plan(&[
            listing(1, &["fsimage_0", "edits_1-10", "edits_21-30"]),
            listing(21, &["fsimage_0", "edits_1-10", "edits_11-20"]),
        ])
        .unwrap();
        assert_eq!(plan.image_copies, [0, 1]);
        assert_eq!(reach(&plan), [(1, 10), (11, 20), (21, 30)]);
        assert_eq!(plan.edits[0].copies.len(), 2);
    }

    #[test]
    fn the_longer_of_two_copies_is_read() {
        let plan = plan(&[
            listing(1, &["fsimage_0", "edits_1-10"]),
            listing(1, &["fsimage_0", "edits_1-12", "edits_13-13"]),
        ])
        .unwrap();
        assert_eq!(reach(&plan), [(1, 12), (13, 13)]);
        assert_eq!(plan.edits[0].copies[0].directory, 1);
    }

    #[test]
    fn gaps_are_named() {
        let gap = |names: &[&str], seen| match plan(&[listing(seen, names)]) {
            Err(PlanError::Gap { missing, .. }) => missing.0,
            other => panic!("{other:?}"),
        };
        assert_eq!(gap(&["fsimage_0", "edits_1-10", "edits_12-20"], 1), 11);
        assert_eq!(gap(&["fsimage_0", "edits_1-10"], 15), 11);
        assert_eq!(gap(&["fsimage_5", "edits_7-10"], 1), 6);
        assert_eq!(plan(&[listing(1, &["edits_1-10"])]), Err(PlanError::NoImage));
    }

    #[test]
    fn nothing_after_the_image_is_fine() {
        assert_eq!(reach(&plan(&[listing(0, &["fsimage_0"])]).unwrap()), []);
        assert_eq!(reach(&plan(&[listing(1, &["fsimage_10", "edits_1-10"])]).unwrap()), []);
    }
}
