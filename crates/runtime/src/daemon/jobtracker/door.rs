//! Where calls of clients and trackers come in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loxodon_mapreduce::history::Story;
use loxodon_mapreduce::job::{AttemptId, Caller, IdError, JobAcl, JobId, TaskKind};
use loxodon_mapreduce::jobtracker::{Heartbeat, JobTracker, JobTrackerError};
use loxodon_mapreduce::protocol::{
    AttemptRequest, CompletionEvents, Done, Empty, EventsRequest, HeartbeatRequest,
    HeartbeatResponse, INTER_TRACKER, JOB_CLIENT, JobCounters, JobRequest, JobStatuses, JobToken,
    LogParams, LogRequest, MaybeJobStatus, MessageError, Number, PriorityRequest, QueueAcls,
    QueueRequest, Queues, TaskReports, TaskReportsRequest, Text, Texts, TrackerError, Trackers,
};
use loxodon_rpc::server::{Call, Handler, Responder, ServiceAccess};
use loxodon_wire::rpc::protocol::{
    GET_USER_MAPPINGS, Protocol, REFRESH_AUTHORIZATION_POLICY, REFRESH_USER_MAPPINGS,
};
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};
use prost::Message;

use super::hub::{Held, Hub, remote};
use super::{refresh, rest, submit};

/// Completion events in one answer at most.
const MOST_EVENTS: u32 = 10_000;
/// Thrown to trackers of machines that may not have one.
const DISALLOWED: &str = "org.apache.hadoop.mapred.DisallowedTaskTrackerException";

type Answer<T> = Result<T, RemoteError>;

/// The door.
pub(super) struct Door {
    hub: Arc<Hub>,
    heartbeats: AtomicU64,
}

impl Door {
    pub(super) const fn new(hub: Arc<Hub>) -> Self {
        Self { hub, heartbeats: AtomicU64::new(0) }
    }
}

impl Handler for Door {
    fn protocols(&self) -> &[&'static Protocol] {
        static SPOKEN: [&Protocol; 5] = [
            &JOB_CLIENT,
            &INTER_TRACKER,
            &GET_USER_MAPPINGS,
            &REFRESH_USER_MAPPINGS,
            &REFRESH_AUTHORIZATION_POLICY,
        ];
        &SPOKEN
    }

    fn call(&self, call: Call, reply: Responder) {
        if call.protocol.name == INTER_TRACKER.name {
            self.of_tracker(call, reply);
        } else if call.protocol.name == JOB_CLIENT.name {
            self.of_client(call, reply);
        } else if call.protocol.name == REFRESH_AUTHORIZATION_POLICY.name {
            later(&self.hub, reply, |hub| refresh::services(hub).map(|()| Empty {}));
        } else {
            later(&self.hub, reply, move |hub| refresh::user_mappings(hub, &call));
        }
    }

    fn authorize(
        &self,
        user: &UserIdentity,
        _protocol: Option<&str>,
        peer: SocketAddr,
    ) -> Result<(), RemoteError> {
        // Only a user for whom another speaks is looked up, where the right hangs on groups.
        let groups = || self.hub.groups_of(&user.effective);
        let proxy_users = Arc::clone(&self.hub.proxy_users.lock());
        proxy_users.authorize(user, groups, peer.ip().to_canonical())
    }

    fn services(&self) -> Option<&ServiceAccess> {
        self.hub.services.as_ref()
    }

    fn groups_of(&self, user: &str) -> Vec<String> {
        self.hub.groups_of(user)
    }
}

fn job(text: &str) -> Answer<JobId> {
    text.parse().map_err(|error: IdError| MessageError::Id(error).into())
}

fn attempt(text: &str) -> Answer<AttemptId> {
    text.parse().map_err(|error: IdError| MessageError::Id(error).into())
}

fn no_method(call: &Call) -> RemoteError {
    let text = format!("Unknown method {} called on {}", call.method.name, call.protocol.name);
    RemoteError::new("org.apache.hadoop.ipc.RpcNoSuchMethodException", text)
}

/// Answers from a thread that may wait.
fn later<M: Message + 'static>(
    hub: &Arc<Hub>,
    reply: Responder,
    work: impl FnOnce(&Arc<Hub>) -> Answer<M> + Send + 'static,
) {
    let own = Arc::clone(hub);
    hub.runtime.spawn_blocking(move || reply.finish(work(&own)));
}

/// Asks the machine, and the history where the machine has forgotten the job.
fn told<M: Message + 'static>(
    hub: &Arc<Hub>,
    call: Call,
    reply: Responder,
    of: fn(&Call) -> Answer<JobId>,
    here: impl Fn(&Arc<Hub>, &Call, &Caller) -> Answer<Option<M>> + Send + 'static,
    there: impl Fn(&Call, Story) -> Answer<M> + Send + 'static,
) {
    let caller = hub.known_caller(&call.user.effective);
    match caller.map(|caller| here(hub, &call, &caller)) {
        Some(Ok(Some(answer))) => return reply.reply(&answer),
        Some(Err(error)) => return reply.fail(&error),
        Some(Ok(None)) | None => {}
    }
    later(hub, reply, move |hub| {
        let caller = hub.caller(&call.user.effective);
        if let Some(answer) = here(hub, &call, &caller)? {
            return Ok(answer);
        }
        let id = of(&call)?;
        let story = rest::story(hub, &id).map_err(|error| remote(&error))?;
        let story = story.ok_or_else(|| JobTrackerError::UnknownJob(id.clone()))?;
        if !rest::may_view_done(hub, &caller, &story.status) {
            let (user, operation) = (caller.user, JobAcl::View.name());
            return Err(JobTrackerError::Denied { user, operation, job: id }.into());
        }
        there(&call, story)
    });
}

/// Does something for a caller, whose groups may have to be looked up first.
fn for_caller<M: Message + 'static>(
    hub: &Arc<Hub>,
    call: Call,
    reply: Responder,
    work: impl FnOnce(&Arc<Hub>, &Call, &Caller) -> Answer<M> + Send + 'static,
) {
    match hub.known_caller(&call.user.effective) {
        Some(caller) => reply.finish(work(hub, &call, &caller)),
        None => later(hub, reply, move |hub| {
            let caller = hub.caller(&call.user.effective);
            work(hub, &call, &caller)
        }),
    }
}

impl Door {
    fn of_tracker(&self, call: Call, reply: Responder) {
        let hub = &self.hub;
        match call.method.name {
            "heartbeat" => self.heartbeat(&call, reply),
            "getFilesystemName" => reply.finish(file_system(hub)),
            "getSystemDir" => reply.reply(&Text { value: hub.system_dir.to_string() }),
            "getTaskCompletionEvents" => reply.finish(events(hub, &call)),
            "getJobToken" => reply.finish(token(hub, &call)),
            "reportTaskTrackerError" => reply.finish(tracker_error(&call)),
            _ => reply.fail(&no_method(&call)),
        }
    }

    fn heartbeat(&self, call: &Call, reply: Responder) {
        let read = call.decode().and_then(|request: HeartbeatRequest| {
            Heartbeat::try_from(request).map_err(RemoteError::from)
        });
        let mut beat = match read {
            Ok(beat) => beat,
            Err(error) => return reply.fail(&error),
        };
        let hub = &self.hub;
        if !hub.hosts.lock().allows(&beat.node.host) {
            let text =
                format!("Tasktracker denied communication with jobtracker: {}", beat.tracker);
            return reply.fail(&RemoteError::new(DISALLOWED, text));
        }
        let number = self.heartbeats.fetch_add(1, Ordering::Relaxed);
        if !(beat.initial_contact && beat.node.rack.is_empty()) {
            return answer(hub, beat, number, reply);
        }
        // A script may say where it is.
        let own = Arc::clone(hub);
        hub.runtime.spawn_blocking(move || {
            let rack = own.racks.rack_of(&beat.node.host, 0);
            match rack {
                Some(rack) => {
                    beat.node.rack = rack;
                    answer(&own, beat, number, reply);
                }
                None => reply.fail(&RemoteError::new(
                    exception::IO,
                    format!("Unresolved topology mapping for host {}", beat.node.host),
                )),
            }
        });
    }

    fn of_client(&self, call: Call, reply: Responder) {
        let hub = &self.hub;
        match call.method.name {
            "getNewJobID" => {
                let id = hub.with(JobTracker::new_job_id);
                reply.reply(&Text { value: id.to_string() });
            }
            "submitJob" => later(hub, reply, move |hub| {
                submit::submit(hub, &call.user.effective, call.decode()?)
            }),
            "getStagingAreaDir" => {
                reply.reply(&Text { value: hub.settings.staging_area(&call.user.effective) });
            }
            "getSystemDir" => reply.reply(&Text { value: hub.system_dir.to_string() }),
            "getFilesystemName" => reply.finish(file_system(hub)),
            "getJobHistoryDir" => {
                reply.reply(&Text { value: hub.settings.history.done_dir.clone() });
            }
            "getJobTrackerStatus" => reply.reply(&Text { value: "RUNNING".into() }),
            "getTaskTrackerExpiryInterval" => {
                let value = hub.with(|machine| machine.settings().expiry);
                reply.reply(&Number { value });
            }
            "getJobStatus"
            | "getJobCounters"
            | "getTaskReports"
            | "getTaskCompletionEvents"
            | "getTaskDiagnostics"
            | "getLogFileParams" => self.of_job(call, reply),
            "getAllJobs" => reply.finish(all_jobs(hub)),
            "killJob" | "killTask" | "failTask" | "setJobPriority" => {
                for_caller(hub, call, reply, order);
            }
            "getDelegationToken" | "renewDelegationToken" | "cancelDelegationToken" => {
                let text = "Delegation Token can be issued only with kerberos authentication";
                reply.fail(&JobTrackerError::Unsupported(text).into());
            }
            "refreshAdminAcls" => later(hub, reply, move |hub| {
                refresh::administrators(hub, &call.user.effective).map(|()| Empty {})
            }),
            "refreshNodes" => later(hub, reply, move |hub| {
                refresh::nodes(hub, &call.user.effective).map(|()| Empty {})
            }),
            "refreshQueues" => later(hub, reply, move |hub| {
                refresh::queues(hub, &call.user.effective).map(|()| Empty {})
            }),
            _ => self.of_cluster(call, reply),
        }
    }

    fn of_cluster(&self, call: Call, reply: Responder) {
        let hub = &self.hub;
        match call.method.name {
            "getActiveTrackers" => {
                reply.reply(&Trackers { trackers: hub.with(|m| m.active_trackers()) });
            }
            "getBlacklistedTrackers" => {
                reply.reply(&Trackers { trackers: hub.with(|m| m.blacklisted_trackers()) });
            }
            "getClusterMetrics" => reply.reply(&hub.with(|m| m.metrics())),
            "getQueues" | "getRootQueues" => {
                reply.reply(&Queues { queues: hub.with(|m| m.queues()) });
            }
            "getQueue" => reply.finish(call.decode().map(|request: QueueRequest| Queues {
                queues: hub.with(|m| m.queue(&request.name)).into_iter().collect(),
            })),
            "getChildQueues" => {
                reply.finish(
                    call.decode().map(|request: QueueRequest| Queues {
                        queues: hub
                            .with(|m| m.queue(&request.name))
                            .map(|q| q.children)
                            .unwrap_or_default(),
                    }),
                );
            }
            "getQueueAdmins" => reply.finish(call.decode().map(|request: QueueRequest| Text {
                value: hub.with(|m| m.queue_administrators(&request.name)),
            })),
            "getQueueAclsForCurrentUser" => for_caller(hub, call, reply, |hub, _, caller| {
                Ok(QueueAcls { acls: hub.with(|m| m.queue_acls(caller)) })
            }),
            _ => reply.fail(&no_method(&call)),
        }
    }

    /// Questions about one job, which the history answers where the machine has forgotten it.
    fn of_job(&self, call: Call, reply: Responder) {
        let hub = &self.hub;
        match call.method.name {
            "getJobStatus" => match status(hub, &call) {
                Ok(MaybeJobStatus { status: None }) => {
                    later(hub, reply, move |hub| old_status(hub, &call));
                }
                answer => reply.finish(answer),
            },
            "getJobCounters" => {
                told(hub, call, reply, named_job, counters, |_, story| Ok(story.counters));
            }
            "getTaskReports" => told(hub, call, reply, named_job, reports, |call, story| {
                let request: TaskReportsRequest = call.decode()?;
                Ok(TaskReports { reports: story.tasks(kind(&request.kind)?).to_vec() })
            }),
            "getTaskCompletionEvents" => {
                told(hub, call, reply, named_job, job_events, |call, story| {
                    let request: EventsRequest = call.decode()?;
                    let most = request.max.min(MOST_EVENTS) as usize;
                    let all = story.completion_events().into_iter();
                    let events = all.skip(request.from as usize).take(most).collect();
                    Ok(CompletionEvents { events, reset: false })
                });
            }
            "getTaskDiagnostics" => {
                told(hub, call, reply, job_of_attempt, diagnostics, |call, story| {
                    let request: AttemptRequest = call.decode()?;
                    let report = story.attempt(&attempt(&request.attempt_id)?);
                    let text = report.map(|report| report.diagnostics.clone());
                    Ok(Texts { values: text.filter(|text| !text.is_empty()).into_iter().collect() })
                });
            }
            _ => told(hub, call, reply, job_of_log, log, |call, story| {
                let request: LogRequest = call.decode()?;
                let id = attempt(&request.attempt_id)?;
                story.log_params(&id).ok_or_else(|| did_not_run(&id))
            }),
        }
    }
}

/// Answers a heartbeat, or holds it.
fn answer(hub: &Arc<Hub>, beat: Heartbeat, number: u64, reply: Responder) {
    let now = hub.now();
    let (tracker, cursors) = (Arc::clone(&beat.tracker), beat.cursors.clone());
    let answers = hub.with(|machine| {
        let answer = machine.heartbeat(now, beat);
        if !(answer.actions.is_empty() && answer.events.is_empty()) {
            let before = hub.held.lock().remove(&tracker);
            return (Some((reply, answer)), before);
        }
        // While the machine is locked: whoever wakes the tracker later finds it.
        let held = Held { number, empty: answer, cursors, reply };
        (None, hub.hold(tracker, held))
    });
    let (said, before) = answers;
    if let Some(before) = before {
        before.reply.reply(&HeartbeatResponse::from(before.empty));
    }
    if let Some((reply, answer)) = said {
        hub.reply(reply, answer);
    }
}

fn file_system(hub: &Hub) -> Answer<Text> {
    let value = hub.conf.text(&loxodon_conf::keys::DEFAULT_FS);
    let value = value.map_err(|error| RemoteError::new(exception::IO, error.to_string()))?;
    Ok(Text { value: value.unwrap_or_default() })
}

fn events(hub: &Arc<Hub>, call: &Call) -> Answer<CompletionEvents> {
    let request: EventsRequest = call.decode()?;
    let (id, most) = (job(&request.job_id)?, request.max.min(MOST_EVENTS));
    Ok(hub.with(|machine| machine.completion_events(&id, request.from, most)).into())
}

/// Trackers are of the JobTracker's own user.
fn token(hub: &Arc<Hub>, call: &Call) -> Answer<JobToken> {
    let request: JobRequest = call.decode()?;
    let id = job(&request.job_id)?;
    if call.user.effective != crate::daemon::process_user() {
        let text = format!("{} is not a tracker's user", call.user.effective);
        return Err(RemoteError::new(exception::ACCESS_CONTROL, text));
    }
    let key = hub.with(|machine| machine.submission(&id).map(|s| s.token.to_vec()));
    let key = key.ok_or(JobTrackerError::UnknownJob(id))?;
    Ok(JobToken { key, credentials: Vec::new() })
}

fn tracker_error(call: &Call) -> Answer<Empty> {
    let error: TrackerError = call.decode()?;
    tracing::warn!("{} reports {}: {}", error.tracker, error.class, error.message);
    Ok(Empty {})
}

fn named_job(call: &Call) -> Answer<JobId> {
    job(&call.decode::<JobRequest>()?.job_id)
}

fn job_of_attempt(call: &Call) -> Answer<JobId> {
    Ok(attempt(&call.decode::<AttemptRequest>()?.attempt_id)?.job().clone())
}

fn job_of_log(call: &Call) -> Answer<JobId> {
    Ok(attempt(&call.decode::<LogRequest>()?.attempt_id)?.job().clone())
}

fn did_not_run(id: &AttemptId) -> RemoteError {
    RemoteError::new(exception::IO, format!("{id} did not run"))
}

/// A client's view of a job's completion events.
fn job_events(hub: &Arc<Hub>, call: &Call, caller: &Caller) -> Answer<Option<CompletionEvents>> {
    let id = named_job(call)?;
    if hub.with(|machine| is_here(machine, caller, &id))? {
        return events(hub, call).map(Some);
    }
    Ok(None)
}

fn status(hub: &Arc<Hub>, call: &Call) -> Answer<MaybeJobStatus> {
    let request: JobRequest = call.decode()?;
    let id = job(&request.job_id)?;
    Ok(MaybeJobStatus { status: hub.with(|machine| machine.job_status(&id)) })
}

/// Of a job that only the history knows.
fn old_status(hub: &Arc<Hub>, call: &Call) -> Answer<MaybeJobStatus> {
    let request: JobRequest = call.decode()?;
    let story = rest::story(hub, &job(&request.job_id)?).map_err(|error| remote(&error))?;
    Ok(MaybeJobStatus { status: story.map(|story| story.status) })
}

fn all_jobs(hub: &Arc<Hub>) -> Answer<JobStatuses> {
    Ok(JobStatuses { jobs: hub.with(|machine| machine.all_jobs()) })
}

/// Whether the machine has the job whole and the caller may look into it.
fn is_here(machine: &JobTracker, caller: &Caller, id: &JobId) -> Answer<bool> {
    match machine.check_access(caller, id, JobAcl::View) {
        Ok(()) => Ok(machine.submission(id).is_some()),
        Err(JobTrackerError::UnknownJob(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn counters(hub: &Arc<Hub>, call: &Call, caller: &Caller) -> Answer<Option<JobCounters>> {
    let request: JobRequest = call.decode()?;
    let id = job(&request.job_id)?;
    hub.with(|machine| {
        let here = is_here(machine, caller, &id)?;
        Ok(machine.counters(&id).filter(|_| here))
    })
}

fn kind(name: &str) -> Answer<TaskKind> {
    match name {
        "MAP" => Ok(TaskKind::Map),
        "REDUCE" => Ok(TaskKind::Reduce),
        "JOB_SETUP" => Ok(TaskKind::JobSetup),
        "JOB_CLEANUP" => Ok(TaskKind::JobCleanup),
        other => {
            let text = format!("No enum constant org.apache.hadoop.mapreduce.TaskType.{other}");
            Err(RemoteError::new(exception::ILLEGAL_ARGUMENT, text))
        }
    }
}

fn reports(hub: &Arc<Hub>, call: &Call, caller: &Caller) -> Answer<Option<TaskReports>> {
    let request: TaskReportsRequest = call.decode()?;
    let (id, kind) = (job(&request.job_id)?, kind(&request.kind)?);
    hub.with(|machine| {
        if !is_here(machine, caller, &id)? {
            return Ok(None);
        }
        let reports = machine.task_reports(&id, kind, request.details)?;
        Ok(Some(TaskReports { reports }))
    })
}

fn diagnostics(hub: &Arc<Hub>, call: &Call, caller: &Caller) -> Answer<Option<Texts>> {
    let request: AttemptRequest = call.decode()?;
    let id = attempt(&request.attempt_id)?;
    hub.with(|machine| {
        if !is_here(machine, caller, id.job())? {
            return Ok(None);
        }
        Ok(Some(Texts { values: machine.diagnostics(&id)? }))
    })
}

fn log(hub: &Arc<Hub>, call: &Call, caller: &Caller) -> Answer<Option<LogParams>> {
    let request: LogRequest = call.decode()?;
    let id = attempt(&request.attempt_id)?;
    hub.with(|machine| {
        if !is_here(machine, caller, id.job())? {
            return Ok(None);
        }
        machine.log_params(&id).map(Some).ok_or_else(|| did_not_run(&id))
    })
}

/// Orders of clients: to kill, to fail, to change a priority.
fn order(hub: &Arc<Hub>, call: &Call, caller: &Caller) -> Answer<Done> {
    let now = hub.now();
    match call.method.name {
        "killJob" => {
            let request: JobRequest = call.decode()?;
            let id = job(&request.job_id)?;
            hub.with(|machine| machine.kill_job(now, caller, &id))?;
            Ok(Done { done: true })
        }
        "setJobPriority" => {
            let request: PriorityRequest = call.decode()?;
            let id = job(&request.job_id)?;
            hub.with(|machine| machine.set_priority(caller, &id, &request.priority))?;
            Ok(Done { done: true })
        }
        name => {
            let request: AttemptRequest = call.decode()?;
            let id = attempt(&request.attempt_id)?;
            let fail = name == "failTask";
            let done = hub.with(|machine| machine.kill_task(now, caller, &id, fail))?;
            Ok(Done { done })
        }
    }
}
