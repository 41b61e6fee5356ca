//! Counts words: `cargo run --release -p loxodon-mapreduce --example wordcount -- INPUT OUTPUT`.
use loxodon_mapreduce::program::*;

#[derive(Default)]
struct Words;

impl Mapper for Words {
    type KeyIn = LongWritable;
    type ValueIn = Text;
    type KeyOut = Text;
    type ValueOut = IntWritable;
    fn map(&mut self, _: i64, line: &[u8], out: &mut Output<Text, IntWritable>) -> Result<()> {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.into_iter().try_for_each(|word| out.write(word, 1))
    }
}

#[derive(Default)]
struct Sum;

impl Reducer for Sum {
    type KeyIn = Text;
    type ValueIn = IntWritable;
    type KeyOut = Text;
    type ValueOut = IntWritable;
    fn reduce(
        &mut self,
        word: &[u8],
        counts: &mut Values<Text, IntWritable>,
        out: &mut Output<Text, IntWritable>,
    ) -> Result<()> {
        out.write(word, counts.fold(0, |sum, count| sum + count)?)
    }
}

fn main() -> ExitCode {
    run(|job, args| {
        let [input, output] = args else { return Err(Error::argument("usage: INPUT OUTPUT")) };
        job.name("word count").mapper::<Words>().combiner::<Sum>().reducer::<Sum>();
        job.input(input).output(output);
        Ok(())
    })
}
