//! The numbers that a check ends with, in the words of `NamenodeFsck.ReplicationResult`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use loxodon_blocks::ReplicaCounts;

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) size: u64,
    pub(super) files: u64,
    pub(super) blocks: u64,
    pub(super) open_size: u64,
    pub(super) open_files: u64,
    pub(super) open_blocks: u64,
    pub(super) replicas: u64,
    pub(super) expected: u64,
    pub(super) excessive_blocks: u64,
    pub(super) minimal: u64,
    pub(super) below_minimum: u64,
    pub(super) under_blocks: u64,
    pub(super) misplaced_blocks: u64,
    pub(super) missing_replicas: u64,
    pub(super) missing: BTreeSet<i64>,
    pub(super) missing_size: u64,
    pub(super) corrupt_files: u64,
    pub(super) corrupt_blocks: u64,
    pub(super) corrupt_size: u64,
    pub(super) decommissioned: u64,
    pub(super) decommissioning: u64,
    pub(super) entering_maintenance: u64,
    pub(super) in_maintenance: u64,
    /// Blocks that `-replicate` had looked at again.
    pub(super) queued: u64,
}

impl Totals {
    /// Replicas that do not simply count.
    pub(super) fn add(&mut self, counts: &ReplicaCounts) {
        self.decommissioned += u64::from(counts.decommissioned);
        self.decommissioning += u64::from(counts.decommissioning);
        self.entering_maintenance += u64::from(counts.entering_maintenance);
        self.in_maintenance += u64::from(counts.in_maintenance);
    }

    /// Everything, as text.
    pub(super) fn write(&self, text: &mut String, default_replication: u16, minimum: u16) {
        let _ = write!(text, " Total size:\t{} B", self.size);
        if self.open_size != 0 {
            let _ = write!(text, " (Total open files size: {} B)", self.open_size);
        }
        let _ = write!(text, "\n Total files:\t{}", self.files);
        if self.open_files != 0 {
            let _ = write!(text, " (Files currently being written: {})", self.open_files);
        }
        let _ = write!(text, "\n Total blocks (validated):\t{}", self.blocks);
        if let Some(average) = self.size.checked_div(self.blocks) {
            let _ = write!(text, " (avg. block size {average} B)");
        }
        if self.open_blocks != 0 {
            let _ = write!(text, " (Total open file blocks (not validated): {})", self.open_blocks);
        }
        self.write_damage(text, minimum);
        let of_blocks = |count: u64| share(count, self.blocks);
        let _ = write!(
            text,
            "\n Minimally replicated blocks:\t{}{}\n Over-replicated blocks:\t{}{}\n \
             Under-replicated blocks:\t{}{}\n Mis-replicated blocks:\t\t{}{}",
            self.minimal,
            of_blocks(self.minimal),
            self.excessive_blocks,
            of_blocks(self.excessive_blocks),
            self.under_blocks,
            of_blocks(self.under_blocks),
            self.misplaced_blocks,
            of_blocks(self.misplaced_blocks),
        );
        let average = match self.blocks {
            0 => 0.0,
            blocks => self.replicas as f32 / blocks as f32,
        };
        let _ = write!(
            text,
            "\n Default replication factor:\t{default_replication}\n Average block replication:\t\
             {average:?}\n Missing blocks:\t\t{}\n Corrupt blocks:\t\t{}\n Missing replicas:\t\t{}",
            self.missing.len(),
            self.corrupt_blocks,
            self.missing_replicas,
        );
        if self.replicas > 0 {
            text.push_str(&share(self.missing_replicas, self.expected));
        }
        for (label, count) in [
            ("DecommissionedReplicas", self.decommissioned),
            ("DecommissioningReplicas", self.decommissioning),
            ("EnteringMaintenanceReplicas", self.entering_maintenance),
            ("InMaintenanceReplicas", self.in_maintenance),
        ] {
            if count > 0 {
                let _ = write!(text, "\n {label}:\t{count}");
            }
        }
        let _ = writeln!(text, "\n Blocks queued for replication:\t{}", self.queued);
    }

    fn write_damage(&self, text: &mut String, minimum: u16) {
        if self.corrupt_files == 0 && self.below_minimum == 0 {
            return;
        }
        text.push_str("\n  ********************************");
        if self.below_minimum > 0 {
            let _ = write!(
                text,
                "\n  UNDER MIN REPL'D BLOCKS:\t{}{}\n  MINIMAL BLOCK REPLICATION:\t{minimum}",
                self.below_minimum,
                share(self.below_minimum, self.blocks),
            );
        }
        if self.corrupt_files > 0 {
            let _ = write!(text, "\n  CORRUPT FILES:\t{}", self.corrupt_files);
            if self.missing_size > 0 {
                let _ = write!(
                    text,
                    "\n  MISSING BLOCKS:\t{}\n  MISSING SIZE:\t\t{} B",
                    self.missing.len(),
                    self.missing_size
                );
            }
            if self.corrupt_blocks > 0 {
                let _ = write!(
                    text,
                    "\n  CORRUPT BLOCKS: \t{}\n  CORRUPT SIZE:\t\t{} B",
                    self.corrupt_blocks, self.corrupt_size
                );
            }
        }
        text.push_str("\n  ********************************");
    }
}

/// A count's share in percent, as Java prints a float.
fn share(count: u64, of: u64) -> String {
    match of {
        0 => String::new(),
        _ => format!(" ({:?} %)", (count * 100) as f32 / of as f32),
    }
}

/// The second part of the summary: there are no erasure-coded files.
pub(super) const BLOCK_GROUPS: &str = "
Erasure Coded Block Groups:
 Total size:\t0 B
 Total files:\t0
 Total block groups (validated):\t0
 Minimally erasure-coded block groups:\t0
 Over-erasure-coded block groups:\t0
 Under-erasure-coded block groups:\t0
 Unsatisfactory placement block groups:\t0
 Average block group size:\t0.0
 Missing block groups:\t\t0
 Corrupt block groups:\t\t0
 Missing internal blocks:\t0
 Blocks queued for replication:\t0
";
