//! What a command writes to its standard error stream: lines for the framework, and others.

use std::io::{ErrorKind as IoKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use loxodon_conf::Configuration;

use crate::error::{Error, Result};
use crate::task::TaskContext;

/// Longest line that is looked at as a whole; of a longer one the parts are passed on as they come.
const LONGEST: usize = 1 << 16;

/// Takes the lines apart.
pub(super) struct Listener<'a> {
    task: &'a TaskContext,
    prefix: String,
    /// Set once the command has said what it does.
    pub(super) has_status: &'a AtomicBool,
}

impl<'a> Listener<'a> {
    pub(super) fn new(
        task: &'a TaskContext,
        conf: &Configuration,
        has_status: &'a AtomicBool,
    ) -> Result<Self> {
        let prefix = conf.get("stream.stderr.reporter.prefix")?;
        let prefix = prefix.unwrap_or_else(|| "reporter:".into());
        Ok(Self { task, prefix, has_status })
    }

    /// Reads to the end; lines that are not for the framework go to `rest`.
    pub(super) fn listen(&self, mut from: impl Read, mut rest: impl Write) -> Result<()> {
        let mut buffer = vec![0; LONGEST];
        let (mut filled, mut within) = (0_usize, false);
        loop {
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let count = match from.read(room) {
                Err(error) if error.kind() == IoKind::Interrupted => continue,
                other => other.map_err(|e| Error::system("reading the command's errors", &e))?,
            };
            filled = filled.saturating_add(count);
            let held = buffer.get(..filled).unwrap_or_default();
            let mut at = 0;
            while let Some(end) = held.get(at..).and_then(|h| memchr::memchr(b'\n', h)) {
                let line = held.get(at..at.saturating_add(end)).unwrap_or_default();
                self.line(line, within, &mut rest)?;
                within = false;
                at = at.saturating_add(end).saturating_add(1);
            }
            let left = held.get(at..).unwrap_or_default();
            if count == 0 {
                if !left.is_empty() {
                    self.line(left, within, &mut rest)?;
                }
                return Ok(());
            }
            if left.len() == buffer.len() {
                pass(&mut rest, left, b"");
                within = true;
                filled = 0;
            } else {
                buffer.copy_within(at..filled, 0);
                filled = filled.saturating_sub(at);
            }
            self.task.alive();
        }
    }

    fn line(&self, line: &[u8], within: bool, rest: &mut impl Write) -> Result<()> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.strip_prefix(self.prefix.as_bytes()) {
            Some(order) if !within => self.order(&String::from_utf8_lossy(order)),
            _ => {
                pass(rest, line, b"\n");
                Ok(())
            }
        }
    }

    fn order(&self, order: &str) -> Result<()> {
        if let Some(counter) = order.strip_prefix("counter:") {
            let columns: Vec<&str> = counter.trim().split(',').collect();
            match columns.as_slice() {
                [group, name, by] => match by.parse::<i64>() {
                    Ok(by) => self.task.counter(group, name)?.add(by),
                    Err(_) => tracing::warn!(by, counter, "Cannot parse counter increment"),
                },
                _ => tracing::warn!(counter, "Cannot parse counter line"),
            }
        } else if let Some(status) = order.strip_prefix("status:") {
            self.has_status.store(true, Ordering::Relaxed);
            self.task.set_state(status.trim());
        } else {
            tracing::warn!(order, "Cannot parse reporter line");
        }
        Ok(())
    }
}

/// Nobody may be there to read them; that is no failure of the task.
fn pass(rest: &mut impl Write, line: &[u8], end: &[u8]) {
    let _ = rest.write_all(line).and_then(|()| rest.write_all(end));
}
