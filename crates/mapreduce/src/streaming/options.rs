//! The command line of a streaming job (`StreamJob.parseArgv`).

/// Options of a streaming job, as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // Each is the option of its name; `-info` explains them.
pub struct StreamOptions {
    pub input: Vec<String>,
    pub output: Option<String>,
    pub mapper: Option<String>,
    pub combiner: Option<String>,
    pub reducer: Option<String>,
    pub file: Vec<String>,
    pub dfs: Option<String>,
    pub additional_conf_spec: Option<String>,
    pub input_format: Option<String>,
    pub output_format: Option<String>,
    pub partitioner: Option<String>,
    pub num_reduce_tasks: Option<String>,
    pub input_reader: Option<String>,
    pub map_debug: Option<String>,
    pub reduce_debug: Option<String>,
    pub jobconf: Vec<String>,
    pub cmdenv: Vec<String>,
    pub cache_file: Vec<String>,
    pub cache_archive: Vec<String>,
    pub io: Option<String>,
    pub lazy_output: bool,
    pub background: bool,
    pub verbose: bool,
    pub debug: bool,
    pub info: bool,
    pub help: bool,
    /// Words that belong to no option.
    pub unexpected: Vec<String>,
}

/// How many values an option takes.
enum Takes<'a> {
    Nothing(&'a mut bool),
    /// The first occurrence counts.
    One(&'a mut Option<String>),
    /// One for each occurrence.
    Each(&'a mut Vec<String>),
    /// All up to the next option.
    Many(&'a mut Vec<String>),
}

impl StreamOptions {
    fn option(&mut self, name: &str) -> Option<Takes<'_>> {
        Some(match name {
            "input" => Takes::Many(&mut self.input),
            "output" => Takes::One(&mut self.output),
            "mapper" => Takes::One(&mut self.mapper),
            "combiner" => Takes::One(&mut self.combiner),
            "reducer" => Takes::One(&mut self.reducer),
            "file" => Takes::Many(&mut self.file),
            "dfs" => Takes::One(&mut self.dfs),
            "additionalconfspec" => Takes::One(&mut self.additional_conf_spec),
            "inputformat" => Takes::One(&mut self.input_format),
            "outputformat" => Takes::One(&mut self.output_format),
            "partitioner" => Takes::One(&mut self.partitioner),
            "numReduceTasks" => Takes::One(&mut self.num_reduce_tasks),
            "inputreader" => Takes::One(&mut self.input_reader),
            "mapdebug" => Takes::One(&mut self.map_debug),
            "reducedebug" => Takes::One(&mut self.reduce_debug),
            "jobconf" => Takes::Each(&mut self.jobconf),
            "cmdenv" => Takes::Each(&mut self.cmdenv),
            "cacheFile" => Takes::Many(&mut self.cache_file),
            "cacheArchive" => Takes::Many(&mut self.cache_archive),
            "io" => Takes::One(&mut self.io),
            "lazyOutput" => Takes::Nothing(&mut self.lazy_output),
            "background" => Takes::Nothing(&mut self.background),
            "verbose" => Takes::Nothing(&mut self.verbose),
            "debug" => Takes::Nothing(&mut self.debug),
            "info" => Takes::Nothing(&mut self.info),
            "help" => Takes::Nothing(&mut self.help),
            _ => return None,
        })
    }

    /// Takes a command line apart.
    ///
    /// # Errors
    /// An option that is none, or one without its value; the sentences of Commons CLI.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut probe = Self::default();
        let mut rest = arguments.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            let Some(name) = option_name(word) else {
                options.unexpected.push(word.to_owned());
                continue;
            };
            let mut value = || {
                let is_value =
                    |word: &&str| option_name(word).is_none_or(|name| probe.option(name).is_none());
                rest.next_if(is_value).map(|value| unquoted(value).to_owned())
            };
            let missing = || format!("Missing argument for option: {name}");
            match options.option(name) {
                None => return Err(format!("Unrecognized option: {word}")),
                Some(Takes::Nothing(flag)) => *flag = true,
                Some(Takes::One(to)) => {
                    let value = value().ok_or_else(missing)?;
                    to.get_or_insert(value);
                }
                Some(Takes::Each(to)) => to.push(value().ok_or_else(missing)?),
                Some(Takes::Many(to)) => {
                    to.push(value().ok_or_else(missing)?);
                    while let Some(value) = value() {
                        to.push(value);
                    }
                }
            }
        }
        Ok(options)
    }
}

/// What stands behind the hyphens of a word that could be an option.
fn option_name(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    (!name.is_empty()).then_some(name)
}

/// Without the quotes around it, where there are none within.
fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<StreamOptions, String> {
        StreamOptions::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_take_one_or_many_values() {
        let options = parsed(&[
            "-input",
            "a",
            "b",
            "-input",
            "c",
            "-output",
            "o",
            "-mapper",
            "\"cat -n\"",
            "-jobconf",
            "x=1",
            "-jobconf",
            "y=2",
            "-verbose",
            "-mapper",
            "other",
            "--reducer",
            "-n",
        ])
        .unwrap();
        assert_eq!(options.input, ["a", "b", "c"]);
        assert_eq!(options.jobconf, ["x=1", "y=2"]);
        assert_eq!(options.mapper.as_deref(), Some("cat -n"));
        assert_eq!(options.reducer.as_deref(), Some("-n"));
        assert!(options.verbose && !options.background);
        assert_eq!(parsed(&["-output", "o", "x", "y"]).unwrap().unexpected, ["x", "y"]);
    }

    #[test]
    fn what_is_no_option_is_named() {
        assert_eq!(parsed(&["-inputs", "x"]).unwrap_err(), "Unrecognized option: -inputs");
        assert_eq!(parsed(&["-mapper"]).unwrap_err(), "Missing argument for option: mapper");
        let none = parsed(&["-input", "-output", "o"]).unwrap_err();
        assert_eq!(none, "Missing argument for option: input");
    }
}
