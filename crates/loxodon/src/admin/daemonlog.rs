//! `hadoop daemonlog` (`LogLevel`): how much a daemon logs, asked and set through its web server.

use std::io::{self, BufRead};
use std::time::Duration;

use loxodon_console::{eprintln, println};

use super::{FAILED, http};
use crate::shell::GENERIC_OPTIONS;

const USAGE: &str = "
Usage: Command options are:
\t[-getlevel <host:port> <classname> [-protocol (http|https)]
\t[-setlevel <host:port> <classname> <level> [-protocol (http|https)]
";

/// Lines of the page that begin so are for this command.
const MARKER: &str = "<!-- OUTPUT -->";
/// How long a daemon may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Order {
    /// Host and port, logger, and the level to set.
    of: Option<(String, String, Option<String>)>,
    protocol: Option<String>,
}

/// Runs `daemonlog`; its exit code.
pub(crate) fn run(args: &[String]) -> i32 {
    let (Some(order), protocol) = parse(args).map_or((None, None), |o| (o.of, o.protocol)) else {
        eprintln!("{USAGE}\n{GENERIC_OPTIONS}");
        return FAILED;
    };
    if protocol.as_deref() == Some("https") {
        eprintln!("daemonlog: java.lang.UnsupportedOperationException: https is not supported");
        return 1;
    }
    let (address, log, level) = order;
    let level = level.map(|level| format!("&level={level}")).unwrap_or_default();
    let path = format!("/logLevel?log={log}{level}");
    println!("Connecting to http://{address}{path}");
    match show(&address, &path) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("daemonlog: {error}");
            1
        }
    }
}

fn show(address: &str, path: &str) -> io::Result<()> {
    if path.bytes().any(|byte| byte <= b' ') {
        return Err(io::Error::other(format!("{path}: there are blanks in it")));
    }
    let answer = http::get(address, path, PATIENCE, PATIENCE)?;
    for line in answer.body.lines() {
        let line = line?;
        if line.starts_with(MARKER) {
            println!("{}", without_tags(&line));
        }
    }
    Ok(())
}

fn without_tags(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        text.push_str(before);
        match tag.find('>') {
            Some(end) => rest = tag.get(end + 1..).unwrap_or_default(),
            None => return text + tag,
        }
    }
    text + rest
}

/// None for what makes no sense.
fn parse(args: &[String]) -> Option<Order> {
    let mut order = Order::default();
    let mut rest = args.iter().cloned();
    while let Some(option) = rest.next() {
        match option.as_str() {
            "-getlevel" if order.of.is_none() => {
                order.of = Some((rest.next()?, rest.next()?, None));
            }
            "-setlevel" if order.of.is_none() => {
                order.of = Some((rest.next()?, rest.next()?, Some(rest.next()?)));
            }
            "-protocol" if order.protocol.is_none() => {
                let known = rest.next().filter(|p| matches!(p.as_str(), "http" | "https"));
                order.protocol = Some(known?);
            }
            _ => return None,
        }
    }
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_lines() {
        let parse =
            |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let of = |level: Option<&str>| Some(("h:1".into(), "x".into(), level.map(str::to_owned)));
        assert_eq!(parse("-getlevel h:1 x").unwrap().of, of(None));
        assert_eq!(parse("-protocol http -setlevel h:1 x INFO").unwrap().of, of(Some("INFO")));
        for wrong in [
            "-getlevel h:1",
            "-setlevel h:1 x",
            "-getlevel h:1 x -getlevel h:1 x",
            "-getlevel h:1 x -protocol ftp",
            "-getlevel h:1 x y",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let line = "<!-- OUTPUT -->Effective Level: <b>INFO</b><br />";
        assert_eq!(without_tags(line), "Effective Level: INFO");
    }
}
