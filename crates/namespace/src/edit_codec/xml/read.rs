//! Operations out of the XML that `hdfs oev` wrote (`OfflineEditsXmlLoader`).

use super::escape::unmangle;
use super::pull::{Pull, Token};
use super::stanza::Stanza;
use crate::edit::{
    AclEntry, AclKind, AclScope, AddFile, Block, CacheDirective, CachePool, CloseFile,
    DelegationKey, DelegationToken, Edit, ErasureCodingPolicy, Mkdir, Permissions, RenameOption,
    RpcIds, StorageType, Symlink, Transaction, XAttr, XAttrNamespace,
};
use crate::edit_codec::Opcode;
use bytes::Bytes;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds, TxId};
use std::io::BufRead;

/// Elements inside elements.
const MAX_DEPTH: usize = 16;

/// An XML document that does not describe edits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is no XML.
    #[error("{0}")]
    Syntax(String),
    /// It is XML, but not what is expected (`XMLUtils.InvalidXmlException`).
    #[error("{0}")]
    Invalid(String),
}

impl XmlError {
    /// The exception Java raises here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "org.xml.sax.SAXParseException",
            Self::Invalid(_) => "org.apache.hadoop.hdfs.util.XMLUtils$InvalidXmlException",
        }
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::Invalid(format!("no entry found for {name}"))
    }
}

type Result<T> = std::result::Result<T, XmlError>;

fn invalid<T>(message: impl Into<String>) -> Result<T> {
    Err(XmlError::Invalid(message.into()))
}

/// What comes next in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XmlEvent {
    /// The layout version, always first.
    Version(i32),
    /// An operation.
    Transaction(Transaction),
    /// All is read.
    End,
}

/// Reads what [`super::XmlWriter`] and `hdfs oev -p xml` write.
pub struct XmlReader<R> {
    pull: Pull<R>,
    begun: bool,
}

impl<R: BufRead> XmlReader<R> {
    /// Reads from the beginning of `source`.
    pub fn new(source: R) -> Self {
        Self { pull: Pull::new(source), begun: false }
    }

    /// Bytes read so far, for messages.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.pull.position()
    }

    /// Reads on.
    ///
    /// # Errors
    /// [`XmlError`], if the document is not what `oev` writes.
    pub fn next_event(&mut self) -> Result<XmlEvent> {
        if !self.begun {
            self.begun = true;
            return self.version().map(XmlEvent::Version);
        }
        match self.pull.next()? {
            Token::Open(name) if name == "RECORD" => self.record().map(XmlEvent::Transaction),
            Token::Close(name, _) if name == "EDITS" => match self.pull.next()? {
                Token::End => Ok(XmlEvent::End),
                _ => invalid("not expecting anything after </EDITS>"),
            },
            Token::Open(_) => invalid("expected a <RECORD> tag"),
            Token::Close(..) => invalid("expected </EDITS> or </RECORD>"),
            Token::End => invalid("expecting </EDITS>"),
        }
    }

    fn version(&mut self) -> Result<i32> {
        self.expect_open("EDITS", "you must put <EDITS> at the top of the XML file!")?;
        self.expect_open(
            "EDITS_VERSION",
            "you must put <EDITS_VERSION> at the top of the XML file!",
        )?;
        let text = self.expect_close("EDITS_VERSION")?;
        text.parse().or_else(|_| invalid(format!("For input string: \"{text}\" in EDITS_VERSION")))
    }

    fn record(&mut self) -> Result<Transaction> {
        self.expect_open("OPCODE", "expected an <OPCODE> tag")?;
        let name = self.expect_close("OPCODE")?;
        let Some(opcode) = Opcode::from_name(&name) else {
            return invalid(format!(
                "No enum constant org.apache.hadoop.hdfs.server.namenode.FSEditLogOpCodes.{name}"
            ));
        };
        self.expect_open("DATA", "expected a <DATA> tag")?;
        let stanza = self.stanza("DATA")?;
        self.expect_close("RECORD")?;
        Ok(Transaction { txid: TxId(stanza.unsigned("TXID")?), edit: edit(opcode, &stanza)? })
    }

    /// What is inside the element that has just begun.
    fn stanza(&mut self, outermost: &str) -> Result<Stanza> {
        let mut open = vec![(outermost.to_owned(), Stanza::default())];
        loop {
            match self.pull.next()? {
                Token::Open(name) => {
                    if open.len() >= MAX_DEPTH {
                        return invalid("elements are nested too deeply");
                    }
                    open.push((name, Stanza::default()));
                }
                Token::Close(_, text) => {
                    let Some((name, mut stanza)) = open.pop() else {
                        return invalid("expected </DATA>");
                    };
                    stanza.value = clean(&text)?;
                    match open.last_mut() {
                        Some((_, parent)) => parent.push(name, stanza),
                        None => return Ok(stanza),
                    }
                }
                Token::End => return invalid("expected </DATA>"),
            }
        }
    }

    fn expect_open(&mut self, name: &str, message: &str) -> Result<()> {
        match self.pull.next()? {
            Token::Open(found) if found == name => Ok(()),
            Token::Open(found) => invalid(format!("{message} Got tag {found} instead")),
            _ => invalid(message),
        }
    }

    fn expect_close(&mut self, name: &str) -> Result<String> {
        match self.pull.next()? {
            Token::Close(found, text) if found == name => clean(&text),
            _ => invalid(format!("expected </{name}>")),
        }
    }
}

/// Java unmangles, then trims.
fn clean(text: &str) -> Result<String> {
    let text = unmangle(text).map_err(|reason| XmlError::Invalid(reason.into()))?;
    let trimmed = text.trim_matches(|character| character <= ' ');
    Ok(trimmed.to_owned())
}

fn edit(opcode: Opcode, stanza: &Stanza) -> Result<Edit> {
    Ok(match opcode {
        Opcode::Add => Edit::Add(Box::new(add(stanza)?)),
        Opcode::Close => Edit::Close(Box::new(close(stanza)?)),
        Opcode::Mkdir => Edit::Mkdir(Box::new(Mkdir {
            inode: InodeId(stanza.unsigned("INODEID")?),
            path: stanza.string("PATH")?,
            timestamp: time(stanza, "TIMESTAMP")?,
            permissions: permissions(stanza)?,
            acl: acl(stanza)?,
            xattrs: xattrs(stanza)?,
        })),
        Opcode::Symlink => Edit::Symlink(Box::new(Symlink {
            inode: InodeId(stanza.unsigned("INODEID")?),
            path: stanza.string("PATH")?,
            target: stanza.string("VALUE")?,
            mtime: time(stanza, "MTIME")?,
            atime: time(stanza, "ATIME")?,
            permissions: permissions(stanza)?,
            rpc: rpc(stanza)?,
        })),
        Opcode::RenameOld => Edit::RenameOld {
            source: stanza.string("SRC")?,
            destination: stanza.string("DST")?,
            timestamp: time(stanza, "TIMESTAMP")?,
            rpc: rpc(stanza)?,
        },
        Opcode::Rename => Edit::Rename {
            source: stanza.string("SRC")?,
            destination: stanza.string("DST")?,
            timestamp: time(stanza, "TIMESTAMP")?,
            options: rename_options(stanza.str("OPTIONS")?)?,
            rpc: rpc(stanza)?,
        },
        Opcode::Delete => Edit::Delete {
            path: stanza.string("PATH")?,
            timestamp: time(stanza, "TIMESTAMP")?,
            rpc: rpc(stanza)?,
        },
        Opcode::ConcatDelete => concat(stanza)?,
        Opcode::UpdateBlocks => Edit::UpdateBlocks {
            path: stanza.string("PATH")?,
            blocks: blocks(stanza)?,
            rpc: rpc(stanza)?,
        },
        Opcode::AddBlock => {
            let (penultimate, last) = match blocks(stanza)?.as_slice() {
                [last] => (None, *last),
                [penultimate, last] => (Some(*penultimate), *last),
                _ => return invalid("OP_ADD_BLOCK has one or two blocks"),
            };
            Edit::AddBlock { path: stanza.string("PATH")?, penultimate, last, rpc: rpc(stanza)? }
        }
        Opcode::Append => Edit::Append {
            path: stanza.string("PATH")?,
            client_name: stanza.string("CLIENT_NAME")?,
            client_machine: stanza.string("CLIENT_MACHINE")?,
            new_block: stanza.boolean("NEWBLOCK")?,
            rpc: rpc(stanza)?,
        },
        Opcode::Truncate => Edit::Truncate {
            path: stanza.string("SRC")?,
            client_name: stanza.string("CLIENTNAME")?,
            client_machine: stanza.string("CLIENTMACHINE")?,
            new_length: stanza.unsigned("NEWLENGTH")?,
            timestamp: time(stanza, "TIMESTAMP")?,
            block: match blocks(stanza)?.as_slice() {
                [] => None,
                [block] => Some(*block),
                _ => return invalid("More than one value found for BLOCK"),
            },
        },
        Opcode::ReassignLease => Edit::ReassignLease {
            lease_holder: stanza.string("LEASEHOLDER")?,
            path: stanza.string("PATH")?,
            new_holder: stanza.string("NEWHOLDER")?,
        },
        Opcode::StartLogSegment => Edit::StartLogSegment,
        Opcode::EndLogSegment => Edit::EndLogSegment,
        Opcode::SetGenstampV1 => {
            Edit::SetGenstampV1 { generation_stamp: GenerationStamp(stanza.unsigned("GENSTAMP")?) }
        }
        Opcode::SetGenstampV2 => Edit::SetGenstampV2 {
            generation_stamp: GenerationStamp(stanza.unsigned("GENSTAMPV2")?),
        },
        Opcode::AllocateBlockId => {
            Edit::AllocateBlockId { block: BlockId(stanza.number("BLOCK_ID")?) }
        }
        Opcode::GetDelegationToken => Edit::GetDelegationToken {
            token: Box::new(token(stanza)?),
            expiry_time: stanza.number("EXPIRY_TIME")?,
        },
        Opcode::RenewDelegationToken => Edit::RenewDelegationToken {
            token: Box::new(token(stanza)?),
            expiry_time: stanza.number("EXPIRY_TIME")?,
        },
        Opcode::CancelDelegationToken => {
            Edit::CancelDelegationToken { token: Box::new(token(stanza)?) }
        }
        Opcode::UpdateMasterKey => Edit::UpdateMasterKey { key: Box::new(key(stanza)?) },
        Opcode::RollingUpgradeStart => {
            Edit::RollingUpgradeStart { time: time(stanza, "STARTTIME")? }
        }
        Opcode::RollingUpgradeFinalize => {
            Edit::RollingUpgradeFinalize { time: time(stanza, "FINALIZETIME")? }
        }
        _ => return lesser_edit(opcode, stanza),
    })
}

fn lesser_edit(opcode: Opcode, stanza: &Stanza) -> Result<Edit> {
    Ok(match opcode {
        Opcode::CreateSnapshot => Edit::CreateSnapshot {
            root: stanza.string("SNAPSHOTROOT")?,
            name: stanza.string("SNAPSHOTNAME")?,
            mtime: time(stanza, "MTIME")?,
            rpc: rpc(stanza)?,
        },
        Opcode::DeleteSnapshot => Edit::DeleteSnapshot {
            root: stanza.string("SNAPSHOTROOT")?,
            name: stanza.string("SNAPSHOTNAME")?,
            mtime: time(stanza, "MTIME")?,
            rpc: rpc(stanza)?,
        },
        Opcode::RenameSnapshot => Edit::RenameSnapshot {
            root: stanza.string("SNAPSHOTROOT")?,
            old_name: stanza.string("SNAPSHOTOLDNAME")?,
            new_name: stanza.string("SNAPSHOTNEWNAME")?,
            mtime: time(stanza, "MTIME")?,
            rpc: rpc(stanza)?,
        },
        Opcode::AllowSnapshot => Edit::AllowSnapshot { root: stanza.string("SNAPSHOTROOT")? },
        Opcode::DisallowSnapshot => Edit::DisallowSnapshot { root: stanza.string("SNAPSHOTROOT")? },
        Opcode::AddCacheDirective => {
            Edit::AddCacheDirective { directive: Box::new(directive(stanza)?), rpc: rpc(stanza)? }
        }
        Opcode::ModifyCacheDirective => Edit::ModifyCacheDirective {
            directive: Box::new(directive(stanza)?),
            rpc: rpc(stanza)?,
        },
        Opcode::RemoveCacheDirective => {
            Edit::RemoveCacheDirective { id: stanza.number("ID")?, rpc: rpc(stanza)? }
        }
        Opcode::AddCachePool => {
            Edit::AddCachePool { pool: Box::new(pool(stanza)?), rpc: rpc(stanza)? }
        }
        Opcode::ModifyCachePool => {
            Edit::ModifyCachePool { pool: Box::new(pool(stanza)?), rpc: rpc(stanza)? }
        }
        Opcode::RemoveCachePool => {
            Edit::RemoveCachePool { name: stanza.string("POOLNAME")?, rpc: rpc(stanza)? }
        }
        Opcode::AddErasureCodingPolicy => {
            Edit::AddErasureCodingPolicy { policy: Box::new(policy(stanza)?), rpc: rpc(stanza)? }
        }
        Opcode::EnableErasureCodingPolicy => Edit::EnableErasureCodingPolicy {
            name: stanza.string("POLICYNAME")?,
            rpc: rpc(stanza)?,
        },
        Opcode::DisableErasureCodingPolicy => Edit::DisableErasureCodingPolicy {
            name: stanza.string("POLICYNAME")?,
            rpc: rpc(stanza)?,
        },
        Opcode::RemoveErasureCodingPolicy => Edit::RemoveErasureCodingPolicy {
            name: stanza.string("POLICYNAME")?,
            rpc: rpc(stanza)?,
        },
        _ => return attribute(opcode, stanza),
    })
}

fn attribute(opcode: Opcode, stanza: &Stanza) -> Result<Edit> {
    Ok(match opcode {
        Opcode::SetReplication => Edit::SetReplication {
            path: stanza.string("PATH")?,
            replication: stanza.short("REPLICATION")?,
        },
        Opcode::SetPermissions => {
            Edit::SetPermissions { path: stanza.string("SRC")?, mode: stanza.short("MODE")? }
        }
        Opcode::SetOwner => Edit::SetOwner {
            path: stanza.string("SRC")?,
            owner: stanza.text_or_none("USERNAME")?.map(str::to_owned),
            group: stanza.text_or_none("GROUPNAME")?.map(str::to_owned),
        },
        Opcode::Times => Edit::Times {
            path: stanza.string("PATH")?,
            mtime: stanza.number("MTIME")?,
            atime: stanza.number("ATIME")?,
        },
        Opcode::SetNsQuota => Edit::SetNsQuota {
            path: stanza.string("SRC")?,
            namespace_quota: stanza.number("NSQUOTA")?,
        },
        Opcode::ClearNsQuota => Edit::ClearNsQuota { path: stanza.string("SRC")? },
        Opcode::SetQuota => Edit::SetQuota {
            path: stanza.string("SRC")?,
            namespace_quota: stanza.number("NSQUOTA")?,
            storage_quota: stanza.number("DSQUOTA")?,
        },
        Opcode::SetQuotaByStorageType => Edit::SetQuotaByStorageType {
            path: stanza.string("SRC")?,
            storage_type: StorageType::from_number(stanza.byte("STORAGETYPE")?)
                .ok_or_else(|| XmlError::Invalid("unknown STORAGETYPE".into()))?,
            storage_quota: stanza.number("DSQUOTA")?,
        },
        Opcode::SetAcl => Edit::SetAcl { path: stanza.string("SRC")?, entries: acl(stanza)? },
        Opcode::SetXAttr => Edit::SetXAttr {
            path: stanza.string("SRC")?,
            xattrs: xattrs(stanza)?,
            rpc: rpc(stanza)?,
        },
        Opcode::RemoveXAttr => Edit::RemoveXAttr {
            path: stanza.string("SRC")?,
            xattrs: xattrs(stanza)?,
            rpc: rpc(stanza)?,
        },
        Opcode::SetStoragePolicy => Edit::SetStoragePolicy {
            path: stanza.string("PATH")?,
            policy: stanza.byte("POLICYID")?,
        },
        other => return invalid(format!("cannot read {} from XML", other.name())),
    })
}

fn add(stanza: &Stanza) -> Result<AddFile> {
    let file = close(stanza)?;
    Ok(AddFile {
        inode: file.inode,
        path: file.path,
        replication: file.replication,
        mtime: file.mtime,
        atime: file.atime,
        block_size: file.block_size,
        blocks: file.blocks,
        permissions: file.permissions,
        acl: acl(stanza)?,
        // Java does not write these two to XML.
        xattrs: Vec::new(),
        storage_policy: 0,
        client_name: stanza.string("CLIENT_NAME")?,
        client_machine: stanza.string("CLIENT_MACHINE")?,
        overwrite: stanza.boolean("OVERWRITE")?,
        erasure_coding_policy: if stanza.has("ERASURE_CODING_POLICY_ID") {
            stanza.byte("ERASURE_CODING_POLICY_ID")?
        } else {
            0
        },
        rpc: rpc(stanza)?,
    })
}

fn close(stanza: &Stanza) -> Result<CloseFile> {
    Ok(CloseFile {
        inode: InodeId(stanza.unsigned("INODEID")?),
        path: stanza.string("PATH")?,
        replication: stanza.short("REPLICATION")?,
        mtime: time(stanza, "MTIME")?,
        atime: time(stanza, "ATIME")?,
        block_size: stanza.unsigned("BLOCKSIZE")?,
        blocks: blocks(stanza)?,
        permissions: permissions(stanza)?,
    })
}

fn concat(stanza: &Stanza) -> Result<Edit> {
    let list = stanza.child("SOURCES")?;
    let mut sources = Vec::new();
    while let Some(source) = list.text_or_none(&format!("SOURCE{}", sources.len() + 1))? {
        sources.push(source.to_owned());
    }
    Ok(Edit::ConcatDelete {
        target: stanza.string("TRG")?,
        sources,
        timestamp: time(stanza, "TIMESTAMP")?,
        rpc: rpc(stanza)?,
    })
}

fn time(stanza: &Stanza, name: &str) -> Result<Milliseconds> {
    stanza.unsigned(name).map(Milliseconds)
}

fn rpc(stanza: &Stanza) -> Result<RpcIds> {
    let client_id = match stanza.text_or_none("RPC_CLIENTID")? {
        None | Some("") => None,
        Some(text) => Some(
            uuid(text).ok_or_else(|| XmlError::Invalid(format!("Invalid UUID string: {text}")))?,
        ),
    };
    Ok(RpcIds {
        client_id,
        call_id: stanza.number_or_none("RPC_CALLID")?.unwrap_or(RpcIds::NONE.call_id),
    })
}

/// Java's UUID: five hexadecimal numbers, of which each may be short of leading zeros.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut value = 0_u128;
    let mut parts = text.split('-');
    for bits in [32, 16, 16, 16, 48] {
        let part = u64::from_str_radix(parts.next()?, 16).ok()?;
        if part >> bits != 0 {
            return None;
        }
        value = (value << bits) | u128::from(part);
    }
    parts.next().is_none().then(|| value.to_be_bytes())
}

fn blocks(stanza: &Stanza) -> Result<Vec<Block>> {
    stanza
        .children("BLOCK")
        .map(|block| {
            Ok(Block {
                id: BlockId(block.number("BLOCK_ID")?),
                length: block.unsigned("NUM_BYTES")?,
                generation_stamp: GenerationStamp(block.unsigned("GENSTAMP")?),
            })
        })
        .collect()
}

fn permissions(stanza: &Stanza) -> Result<Permissions> {
    let status = stanza.child("PERMISSION_STATUS")?;
    Ok(Permissions {
        owner: status.string("USERNAME")?,
        group: status.string("GROUPNAME")?,
        mode: status.short("MODE")?,
    })
}

fn acl(stanza: &Stanza) -> Result<Vec<AclEntry>> {
    stanza.children("ENTRY").map(acl_entry).collect()
}

fn acl_entry(stanza: &Stanza) -> Result<AclEntry> {
    Ok(AclEntry {
        scope: match stanza.str("SCOPE")? {
            "ACCESS" => AclScope::Access,
            "DEFAULT" => AclScope::Default,
            other => return invalid(format!("unknown SCOPE {other}")),
        },
        kind: match stanza.str("TYPE")? {
            "USER" => AclKind::User,
            "GROUP" => AclKind::Group,
            "MASK" => AclKind::Mask,
            "OTHER" => AclKind::Other,
            other => return invalid(format!("unknown TYPE {other}")),
        },
        name: stanza.text_or_none("NAME")?.map(str::to_owned),
        permission: match stanza.str("PERM")?.as_bytes() {
            [read @ (b'r' | b'-'), write @ (b'w' | b'-'), execute @ (b'x' | b'-')] => {
                u8::from(*read == b'r') << 2
                    | u8::from(*write == b'w') << 1
                    | u8::from(*execute == b'x')
            }
            _ => return invalid("Invalid value for FsAction"),
        },
    })
}

fn xattrs(stanza: &Stanza) -> Result<Vec<XAttr>> {
    stanza
        .children("XATTR")
        .map(|xattr| {
            Ok(XAttr {
                namespace: match xattr.str("NAMESPACE")? {
                    "USER" => XAttrNamespace::User,
                    "TRUSTED" => XAttrNamespace::Trusted,
                    "SECURITY" => XAttrNamespace::Security,
                    "SYSTEM" => XAttrNamespace::System,
                    "RAW" => XAttrNamespace::Raw,
                    other => return invalid(format!("unknown NAMESPACE {other}")),
                },
                name: xattr.string("NAME")?,
                value: xattr.text_or_none("VALUE")?.map(xattr_value).transpose()?,
            })
        })
        .collect()
}

/// `XAttrCodec.decodeValue`: in quotes, after 0x or 0s, or as it is.
fn xattr_value(text: &str) -> Result<Bytes> {
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Ok(Bytes::copy_from_slice(inner.as_bytes()));
    }
    let Some((prefix, rest)) = text.split_at_checked(2) else {
        return Ok(Bytes::copy_from_slice(text.as_bytes()));
    };
    let decoded = match prefix {
        "0x" | "0X" => hex(rest),
        "0s" | "0S" => base64(rest),
        _ => Some(text.as_bytes().to_vec()),
    };
    decoded.map(Bytes::from).ok_or_else(|| XmlError::Invalid(format!("bad VALUE {text}")))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| u8::try_from((digit(high)? << 4) | digit(low)?).ok()).collect()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes().filter(|&byte| byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' => continue,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

fn rename_options(text: &str) -> Result<Vec<RenameOption>> {
    text.split('|')
        .filter(|name| !name.is_empty())
        .map(|name| match name {
            "NONE" => Ok(RenameOption::None),
            "OVERWRITE" => Ok(RenameOption::Overwrite),
            "TO_TRASH" => Ok(RenameOption::ToTrash),
            other => invalid(format!("error parsing Rename value: \"{other}\"")),
        })
        .collect()
}

fn token(stanza: &Stanza) -> Result<DelegationToken> {
    let token = stanza.child("DELEGATION_TOKEN_IDENTIFIER")?;
    let kind = token.str("KIND")?;
    if kind != "HDFS_DELEGATION_TOKEN" {
        return invalid(format!("can't understand DelegationTokenIdentifier KIND {kind}"));
    }
    Ok(DelegationToken {
        owner: token.string("OWNER")?,
        renewer: token.string("RENEWER")?,
        real_user: token.string("REALUSER")?,
        issue_date: token.number("ISSUE_DATE")?,
        max_date: token.number("MAX_DATE")?,
        sequence_number: token.number("SEQUENCE_NUMBER")?,
        master_key_id: token.number("MASTER_KEY_ID")?,
    })
}

fn key(stanza: &Stanza) -> Result<DelegationKey> {
    let key = stanza.child("DELEGATION_KEY")?;
    Ok(DelegationKey {
        id: key.number("KEY_ID")?,
        expiry_date: key.number("EXPIRY_DATE")?,
        key: key
            .text_or_none("KEY")?
            .map(|text| {
                hex(text).map(Bytes::from).ok_or_else(|| XmlError::Invalid("bad KEY".into()))
            })
            .transpose()?,
    })
}

fn directive(stanza: &Stanza) -> Result<CacheDirective> {
    Ok(CacheDirective {
        id: stanza.number("ID")?,
        path: stanza.text_or_none("PATH")?.map(str::to_owned),
        replication: stanza.number_or_none::<i16>("REPLICATION")?.map(|value| value as u16),
        pool: stanza.text_or_none("POOL")?.map(str::to_owned),
        expiration: stanza.number_or_none("EXPIRATION")?,
    })
}

fn pool(stanza: &Stanza) -> Result<CachePool> {
    Ok(CachePool {
        name: stanza.string("POOLNAME")?,
        owner: stanza.text_or_none("OWNERNAME")?.map(str::to_owned),
        group: stanza.text_or_none("GROUPNAME")?.map(str::to_owned),
        mode: stanza.number_or_none::<i16>("MODE")?.map(|value| value as u16),
        limit: stanza.number_or_none("LIMIT")?,
        max_relative_expiry: stanza.number_or_none("MAXRELATIVEEXPIRY")?,
        default_replication: stanza
            .number_or_none::<i16>("DEFAULTREPLICATION")?
            .map(|value| value as u16),
    })
}

fn policy(stanza: &Stanza) -> Result<ErasureCodingPolicy> {
    Ok(ErasureCodingPolicy {
        codec: stanza.string("CODEC")?,
        data_units: stanza.number("DATAUNITS")?,
        parity_units: stanza.number("PARITYUNITS")?,
        cell_size: stanza.number("CELLSIZE")?,
        extra_options: stanza
            .children("EXTRAOPTION")
            .map(|option| Ok((option.string("KEY")?, option.string("VALUE")?)))
            .collect::<Result<_>>()?,
    })
}
