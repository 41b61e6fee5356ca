//! Pools that share the cluster by weight, with guaranteed minimums (`FairScheduler`).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::queue::{Operation, QueueError, QueueState};
use super::{JobShare, Preemption, QueueView, Scheduler};
use crate::job::{AccessControlList, Caller, Resources};
use crate::jobtracker::Milliseconds;

/// How jobs of one pool share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobOrder {
    /// Equally.
    #[default]
    Fair,
    /// One after the other.
    Fifo,
}

/// One pool.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSettings {
    /// Its part, relative to others.
    pub weight: f64,
    /// What it gets before others get more than theirs.
    pub minimum: Resources,
    /// What it never exceeds.
    pub maximum: Option<Resources>,
    /// Maps at once (`maxMaps`).
    pub max_maps: Option<u32>,
    /// Reduces at once (`maxReduces`).
    pub max_reduces: Option<u32>,
    /// Jobs at once.
    pub max_running_jobs: Option<usize>,
    /// How its jobs share it.
    pub order: JobOrder,
    /// How long it may be below its minimum before others give room back.
    pub min_share_timeout: Option<Milliseconds>,
    /// Who may submit to it.
    pub submit: AccessControlList,
    /// Who may change jobs in it.
    pub administer: AccessControlList,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            weight: 1.0,
            minimum: Resources::default(),
            maximum: None,
            max_maps: None,
            max_reduces: None,
            max_running_jobs: None,
            order: JobOrder::Fair,
            min_share_timeout: None,
            submit: AccessControlList::everybody(),
            administer: AccessControlList::nobody(),
        }
    }
}

/// What the allocation file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FairSettings {
    /// Pools that are named.
    pub pools: BTreeMap<String, PoolSettings>,
    /// What other pools are like.
    pub default_pool: PoolSettings,
    /// Jobs at once of each user, by name.
    pub user_max_jobs: BTreeMap<String, usize>,
    /// Jobs at once of other users.
    pub user_max_jobs_default: Option<usize>,
    /// How long a pool may be below half its fair share before others give room back.
    pub fair_share_timeout: Option<Milliseconds>,
    /// Whether room is ever taken back (`mapred.fairscheduler.preemption`).
    pub preemption: bool,
    /// Whether jobs go to pools by queue name instead of user (`poolnameproperty`).
    pub pool_is_queue: bool,
    /// Whether access lists are checked.
    pub acls: bool,
}

/// Shares by weight.
#[derive(Clone, Debug)]
pub struct FairScheduler {
    settings: FairSettings,
    /// When each pool last had its minimum, and half its fair share.
    satisfied: BTreeMap<Arc<str>, (Milliseconds, Milliseconds)>,
}

/// A pool at one moment.
struct Pool<'a> {
    name: &'a str,
    settings: &'a PoolSettings,
    used: Resources,
    demand: Resources,
    maps: u32,
    reduces: u32,
    jobs: Vec<usize>,
}

impl Pool<'_> {
    fn minimum(&self) -> Resources {
        self.settings.minimum.min(self.demand)
    }

    /// Whether one more task of that size stays within the limits.
    fn has_room(&self, job: &JobShare) -> bool {
        let after = self.used.plus(job.next);
        self.settings.maximum.is_none_or(|max| max.fits(&after))
            && self.settings.max_maps.is_none_or(|max| self.maps < max)
            && self.settings.max_reduces.is_none_or(|max| self.reduces < max)
    }
}

impl FairScheduler {
    /// With these pools.
    #[must_use]
    pub const fn new(settings: FairSettings) -> Self {
        Self { settings, satisfied: BTreeMap::new() }
    }

    fn pool_settings(&self, name: &str) -> &PoolSettings {
        self.settings.pools.get(name).unwrap_or(&self.settings.default_pool)
    }

    fn pools<'a>(&'a self, jobs: &'a [JobShare]) -> Vec<Pool<'a>> {
        let mut pools: BTreeMap<&str, Pool<'a>> = BTreeMap::new();
        for (index, job) in jobs.iter().enumerate() {
            let pool = pools.entry(&job.queue).or_insert_with(|| Pool {
                name: &job.queue,
                settings: self.pool_settings(&job.queue),
                used: Resources::default(),
                demand: Resources::default(),
                maps: 0,
                reduces: 0,
                jobs: Vec::new(),
            });
            pool.used = pool.used.plus(job.used);
            pool.demand = pool.demand.plus(job.demand);
            pool.maps = pool.maps.saturating_add(job.running_maps);
            pool.reduces = pool.reduces.saturating_add(job.running_reduces);
            pool.jobs.push(index);
        }
        let mut pools: Vec<_> = pools.into_values().collect();
        self.limit_jobs(&mut pools, jobs);
        pools
    }

    /// Leaves in each pool those jobs that may run at once.
    fn limit_jobs(&self, pools: &mut [Pool<'_>], jobs: &[JobShare]) {
        let mut of_user: BTreeMap<&str, usize> = BTreeMap::new();
        for pool in pools {
            pool.jobs.sort_unstable_by_key(|i| jobs[*i].fifo_key());
            let mut in_pool = 0;
            pool.jobs.retain(|i| {
                let user: &str = &jobs[*i].user;
                let limit = self.settings.user_max_jobs.get(user).copied();
                let limit = limit.or(self.settings.user_max_jobs_default);
                let count = of_user.entry(user).or_default();
                let allowed = limit.is_none_or(|limit| *count < limit)
                    && pool.settings.max_running_jobs.is_none_or(|limit| in_pool < limit);
                if allowed {
                    *count += 1;
                    in_pool += 1;
                }
                allowed
            });
        }
    }

    /// What each pool should have: filled up evenly by weight, minimums first, none beyond its
    /// demand (`ComputeFairShares`), as parts of the cluster.
    fn fair_shares(&self, cluster: Resources, pools: &[Pool<'_>]) -> Vec<f64> {
        let demand: Vec<f64> = pools.iter().map(|p| p.demand.share_of(&cluster).min(1.0)).collect();
        let minimum: Vec<f64> = pools.iter().map(|p| p.minimum().share_of(&cluster)).collect();
        let at = |level: f64| -> Vec<f64> {
            let share = |(i, pool): (usize, &Pool<'_>)| {
                (level * pool.settings.weight).max(minimum[i]).min(demand[i])
            };
            pools.iter().enumerate().map(share).collect()
        };
        let (mut low, mut high) = (0.0, 1.0);
        while at(high).iter().sum::<f64>() < 1.0 && high < 1e6 {
            high *= 2.0;
        }
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if at(middle).iter().sum::<f64>() < 1.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        at(high)
    }

    /// What the pool lacks and has lacked for too long.
    fn starvation(
        &mut self,
        now: Milliseconds,
        name: &Arc<str>,
        had: (bool, bool),
    ) -> (bool, bool) {
        let entry = self.satisfied.entry(name.clone()).or_insert((now, now));
        if had.0 {
            entry.0 = now;
        }
        if had.1 {
            entry.1 = now;
        }
        let entry = *entry;
        let beyond = |since: Milliseconds, limit: Option<Milliseconds>| {
            limit.is_some_and(|limit| now.saturating_sub(since) > limit)
        };
        let minimum = self.pool_settings(name).min_share_timeout;
        (beyond(entry.0, minimum), beyond(entry.1, self.settings.fair_share_timeout))
    }
}

/// Those below their minimum first, by how far; then by what they have for their weight.
fn compare(
    (a_used, a_min, a_weight): (f64, f64, f64),
    (b_used, b_min, b_weight): (f64, f64, f64),
) -> Ordering {
    let (a_needy, b_needy) = (a_used < a_min, b_used < b_min);
    let by = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    match (a_needy, b_needy) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (true, true) => by(a_used / a_min, b_used / b_min),
        (false, false) => by(a_used / a_weight.max(1e-9), b_used / b_weight.max(1e-9)),
    }
}

impl Scheduler for FairScheduler {
    fn class_name(&self) -> &'static str {
        "org.apache.hadoop.mapred.FairScheduler"
    }

    fn place(
        &self,
        caller: &Caller,
        queue: &str,
        pool: Option<&str>,
        _jobs: &[JobShare],
    ) -> Result<Arc<str>, QueueError> {
        let named = pool.or((self.settings.pool_is_queue || queue != "default").then_some(queue));
        let name = named.unwrap_or(&caller.user);
        if !self.allows(caller, name, Operation::Submit) {
            let (user, queue) = (caller.user.clone(), name.to_owned());
            return Err(QueueError::Denied { user, operation: Operation::Submit, queue });
        }
        Ok(name.into())
    }

    fn plan(&self, cluster: Resources, jobs: &[JobShare]) -> Vec<usize> {
        let mut pools = self.pools(jobs);
        pools.retain(|pool| pool.jobs.iter().any(|i| jobs[*i].wants));
        pools.sort_by(|a, b| {
            let key = |pool: &Pool<'_>| {
                let minimum = pool.minimum().share_of(&cluster);
                (pool.used.share_of(&cluster), minimum, pool.settings.weight)
            };
            compare(key(a), key(b)).then_with(|| a.name.cmp(b.name))
        });
        let mut order = Vec::new();
        for mut pool in pools {
            if pool.settings.order == JobOrder::Fair {
                // Within a pool a job's weight is its priority, as in Hadoop 1: twice per step.
                pool.jobs.sort_by(|a, b| {
                    let key = |job: &JobShare| {
                        let weight = 2f64.powi((job.priority - 3).clamp(-8, 8));
                        (job.used.share_of(&cluster), 0.0, weight)
                    };
                    let by_age = || jobs[*a].fifo_key().cmp(&jobs[*b].fifo_key());
                    compare(key(&jobs[*a]), key(&jobs[*b])).then_with(by_age)
                });
            }
            order.extend(pool.jobs.iter().filter(|i| jobs[**i].wants && pool.has_room(&jobs[**i])));
        }
        order
    }

    fn preempt(
        &mut self,
        now: Milliseconds,
        cluster: Resources,
        jobs: &[JobShare],
    ) -> Vec<Preemption> {
        if !self.settings.preemption || cluster.is_zero() {
            return Vec::new();
        }
        let pools = self.pools(jobs);
        let fair = self.fair_shares(cluster, &pools);
        let state: Vec<(Arc<str>, f64, f64, f64)> = pools
            .iter()
            .zip(&fair)
            .map(|(pool, fair)| {
                let used = pool.used.share_of(&cluster);
                (Arc::from(pool.name), used, pool.minimum().share_of(&cluster), *fair)
            })
            .collect();
        let members: Vec<Vec<usize>> = pools.into_iter().map(|pool| pool.jobs).collect();
        let mut wanted = 0.0f64;
        for (name, used, minimum, fair) in &state {
            let had = (used >= minimum, *used >= fair / 2.0);
            let (below_minimum, below_half) = self.starvation(now, name, had);
            if below_minimum {
                wanted += minimum - used;
            } else if below_half {
                wanted += fair - used;
            }
        }
        let mut taken = Vec::new();
        for ((_, used, _, fair), members) in state.iter().zip(members) {
            let mut surplus = (used - fair).min(wanted);
            // The youngest jobs give first.
            for index in members.into_iter().rev() {
                if surplus <= 0.0 {
                    break;
                }
                let job = &jobs[index];
                let part = job.used.share_of(&cluster).min(surplus);
                let amount = cluster.scaled(part).min(job.used);
                if !amount.is_zero() {
                    surplus -= part;
                    wanted -= part;
                    taken.push(Preemption { job: job.job, amount });
                }
            }
        }
        taken
    }

    fn queues(&self, cluster: Resources, jobs: &[JobShare]) -> Vec<QueueView> {
        let pools = self.pools(jobs);
        let fair = self.fair_shares(cluster, &pools);
        let mut infos: BTreeMap<String, String> = self
            .settings
            .pools
            .keys()
            .map(|name| (name.clone(), "Running jobs: 0\n".into()))
            .collect();
        for (pool, fair) in pools.iter().zip(fair) {
            let info = format!(
                "Running jobs: {}\nWeight: {}\nUsed: {} MB, {} cores\nFair share: {:.1}%\n",
                pool.jobs.len(),
                pool.settings.weight,
                pool.used.memory_mb,
                pool.used.cores,
                fair * 100.0
            );
            infos.insert(pool.name.to_owned(), info);
        }
        let view = |(name, info)| QueueView {
            name,
            parent: String::new(),
            state: QueueState::Running,
            info,
        };
        infos.into_iter().map(view).collect()
    }

    fn allows(&self, caller: &Caller, queue: &str, operation: Operation) -> bool {
        let settings = self.pool_settings(queue);
        !self.settings.acls
            || caller.is_on(&settings.administer)
            || (operation == Operation::Submit && caller.is_on(&settings.submit))
    }

    fn administrators(&self, queue: &str) -> String {
        self.pool_settings(queue).administer.text()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fill, running, share};
    use super::*;

    fn cluster(slots: u64) -> Resources {
        Resources::new(slots * 1024, slots as u32)
    }

    fn settings(pools: &[(&str, PoolSettings)]) -> FairSettings {
        let pools = pools.iter().map(|(n, p)| ((*n).to_owned(), p.clone())).collect();
        FairSettings { pools, ..Default::default() }
    }

    #[test]
    fn users_share_whatever_their_jobs() {
        let fair = FairScheduler::new(FairSettings::default());
        assert_eq!(fair.place(&Caller::named("ann"), "default", None, &[]).as_deref(), Ok("ann"));
        let mut jobs = vec![
            share(1, "ann", "ann", 0, 50),
            share(2, "ann", "ann", 0, 50),
            share(3, "bob", "bob", 0, 50),
        ];
        fill(&fair, cluster(20), &mut jobs);
        assert_eq!(running(&jobs), [5, 5, 10]);
    }

    #[test]
    fn weights_minimums_and_limits() {
        let heavy = PoolSettings { weight: 3.0, ..Default::default() };
        let sure = PoolSettings { minimum: cluster(6), ..Default::default() };
        let capped = PoolSettings { max_maps: Some(2), ..Default::default() };
        let fair =
            FairScheduler::new(settings(&[("heavy", heavy), ("sure", sure), ("capped", capped)]));
        let mut jobs = vec![share(1, "heavy", "a", 0, 90), share(2, "light", "b", 0, 90)];
        fill(&fair, cluster(20), &mut jobs);
        assert_eq!(running(&jobs), [15, 5]);
        let mut jobs = vec![
            share(1, "sure", "a", 0, 90),
            share(2, "capped", "b", 0, 90),
            share(3, "x", "c", 0, 90),
        ];
        fill(&fair, cluster(9), &mut jobs);
        assert_eq!(running(&jobs), [6, 2, 1]);
    }

    #[test]
    fn jobs_at_once_are_limited() {
        let one = PoolSettings { max_running_jobs: Some(1), ..Default::default() };
        let mut fair = settings(&[("p", one)]);
        fair.user_max_jobs_default = Some(1);
        let fair = FairScheduler::new(fair);
        let jobs =
            vec![share(1, "p", "a", 0, 9), share(2, "p", "b", 0, 9), share(3, "q", "a", 0, 9)];
        assert_eq!(fair.plan(cluster(9), &jobs), [0]);
    }

    #[test]
    fn the_starved_get_room_back_after_their_time() {
        let sure = PoolSettings {
            minimum: cluster(4),
            min_share_timeout: Some(1000),
            ..Default::default()
        };
        let mut settings = settings(&[("sure", sure)]);
        settings.preemption = true;
        let mut fair = FairScheduler::new(settings);
        let jobs = vec![share(1, "greedy", "a", 10, 90), share(2, "sure", "b", 0, 90)];
        assert!(fair.preempt(0, cluster(10), &jobs).is_empty());
        assert!(fair.preempt(1000, cluster(10), &jobs).is_empty());
        let taken = fair.preempt(1001, cluster(10), &jobs);
        assert_eq!(taken, [Preemption { job: 1, amount: cluster(4) }]);
    }
}
