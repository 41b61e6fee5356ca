//! Trackers register, report, are answered.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::JobTracker;
use super::job::AttemptRef;
use super::report::{Action, EventSlice, Heartbeat, HeartbeatAnswer, Milliseconds};
use super::tracker::{Tracker, TrackerIndex};
use crate::job::{AttemptId, JobId, TaskKind, TaskState};

/// Completion events in one answer. The rest comes with the next: an answer with events is not held back.
const MOST_EVENTS: usize = 10_000;

impl JobTracker {
    /// Takes a heartbeat and answers it. An answer without anything to do may be held back by the
    /// caller and asked for again with [`Self::collect`] when [`super::Effect::Wake`] names the tracker.
    ///
    /// A tracker repeats the end of an attempt in its heartbeats until one that had it is
    /// answered; it takes every action as often as it comes.
    pub fn heartbeat(&mut self, now: Milliseconds, beat: Heartbeat) -> HeartbeatAnswer {
        let known = self.by_name.get(&beat.tracker).copied();
        let state = known.and_then(|index| self.tracker(index));
        match (known, state) {
            (Some(_), Some(tracker)) if tracker.alive && tracker.is_remembered() => {
                if beat.initial_contact {
                    return self.register(now, beat);
                }
                self.only(Action::Register)
            }
            (Some(index), Some(tracker)) if tracker.alive => {
                if beat.incarnation < tracker.incarnation {
                    return self.only(Action::Reinitialize);
                }
                if beat.incarnation > tracker.incarnation {
                    if !beat.initial_contact {
                        return self.only(Action::Register);
                    }
                    let name = beat.tracker.clone();
                    self.lose(now, index, &format!("Task tracker {name} was restarted"));
                    return self.register(now, beat);
                }
                if beat.sequence <= tracker.sequence {
                    return self.answer(now, index, &[]);
                }
                if beat.initial_contact {
                    return self.register(now, beat);
                }
                self.listen(now, index, beat)
            }
            // One that was lost had its attempts given to others.
            (Some(_), Some(tracker)) if beat.incarnation <= tracker.incarnation => {
                self.only(Action::Reinitialize)
            }
            _ if beat.initial_contact => self.register(now, beat),
            (Some(_), _) => self.only(Action::Reinitialize),
            (None, _) => self.only(Action::Register),
        }
    }

    /// The answer to a held heartbeat, if there is something to say by now.
    pub fn collect(
        &mut self,
        now: Milliseconds,
        tracker: &str,
        cursors: &[(JobId, u32)],
    ) -> Option<HeartbeatAnswer> {
        let index = self.by_name.get(tracker).copied().filter(|i| self.is_alive(*i))?;
        if let Some(tracker) = self.tracker_mut(index) {
            tracker.last_seen = now;
        }
        let answer = self.answer(now, index, cursors);
        let idle = answer.actions.is_empty() && answer.events.is_empty();
        (!idle).then_some(answer)
    }

    pub(super) fn is_alive(&self, index: TrackerIndex) -> bool {
        self.tracker(index).is_some_and(|tracker| tracker.alive)
    }

    fn only(&self, action: Action) -> HeartbeatAnswer {
        HeartbeatAnswer {
            response_id: -1,
            interval: self.settings.heartbeat_interval,
            actions: vec![action],
            events: Vec::new(),
            expiry: self.settings.expiry,
        }
    }

    fn register(&mut self, now: Milliseconds, beat: Heartbeat) -> HeartbeatAnswer {
        let index = self.enter(now, &beat);
        let mentioned: BTreeSet<AttemptRef> =
            beat.statuses.iter().filter_map(|status| self.resolve_id(&status.attempt)).collect();
        let held: BTreeSet<AttemptRef> =
            beat.held_outputs.iter().filter_map(|id| self.resolve_id(id)).collect();
        let outputs = beat.held_outputs.iter().map(AttemptId::job);
        for job in outputs.chain(&beat.held_jobs).collect::<BTreeSet<_>>() {
            let gone = self.find(job).is_none_or(|(_, job)| job.state.is_over());
            match (gone, self.by_id.get(job).copied(), self.tracker_mut(index)) {
                (true, _, Some(tracker)) => tracker.outbox.push(Action::PurgeJob(job.clone())),
                (false, Some(job), Some(tracker)) => {
                    tracker.jobs.insert(job);
                }
                _ => {}
            }
        }
        for status in beat.statuses {
            self.report(now, index, status, true);
        }
        if let Some(tracker) = self.tracker_mut(index) {
            // From now on silence about one of them means that it is gone.
            tracker.running.iter_mut().for_each(|occupant| occupant.ordered_in = -1);
        }
        let (running, outputs) = self.believed(index);
        for attempt in running.into_iter().filter(|attempt| !mentioned.contains(attempt)) {
            self.gone(now, attempt);
        }
        for output in outputs.into_iter().filter(|o| !held.contains(o) && !mentioned.contains(o)) {
            self.output_lost(now, output, "The map's output is gone from its tracker", false);
        }
        self.answer(now, index, &beat.cursors)
    }

    /// Makes the tracker known, or known anew.
    fn enter(&mut self, now: Milliseconds, beat: &Heartbeat) -> TrackerIndex {
        let host = self.host(&beat.node.host);
        // A rack at another depth than all others is no rack: the machine is far from everything.
        let _ = self.topology.place(host, &beat.node.rack);
        let index = match self.by_name.get(&beat.tracker) {
            Some(index) => *index,
            None => {
                let index = self.trackers.len() as u32;
                self.trackers.push(Tracker::new(beat.tracker.clone(), host));
                self.by_name.insert(beat.tracker.clone(), index);
                index
            }
        };
        let old_host = self.tracker(index).map(|tracker| tracker.host);
        if let Some(host) = old_host {
            self.on_host.entry(host).or_default().retain(|tracker| *tracker != index);
        }
        self.on_host.entry(host).or_default().push(index);
        let shuffle: Arc<str> =
            format!("http://{}:{}", beat.node.host, beat.node.shuffle_port).into();
        if let Some(tracker) = self.tracker_mut(index) {
            tracker.alive = true;
            tracker.incarnation = beat.incarnation;
            tracker.host = host;
            tracker.node = beat.node.clone();
            tracker.shuffle = shuffle;
            tracker.outbox.clear();
            tracker.unacknowledged.clear();
        }
        self.hear(now, index, beat);
        self.count_trackers();
        index
    }

    fn hear(&mut self, now: Milliseconds, index: TrackerIndex, beat: &Heartbeat) {
        let Some(tracker) = self.tracker_mut(index) else { return };
        let was_usable = tracker.is_usable();
        tracker.last_seen = now;
        tracker.sequence = beat.sequence;
        tracker.accepts = beat.accepts_tasks;
        if tracker.health != beat.health_report {
            tracker.health.clone_from(&beat.health_report);
        }
        let acknowledged = beat.response_id;
        tracker.unacknowledged.retain(|(answer, _)| *answer > acknowledged);
        if was_usable != tracker.is_usable() {
            self.count_trackers();
        }
    }

    fn listen(
        &mut self,
        now: Milliseconds,
        index: TrackerIndex,
        beat: Heartbeat,
    ) -> HeartbeatAnswer {
        self.hear(now, index, &beat);
        let mut mentioned: Vec<(AttemptRef, bool)> = Vec::with_capacity(beat.statuses.len());
        for status in beat.statuses {
            mentioned.extend(self.resolve_id(&status.attempt).map(|a| (a, status.is_cleanup)));
            self.report(now, index, status, false);
        }
        // What was ordered in an answer that arrived, and is not reported, does not exist.
        let silent: Vec<(AttemptRef, bool)> = match self.tracker(index) {
            Some(tracker) => tracker
                .running
                .iter()
                .filter(|o| o.ordered_in <= beat.response_id)
                .map(|o| (o.attempt, o.is_cleanup))
                .filter(|occupant| !mentioned.contains(occupant))
                .collect(),
            None => Vec::new(),
        };
        for (attempt, is_cleanup) in silent {
            if is_cleanup {
                self.vacate(index, attempt, true);
            } else {
                self.gone(now, attempt);
            }
        }
        self.answer(now, index, &beat.cursors)
    }

    fn answer(
        &mut self,
        now: Milliseconds,
        index: TrackerIndex,
        cursors: &[(JobId, u32)],
    ) -> HeartbeatAnswer {
        let launches = self.assign(now, index);
        let events = self.all_events(cursors);
        let (interval, expiry) = (self.settings.heartbeat_interval, self.settings.expiry);
        let Some(tracker) = self.tracker_mut(index) else { return self.only(Action::Reinitialize) };
        let mut fresh = std::mem::take(&mut tracker.outbox);
        fresh.extend(launches);
        let mut actions: Vec<Action> =
            tracker.unacknowledged.iter().flat_map(|(_, actions)| actions).cloned().collect();
        actions.extend(fresh.iter().cloned());
        tracker.answers += 1;
        if !fresh.is_empty() {
            tracker.unacknowledged.push((tracker.answers, fresh));
        }
        HeartbeatAnswer { response_id: tracker.answers, interval, actions, events, expiry }
    }

    /// New events of the jobs that are asked for, each once.
    fn all_events(&self, cursors: &[(JobId, u32)]) -> Vec<EventSlice> {
        let (mut seen, mut room, mut slices) = (BTreeSet::new(), MOST_EVENTS, Vec::new());
        for (job, from) in cursors.iter().filter(|(job, _)| seen.insert(job)) {
            let slice = self.map_events(job, *from, room);
            room = room.saturating_sub(slice.as_ref().map_or(0, |slice| slice.events.len()));
            slices.extend(slice);
        }
        slices
    }

    /// Events of maps from one on, for the tracker's reduces; nothing where there are none.
    fn map_events(&self, id: &JobId, from: u32, most: usize) -> Option<EventSlice> {
        let (_, job) = self.find(id)?;
        let events = &job.map_events;
        let beyond = from as usize > events.len();
        let from = if beyond { 0 } else { from };
        let rest = events.get(from as usize..).unwrap_or_default();
        let events: Vec<_> = rest.iter().take(most).cloned().collect();
        if events.is_empty() && !beyond {
            return None;
        }
        Some(EventSlice { job: id.clone(), from, events, reset: beyond })
    }

    /// What this machine thinks that the tracker runs, and holds for reduces.
    fn believed(&self, on: TrackerIndex) -> (Vec<AttemptRef>, Vec<AttemptRef>) {
        let Some(tracker) = self.tracker(on) else { return Default::default() };
        let running = tracker.running.iter().filter(|o| !o.is_cleanup).map(|o| o.attempt);
        let mut outputs = Vec::new();
        for index in &tracker.jobs {
            let Some(job) = self.job(*index) else { continue };
            for (number, map) in (0u32..).zip(&job.maps) {
                let success = map.success.and_then(|n| map.attempt(n)).filter(|a| a.tracker == on);
                outputs.extend(success.map(|attempt| {
                    let kind = TaskKind::Map;
                    super::job::TaskRef { job: *index, kind, number }.attempt(attempt.number)
                }));
            }
        }
        (running.collect(), outputs)
    }

    /// A tracker is gone, with what it ran and held.
    pub(super) fn lose(&mut self, now: Milliseconds, index: TrackerIndex, reason: &str) {
        let (running, outputs) = self.believed(index);
        let Some(tracker) = self.tracker_mut(index) else { return };
        tracker.alive = false;
        tracker.outbox.clear();
        tracker.unacknowledged.clear();
        self.idle.remove(&index);
        self.count_trackers();
        for attempt in running {
            if let Some(one) = self.attempt_mut(attempt) {
                super::attempt::add_diagnostics(&mut one.diagnostics, reason);
                one.kill = None;
            }
            self.gone(now, attempt);
        }
        for output in outputs {
            self.output_lost(now, output, reason, false);
        }
        if let Some(tracker) = self.tracker_mut(index) {
            tracker.running.clear();
            tracker.used = crate::job::Resources::default();
            tracker.jobs.clear();
        }
    }

    /// An attempt went with its tracker; it left nothing if it never began.
    fn gone(&mut self, now: Milliseconds, attempt: AttemptRef) {
        let began = self.attempt(attempt).is_some_and(|a| a.state != TaskState::Unassigned);
        let state = if began { TaskState::KilledUnclean } else { TaskState::Killed };
        self.ended(now, attempt, state, false);
    }

    /// Counts what the usable trackers have together.
    pub(super) fn count_trackers(&mut self) {
        let usable = self.trackers.iter().filter(|tracker| tracker.is_usable());
        let (mut count, mut capacity) = (0, crate::job::Resources::default());
        for tracker in usable {
            count += 1;
            capacity = capacity.plus(tracker.node.capacity);
        }
        self.usable = count;
        self.capacity = capacity;
        for index in 0..self.trackers.len() as u32 {
            self.note_room(index);
        }
    }
}
