//! `find`, with Hadoop's expressions: `-name`, `-iname`, `-print`, `-print0`, `-a`, brackets.

use loxodon_client::FileKind;
use loxodon_mapreduce::fs::glob::Pattern;

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::location;
use super::options::Format;
use super::session::Session;

/// What is asked of a path, or done with it.
#[derive(Debug)]
enum Expression {
    /// `-name`, `-iname`.
    Name { pattern: Pattern, ignore_case: bool },
    /// `-print`, `-print0`: with what behind it.
    Print(&'static str),
    /// All of them, until one does not hold.
    And(Vec<Self>),
}

impl Expression {
    fn is_action(&self) -> bool {
        match self {
            Self::Name { .. } => false,
            Self::Print(_) => true,
            Self::And(parts) => parts.iter().any(Self::is_action),
        }
    }

    fn apply(&self, session: &mut Session, item: &Item) -> Result<bool> {
        match self {
            Self::Name { pattern, ignore_case } => {
                let name = location::name(&item.path);
                Ok(if *ignore_case {
                    pattern.matches(&name.to_lowercase())
                } else {
                    pattern.matches(name)
                })
            }
            Self::Print(end) => {
                session.write(format!("{item}{end}").as_bytes())?;
                Ok(true)
            }
            Self::And(parts) => {
                for part in parts {
                    if !part.apply(session, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// Up to the end or a closing bracket.
    fn parse(args: &mut std::vec::IntoIter<String>) -> Result<Self> {
        let mut parts = Vec::new();
        let mut joins = false;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "(" => parts.push(Self::parse(args)?),
                ")" => break,
                "-a" | "-and" => {
                    if parts.is_empty() || joins {
                        return Err(no_such_element());
                    }
                    joins = true;
                    continue;
                }
                "-name" | "-iname" => parts.push(Self::name(&arg, args.next())?),
                "-print" => parts.push(Self::Print("\n")),
                "-print0" => parts.push(Self::Print("\0")),
                _ => return Err(Failure::io(format!("Unexpected argument: {arg}"))),
            }
            joins = false;
        }
        if joins {
            return Err(no_such_element());
        }
        Ok(match parts.len() {
            0 => Self::Print("\n"),
            1 => parts.remove(0),
            _ => Self::And(parts),
        })
    }

    fn name(option: &str, pattern: Option<String>) -> Result<Self> {
        let pattern = pattern.ok_or_else(no_such_element)?;
        let ignore_case = option == "-iname";
        let pattern = if ignore_case { pattern.to_lowercase() } else { pattern };
        Ok(Self::Name { pattern: Pattern::new(&pattern)?, ignore_case })
    }
}

/// What Java's parser throws where an expression lacks a part.
fn no_such_element() -> Failure {
    let message = "an expression lacks an argument".to_owned();
    Failure::Fatal { class: "java.util.NoSuchElementException", message }
}

/// `find`.
#[derive(Debug, Default)]
pub(crate) struct Find {
    expression: Option<Expression>,
    follows: Follow,
}

/// Which links are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Follow {
    #[default]
    None,
    /// `-H`: those that are arguments.
    Arguments,
    /// `-L`.
    All,
}

impl Follow {
    /// Links are carried by images that other versions wrote, and are not resolved here: nor are
    /// they by Hadoop, unless a test switches them on.
    fn check(self, session: &Session, item: &Item) -> Result<()> {
        let is_followed = match self {
            Self::None => false,
            Self::Arguments => session.depth == 0,
            Self::All => true,
        };
        let is_link = item.status.as_ref().is_some_and(|status| status.kind == FileKind::Symlink);
        if is_followed && is_link {
            return Err(Failure::unsupported("Symlinks not supported"));
        }
        Ok(())
    }
}

impl Command for Find {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let given = Format::new(1, &["L", "H"]).pass_unknown().parse(args)?;
        self.follows = match (given.has("L"), given.has("H")) {
            (true, _) => Follow::All,
            (false, true) => Follow::Arguments,
            (false, false) => Follow::None,
        };
        let first = args.iter().position(|arg| arg.starts_with('-')).unwrap_or(args.len());
        let expression = args.split_off(first);
        if args.is_empty() {
            args.push(".".into());
        }
        let mut expression = Expression::parse(&mut expression.into_iter())?;
        if !expression.is_action() {
            expression = Expression::And(vec![expression, Expression::Print("\n")]);
        }
        self.expression = Some(expression);
        Ok(())
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        self.follows.check(session, item)?;
        match &self.expression {
            Some(expression) => expression.apply(session, item).map(drop),
            None => Ok(()),
        }
    }

    fn recursive(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Expression> {
        let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Expression::parse(&mut args.into_iter())
    }

    #[test]
    fn expressions() {
        assert!(matches!(parse("").unwrap(), Expression::Print("\n")));
        assert!(matches!(parse("-name a").unwrap(), Expression::Name { .. }));
        assert!(!parse("-name a -a -iname B").unwrap().is_action());
        assert!(parse("( -name a ) -print0").unwrap().is_action());
        for bad in ["-size 3", "-name", "-a -name x", "-name x -a", "-name x -a -a -print"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
