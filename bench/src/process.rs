//! A program run to its end, and what it used.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// How often a program is looked at while it runs.
const STEP: Duration = Duration::from_millis(5);

/// What a program used, with the processes that it waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) wall_seconds: f64,
    /// User and system.
    pub(crate) cpu_seconds: f64,
    /// Resident at most, of the program itself.
    pub(crate) most_bytes: f64,
}

/// Runs a program that has to succeed.
pub(crate) fn run(command: &mut Command) -> io::Result<Used> {
    let start = Instant::now();
    let errors = tempfile::NamedTempFile::new()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors.reopen()?)
        .spawn()
        .map_err(|e| {
            io::Error::new(e.kind(), format!("{}: {e}", command.get_program().display()))
        })?;
    let mut most = 0.0;
    while !has_ended(&child)? {
        most = peak(&child).unwrap_or(most);
        std::thread::sleep(STEP);
    }
    let wall_seconds = start.elapsed().as_secs_f64();
    // It is not waited for yet, so that its times are still there.
    let cpu_seconds = cpu_seconds_with_children(child.id());
    let status = child.wait()?;
    if !status.success() {
        let said = fs::read_to_string(errors.path())?;
        return Err(io::Error::other(format!("{command:?}: {status}\n{said}")));
    }
    Ok(Used { wall_seconds, cpu_seconds: cpu_seconds?, most_bytes: most })
}

fn has_ended(child: &Child) -> io::Result<bool> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("a process without a number"))?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    Ok(waitid(WaitId::Pid(pid), options)?.is_some())
}

fn peak(child: &Child) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}

/// CPU seconds, user and system, of a process and of the children that it waited for.
pub(crate) fn cpu_seconds_with_children(process: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let bad = || io::Error::other(format!("/proc/*/stat reads: {stat}"));
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or_else(bad)?.1.split_whitespace().collect();
    let times = fields.get(11..15).ok_or_else(bad)?;
    let ticks: f64 = times.iter().filter_map(|t| t.parse::<f64>().ok()).sum();
    Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
}
