//! Prints a file: `cargo run -p loxodon-client --example cat -- hdfs://localhost:9000 /file`.

use std::io::Write;

use loxodon_client::{Client, UserIdentity};
use loxodon_conf::Configuration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, path] = arguments.as_slice() else { return Err("usage: cat URI FILE".into()) };
    let user = UserIdentity::new(std::env::var("USER").unwrap_or_else(|_| "root".into()));
    let client = Client::connect(&Configuration::new(), uri, user)?;

    let mut file = client.open(path).await?;
    let mut output = std::io::stdout().lock();
    loop {
        let bytes = file.read_bytes(1 << 20).await?;
        if bytes.is_empty() {
            break;
        }
        output.write_all(&bytes)?;
    }
    output.flush()?;
    Ok(())
}
