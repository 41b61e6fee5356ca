//! What the edit log and image say about features that are kept but not served: caching, erasure
//! coding policies, delegation tokens. Nothing of it is lost on the way through.

use std::collections::BTreeMap;

use loxodon_wire::ids::Milliseconds;

use crate::edit::{
    CacheDirective, CachePool, DelegationKey, DelegationToken, Edit, ErasureCodingPolicy,
};
use crate::error::ApplyError;

/// Whether an erasure coding policy may be used (`ErasureCodingPolicyState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyState {
    /// Added, not to be used for new files.
    Disabled,
    /// May be used.
    Enabled,
    /// Removed; files that have it keep it.
    Removed,
}

/// Everything that is carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Cache pools by name.
    pub cache_pools: BTreeMap<String, CachePool>,
    /// Cache directives by number.
    pub cache_directives: BTreeMap<i64, CacheDirective>,
    /// The last directive number given out.
    pub next_directive_id: i64,
    /// Policies that were added, by name as Hadoop composes it (`RS-6-3-1024k`).
    pub added_policies: BTreeMap<String, ErasureCodingPolicy>,
    /// States that differ from a built-in policy's own.
    pub policy_states: BTreeMap<String, PolicyState>,
    /// Tokens by sequence number, each with its expiry time.
    pub tokens: BTreeMap<i32, (DelegationToken, i64)>,
    /// Keys by number.
    pub keys: BTreeMap<i32, DelegationKey>,
    /// When a rolling upgrade began, if one is running.
    pub rolling_upgrade: Option<Milliseconds>,
    /// Image sections kept as they were read: name and bytes.
    pub sections: Vec<(String, bytes::Bytes)>,
}

/// As `ErasureCodingPolicy.composePolicyName` puts it.
fn policy_name(policy: &ErasureCodingPolicy) -> String {
    format!(
        "{}-{}-{}-{}k",
        policy.codec.to_uppercase(),
        policy.data_units,
        policy.parity_units,
        policy.cell_size / 1024
    )
}

impl Carried {
    /// Takes in an operation that only carries data. False if it is none of those.
    pub(crate) fn apply(&mut self, edit: &Edit) -> Result<bool, ApplyError> {
        match edit {
            Edit::AddCachePool { pool, .. } => {
                self.cache_pools.insert(pool.name.clone(), (**pool).clone());
            }
            Edit::ModifyCachePool { pool, .. } => self.modify_pool(pool)?,
            Edit::RemoveCachePool { name, .. } => {
                if self.cache_pools.remove(name).is_none() {
                    return Err(ApplyError::new("OP_REMOVE_CACHE_POOL", name, "no such pool"));
                }
                self.cache_directives.retain(|_, d| d.pool.as_deref() != Some(name));
            }
            Edit::AddCacheDirective { directive, .. } => {
                self.next_directive_id = self.next_directive_id.max(directive.id.saturating_add(1));
                self.cache_directives.insert(directive.id, (**directive).clone());
            }
            Edit::ModifyCacheDirective { directive, .. } => self.modify_directive(directive)?,
            Edit::RemoveCacheDirective { id, .. } => {
                if self.cache_directives.remove(id).is_none() {
                    let name = id.to_string();
                    let kind = "OP_REMOVE_CACHE_DIRECTIVE";
                    return Err(ApplyError::new(kind, &name, "no such directive"));
                }
            }
            Edit::AddErasureCodingPolicy { policy, .. } => {
                self.added_policies.insert(policy_name(policy), (**policy).clone());
            }
            Edit::EnableErasureCodingPolicy { name, .. } => {
                self.policy_states.insert(name.clone(), PolicyState::Enabled);
            }
            Edit::DisableErasureCodingPolicy { name, .. } => {
                self.policy_states.insert(name.clone(), PolicyState::Disabled);
            }
            Edit::RemoveErasureCodingPolicy { name, .. } => {
                self.policy_states.insert(name.clone(), PolicyState::Removed);
            }
            Edit::GetDelegationToken { token, expiry_time }
            | Edit::RenewDelegationToken { token, expiry_time } => {
                self.tokens.insert(token.sequence_number, ((**token).clone(), *expiry_time));
            }
            Edit::CancelDelegationToken { token } => {
                self.tokens.remove(&token.sequence_number);
            }
            Edit::UpdateMasterKey { key } => {
                self.keys.insert(key.id, (**key).clone());
            }
            Edit::RollingUpgradeStart { time } => self.rolling_upgrade = Some(*time),
            Edit::RollingUpgradeFinalize { .. } => self.rolling_upgrade = None,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn modify_pool(&mut self, change: &CachePool) -> Result<(), ApplyError> {
        let Some(pool) = self.cache_pools.get_mut(&change.name) else {
            return Err(ApplyError::new("OP_MODIFY_CACHE_POOL", &change.name, "no such pool"));
        };
        let new = change.clone();
        pool.owner = new.owner.or(pool.owner.take());
        pool.group = new.group.or(pool.group.take());
        pool.mode = new.mode.or(pool.mode);
        pool.limit = new.limit.or(pool.limit);
        pool.max_relative_expiry = new.max_relative_expiry.or(pool.max_relative_expiry);
        pool.default_replication = new.default_replication.or(pool.default_replication);
        Ok(())
    }

    fn modify_directive(&mut self, change: &CacheDirective) -> Result<(), ApplyError> {
        let Some(directive) = self.cache_directives.get_mut(&change.id) else {
            let kind = "OP_MODIFY_CACHE_DIRECTIVE";
            return Err(ApplyError::new(kind, &change.id.to_string(), "no such directive"));
        };
        let new = change.clone();
        directive.path = new.path.or(directive.path.take());
        directive.replication = new.replication.or(directive.replication);
        directive.pool = new.pool.or(directive.pool.take());
        directive.expiration = new.expiration.or(directive.expiration);
        Ok(())
    }
}
