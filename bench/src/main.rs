//! Loxodon and Java Hadoop measured side by side, in one run; prints both figures and their ratio.
//!
//! `cargo run --release -p loxodon-bench -- <measure> [--java | --ours] [number]`; without a measure, all of them.

mod blocks;
mod children;
mod daemon;
mod data;
mod filled;
mod image;
mod mapreduce;
mod memory;
mod namenode_calls;
mod process;
mod report;
mod reports;
mod serving;
mod sort;
mod start;

use std::error::Error;
use std::process::ExitCode;

use daemon::Maker;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A measure: its name, what it is, and the function that takes and prints it.
type Measure = (&'static str, &'static str, fn(&Plan) -> Result<()>);

const MEASURES: [Measure; 9] = [
    // First, while this process has little memory of its own: it sorts in it.
    ("sort", "a map's output sorted and merged", sort::measure),
    ("start", "cold start, idle memory, one command of the shell", start::measure),
    ("blocks", "start of a DataNode with 200,000 blocks", blocks::measure),
    ("data", "CPU per GB written and read, throughput, small files", data::measure),
    ("namenode-calls", "NameNode CPU per call and calls per second", namenode_calls::measure),
    ("memory", "NameNode memory for each file", memory::measure),
    ("children", "a file in a directory of ten million", children::measure),
    ("image", "image load and save", image::measure),
    ("mapreduce", "jobs in one process", mapreduce::measure),
];

/// What the command line asked for.
struct Plan {
    makers: Vec<Maker>,
    size: Option<u64>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut wanted = Vec::new();
    let mut plan = Plan { makers: vec![Maker::Java, Maker::Loxodon], size: None };
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--java" => plan.makers = vec![Maker::Java],
            "--ours" => plan.makers = vec![Maker::Loxodon],
            other => match other.parse() {
                Ok(size) => plan.size = Some(size),
                Err(_) => wanted.push(other.to_owned()),
            },
        }
    }
    if let Some(unknown) = wanted.iter().find(|w| MEASURES.iter().all(|(name, ..)| name != w)) {
        let known: Vec<String> =
            MEASURES.iter().map(|(name, what, _)| format!("  {name:<16} {what}")).collect();
        return Err(
            format!("no measure is called '{unknown}'; there are:\n{}", known.join("\n")).into()
        );
    }
    for (name, what, measure) in MEASURES {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("\n## {what} ({name})");
            measure(&plan)?;
        }
    }
    Ok(())
}
