//! Access control lists and extended attributes as messages.

use loxodon_namespace::edit::{AclEntry, AclKind, AclScope, XAttr, XAttrNamespace};
use loxodon_wire::proto::hdfs::acl_entry_proto::{
    AclEntryScopeProto, AclEntryTypeProto, FsActionProto,
};
use loxodon_wire::proto::hdfs::x_attr_proto::XAttrNamespaceProto;
use loxodon_wire::proto::hdfs::{AclEntryProto, XAttrProto};

use crate::error::{NameNodeError, Result};

/// The entries of a request.
pub(crate) fn acl_entries(spec: &[AclEntryProto]) -> Result<Vec<AclEntry>> {
    spec.iter()
        .map(|entry| {
            Ok(AclEntry {
                scope: match entry.scope() {
                    AclEntryScopeProto::Access => AclScope::Access,
                    AclEntryScopeProto::Default => AclScope::Default,
                },
                kind: match entry.r#type() {
                    AclEntryTypeProto::User => AclKind::User,
                    AclEntryTypeProto::Group => AclKind::Group,
                    AclEntryTypeProto::Mask => AclKind::Mask,
                    AclEntryTypeProto::Other => AclKind::Other,
                },
                name: entry.name.clone().filter(|name| !name.is_empty()),
                permission: action_bits(entry.permissions)?,
            })
        })
        .collect()
}

fn action_bits(number: i32) -> Result<u8> {
    u8::try_from(number).ok().filter(|bits| *bits <= 7).ok_or_else(|| {
        NameNodeError::IllegalArgument(format!("{number} is not a set of permissions"))
    })
}

/// An entry in an answer.
pub(crate) fn acl_entry_proto(entry: &AclEntry) -> AclEntryProto {
    AclEntryProto {
        r#type: match entry.kind {
            AclKind::User => AclEntryTypeProto::User,
            AclKind::Group => AclEntryTypeProto::Group,
            AclKind::Mask => AclEntryTypeProto::Mask,
            AclKind::Other => AclEntryTypeProto::Other,
        }
        .into(),
        scope: match entry.scope {
            AclScope::Access => AclEntryScopeProto::Access,
            AclScope::Default => AclEntryScopeProto::Default,
        }
        .into(),
        permissions: FsActionProto::try_from(i32::from(entry.permission))
            .unwrap_or(FsActionProto::None)
            .into(),
        name: entry.name.clone(),
    }
}

/// The attribute of a request; a missing one is refused.
pub(crate) fn xattr(attribute: Option<&XAttrProto>) -> Result<XAttr> {
    let attribute = attribute
        .ok_or_else(|| NameNodeError::IllegalArgument("the request names no xattr".into()))?;
    Ok(XAttr {
        namespace: match attribute.namespace() {
            XAttrNamespaceProto::User => XAttrNamespace::User,
            XAttrNamespaceProto::Trusted => XAttrNamespace::Trusted,
            XAttrNamespaceProto::Security => XAttrNamespace::Security,
            XAttrNamespaceProto::System => XAttrNamespace::System,
            XAttrNamespaceProto::Raw => XAttrNamespace::Raw,
        },
        name: attribute.name.clone(),
        value: attribute.value.clone(),
    })
}

/// An attribute in an answer.
pub(crate) fn xattr_proto(attribute: &XAttr) -> XAttrProto {
    XAttrProto {
        namespace: match attribute.namespace {
            XAttrNamespace::User => XAttrNamespaceProto::User,
            XAttrNamespace::Trusted => XAttrNamespaceProto::Trusted,
            XAttrNamespace::Security => XAttrNamespaceProto::Security,
            XAttrNamespace::System => XAttrNamespaceProto::System,
            XAttrNamespace::Raw => XAttrNamespaceProto::Raw,
        }
        .into(),
        name: attribute.name.clone(),
        value: attribute.value.clone(),
    }
}
