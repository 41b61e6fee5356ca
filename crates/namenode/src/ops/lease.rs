//! Leases: renewal, recovery by a client, and by the NameNode itself.

use loxodon_namespace::NAMENODE_LEASE_HOLDER;
use loxodon_namespace::context::Plan;
use loxodon_namespace::error::FsError;
use loxodon_namespace::plan::{LeaseRelease, Opened};
use loxodon_wire::ids::InodeId;
use loxodon_wire::proto::hdfs::{
    RecoverLeaseRequestProto, RecoverLeaseResponseProto, RenewLeaseRequestProto,
    RenewLeaseResponseProto,
};

use crate::error::{NameNodeError, Result};
use crate::machine::{NameNode, States, to_blocks};
use crate::request::Request;

/// Files whose lease one round of the lease monitor takes back at most, so that the lock is held
/// for a short while only.
const FILES_PER_ROUND: usize = 100;

/// `renewLease`.
pub(crate) fn renew_lease(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: RenewLeaseRequestProto,
) -> Result<RenewLeaseResponseProto> {
    machine
        .check_safe_mode(request.now, || format!("Cannot renew lease for {}", asked.client_name))?;
    machine.namespace.renew_lease(&asked.client_name, request.now.monotonic);
    Ok(RenewLeaseResponseProto {})
}

/// `recoverLease`: true where the file is closed, false where its recovery goes on.
pub(crate) fn recover_lease(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: RecoverLeaseRequestProto,
) -> Result<RecoverLeaseResponseProto> {
    machine
        .check_safe_mode(request.now, || format!("Cannot recover the lease of {}", asked.src))?;
    let plan = machine.namespace.plan_recover_lease(
        &request.op(),
        &asked.src,
        &asked.client_name,
        &States::new(&machine.blocks, request.now),
    );
    // Hadoop has no audit line for it.
    let release = machine.commit(request, plan)?;
    Ok(RecoverLeaseResponseProto { result: machine.follow(request, &release)? })
}

impl NameNode {
    /// Starts what taking a file from its writer needs; true where it is closed already.
    pub(crate) fn follow(&mut self, request: &Request<'_>, release: &LeaseRelease) -> Result<bool> {
        match release {
            LeaseRelease::Closed => Ok(true),
            LeaseRelease::Recovering { recovery: None, .. } => Ok(false),
            LeaseRelease::Recovering { block, recovery: Some(stamp), truncate, .. } => {
                let target = truncate.map(to_blocks);
                self.blocks.begin_recovery(request.now.monotonic, block.id, *stamp, target)?;
                Ok(false)
            }
        }
    }

    /// Does what was planned for a file that is opened; where its last writer must be got rid of
    /// first, that begins, and the call is refused.
    pub(crate) fn commit_opening<T>(
        &mut self,
        request: &mut Request<'_>,
        plan: std::result::Result<Plan<Opened<T>>, FsError>,
    ) -> Result<T> {
        match self.commit(request, plan)? {
            Opened::Done(value) => Ok(value),
            Opened::Refused { release, error } => {
                self.follow(request, &release)?;
                Err(error.into())
            }
        }
    }

    /// Takes back the leases of writers that were not heard for too long
    /// (`LeaseManager.checkLeases`). True where more are waiting.
    ///
    /// # Errors
    /// An edit that could not be applied.
    pub fn check_leases(&mut self, request: &mut Request<'_>) -> Result<bool> {
        if self.blocks.safe_mode().is_on() {
            return Ok(false);
        }
        let expired = self.namespace.expired_leases(request.now.monotonic);
        let files = expired.iter().flat_map(|(_, files)| files.iter().copied());
        let files: Vec<InodeId> = files.take(FILES_PER_ROUND).collect();
        let mut released = 0;
        for file in &files {
            released += usize::from(self.release_expired(request, *file)?);
        }
        Ok(released == FILES_PER_ROUND)
    }

    fn release_expired(&mut self, request: &mut Request<'_>, file: InodeId) -> Result<bool> {
        let holder = format!("{NAMENODE_LEASE_HOLDER}-{}", request.now.wall);
        let states = States::new(&self.blocks, request.now);
        let plan = self.namespace.plan_release_expired(request.now.wall, file, &holder, &states);
        // A file that cannot be released now (its last block is committed and not replicated)
        // is tried again in the next round.
        let Ok(Some(plan)) = plan else { return Ok(false) };
        let release = match self.commit(request, Ok(plan)) {
            // Its path has become too long for the log: it does not keep the others from being released.
            Err(NameNodeError::Unwritable(_)) => return Ok(false),
            release => release?,
        };
        self.follow(request, &release)?;
        Ok(true)
    }
}
