//! `namenode -format`: a new, empty file system.

use std::io::{self, BufRead, Write};
use std::net::UdpSocket;

use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprint, eprintln, println};
use loxodon_journal::version::StorageInfo;
use loxodon_namenode::settings::namespace_settings;
use loxodon_namespace::Namespace;
use loxodon_wire::editlog::LAYOUT_VERSION;
use loxodon_wire::ids::TxId;

use super::clock::wall;
use super::{StartError, directories, image, owner};
use crate::disk::StorageSet;

/// What `-format` was told.
#[derive(Clone, Debug, Default)]
pub struct FormatOptions {
    /// `-clusterid`: joins a cluster that exists.
    pub cluster_id: Option<String>,
    /// `-force`: does not ask.
    pub force: bool,
    /// `-nonInteractive`: does not ask, and gives up where it would have to.
    pub non_interactive: bool,
}

/// Formats the configured directories. False where that was declined.
///
/// # Errors
/// A directory that cannot be written, or a configuration that does not parse.
pub fn format(conf: &Configuration, options: &FormatOptions) -> Result<bool, StartError> {
    if !conf.bool(&keys::SUPPORT_FORMAT)? {
        return Err(StartError::FormatForbidden);
    }
    let settings = directories::configured(conf)?;
    let occupied = StorageSet::occupied(&settings);
    if !options.force && !occupied.is_empty() {
        for path in &occupied {
            if options.non_interactive {
                eprintln!(
                    "Running in non-interactive mode, and data appears to exist in Storage \
                     Directory {}. Not formatting.",
                    path.display()
                );
                return Ok(false);
            }
            let question =
                format!("Re-format filesystem in Storage Directory {} ?", path.display());
            if !confirmed(&question) {
                eprintln!("Format aborted in Storage Directory {}", path.display());
                return Ok(false);
            }
        }
    }
    let now = wall();
    let cluster_id = match &options.cluster_id {
        Some(id) => id.clone(),
        None => new_cluster_id(),
    };
    println!("Formatting using clusterid: {cluster_id}");
    let info = StorageInfo {
        namespace_id: fastrand::i32(1..i32::MAX),
        cluster_id,
        c_time: now.0.cast_signed(),
        block_pool_id: format!("BP-{}-{}-{}", fastrand::i32(0..i32::MAX), own_address(), now.0),
        layout_version: LAYOUT_VERSION,
    };
    let storage = StorageSet::format(settings, info, &owner(), directories::max_op_size(conf)?)?;
    let user = crate::daemon::process_user();
    let namespace = Namespace::new(namespace_settings(conf, &user)?);
    image::save(&storage, &namespace, TxId(0), image::compression(conf)?)?;
    Ok(true)
}

/// The name of a cluster that is new (`NNStorage.newClusterID`).
pub(super) fn new_cluster_id() -> String {
    format!("CID-{}", uuid::Uuid::new_v4())
}

pub(super) fn confirmed(question: &str) -> bool {
    loop {
        eprint!("{question} (Y or N) ");
        let _ = io::stderr().flush();
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) => match line.trim() {
                yes if ["y", "yes"].iter().any(|it| yes.eq_ignore_ascii_case(it)) => return true,
                no if ["n", "no"].iter().any(|it| no.eq_ignore_ascii_case(it)) => return false,
                _ => eprintln!("Invalid input: {}", line.trim()),
            },
        }
    }
}

/// This machine's address, as part of the block pool's name.
fn own_address() -> String {
    let found = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        // Nothing is sent: connecting alone chooses the address.
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    found.map_or_else(|_| "127.0.0.1".to_owned(), |address| address.ip().to_string())
}
