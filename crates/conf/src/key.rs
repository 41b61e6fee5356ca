//! What a key is.

/// Unit of a [`Kind::Time`] written without a suffix, and the unit its default is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
}

impl Unit {
    /// Nanoseconds in one.
    pub fn nanoseconds(self) -> i128 {
        match self {
            Self::Microseconds => 1_000,
            Self::Milliseconds => 1_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
        }
    }

    /// Its name, as the reference page prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Microseconds => "microseconds",
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
        }
    }
}

/// What values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number, decimal or `0x` hexadecimal.
    Int,
    /// A count of bytes, with `k m g t p e` for powers of 1024.
    Size,
    /// A length of time, with `ns us ms s m h d`; without one, in this unit.
    Time(Unit),
    /// A decimal number.
    Float,
    /// Values separated by commas.
    List,
}

impl Kind {
    /// Its name on the reference page.
    pub fn name(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Bool => "true or false".into(),
            Self::Int => "whole number".into(),
            Self::Size => "bytes (k, m, g, t, p, e)".into(),
            Self::Time(unit) => format!("time, {} (ns, us, ms, s, m, h, d)", unit.name()),
            Self::Float => "number".into(),
            Self::List => "list, separated by commas".into(),
        }
    }
}

/// A configuration key that we honour: one row of [`crate::keys`].
#[derive(Debug)]
pub struct Key {
    /// Hadoop's name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Value where nothing sets it; empty where it is not set.
    pub default: &'static str,
    /// Older names that set it.
    pub deprecated: &'static [&'static str],
    /// What it does.
    pub doc: &'static str,
}
