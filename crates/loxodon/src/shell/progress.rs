//! A progress bar on standard error, where that is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Bytes of a copy command; shows nothing where nobody watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar, on a terminal only.
    pub(crate) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::default();
        }
        let template = "{bar:32} {bytes}/{total_bytes} {binary_bytes_per_sec} {wide_msg}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: Some(ProgressBar::new(0).with_style(style)) }
    }

    /// Another file begins.
    pub(crate) fn file(&self, name: &str, length: u64) {
        if let Some(bar) = &self.bar {
            bar.inc_length(length);
            bar.set_message(name.to_owned());
        }
    }

    /// So many bytes more are copied.
    pub(crate) fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
