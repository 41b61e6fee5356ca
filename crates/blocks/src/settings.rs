//! The knobs of block management, one field per configuration key, with Hadoop's defaults.

use loxodon_cluster::LivenessSettings;
use loxodon_wire::ids::Milliseconds;

use crate::SafeModeSettings;

/// Limits, intervals and choices of the block manager.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Safe mode's thresholds.
    pub safe_mode: SafeModeSettings,
    /// Heartbeats, staleness, death.
    pub liveness: LivenessSettings,
    /// `dfs.replication`: enough for a node that is to be decommissioned, whatever a file wants.
    pub default_replication: u16,
    /// `dfs.namenode.replication.min`: replicas that make a committed block complete.
    pub min_replication: u16,
    /// `dfs.namenode.maintenance.replication.min`.
    pub maintenance_min_replication: u16,
    /// `dfs.namenode.replication.max-streams`: transfers a node does at once, but for the most urgent.
    pub max_streams: u32,
    /// `dfs.namenode.replication.max-streams-hard-limit`: transfers a node does at once in any case.
    pub max_streams_hard: u32,
    /// `dfs.namenode.replication.work.multiplier.per.iteration`.
    pub work_multiplier: u32,
    /// `dfs.namenode.reconstruction.pending.timeout-sec`.
    pub pending_timeout: Milliseconds,
    /// `dfs.block.invalidate.limit`, never less than twenty per second of heartbeat.
    pub invalidate_limit: usize,
    /// `dfs.namenode.invalidate.work.pct.per.iteration`.
    pub invalidate_work_share: f32,
    /// `dfs.namenode.startup.delay.block.deletion.sec`.
    pub deletion_delay: Milliseconds,
    /// `dfs.namenode.redundancy.considerLoad`.
    pub consider_load: bool,
    /// `dfs.namenode.redundancy.considerLoad.factor`.
    pub load_factor: f64,
    /// `dfs.namenode.avoid.read.stale.datanode`.
    pub avoid_stale_for_read: bool,
    /// `dfs.namenode.avoid.write.stale.datanode`.
    pub avoid_stale_for_write: bool,
    /// `dfs.namenode.write.stale.datanode.ratio`: with more stale than this, stale nodes are used again.
    pub stale_write_ratio: f32,
    /// `dfs.namenode.block-placement-policy.default.prefer-local-node`.
    pub prefer_local_node: bool,
    /// Which placement policy rules (`dfs.block.replicator.classname`).
    pub placement: PlacementKind,
    /// `dfs.namenode.max.full.block.report.leases`.
    pub max_report_leases: usize,
    /// `dfs.namenode.full.block.report.lease.length.ms`.
    pub report_lease: Milliseconds,
    /// `dfs.namenode.decommission.blocks.per.interval`.
    pub decommission_blocks_per_round: usize,
    /// `dfs.namenode.decommission.max.concurrent.tracked.nodes`; 0 is no limit.
    pub decommission_tracked_nodes: usize,
    /// Least span between two recoveries of a block: thirty heartbeats.
    pub recovery_interval: Milliseconds,
}

/// The placement policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlacementKind {
    /// `BlockPlacementPolicyDefault`: writer, another rack, that rack again.
    #[default]
    Default,
    /// `BlockPlacementPolicyRackFaultTolerant`: as many racks as possible.
    RackFaultTolerant,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            safe_mode: SafeModeSettings::default(),
            liveness: LivenessSettings::default(),
            default_replication: 3,
            min_replication: 1,
            maintenance_min_replication: 1,
            max_streams: 2,
            max_streams_hard: 4,
            work_multiplier: 2,
            pending_timeout: Milliseconds(300_000),
            invalidate_limit: 1_000,
            invalidate_work_share: 0.32,
            deletion_delay: Milliseconds(0),
            consider_load: true,
            load_factor: 2.0,
            avoid_stale_for_read: false,
            avoid_stale_for_write: false,
            stale_write_ratio: 0.5,
            prefer_local_node: true,
            placement: PlacementKind::Default,
            max_report_leases: 6,
            report_lease: Milliseconds(300_000),
            decommission_blocks_per_round: 500_000,
            decommission_tracked_nodes: 100,
            recovery_interval: Milliseconds(90_000),
        }
    }
}
