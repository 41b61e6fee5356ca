//! One call as the machine sees it: who asks, when, and what the call wants done afterwards.

use std::net::IpAddr;
use std::sync::Arc;

use loxodon_namespace::context::{Caller, OpContext};
use loxodon_namespace::edit::{Edit, RpcIds};
use loxodon_wire::ids::{BlockId, InodeId, Milliseconds};
use loxodon_wire::rpc::{CallerContext, exception};

use crate::audit::AuditEvent;
use crate::error::{NameNodeError, Result};
use crate::tree_walk::TreeWalk;

/// The two clocks of a NameNode, read by the shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since the epoch: what file times show.
    pub wall: Milliseconds,
    /// Milliseconds of a clock that never goes back: what time-outs are measured with.
    pub monotonic: Milliseconds,
}

/// Who calls, with groups already looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name, groups and whether this is a superuser.
    pub caller: Caller,
    /// Who really called, for a proxy user.
    pub real_user: Option<String>,
}

/// One call in work: what it came with, and what it leaves for the shell to do.
#[derive(Debug)]
pub struct Request<'a> {
    /// When.
    pub now: Now,
    /// Who.
    pub identity: &'a Identity,
    /// Where the call came from; none for the NameNode itself.
    pub address: Option<IpAddr>,
    /// The port it came from.
    pub port: Option<u16>,
    /// Whether it came as a call; a web page did not.
    pub over_rpc: bool,
    /// What the client says about itself.
    pub context: Option<&'a CallerContext>,
    /// The RPC client and the number of its call, for the retry cache.
    pub rpc: RpcIds,
    /// Whether the call may be answered later, when a block has been reported; false at its
    /// last try.
    pub may_wait: bool,
    /// Whether anybody reads the audit log: its lines are not made otherwise.
    pub audited: bool,
    /// What the shell does after the lock is given back.
    pub effects: Effects,
}

/// What a call leaves behind for the shell.
#[derive(Debug, Default)]
pub struct Effects {
    /// Edits that were applied, in order; to be appended to the journal before the lock is
    /// given back. The answer leaves when they are on disk.
    pub edits: Vec<Edit>,
    /// The answer leaves only when everything that was applied before it is on disk: it says
    /// that something is so, or orders what cannot be taken back, because of it.
    pub after_all: bool,
    /// The call is run again when this block is complete.
    pub hold_for: Option<BlockId>,
    /// Blocks that became complete: calls held for them may go on.
    pub completed: Vec<BlockId>,
    /// Lines for the audit log.
    pub audit: Vec<AuditEvent>,
    /// A report to write into the log directory: file name and text (`metaSave`).
    pub report: Option<(String, String)>,
    /// Entries of a listing, for metrics.
    pub listed: usize,
    /// Inodes that were removed, for metrics.
    pub removed: u64,
    /// A file was read whose access time is out of date: [`touch`](crate::NameNode::touch) it.
    pub touched: Option<InodeId>,
    /// The tree is large: this is done without the lock first, and then
    /// [finished](crate::NameNode::finish_tree_walk). The call's result is not its answer.
    pub tree_walk: Option<TreeWalk>,
    /// Removed inodes wait to be given back in slices.
    pub reclaim: bool,
}

impl<'a> Request<'a> {
    /// A call of `identity`.
    #[must_use]
    pub fn new(now: Now, identity: &'a Identity, rpc: RpcIds) -> Self {
        Self {
            now,
            identity,
            address: None,
            port: None,
            over_rpc: true,
            context: None,
            rpc,
            may_wait: false,
            audited: true,
            effects: Effects::default(),
        }
    }

    /// What the namespace needs to know of the call.
    #[must_use]
    pub fn op(&self) -> OpContext<'a> {
        OpContext {
            caller: &self.identity.caller,
            now: self.now.wall,
            monotonic: self.now.monotonic,
            rpc: self.rpc,
        }
    }

    /// The user's name.
    #[must_use]
    pub fn user(&self) -> &'a str {
        &self.identity.caller.user
    }

    /// The caller's address as Hadoop logs and stores it; empty for the NameNode itself.
    #[must_use]
    pub fn machine(&self) -> Arc<str> {
        self.address.map_or_else(|| Arc::from(""), |address| Arc::from(address.to_string()))
    }

    /// A line for the audit log, if there is to be one: what was allowed, and what permissions
    /// forbade.
    pub(crate) fn note<T>(
        &mut self,
        command: &'static str,
        source: &str,
        result: &Result<T>,
    ) -> Option<&mut AuditEvent> {
        let is_denied = |error: &NameNodeError| error.java_class() == exception::ACCESS_CONTROL;
        let allowed = match result {
            Ok(_) => true,
            Err(error) if is_denied(error) => false,
            Err(_) => return None,
        };
        if !self.audited {
            return None;
        }
        self.effects.audit.push(AuditEvent::of(allowed, command, source));
        self.effects.audit.last_mut()
    }

    /// Refuses whoever is not a superuser (`FSPermissionChecker.checkSuperuserPrivilege`).
    ///
    /// # Errors
    /// `AccessControlException`, with an audit line of its own.
    pub fn require_superuser(&mut self, operation: &'static str) -> Result<()> {
        if self.identity.caller.superuser {
            return Ok(());
        }
        self.effects.audit.push(AuditEvent::plain(false, operation));
        Err(NameNodeError::SuperuserRequired { user: self.user().to_owned(), operation })
    }

    /// The same, for an operation on a path, which its audit line then has.
    ///
    /// # Errors
    /// `AccessControlException`, with an audit line of its own.
    pub(crate) fn require_superuser_for(
        &mut self,
        operation: &'static str,
        path: &str,
    ) -> Result<()> {
        let result = self.require_superuser(operation);
        if result.is_err()
            && let Some(event) = self.effects.audit.last_mut()
        {
            event.source = Some(path.to_owned());
        }
        result
    }
}
