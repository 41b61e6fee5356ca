//! Safe mode: read-only until enough of the blocks were seen (`BlockManagerSafeMode`).

use loxodon_wire::ids::Milliseconds;

/// When start-up is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SafeModeSettings {
    /// `dfs.namenode.safemode.threshold-pct`; above 1 it never ends by itself.
    pub threshold: f32,
    /// `dfs.namenode.replqueue.threshold-pct`.
    pub queue_threshold: f32,
    /// `dfs.namenode.safemode.min.datanodes`.
    pub min_datanodes: usize,
    /// `dfs.namenode.safemode.replication.min`.
    pub safe_replication: u16,
    /// `dfs.namenode.safemode.extension`.
    pub extension: Milliseconds,
}

impl Default for SafeModeSettings {
    fn default() -> Self {
        Self {
            threshold: 0.999,
            queue_threshold: 0.999,
            min_datanodes: 0,
            safe_replication: 1,
            extension: Milliseconds(30_000),
        }
    }
}

/// How far the start-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Blocks or nodes are missing.
    Waiting,
    /// All there; waiting on for a moment.
    Extension {
        /// Since when.
        since: Milliseconds,
    },
    /// Over.
    Off,
}

/// Why safe mode is on besides the start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafeModeCause {
    /// An operator said so.
    Manual,
    /// The disk with the edits is nearly full.
    LowResources,
}

/// The state machine; counts are fed by the block manager.
#[derive(Clone, Debug)]
pub struct SafeMode {
    settings: SafeModeSettings,
    phase: Phase,
    manual: bool,
    low_resources: bool,
    total: u64,
    safe: u64,
    future_bytes: u64,
    started: Milliseconds,
}

impl SafeMode {
    pub(crate) const fn new(settings: SafeModeSettings) -> Self {
        Self {
            settings,
            phase: Phase::Off,
            manual: false,
            low_resources: false,
            total: 0,
            safe: 0,
            future_bytes: 0,
            started: Milliseconds(0),
        }
    }

    /// Java multiplies in single precision and cuts off; so do we.
    fn share(total: u64, share: f32) -> u64 {
        (total as f32 * share) as u64
    }

    /// Safe blocks it takes.
    #[must_use]
    pub fn threshold(&self) -> u64 {
        Self::share(self.total, self.settings.threshold)
    }

    /// Start-up begins with so many complete blocks; over at once where the thresholds are met.
    pub(crate) fn start(&mut self, now: Milliseconds, total: u64, live: usize) {
        self.started = now;
        self.total = total;
        self.phase = if self.is_met(live) { Phase::Off } else { Phase::Waiting };
    }

    fn is_met(&self, live: usize) -> bool {
        self.safe >= self.threshold() && live >= self.settings.min_datanodes
    }

    /// Goes on where it can; `true` when the start-up just ended.
    pub(crate) fn advance(&mut self, now: Milliseconds, live: usize) -> bool {
        match self.phase {
            Phase::Waiting if self.is_met(live) => {
                if self.total > 0 && self.settings.extension > Milliseconds(0) {
                    self.phase = Phase::Extension { since: now };
                    false
                } else {
                    self.leave_startup()
                }
            }
            Phase::Extension { since }
                if now.since(since) >= self.settings.extension && self.is_met(live) =>
            {
                self.leave_startup()
            }
            _ => false,
        }
    }

    fn leave_startup(&mut self) -> bool {
        if self.future_bytes > 0 {
            return false;
        }
        self.phase = Phase::Off;
        true
    }

    /// Enters by hand, or because of the disk.
    pub(crate) fn enter(&mut self, cause: SafeModeCause) {
        match cause {
            SafeModeCause::Manual => self.manual = true,
            SafeModeCause::LowResources => self.low_resources = true,
        }
    }

    /// Leaves every kind; refused while bytes of the future would be deleted, unless forced.
    pub(crate) fn leave(&mut self, force: bool) -> bool {
        if self.future_bytes > 0 && !force {
            return false;
        }
        if force {
            self.future_bytes = 0;
        }
        self.phase = Phase::Off;
        self.manual = false;
        self.low_resources = false;
        true
    }

    /// There is room on the disk again.
    pub(crate) fn resources_are_back(&mut self) {
        self.low_resources = false;
    }

    /// A complete block got as many replicas as are needed to be safe.
    pub(crate) fn replica_added(&mut self, live: u16) {
        if self.phase != Phase::Off && live == self.settings.safe_replication {
            self.safe += 1;
        }
    }

    /// A complete block lost a replica, and has so many left.
    pub(crate) fn replica_removed(&mut self, live: u16) {
        if self.phase != Phase::Off && live + 1 == self.settings.safe_replication {
            self.safe = self.safe.saturating_sub(1);
        }
    }

    /// A complete block was removed by its file's deletion, with so many good replicas.
    pub(crate) fn block_removed(&mut self, live: u16) {
        if self.phase != Phase::Off {
            self.total = self.total.saturating_sub(1);
            if live >= self.settings.safe_replication {
                self.safe = self.safe.saturating_sub(1);
            }
        }
    }

    /// A replica was reported whose stamp this NameNode has not given out yet.
    pub(crate) fn future_replica(&mut self, bytes: u64) {
        if self.phase != Phase::Off {
            self.future_bytes = self.future_bytes.saturating_add(bytes);
        }
    }

    /// On for any reason.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_startup() || self.manual || self.low_resources
    }

    /// On since the start, waiting for blocks.
    #[must_use]
    pub fn is_startup(&self) -> bool {
        self.phase != Phase::Off
    }

    /// On by an operator's word.
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        self.manual
    }

    /// On for want of disk space.
    #[must_use]
    pub const fn is_low_on_resources(&self) -> bool {
        self.low_resources
    }

    /// Whether queues may be filled though safe mode is on.
    pub(crate) fn may_fill_queues(&self) -> bool {
        self.safe >= Self::share(self.total, self.settings.queue_threshold)
    }

    /// Complete blocks with enough replicas.
    #[must_use]
    pub const fn safe_blocks(&self) -> u64 {
        self.safe
    }

    /// Complete blocks.
    #[must_use]
    pub const fn total_blocks(&self) -> u64 {
        self.total
    }

    /// Bytes that leaving by force would delete.
    #[must_use]
    pub const fn future_bytes(&self) -> u64 {
        self.future_bytes
    }

    /// When the start-up began.
    #[must_use]
    pub const fn started(&self) -> Milliseconds {
        self.started
    }

    /// The second sentence of "Safe mode is ON": what is missing, and what to do. Byte for byte
    /// as `FSNamesystem.getSafeModeTip` says it.
    #[must_use]
    pub fn tip(&self, now: Milliseconds, live: usize) -> String {
        const COMMAND: &str = "Use \"hdfs dfsadmin -safemode leave\" to turn safe mode off.";
        if self.low_resources {
            return "Resources are low on NN. Please add or free up more resources. NOTE:  If you turn off safe mode before adding resources, the NN will immediately return to safe mode. ".to_owned();
        }
        if self.manual {
            return "It was turned on manually. ".to_owned() + COMMAND;
        }
        self.startup_tip(now, live)
    }

    fn startup_tip(&self, now: Milliseconds, live: usize) -> String {
        let (safe, total, needed) = (self.safe, self.total, self.threshold());
        let share = self.settings.threshold;
        let blocks_met = safe >= needed;
        let mut text = if blocks_met {
            format!(
                "The reported blocks {safe} has reached the threshold {share:.4} of total blocks {total}. "
            )
        } else {
            let missing = needed - safe;
            format!(
                "The reported blocks {safe} needs additional {missing} blocks to reach the threshold {share:.4} of total blocks {total}.\n"
            )
        };
        let wanted = self.settings.min_datanodes;
        if wanted == 0 {
            text += "The minimum number of live datanodes is not required. ";
        } else if !blocks_met {
            text += "The number of live datanodes is not calculated since reported blocks hasn't reached the threshold. ";
        } else if live < wanted {
            let missing = wanted - live;
            text += &format!(
                "The number of live datanodes {live} needs an additional {missing} live datanodes to reach the minimum number {wanted}.\n"
            );
        } else {
            text += &format!(
                "The number of live datanodes {live} has reached the minimum number {wanted}. "
            );
        }
        if self.future_bytes > 0 {
            let bytes = self.future_bytes;
            return text
                + &format!(
                    "Name node detected blocks with generation stamps in future. This means that Name node metadata is inconsistent. This can happen if Name node metadata files have been manually replaced. Exiting safe mode will cause loss of {bytes} byte(s). Please restart name node with right metadata or use \"hdfs dfsadmin -safemode forceExit\" if you are certain that the NameNode was started with the correct FsImage and edit logs. If you encountered this during a rollback, it is safe to exit with -safemode forceExit."
                );
        }
        match self.phase {
            Phase::Waiting => {
                text + "Safe mode will be turned off automatically once the thresholds have been reached."
            }
            Phase::Extension { since } => {
                let left = self.settings.extension.0.saturating_sub(now.since(since).0) / 1000;
                text + &format!(
                    "In safe mode extension. Safe mode will be turned off automatically in {left} seconds."
                )
            }
            Phase::Off => text + "Safe mode will be turned off automatically soon.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Milliseconds = Milliseconds(1_000);

    fn waiting(total: u64, min_datanodes: usize) -> SafeMode {
        let mut mode =
            SafeMode::new(SafeModeSettings { min_datanodes, ..SafeModeSettings::default() });
        mode.start(T0, total, 0);
        mode
    }

    #[test]
    fn an_empty_namespace_needs_no_safe_mode() {
        assert!(!waiting(0, 0).is_on());
        let mut mode = waiting(0, 1);
        assert!(mode.is_on());
        assert!(mode.advance(T0, 1), "no blocks: no extension");
    }

    #[test]
    fn blocks_then_extension_then_off() {
        let mut mode = waiting(10, 0);
        assert_eq!(
            mode.tip(T0, 0),
            "The reported blocks 0 needs additional 9 blocks to reach the threshold 0.9990 of total blocks 10.\nThe minimum number of live datanodes is not required. Safe mode will be turned off automatically once the thresholds have been reached."
        );
        for _ in 0..9 {
            mode.replica_added(1);
        }
        mode.replica_added(2);
        assert_eq!(mode.safe_blocks(), 9);
        assert!(!mode.advance(T0, 1));
        let later = Milliseconds(T0.0 + 10_500);
        assert_eq!(
            mode.tip(later, 1),
            "The reported blocks 9 has reached the threshold 0.9990 of total blocks 10. The minimum number of live datanodes is not required. In safe mode extension. Safe mode will be turned off automatically in 19 seconds."
        );
        assert!(!mode.advance(Milliseconds(T0.0 + 29_999), 1));
        assert!(mode.advance(Milliseconds(T0.0 + 30_000), 1));
        assert!(!mode.is_on());
    }

    #[test]
    fn live_nodes_count_too() {
        let mut mode = waiting(1, 2);
        mode.replica_added(1);
        assert_eq!(
            mode.tip(T0, 1),
            "The reported blocks 1 has reached the threshold 0.9990 of total blocks 1. The number of live datanodes 1 needs an additional 1 live datanodes to reach the minimum number 2.\nSafe mode will be turned off automatically once the thresholds have been reached."
        );
        assert!(!mode.advance(T0, 1));
        assert!(mode.is_startup());
    }

    #[test]
    fn bytes_of_the_future_hold_it_until_forced() {
        let mut mode = waiting(2, 0);
        mode.future_replica(7);
        mode.replica_added(1);
        assert!(!mode.advance(T0, 1));
        assert!(!mode.advance(Milliseconds(T0.0 + 60_000), 1));
        assert!(!mode.leave(false));
        assert!(mode.leave(true));
        assert!(!mode.is_on());
    }

    #[test]
    fn manual_stays_until_left() {
        let mut mode = waiting(0, 0);
        mode.enter(SafeModeCause::Manual);
        assert!(!mode.advance(Milliseconds(1 << 40), 9));
        assert_eq!(
            mode.tip(T0, 0),
            "It was turned on manually. Use \"hdfs dfsadmin -safemode leave\" to turn safe mode off."
        );
        assert!(mode.is_on() && mode.leave(false) && !mode.is_on());
    }
}
