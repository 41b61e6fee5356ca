//! The options that come before a command's own (`GenericOptionsParser` and the `hdfs` script).

use std::path::{Path, PathBuf};

use loxodon_conf::{Configuration, Notice, keys};
use loxodon_console::{eprintln, print};
use tracing_subscriber::filter::LevelFilter;

/// Options of Hadoop's launcher script, which come first.
#[derive(Debug, Default)]
pub(crate) struct Launch {
    /// `--config`.
    pub(crate) directory: Option<PathBuf>,
    /// `--loglevel`, or `--debug`.
    pub(crate) log_level: Option<LevelFilter>,
    /// What follows.
    pub(crate) rest: Vec<String>,
}

impl Launch {
    /// Takes the launcher's options from the front of a command line.
    ///
    /// # Errors
    /// An unknown one, or one without its value.
    pub(crate) fn parse(args: &[String]) -> Result<Self, String> {
        let mut launch = Self::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.as_slice().first().filter(|arg| arg.starts_with("--")) {
            rest.next();
            let mut value = || rest.next().cloned().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--config" => {
                    let directory = PathBuf::from(value()?);
                    if !directory.is_dir() {
                        return Err(format!(
                            "ERROR: No such directory: {} (--config)",
                            directory.display()
                        ));
                    }
                    launch.directory = Some(directory);
                }
                "--loglevel" => launch.log_level = Some(log_level(&value()?)?),
                "--debug" => launch.log_level = Some(LevelFilter::DEBUG),
                "--help" | "--version" => {
                    launch.rest.push(arg.trim_start_matches('-').to_owned());
                    return Ok(launch);
                }
                "--daemon" | "--workers" | "--hosts" | "--hostnames" | "--buildpaths" => {
                    return Err(format!(
                        "{arg} is not supported: daemons run in the foreground, under a service manager"
                    ));
                }
                _ => return Err(format!("unknown option {arg}")),
            }
        }
        launch.rest = rest.cloned().collect();
        Ok(launch)
    }
}

fn log_level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_lowercase().as_str() {
        "fatal" => Ok(LevelFilter::ERROR),
        level @ ("trace" | "debug" | "info" | "warn" | "error") => {
            level.parse().map_err(|_| format!("--loglevel: '{text}' is no level"))
        }
        _ => Err(format!(
            "--loglevel: '{text}' is not one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL"
        )),
    }
}

/// Options with a value that Hadoop's programs take before their own.
const OPTIONS: [&str; 8] =
    ["-archives", "-conf", "-D", "-files", "-fs", "-jt", "-libjars", "-tokenCacheFile"];

/// What Hadoop prints where one of them has no value.
const HELP: &str = "\
usage: general options are:
 -archives <paths>                     comma separated archives to be
                                       unarchived on the compute machines.
 -conf <configuration file>            specify an application
                                       configuration file
 -D <property=value>                   use value for given property
 -files <paths>                        comma separated files to be copied
                                       to the map reduce cluster
 -fs <file:///|hdfs://namenode:port>   specify default filesystem URL to
                                       use, overrides 'fs.defaultFS'
                                       property from configurations.
 -jt <local|resourcemanager:port>      specify a ResourceManager
 -libjars <paths>                      comma separated jar files to
                                       include in the classpath.
 -tokenCacheFile <tokensFile>          name of the file with the tokens
";

/// The configuration of a command line, and the arguments behind its generic options: none of either where an
/// option lacks its value, which is said, as by Hadoop.
///
/// # Errors
/// An unreadable configuration; an option that means nothing here.
pub(crate) fn configure(
    directory: Option<&Path>,
    args: &[String],
) -> Result<(Configuration, Vec<String>), String> {
    let mut conf = Configuration::new();
    if let Some(directory) = loxodon_conf::configuration_directory(directory) {
        conf.load_directory(&directory).map_err(|e| e.to_string())?;
    }
    let (options, rest) = match split(args) {
        Ok(found) => found,
        Err(option) => {
            eprintln!(
                "WARN util.GenericOptionsParser: options parsing failed: Missing argument for option: {option}"
            );
            print!("{HELP}");
            return Ok((conf, Vec::new()));
        }
    };
    for (option, value) in options {
        match option {
            "-conf" => conf.load_file(Path::new(value)).map_err(|e| e.to_string())?,
            "-D" => define(&mut conf, value)?,
            "-fs" => conf.set(keys::DEFAULT_FS.name, value, "-fs"),
            "-jt" => eprintln!("-jt is ignored: there is no ResourceManager here"),
            _ => {
                return Err(format!(
                    "{option} is not supported: it belongs to MapReduce jobs and tokens"
                ));
            }
        }
    }
    warn_of_misspelt(&conf);
    Ok((conf, rest.to_vec()))
}

/// Options with their values.
type Options<'a> = Vec<(&'a str, &'a str)>;

/// Generic options, and what follows them; the name of the one without a value.
fn split(args: &[String]) -> Result<(Options<'_>, &[String]), &str> {
    let (mut options, mut rest) = (Vec::new(), args);
    while let Some((option, after)) = rest.split_first() {
        if let Some(pair) = option.strip_prefix("-D").filter(|pair| pair.contains('=')) {
            options.push(("-D", pair));
            rest = after;
            continue;
        }
        if !OPTIONS.contains(&option.as_str()) {
            break;
        }
        match after.split_first().filter(|(value, _)| !OPTIONS.contains(&value.as_str())) {
            Some((value, after)) => {
                options.push((option.as_str(), value.as_str()));
                rest = after;
            }
            None => return Err(option.trim_start_matches('-')),
        }
    }
    Ok((options, rest))
}

/// `name=value`; what is written without a value sets nothing.
fn define(conf: &mut Configuration, pair: &str) -> Result<(), String> {
    let Some((name, value)) = pair.split_once('=') else { return Ok(()) };
    if name.trim().is_empty() {
        return Err(format!("-D {pair}: no property is named"));
    }
    conf.set(name, value, "-D");
    Ok(())
}

/// What is misspelt on the command line is said; what files hold is the daemons' to say.
fn warn_of_misspelt(conf: &Configuration) {
    if !conf.entries().any(|(_, entry)| &*entry.source == "-D") {
        return;
    }
    for notice in conf.notices() {
        if matches!(&notice, Notice::Misspelt { source, .. } if source == "-D") {
            eprintln!("WARN conf.Configuration: {notice}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn launcher_options() {
        let launch = Launch::parse(&args("--loglevel DEBUG dfs -ls --x")).unwrap();
        assert_eq!(launch.log_level, Some(LevelFilter::DEBUG));
        assert_eq!(launch.rest, ["dfs", "-ls", "--x"]);
        for (bad, named) in [
            ("--loglevel loud", "loud"),
            ("--conifg x", "--conifg"),
            ("--config", "--config"),
            ("--config /does/not/exist", "/does/not/exist"),
            ("--daemon start namenode", "--daemon"),
        ] {
            let error = Launch::parse(&args(bad)).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn generic_options() {
        let empty = tempfile::tempdir().unwrap();
        let parsed = |text| configure(Some(empty.path()), &args(text));
        let (conf, rest) = parsed("-D dfs.replication=2 -Da=b -fs hdfs://h:1 -ls -D x").unwrap();
        assert_eq!(conf.int(&keys::REPLICATION).unwrap(), 2);
        assert_eq!(conf.get("a").unwrap().as_deref(), Some("b"));
        assert_eq!(conf.get("fs.defaultFS").unwrap().as_deref(), Some("hdfs://h:1"));
        assert_eq!(rest, ["-ls", "-D", "x"]);
        let (conf, rest) = parsed("-D a=b -D -ls /").unwrap();
        assert_eq!((conf.entries().count(), rest), (1, args("/")), "-ls is a value here");
        // As if nothing had been said, after the complaint.
        for incomplete in ["-conf", "-D a=b -fs", "-fs -conf x -ls"] {
            let (conf, rest) = parsed(incomplete).unwrap();
            assert_eq!((conf.entries().count(), rest), (0, Vec::new()), "{incomplete}");
        }
        for (bad, named) in
            [("-conf /no/such", "/no/such"), ("-D =1", "=1"), ("-files a", "-files")]
        {
            let error = parsed(bad).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
