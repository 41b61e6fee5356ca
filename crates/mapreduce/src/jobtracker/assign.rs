//! Who gets the room: the scheduler's order, then locality and limits.

use std::collections::BTreeSet;

use super::JobTracker;
use super::job::{Attempt, AttemptRef, Job, Stage, Task, TaskRef};
use super::report::{Action, Milliseconds};
use super::tracker::{Tracker, TrackerIndex};
use crate::job::{Locality, Phase, TaskKind};

/// Part of the cluster that reduces of a job may take while its maps wait, where both share room
/// (`yarn.app.mapreduce.am.job.reduce.rampup.limit`).
const REDUCE_RAMP_UP: f64 = 0.5;
/// Part of the trackers that one job may avoid (`JobInProgress.CLUSTER_BLACKLIST_PERCENT`).
const JOB_BLACKLIST_PART: f64 = 0.25;
/// Trackers woken for one piece of news; the others come by themselves.
const MOST_WOKEN: usize = 64;

/// What a tracker is to start.
enum Choice {
    Fresh(TaskRef, Option<Locality>),
    Company(TaskRef),
    CleanUp(AttemptRef),
}

impl JobTracker {
    /// Fills a tracker's room.
    pub(super) fn assign(&mut self, now: Milliseconds, on: TrackerIndex) -> Vec<Action> {
        let mut launches = Vec::new();
        while self.tracker(on).is_some_and(|t| t.is_usable() && !t.free().is_zero())
            && self.shares.iter().any(|share| share.wants)
        {
            let order = self.scheduler.plan(self.capacity, &self.shares);
            let jobs = order.into_iter().filter_map(|i| self.shares.get(i).map(|s| s.job));
            let jobs: Vec<u32> = jobs.collect();
            let Some(choice) = jobs.into_iter().find_map(|job| self.choose(now, job, on)) else {
                break;
            };
            let action = match choice {
                Choice::Fresh(task, locality) => self.start_attempt(now, task, on, locality, false),
                Choice::Company(task) => {
                    let locality = self.locality(task, on);
                    self.start_attempt(now, task, on, locality, true)
                }
                Choice::CleanUp(attempt) => {
                    self.occupy(on, attempt, true);
                    self.refresh(attempt.task.job);
                    self.launch(attempt, true)
                }
            };
            match action {
                Some(action) => launches.push(action),
                None => break,
            }
        }
        self.note_room(on);
        launches
    }

    /// The next of the job's tasks that may start there.
    fn choose(&mut self, now: Milliseconds, index: u32, on: TrackerIndex) -> Option<Choice> {
        let usable = self.usable;
        let job = self.job(index)?;
        let tracker = self.tracker(on)?;
        if job.avoids(on, usable) {
            return None;
        }
        let room_for_map = tracker.fits(TaskKind::Map, job.submission.conf.map.size);
        let only = |kind| Some(Choice::Fresh(TaskRef { job: index, kind, number: 0 }, None));
        match job.stage {
            Stage::Setup if room_for_map && job.setup.suits(on, usable) => {
                return only(TaskKind::JobSetup);
            }
            Stage::Cleanup(_) if room_for_map && job.cleanup.suits(on, usable) => {
                return only(TaskKind::JobCleanup);
            }
            Stage::Running => {}
            _ => return None,
        }
        if room_for_map && let Some(choice) = self.choose_map(now, index, on) {
            return Some(choice);
        }
        if let Some(choice) = self.choose_company(index, on) {
            return Some(choice);
        }
        if let Some(choice) = self.choose_reduce(index, on) {
            return Some(choice);
        }
        // Whatever is left when the job's own clean-up begins goes with that.
        if room_for_map { self.job_mut(index)?.unclean.pop().map(Choice::CleanUp) } else { None }
    }

    /// A map whose input is near enough; where it is worth to wait for a nearer one, the time is noted.
    fn choose_map(&mut self, now: Milliseconds, index: u32, on: TrackerIndex) -> Option<Choice> {
        let usable = self.usable;
        let Self { jobs, trackers, topology, on_host, locality_wakes, settings, .. } = self;
        let job = jobs.get_mut(index as usize)?.as_deref_mut()?;
        let host = trackers.get(on as usize)?.host;
        let limit = job.submission.conf.map.running_limit;
        if job.map.pending == 0 || limit != 0 && job.map.running >= limit {
            return None;
        }
        let place = Place {
            on,
            host,
            rack: topology.rack_of(host),
            usable,
            node_delay: settings.node_delay,
            rack_delay: settings.rack_delay,
        };
        let live = |host: u32| {
            let there = on_host.get(&host).into_iter().flatten();
            there.into_iter().any(|t| trackers.get(*t as usize).is_some_and(Tracker::is_usable))
        };
        match job.take_map(now, &place, live) {
            Taken::Map(number, locality) => {
                let task = TaskRef { job: index, kind: TaskKind::Map, number };
                Some(Choice::Fresh(task, Some(locality)))
            }
            Taken::WaitUntil(time) => {
                locality_wakes.insert((time, index));
                None
            }
            Taken::Nothing => None,
        }
    }

    /// A second attempt beside one that is slow.
    fn choose_company(&mut self, index: u32, on: TrackerIndex) -> Option<Choice> {
        let Self { jobs, trackers, .. } = self;
        let job = jobs.get_mut(index as usize)?.as_deref_mut()?;
        let tracker = trackers.get(on as usize)?;
        let task = job.take_slow(on, |kind, size| tracker.fits(kind, size))?;
        Some(Choice::Company(TaskRef { job: index, ..task }))
    }

    /// A reduce, while it leaves room to the maps that wait.
    fn choose_reduce(&mut self, index: u32, on: TrackerIndex) -> Option<Choice> {
        let (cluster, usable) = (self.capacity, self.usable);
        let Self { jobs, trackers, .. } = self;
        let job = jobs.get_mut(index as usize)?.as_deref_mut()?;
        let tracker = trackers.get(on as usize)?;
        let reduce = job.submission.conf.reduce;
        let is_full = reduce.running_limit != 0 && job.reduce.running >= reduce.running_limit;
        if job.reduce.pending == 0
            || is_full
            || !job.reduces_may_start()
            || !tracker.fits(TaskKind::Reduce, reduce.size)
        {
            return None;
        }
        let after = reduce.size.times(job.reduce.running as usize + 1).share_of(&cluster);
        let separate = tracker.node.reduce_slots.is_some();
        if job.map.pending > 0 && !separate && after > REDUCE_RAMP_UP {
            return None;
        }
        let tasks = &job.reduces;
        let waits = |n: u32| tasks.get(n as usize).is_some_and(|task| task.pending);
        let suits = |n: u32| tasks.get(n as usize).is_some_and(|task| task.suits(on, usable));
        let number = job.pending_reduces.take_any(waits, suits)?;
        let task = TaskRef { job: index, kind: TaskKind::Reduce, number };
        Some(Choice::Fresh(task, None))
    }

    fn locality(&self, task: TaskRef, on: TrackerIndex) -> Option<Locality> {
        if task.kind != TaskKind::Map {
            return None;
        }
        let hosts = self.job(task.job)?.hosts.get(task.number as usize)?;
        let host = self.tracker(on)?.host;
        let rack = self.topology.rack_of(host);
        let on_rack = |other: &u32| rack.is_some() && self.topology.rack_of(*other) == rack;
        Some(if hosts.contains(&host) {
            Locality::Node
        } else if hosts.iter().any(on_rack) {
            Locality::Rack
        } else {
            Locality::Any
        })
    }

    /// Keeps the set of trackers that could take something.
    pub(super) fn note_room(&mut self, on: TrackerIndex) {
        let has_room = self.tracker(on).is_some_and(|t| t.is_usable() && !t.free().is_zero());
        if has_room {
            self.idle.insert(on);
        } else {
            self.idle.remove(&on);
        }
    }

    /// Wakes trackers that could take what the job wants: where its input is first.
    pub(super) fn wake_for(&mut self, index: u32) {
        let wants = self.shares.iter().any(|share| share.job == index && share.wants);
        if !wants || self.idle.is_empty() {
            return;
        }
        let Some(job) = self.job(index) else { return };
        let mut chosen = BTreeSet::new();
        let mut count = 1;
        if job.stage == Stage::Running {
            let reduces = if job.reduces_may_start() { job.reduce.pending } else { 0 };
            count = (job.map.pending + reduces) as usize + job.unclean.len() + job.slow.len();
            let waiting = job.pending_maps.peek().take(MOST_WOKEN);
            for number in waiting {
                let Some(hosts) = job.hosts.get(number as usize) else { continue };
                let there = hosts.iter().filter_map(|host| self.on_host.get(host)).flatten();
                chosen.extend(there.filter(|tracker| self.idle.contains(tracker)).copied());
            }
        }
        let most = count.clamp(1, MOST_WOKEN);
        // Different jobs begin at different trackers.
        let begin = self.trackers.len().checked_sub(1).map_or(0, |n| index as usize % (n + 1));
        let rest = self.idle.range(begin as u32..).chain(self.idle.range(..begin as u32));
        for tracker in rest {
            if chosen.len() >= most {
                break;
            }
            chosen.insert(*tracker);
        }
        chosen.into_iter().for_each(|tracker| self.wake(tracker, true));
    }
}

/// Where room is, as far as maps care.
struct Place {
    on: TrackerIndex,
    host: u32,
    rack: Option<u32>,
    usable: usize,
    node_delay: Milliseconds,
    rack_delay: Milliseconds,
}

enum Taken {
    Map(u32, Locality),
    /// Nothing near, and something far that waits for a nearer place until then.
    WaitUntil(Milliseconds),
    Nothing,
}

impl Job {
    /// Whether the job had too much bad luck on that tracker, and not with too many others.
    pub(super) fn avoids(&self, on: TrackerIndex, usable: usize) -> bool {
        let most = self.submission.conf.max_failures_per_tracker;
        if self.faults.get(&on).is_none_or(|faults| *faults < most) {
            return false;
        }
        let flaky = self.faults.values().filter(|faults| **faults >= most).count();
        flaky < ((usable as f64 * JOB_BLACKLIST_PART) as usize).max(usize::from(usable > 1))
            || (flaky == 1 && usable > 1)
    }

    /// Whether some waiting map may go to that tracker, had it room.
    pub(super) fn wants_map_on(&self, on: TrackerIndex, usable: usize) -> bool {
        !self.avoids(on, usable)
            && self.maps.iter().any(|task| task.pending && task.suits(on, usable))
    }

    /// The reduce that has the least to lose, of those on trackers that suit.
    pub(super) fn youngest_reduce(
        &self,
        index: u32,
        suits: impl Fn(TrackerIndex) -> bool,
    ) -> Option<AttemptRef> {
        let running = (0u32..)
            .zip(&self.reduces)
            .flat_map(|(number, task)| task.running().map(move |attempt| (number, attempt)));
        let may_end = |attempt: &Attempt| {
            attempt.kill.is_none() && matches!(attempt.phase, Phase::Starting | Phase::Shuffle)
        };
        let mut shuffling: Vec<_> = running.filter(|(_, attempt)| may_end(attempt)).collect();
        shuffling.sort_by_key(|(_, attempt)| std::cmp::Reverse(attempt.started));
        let (number, attempt) = shuffling.into_iter().find(|(_, it)| suits(it.tracker))?;
        let kind = TaskKind::Reduce;
        Some(TaskRef { job: index, kind, number }.attempt(attempt.number))
    }

    /// A waiting map for that place: the nearest kind that may be taken by now.
    fn take_map(&mut self, now: Milliseconds, place: &Place, live: impl Fn(u32) -> bool) -> Taken {
        let Self { pending_maps, maps, hosts, local_since, .. } = self;
        let waits = |n: u32| maps.get(n as usize).is_some_and(|task| task.pending);
        let suits = |n: u32| maps.get(n as usize).is_some_and(|t| t.suits(place.on, place.usable));
        if let Some(number) = pending_maps.take_on_host(place.host, waits, suits) {
            return Taken::Map(number, Locality::Node);
        }
        let rack_from = local_since.saturating_add(place.node_delay);
        let any_from = rack_from.saturating_add(place.rack_delay);
        // Who has no living machine near its input has nothing to wait for.
        let homeless = |n: u32| {
            hosts.get(n as usize).is_none_or(|hosts| !hosts.iter().any(|host| live(*host)))
        };
        let near = |n: u32| suits(n) && (now >= rack_from || homeless(n));
        if let Some(rack) = place.rack
            && let Some(number) = pending_maps.take_on_rack(rack, waits, near)
        {
            return Taken::Map(number, Locality::Rack);
        }
        let far = |n: u32| suits(n) && (now >= any_from || homeless(n));
        if let Some(number) = pending_maps.take_any(waits, far) {
            return Taken::Map(number, Locality::Any);
        }
        match [rack_from, any_from].into_iter().find(|time| *time > now) {
            Some(time) => Taken::WaitUntil(time),
            None => Taken::Nothing,
        }
    }

    /// A slow task that may get company there.
    fn take_slow(
        &mut self,
        on: TrackerIndex,
        fits: impl Fn(TaskKind, crate::job::Resources) -> bool,
    ) -> Option<TaskRef> {
        let Self { slow, maps, reduces, submission, .. } = self;
        slow.retain(|task| {
            let tasks = if task.kind == TaskKind::Map { &*maps } else { &*reduces };
            let state = tasks.get(task.number as usize);
            state.is_some_and(|state| state.end.is_none() && state.running().count() == 1)
        });
        let position = slow.iter().position(|task| {
            let tasks = if task.kind == TaskKind::Map { &*maps } else { &*reduces };
            let elsewhere = tasks.get(task.number as usize).is_some_and(|state| {
                state.running().all(|a| a.tracker != on) && !state.failed_on.contains(&on)
            });
            elsewhere && fits(task.kind, submission.conf.demand(task.kind).size)
        })?;
        Some(slow.remove(position))
    }
}

impl Task {
    /// Whether an attempt may run there: not where one failed, while there are other places.
    fn suits(&self, on: TrackerIndex, usable: usize) -> bool {
        self.pending && (!self.failed_on.contains(&on) || self.failed_on.len() >= usable)
    }
}
