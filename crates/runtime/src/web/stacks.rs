//! `/stacks`: what the process's threads are about (`StackServlet`). There are no stacks to show
//! without stopping them: their names, states and what they wait for in the kernel are.

use std::fmt::Write as _;
use std::fs;

use hyper::StatusCode;

use super::page::Response;

/// A thread as `/proc` has it.
struct Thread {
    id: u32,
    name: String,
    state: char,
    waits_in: String,
}

/// How many threads are in which state, under the names of `java.lang.Thread.State`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct States {
    pub(super) runnable: u64,
    pub(super) blocked: u64,
    pub(super) waiting: u64,
    pub(super) terminated: u64,
}

/// The state that a letter of `/proc/PID/stat` stands for.
const fn state_name(letter: char) -> &'static str {
    match letter {
        'R' => "RUNNABLE",
        'D' => "BLOCKED",
        'Z' | 'X' | 'x' => "TERMINATED",
        _ => "WAITING",
    }
}

fn threads() -> Vec<Thread> {
    let entries = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut threads: Vec<Thread> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name is in parentheses and may hold any character.
            let (head, rest) = stat.rsplit_once(')')?;
            let name = head.split_once('(')?.1.to_owned();
            let state = rest.trim_start().chars().next()?;
            let waits_in = fs::read_to_string(entry.path().join("wchan")).unwrap_or_default();
            Some(Thread { id, name, state, waits_in })
        })
        .collect();
    threads.sort_by_key(|thread| thread.id);
    threads
}

impl States {
    pub(super) fn read() -> Self {
        let mut states = Self::default();
        for thread in threads() {
            match state_name(thread.state) {
                "RUNNABLE" => states.runnable += 1,
                "BLOCKED" => states.blocked += 1,
                "TERMINATED" => states.terminated += 1,
                _ => states.waiting += 1,
            }
        }
        states
    }
}

/// The page.
pub(super) fn answer() -> Response {
    let threads = threads();
    let mut text = format!("Process Thread Dump: \n{} active threads\n", threads.len());
    for Thread { id, name, state, waits_in } in threads {
        let _ = writeln!(text, "Thread {id} ({name}):\n  State: {}", state_name(state));
        if !waits_in.is_empty() && waits_in != "0" {
            let _ = writeln!(text, "  Waiting in {waits_in}");
        }
    }
    Response::plain(StatusCode::OK, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_seen_with_their_states() {
        let text = answer().text().unwrap();
        assert!(text.starts_with("Process Thread Dump: \n"), "{text}");
        assert!(text.contains("State: RUNNABLE"), "{text}");
        assert!(States::read().runnable >= 1);
    }
}
