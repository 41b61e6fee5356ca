//! Access control lists and extended attributes.

use loxodon_wire::proto::hdfs;

use crate::client::Client;
use crate::error::Result;
use crate::types::{AclEntry, AclStatus, XAttr, XAttrSetMode};

fn acl_spec(entries: &[AclEntry]) -> Vec<hdfs::AclEntryProto> {
    entries.iter().map(AclEntry::to_proto).collect()
}

impl Client {
    /// Adds entries, or replaces those about the same subject.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn modify_acl_entries(&self, path: &str, entries: &[AclEntry]) -> Result<()> {
        let request = hdfs::ModifyAclEntriesRequestProto {
            src: path.to_owned(),
            acl_spec: acl_spec(entries),
        };
        let _: hdfs::ModifyAclEntriesResponseProto =
            self.safe_call("modifyAclEntries", &request).await?;
        Ok(())
    }

    /// Removes entries.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn remove_acl_entries(&self, path: &str, entries: &[AclEntry]) -> Result<()> {
        let request = hdfs::RemoveAclEntriesRequestProto {
            src: path.to_owned(),
            acl_spec: acl_spec(entries),
        };
        let _: hdfs::RemoveAclEntriesResponseProto =
            self.safe_call("removeAclEntries", &request).await?;
        Ok(())
    }

    /// Removes the entries for what is created below a directory.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn remove_default_acl(&self, path: &str) -> Result<()> {
        let request = hdfs::RemoveDefaultAclRequestProto { src: path.to_owned() };
        let _: hdfs::RemoveDefaultAclResponseProto =
            self.safe_call("removeDefaultAcl", &request).await?;
        Ok(())
    }

    /// Removes all entries but those of the permission bits.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn remove_acl(&self, path: &str) -> Result<()> {
        let request = hdfs::RemoveAclRequestProto { src: path.to_owned() };
        let _: hdfs::RemoveAclResponseProto = self.safe_call("removeAcl", &request).await?;
        Ok(())
    }

    /// Replaces the whole list.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_acl(&self, path: &str, entries: &[AclEntry]) -> Result<()> {
        let request =
            hdfs::SetAclRequestProto { src: path.to_owned(), acl_spec: acl_spec(entries) };
        let _: hdfs::SetAclResponseProto = self.safe_call("setAcl", &request).await?;
        Ok(())
    }

    /// The list of a path.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn acl_status(&self, path: &str) -> Result<AclStatus> {
        let request = hdfs::GetAclStatusRequestProto { src: path.to_owned() };
        let answer: hdfs::GetAclStatusResponseProto =
            self.safe_call("getAclStatus", &request).await?;
        AclStatus::from_proto(answer.result)
    }

    /// Sets an extended attribute.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_xattr(&self, path: &str, attribute: &XAttr, mode: XAttrSetMode) -> Result<()> {
        let request = hdfs::SetXAttrRequestProto {
            src: path.to_owned(),
            x_attr: Some(attribute.to_proto()),
            flag: Some(mode.to_wire()),
        };
        let _: hdfs::SetXAttrResponseProto = self.safe_call("setXAttr", &request).await?;
        Ok(())
    }

    /// Values of the named attributes (`user.colour`), or of all that this user may see.
    ///
    /// # Errors
    /// What the NameNode answers, and names without a known prefix.
    pub async fn xattrs(&self, path: &str, names: &[&str]) -> Result<Vec<XAttr>> {
        let request = hdfs::GetXAttrsRequestProto {
            src: path.to_owned(),
            x_attrs: names.iter().map(|name| named(name)).collect::<Result<_>>()?,
        };
        let answer: hdfs::GetXAttrsResponseProto = self.safe_call("getXAttrs", &request).await?;
        answer.x_attrs.into_iter().map(XAttr::from_proto).collect()
    }

    /// Names of the attributes that this user may see.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn list_xattrs(&self, path: &str) -> Result<Vec<XAttr>> {
        let request = hdfs::ListXAttrsRequestProto { src: path.to_owned() };
        let answer: hdfs::ListXAttrsResponseProto = self.safe_call("listXAttrs", &request).await?;
        answer.x_attrs.into_iter().map(XAttr::from_proto).collect()
    }

    /// Removes an attribute.
    ///
    /// # Errors
    /// What the NameNode answers, and a name without a known prefix.
    pub async fn remove_xattr(&self, path: &str, name: &str) -> Result<()> {
        let request =
            hdfs::RemoveXAttrRequestProto { src: path.to_owned(), x_attr: Some(named(name)?) };
        let _: hdfs::RemoveXAttrResponseProto = self.safe_call("removeXAttr", &request).await?;
        Ok(())
    }
}

fn named(full: &str) -> Result<hdfs::XAttrProto> {
    let (namespace, name) = XAttr::parse_name(full)?;
    Ok(XAttr { namespace, name, value: bytes::Bytes::new() }.to_proto())
}
