//! Sections about features that are kept but not served: policies, tokens, caches, snapshots.

use super::error::ImageError;
use super::section::{CACHE_MANAGER, ERASURE_CODING, SECRET_MANAGER, SNAPSHOT};
use crate::carried::{Carried, PolicyState};
use crate::edit::{CacheDirective, CachePool, DelegationKey, DelegationToken, ErasureCodingPolicy};
use bytes::Bytes;
use loxodon_wire::proto::hdfs::fsimage::{
    CacheManagerSection, ErasureCodingSection, SecretManagerSection, SnapshotSection,
    secret_manager_section,
};
use loxodon_wire::proto::hdfs::{
    CacheDirectiveInfoExpirationProto, CacheDirectiveInfoProto, CachePoolInfoProto,
    EcSchemaOptionEntryProto, EcSchemaProto, ErasureCodingPolicyProto, ErasureCodingPolicyState,
};
use prost::Message;

type Result<T> = std::result::Result<T, ImageError>;

/// `ErasureCodeConstants.USER_DEFINED_POLICY_START_ID`.
const FIRST_ADDED: u32 = 64;

/// Messages after each other.
struct Messages<'a> {
    section: &'static str,
    length: usize,
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    const fn new(section: &'static str, bytes: &'a [u8]) -> Self {
        Self { section, length: bytes.len(), rest: bytes }
    }

    fn next<M: Message + Default>(&mut self) -> Result<M> {
        let offset = self.length - self.rest.len();
        M::decode_length_delimited(&mut self.rest)
            .map_err(|error| ImageError::corrupt(self.section, offset, error.to_string()))
    }
}

fn keep(carried: &mut Carried, section: &str, bytes: Vec<u8>) {
    carried.sections.push((section.to_owned(), bytes.into()));
}

fn kept<'a>(carried: &'a Carried, section: &str) -> Option<&'a Bytes> {
    carried.sections.iter().find(|(name, _)| name == section).map(|(_, bytes)| bytes)
}

/// The section is kept whole, for the numbers of policies are in no edit; what edits add or
/// change goes on top when it is written.
pub(super) fn read_policies(bytes: &[u8], carried: &mut Carried) -> Result<()> {
    let section: ErasureCodingSection = Messages::new(ERASURE_CODING, bytes).next()?;
    for policy in &section.policies {
        let state = match policy.state() {
            ErasureCodingPolicyState::Enabled => PolicyState::Enabled,
            ErasureCodingPolicyState::Removed => PolicyState::Removed,
            ErasureCodingPolicyState::Disabled => PolicyState::Disabled,
        };
        carried.policy_states.insert(policy_name(policy).to_owned(), state);
        if policy.id >= FIRST_ADDED {
            let schema = policy.schema.clone().unwrap_or_default();
            carried.added_policies.insert(
                policy.name().to_owned(),
                ErasureCodingPolicy {
                    codec: schema.codec_name,
                    data_units: schema.data_units as i32,
                    parity_units: schema.parity_units as i32,
                    cell_size: policy.cell_size() as i32,
                    extra_options: schema
                        .options
                        .into_iter()
                        .map(|option| (option.key, option.value))
                        .collect(),
                },
            );
        }
    }
    keep(carried, ERASURE_CODING, section.encode_to_vec());
    Ok(())
}

pub(super) fn encode_policies(carried: &Carried) -> Vec<u8> {
    let mut section = kept(carried, ERASURE_CODING)
        .and_then(|bytes| ErasureCodingSection::decode(bytes.clone()).ok())
        .unwrap_or_else(|| ErasureCodingSection { policies: built_in() });
    for (name, policy) in &carried.added_policies {
        if section.policies.iter().any(|known| policy_name(known) == name) {
            continue;
        }
        let last = section.policies.iter().map(|known| known.id).max();
        let id = last.unwrap_or(0).saturating_add(1).max(FIRST_ADDED);
        section.policies.push(policy_message(name, policy, id));
    }
    for policy in &mut section.policies {
        let state = carried.policy_states.get(policy_name(policy)).copied();
        if let Some(state) = state {
            policy.set_state(match state {
                PolicyState::Disabled => ErasureCodingPolicyState::Disabled,
                PolicyState::Enabled => ErasureCodingPolicyState::Enabled,
                PolicyState::Removed => ErasureCodingPolicyState::Removed,
            });
        }
    }
    section.encode_length_delimited_to_vec()
}

/// A policy of `SystemErasureCodingPolicies`: of those an image has only numbers and states.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    pub(super) codec: &'static str,
    pub(super) data_units: u32,
    pub(super) parity_units: u32,
}

const fn policy(
    name: &'static str,
    codec: &'static str,
    data_units: u32,
    parity_units: u32,
) -> BuiltIn {
    BuiltIn { name, codec, data_units, parity_units }
}

/// Numbered from 1.
pub(crate) const BUILT_IN: [BuiltIn; 5] = [
    policy("RS-6-3-1024k", "rs", 6, 3),
    policy("RS-3-2-1024k", "rs", 3, 2),
    policy("RS-LEGACY-6-3-1024k", "rs-legacy", 6, 3),
    policy("XOR-2-1-1024k", "xor", 2, 1),
    policy("RS-10-4-1024k", "rs", 10, 4),
];

pub(super) fn policy_name(policy: &ErasureCodingPolicyProto) -> &str {
    BUILT_IN
        .iter()
        .zip(1..)
        .find(|(_, id)| *id == policy.id)
        .map_or(policy.name(), |(known, _)| known.name)
}

/// All built-in policies, none of them enabled.
fn built_in() -> Vec<ErasureCodingPolicyProto> {
    (1..)
        .take(BUILT_IN.len())
        .map(|id| ErasureCodingPolicyProto {
            id,
            state: Some(ErasureCodingPolicyState::Disabled as i32),
            ..ErasureCodingPolicyProto::default()
        })
        .collect()
}

fn policy_message(name: &str, policy: &ErasureCodingPolicy, id: u32) -> ErasureCodingPolicyProto {
    ErasureCodingPolicyProto {
        name: Some(name.to_owned()),
        schema: Some(EcSchemaProto {
            codec_name: policy.codec.clone(),
            data_units: policy.data_units as u32,
            parity_units: policy.parity_units as u32,
            options: policy
                .extra_options
                .iter()
                .map(|(key, value)| EcSchemaOptionEntryProto {
                    key: key.clone(),
                    value: value.clone(),
                })
                .collect(),
        }),
        cell_size: Some(policy.cell_size as u32),
        id,
        state: Some(ErasureCodingPolicyState::Disabled as i32),
    }
}

pub(super) fn read_secrets(bytes: &[u8], carried: &mut Carried) -> Result<()> {
    let mut messages = Messages::new(SECRET_MANAGER, bytes);
    let section: SecretManagerSection = messages.next()?;
    for _ in 0..section.num_keys() {
        let key: secret_manager_section::DelegationKey = messages.next()?;
        let id = key.id() as i32;
        carried
            .keys
            .insert(id, DelegationKey { id, expiry_date: key.expiry_date() as i64, key: key.key });
    }
    for _ in 0..section.num_tokens() {
        let token: secret_manager_section::PersistToken = messages.next()?;
        let expiry = token.expiry_date() as i64;
        let sequence_number = token.sequence_number() as i32;
        carried.tokens.insert(
            sequence_number,
            (
                DelegationToken {
                    issue_date: token.issue_date() as i64,
                    max_date: token.max_date() as i64,
                    master_key_id: token.master_key_id() as i32,
                    owner: token.owner.unwrap_or_default(),
                    renewer: token.renewer.unwrap_or_default(),
                    real_user: token.real_user.unwrap_or_default(),
                    sequence_number,
                },
                expiry,
            ),
        );
    }
    // Its counters, which may be beyond the last key and token that are left.
    let counters = SecretManagerSection { num_keys: None, num_tokens: None, ..section };
    keep(carried, SECRET_MANAGER, counters.encode_to_vec());
    Ok(())
}

pub(super) fn encode_secrets(carried: &Carried) -> Vec<u8> {
    let counters = kept(carried, SECRET_MANAGER)
        .and_then(|bytes| SecretManagerSection::decode(bytes.clone()).ok())
        .unwrap_or_default();
    let last = |kept: u32, seen: Option<&i32>| kept.max(seen.map_or(0, |&id| id as u32));
    let count = |count: usize| Some(u32::try_from(count).unwrap_or(u32::MAX));
    let mut out = SecretManagerSection {
        current_id: Some(last(counters.current_id(), carried.keys.keys().next_back())),
        token_sequence_number: Some(last(
            counters.token_sequence_number(),
            carried.tokens.keys().next_back(),
        )),
        num_keys: count(carried.keys.len()),
        num_tokens: count(carried.tokens.len()),
    }
    .encode_length_delimited_to_vec();
    for key in carried.keys.values() {
        let message = secret_manager_section::DelegationKey {
            id: Some(key.id as u32),
            expiry_date: Some(key.expiry_date as u64),
            key: key.key.clone(),
        };
        out.extend_from_slice(&message.encode_length_delimited_to_vec());
    }
    for (token, expiry) in carried.tokens.values() {
        let message = secret_manager_section::PersistToken {
            version: Some(0),
            owner: Some(token.owner.clone()),
            renewer: Some(token.renewer.clone()),
            real_user: Some(token.real_user.clone()),
            issue_date: Some(token.issue_date as u64),
            max_date: Some(token.max_date as u64),
            sequence_number: Some(token.sequence_number as u32),
            master_key_id: Some(token.master_key_id as u32),
            expiry_date: Some(*expiry as u64),
        };
        out.extend_from_slice(&message.encode_length_delimited_to_vec());
    }
    out
}

pub(super) fn read_caches(bytes: &[u8], carried: &mut Carried) -> Result<()> {
    let mut messages = Messages::new(CACHE_MANAGER, bytes);
    let section: CacheManagerSection = messages.next()?;
    carried.next_directive_id = section.next_directive_id as i64;
    for _ in 0..section.num_pools {
        let pool: CachePoolInfoProto = messages.next()?;
        let name = pool.pool_name.unwrap_or_default();
        carried.cache_pools.insert(
            name.clone(),
            CachePool {
                name,
                owner: pool.owner_name,
                group: pool.group_name,
                mode: pool.mode.map(|mode| mode as u16),
                limit: pool.limit,
                max_relative_expiry: pool.max_relative_expiry,
                default_replication: pool.default_replication.map(|copies| copies as u16),
            },
        );
    }
    for _ in 0..section.num_directives {
        let directive: CacheDirectiveInfoProto = messages.next()?;
        let id = directive.id();
        carried.cache_directives.insert(
            id,
            CacheDirective {
                id,
                path: directive.path,
                replication: directive.replication.map(|copies| copies as u16),
                pool: directive.pool,
                expiration: directive.expiration.map(|expiration| expiration.millis),
            },
        );
    }
    Ok(())
}

pub(super) fn encode_caches(carried: &Carried) -> Vec<u8> {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let mut out = CacheManagerSection {
        // The first one that Java gives out is 1.
        next_directive_id: carried.next_directive_id.max(1) as u64,
        num_pools: count(carried.cache_pools.len()),
        num_directives: count(carried.cache_directives.len()),
    }
    .encode_length_delimited_to_vec();
    for pool in carried.cache_pools.values() {
        let message = CachePoolInfoProto {
            pool_name: Some(pool.name.clone()),
            owner_name: pool.owner.clone(),
            group_name: pool.group.clone(),
            mode: pool.mode.map(i32::from),
            limit: pool.limit,
            max_relative_expiry: pool.max_relative_expiry,
            default_replication: pool.default_replication.map(u32::from),
        };
        out.extend_from_slice(&message.encode_length_delimited_to_vec());
    }
    for directive in carried.cache_directives.values() {
        let message = CacheDirectiveInfoProto {
            id: Some(directive.id),
            path: directive.path.clone(),
            replication: directive.replication.map(u32::from),
            pool: directive.pool.clone(),
            expiration: directive
                .expiration
                .map(|millis| CacheDirectiveInfoExpirationProto { millis, is_relative: false }),
        };
        out.extend_from_slice(&message.encode_length_delimited_to_vec());
    }
    out
}

/// Directories of which snapshots may be taken are kept; snapshots themselves are not supported.
pub(super) fn read_snapshots(bytes: &[u8], carried: &mut Carried) -> Result<()> {
    let section: SnapshotSection = Messages::new(SNAPSHOT, bytes).next()?;
    if section.num_snapshots() > 0 {
        return Err(ImageError::Unsupported("snapshots"));
    }
    keep(carried, SNAPSHOT, section.encode_to_vec());
    Ok(())
}

pub(super) fn encode_snapshots(carried: &Carried) -> Vec<u8> {
    kept(carried, SNAPSHOT)
        .and_then(|bytes| SnapshotSection::decode(bytes.clone()).ok())
        .unwrap_or(SnapshotSection {
            snapshot_counter: Some(0),
            snapshottable_dir: Vec::new(),
            num_snapshots: Some(0),
        })
        .encode_length_delimited_to_vec()
}
