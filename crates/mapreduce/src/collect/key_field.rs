//! Keys as lines of fields: `-k2,3nr` as Hadoop's comparator and partitioner read it (`KeyFieldHelper`).

use std::cmp::Ordering;

use loxodon_conf::Configuration;
use loxodon_wire::java_hash;

use super::order::{Leading, RawComparator};
use crate::error::{Error, Result};
use crate::settings::Settings;

/// One `-k pos1[,pos2]`; fields and characters count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeySpec {
    begin_field: usize,
    begin_char: usize,
    /// 0: to the end of the key.
    end_field: usize,
    /// 0: to the end of the field.
    end_char: usize,
    numeric: bool,
    reverse: bool,
}

impl Default for KeySpec {
    fn default() -> Self {
        Self {
            begin_field: 1,
            begin_char: 1,
            end_field: 0,
            end_char: 0,
            numeric: false,
            reverse: false,
        }
    }
}

/// Which parts of a key count, and how its fields are separated.
#[derive(Clone, Debug)]
pub struct KeyFields {
    specs: Vec<KeySpec>,
    separator: Vec<u8>,
    /// Whether a `-k` was given: without one the key is a single field.
    split: bool,
}

fn invalid() -> Error {
    Error::argument(
        "Invalid -k argument. Must be of the form -k pos1,[pos2], where pos is of the form f[.c]nr",
    )
}

impl KeyFields {
    /// Fields of a job's keys (`mapreduce.map.output.key.field.separator`), with options such as `-k1,1 -k2nr`.
    ///
    /// # Errors
    /// The options are not of that form.
    pub fn new(conf: &Configuration, options: Option<&str>) -> Result<Self> {
        let mut fields = Self { specs: Vec::new(), separator: separator(conf)?, split: false };
        if let Some(options) = options.filter(|o| !o.is_empty()) {
            fields.parse(options)?;
        }
        Ok(fields)
    }

    /// The first so many fields (`num.key.fields.for.partition`).
    ///
    /// # Errors
    /// The separator cannot be read.
    pub fn first(conf: &Configuration, count: usize) -> Result<Self> {
        let mut fields = Self { specs: Vec::new(), separator: separator(conf)?, split: false };
        if count >= 1 {
            fields.specs.push(KeySpec { end_field: count, ..KeySpec::default() });
            fields.split = true;
        }
        Ok(fields)
    }

    fn parse(&mut self, options: &str) -> Result<()> {
        let mut global = KeySpec::default();
        let mut words = options.split_ascii_whitespace();
        while let Some(word) = words.next() {
            match word {
                "-n" => global.numeric = true,
                "-r" => global.reverse = true,
                "-nr" => (global.numeric, global.reverse) = (true, true),
                _ => {
                    let Some(rest) = word.strip_prefix("-k") else { continue };
                    let text = if rest.is_empty() { words.next() } else { Some(rest) };
                    if let Some(text) = text {
                        self.specs.push(parse_spec(text)?);
                        self.split = true;
                    }
                }
            }
        }
        for spec in &mut self.specs {
            if !(spec.reverse || spec.numeric) {
                (spec.reverse, spec.numeric) = (global.reverse, global.numeric);
            }
        }
        if self.specs.is_empty() {
            self.specs.push(global);
        }
        Ok(())
    }

    /// Whether no part is singled out.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// The part of a key that a specification takes; `None` where the key has no such field.
    fn part<'a>(&self, key: &'a [u8], spec: &KeySpec) -> Option<&'a [u8]> {
        let start = self.start(key, spec)?;
        key.get(start..self.end(key, spec).max(start))
    }

    /// Lengths and count of fields as Hadoop finds them: a search starts one byte after the last separator, and a
    /// separator of several bytes counts whole when fields are added up.
    fn field(&self, key: &[u8], number: usize) -> Option<(usize, usize)> {
        if !self.split {
            return (number == 1).then_some((0, 0));
        }
        let mut position = 0;
        let mut start = 0;
        for _ in 1..number {
            let found = find(key.get(start..)?, &self.separator)?;
            position += found + self.separator.len();
            start += found + 1;
        }
        let rest = key.get(start..)?;
        let length = find(rest, &self.separator).unwrap_or(rest.len());
        Some((position, length))
    }

    fn start(&self, key: &[u8], spec: &KeySpec) -> Option<usize> {
        let (position, _) = self.field(key, spec.begin_field)?;
        let end = position.checked_add(spec.begin_char)?;
        (end <= key.len()).then(|| end.saturating_sub(1))
    }

    /// Behind the last byte that counts.
    fn end(&self, key: &[u8], spec: &KeySpec) -> usize {
        if spec.end_field == 0 {
            return key.len();
        }
        let Some((position, length)) = self.field(key, spec.end_field) else { return key.len() };
        let in_field = if spec.end_char == 0 { length } else { spec.end_char };
        position.saturating_add(in_field).min(key.len())
    }

    /// Java's hash of the parts that count (`KeyFieldBasedPartitioner`).
    pub fn hash(&self, key: &[u8]) -> i32 {
        let parts = self.specs.iter().filter_map(|spec| self.part(key, spec));
        parts.fold(0, java_hash::bytes_hash)
    }

    /// The order of two keys by the parts that count.
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.specs.is_empty() {
            return a.cmp(b);
        }
        for spec in &self.specs {
            let order = match (self.part(a, spec), self.part(b, spec)) {
                // Hadoop calls the first one smaller where neither has the field; equal keeps the order consistent.
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(x), Some(y)) if spec.numeric => numerically(x, y),
                (Some(x), Some(y)) => x.cmp(y),
            };
            let order = if spec.reverse { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn separator(conf: &Configuration) -> Result<Vec<u8>> {
    let text = conf.get("mapreduce.map.output.key.field.separator")?;
    Ok(text.filter(|t| !t.is_empty()).map_or_else(|| b"\t".to_vec(), String::into_bytes))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    match wanted {
        [one] => memchr::memchr(*one, bytes),
        _ => bytes.windows(wanted.len()).position(|w| w == wanted),
    }
}

/// `f[.c][nr][,f[.c][nr]]`
fn parse_spec(text: &str) -> Result<KeySpec> {
    let (begin, end) = text.split_once(',').map_or((text, None), |(b, e)| (b, Some(e)));
    let mut spec = KeySpec::default();
    let (field, char) = parse_position(begin, &mut spec)?;
    spec.begin_field = field.max(1);
    spec.begin_char = char.unwrap_or(1);
    if let Some(end) = end {
        let (field, char) = parse_position(end, &mut spec)?;
        spec.end_field = field;
        spec.end_char = char.unwrap_or(0);
    }
    Ok(spec)
}

fn parse_position(text: &str, spec: &mut KeySpec) -> Result<(usize, Option<usize>)> {
    let numbers = text.trim_end_matches(['n', 'r']);
    for letter in text.get(numbers.len()..).unwrap_or_default().chars() {
        match letter {
            'n' => spec.numeric = true,
            _ => spec.reverse = true,
        }
    }
    let (field, char) = numbers.split_once('.').map_or((numbers, None), |(f, c)| (f, Some(c)));
    let number = |text: &str| text.parse::<usize>().map_err(|_| invalid());
    Ok((number(field)?, char.map(number).transpose()?))
}

/// A decimal number as far as its bytes are one: sign, digits before the point, digits after it.
fn numerically(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (Decimal::parse(a), Decimal::parse(b));
    match (a.is_zero(), b.is_zero()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return if b.negative { Ordering::Greater } else { Ordering::Less },
        (false, true) => return if a.negative { Ordering::Less } else { Ordering::Greater },
        (false, false) => {}
    }
    match (a.negative, b.negative) {
        (false, false) => a.magnitude(&b),
        (true, true) => b.magnitude(&a),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a [u8]) -> Self {
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let zeros = digits.iter().take_while(|b| **b == b'0').count();
        let digits = digits.get(zeros..).unwrap_or_default();
        let (whole, rest) = leading_digits(digits);
        let fraction = match rest.split_first() {
            Some((b'.', rest)) => leading_digits(rest).0,
            _ => &[],
        };
        let trailing = fraction.iter().rev().take_while(|b| **b == b'0').count();
        let fraction = fraction.get(..fraction.len() - trailing).unwrap_or_default();
        Self { negative, whole, fraction }
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        let whole = self.whole.len().cmp(&other.whole.len());
        whole
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}

fn leading_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let count = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    bytes.split_at_checked(count).unwrap_or((bytes, &[]))
}

/// Text keys ordered by fields (`KeyFieldBasedComparator`, `mapreduce.partition.keycomparator.options`).
pub struct KeyFieldOrder(KeyFields);

impl KeyFieldOrder {
    /// As a job's configuration says.
    ///
    /// # Errors
    /// The options are not of their form.
    pub fn new(conf: &Configuration) -> Result<Self> {
        let options = conf.get_text("mapreduce.partition.keycomparator.options")?;
        Ok(Self(KeyFields::new(conf, options.as_deref())?))
    }
}

impl RawComparator for KeyFieldOrder {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        self.0.compare(Leading::VInt.rest(a), Leading::VInt.rest(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(options: &str) -> KeyFields {
        KeyFields::new(&Configuration::new(), Some(options)).unwrap()
    }

    fn sorted(options: &str, lines: &[&str]) -> Vec<String> {
        let fields = fields(options);
        let mut lines: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
        lines.sort_by(|a, b| fields.compare(a.as_bytes(), b.as_bytes()));
        lines
    }

    #[test]
    fn orders_of_hadoops_own_test() {
        let (one, two) = ("123 -123 -5678 -1 A\tx".replace(' ', "\t"), "123\t0\t-1\t9\tB");
        let less = |options: &str, a: &str, b: &str| {
            assert_eq!(
                fields(options).compare(a.as_bytes(), b.as_bytes()),
                Ordering::Less,
                "{options}"
            );
            assert_eq!(fields(options).compare(b.as_bytes(), a.as_bytes()), Ordering::Greater);
        };
        less("-k2,2n", &one, two);
        less("-k2,2nr", two, &one);
        less("-k1,1n -k3,3n", &one, two);
        less("-k5", &one, two);
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let expected = ["-10", "-2.5", "-2.49", "0.0", "0.001", "1", "001.5", "10", "99x", "100"];
        let mut shuffled = expected;
        shuffled.reverse();
        shuffled.swap(5, 6);
        assert_eq!(sorted("-n", &shuffled), expected);
        assert_eq!(sorted("-k1,1nr", &["2", "10", "-1"]), ["10", "2", "-1"]);
    }

    #[test]
    fn a_missing_field_comes_first() {
        assert_eq!(
            sorted("-k3,3", &["a\tb\tc", "a\tb", "a\tb\ta"]),
            ["a\tb", "a\tb\ta", "a\tb\tc"]
        );
    }

    #[test]
    fn hashes_take_the_fields_only() {
        let fields = fields("-k2,2");
        assert_eq!(fields.hash(b"a\tkey\tc"), fields.hash(b"b\tkey\td"));
        assert_eq!(fields.hash(b"a\tkey"), 106_079); // "key".hashCode()
        assert_eq!(fields.hash(b"nothing"), 0);
    }

    #[test]
    fn wrong_options_say_what_is_right() {
        for options in ["-kx", "-k1,y", "-k1.z"] {
            let error = KeyFields::new(&Configuration::new(), Some(options)).unwrap_err();
            assert!(error.message().starts_with("Invalid -k argument."), "{error}");
        }
    }
}
