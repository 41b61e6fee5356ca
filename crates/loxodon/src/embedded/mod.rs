//! Clusters inside this process: `minicluster` and `demo`.

pub(crate) mod demo;
pub(crate) mod minicluster;
mod site_file;
mod words;

use tokio::runtime::{Builder, Runtime};

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}
