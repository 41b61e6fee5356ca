//! What a call costs the NameNode: CPU of its process, and calls per second, from many clients.
//!
//! The load comes from the same generator for both makers. Rounds before the last two warm Java's
//! compiler up; the last one counts.

use std::sync::Arc;
use std::time::Instant;

use loxodon_interop::site::Site;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs::{
    CompleteRequestProto, CompleteResponseProto, CreateRequestProto, CreateResponseProto,
    DeleteRequestProto, DeleteResponseProto, FsPermissionProto, GetBlockLocationsRequestProto,
    GetBlockLocationsResponseProto, GetFileInfoRequestProto, GetFileInfoResponseProto,
    GetListingRequestProto, GetListingResponseProto, MkdirsRequestProto, MkdirsResponseProto,
    RenameRequestProto, RenameResponseProto,
};
use loxodon_wire::rpc::{UserIdentity, protocol};

use crate::daemon::{Daemon, Maker};
use crate::report::Table;
use crate::serving::until_served;
use crate::{Plan, Result};

const ROUNDS: usize = 4;
const CLIENTS: [usize; 2] = [16, 64];
const LISTED: u64 = 1000;

/// One kind of call in the load.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Mkdir,
    CreateAndComplete,
    Stat,
    Open,
    List,
    Rename,
    Delete,
}

const OPERATIONS: [(&str, Operation); 7] = [
    ("mkdirs", Operation::Mkdir),
    ("create and complete", Operation::CreateAndComplete),
    ("getFileInfo", Operation::Stat),
    ("getBlockLocations", Operation::Open),
    ("getListing of 1,000", Operation::List),
    ("rename", Operation::Rename),
    ("delete", Operation::Delete),
];

/// Measures both makers, one after the other.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let calls = plan.size.unwrap_or(100_000);
    let (mut cpu, mut rate) = (Table::default(), Table::default());
    let runtime = tokio::runtime::Runtime::new()?;
    for maker in &plan.makers {
        let root = tempfile::tempdir()?;
        let site = Site::new(root.path())?;
        site.configure(&[
            ("dfs.namenode.handler.count", "64"),
            ("dfs.permissions.enabled", "true"),
        ])?;
        let daemon = maker.namenode(&site, root.path())?;
        for clients in CLIENTS {
            runtime
                .block_on(one_maker(*maker, &daemon, &site, clients, calls, &mut cpu, &mut rate))?;
        }
    }
    cpu.print("NameNode CPU, µs a call", false);
    rate.print("calls a second", true);
    Ok(())
}

async fn one_maker(
    maker: Maker,
    daemon: &Daemon,
    site: &Site,
    clients: usize,
    calls: u64,
    cpu: &mut Table,
    rate: &mut Table,
) -> Result<()> {
    // Java's port answers before the NameNode does.
    until_served(site, "/").await?;
    let load = Load::connect(site, clients).await?;
    load.fill_listed_directory().await?;
    for round in 0..ROUNDS {
        for (name, operation) in OPERATIONS {
            let calls = if matches!(operation, Operation::List) { calls / 20 } else { calls };
            let (cpu_before, start) = (daemon.cpu_seconds()?, Instant::now());
            load.run(operation, round, calls).await?;
            let seconds = start.elapsed().as_secs_f64();
            let used = daemon.cpu_seconds()? - cpu_before;
            if round == ROUNDS - 1 {
                let what = format!("{name}, {clients} clients");
                cpu.add(&what, maker, used * 1e6 / calls as f64);
                rate.add(&what, maker, calls as f64 / seconds);
            }
        }
    }
    Ok(())
}

/// Clients with a connection each.
pub(crate) struct Load {
    clients: Vec<Arc<RpcClient>>,
    server: ServerAddress,
}

impl Load {
    pub(crate) async fn connect(site: &Site, count: usize) -> Result<Self> {
        let server = ServerAddress::new("127.0.0.1", site.rpc_port());
        let user = Arc::new(UserIdentity::new(loxodon_interop::java::whoami()));
        let clients = (0..count)
            .map(|_| Arc::new(RpcClient::new(ClientSettings::default(), user.clone())))
            .collect();
        Ok(Self { clients, server })
    }

    async fn fill_listed_directory(&self) -> Result<()> {
        let caller = Caller { client: self.clients[0].clone(), server: self.server.clone() };
        for i in 0..LISTED {
            caller.mkdirs(&format!("/listed/entry-with-a-name-{i:04}")).await?;
        }
        Ok(())
    }

    /// Each client in a directory of its own.
    async fn run(&self, operation: Operation, round: usize, calls: u64) -> Result<()> {
        let count = self.clients.len();
        let directory = |index| format!("/load-{count}-{round}/client-{index}");
        self.run_in(directory, operation, 0, calls, 0).await
    }

    /// So many calls in all; those of client `n` are numbered from `first + n * apart` on.
    pub(crate) async fn run_in(
        &self,
        directory: impl Fn(usize) -> String,
        operation: Operation,
        first: u64,
        calls: u64,
        apart: u64,
    ) -> Result<()> {
        let share = calls / self.clients.len() as u64;
        let mut tasks = Vec::new();
        for (index, client) in self.clients.iter().enumerate() {
            let caller = Caller { client: client.clone(), server: self.server.clone() };
            let directory = directory(index);
            let first = first + apart * index as u64;
            tasks.push(tokio::spawn(async move {
                for i in first..first + share {
                    caller.one(operation, &directory, i).await?;
                }
                Result::Ok(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        Ok(())
    }
}

struct Caller {
    client: Arc<RpcClient>,
    server: ServerAddress,
}

impl Caller {
    async fn one(&self, operation: Operation, directory: &str, i: u64) -> Result<()> {
        match operation {
            Operation::Mkdir => self.mkdirs(&format!("{directory}/d-{i}")).await,
            Operation::CreateAndComplete => self.create(&format!("{directory}/file-{i:014}")).await,
            Operation::Stat => {
                let request = GetFileInfoRequestProto { src: format!("{directory}/file-{i:014}") };
                let answer: GetFileInfoResponseProto = self.call("getFileInfo", &request).await?;
                answer.fs.map(drop).ok_or_else(|| "a file that was created is not there".into())
            }
            Operation::Open => {
                let request = GetBlockLocationsRequestProto {
                    src: format!("{directory}/file-{i:014}"),
                    offset: 0,
                    length: 1 << 20,
                };
                self.call::<_, GetBlockLocationsResponseProto>("getBlockLocations", &request)
                    .await
                    .map(drop)
            }
            Operation::List => {
                let request = GetListingRequestProto {
                    src: "/listed".into(),
                    start_after: bytes::Bytes::new(),
                    need_location: false,
                };
                let answer: GetListingResponseProto = self.call("getListing", &request).await?;
                let entries = answer.dir_list.map_or(0, |l| l.partial_listing.len() as u64);
                if entries == LISTED { Ok(()) } else { Err(format!("{entries} entries").into()) }
            }
            Operation::Rename => {
                let request = RenameRequestProto {
                    src: format!("{directory}/file-{i:014}"),
                    dst: format!("{directory}/moved-{i:013}"),
                };
                let answer: RenameResponseProto = self.call("rename", &request).await?;
                if answer.result { Ok(()) } else { Err("rename was refused".into()) }
            }
            Operation::Delete => {
                let request = DeleteRequestProto {
                    src: format!("{directory}/moved-{i:013}"),
                    recursive: false,
                };
                let answer: DeleteResponseProto = self.call("delete", &request).await?;
                if answer.result { Ok(()) } else { Err("delete was refused".into()) }
            }
        }
    }

    async fn mkdirs(&self, path: &str) -> Result<()> {
        let request = MkdirsRequestProto {
            src: path.into(),
            masked: FsPermissionProto { perm: 0o755 },
            create_parent: true,
            unmasked: None,
        };
        self.call::<_, MkdirsResponseProto>("mkdirs", &request).await.map(drop)
    }

    async fn create(&self, path: &str) -> Result<()> {
        let request = CreateRequestProto {
            src: path.into(),
            masked: FsPermissionProto { perm: 0o644 },
            client_name: "bench".into(),
            create_flag: 1,
            create_parent: true,
            replication: 3,
            block_size: 128 << 20,
            ..Default::default()
        };
        let answer: CreateResponseProto = self.call("create", &request).await?;
        let request = CompleteRequestProto {
            src: path.into(),
            client_name: "bench".into(),
            last: None,
            file_id: answer.fs.and_then(|f| f.file_id),
        };
        self.call::<_, CompleteResponseProto>("complete", &request).await.map(drop)
    }

    async fn call<Q, A>(&self, method: &str, request: &Q) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        Ok(self
            .client
            .call(&self.server, &protocol::CLIENT_NAMENODE, method, request, CallOptions::default())
            .await?)
    }
}
