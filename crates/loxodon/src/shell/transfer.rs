//! `put`, `get`, `cp` and their other names (`CopyCommands`, `CopyCommandWithMultiThread`).

use std::sync::Arc;

use loxodon_client::{FileKind, XAttrSetMode};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::acl;
use super::command::Command;
use super::destination;
use super::directories::DIRECTORY_PERMISSION;
use super::failure::{Failure, Result};
use super::filesystem::{Creation, Endpoint};
use super::item::Item;
use super::options::Format;
use super::progress::Progress;
use super::session::Session;
use super::status::Status;
use super::stream::{self, Reader};

/// Which way a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// From this machine.
    Put,
    /// The same, and the source is deleted.
    MoveFromLocal,
    /// To this machine.
    Get,
    /// Between file systems.
    Copy,
}

/// What is kept of a source's attributes.
#[derive(Clone, Copy, Debug, Default)]
struct Preserve {
    times: bool,
    owner: bool,
    permission: bool,
    acl: bool,
    xattrs: bool,
}

/// A copy command.
#[derive(Debug)]
pub(crate) struct Transfer {
    direction: Direction,
    destination: Option<Item>,
    overwrite: bool,
    direct: bool,
    creation: Creation,
    preserve: Preserve,
    threads: usize,
    permits: Option<Arc<Semaphore>>,
    running: Vec<JoinHandle<Result<()>>>,
    progress: Progress,
}

impl Transfer {
    fn new(direction: Direction) -> Self {
        Self {
            direction,
            destination: None,
            overwrite: false,
            direct: false,
            creation: Creation::default(),
            preserve: Preserve::default(),
            threads: 1,
            permits: None,
            running: Vec::new(),
            progress: Progress::new(),
        }
    }

    /// `put`, `copyFromLocal`.
    pub(crate) fn put() -> Self {
        Self::new(Direction::Put)
    }

    /// `moveFromLocal`.
    pub(crate) fn move_from_local() -> Self {
        Self::new(Direction::MoveFromLocal)
    }

    /// `get`, `copyToLocal`.
    pub(crate) fn get() -> Self {
        Self::new(Direction::Get)
    }

    /// `cp`.
    pub(crate) fn copy() -> Self {
        Self::new(Direction::Copy)
    }

    fn destination(&self) -> Result<&Item> {
        self.destination.as_ref().ok_or_else(|| Failure::io("missing destination argument"))
    }

    fn is_from_local(&self) -> bool {
        matches!(self.direction, Direction::Put | Direction::MoveFromLocal)
    }

    /// Starts or does the copy of one file.
    fn submit(&mut self, session: &Session, source: Option<&Item>, target: &Item) -> Result<()> {
        if target.exists() && (target.is_directory() || !self.overwrite) {
            return Err(Failure::exists(target));
        }
        let length = source.and_then(|item| item.status.as_ref()).map_or(0, |s| s.length);
        self.progress.file(&target.to_string(), length);
        let job = Job {
            source: source.map(Source::of).transpose()?,
            target: target.fs.endpoint(),
            path: target.path.clone(),
            text: target.to_string(),
            replaces: target.exists(),
            direct: self.direct,
            creation: self.creation,
            preserve: self.preserve,
            progress: self.progress.clone(),
        };
        let Some(permits) = self.permits.clone() else {
            return session.runtime.block_on(job.run());
        };
        self.running.push(session.runtime.spawn(async move {
            let _permit = permits.acquire_owned().await.map_err(|e| Failure::io(e.to_string()))?;
            job.run().await
        }));
        Ok(())
    }

    fn wait_for_all(&mut self, session: &mut Session) -> Result<()> {
        for running in std::mem::take(&mut self.running) {
            let done = session.runtime.block_on(running);
            let done = done.unwrap_or_else(|e| Err(Failure::io(e.to_string())));
            done.or_else(|failure| session.report(failure))?;
        }
        Ok(())
    }

    fn take_preserve(&mut self, args: &mut Vec<String>) -> Result<()> {
        let Some(at) = args.iter().take_while(|a| *a != "--").position(|a| a.starts_with("-p"))
        else {
            return Ok(());
        };
        let letters = args.remove(at);
        let letters = letters.get(2..).filter(|letters| !letters.is_empty()).unwrap_or("top");
        for letter in letters.chars() {
            match letter.to_ascii_lowercase() {
                't' => self.preserve.times = true,
                'o' => self.preserve.owner = true,
                'p' => self.preserve.permission = true,
                'a' => self.preserve.acl = true,
                'x' => self.preserve.xattrs = true,
                _ => {
                    return Err(Failure::Fatal {
                        class: "java.util.NoSuchElementException",
                        message: format!("No attribute for {letter}"),
                    });
                }
            }
        }
        Ok(())
    }
}

/// A file that is copied from.
#[derive(Debug)]
struct Source {
    endpoint: Endpoint,
    path: String,
    status: Status,
}

impl Source {
    fn of(item: &Item) -> Result<Self> {
        let (endpoint, path) = (item.fs.endpoint(), item.path.clone());
        Ok(Self { endpoint, path, status: item.stat()?.clone() })
    }
}

/// One file's copy.
#[derive(Debug)]
struct Job {
    /// `None` is standard input.
    source: Option<Source>,
    target: Endpoint,
    path: String,
    text: String,
    replaces: bool,
    direct: bool,
    creation: Creation,
    preserve: Preserve,
    progress: Progress,
}

impl Job {
    /// Where the bytes go before the file has its name.
    fn temporary(&self) -> String {
        if self.direct { self.path.clone() } else { format!("{}._COPYING_", self.path) }
    }

    async fn run(self) -> Result<()> {
        let reader = match &self.source {
            Some(source) => source.endpoint.open(&source.path).await?,
            None => Reader::Input,
        };
        let written = self.write(reader).await;
        if written.is_err() && !self.direct {
            // What the failed copy left must not stay; the failure itself is what is told.
            let _ = self.target.delete(&self.temporary()).await;
        }
        written?;
        match &self.source {
            Some(source) => self.target.keep(&self.path, source, self.preserve).await,
            None => Ok(()),
        }
    }

    async fn write(&self, reader: Reader) -> Result<()> {
        let temporary = self.temporary();
        let mut writer = self.target.create(&temporary, self.creation).await?;
        stream::copy(reader, &mut writer, &self.progress).await?;
        writer.close().await?;
        if self.direct {
            return Ok(());
        }
        if self.replaces && !self.target.delete(&self.path).await? {
            return Err(Failure::input_output(&self.text).during(Some("delete"), None));
        }
        if !self.target.rename(&temporary, &self.path).await? {
            let source = format!("{}._COPYING_", self.text);
            return Err(
                Failure::input_output(source).during(Some("rename"), Some(self.text.clone()))
            );
        }
        Ok(())
    }
}

impl Endpoint {
    /// Gives `path` a source's attributes.
    async fn keep(&self, path: &str, source: &Source, preserve: Preserve) -> Result<()> {
        let status = &source.status;
        if preserve.times {
            self.set_times(path, status.modified, status.accessed).await?;
        }
        if preserve.owner {
            self.set_owner(path, &status.owner, &status.group).await?;
        }
        if preserve.permission || preserve.acl {
            self.set_permission(path, status.permission).await?;
        }
        if preserve.acl && status.has_acl {
            let listed = source.endpoint.client("getAclStatus")?.acl_status(&source.path).await?;
            let entries = acl::with_base(status.permission, &listed.entries);
            self.client("setAcl")?.set_acl(path, &entries).await?;
        }
        if preserve.xattrs {
            let attributes = source.endpoint.client("getXAttrs")?.xattrs(&source.path, &[]).await?;
            for attribute in attributes {
                let mode = XAttrSetMode::CreateOrReplace;
                self.client("setXAttr")?.set_xattr(path, &attribute, mode).await?;
            }
        }
        Ok(())
    }
}

impl Command for Transfer {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        const VALUED: &[&str] = &["t", "q"];
        let format = match self.direction {
            Direction::Put | Direction::MoveFromLocal => Format::new(1, &["f", "p", "l", "d"]),
            Direction::Get => Format::new(1, &["crc", "ignoreCrc", "p", "f"]),
            Direction::Copy => Format::new(2, &["f", "d"]),
        };
        if self.direction == Direction::MoveFromLocal && args.iter().any(|arg| arg == "-t") {
            return Err(Failure::Illegal("Illegal option -t".into()));
        }
        if self.direction == Direction::Copy {
            self.take_preserve(args)?;
        }
        let given = format.with_values(VALUED).parse(args)?;
        self.overwrite = given.has("f");
        self.direct = given.has("d");
        if given.has("p") {
            self.preserve =
                Preserve { times: true, owner: true, permission: true, ..self.preserve };
        }
        self.creation.lazy_persist = given.has("l");
        if let Some(threads) = given.value("t") {
            self.threads = number(threads)?.max(1);
        }
        if let Some(queue) = given.value("q") {
            number(queue)?;
        }
        if self.direction == Direction::Get {
            self.creation.checksums = given.has("crc");
            session.verify_checksums(!given.has("ignoreCrc"))?;
            self.destination = Some(destination::local(session, args)?);
        } else {
            self.destination = Some(destination::remote_or_home(session, args)?);
        }
        Ok(())
    }

    fn expand(&mut self, session: &mut Session, arg: &str) -> Result<Vec<Item>> {
        if self.is_from_local() {
            return Ok(vec![Item::local(session, arg)?]);
        }
        let items = Item::expand(session, arg)?;
        if items.is_empty() { Err(Failure::not_found(arg)) } else { Ok(items) }
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        if self.is_from_local() && items.len() == 1 && items.iter().all(|i| i.text.path == "-") {
            let source = items.into_iter().next().ok_or_else(|| Failure::io("no source"))?;
            let target = destination::target(self.destination()?, &source, 0)?;
            return self.submit(session, None, &target);
        }
        let several = items.len() > 1 || items.iter().any(Item::is_directory);
        if self.threads > 1 && several {
            self.permits = Some(Arc::new(Semaphore::new(self.threads)));
        }
        destination::check(self.destination()?, items.len(), self.overwrite)?;
        self.each(session, items)?;
        self.wait_for_all(session)?;
        self.progress.finish();
        Ok(())
    }

    fn existing(&mut self, session: &mut Session, item: Item) -> Result<()> {
        destination::check_not_into_itself(self.destination()?, &item)?;
        session.depth = 0;
        self.paths(session, None, vec![item])
    }

    fn path(&mut self, session: &mut Session, source: &mut Item) -> Result<()> {
        let target = destination::target(self.destination()?, source, session.depth)?;
        if self.direction == Direction::MoveFromLocal && target.is_directory() {
            return Err(Failure::exists(target));
        }
        match source.stat()?.kind {
            FileKind::Symlink => Err(Failure::not_supported(source)),
            FileKind::File => self.submit(session, Some(source), &target),
            FileKind::Directory => Ok(()),
        }
    }

    fn after(&mut self, _session: &mut Session, source: &Item) -> Result<()> {
        if self.direction != Direction::MoveFromLocal || source.fs.delete(&source.path, false)? {
            return Ok(());
        }
        Err(Failure::input_output(source).during(Some("remove"), None))
    }

    fn recursive(&self) -> bool {
        true
    }

    fn recurse(&mut self, session: &mut Session, source: &mut Item) -> Result<()> {
        let mut below = destination::target(self.destination()?, source, session.depth)?;
        if !below.exists() {
            if !below.fs.mkdirs(&below.path, DIRECTORY_PERMISSION)? {
                return Err(Failure::input_output(below).during(Some("mkdir"), None));
            }
            below.refresh()?;
        } else if !below.is_directory() {
            return Err(Failure::is_not_directory(below));
        }
        let above = self.destination.replace(below.clone());
        let done = self.descend(session, source);
        self.destination = above;
        done?;
        let keep = below.fs.endpoint();
        session.runtime.block_on(keep.keep(&below.path, &Source::of(source)?, self.preserve))
    }
}

/// A number of threads or places in a queue.
fn number(text: &str) -> Result<usize> {
    let wrong = || Failure::Illegal(format!("For input string: \"{text}\""));
    let number: i32 = text.parse().map_err(|_| wrong())?;
    Ok(usize::try_from(number).unwrap_or(0))
}
