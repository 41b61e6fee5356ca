//! How long an image takes: from the start of the process until it serves, and to be saved.

use std::time::Instant;

use loxodon_interop::site::Site;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs::{
    SafeModeActionProto, SaveNamespaceRequestProto, SaveNamespaceResponseProto,
    SetSafeModeRequestProto, SetSafeModeResponseProto,
};
use loxodon_wire::rpc::{UserIdentity, protocol};

use crate::report::Table;
use crate::serving::until_served;
use crate::{Plan, Result, filled};

const FILES: u64 = 1_000_000;

/// Measures both makers, one after the other.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let files = plan.size.unwrap_or(FILES);
    let (mut wall, mut cpu) = (Table::default(), Table::default());
    let runtime = tokio::runtime::Runtime::new()?;
    for maker in &plan.makers {
        let root = tempfile::tempdir()?;
        let site = Site::new(root.path())?;
        maker.format(&site)?;
        filled::write(&site, files, filled::PER_DIRECTORY)?;
        let start = Instant::now();
        let daemon = maker.start(&site.conf(), "namenode", &root.path().join("log"))?;
        runtime.block_on(until_served(&site, &filled::path(files - 1)))?;
        wall.add("load, until it serves", *maker, start.elapsed().as_secs_f64());
        let loaded = daemon.cpu_seconds()?;
        cpu.add("load, until it serves", *maker, loaded);
        // The second one counts: Java's compiler is warm then.
        for round in 0..2 {
            let (before, start) = (daemon.cpu_seconds()?, Instant::now());
            runtime.block_on(save(&site))?;
            if round == 1 {
                wall.add("saveNamespace", *maker, start.elapsed().as_secs_f64());
                cpu.add("saveNamespace", *maker, daemon.cpu_seconds()? - before);
            }
        }
    }
    wall.print("seconds", false);
    cpu.print("CPU seconds", false);
    Ok(())
}

async fn save(site: &Site) -> Result<()> {
    let server = ServerAddress::new("127.0.0.1", site.rpc_port());
    let user = UserIdentity::new(loxodon_interop::java::whoami()).into();
    let client = RpcClient::new(ClientSettings::default(), user);
    let protocol = &protocol::CLIENT_NAMENODE;
    let request = SetSafeModeRequestProto {
        action: SafeModeActionProto::SafemodeEnter.into(),
        checked: None,
    };
    let _: SetSafeModeResponseProto =
        client.call(&server, protocol, "setSafeMode", &request, CallOptions::default()).await?;
    let request = SaveNamespaceRequestProto::default();
    let options = CallOptions { timeout: None, ..CallOptions::default() };
    let _: SaveNamespaceResponseProto =
        client.call(&server, protocol, "saveNamespace", &request, options).await?;
    Ok(())
}
