//! Ctrl-C while a job of a cluster is followed: the job goes on, and its user is told so.

use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// What a shell says of who was ended by this signal.
const EXIT: i32 = 130;

#[derive(Debug, Default)]
struct State {
    /// Jobs that are followed.
    followed: usize,
    /// How often it was pressed.
    pressed: u64,
}

static STATE: Mutex<State> = Mutex::new(State { followed: 0, pressed: 0 });
static PRESSED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    // Two numbers are right however their last user ended.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives, Ctrl-C does not end the process.
#[derive(Debug)]
pub(super) struct Watch {
    before: u64,
}

impl Watch {
    /// Watches from now on.
    pub(super) fn new() -> Self {
        static LISTENS: Once = Once::new();
        LISTENS.call_once(listen);
        let mut state = state();
        state.followed = state.followed.saturating_add(1);
        Self { before: state.pressed }
    }

    /// Waits, but no longer than until Ctrl-C is pressed; whether it was.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let waited = PRESSED.wait_timeout_while(state(), pause, |s| s.pressed == self.before);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.pressed != self.before
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = state();
        state.followed = state.followed.saturating_sub(1);
    }
}

/// From now on the process hears of Ctrl-C itself: where nothing is followed it ends, as it would have.
fn listen() {
    let heard = || {
        let mut state = state();
        if state.followed == 0 {
            std::process::exit(EXIT);
        }
        state.pressed = state.pressed.saturating_add(1);
        PRESSED.notify_all();
    };
    let listening = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Without one, Ctrl-C ends the process as ever.
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                heard();
            }
        });
    };
    if let Err(error) = thread::Builder::new().name("ctrl-c".into()).spawn(listening) {
        tracing::debug!("Ctrl-C ends the process: {error}");
    }
}
