//! Settings that ask for what is not there. Passed over, they would let somebody believe that his data
//! is guarded as he wrote: a daemon refuses to start instead.

use loxodon_conf::{ConfError, Configuration, Key, keys};

/// A key, and the only value that it may have.
type Rule = (&'static Key, &'static str, &'static str);

/// For every daemon of HDFS.
const EVERYWHERE: [Rule; 3] = [
    (&keys::ENCRYPT_TRANSFER, "false", "false: blocks are not encrypted on their way"),
    (&keys::BLOCK_TOKENS, "false", "false: block tokens are not supported"),
    (&keys::HTTP_POLICY, "HTTP_ONLY", "HTTP_ONLY: there is no TLS"),
];

/// For a NameNode.
const NAMENODE: [Rule; 3] = [
    (
        &keys::ATTRIBUTES_PROVIDER,
        "",
        "empty: classes that decide about permissions cannot be loaded",
    ),
    (&keys::SHARED_EDITS, "", "empty: high availability is not supported"),
    (&keys::AUDIT_LOGGERS, "default", "default: other audit loggers cannot be loaded"),
];

/// What a DataNode must not be asked for.
///
/// # Errors
/// The first key that asks for what is not there.
pub(crate) fn by_datanode(conf: &Configuration) -> Result<(), ConfError> {
    EVERYWHERE.iter().try_for_each(|rule| check(conf, rule))
}

/// What a NameNode must not be asked for.
///
/// # Errors
/// The first key that asks for what is not there.
pub(crate) fn by_namenode(conf: &Configuration) -> Result<(), ConfError> {
    by_datanode(conf)?;
    NAMENODE.iter().try_for_each(|rule| check(conf, rule))?;
    for key in [&keys::NAME_DIR, &keys::EDITS_DIR] {
        for directory in conf.list(key)? {
            if directory.contains("://") && !directory.starts_with("file://") {
                let wanted =
                    "a directory of this machine: other kinds of journals are not supported";
                return Err(refusal(conf, key, directory, wanted));
            }
        }
    }
    Ok(())
}

fn check(conf: &Configuration, (key, only, wanted): &Rule) -> Result<(), ConfError> {
    let value = conf.text(key)?.unwrap_or_default();
    match value.eq_ignore_ascii_case(only) {
        true => Ok(()),
        false => Err(refusal(conf, key, value, wanted)),
    }
}

fn refusal(conf: &Configuration, key: &Key, value: String, wanted: &str) -> ConfError {
    let source_name = conf.source(key.name);
    ConfError::Value { key: key.name.to_owned(), value, source_name, wanted: wanted.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        by_namenode(&Configuration::new()).unwrap();
        for (name, value) in [
            ("dfs.encrypt.data.transfer", "true"),
            ("dfs.block.access.token.enable", "TRUE"),
            ("dfs.http.policy", "HTTPS_ONLY"),
            ("dfs.namenode.inode.attributes.provider.class", "a.b.C"),
            ("dfs.namenode.shared.edits.dir", "qjournal://a:1;b:1/ns"),
            ("dfs.namenode.audit.loggers", "default,a.b.Logger"),
            ("dfs.namenode.edits.dir", "/edits,qjournal://a:1/ns"),
            ("dfs.namenode.name.dir", "s3a://bucket/name"),
        ] {
            let mut conf = Configuration::new();
            conf.set(name, value, "hdfs-site.xml");
            let error = by_namenode(&conf).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("hdfs-site.xml"), "{error}");
        }
    }
}
