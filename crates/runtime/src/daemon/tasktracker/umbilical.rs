//! What tasks ask their tracker, over RPC on the loopback (`TaskUmbilicalProtocol`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use loxodon_mapreduce::job::AttemptId;
use loxodon_mapreduce::jobtracker::AttemptStatus;
use loxodon_mapreduce::protocol::{
    AttemptRequest, CommitAnswer, CompletionEvents, Empty, GetTaskAnswer, MapEventsRequest,
    MessageError, StatusAnswer, StatusUpdate, TASK_UMBILICAL, TaskFailure,
};
use loxodon_mapreduce::tasktracker::StatusReply;
use loxodon_rpc::server::{Call, Handler, Responder};
use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};
use tokio::time::{Instant, sleep_until};

use super::attempt::Slot;
use super::tracker::Tracker;

/// How long a question is kept that has no good answer yet, instead of being asked again.
const HELD: Duration = Duration::from_millis(500);
/// Events in one answer at most.
const MOST_EVENTS: u32 = 10_000;

/// The door for tasks.
pub(super) struct Umbilical(pub(super) Arc<Tracker>);

impl Handler for Umbilical {
    fn protocols(&self) -> &[&'static Protocol] {
        static SPOKEN: [&Protocol; 1] = [&TASK_UMBILICAL];
        &SPOKEN
    }

    fn authorize(
        &self,
        _user: &UserIdentity,
        _protocol: Option<&str>,
        peer: SocketAddr,
    ) -> Result<(), RemoteError> {
        if peer.ip().is_loopback() || peer.ip() == self.0.report_ip {
            return Ok(());
        }
        let text = format!("{peer}: only tasks of this machine are served here");
        Err(RemoteError::new(exception::AUTHORIZATION, text))
    }

    fn call(&self, call: Call, reply: Responder) {
        let tracker = &self.0;
        match call.method.name {
            "statusUpdate" => reply.finish(report(tracker, &call).map(status_answer)),
            "commitPending" => reply.finish(report(tracker, &call).map(|_| Empty {})),
            "done" => reply.finish(done(tracker, &call)),
            "fatalError" | "fsError" | "shuffleError" => reply.finish(failed(tracker, &call)),
            "reportDiagnosticInfo" => reply.finish(diagnose(tracker, &call)),
            "getTask" => reply.finish(task(tracker, &call)),
            "canCommit" => may_commit(tracker, &call, reply),
            "getMapCompletionEvents" => map_events(tracker, &call, reply),
            other => {
                let text = format!("Unknown method {other} called on {}", TASK_UMBILICAL.name);
                reply.fail(&RemoteError::new(
                    "org.apache.hadoop.ipc.RpcNoSuchMethodException",
                    text,
                ));
            }
        }
    }
}

type Answer<T> = Result<T, RemoteError>;

fn attempt(text: &str) -> Answer<AttemptId> {
    text.parse().map_err(|error| MessageError::Id(error).into())
}

/// A report, with what the tracker knows better: which of an attempt's processes it comes from.
fn read(tracker: &Tracker, call: &Call) -> Answer<(AttemptStatus, bool)> {
    let update: StatusUpdate = call.decode()?;
    let status = update.status.ok_or(MessageError::Missing("status"))?;
    let mut status = AttemptStatus::try_from(status)?;
    status.is_cleanup = tracker.slot(&status.attempt).1;
    Ok((status, update.idle))
}

fn report(tracker: &Tracker, call: &Call) -> Answer<StatusReply> {
    let (status, idle) = read(tracker, call)?;
    let slot: Slot = (status.attempt.clone(), status.is_cleanup);
    let heard = tracker.heard(&slot, idle);
    Ok(tracker.with(|machine| machine.status_update(heard, status)))
}

fn status_answer(reply: StatusReply) -> StatusAnswer {
    StatusAnswer { known: reply != StatusReply::Unknown, kill: reply == StatusReply::End }
}

fn done(tracker: &Tracker, call: &Call) -> Answer<Empty> {
    let (status, _) = read(tracker, call)?;
    tracker.with(|machine| machine.done(super::now(), status));
    Ok(Empty {})
}

fn failed(tracker: &Tracker, call: &Call) -> Answer<Empty> {
    let failure: TaskFailure = call.decode()?;
    let (id, is_cleanup) = tracker.slot(&attempt(&failure.attempt_id)?);
    tracing::info!("{id} failed: {}", failure.message);
    tracker.with(|machine| machine.failed(&id, is_cleanup, &failure.message, failure.fast_fail));
    Ok(Empty {})
}

fn diagnose(tracker: &Tracker, call: &Call) -> Answer<Empty> {
    let text: TaskFailure = call.decode()?;
    let (id, is_cleanup) = tracker.slot(&attempt(&text.attempt_id)?);
    tracker.with(|machine| machine.diagnose(&id, is_cleanup, &text.message));
    Ok(Empty {})
}

fn task(tracker: &Tracker, call: &Call) -> Answer<GetTaskAnswer> {
    let request: AttemptRequest = call.decode()?;
    let slot = tracker.slot(&attempt(&request.attempt_id)?);
    Ok(GetTaskAnswer { task: tracker.spec(&slot) })
}

/// Held until the commit is granted, so that a task need not ask again and again.
fn may_commit(tracker: &Arc<Tracker>, call: &Call, reply: Responder) {
    let id = call.decode().and_then(|request: AttemptRequest| attempt(&request.attempt_id));
    let id = match id {
        Ok(id) => id,
        Err(error) => return reply.fail(&error),
    };
    let tracker = Arc::clone(tracker);
    let answer = move |tracker: &Tracker| {
        let slot = tracker.slot(&id);
        if slot.1 {
            // The clean-up after an attempt commits nothing.
            return Some(CommitAnswer { granted: false, known: false });
        }
        let known = tracker.is_running(&slot);
        let granted = tracker.with(|machine| machine.may_commit(super::now(), &slot.0));
        (granted || !known).then_some(CommitAnswer { granted, known })
    };
    hold(tracker, reply, answer, CommitAnswer { granted: false, known: true });
}

/// Held until there is an event.
fn map_events(tracker: &Arc<Tracker>, call: &Call, reply: Responder) {
    let request: Answer<MapEventsRequest> = call.decode();
    let read = request.and_then(|request| Ok((attempt(&request.attempt_id)?, request)));
    let (id, request) = match read {
        Ok(read) => read,
        Err(error) => return reply.fail(&error),
    };
    let most = request.max.min(MOST_EVENTS);
    let answer = move |tracker: &Tracker| {
        let slice = tracker.with(|machine| machine.map_events(id.job(), request.from, most));
        (!slice.events.is_empty() || slice.reset).then(|| CompletionEvents::from(slice))
    };
    hold(Arc::clone(tracker), reply, answer, CompletionEvents::default());
}

/// Answers as soon as `answer` has one, and with `empty` after a while.
fn hold<M: prost::Message + 'static>(
    tracker: Arc<Tracker>,
    reply: Responder,
    answer: impl Fn(&Tracker) -> Option<M> + Send + 'static,
    empty: M,
) {
    if let Some(found) = answer(&tracker) {
        return reply.reply(&found);
    }
    tokio::spawn(async move {
        let end = Instant::now() + HELD;
        loop {
            let news = tracker.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if let Some(found) = answer(&tracker) {
                return reply.reply(&found);
            }
            tokio::select! {
                () = news => {}
                () = sleep_until(end) => return reply.reply(&empty),
            }
        }
    });
}
