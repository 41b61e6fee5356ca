//! What a restart finds: jobs that are not over go on from their journals.

use std::sync::Arc;
use std::time::{Duration, Instant};

use loxodon_mapreduce::error::{ErrorKind, Result};
use loxodon_mapreduce::fs::Path;
use loxodon_mapreduce::history::{HistoryEvent, HistoryReader};
use loxodon_mapreduce::job::{JobId, JobState};
use loxodon_mapreduce::jobtracker::{FinishedJob, Recovered, Submission};

use super::hub::Hub;
use super::journal::{self, Earlier};
use super::submit::{self, JobInfo};

/// Longest journal that is read, in bytes.
const LARGEST: u64 = 4 << 30;
/// How long a start waits until a job that was over is put away.
const ARCHIVE_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at that.
const LOOK: Duration = Duration::from_millis(5);

/// Takes up all jobs that are in the system directory. Blocks.
///
/// # Errors
/// The directory cannot be read. A job that cannot be taken up is left where it is, and said so.
pub(super) fn take_up(hub: &Arc<Hub>) -> Result<()> {
    let fs = hub.files().get(&hub.system_dir)?;
    let mut jobs: Vec<JobId> = fs
        .list(&hub.system_dir)?
        .into_iter()
        .filter(|status| status.is_directory)
        .filter_map(|status| status.path.name().parse().ok())
        .collect();
    jobs.sort();
    let mut waits = Vec::new();
    for job in jobs {
        match take_up_one(hub, &job) {
            Ok(()) => {}
            Err(error) => tracing::error!("{job} cannot go on, and is left where it is: {error}"),
        }
        waits.extend(hub.durable(&job));
    }
    // Numbers of attempts depend on which start this is: no other may take itself for the same.
    for durable in waits {
        // The job of a journal that was given up has failed and says so.
        let _ = durable.blocking_recv();
    }
    Ok(())
}

fn take_up_one(hub: &Arc<Hub>, job: &JobId) -> Result<()> {
    let Some(info) = JobInfo::read(hub, job)? else {
        tracing::warn!("{job} was never taken, and is forgotten");
        return submit::forget(hub, job);
    };
    let found = read_journal(hub, job)?;
    if found.is_none() && hub.done.find(job)?.is_some() {
        // It was over, and its journal had been moved.
        remove_staging(hub, &info);
        return submit::forget(hub, job);
    }
    let submission = submit::read(hub, &info);
    let (events, earlier) = match found {
        Some((events, earlier)) => (events, Some(earlier)),
        None => (Vec::new(), None),
    };
    if let Some(finished) = finished(job, &info, submission.as_ref().ok(), &events) {
        tracing::info!("{job} was over: {}", finished.state);
        let (own, journal) = (Arc::clone(hub), earlier.map(|earlier| earlier.path));
        let runtime = hub.runtime.clone();
        runtime.spawn(async move { super::archive::put_away(&own, finished, journal).await });
        return await_archive(hub, job);
    }
    let submission = submission?;
    if let Some(earlier) = earlier {
        hub.adopt(job, earlier);
    }
    let now = hub.now();
    let recovered = hub.with(|machine| machine.recover(now, submission, &events));
    match recovered {
        Ok(Recovered::Continues) => tracing::info!("{job} goes on after {} events", events.len()),
        Ok(Recovered::WasOver(state)) => tracing::warn!("{job} was over: {state}"),
        Err(error) => tracing::error!("{job} cannot go on, and is left where it is: {error}"),
    }
    Ok(())
}

/// Waits until a job that was over is among the finished ones, where its client finds it; not for ever.
fn await_archive(hub: &Hub, job: &JobId) -> Result<()> {
    let end = Instant::now() + ARCHIVE_PATIENCE;
    while hub.done.find(job)?.is_none() && Instant::now() < end {
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The journal of a job, which is the longest of its files; the others are removed. `None` where there is
/// none with an event.
fn read_journal(hub: &Hub, job: &JobId) -> Result<Option<(Vec<HistoryEvent>, Earlier)>> {
    let directory = journal::directory(&hub.system_dir, job);
    let fs = hub.files().get(&directory)?;
    let mut best: Option<(Vec<HistoryEvent>, Path, u64)> = None;
    let mut next = 1;
    let mut others = Vec::new();
    for status in fs.list(&directory)? {
        let Some(number) = journal::number_of(job, status.path.name()) else { continue };
        next = next.max(number.saturating_add(1));
        // The length in a listing is not that of a file which its writer left open.
        let bytes = match fs.read_all(&status.path, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if *error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let Some((events, length)) = whole_events(job, &bytes) else {
            others.push(status.path);
            continue;
        };
        if best.as_ref().is_some_and(|(_, _, most)| *most >= length) {
            others.push(status.path);
        } else if let Some((_, before, _)) = best.replace((events, status.path, length)) {
            others.push(before);
        }
    }
    let Some((events, path, length)) = best.filter(|(events, ..)| !events.is_empty()) else {
        return Ok(None);
    };
    for other in others {
        // It may stay, as in safe mode: the longest one counts, also the next time.
        if let Err(error) = fs.delete(&other, false) {
            tracing::warn!("an old journal of {job} stays: {error}");
        }
    }
    Ok(Some((events, Earlier { path, length, next })))
}

/// The events of a journal up to where it was torn, and the bytes that they take.
fn whole_events(job: &JobId, bytes: &[u8]) -> Option<(Vec<HistoryEvent>, u64)> {
    let mut reader = HistoryReader::new(bytes).ok()?;
    let mut events = Vec::new();
    let mut end = reader.consumed();
    while let Some(event) = reader.next() {
        match event {
            Ok(event) => {
                events.push(event);
                end = reader.consumed();
            }
            Err(error) => {
                tracing::warn!("the journal of {job} is read up to byte {end}: {error}");
                break;
            }
        }
    }
    // The end of the line belongs to the event.
    let is_line = bytes.get(end) == Some(&b'\n');
    let end = end.saturating_add(usize::from(is_line));
    Some((events, end as u64))
}

/// How a job ended, where its journal says so.
fn finished(
    job: &JobId,
    info: &JobInfo,
    submission: Option<&Submission>,
    events: &[HistoryEvent],
) -> Option<FinishedJob> {
    let (state, finish_time, maps, reduces) = events.iter().find_map(|event| match event {
        HistoryEvent::JobFinished(e) => {
            Some((JobState::Succeeded, e.finish_time, e.finished_maps, e.finished_reduces))
        }
        HistoryEvent::JobUnsuccessfulCompletion(e) => {
            let state = JobState::from_name(&e.job_status).unwrap_or(JobState::Failed);
            Some((state, e.finish_time, e.finished_maps, e.finished_reduces))
        }
        _ => None,
    })?;
    let submitted = events.iter().find_map(|event| match event {
        HistoryEvent::JobSubmitted(e) => Some(e),
        _ => None,
    });
    let launched = events.iter().rev().find_map(|event| match event {
        HistoryEvent::JobInfoChange(e) => Some(e.launch_time),
        _ => None,
    });
    Some(FinishedJob {
        job: job.clone(),
        state,
        user: info.user.as_str().into(),
        name: submitted.map(|e| e.job_name.clone()).unwrap_or_default(),
        queue: submitted.map_or("default", |e| e.job_queue_name.as_str()).into(),
        job_dir: info.directory.as_str().into(),
        submit_time: submitted.map_or(0, |e| e.submit_time),
        launch_time: launched.unwrap_or(0),
        finish_time,
        maps: u32::try_from(maps).unwrap_or(0),
        reduces: u32::try_from(reduces).unwrap_or(0),
        notification_url: submission.and_then(|s| s.conf.notification_url.clone()),
    })
}

fn remove_staging(hub: &Hub, info: &JobInfo) {
    let removed = || -> Result<()> {
        let files = hub.files_of(&info.user)?;
        let directory = files.path(&info.directory)?;
        if directory.name() == info.job.to_string() {
            files.get(&directory)?.delete(&directory, true)?;
        }
        Ok(())
    };
    if let Err(error) = removed() {
        tracing::warn!("{} stays: {error}", info.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_mapreduce::history::{JobStatusChanged, file_header, write_event};

    #[test]
    fn a_torn_journal_ends_after_its_last_whole_line() {
        let job = JobId::new("1", 1);
        let mut file = file_header().into_bytes();
        for status in ["PREP", "RUNNING"] {
            let event = JobStatusChanged { job_id: job.to_string(), job_status: status.into() };
            write_event(&mut file, &event.into());
        }
        let (events, length) = whole_events(&job, &file).unwrap();
        assert_eq!((events.len(), length), (2, file.len() as u64));
        let first = {
            let torn = file.get(..file.len() - 7).unwrap();
            let (events, length) = whole_events(&job, torn).unwrap();
            assert_eq!(events.len(), 1);
            usize::try_from(length).unwrap()
        };
        // What is written on from there is a journal again.
        assert_eq!(file.get(first - 1), Some(&b'\n'));
        assert!(whole_events(&job, b"").is_none());
    }
}
