//! Extended attributes as data: which are whose, and how a set of them changes.

use crate::context::Caller;
use crate::edit::{XAttr, XAttrNamespace};
use crate::error::FsError;
use crate::policy::STORAGE_POLICY_XATTR;

const UNREADABLE_BY_SUPERUSER: &str = "hdfs.unreadable.by.superuser";
const ENCRYPTION_ZONE: &str = "hdfs.crypto.encryption.zone";
/// Attribute in which a directory keeps its erasure coding policy (`XATTR_ERASURECODING_POLICY`).
pub(crate) const ERASURE_CODING_POLICY: &str = "hdfs.erasurecoding.policy";

/// `XAttrSetFlag`: 1 create, 2 replace.
pub const CREATE: u8 = 1;
/// Replace an attribute that is there.
pub const REPLACE: u8 = 2;

/// Same attribute, whatever its value (`equalsIgnoreValue`).
pub(crate) fn same(a: &XAttr, b: &XAttr) -> bool {
    a.namespace == b.namespace && a.name == b.name
}

fn is_system(xattr: &XAttr, name: &str) -> bool {
    xattr.namespace == XAttrNamespace::System && xattr.name == name
}

pub(crate) fn is_storage_policy(xattr: &XAttr) -> bool {
    is_system(xattr, STORAGE_POLICY_XATTR)
}

pub(crate) fn is_erasure_coding_policy(xattr: &XAttr) -> bool {
    is_system(xattr, ERASURE_CODING_POLICY)
}

pub(crate) fn is_encryption_zone(xattr: &XAttr) -> bool {
    xattr.namespace == XAttrNamespace::Raw && xattr.name == ENCRYPTION_ZONE
}

pub(crate) fn is_unreadable_by_superuser(xattr: &XAttr) -> bool {
    xattr.namespace == XAttrNamespace::Security && xattr.name == UNREADABLE_BY_SUPERUSER
}

/// The attribute that keeps a directory's storage policy.
pub(crate) fn storage_policy(policy: u8) -> XAttr {
    XAttr {
        namespace: XAttrNamespace::System,
        name: STORAGE_POLICY_XATTR.to_owned(),
        value: Some(bytes::Bytes::copy_from_slice(&[policy])),
    }
}

/// The attribute that keeps a directory's erasure coding policy: its name as `WritableUtils.writeString` puts it.
pub(crate) fn erasure_coding_policy(name: &str) -> XAttr {
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
    XAttr {
        namespace: XAttrNamespace::System,
        name: ERASURE_CODING_POLICY.to_owned(),
        value: Some([&length, name.as_bytes()].concat().into()),
    }
}

/// The policy's name in that attribute; none where the value is damaged.
pub(crate) fn coding_policy_name(xattr: &XAttr) -> Option<&str> {
    let (length, text) = xattr.value.as_deref()?.split_first_chunk::<4>()?;
    std::str::from_utf8(text.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?).ok()
}

/// `user.name`, as commands and messages write it.
pub(crate) fn prefixed(xattr: &XAttr) -> String {
    let prefix = match xattr.namespace {
        XAttrNamespace::User => "user",
        XAttrNamespace::Trusted => "trusted",
        XAttrNamespace::Security => "security",
        XAttrNamespace::System => "system",
        XAttrNamespace::Raw => "raw",
    };
    format!("{prefix}.{}", xattr.name)
}

/// May a client name this attribute? (`XAttrPermissionFilter.checkPermissionForApi`)
pub(crate) fn check_api(caller: &Caller, xattr: &XAttr, raw_path: bool) -> Result<(), FsError> {
    let allowed = match xattr.namespace {
        XAttrNamespace::User => true,
        XAttrNamespace::Trusted => caller.superuser,
        XAttrNamespace::Raw => raw_path,
        XAttrNamespace::Security if is_unreadable_by_superuser(xattr) => {
            if xattr.value.as_ref().is_some_and(|value| !value.is_empty()) {
                return Err(FsError::AccessControl(
                    "Attempt to set a value for 'security.hdfs.unreadable.by.superuser'. Values are not allowed for this xattr.".to_owned(),
                ));
            }
            true
        }
        XAttrNamespace::Security | XAttrNamespace::System => false,
    };
    if allowed {
        return Ok(());
    }
    Err(FsError::AccessControl(format!(
        "User doesn't have permission for xattr: {}",
        prefixed(xattr)
    )))
}

/// May a client see it? (`XAttrPermissionFilter.filterXAttrsForApi`)
pub(crate) fn visible(caller: &Caller, xattr: &XAttr, raw_path: bool) -> bool {
    match xattr.namespace {
        XAttrNamespace::User => true,
        XAttrNamespace::Trusted => caller.superuser,
        XAttrNamespace::Raw => raw_path,
        XAttrNamespace::Security => is_unreadable_by_superuser(xattr),
        XAttrNamespace::System => false,
    }
}

/// `XAttrSetFlag.validate`.
pub(crate) fn check_flags(name: &str, exists: bool, flags: u8) -> Result<(), FsError> {
    if flags & (CREATE | REPLACE) == 0 {
        return Err(FsError::HadoopIllegalArgument("A flag must be specified.".to_owned()));
    }
    if exists && flags & REPLACE == 0 {
        return Err(FsError::Io(format!(
            "XAttr: {name} already exists. The REPLACE flag must be specified."
        )));
    }
    if !exists && flags & CREATE == 0 {
        return Err(FsError::Io(format!(
            "XAttr: {name} does not exist. The CREATE flag must be specified."
        )));
    }
    Ok(())
}

pub(crate) const fn user_visible(xattr: &XAttr) -> bool {
    matches!(xattr.namespace, XAttrNamespace::User | XAttrNamespace::Trusted)
}

/// Sets attributes among existing ones: new ones come first, as Java keeps them.
pub(crate) fn set(existing: &mut Vec<XAttr>, new: &[XAttr]) {
    existing.retain(|old| !new.iter().any(|n| same(n, old)));
    existing.splice(0..0, new.iter().cloned());
}

/// Removes attributes; true if any was there.
pub(crate) fn remove(existing: &mut Vec<XAttr>, gone: &[XAttr]) -> bool {
    let before = existing.len();
    existing.retain(|old| !gone.iter().any(|g| same(g, old)));
    before != existing.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, value: &'static [u8]) -> XAttr {
        XAttr {
            namespace: XAttrNamespace::User,
            name: name.to_owned(),
            value: Some(bytes::Bytes::from_static(value)),
        }
    }

    #[test]
    fn setting_replaces_by_name() {
        let mut all = vec![attribute("a", b"1"), attribute("b", b"2")];
        set(&mut all, &[attribute("b", b"3")]);
        assert_eq!(all, [attribute("b", b"3"), attribute("a", b"1")]);
        assert!(remove(&mut all, &[attribute("b", b"")]));
        assert!(!remove(&mut all, &[attribute("b", b"")]));
    }

    #[test]
    fn flags_say_what_may_be_there() {
        assert!(check_flags("x", true, CREATE).is_err());
        assert!(check_flags("x", false, REPLACE).is_err());
        assert!(check_flags("x", true, CREATE | REPLACE).is_ok());
        assert!(check_flags("x", false, 0).is_err());
    }
}
