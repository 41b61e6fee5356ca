//! Lists a directory with its blocks and checksums:
//! `cargo run -p loxodon-client --example tree -- hdfs://localhost:9000 /directory`.

use loxodon_client::{Client, UserIdentity};
use loxodon_conf::Configuration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, path] = arguments.as_slice() else { return Err("usage: tree URI DIRECTORY".into()) };
    let user = UserIdentity::new(std::env::var("USER").unwrap_or_else(|_| "root".into()));
    let client = Client::connect(&Configuration::new(), uri, user)?;

    let mut listing = client.list_located(path);
    while let Some(status) = listing.next().await? {
        println!("{:o} {} {} {}", status.permission, status.owner, status.length, status.name);
        let blocks = status.blocks.iter().flat_map(|located| &located.blocks);
        for block in blocks {
            let nodes: Vec<_> =
                block.locations.iter().map(|at| at.datanode.transfer_address()).collect();
            println!("  {} at {}: {}", block.block, block.offset, nodes.join(" "));
        }
        if status.is_file() {
            let full = format!("{}/{}", path.trim_end_matches('/'), status.name);
            if let Some(sum) = client.file_checksum(&full, None).await? {
                let hex: String = sum.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                println!("  {} {hex}", sum.algorithm);
            }
        }
    }
    Ok(())
}
