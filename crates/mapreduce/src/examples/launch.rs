//! How an example's job is put together, handed in and looked at.

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, print};

use super::PACKAGE;
use crate::builtin::builtin_classes;
use crate::error::{Error, Result};
use crate::fs::FileSystems;
use crate::input::add_input_path;
use crate::local::JobResult;
use crate::program::run_job;
use crate::settings::Settings;
use crate::streaming::GENERIC_USAGE;
use crate::user::current_user;

/// Who set a key, for error messages.
const SOURCE: &str = "the example";

/// One example with its arguments, and the configuration that its jobs begin with.
pub(super) struct Launch {
    pub(super) conf: Configuration,
    pub(super) arguments: Vec<String>,
}

/// A job in the making.
pub(super) struct ExampleJob {
    pub(super) conf: Configuration,
    pub(super) files: FileSystems,
}

/// Prints how an example is used; its exit code.
pub(super) fn usage_error(usage: &str, code: i32) -> i32 {
    eprintln!("{usage}");
    code
}

/// As [`usage_error`], on the standard output, with the generic options.
pub(super) fn usage(usage: &str) -> i32 {
    print!("{usage}\n{GENERIC_USAGE}");
    2
}

impl Launch {
    /// A job of that name.
    pub(super) fn job(&self, name: &str) -> Result<ExampleJob> {
        let files = FileSystems::new(&self.conf, current_user())?;
        let mut job = ExampleJob { conf: self.conf.clone(), files };
        job.set("mapreduce.job.name", name);
        // The binary that trackers have is this one.
        job.set("loxodon.job.program", "loxodon");
        Ok(job)
    }
}

/// A class of the examples is named without its package.
fn full(class: &str) -> String {
    if class.starts_with("org.") { class.to_owned() } else { format!("{PACKAGE}{class}") }
}

impl ExampleJob {
    pub(super) fn set(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.conf.set(name, &value.to_string(), SOURCE);
        self
    }

    /// The mapper, and what it puts out.
    pub(super) fn mapper(&mut self, class: &str, key: &str, value: &str) -> &mut Self {
        self.set("mapreduce.job.map.class", full(class));
        self.set("mapreduce.map.output.key.class", key);
        self.set("mapreduce.map.output.value.class", value)
    }

    /// What the job puts out.
    pub(super) fn output_classes(&mut self, key: &str, value: &str) -> &mut Self {
        self.set("mapreduce.job.output.key.class", key);
        self.set("mapreduce.job.output.value.class", value)
    }

    pub(super) fn reducer(&mut self, class: &str, key: &str, value: &str) -> &mut Self {
        self.set("mapreduce.job.reduce.class", full(class)).output_classes(key, value)
    }

    pub(super) fn combiner(&mut self, class: &str) -> &mut Self {
        self.set("mapreduce.job.combine.class", full(class))
    }

    pub(super) fn partitioner(&mut self, class: &str) -> &mut Self {
        self.set("mapreduce.job.partitioner.class", full(class))
    }

    pub(super) fn input_format(&mut self, class: &str) -> &mut Self {
        self.set("mapreduce.job.inputformat.class", full(class))
    }

    pub(super) fn output_format(&mut self, class: &str) -> &mut Self {
        self.set("mapreduce.job.outputformat.class", full(class))
    }

    pub(super) fn reduces(&mut self, count: u32) -> &mut Self {
        self.set("mapreduce.job.reduces", count)
    }

    /// Adds input paths, separated by commas.
    pub(super) fn input(&mut self, paths: &str) -> Result<&mut Self> {
        add_input_path(&mut self.conf, &self.files, paths)?;
        Ok(self)
    }

    pub(super) fn output(&mut self, path: &str) -> Result<&mut Self> {
        let path = self.files.path(path)?;
        Ok(self.set("mapreduce.output.fileoutputformat.outputdir", path))
    }

    /// Runs it; the exit code says whether it succeeded.
    pub(super) fn run(&self) -> Result<i32> {
        Ok(i32::from(!self.result()?.succeeded))
    }

    /// Runs it to its end.
    pub(super) fn result(&self) -> Result<JobResult> {
        run_job(self.conf.clone(), builtin_classes())
    }

    /// The lines of the output's only part.
    pub(super) fn output_lines(&self, output: &str) -> Result<Vec<String>> {
        let path = self.files.path(output)?.child("part-r-00000");
        let fs = self.files.get(&path)?;
        if !fs.exists(&path)? {
            return Err(Error::io("Output not found!"));
        }
        let bytes = fs.read_all(&path, 1 << 24)?;
        Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
    }

    /// Whether jobs run in this process.
    pub(super) fn is_local(&self) -> Result<bool> {
        let framework = self.conf.get_text("mapreduce.framework.name")?;
        Ok(framework.as_deref().unwrap_or("local") == "local")
    }
}
