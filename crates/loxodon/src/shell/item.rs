//! A path that a command works on (`PathData`), and those that a glob stands for (`Globber`).

use std::rc::Rc;

use loxodon_mapreduce::fs::glob::{self, Pattern};

use super::failure::{Failure, Result};
use super::filesystem::FileSystem;
use super::location::{self, Location};
use super::session::Session;
use super::status::Status;

/// A path with its file system and what is there.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The file system.
    pub(crate) fs: Rc<FileSystem>,
    /// As the user wrote it, or as what he wrote expands to: what is printed.
    pub(crate) text: Location,
    /// Absolute, within the file system.
    pub(crate) path: String,
    /// What is there; `None` where nothing is.
    pub(crate) status: Option<Status>,
}

impl Item {
    /// A path as written, on the file system that it names.
    pub(crate) fn new(session: &Session, text: &str) -> Result<Self> {
        let location = Location::parse(text)?;
        let fs = session.filesystem(&location)?;
        let path = fs.absolute(&location.path);
        let status = fs.status(&path)?;
        Ok(Self { fs, text: Location::verbatim(text), path, status })
    }

    /// A path on this machine; a URI's `%20` and scheme are understood, as Hadoop does.
    pub(crate) fn local(session: &Session, text: &str) -> Result<Self> {
        let decoded = location::unquoted(text).unwrap_or_else(|| text.to_owned());
        let mut written = Location::verbatim(&decoded);
        written.scheme = None;
        written.authority = None;
        let fs = session.local();
        let path = fs.absolute(&written.path);
        let status = local_status(&fs, &path)?;
        Ok(Self { fs, text: written, path, status })
    }

    /// With a status that is known already.
    fn known(fs: Rc<FileSystem>, text: Location, status: Option<Status>) -> Result<Self> {
        let path = fs.absolute(&text.path);
        Ok(Self { fs, text, path, status })
    }

    /// Looks again; whether something is there.
    pub(crate) fn refresh(&mut self) -> Result<bool> {
        self.status = self.fs.status(&self.path)?;
        Ok(self.status.is_some())
    }

    /// What is there.
    ///
    /// # Errors
    /// Nothing is.
    pub(crate) fn stat(&self) -> Result<&Status> {
        self.status.as_ref().ok_or_else(|| Failure::not_found(self))
    }

    /// Whether something is there.
    pub(crate) fn exists(&self) -> bool {
        self.status.is_some()
    }

    /// Whether a directory is there.
    pub(crate) fn is_directory(&self) -> bool {
        self.status.as_ref().is_some_and(Status::is_directory)
    }

    /// The path in full, as a URI.
    pub(crate) fn uri(&self) -> String {
        let path = location::quoted(&self.path);
        match *self.fs {
            FileSystem::Hdfs(_) => self.fs.qualified(&path),
            FileSystem::Local { .. } => format!("file://{path}"),
        }
    }

    /// Whether the text looks like a directory: it ends with `/`, `.` or `..`.
    pub(crate) fn represents_directory(&self) -> bool {
        matches!(location::name(&self.text.path), "" | "." | "..")
    }

    /// Whether there is a directory to put it in.
    pub(crate) fn parent_exists(&self) -> Result<bool> {
        let looked_up = if self.represents_directory() {
            self.path.as_str()
        } else {
            location::parent(&self.path).unwrap_or("/")
        };
        self.fs.exists(looked_up)
    }

    fn check_directory(&self) -> Result<()> {
        if self.stat()?.is_directory() { Ok(()) } else { Err(Failure::is_not_directory(self)) }
    }

    /// What is in the directory, by name.
    pub(crate) fn children(&self) -> Result<Vec<Self>> {
        self.check_directory()?;
        let children = self.fs.list(&self.path)?;
        children
            .into_iter()
            .map(|(name, status)| {
                Self::known(Rc::clone(&self.fs), self.child_text(&name), Some(status))
            })
            .collect()
    }

    /// The path that `child` has, or would have, in this directory, looked up.
    pub(crate) fn child_named_as(&self, child: &Self) -> Result<Self> {
        self.check_directory()?;
        let text = self.child_text(location::name(&child.path));
        let mut item = Self::known(Rc::clone(&self.fs), text, None)?;
        item.refresh()?;
        Ok(item)
    }

    fn child_text(&self, name: &str) -> Location {
        let mut text = self.text.clone();
        if text.scheme.is_none() && text.authority.is_none() && text.path == "." {
            text.path = name.into();
        } else {
            text.path = location::join(&text.path, name);
        }
        text
    }

    /// Everything that a glob stands for; a single item that is not there where there is no
    /// wildcard and nothing is there; nothing where there is a wildcard and nothing matches.
    pub(crate) fn expand(session: &Session, text: &str) -> Result<Vec<Self>> {
        let pattern = Location::parse(text)?;
        let fs = session.filesystem(&pattern)?;
        let Some(found) = glob_paths(&fs, &pattern.path)? else {
            let text = Location::verbatim(&glob::unescaped(text));
            return Ok(vec![Self::known(fs, text, None)?]);
        };
        let working_directory = fs.working_directory();
        let mut items = Vec::with_capacity(found.len());
        for (path, status) in found {
            let text = match &pattern.scheme {
                Some(scheme) => Location {
                    scheme: Some(scheme.clone()),
                    authority: Some(pattern.authority.clone().unwrap_or_default()),
                    path: path.clone(),
                },
                None if pattern.path.starts_with('/') => Location::plain(path.clone()),
                None => Location::plain(location::relative_to(
                    &working_directory,
                    &path,
                    status.is_directory(),
                )),
            };
            items.push(Self { fs: Rc::clone(&fs), text, path, status: Some(status) });
        }
        items.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(items)
    }
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

/// A local path that cannot be looked at is one that is not there.
fn local_status(fs: &FileSystem, path: &str) -> Result<Option<Status>> {
    match fs.status(path) {
        Err(failure) if failure.is("FileNotFoundException") => Ok(None),
        other => other,
    }
}

type Found = Vec<(String, Status)>;

/// Paths that match, by name; `None` where no wildcard was seen and nothing is there.
fn glob_paths(fs: &FileSystem, pattern: &str) -> Result<Option<Found>> {
    let flattened = glob::expand(pattern)?;
    let mut results = Vec::new();
    let mut saw_wildcard = false;
    for flat in &flattened {
        let absolute = fs.absolute(flat);
        match_components(fs, &absolute, &mut saw_wildcard, &mut results)?;
    }
    if results.is_empty() && !saw_wildcard && flattened.len() <= 1 {
        return Ok(None);
    }
    results.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Some(results))
}

fn match_components(
    fs: &FileSystem,
    absolute: &str,
    saw_wildcard: &mut bool,
    results: &mut Found,
) -> Result<()> {
    let components: Vec<&str> = absolute.split('/').filter(|part| !part.is_empty()).collect();
    let Some((last, above)) = components.split_last() else {
        results.extend(fs.status("/")?.map(|status| ("/".to_owned(), status)));
        return Ok(());
    };
    let mut candidates = vec!["/".to_owned()];
    for component in above {
        let pattern = Pattern::new(component)?;
        *saw_wildcard |= pattern.has_wildcard();
        if !pattern.has_wildcard() {
            // Taken to be there: the last component's lookup tells.
            let name = glob::unescaped(component);
            candidates = candidates.iter().map(|path| location::join(path, &name)).collect();
            continue;
        }
        let mut deeper = Vec::new();
        for candidate in &candidates {
            let children = matching_children(fs, candidate, &pattern)?;
            let directories = children.into_iter().filter(|(_, status)| status.is_directory());
            deeper.extend(directories.map(|(path, _)| path));
        }
        candidates = deeper;
    }
    let pattern = Pattern::new(last)?;
    *saw_wildcard |= pattern.has_wildcard();
    for candidate in &candidates {
        if pattern.has_wildcard() {
            results.extend(matching_children(fs, candidate, &pattern)?);
        } else {
            let path = location::join(candidate, &glob::unescaped(last));
            results.extend(fs.status(&path)?.map(|status| (path, status)));
        }
    }
    Ok(())
}

fn matching_children(fs: &FileSystem, directory: &str, pattern: &Pattern) -> Result<Found> {
    let children = match fs.list(directory) {
        Err(failure) if failure.is("FileNotFoundException") => return Ok(Vec::new()),
        other => other?,
    };
    // A listing of one entry may be of a file instead of a directory.
    if children.len() == 1 && !fs.status(directory)?.is_some_and(|status| status.is_directory()) {
        return Ok(Vec::new());
    }
    let matching = children.into_iter().filter(|(name, _)| pattern.matches(name));
    Ok(matching.map(|(name, status)| (location::join(directory, &name), status)).collect())
}
