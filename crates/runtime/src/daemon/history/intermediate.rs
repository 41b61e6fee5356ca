//! Histories that others left: Java's application masters put each finished job's files into their user's directory
//! below `mapreduce.jobhistory.intermediate-done-dir`, and the history server puts them away
//! (`HistoryFileManager`).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::fs::{FileSystem, FileSystems, Path};
use loxodon_mapreduce::history::{DoneName, conf_file_name, done_subdirectory};

use super::done::{DoneIndex, list};
use super::place::{DIRECTORY, move_file};

/// The intermediate directory.
#[derive(Clone, Debug)]
pub(super) struct Intermediate {
    pub(super) files: FileSystems,
    pub(super) directory: String,
    pub(super) done_dir: String,
}

impl Intermediate {
    /// Puts away what is there, and deletes what ended before `oldest` or was put away already; how many jobs were
    /// put away. One that cannot be moved is left for the next time. Blocks.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(super) fn put_away(&self, done: &DoneIndex, now: i64, oldest: i64) -> Result<usize> {
        let root = self.files.path(&self.directory)?;
        let fs = self.files.get(&root)?;
        let mut count = 0;
        for user in list(&*fs, &root)?.into_iter().filter(|status| status.is_directory) {
            for file in list(&*fs, &user.path)?.into_iter().filter(|status| !status.is_directory) {
                let Some(name) = DoneName::parse(file.path.name()) else { continue };
                match self.one(&*fs, done, &name, &file.path, (now, oldest)) {
                    Ok(moved) => count += usize::from(moved),
                    Err(error) => {
                        tracing::warn!("{} stays where it is: {error}", file.path);
                    }
                }
            }
        }
        Ok(count)
    }

    fn one(
        &self,
        fs: &dyn FileSystem,
        done: &DoneIndex,
        name: &DoneName,
        file: &Path,
        (now, oldest): (i64, i64),
    ) -> Result<bool> {
        let beside = |other: &str| file.parent().map(|directory| directory.child(other));
        let conf = beside(&conf_file_name(&name.job));
        let summary = beside(&format!("{}.summary", name.job));
        if let Some(summary) = summary {
            // What Java writes to its job summary log is in the history too.
            fs.delete(&summary, false)?;
        }
        if name.finish_time <= oldest || done.has(&name.job) {
            fs.delete(file, false)?;
            if let Some(conf) = conf {
                fs.delete(&conf, false)?;
            }
            return Ok(false);
        }
        let directory = self.directory_of(name, now)?;
        let to = self.files.get(&directory)?;
        to.mkdirs(&directory, DIRECTORY)?;
        if let Some(conf) = conf.filter(|conf| fs.exists(conf).unwrap_or(false)) {
            move_file(fs, &conf, &*to, &directory.child(conf.name()))?;
        }
        // Last: once it is there the job is among the finished.
        let target = directory.child(file.name());
        move_file(fs, file, &*to, &target)?;
        done.insert(name.clone(), target);
        Ok(true)
    }

    fn directory_of(&self, name: &DoneName, now: i64) -> Result<Path> {
        let ended = if name.finish_time == 0 { now } else { name.finish_time };
        let ended = Timestamp::from_millisecond(ended).unwrap_or_default();
        let day = ended.to_zoned(TimeZone::system());
        let below = done_subdirectory(day.year(), day.month(), day.day(), &name.job);
        self.files.path(&format!("{}/{below}", self.done_dir))
    }
}

#[cfg(test)]
mod tests {
    use loxodon_client::UserIdentity;
    use loxodon_conf::Configuration;

    use super::*;

    const NOW: i64 = 1_763_730_000_000;

    fn put(directory: &std::path::Path, number: u32, finish_time: i64) {
        let name = DoneName {
            job: loxodon_mapreduce::job::JobId::new("1763720000000", number),
            submit_time: NOW - 9000,
            user: "ann".into(),
            job_name: "a job".into(),
            finish_time,
            maps: 1,
            reduces: 0,
            status: "SUCCEEDED".into(),
            queue: "default".into(),
            start_time: NOW - 8000,
        };
        std::fs::write(directory.join(name.file_name()), "Avro-Json").unwrap();
        std::fs::write(directory.join(conf_file_name(&name.job)), "<configuration/>").unwrap();
        std::fs::write(directory.join(format!("{}.summary", name.job)), "x").unwrap();
    }

    #[test]
    fn histories_are_put_away_by_day_and_number() {
        let top = tempfile::tempdir().unwrap();
        let ann = top.path().join("intermediate/ann");
        std::fs::create_dir_all(&ann).unwrap();
        put(&ann, 1, NOW);
        put(&ann, 1234, NOW);
        put(&ann, 7, 1000);
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "file:///", "test");
        let files = FileSystems::new(&conf, UserIdentity::new("ann")).unwrap();
        let at = |name: &str| format!("file://{}", top.path().join(name).display());
        let done = DoneIndex::new(files.clone(), at("done"), 100);
        let intermediate = Intermediate {
            files: files.clone(),
            directory: at("intermediate"),
            done_dir: at("done"),
        };
        assert_eq!(intermediate.put_away(&done, NOW, 1000).unwrap(), 2);
        assert_eq!(std::fs::read_dir(&ann).unwrap().count(), 0);
        let found = done.all().unwrap();
        let places: Vec<String> = found.iter().map(|one| one.path.to_string()).collect();
        assert!(places[0].contains("/000000/job_1763720000000_0001-"), "{places:?}");
        assert!(places[1].contains("/000001/job_1763720000000_1234-"), "{places:?}");
        assert_eq!(done.conf(&found[0], 100).unwrap(), b"<configuration/>");
        // The same job again is not a second one.
        put(&ann, 1, NOW);
        assert_eq!(intermediate.put_away(&done, NOW, 1000).unwrap(), 0);
        assert_eq!(std::fs::read_dir(&ann).unwrap().count(), 0);
        // Of a list that is full the newest stay, and older ones are found all the same.
        let small = DoneIndex::new(files, at("done"), 1);
        assert_eq!(small.all().unwrap().len(), 1);
        assert!(small.find(&found[0].name.job).unwrap().is_some());
        assert!(small.find(&"job_1_0001".parse().unwrap()).unwrap().is_none());
    }
}
