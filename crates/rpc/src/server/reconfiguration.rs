//! Settings that change while a daemon runs (`ReconfigurableBase`): its files are read again, what differs
//! is given to the daemon, key by key, and who asks is told how that went.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use loxodon_conf::{Change, Configuration};
use loxodon_wire::proto::hdfs::{
    GetReconfigurationStatusConfigChangeProto, GetReconfigurationStatusResponseProto,
    ListReconfigurablePropertiesResponseProto,
};
use loxodon_wire::rpc::{RemoteError, exception};
use parking_lot::Mutex;

/// A daemon's settings, and the last change of them.
pub struct Reconfiguration {
    names: &'static [&'static str],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is in force.
    conf: Configuration,
    is_running: bool,
    /// Milliseconds since the epoch; 0 is never.
    started: i64,
    ended: i64,
    outcomes: Vec<Outcome>,
}

/// What became of one key.
struct Outcome {
    change: Change,
    error: Option<String>,
}

impl fmt::Debug for Reconfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconfiguration").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Reconfiguration {
    /// Of a daemon that began with `conf` and can change these keys.
    #[must_use]
    pub fn new(conf: Configuration, names: &'static [&'static str]) -> Arc<Self> {
        let state = State { conf, ..State::default() };
        Arc::new(Self { names, state: Mutex::new(state) })
    }

    /// The keys that can be changed.
    #[must_use]
    pub fn names(&self) -> ListReconfigurablePropertiesResponseProto {
        let name = self.names.iter().map(|name| (*name).to_owned()).collect();
        ListReconfigurablePropertiesResponseProto { name }
    }

    /// Begins to change what differs, on a thread of its own. `apply` is given a key and the new
    /// configuration, and answers with the value that is in force then.
    ///
    /// # Errors
    /// `IOException` where a change is going on.
    pub fn start(
        self: &Arc<Self>,
        mut apply: impl FnMut(&str, &Configuration) -> Result<String, String> + Send + 'static,
    ) -> Result<(), RemoteError> {
        let failed =
            |reason: &dyn fmt::Display| RemoteError::new(exception::IO, reason.to_string());
        let mut state = self.state.lock();
        if state.is_running {
            return Err(failed(&"Another reconfiguration task is running."));
        }
        let own = Arc::clone(self);
        let work = move || {
            tracing::info!("Starting reconfiguration task.");
            let outcomes = own.change(&mut apply);
            let mut state = own.state.lock();
            state.outcomes = outcomes;
            state.ended = now();
            state.is_running = false;
        };
        let thread = std::thread::Builder::new().name("reconfiguration".to_owned());
        thread.spawn(work).map_err(|error| failed(&error))?;
        state.is_running = true;
        state.started = now();
        Ok(())
    }

    fn change(
        &self,
        apply: &mut impl FnMut(&str, &Configuration) -> Result<String, String>,
    ) -> Vec<Outcome> {
        let old = self.state.lock().conf.clone();
        let new = match old.reread() {
            Ok(new) => new,
            Err(error) => {
                tracing::error!(%error, "the configuration cannot be read again");
                let change = Change { name: "*".to_owned(), old: String::new(), new: None };
                return vec![Outcome { change, error: Some(error.to_string()) }];
            }
        };
        let mut outcomes = Vec::new();
        for change in old.changes(&new) {
            let name = change.name.as_str();
            if !self.names.contains(&name) {
                tracing::info!("Property {name} is not configurable: it needs a restart");
                continue;
            }
            let value = change.new.as_deref().unwrap_or("<default>");
            tracing::info!("Change property: {name} from \"{}\" to \"{value}\".", change.old);
            let error = match apply(name, &new) {
                Ok(effective) => {
                    let mut state = self.state.lock();
                    match change.new {
                        Some(_) => state.conf.put(name, &effective, &new),
                        None => state.conf.unset(name),
                    }
                    None
                }
                Err(error) => Some(error),
            };
            outcomes.push(Outcome { change, error });
        }
        outcomes
    }

    /// How the last change went, or that one is going on.
    #[must_use]
    pub fn status(&self) -> GetReconfigurationStatusResponseProto {
        let state = self.state.lock();
        let ended = !state.is_running && state.ended > 0;
        let outcomes = if ended { &state.outcomes[..] } else { &[] };
        let proto = |outcome: &Outcome| GetReconfigurationStatusConfigChangeProto {
            name: outcome.change.name.clone(),
            old_value: outcome.change.old.clone(),
            new_value: outcome.change.new.clone(),
            error_message: outcome.error.clone(),
        };
        GetReconfigurationStatusResponseProto {
            start_time: state.started,
            end_time: ended.then_some(state.ended),
            changes: outcomes.iter().map(proto).collect(),
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
