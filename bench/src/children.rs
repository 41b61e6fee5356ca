//! What a file costs in a directory of millions, beside one in an empty directory.

use std::time::Duration;

use loxodon_interop::site::Site;

use crate::daemon::{Daemon, Maker};
use crate::namenode_calls::{Load, Operation};
use crate::report::Table;
use crate::serving::until_served;
use crate::{Plan, Result, filled};

const CHILDREN: u64 = 10_000_000;
/// Java takes no more in one directory.
const JAVA_CHILDREN: u64 = 6_000_000;
const CLIENTS: usize = 16;
const CALLS: u64 = 40_000;
/// The first rounds warm Java's compiler up.
const ROUNDS: u64 = 3;
const SETTLE: Duration = Duration::from_secs(2);

/// Measures both makers, one after the other.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let mut cpu = Table::default();
    let runtime = tokio::runtime::Runtime::new()?;
    for maker in &plan.makers {
        let wanted = plan.size.unwrap_or(CHILDREN);
        let children = if *maker == Maker::Java { wanted.min(JAVA_CHILDREN) } else { wanted };
        let root = tempfile::tempdir()?;
        let site = Site::new(root.path())?;
        let limit = (children + 400_000).to_string();
        site.configure(&[("dfs.namenode.fs-limits.max-directory-items", &limit)])?;
        maker.format(&site)?;
        filled::write(&site, children, children)?;
        let daemon = maker.start(&site.conf(), "namenode", &root.path().join("log"))?;
        let large = filled::directory(0);
        runtime.block_on(until_served(&site, &large))?;
        println!("{maker:?}: {children} children");
        // The blocks of the image are nowhere: safe mode would never end by itself.
        runtime.block_on(crate::serving::leave_safe_mode(&site))?;
        std::thread::sleep(SETTLE);
        for (what, directory) in
            [("in an empty directory", "/empty"), ("among millions", large.as_str())]
        {
            runtime.block_on(one(*maker, &daemon, &site, what, directory, &mut cpu))?;
        }
    }
    cpu.print("NameNode CPU, µs a call", false);
    Ok(())
}

async fn one(
    maker: Maker,
    daemon: &Daemon,
    site: &Site,
    what: &str,
    directory: &str,
    cpu: &mut Table,
) -> Result<()> {
    let load = Load::connect(site, CLIENTS).await?;
    let operations =
        [("create and complete", Operation::CreateAndComplete), ("getFileInfo", Operation::Stat)];
    for round in 0..ROUNDS {
        for (name, operation) in operations {
            let before = daemon.cpu_seconds()?;
            let apart = CALLS / CLIENTS as u64;
            load.run_in(|_| directory.to_owned(), operation, round * CALLS, CALLS, apart).await?;
            if round + 1 == ROUNDS {
                let used = daemon.cpu_seconds()? - before;
                cpu.add(&format!("{name}, {what}"), maker, used * 1e6 / CALLS as f64);
            }
        }
    }
    Ok(())
}
