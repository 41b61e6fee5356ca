//! Stores a local file:
//! `cargo run -p loxodon-client --example put -- hdfs://localhost:9000 FILE /target [key=value...]`.

use loxodon_client::{Client, CreateOptions, UserIdentity};
use loxodon_conf::Configuration;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, source, target, rest @ ..] = arguments.as_slice() else {
        return Err("usage: put URI FILE TARGET [KEY=VALUE...]".into());
    };
    let mut conf = Configuration::new();
    for setting in rest {
        let (key, value) = setting.split_once('=').ok_or("a setting is KEY=VALUE")?;
        conf.set(key, value, "command line");
    }
    let user = UserIdentity::new(std::env::var("USER").unwrap_or_else(|_| "root".into()));
    let client = Client::connect(&conf, uri, user)?;

    let mut file = client.create(target, CreateOptions::default().overwrite(true)).await?;
    let mut input = tokio::fs::File::open(source).await?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = input.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).await?;
    }
    file.close().await?;
    println!("{} bytes in {target}", file.position());
    Ok(())
}
