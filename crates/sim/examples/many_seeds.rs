//! Runs many seeds: `many_seeds <count> [<first>]`. What fails is printed with its seed; of a
//! single seed, the whole record.

use std::collections::BTreeMap;
use std::process::ExitCode;

use loxodon_sim::{Scenario, run};

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<u64>());
    let count = numbers.next().and_then(Result::ok).unwrap_or(100);
    let first = numbers.next().and_then(Result::ok).unwrap_or(1);
    let (mut failed, mut steps, mut operations, mut starts, mut virtual_ms) = (0, 0, 0, 0, 0);
    let mut happened = BTreeMap::new();
    for seed in first..first.saturating_add(count) {
        let mut scenario = Scenario::of_seed(seed);
        if count == 1 {
            scenario.record = usize::MAX;
        }
        match run(scenario) {
            Ok(summary) => {
                steps += summary.steps;
                operations += summary.operations;
                starts += summary.starts;
                virtual_ms += summary.duration;
                for (what, times) in summary.happened {
                    *happened.entry(what).or_insert(0_u64) += times;
                }
            }
            Err(failure) => {
                failed += 1;
                println!("{failure}\n");
            }
        }
    }
    let list: Vec<String> =
        happened.iter().map(|(what, times)| format!("{what} {times}")).collect();
    println!("{}", list.join(", "));
    println!(
        "{count} seeds, {failed} failed; {steps} events, {operations} operations, {starts} starts, \
         {} virtual hours",
        virtual_ms / 3_600_000
    );
    ExitCode::from(u8::from(failed > 0))
}
