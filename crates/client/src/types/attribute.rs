//! Access control lists and extended attributes.

use bytes::Bytes;
use loxodon_wire::proto::hdfs;
use loxodon_wire::proto::hdfs::acl_entry_proto::{
    AclEntryScopeProto, AclEntryTypeProto, FsActionProto,
};
use loxodon_wire::proto::hdfs::x_attr_proto::XAttrNamespaceProto;

use crate::error::{Error, Result};

/// Whom an entry is about (`AclEntryType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AclSubject {
    /// A user, or the owner where no name is given.
    User,
    /// A group, or the file's group where no name is given.
    Group,
    /// Limit of all named entries.
    Mask,
    /// Everybody else.
    Other,
}

/// What an entry applies to (`AclEntryScope`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AclScope {
    /// The path itself.
    Access,
    /// What is created below it.
    Default,
}

/// One entry (`AclEntry`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AclEntry {
    /// Whom it is about.
    pub subject: AclSubject,
    /// What it applies to.
    pub scope: AclScope,
    /// Read 4, write 2, execute 1; ignored where an entry is removed.
    pub permission: u8,
    /// Name of the user or group.
    pub name: Option<String>,
}

impl AclEntry {
    pub(crate) fn to_proto(&self) -> hdfs::AclEntryProto {
        hdfs::AclEntryProto {
            r#type: (match self.subject {
                AclSubject::User => AclEntryTypeProto::User,
                AclSubject::Group => AclEntryTypeProto::Group,
                AclSubject::Mask => AclEntryTypeProto::Mask,
                AclSubject::Other => AclEntryTypeProto::Other,
            }) as i32,
            scope: (match self.scope {
                AclScope::Access => AclEntryScopeProto::Access,
                AclScope::Default => AclEntryScopeProto::Default,
            }) as i32,
            permissions: i32::from(self.permission & 7),
            name: self.name.clone(),
        }
    }

    fn from_proto(proto: hdfs::AclEntryProto) -> Result<Self> {
        let refuse = || Error::Protocol {
            peer: "NameNode".into(),
            message: format!(
                "ACL entry of type {}, scope {}, permission {}",
                proto.r#type, proto.scope, proto.permissions
            ),
        };
        let subject = match AclEntryTypeProto::try_from(proto.r#type) {
            Ok(AclEntryTypeProto::User) => AclSubject::User,
            Ok(AclEntryTypeProto::Group) => AclSubject::Group,
            Ok(AclEntryTypeProto::Mask) => AclSubject::Mask,
            Ok(AclEntryTypeProto::Other) => AclSubject::Other,
            Err(_) => return Err(refuse()),
        };
        let scope = match AclEntryScopeProto::try_from(proto.scope) {
            Ok(AclEntryScopeProto::Access) => AclScope::Access,
            Ok(AclEntryScopeProto::Default) => AclScope::Default,
            Err(_) => return Err(refuse()),
        };
        FsActionProto::try_from(proto.permissions).map_err(|_| refuse())?;
        Ok(Self {
            subject,
            scope,
            permission: u8::try_from(proto.permissions).map_err(|_| refuse())?,
            name: proto.name.filter(|name| !name.is_empty()),
        })
    }
}

/// The access control list of a path (`AclStatus`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclStatus {
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Sticky bit.
    pub sticky: bool,
    /// Entries beyond the three of the permission bits.
    pub entries: Vec<AclEntry>,
    /// Permission bits.
    pub permission: Option<u16>,
}

impl AclStatus {
    pub(crate) fn from_proto(proto: hdfs::AclStatusProto) -> Result<Self> {
        Ok(Self {
            owner: proto.owner,
            group: proto.group,
            sticky: proto.sticky,
            entries: proto.entries.into_iter().map(AclEntry::from_proto).collect::<Result<_>>()?,
            permission: proto
                .permission
                .and_then(|permission| u16::try_from(permission.perm & 0o1777).ok()),
        })
    }
}

/// Who may see an extended attribute (`XAttr.NameSpace`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum XAttrNamespace {
    /// Whoever may access the file.
    User,
    /// The superuser.
    Trusted,
    /// The system's security attributes.
    Security,
    /// The system.
    System,
    /// Attributes of `/.reserved/raw`.
    Raw,
}

impl XAttrNamespace {
    /// The prefix before the dot.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Trusted => "trusted",
            Self::Security => "security",
            Self::System => "system",
            Self::Raw => "raw",
        }
    }
}

/// An extended attribute (`XAttr`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct XAttr {
    /// Who may see it.
    pub namespace: XAttrNamespace,
    /// Name without the prefix.
    pub name: String,
    /// Value; empty where only names were asked for.
    pub value: Bytes,
}

impl XAttr {
    /// Splits `user.colour` into namespace and name (`XAttrHelper.buildXAttr`).
    ///
    /// # Errors
    /// `HadoopIllegalArgumentException` where there is no known prefix or no name.
    pub fn parse_name(full: &str) -> Result<(XAttrNamespace, String)> {
        let refuse = |why: &str| Error::IllegalArgument(why.to_owned());
        let (prefix, name) = full
            .split_once('.')
            .ok_or_else(|| refuse("An XAttr name must be prefixed with user/trusted/security/system/raw, followed by a '.'"))?;
        let namespace = match prefix.to_ascii_lowercase().as_str() {
            "user" => XAttrNamespace::User,
            "trusted" => XAttrNamespace::Trusted,
            "security" => XAttrNamespace::Security,
            "system" => XAttrNamespace::System,
            "raw" => XAttrNamespace::Raw,
            _ => {
                return Err(refuse(
                    "An XAttr name must be prefixed with user/trusted/security/system/raw, followed by a '.'",
                ));
            }
        };
        if name.is_empty() {
            return Err(refuse("XAttr name cannot be empty."));
        }
        Ok((namespace, name.to_owned()))
    }

    pub(crate) fn to_proto(&self) -> hdfs::XAttrProto {
        hdfs::XAttrProto {
            namespace: (match self.namespace {
                XAttrNamespace::User => XAttrNamespaceProto::User,
                XAttrNamespace::Trusted => XAttrNamespaceProto::Trusted,
                XAttrNamespace::Security => XAttrNamespaceProto::Security,
                XAttrNamespace::System => XAttrNamespaceProto::System,
                XAttrNamespace::Raw => XAttrNamespaceProto::Raw,
            }) as i32,
            name: self.name.clone(),
            value: (!self.value.is_empty()).then(|| self.value.clone()),
        }
    }

    pub(crate) fn from_proto(proto: hdfs::XAttrProto) -> Result<Self> {
        let namespace = match XAttrNamespaceProto::try_from(proto.namespace) {
            Ok(XAttrNamespaceProto::User) => XAttrNamespace::User,
            Ok(XAttrNamespaceProto::Trusted) => XAttrNamespace::Trusted,
            Ok(XAttrNamespaceProto::Security) => XAttrNamespace::Security,
            Ok(XAttrNamespaceProto::System) => XAttrNamespace::System,
            Ok(XAttrNamespaceProto::Raw) => XAttrNamespace::Raw,
            Err(_) => {
                return Err(Error::Protocol {
                    peer: "NameNode".into(),
                    message: format!("unknown XAttr namespace {}", proto.namespace),
                });
            }
        };
        Ok(Self { namespace, name: proto.name, value: proto.value.unwrap_or_default() })
    }
}

/// Whether an attribute may, must or must not exist (`XAttrSetFlag`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XAttrSetMode {
    /// Create it or replace it.
    #[default]
    CreateOrReplace,
    /// It must not exist.
    Create,
    /// It must exist.
    Replace,
}

impl XAttrSetMode {
    pub(crate) const fn to_wire(self) -> u32 {
        match self {
            Self::CreateOrReplace => 3,
            Self::Create => 1,
            Self::Replace => 2,
        }
    }
}
