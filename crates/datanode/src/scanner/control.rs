//! What scanners wait for: the end, or a replica that looks damaged.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::block::Block;
use crate::dataset::replica::VolumeIndex;

/// Suspects that were looked at lately are not looked at again for this long.
const RECENT: Duration = Duration::from_secs(600);
/// Most suspects that are remembered.
const REMEMBERED: usize = 1000;

/// Shared by a DataNode and its scanning threads.
#[derive(Debug, Default)]
pub(crate) struct ScanControl {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    /// Grows with every pool that is opened.
    pools: u64,
    suspects: Vec<(VolumeIndex, Block)>,
    recent: Vec<(Block, Instant)>,
}

/// Why a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The DataNode stops.
    Stop,
    /// This replica is to be looked at before others.
    Suspect(Block),
    /// The time is over, or there is a new pool.
    Time,
}

impl ScanControl {
    /// Ends all scanners.
    pub(crate) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Tells the scanners that there is one more pool.
    pub(crate) fn pool_opened(&self) {
        self.state.lock().pools += 1;
        self.changed.notify_all();
    }

    /// Has a replica looked at next, unless it was lately.
    pub(crate) fn suspect(&self, volume: VolumeIndex, block: &Block) {
        let (now, mut state) = (Instant::now(), self.state.lock());
        state.recent.retain(|(_, at)| now.duration_since(*at) < RECENT);
        if state.recent.iter().any(|(known, _)| known == block) {
            return;
        }
        if state.recent.len() >= REMEMBERED {
            state.recent.remove(0);
        }
        state.recent.push((block.clone(), now));
        state.suspects.push((volume, block.clone()));
        self.changed.notify_all();
    }

    /// Waits up to `patience` for the end, for a suspect on `volume`, or for a pool beyond the `known` ones.
    pub(super) fn wait(&self, volume: VolumeIndex, patience: Duration, known: &mut u64) -> Wake {
        let until = Instant::now().checked_add(patience);
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return Wake::Stop;
            }
            if let Some(at) = state.suspects.iter().position(|(place, _)| *place == volume) {
                return Wake::Suspect(state.suspects.remove(at).1);
            }
            if state.pools != *known {
                *known = state.pools;
                return Wake::Time;
            }
            match until {
                Some(until) if self.changed.wait_until(&mut state, until).timed_out() => {
                    return Wake::Time;
                }
                Some(_) => {}
                None => self.changed.wait(&mut state),
            }
        }
    }

    /// Sleeps, unless the DataNode stops; whether it goes on.
    pub(super) fn sleep(&self, time: Duration) -> bool {
        let Some(until) = Instant::now().checked_add(time) else { return false };
        let mut state = self.state.lock();
        while !state.stopping && !self.changed.wait_until(&mut state, until).timed_out() {}
        !state.stopping
    }
}

#[cfg(test)]
mod tests {
    use loxodon_wire::ids::{BlockId, GenerationStamp};

    use super::*;

    #[test]
    fn a_suspect_comes_once_and_to_its_volume() {
        let block = |id| Block {
            pool: "BP-1".into(),
            id: BlockId(id),
            stamp: GenerationStamp(1001),
            length: 5,
        };
        let control = ScanControl::default();
        let (one, two) = (VolumeIndex(1), VolumeIndex(2));
        control.suspect(one, &block(1));
        control.suspect(one, &block(1));
        control.suspect(two, &block(2));
        assert_eq!(control.wait(one, Duration::ZERO, &mut 0), Wake::Suspect(block(1)));
        assert_eq!(control.wait(one, Duration::ZERO, &mut 0), Wake::Time);
        control.suspect(one, &block(1));
        assert_eq!(control.wait(one, Duration::ZERO, &mut 0), Wake::Time, "it was looked at");
        assert_eq!(control.wait(two, Duration::MAX, &mut 0), Wake::Suspect(block(2)));
        control.pool_opened();
        let mut known = 0;
        assert_eq!(control.wait(two, Duration::MAX, &mut known), Wake::Time);
        assert_eq!(known, 1);
        control.stop();
        assert_eq!(control.wait(two, Duration::MAX, &mut 0), Wake::Stop);
        assert!(!control.sleep(Duration::from_secs(600)));
    }
}
