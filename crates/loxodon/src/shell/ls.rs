//! `ls`, `lsr`.

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::{Format, Given};
use super::session::Session;
use super::size;
use super::status::Status;

/// `ls`.
#[derive(Debug)]
pub(crate) struct Ls {
    always_recursive: bool,
    given: Given,
    widths: Widths,
}

/// Column widths; they only grow.
#[derive(Debug)]
struct Widths {
    replication: usize,
    length: usize,
    owner: usize,
    group: usize,
    policy: usize,
}

impl Ls {
    /// `ls`, or `lsr` which always recurses.
    pub(crate) fn new(always_recursive: bool) -> Self {
        let widths = Widths { replication: 3, length: 10, owner: 0, group: 0, policy: 0 };
        Self { always_recursive, given: Given::default(), widths }
    }

    fn has(&self, flag: &str) -> bool {
        self.given.has(flag)
    }

    fn time(&self, status: &Status) -> u64 {
        if self.has("u") { status.accessed } else { status.modified }
    }

    fn sort(&self, items: &mut [Item]) {
        let by_time = self.has("t");
        let by_size = !by_time && self.has("S");
        let key = |item: &Item| {
            let status = item.status.as_ref();
            if by_time {
                status.map_or(0, |status| self.time(status))
            } else if by_size {
                status.map_or(0, |status| status.length)
            } else {
                0
            }
        };
        items.sort_by(|a, b| {
            let order = match by_time || by_size {
                true => key(b).cmp(&key(a)),
                false => a.path.cmp(&b.path),
            };
            if self.has("r") { order.reverse() } else { order }
        });
    }

    fn policy(item: &Item) -> Result<String> {
        Ok(item.fs.content_summary(&item.path)?.erasure_coding_policy)
    }

    fn widen(&mut self, items: &[Item]) -> Result<()> {
        let widths = &mut self.widths;
        widths.policy = 0;
        for item in items {
            let status = item.stat()?;
            widths.replication = widths.replication.max(digits(status.replication.into()));
            widths.length = widths.length.max(digits(status.length));
            widths.owner = widths.owner.max(status.owner.chars().count());
            widths.group = widths.group.max(status.group.chars().count());
        }
        if self.has("e") {
            for item in items {
                let policy = Self::policy(item)?;
                self.widths.policy = self.widths.policy.max(policy.chars().count());
            }
        }
        Ok(())
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// `text` and blanks up to `width`, then one more; nothing where the column is empty.
fn column(text: &str, width: usize) -> String {
    if width == 0 { text.to_owned() } else { format!("{text:<width$} ") }
}

/// Characters that cannot be printed become `?` (`PrintableString`).
fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}')
            || matches!(c, '\u{f0000}'..='\u{10ffff}')
    };
    text.chars().map(|c| if hidden(c) { '?' } else { c }).collect()
}

impl Command for Ls {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        const FORMAT: Format = Format::new(0, &["C", "d", "h", "q", "R", "r", "t", "S", "u", "e"]);
        if self.always_recursive {
            args.insert(0, "-R".into());
        }
        self.given = FORMAT.parse(args)?;
        if args.is_empty() {
            args.push(".".into());
        }
        Ok(())
    }

    fn existing(&mut self, session: &mut Session, mut item: Item) -> Result<()> {
        if self.has("e") && Self::policy(&item)?.is_empty() {
            let uri = item.fs.uri();
            return Err(Failure::unsupported(format!(
                "FileSystem {uri} does not support Erasure Coding"
            )));
        }
        session.depth = 0;
        if !self.has("d") && item.is_directory() {
            self.recurse(session, &mut item)
        } else {
            self.paths(session, None, vec![item])
        }
    }

    fn paths(
        &mut self,
        session: &mut Session,
        parent: Option<&Item>,
        mut items: Vec<Item>,
    ) -> Result<()> {
        if parent.is_some() && !self.recursive() && !items.is_empty() {
            if !self.has("C") {
                session.line(format_args!("Found {} items", items.len()))?;
            }
            self.sort(&mut items);
        }
        if !self.has("C") {
            self.widen(&items)?;
        }
        self.visit_all(session, items)
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        if self.has("C") {
            return session.line(item);
        }
        let status = item.stat()?;
        let kind = if status.is_directory() { 'd' } else { '-' };
        let acl = if status.has_acl { '+' } else { ' ' };
        let replication = match status.is_file() {
            true => status.replication.to_string(),
            false => "-".into(),
        };
        let name = item.to_string();
        let policy = match self.has("e") {
            true => column(&Self::policy(item)?, self.widths.policy),
            false => String::new(),
        };
        session.line(format_args!(
            "{kind}{permission}{acl}{replication:>replication_width$} {owner}{group}{policy}{length:>length_width$} {time} {name}",
            permission = size::symbols(status.permission),
            replication_width = self.widths.replication,
            owner = column(&status.owner, self.widths.owner),
            group = column(&status.group, self.widths.group),
            length = size::size(status.length, self.has("h")),
            length_width = self.widths.length,
            time = size::minute(self.time(status)),
            name = if self.has("q") { printable(&name) } else { name },
        ))
    }

    fn recursive(&self) -> bool {
        self.has("R") && !self.has("d")
    }

    fn sorted(&self) -> bool {
        !self.recursive() || self.has("t") || self.has("S") || self.has("r")
    }

    fn group_size(&self) -> usize {
        if self.has("C") { 0 } else { 100 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        assert_eq!(column("ann", 5), "ann   ");
        assert_eq!(column("", 0), "");
        assert_eq!((digits(0), digits(9), digits(10), digits(u64::MAX)), (1, 1, 2, 20));
        assert_eq!(printable("a\tb\u{200b}é"), "a?b?é");
    }
}
