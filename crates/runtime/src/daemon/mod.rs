//! The daemons: each a machine, its disks, its sockets and its timers.

pub mod datanode;
pub mod history;
pub mod jobtracker;
pub mod log;
pub mod namenode;
mod refused;
pub mod tasktracker;
mod waiting;

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
