//! Whole jobs in one process: Hadoop's local runner and its examples, and ours.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use loxodon_interop::suites;

use crate::daemon::{Maker, release_program};
use crate::process::{Used, run};
use crate::report::Table;
use crate::{Plan, Result};

/// Megabytes of text where the command line names none.
const MEGABYTES: u64 = 256;

/// Different words of the text.
const WORDS: usize = 100_000;

const WORDS_IN_LINE: usize = 11;

/// Measures both makers, one after the other; the number is megabytes of text.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let root = tempfile::tempdir()?;
    let (text, one) = (root.path().join("text"), root.path().join("one"));
    std::fs::write(&one, "word\n")?;
    write_text(&text, plan.size.unwrap_or(MEGABYTES) << 20)?;
    let (mut wall, mut cpu, mut memory) = (Table::default(), Table::default(), Table::default());
    for (what, input) in [("a job of one word", &one), ("word count", &text)] {
        for maker in &plan.makers {
            let output = root.path().join(format!("{what} {maker:?}"));
            let used = run(&mut word_count(*maker, root.path(), input, &output)?)?;
            let Used { wall_seconds, cpu_seconds, most_bytes } = used;
            wall.add(what, *maker, wall_seconds);
            cpu.add(what, *maker, cpu_seconds);
            memory.add(what, *maker, most_bytes / 1e6);
        }
        if plan.makers.len() > 1 {
            let part = |maker: Maker| {
                std::fs::read(root.path().join(format!("{what} {maker:?}")).join("part-r-00000"))
            };
            if part(Maker::Java)? != part(Maker::Loxodon)? {
                return Err(format!("{what}: the outputs differ").into());
            }
        }
    }
    wall.print("seconds", false);
    cpu.print("CPU seconds", false);
    memory.print("MB resident at most", false);
    Ok(())
}

fn word_count(maker: Maker, root: &Path, input: &Path, output: &Path) -> Result<Command> {
    let mut command = match maker {
        Maker::Java => {
            let mut java = Command::new("java");
            java.args(["-Xmx2g", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp"])
                .arg(suites::class_path()?)
                .args(["org.apache.hadoop.examples.ExampleDriver", "wordcount"]);
            java
        }
        Maker::Loxodon => {
            let program = release_program()?.with_file_name("examples").join("wordcount");
            if !program.exists() {
                let text = "run `cargo build --release -p loxodon-mapreduce --examples` first";
                return Err(format!("{} is not there: {text}", program.display()).into());
            }
            Command::new(program)
        }
    };
    command
        .args(["-D", "mapreduce.framework.name=local", "-D", "fs.defaultFS=file:///", "-D"])
        .arg(format!("hadoop.tmp.dir={}", root.join(format!("tmp-{maker:?}")).display()))
        .args([input, output])
        .env_remove("HADOOP_CONF_DIR")
        .current_dir(root);
    Ok(command)
}

/// Words of a made-up language, by Zipf's law, from a fixed seed.
fn write_text(path: &Path, bytes: u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(7);
    let words: Vec<String> = (0..WORDS).map(|rank| word(rank, &mut chance)).collect();
    let mut weights = Vec::with_capacity(WORDS);
    let mut sum = 0.0;
    for rank in 1..=WORDS {
        sum += 1.0 / rank as f64;
        weights.push(sum);
    }
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut written: u64 = 0;
    while written < bytes {
        for at in 0..WORDS_IN_LINE {
            let chosen = chance.f64() * sum;
            let rank = weights.partition_point(|w| *w < chosen).min(WORDS - 1);
            let word = words.get(rank).map_or("", String::as_str);
            out.write_all(word.as_bytes())?;
            out.write_all(if at + 1 == WORDS_IN_LINE { b"\n" } else { b" " })?;
            written += word.len() as u64 + 1;
        }
    }
    Ok(out.flush()?)
}

/// Frequent words are short; the rank in letters at the end keeps them different.
fn word(rank: usize, chance: &mut fastrand::Rng) -> String {
    const LETTERS: &[u8] = b"etaoinshrdlucmfwypvbgkjqxz";
    let mut word: String = (0..chance.usize(0..3)).map(|_| chance.lowercase()).collect();
    let mut rest = rank;
    loop {
        word.push(char::from(LETTERS.get(rest % LETTERS.len()).copied().unwrap_or(b'e')));
        rest /= LETTERS.len();
        if rest == 0 {
            return word;
        }
    }
}
