//! A job's progress as Hadoop's client prints it.

use std::io::{self, Write};

use jiff::Zoned;

/// Hears how a job goes.
pub trait Progress {
    /// A line of the job client's.
    fn line(&mut self, text: &str);

    /// Whole percents of maps and reduces.
    fn percent(&mut self, maps: u32, reduces: u32) {
        self.line(&format!(" map {maps}% reduce {reduces}%"));
    }
}

/// Prints lines in the form of Hadoop's log, to the standard error stream.
#[derive(Debug, Default)]
pub struct Terminal {}

impl Progress for Terminal {
    fn line(&mut self, text: &str) {
        let time = Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        // Nobody is there to hear that the terminal is gone.
        let _ = writeln!(io::stderr(), "{time} INFO mapreduce.Job: {text}");
    }
}

/// Says nothing.
impl Progress for () {
    fn line(&mut self, _text: &str) {}
}
