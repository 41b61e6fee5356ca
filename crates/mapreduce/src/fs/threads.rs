//! The threads that carry `hdfs:` data.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime that ends in the background: whoever drops the last file system may be a task of
/// another runtime, where nothing may wait.
#[derive(Debug)]
pub struct FsThreads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl FsThreads {
    /// Starts so many threads.
    ///
    /// # Errors
    /// The operating system gives none.
    pub fn start(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("fs")
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl std::ops::Deref for FsThreads {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for FsThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_one_may_go_within_a_task() {
        let threads = FsThreads::start(1).unwrap();
        assert_eq!(threads.spawn(async { 2 }).await.unwrap(), 2);
        drop(threads);
    }
}
