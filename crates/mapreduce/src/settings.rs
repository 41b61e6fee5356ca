//! Typed values of a job's configuration, by Hadoop's key names.

use loxodon_conf::{Configuration, value};

use crate::error::{Error, Result};

/// Reads a job's keys; one that is not set has the default given here.
pub trait Settings {
    /// Text, trimmed; `None` where it is empty or not set.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    fn get_text(&self, name: &str) -> Result<Option<String>>;

    /// A whole number.
    ///
    /// # Errors
    /// The value is none.
    fn get_int(&self, name: &str, default: i64) -> Result<i64>;

    /// A number of bytes, with `k m g t p e` for powers of 1024.
    ///
    /// # Errors
    /// The value is none.
    fn get_size(&self, name: &str, default: i64) -> Result<i64>;

    /// A decimal number.
    ///
    /// # Errors
    /// The value is none.
    fn get_float(&self, name: &str, default: f64) -> Result<f64>;

    /// `true` or `false`; anything else is the default, as in Hadoop.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    fn get_bool(&self, name: &str, default: bool) -> Result<bool>;

    /// Values between commas.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    fn get_list(&self, name: &str) -> Result<Vec<String>>;
}

impl Settings for Configuration {
    fn get_text(&self, name: &str) -> Result<Option<String>> {
        let value = self.get(name)?;
        Ok(value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()))
    }

    fn get_int(&self, name: &str, default: i64) -> Result<i64> {
        parsed(self, name, default, "a whole number", value::parse_int)
    }

    fn get_size(&self, name: &str, default: i64) -> Result<i64> {
        parsed(self, name, default, "a number of bytes", value::parse_size)
    }

    fn get_float(&self, name: &str, default: f64) -> Result<f64> {
        parsed(self, name, default, "a number", value::parse_float)
    }

    fn get_bool(&self, name: &str, default: bool) -> Result<bool> {
        Ok(self.get_text(name)?.and_then(|v| value::parse_bool(&v)).unwrap_or(default))
    }

    fn get_list(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.get_text(name)?.map(|v| value::parse_list(&v)).unwrap_or_default())
    }
}

fn parsed<T>(
    conf: &Configuration,
    name: &str,
    default: T,
    wanted: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    let Some(text) = conf.get_text(name)? else { return Ok(default) };
    parse(&text).ok_or_else(|| {
        let source = conf.source(name);
        Error::argument(format!("{name}: '{text}' (set in {source}) is not {wanted}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_number_names_its_key() {
        let mut conf = Configuration::new();
        conf.set("mapreduce.task.io.sort.mb", "many", "-D");
        let error = conf.get_int("mapreduce.task.io.sort.mb", 100).unwrap_err();
        assert!(error.message().starts_with("mapreduce.task.io.sort.mb: 'many'"), "{error}");
        assert_eq!(conf.get_int("mapreduce.task.io.sort.factor", 10).unwrap(), 10);
    }
}
