//! Processes of attempts: each in a group of its own, found again by a mark in its environment, so
//! that nothing of an attempt outlives it, and nothing of a tracker that died is left.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The mark of one attempt in the environment of everything it starts.
pub(super) const ATTEMPT_MARK: &str = "LOXODON_TASK_ATTEMPT";
/// The mark of one tracker there: its first local directory.
pub(super) const TRACKER_MARK: &str = "LOXODON_TASK_TRACKER";

/// Between asking a group to end and ending it (`mapreduce.tasktracker.tasks.sleeptimebeforesigkill`).
const GRACE: Duration = Duration::from_millis(250);

/// A process as `/proc` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    pid: i32,
    group: i32,
    resident_pages: u64,
}

fn seen() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(look).collect()
}

fn look(pid: i32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace();
    let is_dead = matches!(fields.next(), Some("Z" | "X"));
    let group = fields.nth(1)?.parse().ok()?;
    let resident_pages = fields.nth(18)?.parse().ok()?;
    (!is_dead).then_some(Seen { pid, group, resident_pages })
}

fn is_marked(pid: i32, name: &str, value: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    let mark = format!("{name}={value}");
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

/// Bytes that each attempt occupies: its group's processes and all that carry its mark. One walk over
/// the processes for all of them.
pub(super) fn resident(attempts: &[(i32, String)]) -> Vec<u64> {
    let page = rustix::param::page_size() as u64;
    let mut bytes = vec![0_u64; attempts.len()];
    for process in seen() {
        let marked = || {
            let is_its =
                |(_, attempt): &(i32, String)| is_marked(process.pid, ATTEMPT_MARK, attempt);
            attempts.iter().position(is_its)
        };
        let of_group = attempts.iter().position(|(group, _)| *group == process.group);
        if let Some(sum) = of_group.or_else(marked).and_then(|at| bytes.get_mut(at)) {
            *sum = sum.saturating_add(process.resident_pages.saturating_mul(page));
        }
    }
    bytes
}

fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group).filter(|_| group > 1) {
        // Gone already is as good.
        let _ = kill_process_group(group, signal);
    }
}

/// Asks the group to end, and ends it and everything with the attempt's mark soon after.
pub(super) async fn end(group: i32, attempt: &str) {
    signal_group(group, Signal::TERM);
    tokio::time::sleep(GRACE).await;
    end_now(group, attempt);
}

/// Ends the group and everything with the attempt's mark at once.
pub(super) fn end_now(group: i32, attempt: &str) {
    signal_group(group, Signal::KILL);
    end_marked(ATTEMPT_MARK, attempt);
}

/// Ends every process with a mark, again until none is found: one may fork meanwhile.
pub(super) fn end_marked(name: &str, value: &str) -> usize {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut ended = 0;
    for _ in 0..10 {
        let marked: Vec<i32> = seen()
            .into_iter()
            .map(|seen| seen.pid)
            .filter(|pid| *pid != own && is_marked(*pid, name, value))
            .collect();
        if marked.is_empty() {
            break;
        }
        for pid in marked.into_iter().filter_map(Pid::from_raw) {
            ended += usize::from(kill_process(pid, Signal::KILL).is_ok());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    ended
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn what_leaves_its_group_is_found_by_its_mark() {
        let attempt = format!("attempt_test_{}", std::process::id());
        let script = "setsid sleep 1000 & setsid sleep 1000 & wait";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .env(ATTEMPT_MARK, &attempt)
            .process_group(0)
            .spawn()
            .unwrap();
        let group = i32::try_from(child.id()).unwrap();
        let marked = || seen().iter().filter(|s| is_marked(s.pid, ATTEMPT_MARK, &attempt)).count();
        for _ in 0..1000 {
            if marked() >= 3 {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(resident(&[(1 << 30, attempt.clone())]).first().is_some_and(|bytes| *bytes > 0));
        end_now(group, &attempt);
        child.wait().unwrap();
        assert_eq!(marked(), 0);
    }
}
