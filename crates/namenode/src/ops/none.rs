//! Calls about features that hold nothing here: no encryption zones, snapshots, caches, tokens.
//!
//! Every Java client asks some of these on its way; "none" is the true answer.

use bytes::Bytes;
use loxodon_wire::proto::common::{
    GetDelegationTokenRequestProto, GetDelegationTokenResponseProto,
};
use loxodon_wire::proto::hdfs::{
    CodecProto, EcSchemaOptionEntryProto, EcSchemaProto, EcTopologyVerifierResultProto,
    ErasureCodingPolicyProto, ErasureCodingPolicyState, GetDataEncryptionKeyRequestProto,
    GetDataEncryptionKeyResponseProto, GetEcTopologyResultForPoliciesRequestProto,
    GetEcTopologyResultForPoliciesResponseProto, GetErasureCodingCodecsRequestProto,
    GetErasureCodingCodecsResponseProto, GetErasureCodingPoliciesRequestProto,
    GetErasureCodingPoliciesResponseProto, GetSnapshottableDirListingRequestProto,
    GetSnapshottableDirListingResponseProto, ListCacheDirectivesRequestProto,
    ListCacheDirectivesResponseProto, ListCachePoolsRequestProto, ListCachePoolsResponseProto,
    ListEncryptionZonesRequestProto, ListEncryptionZonesResponseProto,
    ListReencryptionStatusRequestProto, ListReencryptionStatusResponseProto,
};

use crate::audit::AuditEvent;
use crate::error::Result;
use crate::machine::NameNode;
use crate::request::Request;

/// `getDelegationToken`: null while security is off, as Java answers.
pub(crate) fn delegation_token(
    _: &NameNode,
    _: &mut Request<'_>,
    _: GetDelegationTokenRequestProto,
) -> Result<GetDelegationTokenResponseProto> {
    Ok(GetDelegationTokenResponseProto { token: None })
}

/// `getDataEncryptionKey`: null while data transfer is not encrypted.
pub(crate) fn data_encryption_key(
    _: &NameNode,
    _: &mut Request<'_>,
    _: GetDataEncryptionKeyRequestProto,
) -> Result<GetDataEncryptionKeyResponseProto> {
    Ok(GetDataEncryptionKeyResponseProto { data_encryption_key: None })
}

/// `listEncryptionZones`.
pub(crate) fn encryption_zones(
    _: &NameNode,
    request: &mut Request<'_>,
    _: ListEncryptionZonesRequestProto,
) -> Result<ListEncryptionZonesResponseProto> {
    request.require_superuser("listEncryptionZones")?;
    request.effects.audit.push(AuditEvent::plain(true, "listEncryptionZones"));
    Ok(ListEncryptionZonesResponseProto { zones: Vec::new(), has_more: false })
}

/// `listReencryptionStatus`.
pub(crate) fn reencryption_status(
    _: &NameNode,
    request: &mut Request<'_>,
    _: ListReencryptionStatusRequestProto,
) -> Result<ListReencryptionStatusResponseProto> {
    request.require_superuser("listReencryptionStatus")?;
    request.effects.audit.push(AuditEvent::plain(true, "listReencryptionStatus"));
    Ok(ListReencryptionStatusResponseProto { statuses: Vec::new(), has_more: false })
}

/// `getSnapshottableDirListing`: null where there is none, as Java answers.
pub(crate) fn snapshottable_directories(
    _: &NameNode,
    request: &mut Request<'_>,
    _: GetSnapshottableDirListingRequestProto,
) -> Result<GetSnapshottableDirListingResponseProto> {
    request.effects.audit.push(AuditEvent::plain(true, "listSnapshottableDirectory"));
    Ok(GetSnapshottableDirListingResponseProto { snapshottable_dir_list: None })
}

/// `listCacheDirectives`.
pub(crate) fn cache_directives(
    _: &NameNode,
    _: &mut Request<'_>,
    _: ListCacheDirectivesRequestProto,
) -> Result<ListCacheDirectivesResponseProto> {
    Ok(ListCacheDirectivesResponseProto { elements: Vec::new(), has_more: false })
}

/// `listCachePools`.
pub(crate) fn cache_pools(
    _: &NameNode,
    request: &mut Request<'_>,
    _: ListCachePoolsRequestProto,
) -> Result<ListCachePoolsResponseProto> {
    request.effects.audit.push(AuditEvent::plain(true, "listCachePools"));
    Ok(ListCachePoolsResponseProto { entries: Vec::new(), has_more: false })
}

/// Codec, data units, parity units, id of a policy that every Hadoop knows (`SystemErasureCodingPolicies`), in the
/// order of their names.
const SYSTEM_POLICIES: [(&str, u32, u32, u32); 5] =
    [("rs", 10, 4, 5), ("rs", 3, 2, 2), ("rs", 6, 3, 1), ("rs-legacy", 6, 3, 3), ("xor", 2, 1, 4)];
const CELL_SIZE: u32 = 1024 * 1024;

/// `getErasureCodingPolicies`: those built in, none of them enabled.
pub(crate) fn erasure_coding_policies(
    _: &NameNode,
    request: &mut Request<'_>,
    _: GetErasureCodingPoliciesRequestProto,
) -> Result<GetErasureCodingPoliciesResponseProto> {
    request.effects.audit.push(AuditEvent::plain(true, "getErasureCodingPolicies"));
    let ec_policies = SYSTEM_POLICIES
        .iter()
        .map(|&(codec_name, data_units, parity_units, id)| ErasureCodingPolicyProto {
            name: Some(format!("{}-{data_units}-{parity_units}-1024k", codec_name.to_uppercase())),
            schema: Some(EcSchemaProto {
                codec_name: codec_name.to_owned(),
                data_units,
                parity_units,
                options: Vec::<EcSchemaOptionEntryProto>::new(),
            }),
            cell_size: Some(CELL_SIZE),
            id,
            state: Some(ErasureCodingPolicyState::Disabled.into()),
        })
        .collect();
    Ok(GetErasureCodingPoliciesResponseProto { ec_policies })
}

/// `getErasureCodingCodecs`: there is no coder here.
pub(crate) fn erasure_coding_codecs(
    _: &NameNode,
    request: &mut Request<'_>,
    _: GetErasureCodingCodecsRequestProto,
) -> Result<GetErasureCodingCodecsResponseProto> {
    request.effects.audit.push(AuditEvent::plain(true, "getErasureCodingCodecs"));
    Ok(GetErasureCodingCodecsResponseProto { codec: Vec::<CodecProto>::new() })
}

/// `getECTopologyResultForPolicies`: with no policy enabled there is nothing to check.
pub(crate) fn erasure_coding_topology(
    _: &NameNode,
    request: &mut Request<'_>,
    asked: GetEcTopologyResultForPoliciesRequestProto,
) -> Result<GetEcTopologyResultForPoliciesResponseProto> {
    request.effects.audit.push(AuditEvent::plain(true, "getECTopologyResultForPolicies"));
    let response = match asked.policies.first() {
        None => EcTopologyVerifierResultProto {
            result_message: "No erasure coding policy is given.".into(),
            is_supported: true,
        },
        Some(name) => {
            return Err(crate::error::NameNodeError::other(
                "org.apache.hadoop.HadoopIllegalArgumentException",
                format!("The given erasure coding policy {name} does not exist."),
            ));
        }
    };
    Ok(GetEcTopologyResultForPoliciesResponseProto { response })
}

/// The token of a file system without block access tokens.
pub(crate) fn no_token() -> loxodon_wire::proto::common::TokenProto {
    loxodon_wire::proto::common::TokenProto {
        identifier: Bytes::new(),
        password: Bytes::new(),
        kind: String::new(),
        service: String::new(),
    }
}
