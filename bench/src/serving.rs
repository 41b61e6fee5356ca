//! Waits until a NameNode serves.

use std::time::Duration;

use loxodon_interop::site::Site;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_wire::proto::hdfs::{GetFileInfoRequestProto, GetFileInfoResponseProto};
use loxodon_wire::rpc::{UserIdentity, protocol};

use crate::Result;

const STEP: Duration = Duration::from_millis(5);

/// Asks for a file until the answer is there.
pub(crate) async fn until_served(site: &Site, path: &str) -> Result<()> {
    let server = ServerAddress::new("127.0.0.1", site.rpc_port());
    let user = UserIdentity::new(loxodon_interop::java::whoami()).into();
    let client = RpcClient::new(ClientSettings::default(), user);
    let request = GetFileInfoRequestProto { src: path.into() };
    loop {
        let answer: std::result::Result<GetFileInfoResponseProto, RpcError> = client
            .call(
                &server,
                &protocol::CLIENT_NAMENODE,
                "getFileInfo",
                &request,
                CallOptions::default(),
            )
            .await;
        match answer {
            Ok(answer) if answer.fs.is_some() => return Ok(()),
            Ok(_) => return Err(format!("{path} is not there").into()),
            // It does not listen yet, or listens and is still loading.
            Err(RpcError::Remote(error)) if !error.class.ends_with("RetriableException") => {
                return Err(error.to_string().into());
            }
            Err(_) => tokio::time::sleep(STEP).await,
        }
    }
}
