//! One run of the shell: configuration, file systems, output, errors so far.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufWriter, Stdout, Write};
use std::net::ToSocketAddrs;
use std::rc::Rc;
use std::sync::Arc;

use loxodon_client::{Client, NameNodeAddresses};
use loxodon_conf::{Configuration, keys};
use loxodon_mapreduce::user::current_user;
use loxodon_wire::rpc::UserIdentity;
use tokio::runtime::Runtime;

use super::failure::{Failure, Result};
use super::filesystem::{FileSystem, Hdfs};
use super::location::Location;

/// What commands share.
#[derive(Debug)]
pub(crate) struct Session {
    /// The configuration.
    pub(crate) conf: Configuration,
    /// Where calls are waited for.
    pub(crate) runtime: Arc<Runtime>,
    /// How deep below an argument the walk is.
    pub(crate) depth: usize,
    /// Exit code where nothing failed.
    pub(crate) exit: i32,
    name: String,
    user: UserIdentity,
    default_fs: String,
    errors: u32,
    out: BufWriter<Stdout>,
    filesystems: RefCell<Vec<(String, Rc<FileSystem>)>>,
}

impl Session {
    /// A session whose messages begin with `name`.
    pub(crate) fn new(conf: Configuration, runtime: Runtime, name: &str) -> Result<Self> {
        let default_fs = default_filesystem(&conf)?;
        Ok(Self {
            conf,
            runtime: Arc::new(runtime),
            depth: 0,
            exit: 0,
            name: name.into(),
            user: current_user(),
            default_fs,
            errors: 0,
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
            filesystems: RefCell::default(),
        })
    }

    /// Number of errors reported.
    pub(crate) fn errors(&self) -> u32 {
        self.errors
    }

    /// Writes a line to standard output.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> Result<()> {
        writeln!(self.out, "{text}").map_err(|e| output_failure(&e))
    }

    /// Writes bytes to standard output.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| output_failure(&e))
    }

    /// Makes what was written visible.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|e| output_failure(&e))
    }

    /// Prints a failure and counts it, so that the walk goes on.
    ///
    /// # Errors
    /// Those after which it cannot: a wrong argument, an error that is not Hadoop's I/O.
    pub(crate) fn report(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Path(_) | Failure::Io { .. } if !failure.is_timeout() => {
                self.errors += 1;
                let text = failure.to_string();
                self.warn(text.lines().next().unwrap_or_default())
            }
            other => Err(other),
        }
    }

    /// Prints a line to standard error behind the command's name.
    pub(crate) fn warn(&mut self, text: &str) -> Result<()> {
        self.flush()?;
        let _ = writeln!(io::stderr(), "{}: {text}", self.name);
        Ok(())
    }

    /// Says so where `fs.defaultFS` is not set, if `hadoop.shell.missing.defaultFs.warning` wants that.
    pub(crate) fn warn_of_missing_default(&mut self) -> Result<()> {
        if !self.conf.bool(&keys::MISSING_DEFAULT_FS_WARNING)? {
            return Ok(());
        }
        let default = self.conf.text(&keys::DEFAULT_FS)?.unwrap_or_default();
        if default.is_empty() || default == keys::DEFAULT_FS.default {
            self.flush()?;
            let name = self.name.trim_start_matches('-');
            let text = format!("Warning: fs.defaultFS is not set when running \"{name}\" command.");
            let _ = writeln!(io::stderr(), "{text}");
        }
        Ok(())
    }

    /// The file system that a location names.
    pub(crate) fn filesystem(&self, location: &Location) -> Result<Rc<FileSystem>> {
        let Some(scheme) = &location.scheme else { return self.named(&self.default_fs) };
        if location.authority.is_none() && self.default_fs.starts_with(&format!("{scheme}://")) {
            return self.named(&self.default_fs);
        }
        let authority = location.authority.as_deref().unwrap_or_default();
        if scheme == "hdfs" && authority.is_empty() {
            return Err(Failure::io(format!("Incomplete HDFS URI, no host: {location}")));
        }
        self.named(&format!("{scheme}://{authority}"))
    }

    /// This machine's files.
    pub(crate) fn local(&self) -> Rc<FileSystem> {
        let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
        Rc::new(FileSystem::Local { directory: directory.to_string_lossy().into_owned() })
    }

    /// The file system of paths without a scheme.
    pub(crate) fn default_filesystem(&self) -> Result<Rc<FileSystem>> {
        self.named(&self.default_fs)
    }

    /// Makes another file system the default.
    pub(crate) fn set_default_filesystem(&mut self, uri: &str) -> Result<()> {
        self.conf.set(keys::DEFAULT_FS.name, uri, "-fs");
        self.default_fs = default_filesystem(&self.conf)?;
        Ok(())
    }

    /// Whether files are read without checking their checksums, which this client always does.
    ///
    /// # Errors
    /// `UnsupportedOperationException` where it shall not.
    pub(crate) fn verify_checksums(&self, verify: bool) -> Result<()> {
        if verify {
            return Ok(());
        }
        Err(Failure::unsupported("-ignoreCrc: this client always verifies checksums"))
    }

    fn named(&self, uri: &str) -> Result<Rc<FileSystem>> {
        if let Some((_, fs)) = self.filesystems.borrow().iter().find(|(known, _)| known == uri) {
            return Ok(Rc::clone(fs));
        }
        let fs = match uri.split("://").next().unwrap_or_default() {
            "file" => self.local(),
            "hdfs" => {
                require_known_host(&NameNodeAddresses::resolve(&self.conf, uri)?)?;
                let client = Client::connect(&self.conf, uri, self.user.clone())?;
                Rc::new(FileSystem::Hdfs(Hdfs { client, runtime: Arc::clone(&self.runtime) }))
            }
            scheme => {
                return Err(Failure::Io {
                    class: "UnsupportedFileSystemException".into(),
                    message: format!("No FileSystem for scheme \"{scheme}\""),
                });
            }
        };
        self.filesystems.borrow_mut().push((uri.to_owned(), Rc::clone(&fs)));
        Ok(fs)
    }
}

fn output_failure(error: &io::Error) -> Failure {
    Failure::local("standard output", error)
}

/// `fs.defaultFS` as `scheme://authority`; old spellings as in `FileSystem.fixName`.
fn default_filesystem(conf: &Configuration) -> Result<String> {
    let name = conf.text(&keys::DEFAULT_FS)?.unwrap_or_default();
    if name == "local" {
        return Ok("file://".into());
    }
    if !name.contains('/') && !name.is_empty() {
        return Ok(format!("hdfs://{name}"));
    }
    let location = Location::parse(&name)?;
    let scheme = location.scheme.ok_or_else(|| {
        Failure::Illegal(format!(
            "fs.defaultFS: '{name}' has no scheme: hdfs://host:port is wanted"
        ))
    })?;
    Ok(format!("{scheme}://{}", location.authority.unwrap_or_default()))
}

/// Refuses a NameNode whose name nobody knows, before anything is asked of it
/// (`SecurityUtil.buildTokenService`).
///
/// # Errors
/// Such a name.
pub(crate) fn require_known_host(addresses: &NameNodeAddresses) -> Result<()> {
    let [(_, only)] = addresses.name_nodes.as_slice() else { return Ok(()) };
    let known =
        (&*only.host, only.port).to_socket_addrs().is_ok_and(|mut all| all.next().is_some());
    if addresses.highly_available || known {
        return Ok(());
    }
    Err(Failure::Illegal(format!("java.net.UnknownHostException: {}", only.host)))
}
