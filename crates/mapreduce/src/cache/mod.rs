//! The distributed cache seen from the client: what comes with a job (`-files`, `-libjars`, `-archives`) is
//! put where trackers can read it; a job in one process gets links in its working directory.

mod unpack;

use std::fs;
use std::path::{Path as LocalPath, PathBuf};

use loxodon_conf::Configuration;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{CreateOptions, FileSystems, Path};
use crate::settings::Settings;

pub use unpack::unpack;

/// Who set a key, for error messages.
const SOURCE: &str = "the job client";
/// Bytes that an archive may have unpacked, in a job in one process.
const MOST_UNPACKED: u64 = 10 << 30;
/// Trees of files deeper than this are a loop of links.
const DEEPEST: usize = 64;

/// `-files`, `-libjars` and `-archives`: the key of the option, that of the job, and the directory in the staging area.
const KINDS: [Cached; 3] = [
    Cached { option: "tmpfiles", key: "mapreduce.job.cache.files", directory: "files" },
    Cached { option: "tmpjars", key: "mapreduce.job.cache.files", directory: "libjars" },
    Cached { option: "tmparchives", key: "mapreduce.job.cache.archives", directory: "archives" },
];

struct Cached {
    option: &'static str,
    key: &'static str,
    directory: &'static str,
}

/// A file or archive, and its name in the working directory where it is not the file's own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    path: Path,
    link: Option<String>,
}

impl Named {
    fn link(&self) -> &str {
        self.link.as_deref().unwrap_or_else(|| self.path.name())
    }

    fn uri(&self, path: &Path) -> String {
        format!("{path}#{}", self.link())
    }
}

/// Those that an option names: without a scheme they are this machine's.
fn named(conf: &Configuration, key: &str, files: &FileSystems, local: bool) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    for text in conf.get_list(key)? {
        let (text, link) = match text.split_once('#') {
            Some((text, link)) if !link.is_empty() => (text, Some(link.to_owned())),
            Some((text, _)) => (text, None),
            None => (text.as_str(), None),
        };
        let mut path = Path::parse(text)?;
        if local && path.scheme.is_none() {
            path.scheme = Some("file".into());
        }
        let path = files.qualify(&path)?;
        let named = Named { path, link };
        let link = named.link();
        if link.is_empty() || link.starts_with('/') || link.split('/').any(|part| part == "..") {
            return Err(Error::argument(format!("{}: {link:?} is no name of a link", named.path)));
        }
        all.push(named);
    }
    Ok(all)
}

/// What users are told of `-libjars`: where the files are, and that they are files.
#[must_use]
pub fn notice(conf: &Configuration) -> Option<String> {
    let jars = conf.get_text("tmpjars").ok().flatten()?;
    Some(format!(
        "-libjars {jars}: in the tasks' working directories, for programs that tasks start; no Java classes are \
         loaded from them"
    ))
}

/// Copies what a job's options name into its staging directory, and puts into its configuration where everything
/// is, how old, how long, and whether everybody may read it (`JobResourceUploader`).
///
/// # Errors
/// A file that is not there; one that cannot be copied; two that would have one name.
pub fn ship(conf: &mut Configuration, files: &FileSystems, staging: &Path) -> Result<()> {
    let mut links = std::collections::BTreeMap::new();
    for kind in KINDS {
        let mut uris = conf.get_list(kind.key)?;
        for named in named(conf, kind.option, files, true)? {
            let below = staging.child(kind.directory);
            uris.push(named.uri(&put(files, &named.path, staging, &below)?));
        }
        if uris.is_empty() {
            continue;
        }
        conf.set(kind.key, &uris.join(","), SOURCE);
        for named in named(conf, kind.key, files, false)? {
            if let Some(other) = links.insert(named.link().to_owned(), named.path.clone())
                && other != named.path
            {
                let (link, path) = (named.link(), &named.path);
                return Err(Error::argument(format!(
                    "{other} and {path} would both be {link} in the working directory"
                )));
            }
        }
        describe(conf, &kind, files)?;
    }
    if !links.is_empty() {
        conf.set("mapreduce.job.cache.symlink.create", "yes", SOURCE);
    }
    Ok(())
}

/// Times, lengths and visibilities of what the job's key names.
fn describe(conf: &mut Configuration, kind: &Cached, files: &FileSystems) -> Result<()> {
    let (mut times, mut sizes, mut public) = (Vec::new(), Vec::new(), Vec::new());
    for named in named(conf, kind.key, files, false)? {
        let status = files.get(&named.path)?.status(&named.path)?;
        times.push(status.modification_time.to_string());
        sizes.push(status.length.to_string());
        public.push(is_public(files, &named.path)?.to_string());
    }
    conf.set(&format!("{}.timestamps", kind.key), &times.join(","), SOURCE);
    conf.set(&format!("{}.filesizes", kind.key), &sizes.join(","), SOURCE);
    conf.set(&format!("{}.visibilities", kind.key), &public.join(","), SOURCE);
    Ok(())
}

/// Whether everybody may read it, and pass through all directories above it.
fn is_public(files: &FileSystems, path: &Path) -> Result<bool> {
    let fs = files.get(path)?;
    if fs.status(path)?.permission & 0o4 == 0 {
        return Ok(false);
    }
    let mut above = path.parent();
    while let Some(directory) = above {
        match fs.status(&directory) {
            Ok(status) if status.permission & 0o1 == 0 => return Ok(false),
            Ok(_) => {}
            Err(error) if *error.kind() == ErrorKind::Access => return Ok(false),
            Err(error) => return Err(error),
        }
        above = directory.parent();
    }
    Ok(true)
}

/// Copies a file or a tree below a directory, unless it lies in that file system already.
fn put(files: &FileSystems, from: &Path, staging: &Path, below: &Path) -> Result<Path> {
    if from.scheme == staging.scheme && from.authority == staging.authority {
        return Ok(from.clone());
    }
    let to = below.child(from.name());
    let fs = files.get(&to)?;
    if fs.exists(&to)? {
        let text = format!("{from}: another file of the job is called {} too", from.name());
        return Err(Error::argument(text));
    }
    copy(files, from, &to, 0)?;
    Ok(to)
}

fn copy(files: &FileSystems, from: &Path, to: &Path, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Err(Error::io(format!("{from}: directories within directories without an end")));
    }
    let (source, target) = (files.get(from)?, files.get(to)?);
    let status = source.status(from)?;
    if status.is_directory {
        target.mkdirs(to, 0o755)?;
        for child in source.list(from)? {
            copy(files, &child.path, &to.child(child.path.name()), depth.saturating_add(1))?;
        }
        return Ok(());
    }
    let mut reader = source.open(from, Some(status.length))?;
    let mut writer = target.create(to, CreateOptions::overwriting())?;
    std::io::copy(&mut reader, &mut writer)
        .map_err(|e| Error::system(format_args!("copying {from} to {to}"), &e))?;
    writer.close()
}

/// Links in the working directory; they go with this.
#[derive(Debug, Default)]
pub struct LocalLinks {
    made: Vec<PathBuf>,
}

impl Drop for LocalLinks {
    fn drop(&mut self) {
        for link in &self.made {
            // One that somebody else removed is gone as well.
            let _ = fs::remove_file(link);
        }
    }
}

/// Puts what a job in one process names into the working directory, as links (`LocalDistributedCacheManager`). A
/// name that is there already is left as it is. What is not on this machine is copied below `directory`.
///
/// # Errors
/// A file that is not there; one that cannot be copied; a damaged archive.
pub fn link_here(
    conf: &Configuration,
    files: &FileSystems,
    directory: &LocalPath,
) -> Result<LocalLinks> {
    let mut links = LocalLinks::default();
    let mut number = 0_u32;
    for kind in KINDS {
        let is_archive = kind.directory == "archives";
        let mut all = named(conf, kind.option, files, true)?;
        all.extend(named(conf, kind.key, files, false)?);
        for named in all {
            files.get(&named.path)?.status(&named.path)?;
            let here = std::env::current_dir()
                .map_err(|e| Error::system("finding the working directory", &e))?;
            let link = here.join(named.link());
            if fs::symlink_metadata(&link).is_ok() {
                continue;
            }
            number = number.saturating_add(1);
            let own = directory.join("cache").join(number.to_string());
            let target = local_copy(files, &named.path, &own, is_archive)?;
            let made = fs::create_dir_all(link.parent().unwrap_or(&here))
                .and_then(|()| std::os::unix::fs::symlink(&target, &link));
            made.map_err(|e| Error::system(format_args!("linking {}", link.display()), &e))?;
            links.made.push(link);
        }
    }
    Ok(links)
}

fn local_copy(
    files: &FileSystems,
    path: &Path,
    own: &LocalPath,
    is_archive: bool,
) -> Result<PathBuf> {
    let file = if path.scheme.as_deref() == Some("file") {
        PathBuf::from(&path.path)
    } else {
        let to = own.join(path.name());
        let target = Path::parse(&format!("file:{}", to.display()))?;
        copy(files, path, &target, 0)?;
        to
    };
    if !is_archive {
        return Ok(file);
    }
    let to = own.join("unpacked");
    unpack(&file, path.name(), &to, MOST_UNPACKED)
        .map_err(|e| Error::system(format_args!("unpacking {path}"), &e))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_client::UserIdentity;

    #[test]
    fn names_are_those_behind_the_mark_or_the_files_own() {
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "hdfs://h:1", "test");
        conf.set("tmpfiles", "/a/x.py,hdfs://h:1/b#y,file:/c#", "test");
        let files = FileSystems::new(&conf, UserIdentity::new("u")).unwrap();
        let all = named(&conf, "tmpfiles", &files, true).unwrap();
        let uris: Vec<_> = all.iter().map(|n| n.uri(&n.path)).collect();
        assert_eq!(uris, ["file:/a/x.py#x.py", "hdfs://h:1/b#y", "file:/c#c"]);
        conf.set("tmpfiles", "/a#../b", "test");
        assert!(named(&conf, "tmpfiles", &files, true).is_err());
    }

    #[test]
    fn files_are_shipped_with_their_times_and_who_may_read_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "file:///", "test");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(dir.path(), private).unwrap();
        let file = dir.path().join("x.py");
        fs::write(&file, "print(1)").unwrap();
        conf.set("tmpfiles", &format!("{}#y.py", file.display()), "test");
        assert_eq!(notice(&conf), None);
        conf.set("tmpjars", &file.display().to_string(), "test");
        assert!(notice(&conf).unwrap().starts_with("-libjars /"));
        let files = FileSystems::new(&conf, UserIdentity::new("u")).unwrap();
        let staging = files.path(&format!("file:{}/staging", dir.path().display())).unwrap();
        ship(&mut conf, &files, &staging).unwrap();
        let get = |name: &str| conf.get(name).unwrap().unwrap();
        let file = file.display();
        let both = format!("file:{file}#y.py,file:{file}#x.py");
        assert_eq!(get("mapreduce.job.cache.files"), both);
        assert_eq!(get("mapreduce.job.cache.files.filesizes"), "8,8");
        assert_eq!(get("mapreduce.job.cache.files.visibilities"), "false,false");
        let times = get("mapreduce.job.cache.files.timestamps");
        assert!(times.split(',').all(|time| time.parse::<i64>().unwrap() > 0), "{times}");
        conf.set("tmpfiles", "/not/there", "test");
        assert_eq!(*ship(&mut conf, &files, &staging).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
