//! Standard output that may end before we do.

use std::io::Write;

/// Prints text; a reader who has gone is no error.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
