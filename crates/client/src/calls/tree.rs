//! The tree: names, moves, attributes of files and directories.

use loxodon_wire::ids::Milliseconds;
use loxodon_wire::proto::hdfs;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::types::{
    ContentSummary, FileStatus, LocatedBlocks, QuotaUsage, StoragePolicy, StorageType,
};

/// How a rename treats its target (`Options.Rename`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenameOptions {
    /// Replace a file or an empty directory.
    pub overwrite: bool,
    /// The target lies in the trash.
    pub to_trash: bool,
}

/// A change of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaChange {
    /// Leave it.
    Keep,
    /// Remove it.
    Clear,
    /// Set it.
    Set(u64),
}

impl QuotaChange {
    /// `HdfsConstants.QUOTA_DONT_SET` and `QUOTA_RESET`.
    const fn to_wire(self) -> u64 {
        match self {
            Self::Keep => i64::MAX.cast_unsigned(),
            Self::Clear => (-1_i64).cast_unsigned(),
            Self::Set(limit) => limit,
        }
    }
}

impl Client {
    /// The file, directory or (resolved) link at `path`; `None` if there is none.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn file_info(&self, path: &str) -> Result<Option<FileStatus>> {
        let request = hdfs::GetFileInfoRequestProto { src: path.to_owned() };
        let answer: hdfs::GetFileInfoResponseProto =
            self.safe_call("getFileInfo", &request).await?;
        answer.fs.map(FileStatus::from_proto).transpose()
    }

    /// As [`Client::file_info`], but a missing path is an error.
    ///
    /// # Errors
    /// `FileNotFoundException`, and what else the NameNode answers.
    pub async fn file_status(&self, path: &str) -> Result<FileStatus> {
        self.file_info(path).await?.ok_or_else(|| Error::no_such_file(path))
    }

    /// Whether there is something at `path`.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.file_info(path).await?.is_some())
    }

    /// As [`Client::file_info`], but of the link itself.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn file_link_info(&self, path: &str) -> Result<Option<FileStatus>> {
        let request = hdfs::GetFileLinkInfoRequestProto { src: path.to_owned() };
        let answer: hdfs::GetFileLinkInfoResponseProto =
            self.safe_call("getFileLinkInfo", &request).await?;
        answer.fs.map(FileStatus::from_proto).transpose()
    }

    /// As [`Client::file_info`], with the file's blocks.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn located_file_info(&self, path: &str) -> Result<Option<FileStatus>> {
        let request = hdfs::GetLocatedFileInfoRequestProto {
            src: Some(path.to_owned()),
            need_block_token: Some(false),
        };
        let answer: hdfs::GetLocatedFileInfoResponseProto =
            self.safe_call("getLocatedFileInfo", &request).await?;
        answer.fs.map(FileStatus::from_proto).transpose()
    }

    /// Where the blocks of a range of a file are.
    ///
    /// # Errors
    /// `FileNotFoundException`, and what else the NameNode answers.
    pub async fn block_locations(
        &self,
        path: &str,
        offset: u64,
        length: u64,
    ) -> Result<LocatedBlocks> {
        let request = hdfs::GetBlockLocationsRequestProto { src: path.to_owned(), offset, length };
        let answer: hdfs::GetBlockLocationsResponseProto =
            self.safe_call("getBlockLocations", &request).await?;
        answer
            .locations
            .map(LocatedBlocks::from_proto)
            .transpose()?
            .ok_or_else(|| Error::no_such_file(path))
    }

    /// Sums over a tree.
    ///
    /// # Errors
    /// `FileNotFoundException`, and what else the NameNode answers.
    pub async fn content_summary(&self, path: &str) -> Result<ContentSummary> {
        let request = hdfs::GetContentSummaryRequestProto { path: path.to_owned() };
        let answer: hdfs::GetContentSummaryResponseProto =
            self.safe_call("getContentSummary", &request).await?;
        Ok(ContentSummary::from_proto(answer.summary))
    }

    /// Use and limits of a directory.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn quota_usage(&self, path: &str) -> Result<QuotaUsage> {
        let request = hdfs::GetQuotaUsageRequestProto { path: path.to_owned() };
        let answer: hdfs::GetQuotaUsageResponseProto =
            self.safe_call("getQuotaUsage", &request).await?;
        Ok(QuotaUsage::from_proto(answer.usage))
    }

    /// Changes the limits on names and on bytes of a directory; the latter of one storage type
    /// where one is given.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_quota(
        &self,
        path: &str,
        names: QuotaChange,
        space: QuotaChange,
        storage_type: Option<StorageType>,
    ) -> Result<()> {
        let request = hdfs::SetQuotaRequestProto {
            path: path.to_owned(),
            namespace_quota: names.to_wire(),
            storagespace_quota: space.to_wire(),
            storage_type: storage_type.map(StorageType::to_wire),
        };
        let _: hdfs::SetQuotaResponseProto = self.safe_call("setQuota", &request).await?;
        Ok(())
    }

    /// Block size of a file, in bytes.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn preferred_block_size(&self, path: &str) -> Result<u64> {
        let request = hdfs::GetPreferredBlockSizeRequestProto { filename: path.to_owned() };
        let answer: hdfs::GetPreferredBlockSizeResponseProto =
            self.safe_call("getPreferredBlockSize", &request).await?;
        Ok(answer.bsize)
    }

    /// Makes a directory with `permission`, less the configured umask; with `create_parent`
    /// those above it too.
    ///
    /// # Errors
    /// `FileAlreadyExistsException`, `ParentNotDirectoryException`, and what else the NameNode
    /// answers.
    pub async fn mkdirs(&self, path: &str, permission: u16, create_parent: bool) -> Result<bool> {
        let (masked, unmasked) = self.masked_permission(permission);
        let request = hdfs::MkdirsRequestProto {
            src: path.to_owned(),
            masked,
            create_parent,
            unmasked: Some(unmasked),
        };
        let answer: hdfs::MkdirsResponseProto = self.safe_call("mkdirs", &request).await?;
        Ok(answer.result)
    }

    /// Moves `source` to `target`, or into it where it is a directory. `false`: not done.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn rename(&self, source: &str, target: &str) -> Result<bool> {
        let request = hdfs::RenameRequestProto { src: source.to_owned(), dst: target.to_owned() };
        let answer: hdfs::RenameResponseProto = self.safe_call("rename", &request).await?;
        Ok(answer.result)
    }

    /// Moves `source` to `target` exactly, or says why not.
    ///
    /// # Errors
    /// `FileAlreadyExistsException`, `FileNotFoundException`, and what else the NameNode
    /// answers.
    pub async fn rename2(&self, source: &str, target: &str, options: RenameOptions) -> Result<()> {
        let request = hdfs::Rename2RequestProto {
            src: source.to_owned(),
            dst: target.to_owned(),
            overwrite_dest: options.overwrite,
            move_to_trash: Some(options.to_trash),
        };
        let _: hdfs::Rename2ResponseProto = self.safe_call("rename2", &request).await?;
        Ok(())
    }

    /// Deletes a path; `false` if there was none.
    ///
    /// # Errors
    /// `PathIsNotEmptyDirectoryException` without `recursive`, and what else the NameNode
    /// answers.
    pub async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        let request = hdfs::DeleteRequestProto { src: path.to_owned(), recursive };
        let answer: hdfs::DeleteResponseProto = self.safe_call("delete", &request).await?;
        Ok(answer.result)
    }

    /// Moves the blocks of `sources` to the end of `target` and deletes the sources.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn concat(&self, target: &str, sources: &[&str]) -> Result<()> {
        let request = hdfs::ConcatRequestProto {
            trg: target.to_owned(),
            srcs: sources.iter().map(|source| (*source).to_owned()).collect(),
        };
        let _: hdfs::ConcatResponseProto = self.safe_call("concat", &request).await?;
        Ok(())
    }

    /// Shortens a file. `false`: its last block is still being cut, wait until it is closed.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn truncate(&self, path: &str, length: u64) -> Result<bool> {
        let request = hdfs::TruncateRequestProto {
            src: path.to_owned(),
            new_length: length,
            client_name: self.client_name().to_owned(),
        };
        let answer: hdfs::TruncateResponseProto = self.safe_call("truncate", &request).await?;
        Ok(answer.result)
    }

    /// Changes the number of replicas; `false` where the path is not a file.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_replication(&self, path: &str, replication: u16) -> Result<bool> {
        let request = hdfs::SetReplicationRequestProto {
            src: path.to_owned(),
            replication: replication.into(),
        };
        let answer: hdfs::SetReplicationResponseProto =
            self.safe_call("setReplication", &request).await?;
        Ok(answer.result)
    }

    /// Changes the permission bits (`0o1777`).
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_permission(&self, path: &str, permission: u16) -> Result<()> {
        let request = hdfs::SetPermissionRequestProto {
            src: path.to_owned(),
            permission: hdfs::FsPermissionProto { perm: permission.into() },
        };
        let _: hdfs::SetPermissionResponseProto = self.safe_call("setPermission", &request).await?;
        Ok(())
    }

    /// Changes owner, group or both.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_owner(
        &self,
        path: &str,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<()> {
        let request = hdfs::SetOwnerRequestProto {
            src: path.to_owned(),
            username: owner.map(str::to_owned),
            groupname: group.map(str::to_owned),
        };
        let _: hdfs::SetOwnerResponseProto = self.safe_call("setOwner", &request).await?;
        Ok(())
    }

    /// Changes the times of last change and last read; `None` leaves one as it is.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_times(
        &self,
        path: &str,
        modification: Option<Milliseconds>,
        access: Option<Milliseconds>,
    ) -> Result<()> {
        let wire = |time: Option<Milliseconds>| time.map_or(u64::MAX, |time| time.0);
        let request = hdfs::SetTimesRequestProto {
            src: path.to_owned(),
            mtime: wire(modification),
            atime: wire(access),
        };
        let _: hdfs::SetTimesResponseProto = self.safe_call("setTimes", &request).await?;
        Ok(())
    }

    /// Asks whether this user may read (4), write (2) and execute (1) a path.
    ///
    /// # Errors
    /// `AccessControlException` if not.
    pub async fn check_access(&self, path: &str, mode: u8) -> Result<()> {
        let request =
            hdfs::CheckAccessRequestProto { path: path.to_owned(), mode: i32::from(mode & 7) };
        let _: hdfs::CheckAccessResponseProto = self.safe_call("checkAccess", &request).await?;
        Ok(())
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// `UnsupportedOperationException` where the NameNode has links switched off.
    pub async fn create_symlink(
        &self,
        target: &str,
        link: &str,
        create_parent: bool,
    ) -> Result<()> {
        let (masked, _) = self.masked_permission(0o777);
        let request = hdfs::CreateSymlinkRequestProto {
            target: target.to_owned(),
            link: link.to_owned(),
            dir_perm: masked,
            create_parent,
        };
        let _: hdfs::CreateSymlinkResponseProto = self.safe_call("createSymlink", &request).await?;
        Ok(())
    }

    /// Where a link points.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn link_target(&self, path: &str) -> Result<Option<String>> {
        let request = hdfs::GetLinkTargetRequestProto { path: path.to_owned() };
        let answer: hdfs::GetLinkTargetResponseProto =
            self.safe_call("getLinkTarget", &request).await?;
        Ok(answer.target_path)
    }

    /// Closes a file whose writer is gone. `true`: it is closed now.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn recover_lease(&self, path: &str) -> Result<bool> {
        let request = hdfs::RecoverLeaseRequestProto {
            src: path.to_owned(),
            client_name: self.client_name().to_owned(),
        };
        let answer: hdfs::RecoverLeaseResponseProto =
            self.safe_call("recoverLease", &request).await?;
        Ok(answer.result)
    }

    /// Whether nobody is writing the file.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn is_file_closed(&self, path: &str) -> Result<bool> {
        let request = hdfs::IsFileClosedRequestProto { src: path.to_owned() };
        let answer: hdfs::IsFileClosedResponseProto =
            self.safe_call("isFileClosed", &request).await?;
        Ok(answer.result)
    }

    /// All storage policies.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn storage_policies(&self) -> Result<Vec<StoragePolicy>> {
        let request = hdfs::GetStoragePoliciesRequestProto {};
        let answer: hdfs::GetStoragePoliciesResponseProto =
            self.safe_call("getStoragePolicies", &request).await?;
        Ok(answer.policies.into_iter().map(StoragePolicy::from_proto).collect())
    }

    /// The storage policy that holds for a path.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn storage_policy(&self, path: &str) -> Result<StoragePolicy> {
        let request = hdfs::GetStoragePolicyRequestProto { path: path.to_owned() };
        let answer: hdfs::GetStoragePolicyResponseProto =
            self.safe_call("getStoragePolicy", &request).await?;
        Ok(StoragePolicy::from_proto(answer.storage_policy))
    }

    /// Sets the storage policy of a path.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn set_storage_policy(&self, path: &str, policy: &str) -> Result<()> {
        let request = hdfs::SetStoragePolicyRequestProto {
            src: path.to_owned(),
            policy_name: policy.to_owned(),
        };
        let _: hdfs::SetStoragePolicyResponseProto =
            self.safe_call("setStoragePolicy", &request).await?;
        Ok(())
    }

    /// Removes the storage policy of a path, so that its parent's holds.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn unset_storage_policy(&self, path: &str) -> Result<()> {
        let request = hdfs::UnsetStoragePolicyRequestProto { src: path.to_owned() };
        let _: hdfs::UnsetStoragePolicyResponseProto =
            self.safe_call("unsetStoragePolicy", &request).await?;
        Ok(())
    }

    /// Has the blocks of a path moved to where its policy wants them.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn satisfy_storage_policy(&self, path: &str) -> Result<()> {
        let request = hdfs::SatisfyStoragePolicyRequestProto { src: path.to_owned() };
        let _: hdfs::SatisfyStoragePolicyResponseProto =
            self.safe_call("satisfyStoragePolicy", &request).await?;
        Ok(())
    }

    /// Permission as a call carries it: less the umask, and whole for a parent's default ACL.
    pub(crate) fn masked_permission(
        &self,
        permission: u16,
    ) -> (hdfs::FsPermissionProto, hdfs::FsPermissionProto) {
        let masked = permission & !self.settings().umask;
        (
            hdfs::FsPermissionProto { perm: masked.into() },
            hdfs::FsPermissionProto { perm: permission.into() },
        )
    }
}
