//! Which volume a new replica goes to: Hadoop's volume choosing policies.

use std::sync::Arc;

use parking_lot::Mutex;

use super::volume::Volume;
use crate::error::{DataNodeError, Result};

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

#[derive(Debug)]
struct State {
    next: [usize; 3],
    random: fastrand::Rng,
}

impl Chooser {
    pub(crate) fn new(policy: VolumeChoice, seed: u64) -> Self {
        Self {
            policy,
            state: Mutex::new(State { next: [0; 3], random: fastrand::Rng::with_seed(seed) }),
        }
    }

    /// A volume with room for `bytes`.
    pub(crate) fn choose(&self, volumes: &[Arc<Volume>], bytes: u64) -> Result<Arc<Volume>> {
        let with_space: Vec<(u64, &Arc<Volume>)> = volumes
            .iter()
            .filter_map(|volume| volume.usage().ok().map(|usage| (usage.remaining, volume)))
            .collect();
        let mut state = self.state.lock();
        let VolumeChoice::AvailableSpace { threshold, fraction } = self.policy else {
            return round_robin(&mut state.next[0], &with_space, bytes);
        };
        let least = with_space.iter().map(|(space, _)| *space).min().unwrap_or(0);
        let most = with_space.iter().map(|(space, _)| *space).max().unwrap_or(0);
        if most.saturating_sub(least) <= threshold {
            return round_robin(&mut state.next[0], &with_space, bytes);
        }
        let limit = least.saturating_add(threshold);
        let (low, high): (Vec<_>, Vec<_>) =
            with_space.into_iter().partition(|(space, _)| *space <= limit);
        let low_fits = low.iter().all(|(space, _)| *space >= bytes);
        // Scaled by how many volumes are on each side, as Java does.
        let weight = high.len() as f64 * fraction
            / (high.len() as f64 * fraction + low.len() as f64 * (1.0 - fraction));
        if !low_fits || state.random.f64() < weight {
            round_robin(&mut state.next[1], &high, bytes)
        } else {
            round_robin(&mut state.next[2], &low, bytes)
        }
    }
}

fn round_robin(
    next: &mut usize,
    volumes: &[(u64, &Arc<Volume>)],
    bytes: u64,
) -> Result<Arc<Volume>> {
    if volumes.is_empty() {
        return Err(DataNodeError::OutOfSpace("No more available volumes".to_owned()));
    }
    for _ in 0..volumes.len() {
        let at = *next % volumes.len();
        *next = at.wrapping_add(1);
        if let Some((space, volume)) = volumes.get(at)
            && *space > bytes
        {
            return Ok(Arc::clone(volume));
        }
    }
    let most = volumes.iter().map(|(space, _)| *space).max().unwrap_or(0);
    Err(DataNodeError::OutOfSpace(format!(
        "Out of space: The volume with the most available space (={most} B) is less than the block size (={bytes} B)."
    )))
}
