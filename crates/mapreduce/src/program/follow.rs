//! A job is followed to its end (Hadoop's `Job.monitorAndPrintJob`).

use std::thread;
use std::time::Duration;

use loxodon_conf::Configuration;

use super::cluster::{Submitted, counters_from};
use super::interrupt::Watch;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{CompletionStatus, JobState};
use crate::local::{JobResult, Progress};
use crate::protocol::{
    AttemptRequest, CompletionEventMessage, CompletionEvents, EventsRequest, JobCounters,
    JobRequest, JobStatusMessage, MaybeJobStatus, Texts,
};
use crate::settings::Settings;

/// Between the first looks; later ones are rarer.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1000);
/// Ends of attempts that are asked for at once.
const EVENTS_AT_ONCE: u32 = 100;

/// Which ends of attempts are told (`mapreduce.client.output.filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputFilter {
    None,
    Killed,
    Failed,
    Succeeded,
    All,
}

impl OutputFilter {
    pub(super) fn read(conf: &Configuration) -> Result<Self> {
        let key = "mapreduce.client.output.filter";
        let name = conf.get_text(key)?;
        Ok(match name.as_deref().unwrap_or("FAILED") {
            "NONE" => Self::None,
            "KILLED" => Self::Killed,
            "FAILED" => Self::Failed,
            "SUCCEEDED" => Self::Succeeded,
            "ALL" => Self::All,
            other => {
                let text = format!("{key} is {other}: NONE, KILLED, FAILED, SUCCEEDED or ALL");
                return Err(Error::argument(text));
            }
        })
    }

    fn takes(self, status: CompletionStatus) -> bool {
        match self {
            Self::None => false,
            Self::Killed => status == CompletionStatus::Killed,
            Self::Failed => status == CompletionStatus::Failed,
            Self::Succeeded => status == CompletionStatus::Succeeded,
            Self::All => true,
        }
    }
}

/// How much of a job was told.
#[derive(Default)]
struct Told {
    percents: Option<(u32, u32)>,
    events: u32,
    has_begun: bool,
}

impl Submitted {
    /// Follows the job to its end; `progress` hears how it goes.
    ///
    /// # Errors
    /// The JobTracker cannot be reached, or has forgotten the job.
    pub fn follow(self, progress: &mut dyn Progress) -> Result<JobResult> {
        self.follow_while(progress, |pause| {
            thread::sleep(pause);
            true
        })
    }

    /// As [`Self::follow`], until Ctrl-C is pressed.
    ///
    /// # Errors
    /// Besides: it was pressed; the sentence says what becomes of the job.
    pub(super) fn follow_until_interrupted(self, progress: &mut dyn Progress) -> Result<JobResult> {
        let watch = Watch::new();
        self.follow_while(progress, |pause| !watch.wait(pause))
    }

    fn follow_while(
        self,
        progress: &mut dyn Progress,
        goes_on: impl Fn(Duration) -> bool,
    ) -> Result<JobResult> {
        progress.line(&format!("Running job: {}", self.job));
        let mut told = Told::default();
        let mut pause = FIRST_PAUSE;
        let status = loop {
            let status = self.status()?;
            let state = JobState::from_number(status.state);
            if state != Some(JobState::Prep) {
                self.tell(&status, &mut told, progress)?;
            }
            if state.is_some_and(JobState::is_over) {
                break status;
            }
            if !goes_on(pause) {
                let job = &self.job;
                let text = format!(
                    "Ctrl-C ends this command only: {job} goes on.\n  mapred job -status {job}\n  \
                     mapred job -kill {job}"
                );
                return Err(Error::new(ErrorKind::Interrupted, text));
            }
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        };
        self.ended(&status, progress)
    }

    fn status(&self) -> Result<JobStatusMessage> {
        let request = JobRequest { job_id: self.job.to_string() };
        let answer: MaybeJobStatus = self.caller.ask("getJobStatus", &request)?;
        let forgotten = || Error::io(format!("The job {} is not known any more", self.job));
        answer.status.ok_or_else(forgotten)
    }

    /// Tells what is new.
    fn tell(
        &self,
        status: &JobStatusMessage,
        told: &mut Told,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if !std::mem::replace(&mut told.has_begun, true) {
            progress.line(&format!("Job {} running in uber mode : false", self.job));
        }
        let percent = |part: f32| (part * 100.0 + 0.001) as u32;
        let now = (percent(status.map_progress), percent(status.reduce_progress));
        if told.percents != Some(now) {
            told.percents = Some(now);
            progress.percent(now.0, now.1);
        }
        if self.filter == OutputFilter::None {
            return Ok(());
        }
        loop {
            let (job_id, from) = (self.job.to_string(), told.events);
            let request = EventsRequest { job_id, from, max: EVENTS_AT_ONCE };
            let found: CompletionEvents = self.caller.ask("getTaskCompletionEvents", &request)?;
            let count = u32::try_from(found.events.len()).unwrap_or(u32::MAX);
            told.events = told.events.saturating_add(count);
            for event in &found.events {
                self.tell_end(event, progress)?;
            }
            if count < EVENTS_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Tells of an attempt that ended, and why it failed.
    fn tell_end(&self, event: &CompletionEventMessage, progress: &mut dyn Progress) -> Result<()> {
        let status = CompletionStatus::from_number(event.status);
        let Some(status) = status.filter(|status| self.filter.takes(*status)) else {
            return Ok(());
        };
        let id = &event.attempt_id;
        progress.line(&format!("Task Id : {id}, Status : {}", status.name()));
        if self.filter == OutputFilter::Failed {
            let request = AttemptRequest { attempt_id: id.clone() };
            let why: Texts = self.caller.ask("getTaskDiagnostics", &request)?;
            why.values.iter().for_each(|text| progress.plain(text));
        }
        Ok(())
    }

    fn ended(self, status: &JobStatusMessage, progress: &mut dyn Progress) -> Result<JobResult> {
        let job = self.job;
        let succeeded = status.state == JobState::Succeeded.number();
        let why = &status.failure_info;
        if succeeded {
            progress.line(&format!("Job {job} completed successfully"));
        } else {
            let state = JobState::from_number(status.state).map_or("FAILED", JobState::name);
            progress.line(&format!("Job {job} failed with state {state} due to: {why}"));
        }
        let request = JobRequest { job_id: job.to_string() };
        let answer: JobCounters = self.caller.ask("getJobCounters", &request)?;
        let counters = answer.total.map(counters_from).unwrap_or_default();
        progress.line(&counters.to_string());
        let diagnostics = Some(why.clone()).filter(|d| !d.is_empty()).into_iter().collect();
        Ok(JobResult { job, succeeded, counters, diagnostics })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_have_hadoops_names() {
        let mut conf = Configuration::new();
        assert_eq!(OutputFilter::read(&conf).unwrap(), OutputFilter::Failed);
        conf.set("mapreduce.client.output.filter", "ALL", "test");
        let all = OutputFilter::read(&conf).unwrap();
        assert!(all.takes(CompletionStatus::Killed) && all.takes(CompletionStatus::Succeeded));
        conf.set("mapreduce.client.output.filter", "some", "test");
        let error = OutputFilter::read(&conf).unwrap_err();
        assert!(error.message().contains("mapreduce.client.output.filter is some"), "{error}");
    }
}
