//! Whether there is room enough to go on writing (`NameNodeResourcePolicy`), and when a segment
//! has become long enough (`FSNamesystem.NameNodeEditLogRoller`).

/// A volume that edits or images are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Bytes that are free.
    pub available: u64,
    /// It must be there (`dfs.namenode.edits.dir.required`, `dfs.namenode.resource.checked.volumes`).
    pub required: bool,
}

/// `dfs.namenode.resource.du.reserved`, bytes.
pub const RESERVED: u64 = 100 * 1024 * 1024;

/// Whether each required volume, and at least `minimum` of the others, has more than `reserved`
/// bytes free.
#[must_use]
pub fn enough(volumes: &[Volume], reserved: u64, minimum: usize) -> bool {
    let has_room = |volume: &&Volume| volume.available >= reserved;
    let (required, redundant): (Vec<&Volume>, Vec<&Volume>) =
        volumes.iter().partition(|volume| volume.required);
    if !required.iter().all(has_room) {
        return false;
    }
    if redundant.is_empty() {
        return !required.is_empty();
    }
    redundant.into_iter().filter(has_room).count() >= minimum
}

/// Whether a segment of so many transactions is to be ended: `checkpoint_transactions` is
/// `dfs.namenode.checkpoint.txns`, `multiplier` `dfs.namenode.edit.log.autoroll.multiplier.threshold`.
#[must_use]
pub fn should_roll(transactions: u64, checkpoint_transactions: u64, multiplier: f32) -> bool {
    transactions as f64 > f64::from(multiplier) * checkpoint_transactions as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(available: u64, required: bool) -> Volume {
        Volume { available, required }
    }

    #[test]
    fn policy() {
        let (full, free) = (RESERVED - 1, RESERVED);
        assert!(enough(&[volume(free, false)], RESERVED, 1));
        assert!(!enough(&[volume(full, false)], RESERVED, 1));
        assert!(enough(&[volume(full, false), volume(free, false)], RESERVED, 1));
        assert!(!enough(&[volume(full, false), volume(free, false)], RESERVED, 2));
        assert!(!enough(&[volume(full, true), volume(free, false)], RESERVED, 1));
        assert!(enough(&[volume(free, true)], RESERVED, 1));
        assert!(!enough(&[], RESERVED, 1));
    }

    #[test]
    fn rolling() {
        assert!(!should_roll(2_000_000, 1_000_000, 2.0));
        assert!(should_roll(2_000_001, 1_000_000, 2.0));
    }
}
