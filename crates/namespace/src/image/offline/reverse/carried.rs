//! Names, policies, tokens and caches, from their XML.

use super::node::{Node, Result, invalid, unhex};
use loxodon_wire::proto::hdfs::fsimage::secret_manager_section::{DelegationKey, PersistToken};
use loxodon_wire::proto::hdfs::fsimage::{
    CacheManagerSection, ErasureCodingSection, NameSystemSection, SecretManagerSection,
};
use loxodon_wire::proto::hdfs::{
    CacheDirectiveInfoExpirationProto, CacheDirectiveInfoProto, CachePoolInfoProto,
    EcSchemaOptionEntryProto, EcSchemaProto, ErasureCodingPolicyProto, ErasureCodingPolicyState,
};
use prost::Message;

fn put(message: &impl Message, out: &mut Vec<u8>) {
    out.extend_from_slice(&message.encode_length_delimited_to_vec());
}

/// What stands in `<NameSection>`.
pub(super) fn names(mut node: Node, out: &mut Vec<u8>) -> Result<()> {
    let of = "NameSection";
    let section = NameSystemSection {
        namespace_id: Some(Node::required(node.int("namespaceId")?, of, "namespaceId")?),
        genstamp_v1: node.long("genstampV1")?,
        genstamp_v2: node.long("genstampV2")?,
        genstamp_v1_limit: node.long("genstampV1Limit")?,
        last_allocated_block_id: node.long("lastAllocatedBlockId")?,
        transaction_id: node.long("txid")?,
        rolling_upgrade_start_time: node.long("rollingUpgradeStartTime")?,
        last_allocated_striped_block_id: node.long("lastAllocatedStripedBlockId")?,
    };
    put(&section, out);
    node.finish(of)
}

/// What stands in `<ErasureCodingSection>`.
pub(super) fn policies(mut node: Node, out: &mut Vec<u8>) -> Result<()> {
    let mut section = ErasureCodingSection::default();
    for mut entry in node.all("erasureCodingPolicy") {
        let of = "erasureCodingPolicy";
        let mut policy = ErasureCodingPolicyProto {
            id: Node::required(entry.int("policyId")?, of, "policyId")?,
            name: Some(Node::required(entry.text("policyName")?, of, "policyName")?),
            cell_size: Some(Node::required(entry.int("cellSize")?, of, "cellSize")?),
            ..ErasureCodingPolicyProto::default()
        };
        if let Some(state) = entry.text("policyState")? {
            policy.set_state(match state.as_str() {
                "DISABLED" => ErasureCodingPolicyState::Disabled,
                "ENABLED" => ErasureCodingPolicyState::Enabled,
                "REMOVED" => ErasureCodingPolicyState::Removed,
                _ => return Err(invalid(format!("unknown <policyState> {state}"))),
            });
        }
        policy.schema = Some(schema(Node::required(entry.child("ecSchema"), of, "ecSchema")?)?);
        entry.finish(of)?;
        section.policies.push(policy);
    }
    put(&section, out);
    node.finish("ErasureCodingSection")
}

fn schema(mut node: Node) -> Result<EcSchemaProto> {
    let of = "ecSchema";
    let mut schema = EcSchemaProto {
        codec_name: Node::required(node.text("codecName")?, of, "codecName")?,
        data_units: Node::required(node.int("dataUnits")?, of, "dataUnits")?,
        parity_units: Node::required(node.int("parityUnits")?, of, "parityUnits")?,
        options: Vec::new(),
    };
    if let Some(mut options) = node.child("extraOptions") {
        for mut option in options.all("option") {
            schema.options.push(EcSchemaOptionEntryProto {
                key: Node::required(option.text("key")?, "option", "key")?,
                value: Node::required(option.text("value")?, "option", "value")?,
            });
        }
    }
    node.finish(of)?;
    Ok(schema)
}

/// As many of a kind as the section says it has.
fn counted(node: &mut Node, name: &str, expected: u32) -> Result<Vec<Node>> {
    let all = node.all(name);
    if all.len() as u64 == u64::from(expected) {
        return Ok(all);
    }
    Err(invalid(format!("Only read {} <{name}> entries out of {expected}", all.len())))
}

/// What stands in `<SecretManagerSection>`.
pub(super) fn secrets(mut node: Node, out: &mut Vec<u8>) -> Result<()> {
    let mut int = |name| Node::required(node.int(name)?, "SecretManagerSection", name);
    let current_id = int("currentId")?;
    let sequence = int("tokenSequenceNumber")?;
    let (keys, tokens) = (int("numDelegationKeys")?, int("numTokens")?);
    let section = SecretManagerSection {
        current_id: Some(current_id),
        token_sequence_number: Some(sequence),
        num_keys: Some(keys),
        num_tokens: Some(tokens),
    };
    put(&section, out);
    for mut entry in counted(&mut node, "delegationKey", keys)? {
        let of = "delegationKey";
        let key = DelegationKey {
            id: Some(Node::required(entry.int("id")?, of, "id")?),
            expiry_date: Some(Node::required(date(&mut entry, "expiry")?, of, "expiry")?),
            key: Some(unhex("key", &Node::required(entry.text("key")?, of, "key")?)?.into()),
        };
        entry.finish(of)?;
        put(&key, out);
    }
    for mut entry in counted(&mut node, "token", tokens)? {
        let token = PersistToken {
            version: entry.int("version")?,
            owner: entry.text("owner")?,
            renewer: entry.text("renewer")?,
            real_user: entry.text("realUser")?,
            issue_date: date(&mut entry, "issueDate")?,
            max_date: date(&mut entry, "maxDate")?,
            sequence_number: entry.int("sequenceNumber")?,
            master_key_id: entry.int("masterKeyId")?,
            expiry_date: date(&mut entry, "expiryDate")?,
        };
        entry.finish("token")?;
        put(&token, out);
    }
    node.finish("SecretManagerSection")
}

fn date(node: &mut Node, name: &str) -> Result<Option<u64>> {
    let Some(text) = node.text(name)? else { return Ok(None) };
    let time = super::super::dates::parse_utc(&text)
        .ok_or_else(|| invalid(format!("Failed to parse ISO date string {text}")))?;
    Ok(Some(time as u64))
}

/// What stands in `<CacheManagerSection>`.
pub(super) fn caches(mut node: Node, out: &mut Vec<u8>) -> Result<()> {
    let of = "CacheManagerSection";
    let section = CacheManagerSection {
        next_directive_id: Node::required(node.long("nextDirectiveId")?, of, "nextDirectiveId")?,
        num_pools: Node::required(node.int("numPools")?, of, "numPools")?,
        num_directives: Node::required(node.int("numDirectives")?, of, "numDirectives")?,
    };
    put(&section, out);
    for mut entry in counted(&mut node, "pool", section.num_pools)? {
        let mut text = |name| Node::required(entry.text(name)?, "pool", name);
        let mut pool = CachePoolInfoProto {
            pool_name: Some(text("poolName")?),
            owner_name: Some(text("ownerName")?),
            group_name: Some(text("groupName")?),
            ..CachePoolInfoProto::default()
        };
        pool.mode = Some(Node::required(entry.number("mode")?, "pool", "mode")?);
        pool.limit = Some(Node::required(entry.number("limit")?, "pool", "limit")?);
        let expiry = entry.number("maxRelativeExpiry")?;
        pool.max_relative_expiry = Some(Node::required(expiry, "pool", "maxRelativeExpiry")?);
        entry.finish("pool")?;
        put(&pool, out);
    }
    for mut entry in counted(&mut node, "directive", section.num_directives)? {
        let of = "directive";
        let mut directive = CacheDirectiveInfoProto {
            id: Some(Node::required(entry.number("id")?, of, "id")?),
            path: Some(Node::required(entry.text("path")?, of, "path")?),
            replication: Some(Node::required(entry.int("replication")?, of, "replication")?),
            pool: Some(Node::required(entry.text("pool")?, of, "pool")?),
            expiration: None,
        };
        if let Some(mut expiration) = entry.child("expiration") {
            directive.expiration = Some(CacheDirectiveInfoExpirationProto {
                millis: Node::required(expiration.number("millis")?, "expiration", "millis")?,
                is_relative: expiration.has("relative"),
            });
        }
        entry.finish(of)?;
        put(&directive, out);
    }
    node.finish(of)
}
