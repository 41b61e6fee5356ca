//! The daemons: each a machine, its disks, its sockets and its timers.

use loxodon_console::eprintln;

mod address;
pub mod datanode;
mod datanode_beans;
pub mod history;
pub mod jobtracker;
pub mod log;
pub mod namenode;
mod refused;
mod services;
pub mod tasktracker;
mod waiting;

pub use address::AddressError;

/// The name of the user that this process runs as.
#[must_use]
pub fn process_user() -> String {
    std::env::var("HADOOP_USER_NAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| {
        let uid = uzers::get_effective_uid();
        uzers::get_user_by_uid(uid)
            .map_or_else(|| uid.to_string(), |user| user.name().to_string_lossy().into_owned())
    })
}

/// This machine's name.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Runs a daemon that takes no arguments until it is told to end; the process's exit code. `name` is as people call
/// it, `usage` what is printed where there are arguments. Messages go to standard error.
fn run_until_told<D, E: std::fmt::Display>(
    name: &str,
    usage: &str,
    args: &[String],
    start: impl Future<Output = Result<D, E>>,
) -> i32 {
    if !args.is_empty() {
        eprintln!("Usage: {usage}");
        return 255;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Cannot start the {name}: {error}");
            return 1;
        }
    };
    let code = runtime.block_on(async {
        let mut told = std::pin::pin!(told_to_end());
        let started = tokio::select! {
            started = start => started,
            () = &mut told => return 0,
        };
        match started {
            Ok(daemon) => {
                told.await;
                drop(daemon);
                0
            }
            Err(error) => {
                tracing::error!("{error}");
                eprintln!("Cannot start the {name}: {error}");
                1
            }
        }
    });
    runtime.shutdown_background();
    code
}

/// Waits for SIGTERM or SIGINT. From the call on, not from the first poll, the signals do not end
/// the process by themselves.
pub fn told_to_end() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let handlers = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut terminate), Ok(mut interrupt)) = handlers else {
            // Without handlers the signals end the process as ever.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
