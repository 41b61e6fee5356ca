//! Waits until a NameNode serves.

use std::time::Duration;

use loxodon_interop::site::Site;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_wire::proto::hdfs::{
    GetFileInfoRequestProto, GetFileInfoResponseProto, SafeModeActionProto,
    SetSafeModeRequestProto, SetSafeModeResponseProto,
};
use loxodon_wire::rpc::{UserIdentity, protocol};

use crate::Result;

const STEP: Duration = Duration::from_millis(2);

/// Asks for a file until the answer is there.
pub(crate) async fn until_served(site: &Site, path: &str) -> Result<()> {
    let server = ServerAddress::new("127.0.0.1", site.rpc_port());
    let user = UserIdentity::new(loxodon_interop::java::whoami()).into();
    // It is asked again at once, not after the second that Hadoop's clients wait.
    let settings = ClientSettings { connect_retries: 0, ..ClientSettings::default() };
    let client = RpcClient::new(settings, user);
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

/// Ends safe mode, though blocks are missing.
pub(crate) async fn leave_safe_mode(site: &Site) -> Result<()> {
    let server = ServerAddress::new("127.0.0.1", site.rpc_port());
    let user = UserIdentity::new(loxodon_interop::java::whoami()).into();
    let client = RpcClient::new(ClientSettings::default(), user);
    let request = SetSafeModeRequestProto {
        action: SafeModeActionProto::SafemodeForceExit.into(),
        checked: None,
    };
    let options = CallOptions::default();
    let _: SetSafeModeResponseProto =
        client.call(&server, &protocol::CLIENT_NAMENODE, "setSafeMode", &request, options).await?;
    Ok(())
}
