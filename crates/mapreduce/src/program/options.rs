//! Options that every program takes (Hadoop's `GenericOptionsParser`).

use std::path::Path;

use loxodon_conf::{Configuration, configuration_directory};

use crate::error::{Error, Result};

/// Reads `-D name=value`, `-conf file`, `-fs uri`, `-jt address`, `-files`, `-archives`, `-libjars`; gives the rest.
///
/// # Errors
/// An option without its value, or a file that is no configuration.
pub fn parse(conf: &mut Configuration, arguments: &[String]) -> Result<Vec<String>> {
    let mut arguments = arguments.iter();
    let mut rest = Vec::new();
    while let Some(argument) = arguments.next() {
        let name = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'));
        let mut value = || {
            let missing = || Error::argument(format!("Missing argument for option: {argument}"));
            arguments.next().ok_or_else(missing)
        };
        match name {
            Some("D") => define(conf, value()?)?,
            Some("conf") => conf.load_file(Path::new(value()?))?,
            Some("fs") => conf.set("fs.defaultFS", value()?, "-fs"),
            Some("jt") => match value()?.as_str() {
                "local" => conf.set("mapreduce.framework.name", "local", "-jt"),
                address => {
                    conf.set("mapreduce.framework.name", "classic", "-jt");
                    conf.set("mapreduce.jobtracker.address", address, "-jt");
                }
            },
            Some("files") => conf.set("tmpfiles", value()?, "-files"),
            Some("archives") => conf.set("tmparchives", value()?, "-archives"),
            Some("libjars") => conf.set("tmpjars", value()?, "-libjars"),
            Some(other) if other.starts_with('D') && other.contains('=') => {
                define(conf, other.get(1..).unwrap_or_default())?;
            }
            _ => {
                // The first argument of the program's own ends the options.
                rest.push(argument.clone());
                rest.extend(arguments.cloned());
                break;
            }
        }
    }
    Ok(rest)
}

fn define(conf: &mut Configuration, text: &str) -> Result<()> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Error::argument(format!("-D {text}: it must be name=value")))?;
    conf.set(name, value, "-D");
    Ok(())
}

/// The configuration of this machine: of a directory, else of `HADOOP_CONF_DIR`, where there is one.
///
/// # Errors
/// A file there is no configuration.
pub fn of_machine(directory: Option<&Path>) -> Result<Configuration> {
    let mut conf = Configuration::new();
    if let Some(directory) = configuration_directory(directory) {
        conf.load_directory(&directory)?;
    }
    Ok(conf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Configuration, Vec<String>)> {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let mut conf = Configuration::new();
        let rest = parse(&mut conf, &arguments)?;
        Ok((conf, rest))
    }

    #[test]
    fn options_stand_before_the_programs_own_arguments() {
        let (conf, rest) =
            parsed(&["-D", "a=1", "-Db=2=3", "-jt", "host:9001", "in", "-D", "c=4"]).unwrap();
        assert_eq!(conf.get("a").unwrap().as_deref(), Some("1"));
        assert_eq!(conf.get("b").unwrap().as_deref(), Some("2=3"));
        assert_eq!(conf.get("c").unwrap(), None);
        let tracker = conf.get("mapreduce.jobtracker.address").unwrap();
        assert_eq!(tracker.as_deref(), Some("host:9001"));
        assert_eq!(rest, ["in", "-D", "c=4"]);
    }

    #[test]
    fn an_option_without_its_value_is_named() {
        assert_eq!(parsed(&["-fs"]).unwrap_err().message(), "Missing argument for option: -fs");
        assert!(parsed(&["-D", "nothing"]).unwrap_err().message().contains("name=value"));
    }
}
