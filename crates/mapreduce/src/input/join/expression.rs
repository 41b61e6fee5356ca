//! What a join is of: `inner(tbl(Format,"path"),outer(...))` (Hadoop's `mapreduce.lib.join.Parser`).

use std::iter::Peekable;
use std::str::Chars;

use crate::error::{Error, Result};

/// Joins within joins, at most.
const DEEPEST: usize = 32;

/// How what has one key is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Keys that every part has.
    Inner,
    /// Keys that any part has.
    Outer,
    /// The values of the last part that has the key.
    Override,
}

/// A join, or what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// The files of a path, read by an input format.
    Table { format: String, path: String },
    /// Parts joined.
    Join { operation: Operation, parts: Vec<Self> },
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Comma,
    Open,
    Close,
}

/// Words are what Java's `StreamTokenizer` takes for words and numbers.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '$' | '_') || u32::from(c) >= 0xa0
}

fn next_token(chars: &mut Peekable<Chars<'_>>) -> Result<Option<Token>> {
    while chars.next_if(|c| *c <= ' ').is_some() {}
    let Some(first) = chars.next() else { return Ok(None) };
    Ok(Some(match first {
        ',' => Token::Comma,
        '(' => Token::Open,
        ')' => Token::Close,
        '"' => Token::Quoted(quoted(chars)),
        first if is_word(first) => {
            let mut word = String::from(first);
            while let Some(more) = chars.next_if(|c| is_word(*c)) {
                word.push(more);
            }
            Token::Word(word)
        }
        other => return Err(Error::io(format!("Unexpected: {}", u32::from(other)))),
    }))
}

/// Up to the closing quote or the line's end; a backslash keeps what follows from meaning anything.
fn quoted(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next_if(|c| *c != '\n' && *c != '\r') {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(other) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    text
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is none: what is missing.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut chars = text.chars().peekable();
        let mut tokens = Vec::new();
        while let Some(token) = next_token(&mut chars)? {
            tokens.push(token);
        }
        let rest = &mut tokens.as_slice();
        let Some(Token::Word(name)) = next(rest) else {
            return Err(Error::io("Identifier expected"));
        };
        let whole = Self::named(name, rest, 0)?;
        match rest.first() {
            None => Ok(whole),
            Some(Token::Close) => Err(Error::io("Unmatched ')'")),
            Some(_) => Err(Error::io("Missing ')'")),
        }
    }

    fn named(name: &str, rest: &mut &[Token], depth: usize) -> Result<Self> {
        if depth > DEEPEST {
            return Err(Error::io(format!("joins within joins, more than {DEEPEST}")));
        }
        let operation = match name {
            "tbl" => None,
            "inner" => Some(Operation::Inner),
            "outer" => Some(Operation::Outer),
            "override" => Some(Operation::Override),
            other => return Err(Error::io(format!("No nodetype for {other}"))),
        };
        if next(rest) != Some(&Token::Open) {
            return Err(Error::io("Missing ')'"));
        }
        match operation {
            None => Self::table(rest),
            Some(operation) => Self::join(operation, rest, depth),
        }
    }

    fn table(rest: &mut &[Token]) -> Result<Self> {
        let mut format = String::new();
        loop {
            match next(rest) {
                Some(Token::Word(word)) => format.push_str(word),
                Some(Token::Comma) => break,
                Some(Token::Close) => return Err(Error::io("Parse error")),
                Some(_) => return Err(Error::io("Expected strtype")),
                None => return Err(Error::io("Missing ')'")),
            }
        }
        let path = match next(rest) {
            Some(Token::Quoted(path)) => path.clone(),
            Some(_) => return Err(Error::io("Expected quoted string")),
            None => return Err(Error::io("Parse error")),
        };
        match next(rest) {
            Some(Token::Close) => Ok(Self::Table { format, path }),
            Some(_) => Err(Error::io("a table has a format and a path")),
            None => Err(Error::io("Missing ')'")),
        }
    }

    fn join(operation: Operation, rest: &mut &[Token], depth: usize) -> Result<Self> {
        let mut parts = Vec::new();
        loop {
            match next(rest) {
                Some(Token::Word(name)) => {
                    parts.push(Self::named(name, rest, depth.saturating_add(1))?);
                }
                Some(_) => return Err(Error::io("Expected nodetype")),
                None => return Err(Error::io("Missing ')'")),
            }
            match next(rest) {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(Self::Join { operation, parts }),
                Some(_) => return Err(Error::io("Expected ','")),
                None => return Err(Error::io("Missing ')'")),
            }
        }
    }
}

fn next<'t>(rest: &mut &'t [Token]) -> Option<&'t Token> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_joins_within_joins() {
        let table = |path: &str| Expression::Table { format: "a.b.C$D".into(), path: path.into() };
        let text = r#" override( tbl(a.b.C$D,"/x"), inner(tbl(a.b.C$D , "y \"z\""),tbl(a.b.C$D,"{1,2}")))"#;
        let inner = Expression::Join {
            operation: Operation::Inner,
            parts: vec![table("y \"z\""), table("{1,2}")],
        };
        let parts = vec![table("/x"), inner];
        let whole = Expression::Join { operation: Operation::Override, parts };
        assert_eq!(Expression::parse(text).unwrap(), whole);
        assert_eq!(Expression::parse("tbl(a.b.C$D,\"/x\")").unwrap(), table("/x"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, wanted) in [
            ("", "Identifier expected"),
            ("inner", "Missing ')'"),
            ("inner(", "Missing ')'"),
            ("inner(tbl(F,\"p\")", "Missing ')'"),
            ("inner(tbl(F,\"p\")))", "Unmatched ')'"),
            ("inner(tbl(F))", "Parse error"),
            ("inner(tbl(F,p))", "Expected quoted string"),
            ("inner(\"x\")", "Expected nodetype"),
            ("inner(tbl(F,\"p\")tbl(F,\"p\"))", "Expected ','"),
            ("middle(tbl(F,\"p\"))", "No nodetype for middle"),
            ("inner{", "Unexpected: 123"),
        ] {
            let error = Expression::parse(text).unwrap_err();
            assert_eq!(error.message(), wanted, "{text}");
        }
        let deep = "inner(".repeat(100_000);
        assert!(Expression::parse(&deep).unwrap_err().message().contains("more than"));
    }
}
