//! Calls of administrators that need no disk: safe mode, bandwidth, reports, upgrade state.

use loxodon_blocks::SafeModeCause;
use loxodon_wire::ids::Milliseconds;
use loxodon_wire::proto::common::{
    GenericRefreshRequestProto, GenericRefreshResponseCollectionProto,
    GetServiceStatusRequestProto, GetServiceStatusResponseProto, HaRequestSource,
    HaStateChangeRequestInfoProto, MonitorHealthRequestProto, MonitorHealthResponseProto,
    TransitionToActiveRequestProto, TransitionToActiveResponseProto,
    TransitionToObserverRequestProto, TransitionToObserverResponseProto,
    TransitionToStandbyRequestProto, TransitionToStandbyResponseProto,
};
use loxodon_wire::proto::hdfs::{
    FinalizeUpgradeRequestProto, FinalizeUpgradeResponseProto, MetaSaveRequestProto,
    MetaSaveResponseProto, SafeModeActionProto, SetBalancerBandwidthRequestProto,
    SetBalancerBandwidthResponseProto, SetSafeModeRequestProto, SetSafeModeResponseProto,
};
use loxodon_wire::rpc::exception;

use crate::audit::AuditEvent;
use crate::error::{NameNodeError, Result, class};
use crate::machine::NameNode;
use crate::request::{Now, Request};

/// `setSafeMode`: answers whether safe mode is on afterwards.
pub(crate) fn set_safe_mode(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetSafeModeRequestProto,
) -> Result<SetSafeModeResponseProto> {
    let action = SafeModeActionProto::try_from(asked.action)
        .map_err(|_| NameNodeError::IllegalArgument(format!("no action {}", asked.action)))?;
    let operation = match action {
        SafeModeActionProto::SafemodeGet => "safemode_get",
        SafeModeActionProto::SafemodeEnter => "safemode_enter",
        SafeModeActionProto::SafemodeLeave => "safemode_leave",
        SafeModeActionProto::SafemodeForceExit => "safemode_force_exit",
    };
    if action != SafeModeActionProto::SafemodeGet {
        request.require_superuser(operation)?;
    }
    request.effects.audit.push(AuditEvent::plain(true, operation));
    match action {
        SafeModeActionProto::SafemodeGet => {}
        SafeModeActionProto::SafemodeEnter => {
            machine.blocks.enter_safe_mode(SafeModeCause::Manual);
        }
        SafeModeActionProto::SafemodeLeave => {
            machine.blocks.leave_safe_mode(false);
        }
        SafeModeActionProto::SafemodeForceExit => {
            machine.blocks.leave_safe_mode(true);
        }
    }
    machine.take_events(request);
    Ok(SetSafeModeResponseProto { result: machine.blocks.safe_mode().is_on() })
}

/// `setBalancerBandwidth`: told to every DataNode in its next heartbeat.
pub(crate) fn set_balancer_bandwidth(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: SetBalancerBandwidthRequestProto,
) -> Result<SetBalancerBandwidthResponseProto> {
    request.require_superuser("setBalancerBandwidth")?;
    let bandwidth = u64::try_from(asked.bandwidth).map_err(|_| {
        NameNodeError::IllegalArgument(
            "Balancer bandwidth is negative, it must be positive or zero.".to_owned(),
        )
    })?;
    machine.blocks.set_balancer_bandwidth(bandwidth);
    request.effects.audit.push(AuditEvent::plain(true, "setBalancerBandwidth"));
    Ok(SetBalancerBandwidthResponseProto {})
}

/// `metaSave`: the shell writes the text into the log directory.
pub(crate) fn meta_save(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: MetaSaveRequestProto,
) -> Result<MetaSaveResponseProto> {
    request.require_superuser("metaSave")?;
    let plain = !asked.filename.is_empty()
        && !asked.filename.contains(['/', '\\'])
        && asked.filename != "."
        && asked.filename != "..";
    if !plain {
        return Err(NameNodeError::Io(format!(
            "{} is not the name of a file in the log directory",
            asked.filename
        )));
    }
    let inodes = machine.namespace.totals().inodes();
    let now = request.now;
    let wall =
        |at: Milliseconds| Milliseconds(now.wall.0.saturating_sub(now.monotonic.since(at).0));
    let text = format!(
        "{} files and directories, {} blocks = {} total filesystem objects\n{}",
        inodes,
        machine.blocks.block_count(),
        inodes.saturating_add(machine.blocks.block_count() as u64),
        machine.blocks.meta_save(&|inode| machine.namespace.path_of(inode), &wall),
    );
    request.effects.report = Some((asked.filename, text));
    request.effects.audit.push(AuditEvent::plain(true, "metaSave"));
    Ok(MetaSaveResponseProto {})
}

/// `finalizeUpgrade`: nothing is left to finalize.
pub(crate) fn finalize_upgrade(
    _: &NameNode,
    request: &mut Request<'_>,
    _: FinalizeUpgradeRequestProto,
) -> Result<FinalizeUpgradeResponseProto> {
    request.require_superuser("finalizeUpgrade")?;
    request.effects.audit.push(AuditEvent::plain(true, "finalizeUpgrade"));
    Ok(FinalizeUpgradeResponseProto {})
}

/// `HAServiceProtocol.getServiceStatus`.
pub(crate) fn service_status(
    _: &NameNode,
    _: &mut Request<'_>,
    _: GetServiceStatusRequestProto,
) -> Result<GetServiceStatusResponseProto> {
    Err(no_high_availability())
}

/// `HAServiceProtocol.monitorHealth`: nobody's to decide on where there is no second NameNode.
pub(crate) fn monitor_health(
    _: &NameNode,
    request: &mut Request<'_>,
    _: MonitorHealthRequestProto,
) -> Result<MonitorHealthResponseProto> {
    request.require_superuser("monitorHealth")?;
    Ok(MonitorHealthResponseProto {})
}

/// `HAServiceProtocol.transitionToActive`.
pub(crate) fn transition_to_active(
    _: &NameNode,
    request: &mut Request<'_>,
    asked: TransitionToActiveRequestProto,
) -> Result<TransitionToActiveResponseProto> {
    check_state_change(request, &asked.req_info)?;
    request.require_superuser("transitionToActive")?;
    Err(no_high_availability())
}

/// `HAServiceProtocol.transitionToStandby`.
pub(crate) fn transition_to_standby(
    _: &NameNode,
    request: &mut Request<'_>,
    asked: TransitionToStandbyRequestProto,
) -> Result<TransitionToStandbyResponseProto> {
    check_state_change(request, &asked.req_info)?;
    request.require_superuser("transitionToStandby")?;
    Err(no_high_availability())
}

/// `HAServiceProtocol.transitionToObserver`.
pub(crate) fn transition_to_observer(
    _: &NameNode,
    request: &mut Request<'_>,
    asked: TransitionToObserverRequestProto,
) -> Result<TransitionToObserverResponseProto> {
    check_state_change(request, &asked.req_info)?;
    request.require_superuser("transitionToObserver")?;
    Err(no_high_availability())
}

/// A failover controller has nothing to say here (`NameNode.checkHaStateChange`).
fn check_state_change(request: &Request<'_>, info: &HaStateChangeRequestInfoProto) -> Result<()> {
    if info.req_source() != HaRequestSource::RequestByZkfc {
        return Ok(());
    }
    Err(NameNodeError::other(
        exception::ACCESS_CONTROL,
        format!(
            "Request from ZK failover controller at {} denied since automatic HA is not enabled",
            request.machine()
        ),
    ))
}

fn no_high_availability() -> NameNodeError {
    NameNodeError::other(class::SERVICE_FAILED, "HA for namenode is not enabled")
}

/// `GenericRefreshProtocol.refresh`: nothing registers here (`RefreshRegistry.dispatch`).
pub(crate) fn generic_refresh(
    _: &NameNode,
    request: &mut Request<'_>,
    asked: GenericRefreshRequestProto,
) -> Result<GenericRefreshResponseCollectionProto> {
    request.require_superuser("refresh")?;
    Err(NameNodeError::IllegalArgument(format!(
        "Identifier '{}' does not exist in RefreshRegistry. Valid options are: ",
        asked.identifier.unwrap_or_default()
    )))
}

impl NameNode {
    /// What safe mode says about itself.
    #[must_use]
    pub fn safe_mode_tip(&self, now: Now) -> String {
        self.blocks.safe_mode_tip(now.monotonic)
    }

    /// Work that comes round by itself: heartbeats, replication, decommissioning, safe mode.
    /// `budget` bounds the blocks that are looked at. True where more is waiting.
    pub fn tick(&mut self, request: &mut Request<'_>, due: Due, budget: usize) -> bool {
        let now = request.now.monotonic;
        if due.heartbeats {
            self.blocks.check_heartbeats(now);
        }
        if due.redundancy {
            self.blocks.plan_work(now, budget);
        }
        if due.administration {
            self.blocks.check_admin(now);
        }
        self.blocks.check_safe_mode(now);
        self.retries.expire(now);
        let walked = self.walk_policies(budget);
        let done = self.blocks.background(now, budget);
        self.take_events(request);
        !(walked && done)
    }

    /// Enters safe mode because the disk with the edits is nearly full. As in Hadoop, only an
    /// operator ends it.
    pub fn set_low_on_resources(&mut self) {
        self.blocks.enter_safe_mode(SafeModeCause::LowResources);
    }
}

/// Which of the periodic tasks are due.
#[derive(Clone, Copy, Debug, Default)]
pub struct Due {
    /// Every heartbeat recheck.
    pub heartbeats: bool,
    /// Every `dfs.namenode.redundancy.interval.seconds`.
    pub redundancy: bool,
    /// Every `dfs.namenode.decommission.interval`.
    pub administration: bool,
}
