//! Opening files: to create, to append, to read.

use loxodon_wire::proto::hdfs;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::reader::FileReader;
use crate::types::{FileStatus, LocatedBlock};
use crate::writer::{FileWriter, WriterOptions};

/// How a file is created. `None` takes the configured value.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// Replace a file that exists.
    pub overwrite: bool,
    /// Make missing directories above it.
    pub create_parent: bool,
    /// Number of replicas.
    pub replication: Option<u16>,
    /// Block size in bytes.
    pub block_size: Option<u64>,
    /// Permission before the umask.
    pub permission: u16,
    /// Keep replicas in memory and write them to disk later.
    pub lazy_persist: bool,
    /// Sync each block to disk when it is complete.
    pub sync_block: bool,
    /// Avoid the DataNode on this machine.
    pub no_local_write: bool,
    /// Choose DataNodes as if this machine had none.
    pub ignore_client_locality: bool,
    /// Replicate even where the directory is erasure-coded.
    pub should_replicate: bool,
    /// DataNodes (`host:port`) to prefer.
    pub favored_nodes: Vec<String>,
    /// Erasure coding policy to create it with; files so coded cannot be written by this client.
    pub erasure_coding_policy: Option<String>,
    /// Storage policy.
    pub storage_policy: Option<String>,
    /// Bytes that one checksum covers.
    pub bytes_per_checksum: Option<u32>,
    /// Checksum type, as `ChecksumTypeProto` numbers it (0 none, 1 CRC32, 2 CRC32C).
    pub checksum_type: Option<i32>,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            overwrite: false,
            create_parent: true,
            replication: None,
            block_size: None,
            permission: 0o666,
            lazy_persist: false,
            sync_block: false,
            no_local_write: false,
            ignore_client_locality: false,
            should_replicate: false,
            favored_nodes: Vec::new(),
            erasure_coding_policy: None,
            storage_policy: None,
            bytes_per_checksum: None,
            checksum_type: None,
        }
    }
}

impl CreateOptions {
    /// Replaces a file that exists.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets the number of replicas.
    #[must_use]
    pub fn replication(mut self, replication: u16) -> Self {
        self.replication = Some(replication);
        self
    }

    /// Sets the block size in bytes.
    #[must_use]
    pub fn block_size(mut self, bytes: u64) -> Self {
        self.block_size = Some(bytes);
        self
    }

    fn flags(&self) -> u32 {
        use hdfs::CreateFlagProto as Flag;
        let mut flags = Flag::Create as u32;
        if self.overwrite {
            flags |= Flag::Overwrite as u32;
        }
        if self.lazy_persist {
            flags |= Flag::LazyPersist as u32;
        }
        if self.should_replicate {
            flags |= Flag::ShouldReplicate as u32;
        }
        flags
    }
}

/// How a file is appended to.
#[derive(Clone, Debug, Default)]
pub struct AppendOptions {
    /// Begin a new block rather than fill the last one.
    pub new_block: bool,
    /// Sync each block to disk when it is complete.
    pub sync_block: bool,
    /// DataNodes (`host:port`) to prefer for new blocks.
    pub favored_nodes: Vec<String>,
}

impl Client {
    /// Creates a file and opens it for writing.
    ///
    /// # Errors
    /// `FileAlreadyExistsException` without `overwrite`, `AlreadyBeingCreatedException`,
    /// `ParentNotDirectoryException`, `SafeModeException`, and what else the NameNode answers.
    pub async fn create(&self, path: &str, options: CreateOptions) -> Result<FileWriter> {
        let settings = self.settings();
        let block_size = options.block_size.unwrap_or(settings.block_size);
        let bytes_per_checksum = options.bytes_per_checksum.unwrap_or(settings.bytes_per_checksum);
        check_sizes(block_size, bytes_per_checksum)?;
        let (masked, unmasked) = self.masked_permission(options.permission);
        let request = hdfs::CreateRequestProto {
            src: path.to_owned(),
            masked,
            client_name: self.client_name().to_owned(),
            create_flag: options.flags(),
            create_parent: options.create_parent,
            replication: options.replication.unwrap_or(settings.replication).into(),
            block_size,
            // None: this client does not encrypt, and the NameNode refuses it in such a zone.
            crypto_protocol_version: Vec::new(),
            unmasked: Some(unmasked),
            ec_policy_name: options.erasure_coding_policy.clone(),
            storage_policy: options.storage_policy.clone(),
        };
        let answer: hdfs::CreateResponseProto = self.safe_call("create", &request).await?;
        let status = match answer.fs {
            Some(status) => FileStatus::from_proto(status)?,
            None => return Err(Error::no_such_file(path)),
        };
        let writer = WriterOptions {
            bytes_per_checksum,
            checksum_type: options.checksum_type.unwrap_or(settings.checksum_type),
            sync_block: options.sync_block,
            no_local_write: options.no_local_write,
            ignore_client_locality: options.ignore_client_locality,
            favored_nodes: options.favored_nodes,
            lazy_persist: options.lazy_persist,
        };
        FileWriter::create(self.clone(), path, &status, writer)
    }

    /// Opens a file for writing at its end.
    ///
    /// # Errors
    /// `FileNotFoundException`, `AlreadyBeingCreatedException`,
    /// `RecoveryInProgressException`, and what else the NameNode answers.
    pub async fn append(&self, path: &str, options: AppendOptions) -> Result<FileWriter> {
        use hdfs::CreateFlagProto as Flag;
        let mut flag = Flag::Append as u32;
        if options.new_block {
            flag |= Flag::NewBlock as u32;
        }
        let request = hdfs::AppendRequestProto {
            src: path.to_owned(),
            client_name: self.client_name().to_owned(),
            flag: Some(flag),
        };
        let answer: hdfs::AppendResponseProto = self.safe_call("append", &request).await?;
        let last = answer.block.map(LocatedBlock::from_proto).transpose()?;
        let status = match answer.stat {
            Some(status) => FileStatus::from_proto(status)?,
            None => self.file_status(path).await?,
        };
        let settings = self.settings();
        let writer = WriterOptions {
            bytes_per_checksum: settings.bytes_per_checksum,
            checksum_type: settings.checksum_type,
            sync_block: options.sync_block,
            no_local_write: false,
            ignore_client_locality: false,
            favored_nodes: options.favored_nodes,
            lazy_persist: false,
        };
        FileWriter::append(self.clone(), path, &status, last, options.new_block, writer)
    }

    /// Opens a file for reading. A file that is being written is read as far as its writer
    /// has flushed it (`hflush`).
    ///
    /// # Errors
    /// `FileNotFoundException`, `AccessControlException`, and what else the NameNode answers.
    pub async fn open(&self, path: &str) -> Result<FileReader> {
        FileReader::open(self.clone(), path).await
    }
}

/// What `DFSOutputStream` refuses before it asks the NameNode.
fn check_sizes(block_size: u64, bytes_per_checksum: u32) -> Result<()> {
    if bytes_per_checksum == 0 || !block_size.is_multiple_of(u64::from(bytes_per_checksum)) {
        return Err(Error::IllegalArgument(format!(
            "Invalid values: dfs.bytes-per-checksum (={bytes_per_checksum}) must divide block size (={block_size})."
        )));
    }
    if block_size == 0 || i64::try_from(block_size).is_err() {
        return Err(Error::IllegalArgument(format!("blocksize ({block_size}) is out of range")));
    }
    Ok(())
}
