//! Hadoop's `FsShell` and ours print the same, on Hadoop's cluster and on ours:
//! `shell/commands.txt`, line by line.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::command_lines::split;
use loxodon_interop::java::{Outcome, whoami};
use loxodon_interop::loxodon;
use loxodon_interop::site::Site;

const USER: &str = "ann";

/// A line of the list.
#[derive(Debug)]
enum Line {
    /// A command of the shell, as the user or as the superuser.
    Shell { superuser: bool, args: Vec<String> },
    /// For `sh`, in the local directory.
    Local(String),
}

#[test]
fn both_shells_print_the_same() {
    in_fresh_directory(|root| {
        let on_javas = compare(&root.join("java"), Maker::Java)?;
        let on_ours = compare(&root.join("loxodon"), Maker::Loxodon)?;
        let pairs = on_javas.iter().zip(&on_ours);
        let mut differences: Vec<String> = pairs
            .filter(|(java, ours)| java.theirs != ours.theirs)
            .map(|(java, ours)| {
                let (line, java, ours) = (&java.line, &java.theirs, &ours.theirs);
                format!("{line}\n  its shell on its cluster: {java:?}\n  on ours: {ours:?}")
            })
            .collect();
        for (cluster, all) in [("Hadoop's", &on_javas), ("our", &on_ours)] {
            differences.extend(all.iter().filter(|both| both.theirs != both.ours).map(|both| {
                let Both { line, theirs, ours } = both;
                format!("{line}, on {cluster} cluster\n  Hadoop: {theirs:?}\n  ours:   {ours:?}")
            }));
        }
        if differences.is_empty() {
            return Ok(());
        }
        let count = differences.len();
        Err(io::Error::other(format!("{count} lines differ:\n{}", differences.join("\n"))))
    });
}

/// What both shells made of a line.
struct Both {
    line: String,
    theirs: Outcome,
    ours: Outcome,
}

/// Runs all lines by either shell on a cluster of this maker.
fn compare(root: &Path, maker: Maker) -> io::Result<Vec<Both>> {
    std::fs::create_dir(root)?;
    let mut cluster = Cluster::start(root, maker, &[maker])?;
    let conf = cluster.site().conf();
    let local = root.join("local");
    let lines = lines(cluster.site(), &local);
    // Hadoop's shell tells one file system from another by its cache, which the host turns off.
    let cached =
        ["-D", "fs.hdfs.impl.disable.cache=false", "-D", "fs.file.impl.disable.cache=false"];
    let theirs = run_all(&lines, &local, |user, args| {
        let args: Vec<&str> = cached.iter().chain(args).copied().collect();
        cluster.java_as(user, "dfs", &args)
    })?;
    let all = ["/user", "/open", "/closed"];
    let wipe: Vec<&str> = ["-rm", "-r", "-skipTrash"].into_iter().chain(all).collect();
    cluster.java("dfs", &wipe)?.succeeded()?;
    let ours = run_all(&lines, &local, |user, args| {
        let args: Vec<&str> = ["dfs"].iter().chain(args).copied().collect();
        loxodon::run(&conf, user, &args)
    })?;
    cluster.all_alive()?;
    // Where the cluster is told, it is told by its address, and its files by their directory.
    let (uri, local) = (cluster.site().uri(), local.display().to_string());
    let plain = |mut outcome: Outcome| {
        for text in [&mut outcome.stdout, &mut outcome.stderr] {
            *text = text.replace(&uri, "{uri}").replace(&local, "{local}");
        }
        outcome
    };
    let outcomes = theirs.into_iter().zip(ours);
    Ok(lines
        .iter()
        .zip(outcomes)
        .map(|(line, (theirs, ours))| Both {
            line: format!("{line:?}").replace(&uri, "{uri}").replace(&local, "{local}"),
            theirs: plain(theirs),
            ours: plain(ours),
        })
        .collect())
}

fn lines(site: &Site, local: &Path) -> Vec<Line> {
    let text = include_str!("../../shell/commands.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let filled = |line: &str| {
        line.replace("{local}", &local.display().to_string()).replace("{uri}", &site.uri())
    };
    lines
        .map(|line| match (line.strip_prefix("! "), line.strip_prefix("+ ")) {
            (Some(script), _) => Line::Local(script.into()),
            (_, Some(rest)) => Line::Shell { superuser: true, args: split(&filled(rest)) },
            _ => Line::Shell { superuser: false, args: split(&filled(line)) },
        })
        .collect()
}

fn run_all(
    lines: &[Line],
    local: &Path,
    mut shell: impl FnMut(&str, &[&str]) -> io::Result<Outcome>,
) -> io::Result<Vec<Outcome>> {
    let _ = std::fs::remove_dir_all(local);
    std::fs::create_dir_all(local)?;
    let root = whoami();
    let mut outcomes = Vec::with_capacity(lines.len());
    for line in lines {
        let outcome = match line {
            Line::Local(script) => sh(local, script)?,
            Line::Shell { superuser, args } => {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                shell(if *superuser { &root } else { USER }, &args)?
            }
        };
        let mut outcome = comparable(outcome);
        // What a command does is said in our own words.
        if let Line::Shell { args, .. } = line
            && args.first().is_some_and(|word| word == "-help")
            && args.len() == 2
        {
            outcome.stdout = outcome.stdout.lines().take(1).map(str::to_owned).collect();
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn sh(local: &Path, script: &str) -> io::Result<Outcome> {
    let output = Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(local)
        .stdin(Stdio::null())
        .output()?;
    Ok(Outcome {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Without what no two runs have in common: times, and lines of a log. Java's -1 is the system's 255.
fn comparable(outcome: Outcome) -> Outcome {
    let is_log = |line: &&str| {
        // Ours has no time in front.
        line.contains(" INFO ") || line.contains(" WARN ") || line.starts_with("WARN ")
    };
    // Where Java gives up with a stack trace, the first line says that it does.
    let is_trace = |line: &&str| {
        line.starts_with("\tat ") || line.starts_with("java.") || line.starts_with("Caused by")
    };
    let stderr: String = outcome
        .stderr
        .lines()
        .filter(|line| !is_log(line) && !is_trace(line))
        .map(|line| without_times(line) + "\n")
        .collect();
    Outcome { exit: outcome.exit & 0xff, stdout: without_times(&outcome.stdout), stderr }
}

/// Times of now, milliseconds and trash checkpoints become `#`; dates that the list sets stay.
fn without_times(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let starts = at == 0 || !bytes.get(at - 1).is_some_and(u8::is_ascii_digit);
        match time_length(bytes.get(at..).unwrap_or_default()).filter(|_| starts) {
            Some(length) => {
                result.push('#');
                at += length;
            }
            None => {
                result.push(c);
                at += c.len_utf8();
            }
        }
    }
    result
}

/// Length of the date and time, or the number of at least ten digits, that starts here.
fn time_length(bytes: &[u8]) -> Option<usize> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits >= 10 {
        return Some(digits);
    }
    let fits = |pattern: &str| {
        bytes.len() >= pattern.len()
            && pattern
                .bytes()
                .zip(bytes)
                .all(|(p, b)| if p == b'0' { b.is_ascii_digit() } else { p == *b })
    };
    let length = ["0000-00-00 00:00:00", "0000-00-00 00:00"].iter().find(|p| fits(p))?.len();
    let set = ["2020-02-03", "2021-02-03", "2022-02-03", "2023-02-03"];
    let kept = set.iter().any(|date| bytes.starts_with(date.as_bytes()));
    (!kept).then_some(length)
}
