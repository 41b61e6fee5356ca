//! What Hadoop's own parser makes of a history (`JobHistoryParser`): the fields as its viewers print them, with its
//! -1 for a time that no event told.

use std::collections::{BTreeMap, HashMap};

use loxodon_wire::java_hash;

use super::story::sum;
use super::{AmStarted, HistoryEvent, HistoryReader, NamedCounters};
use crate::job::{AccessControlList, AttemptId, JobAcl, JobId, TaskId, TaskKind};
use crate::protocol::CountersMessage;

/// No event told the time.
const UNKNOWN: i64 = -1;
/// Buckets that a task's table of attempts begins with.
const ATTEMPT_BUCKETS: usize = 2;

/// A job, as its history tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// Its id; without one the file tells of no job.
    pub job: Option<JobId>,
    /// Its owner.
    pub user: String,
    /// Its name.
    pub name: String,
    /// Its queue.
    pub queue: String,
    /// Who may do what with it, by the key that says so.
    pub acls: BTreeMap<String, String>,
    /// Where its configuration was.
    pub conf_path: String,
    /// When it was submitted.
    pub submitted: i64,
    /// When its tasks began.
    pub launched: i64,
    /// When it ended.
    pub finished: i64,
    /// `SUCCEEDED`, `FAILED` or `KILLED`; nothing while it runs.
    pub status: Option<String>,
    /// Its maps.
    pub maps: i32,
    /// Its reduces.
    pub reduces: i32,
    /// Whether all of it ran in its application master.
    pub uberized: bool,
    /// Why it did not succeed.
    pub diagnostics: String,
    /// Maps that succeeded.
    pub succeeded_maps: i32,
    /// Reduces that succeeded.
    pub succeeded_reduces: i32,
    /// Maps that ended, however they did (`CompletedJob.getCompletedMaps`).
    pub ended_maps: i32,
    /// Reduces that ended, however they did.
    pub ended_reduces: i32,
    /// The starts of its application master, or of the JobTrackers that ran it.
    pub starts: Vec<AmStarted>,
    /// What it counted in all, in its maps, in its reduces: jobs that succeeded have them.
    pub counters: Option<[CountersMessage; 3]>,
    tasks: Vec<TaskRecord>,
    places: HashMap<TaskId, usize>,
}

/// A task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    /// Its id.
    pub id: TaskId,
    /// What it does.
    pub kind: Option<TaskKind>,
    /// When it began.
    pub started: i64,
    /// When it ended.
    pub finished: i64,
    /// How it ended; nothing while it runs.
    pub status: Option<&'static str>,
    /// Why it failed.
    pub error: String,
    /// Where its input is.
    pub splits: String,
    /// What it counted.
    pub counters: Option<CountersMessage>,
    success: Option<AttemptId>,
    attempts: Vec<AttemptRecord>,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// Its id.
    pub id: AttemptId,
    /// What it does.
    pub kind: Option<TaskKind>,
    /// How it ended; nothing while it runs.
    pub status: Option<String>,
    /// When it began.
    pub started: i64,
    /// When it ended.
    pub finished: i64,
    /// When a reduce had all map outputs.
    pub shuffled: i64,
    /// When a reduce had them sorted.
    pub sorted: i64,
    /// What went wrong.
    pub error: String,
    /// The machine.
    pub host: String,
    /// Its rack.
    pub rack: String,
    /// What it said of itself at the end.
    pub said: String,
    /// What it counted.
    pub counters: Option<CountersMessage>,
    /// YARN's container, or what stands for none.
    pub container: String,
    /// How far from its input it ran, where that is told.
    pub locality: Option<String>,
    /// Whether it was tried beside another that took long.
    pub is_speculative: bool,
    /// The tracker.
    pub tracker: String,
    /// Port of the tracker's pages.
    pub http_port: i32,
}

impl Default for JobRecord {
    fn default() -> Self {
        Self {
            job: None,
            user: String::new(),
            name: String::new(),
            queue: String::new(),
            acls: BTreeMap::new(),
            conf_path: String::new(),
            submitted: UNKNOWN,
            launched: UNKNOWN,
            finished: UNKNOWN,
            status: None,
            maps: 0,
            reduces: 0,
            uberized: false,
            diagnostics: String::new(),
            succeeded_maps: 0,
            succeeded_reduces: 0,
            ended_maps: 0,
            ended_reduces: 0,
            starts: Vec::new(),
            counters: None,
            tasks: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl JobRecord {
    /// Reads a file. What follows an event that is none is not told of, as in Hadoop's parser.
    ///
    /// # Errors
    /// The file is no history.
    pub fn read(file: &[u8]) -> Result<Self, super::HistoryError> {
        let mut record = Self::default();
        for event in HistoryReader::new(file)? {
            let Ok(event) = event else { break };
            record.take(&event);
        }
        Ok(record)
    }

    /// Adds what an event tells.
    pub fn take(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::AmStarted(e) => self.starts.push(e.clone()),
            HistoryEvent::JobSubmitted(_)
            | HistoryEvent::JobInfoChange(_)
            | HistoryEvent::JobInited(_)
            | HistoryEvent::JobQueueChange(_) => self.take_begin(event),
            HistoryEvent::JobFinished(_) | HistoryEvent::JobUnsuccessfulCompletion(_) => {
                self.take_end(event);
            }
            HistoryEvent::TaskStarted(_)
            | HistoryEvent::TaskFinished(_)
            | HistoryEvent::TaskFailed(_)
            | HistoryEvent::TaskUpdated(_) => self.take_task(event),
            _ => self.take_attempt(event),
        }
    }

    fn take_begin(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::JobSubmitted(e) => {
                self.job = e.job_id.parse().ok();
                self.name.clone_from(&e.job_name);
                self.user.clone_from(&e.user_name);
                self.queue.clone_from(&e.job_queue_name);
                self.acls.clone_from(&e.acls);
                self.submitted = e.submit_time;
                self.conf_path.clone_from(&e.job_conf_path);
            }
            HistoryEvent::JobInfoChange(e) => {
                (self.submitted, self.launched) = (e.submit_time, e.launch_time);
            }
            HistoryEvent::JobInited(e) => {
                self.launched = e.launch_time;
                (self.maps, self.reduces) = (e.total_maps, e.total_reduces);
                self.uberized = e.uberized;
            }
            HistoryEvent::JobQueueChange(e) => self.queue.clone_from(&e.job_queue_name),
            _ => {}
        }
    }

    fn take_end(&mut self, event: &HistoryEvent) {
        // -1 stands for a number that the file does not have.
        let ended = |counts: [i32; 3]| {
            counts.into_iter().filter(|count| *count > 0).fold(0, i32::saturating_add)
        };
        match event {
            HistoryEvent::JobFinished(e) => {
                self.finished = e.finish_time;
                (self.succeeded_maps, self.succeeded_reduces) =
                    (e.finished_maps, e.finished_reduces);
                self.ended_maps = ended([e.finished_maps, e.failed_maps, e.killed_maps]);
                self.ended_reduces =
                    ended([e.finished_reduces, e.failed_reduces, e.killed_reduces]);
                self.status = Some("SUCCEEDED".to_owned());
                let all = [&e.total_counters, &e.map_counters, &e.reduce_counters];
                self.counters = Some(all.map(|named| named.counters.clone()));
            }
            HistoryEvent::JobUnsuccessfulCompletion(e) => {
                self.finished = e.finish_time;
                (self.succeeded_maps, self.succeeded_reduces) =
                    (e.finished_maps, e.finished_reduces);
                self.ended_maps = ended([e.finished_maps, e.failed_maps, e.killed_maps]);
                self.ended_reduces =
                    ended([e.finished_reduces, e.failed_reduces, e.killed_reduces]);
                self.status = Some(e.job_status.clone());
                self.diagnostics = e.diagnostics.clone().unwrap_or_default();
            }
            _ => {}
        }
    }

    /// Who may see its details.
    #[must_use]
    pub fn view_acl(&self) -> AccessControlList {
        let text = self.acls.get(JobAcl::View.key());
        text.map_or_else(AccessControlList::nobody, |text| AccessControlList::parse(text))
    }

    /// A task.
    #[must_use]
    pub fn task_of(&self, id: &TaskId) -> Option<&TaskRecord> {
        self.tasks.get(*self.places.get(id)?)
    }

    /// What its tasks of a kind counted (`JobCounterInfo.getCounters`).
    #[must_use]
    pub fn counters_of(&self, kind: TaskKind) -> CountersMessage {
        let tasks = self.tasks.iter().filter(|task| task.id.kind == kind);
        sum(tasks.filter_map(|task| task.counters.as_ref()))
    }

    /// Tasks in the order in which Java's table of them is walked: its viewers print them in no other.
    #[must_use]
    pub fn tasks(&self) -> Vec<&TaskRecord> {
        let mut tasks: Vec<_> = self.tasks.iter().collect();
        java_hash::walk(&mut tasks, java_hash::BUCKETS, |task| task_hash(&task.id));
        tasks
    }

    /// What all its tasks counted: what a job counted that did not succeed.
    #[must_use]
    pub fn counters_in_all(&self) -> CountersMessage {
        sum(self.tasks.iter().filter_map(|task| task.counters.as_ref()))
    }

    fn task(&mut self, id: &str) -> Option<&mut TaskRecord> {
        let place = *self.places.get(&id.parse::<TaskId>().ok()?)?;
        self.tasks.get_mut(place)
    }

    fn take_task(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::TaskStarted(e) => {
                let Ok(id) = e.task_id.parse::<TaskId>() else { return };
                let task = TaskRecord {
                    id: id.clone(),
                    kind: TaskKind::from_name(&e.task_type),
                    started: e.start_time,
                    finished: UNKNOWN,
                    status: None,
                    error: String::new(),
                    splits: e.split_locations.clone(),
                    counters: None,
                    success: None,
                    attempts: Vec::new(),
                };
                let next = self.tasks.len();
                let place = *self.places.entry(id).or_insert(next);
                match self.tasks.get_mut(place) {
                    Some(known) => *known = task,
                    None => self.tasks.push(task),
                }
            }
            HistoryEvent::TaskFinished(e) => {
                let Some(task) = self.task(&e.task_id) else { return };
                task.counters = Some(e.counters.counters.clone());
                task.finished = e.finish_time;
                task.status = Some("SUCCEEDED");
                task.success = e.successful_attempt_id.as_deref().and_then(|id| id.parse().ok());
            }
            HistoryEvent::TaskFailed(e) => {
                let Some(task) = self.task(&e.task_id) else { return };
                task.status = Some("FAILED");
                task.finished = e.finish_time;
                task.error.clone_from(&e.error);
                // Where the event has none Java makes it empty ones.
                let counters = e.counters.as_ref().map(|named| named.counters.clone());
                task.counters = Some(counters.unwrap_or_default());
            }
            HistoryEvent::TaskUpdated(e) => {
                if let Some(task) = self.task(&e.task_id) {
                    task.finished = e.finish_time;
                }
            }
            _ => {}
        }
    }

    fn attempt(&mut self, task: &str, id: &str) -> Option<&mut AttemptRecord> {
        let id: AttemptId = id.parse().ok()?;
        self.task(task)?.attempts.iter_mut().find(|attempt| attempt.id == id)
    }

    fn take_attempt(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::TaskAttemptStarted(e) => {
                let Ok(id) = e.attempt_id.parse::<AttemptId>() else { return };
                let attempt = AttemptRecord {
                    id: id.clone(),
                    kind: TaskKind::from_name(&e.task_type),
                    status: None,
                    started: e.start_time,
                    finished: UNKNOWN,
                    shuffled: UNKNOWN,
                    sorted: UNKNOWN,
                    error: String::new(),
                    host: String::new(),
                    tracker: e.tracker_name.clone(),
                    http_port: e.http_port,
                    rack: String::new(),
                    said: String::new(),
                    counters: None,
                    container: e.container_id.clone(),
                    locality: e.locality.clone(),
                    is_speculative: e.avataar.as_deref() == Some("SPECULATIVE"),
                };
                let Some(task) = self.task(&e.task_id) else { return };
                match task.attempts.iter_mut().find(|known| known.id == id) {
                    Some(known) => *known = attempt,
                    None => task.attempts.push(attempt),
                }
            }
            HistoryEvent::MapAttemptFinished(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                attempt.end(e.finish_time, &e.task_status, &e.hostname);
                attempt.tell(&e.rackname, &e.state, Some(&e.counters));
            }
            HistoryEvent::ReduceAttemptFinished(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                attempt.end(e.finish_time, &e.task_status, &e.hostname);
                attempt.tell(&e.rackname, &e.state, Some(&e.counters));
                (attempt.shuffled, attempt.sorted) = (e.shuffle_finish_time, e.sort_finish_time);
            }
            HistoryEvent::TaskAttemptFinished(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                attempt.end(e.finish_time, &e.task_status, &e.hostname);
                // Java's parser leaves the rack out here.
                attempt.tell("", &e.state, Some(&e.counters));
            }
            HistoryEvent::TaskAttemptUnsuccessfulCompletion(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                attempt.end(e.finish_time, &e.status, &e.hostname);
                attempt.tell(&e.rackname, "", e.counters.as_ref());
                (attempt.shuffled, attempt.sorted) = (e.finish_time, e.finish_time);
                attempt.error.clone_from(&e.error);
                let id = attempt.id.clone();
                self.take_back(&e.task_id, &id);
            }
            _ => {}
        }
    }

    /// The attempt that made a task succeed failed afterwards: the task is open again.
    fn take_back(&mut self, task: &str, attempt: &AttemptId) {
        let Some(task) = self.task(task) else { return };
        if task.status == Some("SUCCEEDED") && task.success.as_ref() == Some(attempt) {
            (task.counters, task.status, task.success) = (None, None, None);
            task.finished = UNKNOWN;
        }
    }
}

impl TaskRecord {
    /// Its attempts, in the order in which Java's table of them is walked.
    #[must_use]
    pub fn attempts(&self) -> Vec<&AttemptRecord> {
        let mut attempts: Vec<_> = self.attempts.iter().collect();
        java_hash::walk(&mut attempts, ATTEMPT_BUCKETS, |attempt| {
            task_hash(&attempt.id.task).wrapping_mul(5).wrapping_add(attempt.id.number as i32)
        });
        attempts
    }
}

impl AttemptRecord {
    fn end(&mut self, when: i64, status: &str, host: &str) {
        self.finished = when;
        self.status = Some(status.to_owned());
        host.clone_into(&mut self.host);
    }

    fn tell(&mut self, rack: &str, said: &str, counters: Option<&NamedCounters>) {
        rack.clone_into(&mut self.rack);
        said.clone_into(&mut self.said);
        self.counters = counters.map(|named| named.counters.clone());
    }

    /// The pages of its tracker, `host:port`; nothing where the tracker is not known.
    #[must_use]
    pub fn tracker_page(&self) -> Option<String> {
        if self.http_port == -1 || self.tracker.is_empty() {
            return None;
        }
        let host = self.tracker.split(':').next().unwrap_or_default();
        Some(format!("{}:{}", host.strip_prefix("tracker_").unwrap_or(host), self.http_port))
    }

    /// Where its log is: nothing where the tracker is not known (`HistoryViewer.getTaskLogsUrl`).
    #[must_use]
    pub fn log_url(&self) -> Option<String> {
        let page = self.tracker_page()?;
        Some(format!("http://{page}/tasklog?attemptid={}", self.id))
    }
}

/// `TaskID.hashCode`, in which the kind has no part.
fn task_hash(id: &TaskId) -> i32 {
    let job =
        java_hash::bytes_hash(1, id.job.identifier.as_bytes()).wrapping_add(id.job.number as i32);
    job.wrapping_mul(524_287).wrapping_add(id.number as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{
        JobSubmitted, MapAttemptFinished, TaskAttemptStarted, TaskAttemptUnsuccessfulCompletion,
        TaskFinished, TaskStarted,
    };

    #[test]
    fn a_task_whose_success_is_taken_back_is_open() {
        let (task, attempt) = ("task_1_0001_m_000000", "attempt_1_0001_m_000000_0");
        let mut record = JobRecord::default();
        let events: [HistoryEvent; 5] = [
            JobSubmitted { job_id: "job_1_0001".into(), ..Default::default() }.into(),
            TaskStarted { task_id: task.into(), task_type: "MAP".into(), ..Default::default() }
                .into(),
            TaskAttemptStarted {
                task_id: task.into(),
                attempt_id: attempt.into(),
                tracker_name: "tracker_h:localhost/127.0.0.1:1".into(),
                http_port: 50_060,
                ..Default::default()
            }
            .into(),
            MapAttemptFinished {
                task_id: task.into(),
                attempt_id: attempt.into(),
                finish_time: 9,
                task_status: "SUCCEEDED".into(),
                ..Default::default()
            }
            .into(),
            TaskFinished {
                task_id: task.into(),
                finish_time: 9,
                successful_attempt_id: Some(attempt.into()),
                ..Default::default()
            }
            .into(),
        ];
        events.iter().for_each(|event| record.take(event));
        assert_eq!(record.tasks()[0].status, Some("SUCCEEDED"));
        let url = record.tasks()[0].attempts()[0].log_url();
        assert_eq!(url.unwrap(), format!("http://h:50060/tasklog?attemptid={attempt}"));
        let lost = TaskAttemptUnsuccessfulCompletion {
            task_id: task.into(),
            attempt_id: attempt.into(),
            status: "KILLED".into(),
            finish_time: 12,
            ..Default::default()
        };
        record.take(&lost.into());
        assert_eq!((record.tasks()[0].status, record.tasks()[0].finished), (None, -1));
        assert_eq!(record.tasks()[0].attempts()[0].status.as_deref(), Some("KILLED"));
    }
}
