//! Which volume a new replica goes to: Hadoop's volume choosing policies.

use std::sync::Arc;

use parking_lot::Mutex;

use super::volume::Volume;
use crate::error::{DataNodeError, Result};
use crate::storage::StorageType;

/// How a volume is chosen among those of the right storage type.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum VolumeChoice {
    /// One after another.
    #[default]
    RoundRobin,
    /// Mostly those with more free space, where volumes differ much.
    AvailableSpace {
        /// Bytes up to which volumes count as equally full.
        threshold: u64,
        /// Share of blocks that go to the emptier ones.
        fraction: f64,
    },
}

/// Chooses volumes.
#[derive(Debug)]
pub(crate) struct Chooser {
    policy: VolumeChoice,
    state: Mutex<State>,
}

/// Whose turn it is, for each storage type and for each way to choose.
#[derive(Debug)]
struct State {
    next: [Turns; StorageType::ALL.len()],
    random: fastrand::Rng,
}

/// Whose turn it is among all volumes, those with much space, and those with little.
#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    all: usize,
    high: usize,
    low: usize,
}

impl Chooser {
    pub(crate) fn new(policy: VolumeChoice, seed: u64) -> Self {
        Self {
            policy,
            state: Mutex::new(State {
                next: [Turns::default(); StorageType::ALL.len()],
                random: fastrand::Rng::with_seed(seed),
            }),
        }
    }

    /// A volume with room for `bytes`. All are of one storage type.
    pub(crate) fn choose(&self, volumes: &[Arc<Volume>], bytes: u64) -> Result<Arc<Volume>> {
        let with_space: Vec<(u64, &Arc<Volume>)> = volumes
            .iter()
            .filter_map(|volume| volume.usage().ok().map(|usage| (usage.remaining, volume)))
            .collect();
        let kind = volumes.first().map_or_else(StorageType::default, |volume| volume.kind());
        self.pick(kind, with_space, bytes).cloned()
    }

    /// One of `volumes`, each with its space.
    fn pick<T: Copy>(&self, kind: StorageType, volumes: Vec<(u64, T)>, bytes: u64) -> Result<T> {
        let mut state = self.state.lock();
        let State { next, random } = &mut *state;
        let mut nowhere = Turns::default();
        let turns = next.get_mut(kind.index()).unwrap_or(&mut nowhere);
        let VolumeChoice::AvailableSpace { threshold, fraction } = self.policy else {
            return round_robin(&mut turns.all, &volumes, bytes);
        };
        let least = volumes.iter().map(|(space, _)| *space).min().unwrap_or(0);
        let most = volumes.iter().map(|(space, _)| *space).max().unwrap_or(0);
        if most.saturating_sub(least) <= threshold {
            return round_robin(&mut turns.all, &volumes, bytes);
        }
        let limit = least.saturating_add(threshold);
        let (low, high): (Vec<_>, Vec<_>) =
            volumes.into_iter().partition(|(space, _)| *space <= limit);
        let low_fits = low.iter().any(|(space, _)| *space >= bytes);
        // Scaled by how many volumes are on each side, as Java does.
        let weight = high.len() as f64 * fraction
            / (high.len() as f64 * fraction + low.len() as f64 * (1.0 - fraction));
        if !low_fits || random.f64() < weight {
            round_robin(&mut turns.high, &high, bytes)
        } else {
            round_robin(&mut turns.low, &low, bytes)
        }
    }
}

fn round_robin<T: Copy>(next: &mut usize, volumes: &[(u64, T)], bytes: u64) -> Result<T> {
    if volumes.is_empty() {
        return Err(DataNodeError::OutOfSpace("No more available volumes".to_owned()));
    }
    for _ in 0..volumes.len() {
        let at = *next % volumes.len();
        *next = at.wrapping_add(1);
        if let Some((space, volume)) = volumes.get(at)
            && *space > bytes
        {
            return Ok(*volume);
        }
    }
    let most = volumes.iter().map(|(space, _)| *space).max().unwrap_or(0);
    Err(DataNodeError::OutOfSpace(format!(
        "Out of space: The volume with the most available space (={most} B) is less than the block size (={bytes} B)."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn spread(chooser: &Chooser, spaces: &[u64], bytes: u64) -> Vec<u32> {
        let mut chosen = vec![0; spaces.len()];
        for _ in 0..2000 {
            let volumes = spaces.iter().copied().enumerate().map(|(at, space)| (space, at));
            chosen[chooser.pick(StorageType::Disk, volumes.collect(), bytes).unwrap()] += 1;
        }
        chosen
    }

    fn by_space(fraction: f64) -> Chooser {
        Chooser::new(VolumeChoice::AvailableSpace { threshold: 10 * GIB, fraction }, 7)
    }

    #[test]
    fn volumes_that_differ_little_take_turns() {
        assert_eq!(spread(&by_space(0.75), &[20 * GIB, 30 * GIB], GIB), [1000, 1000]);
    }

    #[test]
    fn emptier_volumes_get_their_share() {
        let chosen = spread(&by_space(0.75), &[20 * GIB, 40 * GIB], GIB);
        assert!((1420..1580).contains(&chosen[1]), "three of four: {chosen:?}");
        // Two that are full and one that is empty: 1 * 0.75 / (1 * 0.75 + 2 * 0.25).
        let chosen = spread(&by_space(0.75), &[20 * GIB, 20 * GIB, 40 * GIB], GIB);
        assert!(
            (1120..1280).contains(&chosen[2]) && chosen[0].abs_diff(chosen[1]) <= 1,
            "{chosen:?}"
        );
        let chosen = spread(&by_space(1.0), &[20 * GIB, 40 * GIB], GIB);
        assert_eq!(chosen, [0, 2000]);
    }

    #[test]
    fn full_volumes_are_passed_over() {
        // No full one has room.
        assert_eq!(spread(&by_space(0.5), &[GIB / 2, 40 * GIB], GIB), [0, 2000]);
        // One of the full ones has, and gets the share of both.
        let chosen = spread(&by_space(0.5), &[GIB / 2, 2 * GIB, 40 * GIB], GIB);
        assert!(chosen[0] == 0 && chosen[1] > 1000, "{chosen:?}");
        let refused = by_space(0.5).pick(StorageType::Disk, vec![(5, 'a'), (7, 'b')], 9);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("(=7 B) is less than the block size (=9 B)"), "{text}");
    }

    #[test]
    fn each_storage_type_has_its_own_turn() {
        let chooser = Chooser::new(VolumeChoice::RoundRobin, 7);
        let pick = |kind| chooser.pick(kind, vec![(GIB, 'a'), (GIB, 'b')], 1).unwrap();
        let turns = [
            pick(StorageType::Disk),
            pick(StorageType::Ssd),
            pick(StorageType::Disk),
            pick(StorageType::Ssd),
        ];
        assert_eq!(turns, ['a', 'a', 'b', 'b']);
    }
}
