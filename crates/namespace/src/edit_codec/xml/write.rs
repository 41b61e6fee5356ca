//! Operations as the XML of `hdfs oev` (`XmlEditsVisitor`).

use super::escape::escape;
use crate::edit::{
    AclEntry, AclKind, AclScope, Block, CacheDirective, CachePool, DelegationKey, DelegationToken,
    Edit, ErasureCodingPolicy, Permissions, RenameOption, RpcIds, Transaction, XAttr,
    XAttrNamespace,
};
use std::fmt::{Display, Write as _};
use std::io::{self, Write};

/// Writes operations as `hdfs oev -p xml` does, byte for byte.
pub struct XmlWriter<W> {
    sink: W,
    page: Page,
}

impl<W: Write> XmlWriter<W> {
    /// Begins a document about a segment of this layout.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn new(sink: W, layout_version: i32) -> io::Result<Self> {
        let mut page = Page { text: String::new(), depth: 0 };
        page.text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n");
        page.open("EDITS");
        page.field("EDITS_VERSION", layout_version);
        let mut writer = Self { sink, page };
        writer.flush_page()?;
        Ok(writer)
    }

    /// One more operation.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write(&mut self, transaction: &Transaction) -> io::Result<()> {
        let page = &mut self.page;
        page.open("RECORD");
        page.field("OPCODE", transaction.edit.opcode().name());
        page.open("DATA");
        page.field("TXID", transaction.txid.0 as i64);
        page.edit(&transaction.edit);
        page.close("DATA");
        page.close("RECORD");
        self.flush_page()
    }

    /// Ends the document, with what went wrong, if anything did.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self, error: Option<&str>) -> io::Result<W> {
        self.page.close("EDITS");
        if let Some(error) = error {
            self.page.field("ERROR", error);
        }
        self.flush_page()?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn flush_page(&mut self) -> io::Result<()> {
        self.sink.write_all(self.page.text.as_bytes())?;
        self.page.text.clear();
        Ok(())
    }
}

struct Page {
    text: String,
    depth: usize,
}

impl Page {
    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }

    fn open(&mut self, tag: &str) {
        self.indent();
        // Writing to a String does not fail, here and below.
        let _ = writeln!(self.text, "<{tag}>");
        self.depth += 1;
    }

    fn close(&mut self, tag: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.indent();
        let _ = writeln!(self.text, "</{tag}>");
    }

    /// An element with a number or a name that needs no escaping.
    fn field(&mut self, tag: &str, value: impl Display) {
        self.indent();
        let _ = writeln!(self.text, "<{tag}>{value}</{tag}>");
    }

    fn string(&mut self, tag: &str, value: &str) {
        self.indent();
        if value.is_empty() {
            let _ = writeln!(self.text, "<{tag}/>");
            return;
        }
        let _ = write!(self.text, "<{tag}>");
        escape(value, &mut self.text);
        let _ = writeln!(self.text, "</{tag}>");
    }

    /// Java has no unsigned numbers.
    fn signed(&mut self, tag: &str, value: u64) {
        self.field(tag, value as i64);
    }

    fn short(&mut self, tag: &str, value: u16) {
        self.field(tag, value as i16);
    }

    /// A count of fields that layouts before -40 had in front of each operation.
    fn length(&mut self) {
        self.field("LENGTH", 0);
    }

    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Add(_) | Edit::Close(_) => self.file(edit),
            Edit::Mkdir(mkdir) => {
                self.length();
                self.signed("INODEID", mkdir.inode.0);
                self.string("PATH", &mkdir.path);
                self.signed("TIMESTAMP", mkdir.timestamp.0);
                self.permissions(&mkdir.permissions);
                self.acl(&mkdir.acl);
                self.xattrs(&mkdir.xattrs);
            }
            Edit::Symlink(symlink) => {
                self.length();
                self.signed("INODEID", symlink.inode.0);
                self.string("PATH", &symlink.path);
                self.string("VALUE", &symlink.target);
                self.signed("MTIME", symlink.mtime.0);
                self.signed("ATIME", symlink.atime.0);
                self.permissions(&symlink.permissions);
                self.rpc(&symlink.rpc);
            }
            Edit::RenameOld { source, destination, timestamp, rpc } => {
                self.length();
                self.string("SRC", source);
                self.string("DST", destination);
                self.signed("TIMESTAMP", timestamp.0);
                self.rpc(rpc);
            }
            Edit::Rename { source, destination, timestamp, options, rpc } => {
                self.length();
                self.string("SRC", source);
                self.string("DST", destination);
                self.signed("TIMESTAMP", timestamp.0);
                let names: Vec<&str> = options.iter().copied().map(option_name).collect();
                self.string("OPTIONS", &names.join("|"));
                self.rpc(rpc);
            }
            Edit::Delete { path, timestamp, rpc } => {
                self.length();
                self.string("PATH", path);
                self.signed("TIMESTAMP", timestamp.0);
                self.rpc(rpc);
            }
            Edit::ConcatDelete { target, sources, timestamp, rpc } => {
                self.length();
                self.string("TRG", target);
                self.signed("TIMESTAMP", timestamp.0);
                if sources.is_empty() {
                    self.string("SOURCES", "");
                } else {
                    self.open("SOURCES");
                    for (index, source) in sources.iter().enumerate() {
                        self.string(&format!("SOURCE{}", index + 1), source);
                    }
                    self.close("SOURCES");
                }
                self.rpc(rpc);
            }
            Edit::UpdateBlocks { path, blocks, rpc } => {
                self.string("PATH", path);
                self.blocks(blocks);
                self.rpc(rpc);
            }
            Edit::AddBlock { path, penultimate, last, rpc } => {
                self.string("PATH", path);
                self.blocks(penultimate.iter().chain([last]));
                self.rpc(rpc);
            }
            Edit::Append { path, client_name, client_machine, new_block, rpc } => {
                self.string("PATH", path);
                self.string("CLIENT_NAME", client_name);
                self.string("CLIENT_MACHINE", client_machine);
                self.field("NEWBLOCK", new_block);
                self.rpc(rpc);
            }
            Edit::Truncate { path, client_name, client_machine, new_length, timestamp, block } => {
                self.string("SRC", path);
                self.string("CLIENTNAME", client_name);
                self.string("CLIENTMACHINE", client_machine);
                self.signed("NEWLENGTH", *new_length);
                self.signed("TIMESTAMP", timestamp.0);
                self.blocks(block);
            }
            Edit::ReassignLease { lease_holder, path, new_holder } => {
                self.string("LEASEHOLDER", lease_holder);
                self.string("PATH", path);
                self.string("NEWHOLDER", new_holder);
            }
            Edit::StartLogSegment | Edit::EndLogSegment => {}
            Edit::SetGenstampV1 { generation_stamp } => {
                self.signed("GENSTAMP", generation_stamp.0);
            }
            Edit::SetGenstampV2 { generation_stamp } => {
                self.signed("GENSTAMPV2", generation_stamp.0);
            }
            Edit::AllocateBlockId { block } => self.field("BLOCK_ID", block.0),
            Edit::GetDelegationToken { token, expiry_time }
            | Edit::RenewDelegationToken { token, expiry_time } => {
                self.token(token);
                self.field("EXPIRY_TIME", expiry_time);
            }
            Edit::CancelDelegationToken { token } => self.token(token),
            Edit::UpdateMasterKey { key } => self.key(key),
            Edit::RollingUpgradeStart { time } => self.signed("STARTTIME", time.0),
            Edit::RollingUpgradeFinalize { time } => self.signed("FINALIZETIME", time.0),
            _ => self.lesser_edit(edit),
        }
    }

    fn lesser_edit(&mut self, edit: &Edit) {
        match edit {
            Edit::CreateSnapshot { root, name, mtime, rpc }
            | Edit::DeleteSnapshot { root, name, mtime, rpc } => {
                self.string("SNAPSHOTROOT", root);
                self.string("SNAPSHOTNAME", name);
                self.signed("MTIME", mtime.0);
                self.rpc(rpc);
            }
            Edit::RenameSnapshot { root, old_name, new_name, mtime, rpc } => {
                self.string("SNAPSHOTROOT", root);
                self.string("SNAPSHOTOLDNAME", old_name);
                self.string("SNAPSHOTNEWNAME", new_name);
                self.signed("MTIME", mtime.0);
                self.rpc(rpc);
            }
            Edit::AllowSnapshot { root } | Edit::DisallowSnapshot { root } => {
                self.string("SNAPSHOTROOT", root);
            }
            Edit::AddCacheDirective { directive, rpc }
            | Edit::ModifyCacheDirective { directive, rpc } => {
                self.directive(directive);
                self.rpc(rpc);
            }
            Edit::RemoveCacheDirective { id, rpc } => {
                self.field("ID", id);
                self.rpc(rpc);
            }
            Edit::AddCachePool { pool, rpc } | Edit::ModifyCachePool { pool, rpc } => {
                self.pool(pool);
                self.rpc(rpc);
            }
            Edit::RemoveCachePool { name, rpc } => {
                self.string("POOLNAME", name);
                self.rpc(rpc);
            }
            Edit::AddErasureCodingPolicy { policy, rpc } => {
                self.policy(policy);
                self.rpc(rpc);
            }
            Edit::EnableErasureCodingPolicy { name, rpc }
            | Edit::DisableErasureCodingPolicy { name, rpc }
            | Edit::RemoveErasureCodingPolicy { name, rpc } => {
                self.string("POLICYNAME", name);
                self.rpc(rpc);
            }
            _ => self.attribute(edit),
        }
    }

    fn attribute(&mut self, edit: &Edit) {
        match edit {
            Edit::SetReplication { path, replication } => {
                self.string("PATH", path);
                self.short("REPLICATION", *replication);
            }
            Edit::SetPermissions { path, mode } => {
                self.string("SRC", path);
                self.short("MODE", *mode);
            }
            Edit::SetOwner { path, owner, group } => {
                self.string("SRC", path);
                if let Some(owner) = owner {
                    self.string("USERNAME", owner);
                }
                if let Some(group) = group {
                    self.string("GROUPNAME", group);
                }
            }
            Edit::Times { path, mtime, atime } => {
                self.length();
                self.string("PATH", path);
                self.field("MTIME", mtime);
                self.field("ATIME", atime);
            }
            Edit::SetNsQuota { path, namespace_quota } => {
                self.string("SRC", path);
                self.field("NSQUOTA", namespace_quota);
            }
            Edit::ClearNsQuota { path } => self.string("SRC", path),
            Edit::SetQuota { path, namespace_quota, storage_quota } => {
                self.string("SRC", path);
                self.field("NSQUOTA", namespace_quota);
                self.field("DSQUOTA", storage_quota);
            }
            Edit::SetQuotaByStorageType { path, storage_type, storage_quota } => {
                self.string("SRC", path);
                self.field("STORAGETYPE", *storage_type as u8);
                self.field("DSQUOTA", storage_quota);
            }
            Edit::SetAcl { path, entries } => {
                self.string("SRC", path);
                self.acl(entries);
            }
            Edit::SetXAttr { path, xattrs, rpc } | Edit::RemoveXAttr { path, xattrs, rpc } => {
                self.string("SRC", path);
                self.xattrs(xattrs);
                self.rpc(rpc);
            }
            Edit::SetStoragePolicy { path, policy } => {
                self.string("PATH", path);
                self.field("POLICYID", *policy as i8);
            }
            _ => {}
        }
    }

    fn file(&mut self, edit: &Edit) {
        let (inode, path, replication, mtime, atime, block_size, blocks, permissions) = match edit {
            Edit::Add(add) => (
                add.inode,
                &add.path,
                add.replication,
                add.mtime,
                add.atime,
                add.block_size,
                &add.blocks,
                &add.permissions,
            ),
            Edit::Close(close) => (
                close.inode,
                &close.path,
                close.replication,
                close.mtime,
                close.atime,
                close.block_size,
                &close.blocks,
                &close.permissions,
            ),
            _ => return,
        };
        self.length();
        self.signed("INODEID", inode.0);
        self.string("PATH", path);
        self.short("REPLICATION", replication);
        self.signed("MTIME", mtime.0);
        self.signed("ATIME", atime.0);
        self.signed("BLOCKSIZE", block_size);
        let add = if let Edit::Add(add) = edit { Some(add) } else { None };
        self.string("CLIENT_NAME", add.map_or("", |add| &add.client_name));
        self.string("CLIENT_MACHINE", add.map_or("", |add| &add.client_machine));
        self.field("OVERWRITE", add.is_some_and(|add| add.overwrite));
        self.blocks(blocks);
        self.permissions(permissions);
        if let Some(add) = add {
            self.acl(&add.acl);
            self.field("ERASURE_CODING_POLICY_ID", add.erasure_coding_policy as i8);
            self.rpc(&add.rpc);
        }
    }

    fn rpc(&mut self, rpc: &RpcIds) {
        match &rpc.client_id {
            None => self.string("RPC_CLIENTID", ""),
            Some(id) => {
                let value = u128::from_be_bytes(*id);
                self.field(
                    "RPC_CLIENTID",
                    format_args!(
                        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                        value >> 96,
                        (value >> 80) & 0xffff,
                        (value >> 64) & 0xffff,
                        (value >> 48) & 0xffff,
                        value & 0xffff_ffff_ffff,
                    ),
                );
            }
        }
        self.field("RPC_CALLID", rpc.call_id);
    }

    fn blocks<'a>(&mut self, blocks: impl IntoIterator<Item = &'a Block>) {
        for block in blocks {
            self.open("BLOCK");
            self.field("BLOCK_ID", block.id.0);
            self.signed("NUM_BYTES", block.length);
            self.signed("GENSTAMP", block.generation_stamp.0);
            self.close("BLOCK");
        }
    }

    fn permissions(&mut self, permissions: &Permissions) {
        self.open("PERMISSION_STATUS");
        self.string("USERNAME", &permissions.owner);
        self.string("GROUPNAME", &permissions.group);
        self.short("MODE", permissions.mode);
        self.close("PERMISSION_STATUS");
    }

    fn acl(&mut self, entries: &[AclEntry]) {
        for entry in entries {
            self.open("ENTRY");
            self.field(
                "SCOPE",
                match entry.scope {
                    AclScope::Access => "ACCESS",
                    AclScope::Default => "DEFAULT",
                },
            );
            self.field(
                "TYPE",
                match entry.kind {
                    AclKind::User => "USER",
                    AclKind::Group => "GROUP",
                    AclKind::Mask => "MASK",
                    AclKind::Other => "OTHER",
                },
            );
            if let Some(name) = &entry.name {
                self.string("NAME", name);
            }
            let symbol = |bit: u8, letter: char| {
                if entry.permission & bit == 0 { '-' } else { letter }
            };
            self.field(
                "PERM",
                format_args!("{}{}{}", symbol(4, 'r'), symbol(2, 'w'), symbol(1, 'x')),
            );
            self.close("ENTRY");
        }
    }

    fn xattrs(&mut self, xattrs: &[XAttr]) {
        for xattr in xattrs {
            self.open("XATTR");
            self.field("NAMESPACE", namespace_name(xattr.namespace));
            self.string("NAME", &xattr.name);
            if let Some(value) = &xattr.value {
                self.field("VALUE", format_args!("0x{}", Hex(value)));
            }
            self.close("XATTR");
        }
    }

    fn token(&mut self, token: &DelegationToken) {
        self.open("DELEGATION_TOKEN_IDENTIFIER");
        self.field("KIND", "HDFS_DELEGATION_TOKEN");
        self.field("SEQUENCE_NUMBER", token.sequence_number);
        self.string("OWNER", &token.owner);
        self.string("RENEWER", &token.renewer);
        self.string("REALUSER", &token.real_user);
        self.field("ISSUE_DATE", token.issue_date);
        self.field("MAX_DATE", token.max_date);
        self.field("MASTER_KEY_ID", token.master_key_id);
        self.close("DELEGATION_TOKEN_IDENTIFIER");
    }

    fn key(&mut self, key: &DelegationKey) {
        self.open("DELEGATION_KEY");
        self.field("KEY_ID", key.id);
        self.field("EXPIRY_DATE", key.expiry_date);
        if let Some(bytes) = &key.key {
            self.string("KEY", &Hex(bytes).to_string());
        }
        self.close("DELEGATION_KEY");
    }

    fn directive(&mut self, directive: &CacheDirective) {
        self.field("ID", directive.id);
        if let Some(path) = &directive.path {
            self.string("PATH", path);
        }
        if let Some(replication) = directive.replication {
            self.short("REPLICATION", replication);
        }
        if let Some(pool) = &directive.pool {
            self.string("POOL", pool);
        }
        if let Some(expiration) = directive.expiration {
            self.field("EXPIRATION", expiration);
        }
    }

    fn pool(&mut self, pool: &CachePool) {
        self.string("POOLNAME", &pool.name);
        if let Some(owner) = &pool.owner {
            self.string("OWNERNAME", owner);
        }
        if let Some(group) = &pool.group {
            self.string("GROUPNAME", group);
        }
        if let Some(mode) = pool.mode {
            self.short("MODE", mode);
        }
        if let Some(limit) = pool.limit {
            self.field("LIMIT", limit);
        }
        if let Some(expiry) = pool.max_relative_expiry {
            self.field("MAXRELATIVEEXPIRY", expiry);
        }
        if let Some(replication) = pool.default_replication {
            self.short("DEFAULTREPLICATION", replication);
        }
    }

    fn policy(&mut self, policy: &ErasureCodingPolicy) {
        self.string("CODEC", &policy.codec);
        self.field("DATAUNITS", policy.data_units);
        self.field("PARITYUNITS", policy.parity_units);
        self.field("CELLSIZE", policy.cell_size);
        self.field("EXTRAOPTIONS", policy.extra_options.len());
        for (key, value) in &policy.extra_options {
            self.open("EXTRAOPTION");
            self.string("KEY", key);
            self.string("VALUE", value);
            self.close("EXTRAOPTION");
        }
    }
}

pub(super) const fn option_name(option: RenameOption) -> &'static str {
    match option {
        RenameOption::None => "NONE",
        RenameOption::Overwrite => "OVERWRITE",
        RenameOption::ToTrash => "TO_TRASH",
    }
}

pub(super) const fn namespace_name(namespace: XAttrNamespace) -> &'static str {
    match namespace {
        XAttrNamespace::User => "USER",
        XAttrNamespace::Trusted => "TRUSTED",
        XAttrNamespace::Security => "SECURITY",
        XAttrNamespace::System => "SYSTEM",
        XAttrNamespace::Raw => "RAW",
    }
}

struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
