//! A job's progress as Hadoop's client prints it.

use std::io::{self, IsTerminal, Write};

use jiff::Zoned;

/// Columns of a full bar.
const COLUMNS: usize = 24;
/// To the line's beginning, and nothing behind it.
const CLEAR: &str = "\r\x1b[K";

/// Hears how a job goes.
pub trait Progress {
    /// A line of the job client's.
    fn line(&mut self, text: &str);

    /// What others said, as it is.
    fn plain(&mut self, text: &str) {
        self.line(text);
    }

    /// Whole percents of maps and reduces.
    fn percent(&mut self, maps: u32, reduces: u32) {
        self.line(&format!(" map {maps}% reduce {reduces}%"));
    }
}

/// Prints lines in the form of Hadoop's log, to the standard error stream; where that is a terminal, percents are
/// bars below them.
#[derive(Debug)]
pub struct Terminal {
    is_watched: bool,
    has_bars: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { is_watched: io::stderr().is_terminal(), has_bars: false }
    }
}

impl Terminal {
    fn print(&mut self, text: &str) {
        let clear = if std::mem::take(&mut self.has_bars) { CLEAR } else { "" };
        // Nobody is there to hear that the terminal is gone.
        let _ = writeln!(io::stderr(), "{clear}{text}");
    }
}

impl Progress for Terminal {
    fn line(&mut self, text: &str) {
        let time = Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        self.print(&format!("{time} INFO mapreduce.Job: {text}"));
    }

    fn plain(&mut self, text: &str) {
        self.print(text);
    }

    fn percent(&mut self, maps: u32, reduces: u32) {
        if !self.is_watched {
            return self.line(&format!(" map {maps}% reduce {reduces}%"));
        }
        self.has_bars = true;
        let mut out = io::stderr();
        let _ = write!(out, "{CLEAR} map {} reduce {}", bar(maps), bar(reduces));
        let _ = out.flush();
    }
}

fn bar(percent: u32) -> String {
    let full = (percent.min(100) as usize).saturating_mul(COLUMNS) / 100;
    format!("[{:<COLUMNS$}] {percent:>3}%", "=".repeat(full))
}

/// Says nothing.
impl Progress for () {
    fn line(&mut self, _text: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_full_as_the_percents() {
        assert_eq!(bar(0), format!("[{}]   0%", " ".repeat(24)));
        assert_eq!(bar(50), format!("[{}{}]  50%", "=".repeat(12), " ".repeat(12)));
        assert_eq!(bar(100), format!("[{}] 100%", "=".repeat(24)));
        assert!(bar(250).starts_with(&format!("[{}]", "=".repeat(24))));
    }
}
