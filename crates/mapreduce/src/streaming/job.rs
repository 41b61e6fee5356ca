//! What a streaming job's options make of its configuration (`StreamJob.setJobConf`).

use std::path::Path;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};

use super::format::{READER, XML_READER};
use super::options::StreamOptions;
use super::pipe::encode;
use super::{Form, StreamOptions as Options};
use crate::builtin::{is_known_mapper, is_known_reducer};
use crate::error::Error;
use crate::fs::FileSystems;
use crate::input::{add_input_path, input_format};
use crate::output::output_format;
use crate::settings::Settings;
use crate::user::current_user;

/// The reducer that is none.
pub(super) const NONE: &str = "NONE";

/// Who set a key, for error messages.
const SOURCE: &str = "streaming";

const PACKAGE: &str = "org.apache.hadoop.streaming.";
const OLD: &str = "org.apache.hadoop.mapred.";
const HADOOP: &str = "org.apache.hadoop.";
const AGGREGATE: &str = "org.apache.hadoop.mapred.lib.aggregate.ValueAggregator";

const LINK_URI: &str = "You need to specify the uris as scheme://path#linkname, \
                        with another link name for each of them";

/// Classes of partitioners that are known.
const PARTITIONERS: [&str; 4] =
    ["HashPartitioner", "KeyFieldBasedPartitioner", "BinaryPartitioner", "TotalOrderPartitioner"];

struct Job<'a> {
    options: &'a StreamOptions,
    conf: &'a mut Configuration,
}

/// Puts a job's options into its configuration; the error is what its user is told.
///
/// # Errors
/// Options that are missing or make no sense; a class that is not known.
pub fn configure(options: &Options, conf: &mut Configuration) -> Result<(), String> {
    if !options.unexpected.is_empty() {
        let (count, words) = (options.unexpected.len(), options.unexpected.join(", "));
        return Err(format!("Found {count} unexpected arguments on the command line [{words}]"));
    }
    let mut job = Job { options, conf };
    job.general()?;
    job.required()?;
    job.input()?;
    job.output()?;
    job.programs()?;
    job.reader()?;
    job.cache()
}

fn shown(error: Error) -> String {
    error.to_string()
}

/// A class whose name has no package may be one of streaming's own.
fn with_package<'n>(
    name: &'n str,
    known: impl Fn(&str) -> bool,
) -> Option<std::borrow::Cow<'n, str>> {
    if known(name) {
        return Some(name.into());
    }
    let own = format!("{PACKAGE}{name}");
    (!name.contains('.') && known(&own)).then(|| own.into())
}

/// Whether a command is rather the name of one of Hadoop's classes.
fn looks_like_class(command: &str) -> bool {
    command.starts_with(HADOOP) && !command.contains(char::is_whitespace)
}

impl Job<'_> {
    fn set(&mut self, name: &str, value: &str) {
        self.conf.set(name, value, SOURCE);
    }

    fn say(&self, text: &str) {
        if self.options.verbose {
            println!("STREAM: {text}");
        }
    }

    /// Options that are other ways to set keys.
    fn general(&mut self) -> Result<(), String> {
        let options = self.options;
        let warn = |old: &str, new: &str| {
            eprintln!(
                "WARN streaming.StreamJob: {old} option is deprecated, please use {new} instead."
            );
        };
        let framework = self.text("mapreduce.framework.name")?;
        let is_local = framework.as_deref().unwrap_or("local") == "local";
        for (name, key, script) in [
            ("-mapdebug", "mapreduce.map.debug.script", &options.map_debug),
            ("-reducedebug", "mapreduce.reduce.debug.script", &options.reduce_debug),
        ] {
            let Some(script) = script else { continue };
            if is_local {
                return Err(format!(
                    "{name} {script}: scripts for failed attempts are run by TaskTrackers, not in one process"
                ));
            }
            self.set(key, script);
        }
        if let Some(file) = &options.additional_conf_spec {
            warn("-additionalconfspec", "-conf");
            self.conf.load_file(Path::new(file)).map_err(|e| e.to_string())?;
        }
        if let Some(name) = &options.dfs {
            warn("-dfs", "-fs");
            let uri = if name == "local" { "file:///" } else { name };
            self.set("fs.defaultFS", uri);
        }
        if !options.jobconf.is_empty() {
            warn("-jobconf", "-D");
        }
        for pair in &options.jobconf {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| format!("-jobconf {pair}: it must be n=v"))?;
            self.set(name, value);
        }
        if !options.file.is_empty() {
            warn("-file", "generic option -files");
            self.ship_files()?;
        }
        let mut environment = vec!["HADOOP_ROOT_LOGGER=".to_owned()];
        environment.extend(options.cmdenv.iter().cloned());
        let environment = environment.join(" ");
        self.say(&format!("addTaskEnvironment={environment}"));
        self.set("stream.addenvironment", &environment);
        // The binary that trackers have is this one.
        self.set("loxodon.job.program", "loxodon");
        if self.text("mapreduce.job.name")?.is_none() {
            self.set("mapreduce.job.name", &format!("streamjob{}", fastrand::u64(..)));
        }
        Ok(())
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        self.conf.get_text(name).map_err(shown)
    }

    fn ship_files(&mut self) -> Result<(), String> {
        let mut all: Vec<String> = self.text("tmpfiles")?.into_iter().collect();
        for file in &self.options.file {
            let path = file.strip_prefix("file:").unwrap_or(file);
            let path = path.split_once('#').map_or(path, |(path, _)| path);
            if let Err(error) = std::fs::metadata(path) {
                let full = std::path::absolute(path).unwrap_or_else(|_| path.into());
                let full = full.display();
                return Err(match error.kind() {
                    std::io::ErrorKind::NotFound => format!("File: file:{full} does not exist."),
                    _ => format!("File: file:{full} is not readable."),
                });
            }
            all.push(file.clone());
        }
        self.set("tmpfiles", &all.join(","));
        Ok(())
    }

    fn required(&self) -> Result<(), String> {
        if self.options.input.is_empty() {
            return Err("Required argument: -input <name>".into());
        }
        if self.options.output.is_none() {
            return Err("Required argument: -output ".into());
        }
        Ok(())
    }

    fn files(&self) -> Result<FileSystems, String> {
        FileSystems::new(self.conf, current_user()).map_err(shown)
    }

    fn input(&mut self) -> Result<(), String> {
        let files = self.files()?;
        for input in &self.options.input {
            add_input_path(self.conf, &files, input).map_err(shown)?;
        }
        let format = match &self.options.input_format {
            None if self.options.input_reader.is_none() => format!("{OLD}TextInputFormat"),
            None => format!("{PACKAGE}StreamInputFormat"),
            Some(name) => self.input_format(name)?,
        };
        self.set("mapred.input.format.class", &format);
        Ok(())
    }

    fn input_format(&self, name: &str) -> Result<String, String> {
        let simple = name.strip_prefix(OLD).unwrap_or(name);
        match simple {
            "TextInputFormat" | "SequenceFileAsTextInputFormat" => {
                return Ok(format!("{OLD}{simple}"));
            }
            "KeyValueTextInputFormat" | "SequenceFileInputFormat" => {
                let own = format!("{PACKAGE}StreamInputFormat");
                let has_reader = self.options.input_reader.is_some();
                return Ok(if has_reader { own } else { format!("{OLD}{simple}") });
            }
            _ => {}
        }
        let known = |class: &str| {
            let own = class.strip_prefix(PACKAGE);
            matches!(own, Some("StreamInputFormat" | "AutoInputFormat"))
                || (class.starts_with(OLD) && input_format(class).is_some())
        };
        with_package(name, known)
            .map(Into::into)
            .ok_or_else(|| format!("-inputformat : class not found : {name}"))
    }

    fn output(&mut self) -> Result<(), String> {
        let output = self.options.output.as_deref().unwrap_or_default();
        let output = self.files()?.path(output).map_err(shown)?.to_string();
        self.set("mapreduce.output.fileoutputformat.outputdir", &output);
        let format = match self.options.output_format.as_deref() {
            None | Some("TextOutputFormat") => format!("{OLD}TextOutputFormat"),
            Some(name) if name.starts_with(OLD) && output_format(name).is_some() => name.into(),
            Some(name) => return Err(format!("-outputformat : class not found : {name}")),
        };
        if self.options.lazy_output {
            self.set("mapreduce.output.lazyoutputformat.outputformat", &format);
            self.set("mapred.output.format.class", &format!("{OLD}lib.LazyOutputFormat"));
        } else {
            self.set("mapred.output.format.class", &format);
        }
        if let Some(name) = &self.options.partitioner {
            let short = name.strip_prefix(&format!("{OLD}lib."));
            if !short.is_some_and(|short| PARTITIONERS.contains(&short)) {
                return Err(format!("-partitioner : class not found : {name}"));
            }
            self.set("mapred.partitioner.class", name);
        }
        if let Some(count) = &self.options.num_reduce_tasks {
            let count: u32 =
                count.parse().map_err(|_| format!("-numReduceTasks : no number : {count}"))?;
            self.set("mapreduce.job.reduces", &count.to_string());
        }
        Ok(())
    }

    fn form(&self, key: &str) -> Result<Form, String> {
        Ok(self.text(key)?.map_or(Form::Text, |identifier| Form::of_identifier(&identifier)))
    }

    fn programs(&mut self) -> Result<(), String> {
        if let Some(io) = &self.options.io {
            for key in ["map.input", "map.output", "reduce.input", "reduce.output"] {
                self.set(&format!("stream.{key}"), io);
            }
        }
        for side in ["map", "reduce"] {
            let writer = self.form(&format!("stream.{side}.input"))?.writer_class();
            self.set(&format!("stream.{side}.input.writer.class"), &writer);
            let reader = self.form(&format!("stream.{side}.output"))?.reader_class();
            self.set(&format!("stream.{side}.output.reader.class"), &reader);
        }
        let mapper = self.mapper()?;
        self.combiner()?;
        let reducer = self.reducer()?;
        let reduces = self.conf.get_int("mapreduce.job.reduces", 1).map_err(shown)?;
        self.set("mapreduce.job.reduces", &reduces.to_string());
        if mapper || self.text("stream.map.output")?.is_some() {
            let (key, value) = self.form("stream.map.output")?.output_classes();
            self.set("mapreduce.map.output.key.class", key);
            self.set("mapreduce.map.output.value.class", value);
            if reduces == 0 {
                self.set("mapreduce.job.output.key.class", key);
                self.set("mapreduce.job.output.value.class", value);
            }
        }
        if reducer || self.text("stream.reduce.output")?.is_some() {
            let (key, value) = self.form("stream.reduce.output")?.output_classes();
            self.set("mapreduce.job.output.key.class", key);
            self.set("mapreduce.job.output.value.class", value);
        }
        Ok(())
    }

    /// Whether it is a command.
    fn mapper(&mut self) -> Result<bool, String> {
        let Some(command) = &self.options.mapper else { return Ok(false) };
        if is_known_mapper(command) {
            self.set("mapred.mapper.class", command);
            return Ok(false);
        }
        let command = self.own_command(command, "-mapper")?;
        self.set("mapred.mapper.class", &format!("{PACKAGE}PipeMapper"));
        self.set("mapred.map.runner.class", &format!("{PACKAGE}PipeMapRunner"));
        self.set("stream.map.streamprocessor", &encode(&command));
        Ok(true)
    }

    fn combiner(&mut self) -> Result<(), String> {
        let Some(command) = &self.options.combiner else { return Ok(()) };
        if is_known_reducer(command) {
            self.set("mapred.combiner.class", command);
            return Ok(());
        }
        let command = self.own_command(command, "-combiner")?;
        self.set("mapred.combiner.class", &format!("{PACKAGE}PipeCombiner"));
        self.set("stream.combine.streamprocessor", &encode(&command));
        Ok(())
    }

    /// Whether it is a command.
    fn reducer(&mut self) -> Result<bool, String> {
        let Some(command) = &self.options.reducer else { return Ok(false) };
        if command == NONE {
            self.set("mapreduce.job.reduces", "0");
        }
        if self.conf.get_int("mapreduce.job.reduces", 1).map_err(shown)? == 0 {
            return Ok(false);
        }
        if command.eq_ignore_ascii_case("aggregate") {
            self.set("mapred.reducer.class", &format!("{AGGREGATE}Reducer"));
            self.set("mapred.combiner.class", &format!("{AGGREGATE}Combiner"));
            return Ok(false);
        }
        if is_known_reducer(command) {
            self.set("mapred.reducer.class", command);
            return Ok(false);
        }
        let command = self.own_command(command, "-reducer")?;
        self.set("mapred.reducer.class", &format!("{PACKAGE}PipeReducer"));
        self.set("stream.reduce.streamprocessor", &encode(&command));
        Ok(true)
    }

    /// A command as tasks see it: a program that is shipped is in their working directory.
    fn own_command(&self, command: &str, option: &str) -> Result<String, String> {
        if looks_like_class(command) {
            return Err(format!("{option} : class not found : {command}"));
        }
        let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
        let shipped = std::fs::canonicalize(program).is_ok_and(|full| {
            let files = self.options.file.iter();
            files.filter_map(|f| std::fs::canonicalize(f).ok()).any(|f| f == full && f.is_file())
        });
        self.say(&format!("shipped: {shipped} {program}"));
        let name = Path::new(program).file_name().and_then(|name| name.to_str());
        let command = match name.filter(|_| shipped) {
            Some(name) if arguments.is_empty() => name.to_owned(),
            Some(name) => format!("{name} {arguments}"),
            None => command.to_owned(),
        };
        self.say(&format!("cmd={command}"));
        Ok(command)
    }

    /// `-inputreader Class,name=value,...`
    fn reader(&mut self) -> Result<(), String> {
        let Some(spec) = &self.options.input_reader else { return Ok(()) };
        let mut parts = spec.split(',');
        let name = parts.next().unwrap_or_default();
        // The name that Hadoop's own documentation uses has no such class behind it any more.
        let known =
            |class: &str| class == XML_READER || XML_READER.strip_suffix("Reader") == Some(class);
        if with_package(name, known).is_none() {
            return Err(format!("-inputreader: class not found: {name}"));
        }
        self.set(READER, XML_READER);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            self.set(&format!("stream.recordreader.{name}"), value);
        }
        Ok(())
    }

    /// `-cacheFile` and `-cacheArchive`: each needs a name of its own.
    fn cache(&mut self) -> Result<(), String> {
        let mut links = std::collections::BTreeSet::new();
        for (option, key, uris) in [
            ("-cacheArchive", "mapreduce.job.cache.archives", &self.options.cache_archive),
            ("-cacheFile", "mapreduce.job.cache.files", &self.options.cache_file),
        ] {
            if uris.is_empty() {
                continue;
            }
            let instead = if option == "-cacheFile" { "-files" } else { "-archives" };
            eprintln!(
                "WARN streaming.StreamJob: {option} option is deprecated, please use {instead} instead."
            );
            for uri in uris.iter().flat_map(|uris| uris.split(',')) {
                let link = uri.split_once('#').map(|(_, link)| link.to_ascii_lowercase());
                if !link.is_some_and(|link| links.insert(link)) {
                    return Err(LINK_URI.into());
                }
            }
            self.conf.set(key, &uris.join(","), SOURCE);
        }
        if self.options.verbose {
            self.say("==== JobConf properties:");
            for (name, entry) in self.conf.entries() {
                self.say(&format!("{name}={}", entry.value));
            }
            self.say("====");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(words: &[&str]) -> Result<Configuration, String> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "hdfs://h:1", "test");
        configure(&StreamOptions::parse(&words)?, &mut conf)?;
        Ok(conf)
    }

    fn with_paths(words: &[&str]) -> Result<Configuration, String> {
        let mut all = vec!["-input", "/in", "-output", "/out"];
        all.extend(words);
        configured(&all)
    }

    #[test]
    fn a_job_of_two_commands() {
        let conf = with_paths(&["-mapper", "cat", "-reducer", "wc -l", "-numReduceTasks", "3"]);
        let conf = conf.unwrap();
        let get = |name: &str| conf.get(name).unwrap().unwrap();
        assert_eq!(get("mapreduce.input.fileinputformat.inputdir"), "hdfs://h:1/in");
        assert_eq!(get("mapreduce.output.fileoutputformat.outputdir"), "hdfs://h:1/out");
        assert_eq!(get("mapred.mapper.class"), "org.apache.hadoop.streaming.PipeMapper");
        assert_eq!(get("stream.reduce.streamprocessor"), "wc+-l");
        assert_eq!(get("mapreduce.job.reduces"), "3");
        assert_eq!(get("mapreduce.map.output.key.class"), "org.apache.hadoop.io.Text");
        assert_eq!(get("mapreduce.job.output.value.class"), "org.apache.hadoop.io.Text");
        assert_eq!(get("mapred.input.format.class"), "org.apache.hadoop.mapred.TextInputFormat");
    }

    #[test]
    fn scripts_for_failed_attempts() {
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "hdfs://h:1", "test");
        conf.set("mapreduce.framework.name", "classic", "test");
        let words = ["-input", "i", "-output", "o", "-mapdebug", "look -x", "-reducedebug", "r"];
        let words = words.map(str::to_owned);
        configure(&StreamOptions::parse(&words).unwrap(), &mut conf).unwrap();
        let get = |name: &str| conf.get(name).unwrap().unwrap();
        assert_eq!(get("mapreduce.map.debug.script"), "look -x");
        assert_eq!(get("mapreduce.reduce.debug.script"), "r");
    }

    #[test]
    fn no_reducer_and_aggregate() {
        let conf = with_paths(&["-mapper", "cat", "-reducer", "NONE"]).unwrap();
        assert_eq!(conf.get("mapreduce.job.reduces").unwrap().unwrap(), "0");
        assert_eq!(conf.get("mapred.reducer.class").unwrap(), None);
        let conf = with_paths(&["-mapper", "cat", "-reducer", "Aggregate"]).unwrap();
        let combiner = conf.get("mapred.combiner.class").unwrap().unwrap();
        assert_eq!(combiner, "org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorCombiner");
    }

    #[test]
    fn formats_of_bytes() {
        let conf = with_paths(&["-io", "RawBytes", "-mapper", "x", "-reducer", "y"]).unwrap();
        let get = |name: &str| conf.get(name).unwrap().unwrap();
        assert_eq!(get("mapreduce.map.output.key.class"), "org.apache.hadoop.io.BytesWritable");
        assert!(get("stream.map.input.writer.class").ends_with("io.RawBytesInputWriter"));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (words, wanted) in [
            (vec!["-output", "o"], "Required argument: -input <name>"),
            (vec!["-input", "i"], "Required argument: -output "),
            (
                vec!["-input", "i", "-output", "o", "x"],
                "unexpected arguments on the command line [x]",
            ),
        ] {
            assert!(configured(&words).unwrap_err().contains(wanted), "{words:?}");
        }
        for (words, wanted) in [
            (["-inputformat", "my.Format"], "-inputformat : class not found : my.Format"),
            (["-outputformat", "X"], "-outputformat : class not found : X"),
            (["-partitioner", "my.P"], "-partitioner : class not found : my.P"),
            (["-inputreader", "Other,a=b"], "-inputreader: class not found: Other"),
            (["-mapper", "org.apache.hadoop.X"], "-mapper : class not found : org.apache.hadoop.X"),
            (["-file", "/no/such"], "File: file:/no/such does not exist."),
            (["-numReduceTasks", "x"], "-numReduceTasks"),
            (["-cacheFile", "hdfs://h/a"], "linkname"),
            (["-mapdebug", "s"], "-mapdebug s"),
        ] {
            let error = with_paths(&words).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_shipped_program_is_called_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("map.sh");
        std::fs::write(&file, "").unwrap();
        let file = file.display().to_string();
        let mapper = format!("{file} -x");
        let conf = with_paths(&["-mapper", &mapper, "-file", &file]).unwrap();
        assert_eq!(conf.get("stream.map.streamprocessor").unwrap().unwrap(), "map.sh+-x");
        assert_eq!(conf.get("tmpfiles").unwrap().unwrap(), file);
    }
}
