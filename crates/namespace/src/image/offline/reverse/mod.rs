//! `hdfs oiv -p ReverseXML` (`OfflineImageReconstructor`): an image from what `-p XML` writes.

mod carried;
mod inode;
mod node;
mod snapshots;

use super::OfflineError;
use crate::edit_codec::xml::{Pull, Token};
use crate::image::section::{
    CACHE_MANAGER, ERASURE_CODING, FILES_UNDERCONSTRUCTION, INODE, INODE_DIR, INODE_REFERENCE,
    NS_INFO, SECRET_MANAGER, SNAPSHOT, SNAPSHOT_DIFF, STRING_TABLE,
};
use crate::image::strings::Numbering;
use crate::image::{MAGIC, proto::put_varint};
use loxodon_wire::editlog::LAYOUT_VERSION;
use loxodon_wire::proto::hdfs::fsimage::files_under_construction_section::FileUnderConstructionEntry;
use loxodon_wire::proto::hdfs::fsimage::i_node_directory_section::DirEntry;
use loxodon_wire::proto::hdfs::fsimage::{FileSummary, INodeSection, file_summary};
use node::{Node, ended, invalid};
use prost::Message;
use std::io::{BufRead, Write};

type Result<T> = std::result::Result<T, OfflineError>;

/// Elements of the document, and the sections that they are.
const SECTIONS: [(&str, &str); 10] = [
    ("NameSection", NS_INFO),
    ("ErasureCodingSection", ERASURE_CODING),
    ("INodeSection", INODE),
    ("INodeReferenceSection", INODE_REFERENCE),
    ("SnapshotSection", SNAPSHOT),
    ("INodeDirectorySection", INODE_DIR),
    ("FileUnderConstructionSection", FILES_UNDERCONSTRUCTION),
    ("SnapshotDiffSection", SNAPSHOT_DIFF),
    ("SecretManagerSection", SECRET_MANAGER),
    ("CacheManagerSection", CACHE_MANAGER),
];

/// Messages are gathered up to this many bytes before they are written.
const BUFFER: usize = 256 * 1024;

/// Writes the image that `xml` describes, without compression. It says nothing of whether the image
/// makes sense as a file system: that is seen when it is loaded.
///
/// # Errors
/// XML that is not an image's, an image of another version, a section that is missing; what `sink` fails with.
pub fn write_image(xml: impl BufRead, sink: &mut impl Write) -> Result<()> {
    let mut pull = Pull::new(xml);
    expect(&mut pull, "fsimage")?;
    expect(&mut pull, "version")?;
    let mut version = Node::read(&mut pull)?;
    let of = "version";
    let layout = Node::required(version.int("layoutVersion")?, of, "layoutVersion")?;
    let ondisk_version = Node::required(version.int("onDiskVersion")?, of, "onDiskVersion")?;
    if layout as i32 != LAYOUT_VERSION {
        return Err(invalid(format!(
            "Layout version mismatch. This version handles layout version {LAYOUT_VERSION}, but the XML has \
             <layoutVersion> {}",
            layout as i32
        ))
        .into());
    }
    let mut image = Image { sink, at: 0, begin: 0, out: MAGIC.to_vec(), sections: Vec::new() };
    image.flush()?;
    image.begin = image.at;
    image.sections(&mut pull)?;
    image.finish(ondisk_version, layout)
}

/// The next element has to be this one.
fn expect(pull: &mut Pull<impl BufRead>, name: &str) -> Result<()> {
    match pull.next()? {
        Token::Open(found) if found == name => Ok(()),
        Token::Open(found) => {
            Err(invalid(format!("Failed to find <{name}>; got {found} instead.")).into())
        }
        Token::Close(..) | Token::End => {
            Err(invalid(format!("Got unexpected end while looking for {name}")).into())
        }
    }
}

struct Image<'a, W> {
    sink: &'a mut W,
    /// Bytes written.
    at: u64,
    /// Where this section began.
    begin: u64,
    out: Vec<u8>,
    sections: Vec<file_summary::Section>,
}

impl<W: Write> Image<'_, W> {
    fn flush(&mut self) -> Result<()> {
        self.sink.write_all(&self.out)?;
        self.at += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }

    fn put(&mut self, message: &impl Message) -> Result<()> {
        self.out.extend_from_slice(&message.encode_length_delimited_to_vec());
        if self.out.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn end_section(&mut self, name: &str) -> Result<()> {
        self.flush()?;
        self.sections.push(file_summary::Section {
            name: Some(name.to_owned()),
            length: Some(self.at - self.begin),
            offset: Some(self.begin),
        });
        self.begin = self.at;
        Ok(())
    }

    /// All sections, and then the names that they use.
    fn sections(&mut self, pull: &mut Pull<impl BufRead>) -> Result<()> {
        let mut missing = SECTIONS.to_vec();
        let mut names = Numbering::default();
        loop {
            let element = match pull.next()? {
                Token::Open(element) => element,
                Token::Close(..) => break,
                Token::End => return Err(ended().into()),
            };
            let at = missing.iter().position(|(known, _)| *known == element).ok_or_else(|| {
                invalid(format!("Unknown or duplicate section found for {element}"))
            })?;
            let (_, section) = missing.remove(at);
            self.section(section, pull, &mut names)?;
            self.end_section(section)?;
        }
        missing.retain(|(_, section)| *section != SNAPSHOT_DIFF);
        if !missing.is_empty() {
            let missing: Vec<_> = missing.into_iter().map(|(element, _)| element).collect();
            return Err(invalid(format!(
                "FSImage XML ended prematurely, without including section(s) {}",
                missing.join(", ")
            ))
            .into());
        }
        if names.overflowed() {
            return Err(invalid(
                "more names of users, groups or attributes than an image can hold",
            )
            .into());
        }
        self.out.extend_from_slice(&names.encode());
        self.end_section(STRING_TABLE)
    }

    fn section(
        &mut self,
        section: &str,
        pull: &mut Pull<impl BufRead>,
        names: &mut Numbering,
    ) -> Result<()> {
        match section {
            NS_INFO => carried::names(Node::read(pull)?, &mut self.out)?,
            ERASURE_CODING => carried::policies(Node::read(pull)?, &mut self.out)?,
            SECRET_MANAGER => carried::secrets(Node::read(pull)?, &mut self.out)?,
            CACHE_MANAGER => carried::caches(Node::read(pull)?, &mut self.out)?,
            SNAPSHOT => snapshots::snapshots(Node::read(pull)?, names, &mut self.out)?,
            INODE => self.inodes(pull, names)?,
            // What is left has elements without a header, one message each or more.
            _ => {
                while let Some((name, node)) = element(pull)? {
                    match (section, name.as_str()) {
                        (INODE_DIR, "directory") => self.directory(node)?,
                        (INODE_REFERENCE, "ref") => snapshots::reference(node, &mut self.out)?,
                        (FILES_UNDERCONSTRUCTION, "inode") => self.open_file(node)?,
                        (SNAPSHOT_DIFF, _) => {
                            snapshots::differences(&name, node, names, &mut self.out)?;
                        }
                        _ => {
                            return Err(
                                invalid(format!("{section} has the unknown tag {name}")).into()
                            );
                        }
                    }
                    if self.out.len() >= BUFFER {
                        self.flush()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The header's fields come first: how many inodes there are stands before them.
    fn inodes(&mut self, pull: &mut Pull<impl BufRead>, names: &mut Numbering) -> Result<()> {
        let (mut last, mut expected, mut found) = (None, None, 0_u64);
        while let Some((name, node)) = element(pull)? {
            match name.as_str() {
                "lastInodeId" => last = Some(node.into_number::<i64>("lastInodeId")? as u64),
                "numInodes" => expected = Some(node.into_number::<u64>("numInodes")?),
                "inode" => {
                    if found == 0 {
                        let num_inodes =
                            Some(Node::required(expected, "INodeSection", "numInodes")?);
                        self.put(&INodeSection { last_inode_id: last, num_inodes })?;
                    }
                    found += 1;
                    self.put(&inode::inode(node, names)?)?;
                }
                other => {
                    return Err(invalid(format!(
                        "Found unknown XML keys in INodeSection: {other}"
                    ))
                    .into());
                }
            }
        }
        let expected = Node::required(expected, "INodeSection", "numInodes")?;
        if found != expected {
            return Err(invalid(format!("found {found} <inode> entries out of {expected}")).into());
        }
        Ok(())
    }

    fn directory(&mut self, mut node: Node) -> Result<()> {
        let mut entry = DirEntry { parent: node.long("parent")?, ..DirEntry::default() };
        for child in node.all("child") {
            entry.children.push(child.into_number::<i64>("child")? as u64);
        }
        for child in node.all("refChild") {
            entry.ref_children.push(child.into_number("refChild")?);
        }
        node.finish("directory")?;
        self.put(&entry)
    }

    fn open_file(&mut self, mut node: Node) -> Result<()> {
        let entry = FileUnderConstructionEntry {
            inode_id: node.long("id")?,
            full_path: node.text("path")?,
        };
        node.finish("inode")?;
        self.put(&entry)
    }

    fn finish(mut self, ondisk_version: u32, layout_version: u32) -> Result<()> {
        let sections = std::mem::take(&mut self.sections);
        let summary = FileSummary { ondisk_version, layout_version, codec: None, sections };
        let summary = summary.encode_to_vec();
        put_varint(summary.len() as u64, &mut self.out);
        self.out.extend_from_slice(&summary);
        // The length at the end counts the number before the summary, too.
        let length = u32::try_from(self.out.len())
            .map_err(|_| invalid("the image's summary is too long"))?;
        self.out.extend_from_slice(&length.to_be_bytes());
        self.flush()?;
        self.sink.flush()?;
        Ok(())
    }
}

/// The next element of a section; none at the section's end.
fn element(pull: &mut Pull<impl BufRead>) -> node::Result<Option<(String, Node)>> {
    match pull.next()? {
        Token::Open(name) => Ok(Some((name, Node::read(pull)?))),
        Token::Close(..) => Ok(None),
        Token::End => Err(ended()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::load;
    use crate::image::offline::write_xml;
    use crate::settings::Settings;

    const JAVAS: &[u8] = include_bytes!("../../../../tests/data/fsimage");

    fn xml(image: &[u8]) -> String {
        let mut text = Vec::new();
        write_xml(image, "test", &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn image(xml: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        write_image(xml.as_bytes(), &mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn an_image_survives_the_way_through_xml() {
        let text = xml(JAVAS);
        let again = image(&text).unwrap();
        assert_eq!(xml(&again), text);
        let (before, after) =
            (load(JAVAS, Settings::default()).unwrap(), load(&again, Settings::default()).unwrap());
        assert_eq!(before.info, after.info);
        let all = |image: &crate::image::LoadedImage| -> Vec<String> {
            // Attributes without a value come back with an empty one, as from Java's XML.
            let views = image.namespace.inode_views();
            let mut all: Vec<_> = views
                .map(|i| format!("{:?} {:?} {:?} {:?} {}", i.id, i.parent, i.name, i.acl, i.owner))
                .collect();
            all.sort();
            all
        };
        assert_eq!(all(&before), all(&after));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let text = xml(JAVAS);
        for (from, to, named) in [
            ("<fsimage>", "<image>", "fsimage"),
            ("<layoutVersion>-6", "<layoutVersion>-5", "Layout version mismatch"),
            ("<txid>", "<txid>x", "For input string"),
            ("<txid>", "<nosuch>1</nosuch><txid>", "nosuch"),
            ("<namespaceId>", "<id>", "namespaceId"),
            ("<type>FILE", "<type>PIPE", "PIPE"),
            ("<numInodes>", "<numInodes>1", "out of"),
            ("<SnapshotSection>", "<ShotSection>", "ShotSection"),
            ("</fsimage>", "", "inside an element"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let changed = match from {
                "<fsimage>" => changed.replace("</fsimage>", "</image>"),
                "<namespaceId>" => changed.replace("</namespaceId>", "</id>"),
                "<SnapshotSection>" => changed.replace("</SnapshotSection>", "</ShotSection>"),
                _ => changed,
            };
            let error = image(&changed).unwrap_err().to_string();
            assert!(error.contains(named), "{from}: {error}");
        }
        let cut = text.replacen("<CacheManagerSection>", "<!--", 1);
        let cut = cut.replacen("</CacheManagerSection>", "-->", 1);
        let error = image(&cut).unwrap_err().to_string();
        assert!(error.contains("without including section(s) CacheManagerSection"), "{error}");
    }

    #[test]
    fn a_document_cut_anywhere_is_refused() {
        let text = xml(JAVAS);
        for cut in (0..text.trim_end().len()).step_by(37).filter(|at| text.is_char_boundary(*at)) {
            assert!(image(&text[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn pools_directives_tokens_and_snapshots() {
        let text = xml(JAVAS);
        let parts = |name: &str| {
            let begin = text.find(&format!("<{name}>")).unwrap();
            let end = format!("</{name}>");
            text[begin..text.find(&end).unwrap() + end.len()].to_owned()
        };
        let pools = "<CacheManagerSection><nextDirectiveId>3</nextDirectiveId><numDirectives>1</numDirectives>\
             <numPools>1</numPools><pool><poolName>p</poolName><ownerName>o</ownerName><groupName>g</groupName>\
             <mode>493</mode><limit>9</limit><maxRelativeExpiry>5</maxRelativeExpiry></pool>\n<directive><id>2</id>\
             <path>/a</path><replication>1</replication><pool>p</pool><expiration><millis>7</millis></expiration>\n\
             </directive>\n</CacheManagerSection>";
        let tokens = "<SecretManagerSection><currentId>4</currentId><tokenSequenceNumber>1</tokenSequenceNumber>\
             <numDelegationKeys>1</numDelegationKeys><numTokens>1</numTokens><delegationKey><id>4</id>\
             <key>00ff10</key><expiry>2026-02-28T05:55:01.111</expiry></delegationKey><token><version>0</version>\
             <owner>ann</owner><renewer>r</renewer><realUser></realUser><issueDate>1999-12-31T23:59:59.999</issueDate>\
             <maxDate>2024-02-29T00:00:00.000</maxDate><sequenceNumber>1</sequenceNumber>\
             <masterKeyId>4</masterKeyId><expiryDate>2000-01-01T00:00:00.000</expiryDate></token>\
             </SecretManagerSection>";
        let changed = text
            .replace(&parts("CacheManagerSection"), pools)
            .replace(&parts("SecretManagerSection"), tokens);
        let bytes = image(&changed).unwrap();
        assert_eq!(xml(&bytes), changed);
        load(&bytes, Settings::default()).unwrap();
        // An image with snapshots is made as it is described; loading it is another matter.
        let differences = "<SnapshotDiffSection><fileDiffEntry><inodeId>16387</inodeId><count>1</count><fileDiff>\
             <snapshotId>0</snapshotId><size>5</size><name>a</name></fileDiff></fileDiffEntry>\
             <dirDiffEntry><inodeId>16386</inodeId><count>1</count><dirDiff><snapshotId>0</snapshotId>\
             <childrenSize>0</childrenSize><isSnapshotRoot/><name></name><createdListSize>1</createdListSize>\
             <deletedInode>16388</deletedInode><created><name>b</name></created></dirDiff></dirDiffEntry>\
             </SnapshotDiffSection>";
        let with = text.replacen(
            "<SecretManagerSection>",
            &format!("{differences}<SecretManagerSection>"),
            1,
        );
        let error = load(&image(&with).unwrap(), Settings::default()).err().unwrap();
        assert!(error.to_string().contains("snapshots"), "{error}");
    }
}
