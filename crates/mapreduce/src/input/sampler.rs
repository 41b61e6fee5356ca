//! Keys that cut a job's input into parts of about one size (`InputSampler`), for a total order of its outputs.

use fastrand::Rng;
use loxodon_conf::Configuration;

use super::InputFormat;
use crate::collect::KeyOrder;
use crate::error::{Error, Result};
use crate::fs::{CreateOptions, FileSystems, Path};
use crate::io::sequence_file::{Options, Writer};
use crate::io::writable::{Datum, NullWritable, Writable};

/// Takes each record of some splits with a probability (`InputSampler.RandomSampler`).
#[derive(Clone, Copy, Debug)]
pub struct RandomSampler {
    /// The probability.
    pub frequency: f64,
    /// Samples wanted; where there would be more, later ones replace earlier ones.
    pub samples: usize,
    /// Splits that are looked at; more where these do not give samples enough.
    pub splits: usize,
}

impl RandomSampler {
    /// The keys of the samples, serialised, and their class where the input says it.
    ///
    /// # Errors
    /// The input is not there or cannot be read.
    pub fn sample(
        mut self,
        format: &dyn InputFormat,
        job: &Configuration,
        files: &FileSystems,
        mut random: Rng,
    ) -> Result<(Vec<Vec<u8>>, Option<String>)> {
        let mut splits = format.splits(job, files)?;
        random.shuffle(&mut splits);
        let (mut keys, mut class): (Vec<Vec<u8>>, Option<String>) = (Vec::new(), None);
        for (number, split) in splits.iter().enumerate() {
            if number >= self.splits && keys.len() >= self.samples {
                break;
            }
            let mut reader = format.open(split, job, files)?;
            while reader.advance()? {
                if random.f64() > self.frequency {
                    continue;
                }
                let key = reader.key();
                if class.is_none() {
                    let told = reader.classes().map(|(class, _)| class.to_owned());
                    class = key.class().map(str::to_owned).or(told);
                }
                let mut bytes = Vec::new();
                key.write_to(&mut bytes);
                if keys.len() < self.samples {
                    keys.push(bytes);
                } else if let Some(place) = keys.get_mut(random.usize(..self.samples.max(1))) {
                    *place = bytes;
                    // Every one that comes pushes one out.
                    self.frequency *= (self.samples as f64 - 1.0) / self.samples as f64;
                }
            }
        }
        Ok((keys, class))
    }
}

/// The keys at which so many partitions begin, of samples.
fn split_points(
    mut keys: Vec<Vec<u8>>,
    partitions: usize,
    order: &KeyOrder,
) -> Result<Vec<Vec<u8>>> {
    keys.sort_unstable_by(|a, b| order.compare(a, b));
    let step = keys.len() as f32 / partitions as f32;
    let mut points: Vec<Vec<u8>> = Vec::new();
    // A point is behind the one before it, or two reduces would have the same keys.
    let mut behind = 0;
    for number in 1..partitions {
        // Java's `Math.round`.
        let mut at = ((step * number as f32 + 0.5).floor() as usize).max(behind);
        let is_last =
            |key: &Vec<u8>| points.last().is_some_and(|point| order.compare(point, key).is_ge());
        while keys.get(at).is_some_and(is_last) {
            at = at.saturating_add(1);
        }
        let key = keys.get(at).ok_or_else(|| {
            let count = keys.len();
            Error::argument(format!(
                "{count} sampled keys do not give {partitions} partitions: take more samples or fewer reduces"
            ))
        })?;
        points.push(key.clone());
        behind = at.saturating_add(1);
    }
    Ok(points)
}

/// Samples a job's input and writes the file that `TotalOrderPartitioner` reads
/// (`InputSampler.writePartitionFile`); how many samples there were.
///
/// # Errors
/// The input is not there or cannot be read; its keys are of another class than the job's; there are too few of
/// them; the file cannot be written.
pub fn write_partition_file(
    sampler: RandomSampler,
    (job, files): (&Configuration, &FileSystems),
    format: &dyn InputFormat,
    (key_class, order, partitions): (&str, &KeyOrder, usize),
    to: &Path,
) -> Result<usize> {
    let (keys, class) = sampler.sample(format, job, files, Rng::new())?;
    if let Some(class) = class.filter(|class| class != key_class) {
        let text = format!("wrong key class: {class} is not class {key_class}");
        return Err(Error::io(text));
    }
    let count = keys.len();
    let points = split_points(keys, partitions, order)?;
    let stream = files.get(to)?.create(to, CreateOptions::overwriting())?;
    let mut writer = Writer::new(stream, Options::new(key_class, NullWritable::CLASS))?;
    for point in &points {
        writer.append(Datum::Serialized(point), Datum::Null)?;
    }
    writer.finish()?.close()?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use loxodon_client::UserIdentity;

    use super::*;
    use crate::collect::Leading;
    use crate::input::{Api, KeyValueTextInputFormat};

    const BYTES: KeyOrder = KeyOrder::Bytes(Leading::None);

    fn points(keys: &[&str], partitions: usize) -> Result<Vec<String>> {
        let keys = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let points = split_points(keys, partitions, &BYTES)?;
        Ok(points.into_iter().map(|point| String::from_utf8(point).unwrap()).collect())
    }

    #[test]
    fn points_cut_into_equal_parts_and_differ() {
        assert_eq!(points(&["f", "b", "d", "a", "c", "e"], 3).unwrap(), ["c", "e"]);
        assert_eq!(points(&["a", "a", "a", "a", "b", "c"], 3).unwrap(), ["a", "b"]);
        assert!(points(&["a"], 1).unwrap().is_empty());
        let error = points(&["a", "a", "a"], 3).unwrap_err();
        assert!(error.message().contains("3 sampled keys do not give 3 partitions"), "{error}");
    }

    #[test]
    fn samples_are_keys_of_the_input() {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join("input");
        std::fs::create_dir(&input).unwrap();
        for file in 0..4 {
            let text: String = (0..500).map(|n| format!("k{file}-{n}\tv\n")).collect();
            std::fs::write(input.join(format!("f{file}")), text).unwrap();
        }
        let mut job = Configuration::new();
        job.set("fs.defaultFS", "file:///", "test");
        let files = FileSystems::new(&job, UserIdentity::new("u")).unwrap();
        let path = input.display().to_string();
        crate::input::add_input_path(&mut job, &files, &path).unwrap();
        let format = KeyValueTextInputFormat { api: Api::New };
        let sampled = |frequency, samples, splits| {
            let sampler = RandomSampler { frequency, samples, splits };
            sampler.sample(&format, &job, &files, Rng::with_seed(3)).unwrap()
        };
        let (all, class) = sampled(1.0, 5000, usize::MAX);
        assert_eq!((all.len(), class.as_deref()), (2000, Some("org.apache.hadoop.io.Text")));
        let (few, _) = sampled(0.5, 100, 1);
        assert_eq!(few.len(), 100);
        assert!(few.iter().all(|key| all.contains(key)));
        // One split does not have them: others are read as well.
        assert!(sampled(1.0, 600, 1).0.len() == 600);
        assert!(sampled(0.0, 10, 4).0.is_empty());
    }
}
