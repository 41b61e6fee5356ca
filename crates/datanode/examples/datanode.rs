//! Runs one DataNode: `datanode HOST:PORT DIRECTORY [TRANSFER-PORT]`.

use loxodon_datanode::{DataNode, DataNodeSettings, StorageLocation};
use loxodon_rpc::client::ServerAddress;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let namenode = words.next().ok_or("the NameNode's HOST:PORT is missing")?;
    let (host, port) = namenode.rsplit_once(':').ok_or("the NameNode's port is missing")?;
    let location = StorageLocation::parse(&words.next().ok_or("the directory is missing")?)?;
    let mut settings =
        DataNodeSettings::local(vec![location], ServerAddress::new(host, port.parse()?));
    if let Some(port) = words.next() {
        settings.address.set_port(port.parse()?);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let datanode = DataNode::start(settings).await?;
        datanode.registered().await?;
        println!("registered, transfers at {}", datanode.transfer_address());
        tokio::select! {
            reason = datanode.ended() => println!("ended: {reason}"),
            _ = tokio::signal::ctrl_c() => {}
        }
        datanode.shutdown().await;
        Ok(())
    })
}
