//! Control groups (cgroup v2) of attempts, where the system lets the tracker have some: limits that the kernel
//! keeps, and an end for every process of an attempt, whatever session or environment it made for itself.
//!
//! Below one directory of the tracker's each attempt has its own. Where the kernel gives no controllers (an older
//! hierarchy has them, or they are not delegated), the groups still find and end processes, and memory is measured.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::{Digest as _, Md5};

/// Controllers that limits need.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
/// The weight of one core (`CGroupsV2CpuResourceHandlerImpl`).
const WEIGHT_OF_CORE: u64 = 100;
/// The greatest weight that the kernel takes.
const MOST_WEIGHT: u64 = 10_000;
/// Looks at whether a group is empty after it was ended.
const LOOKS: u32 = 200;
/// Between two of them.
const LOOK: Duration = Duration::from_millis(5);

/// What an attempt may take; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes.
    pub(super) memory: u64,
    /// Processes and threads.
    pub(super) processes: u64,
    /// Cores that it asked for: its part when others want the processor too.
    pub(super) cores: u32,
}

impl Limits {
    /// What is to be written where, with these controllers.
    fn files(&self, controllers: &[&str]) -> Vec<(&'static str, String)> {
        let mut files = Vec::new();
        let has = |name: &str| controllers.contains(&name);
        if has("memory") && self.memory > 0 {
            files.push(("memory.max", self.memory.to_string()));
            // One that lost a process to this limit is not to go on as if nothing had happened.
            files.push(("memory.oom.group", "1".to_owned()));
            files.push(("memory.swap.max", "0".to_owned()));
        }
        if has("pids") && self.processes > 0 {
            files.push(("pids.max", self.processes.to_string()));
        }
        if has("cpu") && self.cores > 0 {
            let weight = u64::from(self.cores).saturating_mul(WEIGHT_OF_CORE).min(MOST_WEIGHT);
            files.push(("cpu.weight", weight.to_string()));
        }
        files
    }
}

/// The groups of one tracker.
#[derive(Debug)]
pub(super) struct ControlGroups {
    root: PathBuf,
    controllers: Vec<&'static str>,
}

impl ControlGroups {
    /// Makes the tracker's directory, after ending what an earlier tracker of that mark left there. `setting` is
    /// `loxodon.tasktracker.cgroup`; none where the system lets it have none, and the log says why.
    pub(super) fn open(setting: &str, mark: &str) -> Option<Self> {
        let base = match setting {
            "none" => return None,
            "auto" | "" => own_group(
                &fs::read_to_string("/proc/self/mountinfo").unwrap_or_default(),
                &fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
            )?,
            directory => PathBuf::from(directory),
        };
        let digest = Md5::digest(mark.as_bytes());
        let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let root = base.join(format!("loxodon-{name}"));
        let groups = Self { controllers: Vec::new(), root };
        match groups.take(&base) {
            Ok(controllers) => {
                let at = groups.root.display();
                tracing::info!("attempts have control groups below {at}, with {controllers:?}");
                Some(Self { controllers, ..groups })
            }
            Err(error) if setting == "auto" || setting.is_empty() => {
                tracing::info!("no control groups for attempts, memory is measured: {error}");
                None
            }
            Err(error) => {
                tracing::warn!("loxodon.tasktracker.cgroup is {setting}: {error}");
                None
            }
        }
    }

    fn take(&self, base: &Path) -> io::Result<Vec<&'static str>> {
        // On another file system this would only be a directory.
        fs::read_to_string(base.join("cgroup.controllers"))?;
        if self.root.is_dir() {
            self.end_all();
        }
        match fs::create_dir(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Without it (before Linux 5.14) nothing is won over the marks in environments.
        fs::metadata(self.root.join("cgroup.kill"))?;
        let enabled =
            |controller: &&str| enable(base, controller) && enable(&self.root, controller);
        Ok(CONTROLLERS.into_iter().filter(enabled).collect())
    }

    /// A group for an attempt, with its limits.
    ///
    /// # Errors
    /// The system refuses it.
    pub(super) fn create(&self, name: &str, limits: &Limits) -> io::Result<ControlGroup> {
        let path = self.root.join(name);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let group = ControlGroup(path);
        for (file, value) in limits.files(&self.controllers) {
            if let Err(error) = fs::write(group.0.join(file), value)
                && file != "memory.swap.max"
            {
                // A kernel without swap has no such file.
                return Err(io::Error::new(error.kind(), format!("{file}: {error}")));
            }
        }
        Ok(group)
    }

    /// Ends everything in every group, and removes them.
    pub(super) fn end_all(&self) {
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                ControlGroup(entry.path()).end();
            }
        }
        remove(&self.root);
    }
}

fn enable(group: &Path, controller: &str) -> bool {
    let has = |file: &str| {
        let text = fs::read_to_string(group.join(file)).unwrap_or_default();
        text.split_whitespace().any(|name| name == controller)
    };
    has("cgroup.subtree_control")
        || has("cgroup.controllers")
            && fs::write(group.join("cgroup.subtree_control"), format!("+{controller}")).is_ok()
}

/// Where this process is in the version 2 hierarchy, from `/proc/self/{mountinfo,cgroup}`.
pub(crate) fn own_group(mounts: &str, groups: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mounts.lines().find_map(|line| {
        let (about, kind) = line.split_once(" - ")?;
        let is_it = kind.split_whitespace().next() == Some("cgroup2");
        let mut fields = about.split_whitespace().skip(3);
        let (root, at) = (fields.next()?, fields.next()?);
        is_it.then(|| (root.to_owned(), at.to_owned()))
    });
    let (root, at) = mount?;
    // In a container only a part of the hierarchy is mounted.
    let below = own.strip_prefix(root.trim_end_matches('/'))?;
    Some(Path::new(&at).join(below.trim_start_matches('/')))
}

/// The group of one attempt.
#[derive(Debug)]
pub(super) struct ControlGroup(PathBuf);

impl ControlGroup {
    /// Puts a process into it, which has started none yet.
    ///
    /// # Errors
    /// The system refuses it.
    pub(super) fn admit(&self, process: u32) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), process.to_string())
    }

    /// Whether the kernel ended a process in it for its memory.
    pub(super) fn was_out_of_memory(&self) -> bool {
        let events = fs::read_to_string(self.0.join("memory.events")).unwrap_or_default();
        let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.is_some_and(|count| count.trim() != "0")
    }

    /// Ends every process in it and waits until they are gone; removes it. Blocks.
    pub(super) fn end(&self) {
        for _ in 0..LOOKS {
            if let Err(error) = fs::write(self.0.join("cgroup.kill"), "1") {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!("{} cannot be ended: {error}", self.0.display());
                }
                break;
            }
            if !self.is_populated() {
                break;
            }
            std::thread::sleep(LOOK);
        }
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            // A program may have made groups of its own, which are ended with this one.
            if entry.path().is_dir() {
                remove(&entry.path());
            }
        }
        remove(&self.0);
    }

    fn is_populated(&self) -> bool {
        let events = fs::read_to_string(self.0.join("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == "populated 1")
    }
}

fn remove(group: &Path) {
    match fs::remove_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{} stays: {error}", group.display());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn limits_become_files_of_the_controllers_that_are_there() {
        let limits = Limits { memory: 1 << 30, processes: 50, cores: 3 };
        let written = limits.files(&CONTROLLERS);
        let files: Vec<String> = written.iter().map(|(f, v)| format!("{f}={v}")).collect();
        let all = [
            "memory.max=1073741824",
            "memory.oom.group=1",
            "memory.swap.max=0",
            "pids.max=50",
            "cpu.weight=300",
        ];
        assert_eq!(files, all);
        assert!(limits.files(&[]).is_empty());
        assert!(Limits::default().files(&CONTROLLERS).is_empty());
        let many = Limits { cores: 1000, ..Limits::default() };
        assert_eq!(many.files(&["cpu"]), [("cpu.weight", "10000".to_owned())]);
    }

    #[test]
    fn the_own_group_is_found_below_its_mount() {
        let mounts = "25 30 0:23 / /sys rw - sysfs sysfs rw\n\
                      41 31 0:38 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
        let groups = "4:memory:/x\n0::/system.slice/tracker.service\n";
        let found = own_group(mounts, groups);
        assert_eq!(found, Some("/sys/fs/cgroup/system.slice/tracker.service".into()));
        let inside = mounts.replace("0:38 / ", "0:38 /docker/1 ");
        assert_eq!(own_group(&inside, "0::/docker/1/a\n"), Some("/sys/fs/cgroup/a".into()));
        assert_eq!(own_group("", groups), None);
        assert_eq!(own_group(mounts, "4:memory:/x\n"), None);
    }

    #[test]
    fn what_hides_from_its_mark_is_ended_with_its_group() {
        let mark = format!("/test/{}", std::process::id());
        let Some(groups) = ControlGroups::open("auto", &mark) else {
            eprintln!("NOT RUN: this user gets no control groups here");
            return;
        };
        let group = groups.create("attempt_1", &Limits::default()).unwrap();
        // It waits to be admitted before it starts anything.
        let script = "read go; env -i setsid sleep 1000 & env -i setsid sleep 1000 & wait";
        let shell = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn();
        let mut shell = shell.unwrap();
        group.admit(shell.id()).unwrap();
        drop(shell.stdin.take());
        let inside = || fs::read_to_string(group.0.join("cgroup.procs")).unwrap_or_default();
        for _ in 0..1000 {
            if inside().lines().count() >= 3 {
                break;
            }
            std::thread::sleep(LOOK);
        }
        let processes: Vec<String> = inside().lines().map(str::to_owned).collect();
        assert_eq!(processes.len(), 3);
        assert!(!group.was_out_of_memory());
        // Another start of the same tracker ends what the first one left.
        let again = ControlGroups::open("auto", &mark).unwrap();
        shell.wait().unwrap();
        for process in processes {
            let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            assert!(state.is_empty() || state.contains(") Z "), "{state}");
        }
        assert!(!group.0.exists());
        again.end_all();
        assert!(!again.root.exists());
    }
}
