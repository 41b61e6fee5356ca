//! `hdfs oiv -p XML` (`PBImageXmlWriter`), byte for byte.

use super::OfflineError;
use super::dates::utc;
use crate::acl::entry_text;
use crate::edit::{AclEntry, Block, StorageType, XAttr, XAttrNamespace};
use crate::edit_codec::xml::mangle;
use crate::image::ImageReader;
use crate::image::carried::{BUILT_IN, policy_name};
use crate::image::error::ImageError;
use crate::image::inode_writer::QUOTA_TYPES;
use crate::image::proto::Malformed;
use crate::image::reader::{Children, directory_entry, each_message};
use crate::image::section::{
    CACHE_MANAGER, ERASURE_CODING, FILES_UNDERCONSTRUCTION, INODE_DIR, INODE_DIR_SUB,
    SECRET_MANAGER, SNAPSHOT,
};
use crate::status::Quota;
use crate::view::{LoadedBody, LoadedInode};
use loxodon_wire::proto::hdfs::fsimage::files_under_construction_section::FileUnderConstructionEntry;
use loxodon_wire::proto::hdfs::fsimage::{
    CacheManagerSection, ErasureCodingSection, SecretManagerSection, SnapshotSection,
    secret_manager_section,
};
use loxodon_wire::proto::hdfs::{
    CacheDirectiveInfoProto, CachePoolInfoProto, ErasureCodingPolicyProto, ErasureCodingPolicyState,
};
use prost::Message;
use std::fmt::{Display, Write as _};
use std::io::Write;

type Result<T> = std::result::Result<T, OfflineError>;

/// Text is written in pieces of this size.
const PIECE: usize = 256 * 1024;

/// Writes what `hdfs oiv -p XML` writes. `revision` is the version of the program, which Hadoop
/// puts at the beginning.
///
/// # Errors
/// If the image cannot be read, or `sink` not be written.
pub fn write_xml(image: &[u8], revision: &str, sink: &mut impl Write) -> Result<()> {
    let reader = ImageReader::open(image)?;
    reader.check_supported()?;
    let mut page = Page::default();
    page.text.push_str("<?xml version=\"1.0\"?>\n<fsimage><version>");
    page.field("layoutVersion", reader.summary().layout_version as i32);
    page.field("onDiskVersion", reader.summary().ondisk_version);
    page.field("oivRevision", revision);
    page.text.push_str("</version>\n");
    page.name_section(&reader);
    page.policies(&reader)?;
    page.inodes(&reader, sink)?;
    page.text.push_str("<INodeReferenceSection></INodeReferenceSection>");
    page.snapshots(&reader)?;
    page.directories(&reader, sink)?;
    page.open_files(&reader)?;
    page.secrets(&reader)?;
    page.caches(&reader)?;
    page.text.push_str("</fsimage>\n");
    page.flush(sink)?;
    sink.flush()?;
    Ok(())
}

fn decode<M: Message + Default>(
    section: &str,
    whole: &[u8],
    rest: &mut &[u8],
) -> std::result::Result<M, ImageError> {
    let offset = whole.len() - rest.len();
    M::decode_length_delimited(rest)
        .map_err(|error| ImageError::corrupt(section, offset, error.to_string()))
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn flush(&mut self, sink: &mut impl Write) -> Result<()> {
        sink.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    fn flush_if_long(&mut self, sink: &mut impl Write) -> Result<()> {
        if self.text.len() >= PIECE {
            self.flush(sink)?;
        }
        Ok(())
    }

    fn field(&mut self, tag: &str, value: impl Display) {
        // Writing to a String does not fail, here and below.
        let _ = write!(self.text, "<{tag}>{value}</{tag}>");
    }

    fn string(&mut self, tag: &str, value: &str) {
        let _ = write!(self.text, "<{tag}>");
        mangle(value, true, &mut self.text);
        let _ = write!(self.text, "</{tag}>");
    }

    /// Java has no unsigned numbers.
    fn signed(&mut self, tag: &str, value: u64) {
        self.field(tag, value as i64);
    }

    fn name_section(&mut self, reader: &ImageReader<'_>) {
        let names = reader.names();
        self.text.push_str("<NameSection>");
        self.field("namespaceId", names.namespace_id() as i32);
        self.signed("genstampV1", names.genstamp_v1());
        self.signed("genstampV2", names.genstamp_v2());
        self.signed("genstampV1Limit", names.genstamp_v1_limit());
        self.signed("lastAllocatedBlockId", names.last_allocated_block_id());
        self.signed("txid", names.transaction_id());
        self.text.push_str("</NameSection>\n");
    }

    fn policies(&mut self, reader: &ImageReader<'_>) -> Result<()> {
        for bytes in reader.sections(ERASURE_CODING)? {
            let section: ErasureCodingSection = decode(ERASURE_CODING, &bytes, &mut &*bytes)?;
            if section.policies.is_empty() {
                continue;
            }
            self.text.push_str("<ErasureCodingSection>\n");
            for policy in &section.policies {
                self.policy(policy);
            }
            self.text.push_str("</ErasureCodingSection>\n\n");
        }
        Ok(())
    }

    fn policy(&mut self, policy: &ErasureCodingPolicyProto) {
        let built_in = BUILT_IN.iter().zip(1..).find(|(_, id)| *id == policy.id);
        let schema = policy.schema.clone().unwrap_or_default();
        let (codec, data, parity, cell) = match built_in {
            Some((known, _)) => (known.codec, known.data_units, known.parity_units, 1024 * 1024),
            None => (
                schema.codec_name.as_str(),
                schema.data_units,
                schema.parity_units,
                policy.cell_size(),
            ),
        };
        self.text.push_str("<erasureCodingPolicy>\n");
        self.field("policyId", policy.id);
        self.string("policyName", policy_name(policy));
        self.field("cellSize", cell);
        self.field(
            "policyState",
            match policy.state() {
                ErasureCodingPolicyState::Disabled => "DISABLED",
                ErasureCodingPolicyState::Enabled => "ENABLED",
                ErasureCodingPolicyState::Removed => "REMOVED",
            },
        );
        self.text.push_str("<ecSchema>\n");
        self.string("codecName", codec);
        self.field("dataUnits", data);
        self.field("parityUnits", parity);
        if !schema.options.is_empty() {
            self.text.push_str("<extraOptions>\n");
            for option in &schema.options {
                self.text.push_str("<option>\n");
                self.string("key", &option.key);
                self.string("value", &option.value);
                self.text.push_str("</option>\n");
            }
            self.text.push_str("</extraOptions>\n");
        }
        self.text.push_str("</ecSchema>\n</erasureCodingPolicy>\n\n");
    }

    fn inodes(&mut self, reader: &ImageReader<'_>, sink: &mut impl Write) -> Result<()> {
        let (pieces, count) = reader.inode_pieces(PIECE)?;
        self.text.push_str("<INodeSection>");
        self.signed("lastInodeId", reader.last_inode()?.0);
        self.field("numInodes", count);
        for piece in &pieces {
            for inode in reader.decode(piece)? {
                self.inode(&inode);
            }
            self.flush_if_long(sink)?;
        }
        self.text.push_str("</INodeSection>\n");
        Ok(())
    }

    fn inode(&mut self, inode: &LoadedInode<'_>) {
        let kind = match inode.body {
            LoadedBody::File { .. } => "FILE",
            LoadedBody::Directory(_) => "DIRECTORY",
            LoadedBody::Symlink(_) => "SYMLINK",
        };
        self.text.push_str("<inode>");
        self.signed("id", inode.id.0);
        self.field("type", kind);
        self.string("name", &String::from_utf8_lossy(inode.name));
        match &inode.body {
            LoadedBody::File { .. } => self.file(inode),
            LoadedBody::Directory(quota) => {
                self.signed("mtime", inode.mtime.0);
                self.permission(inode);
                self.xattrs(&inode.xattrs);
                self.acls(&inode.acl);
                self.quota(quota);
            }
            LoadedBody::Symlink(target) => {
                self.permission(inode);
                self.string("target", target);
                self.signed("mtime", inode.mtime.0);
                self.signed("atime", inode.atime.0);
            }
        }
        self.text.push_str("</inode>\n");
    }

    fn file(&mut self, inode: &LoadedInode<'_>) {
        let LoadedBody::File {
            replication,
            block_size,
            storage_policy,
            erasure_coding_policy,
            blocks,
            writer,
        } = &inode.body
        else {
            return;
        };
        let striped = *erasure_coding_policy != 0;
        // `INodeFile.DEFAULT_REPL_FOR_STRIPED_BLOCKS`.
        self.field("replication", if striped { 1 } else { *replication });
        self.signed("mtime", inode.mtime.0);
        self.signed("atime", inode.atime.0);
        self.signed("preferredBlockSize", *block_size);
        self.permission(inode);
        self.xattrs(&inode.xattrs);
        self.acls(&inode.acl);
        self.blocks(blocks);
        self.field("storagePolicyId", storage_policy);
        if striped {
            self.field("blockType", "STRIPED");
            self.field("erasureCodingPolicyId", erasure_coding_policy);
        }
        if let Some((client, machine)) = writer {
            self.text.push_str("<file-under-construction>");
            self.string("clientName", client);
            self.string("clientMachine", machine);
            self.text.push_str("</file-under-construction>\n");
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        if blocks.is_empty() {
            return;
        }
        self.text.push_str("<blocks>");
        for block in blocks {
            self.text.push_str("<block>");
            self.field("id", block.id.0);
            self.signed("genstamp", block.generation_stamp.0);
            self.signed("numBytes", block.length);
            self.text.push_str("</block>\n");
        }
        self.text.push_str("</blocks>\n");
    }

    fn permission(&mut self, inode: &LoadedInode<'_>) {
        let permissions = &inode.permissions;
        let value = format!("{}:{}:{:04o}", permissions.owner, permissions.group, permissions.mode);
        self.string("permission", &value);
    }

    fn xattrs(&mut self, xattrs: &[XAttr]) {
        if xattrs.is_empty() {
            return;
        }
        self.text.push_str("<xattrs>");
        for xattr in xattrs {
            self.text.push_str("<xattr>");
            self.field(
                "ns",
                match xattr.namespace {
                    XAttrNamespace::User => "USER",
                    XAttrNamespace::Trusted => "TRUSTED",
                    XAttrNamespace::Security => "SECURITY",
                    XAttrNamespace::System => "SYSTEM",
                    XAttrNamespace::Raw => "RAW",
                },
            );
            self.string("name", &xattr.name);
            let value = xattr.value.as_deref().unwrap_or_default();
            match std::str::from_utf8(value) {
                Ok(text) => self.string("val", text),
                Err(_) => self.hex("valHex", value),
            }
            self.text.push_str("</xattr>");
        }
        self.text.push_str("</xattrs>");
    }

    fn hex(&mut self, tag: &str, bytes: &[u8]) {
        let _ = write!(self.text, "<{tag}>");
        for byte in bytes {
            let _ = write!(self.text, "{byte:02x}");
        }
        let _ = write!(self.text, "</{tag}>");
    }

    fn acls(&mut self, entries: &[AclEntry]) {
        if entries.is_empty() {
            return;
        }
        self.text.push_str("<acls>");
        for entry in entries {
            self.string("acl", &entry_text(entry));
        }
        self.text.push_str("</acls>");
    }

    fn quota(&mut self, quota: &Quota) {
        self.field("nsquota", quota.namespace);
        self.field("dsquota", quota.storage);
        for (kind, _) in QUOTA_TYPES {
            let limit = quota.by_type.get(kind as usize).copied().unwrap_or(-1);
            if limit >= 0 {
                self.text.push_str("<typeQuota>");
                self.field("type", type_name(kind));
                self.field("quota", limit);
                self.text.push_str("</typeQuota>");
            }
        }
    }

    fn snapshots(&mut self, reader: &ImageReader<'_>) -> Result<()> {
        for bytes in reader.sections(SNAPSHOT)? {
            let section: SnapshotSection = decode(SNAPSHOT, &bytes, &mut &*bytes)?;
            self.text.push_str("<SnapshotSection>");
            self.field("snapshotCounter", section.snapshot_counter());
            self.field("numSnapshots", section.num_snapshots());
            if !section.snapshottable_dir.is_empty() {
                self.text.push_str("<snapshottableDir>");
                for &directory in &section.snapshottable_dir {
                    self.signed("dir", directory);
                }
                self.text.push_str("</snapshottableDir>\n");
            }
            self.text.push_str("</SnapshotSection>\n");
        }
        Ok(())
    }

    fn directories(&mut self, reader: &ImageReader<'_>, sink: &mut impl Write) -> Result<()> {
        self.text.push_str("<INodeDirectorySection>");
        for part in reader.parts(INODE_DIR, INODE_DIR_SUB)? {
            each_message(INODE_DIR, &part, |message| {
                let (directory, children) = directory_entry(message)?;
                self.text.push_str("<directory>");
                self.signed("parent", directory.0);
                let mut children = Children::new(children);
                while let Some(child) = children.next()? {
                    self.signed("child", child.0);
                }
                self.text.push_str("</directory>\n");
                Ok(())
            })?;
            self.flush_if_long(sink)?;
        }
        self.text.push_str("</INodeDirectorySection>\n");
        Ok(())
    }

    fn open_files(&mut self, reader: &ImageReader<'_>) -> Result<()> {
        self.text.push_str("<FileUnderConstructionSection>");
        for part in reader.sections(FILES_UNDERCONSTRUCTION)? {
            each_message(FILES_UNDERCONSTRUCTION, &part, |message| {
                let entry = FileUnderConstructionEntry::decode(message)
                    .map_err(|_| Malformed { remaining: 0, reason: "an open file is malformed" })?;
                self.text.push_str("<inode>");
                self.signed("id", entry.inode_id());
                self.string("path", entry.full_path());
                self.text.push_str("</inode>\n");
                Ok(())
            })?;
        }
        self.text.push_str("</FileUnderConstructionSection>\n");
        Ok(())
    }

    fn secrets(&mut self, reader: &ImageReader<'_>) -> Result<()> {
        for bytes in reader.sections(SECRET_MANAGER)? {
            let mut rest = &*bytes;
            let section: SecretManagerSection = decode(SECRET_MANAGER, &bytes, &mut rest)?;
            self.text.push_str("<SecretManagerSection>");
            self.field("currentId", section.current_id());
            self.field("tokenSequenceNumber", section.token_sequence_number());
            self.field("numDelegationKeys", section.num_keys());
            self.field("numTokens", section.num_tokens());
            for _ in 0..section.num_keys() {
                let key: secret_manager_section::DelegationKey =
                    decode(SECRET_MANAGER, &bytes, &mut rest)?;
                self.text.push_str("<delegationKey>");
                self.field("id", key.id());
                self.hex("key", key.key());
                self.date("expiry", key.expiry_date);
                self.text.push_str("</delegationKey>");
            }
            for _ in 0..section.num_tokens() {
                let token = decode(SECRET_MANAGER, &bytes, &mut rest)?;
                self.token(&token);
            }
            self.text.push_str("</SecretManagerSection>");
        }
        Ok(())
    }

    fn token(&mut self, token: &secret_manager_section::PersistToken) {
        self.text.push_str("<token>");
        if let Some(version) = token.version {
            self.field("version", version);
        }
        for (tag, value) in
            [("owner", &token.owner), ("renewer", &token.renewer), ("realUser", &token.real_user)]
        {
            if let Some(value) = value {
                self.string(tag, value);
            }
        }
        self.date("issueDate", token.issue_date);
        self.date("maxDate", token.max_date);
        if let Some(number) = token.sequence_number {
            self.field("sequenceNumber", number);
        }
        if let Some(id) = token.master_key_id {
            self.field("masterKeyId", id);
        }
        self.date("expiryDate", token.expiry_date);
        self.text.push_str("</token>");
    }

    fn date(&mut self, tag: &str, date: Option<u64>) {
        if let Some(date) = date {
            self.field(tag, utc(date as i64));
        }
    }

    fn caches(&mut self, reader: &ImageReader<'_>) -> Result<()> {
        for bytes in reader.sections(CACHE_MANAGER)? {
            let mut rest = &*bytes;
            let section: CacheManagerSection = decode(CACHE_MANAGER, &bytes, &mut rest)?;
            self.text.push_str("<CacheManagerSection>");
            self.signed("nextDirectiveId", section.next_directive_id);
            self.field("numDirectives", section.num_directives);
            self.field("numPools", section.num_pools);
            for _ in 0..section.num_pools {
                let pool: CachePoolInfoProto = decode(CACHE_MANAGER, &bytes, &mut rest)?;
                self.text.push_str("<pool>");
                self.string("poolName", pool.pool_name());
                self.string("ownerName", pool.owner_name());
                self.string("groupName", pool.group_name());
                self.field("mode", pool.mode());
                self.field("limit", pool.limit());
                self.field("maxRelativeExpiry", pool.max_relative_expiry());
                self.text.push_str("</pool>\n");
            }
            for _ in 0..section.num_directives {
                let directive: CacheDirectiveInfoProto = decode(CACHE_MANAGER, &bytes, &mut rest)?;
                self.text.push_str("<directive>");
                self.field("id", directive.id());
                self.string("path", directive.path());
                self.field("replication", directive.replication());
                self.string("pool", directive.pool());
                self.text.push_str("<expiration>");
                let expiration = directive.expiration.unwrap_or_default();
                self.field("millis", expiration.millis);
                if expiration.is_relative {
                    self.text.push_str("<relative/>");
                }
                self.text.push_str("</expiration>\n</directive>\n");
            }
            self.text.push_str("</CacheManagerSection>\n");
        }
        Ok(())
    }
}

const fn type_name(kind: StorageType) -> &'static str {
    match kind {
        StorageType::RamDisk => "RAM_DISK",
        StorageType::Ssd => "SSD",
        StorageType::Disk => "DISK",
        StorageType::Archive => "ARCHIVE",
        StorageType::Provided => "PROVIDED",
        StorageType::Nvdimm => "NVDIMM",
    }
}
