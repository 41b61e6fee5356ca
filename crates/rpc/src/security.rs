//! Who may be who: what the configuration asks for and is not there is refused, not passed over.

use loxodon_conf::{ConfError, Configuration, keys};

/// Only `simple` authentication is there; whoever configured another must not believe that it is in force.
///
/// # Errors
/// Any other `hadoop.security.authentication`.
pub(crate) fn require_simple(conf: &Configuration) -> Result<(), ConfError> {
    let key = &keys::AUTHENTICATION;
    match conf.text(key)? {
        Some(method) if !method.eq_ignore_ascii_case("simple") => Err(ConfError::Value {
            key: key.name.to_owned(),
            value: method,
            source_name: conf.source(key.name),
            wanted: "simple: Kerberos and tokens are not supported".to_owned(),
        }),
        _ => Ok(()),
    }
}
