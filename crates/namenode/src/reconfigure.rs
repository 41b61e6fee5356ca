//! Settings that change while the NameNode runs (`NameNode.reconfigurePropertyImpl`).

use loxodon_conf::{ConfError, Configuration, keys};

use crate::machine::NameNode;
use crate::settings::{block_settings, namespace_settings};

/// The keys that [`NameNode::reconfigure`] knows.
pub static NAMES: &[&str] = &[
    keys::HEARTBEAT_INTERVAL.name,
    keys::HEARTBEAT_RECHECK_INTERVAL.name,
    keys::PROTECTED_DIRECTORIES.name,
    keys::REPLICATION_MAX_STREAMS.name,
    keys::REPLICATION_STREAMS_HARD_LIMIT.name,
    keys::REPLICATION_WORK_MULTIPLIER.name,
    keys::PLACEMENT.name,
    keys::INVALIDATE_LIMIT.name,
    keys::PENDING_TIMEOUT.name,
    keys::PEER_STATS.name,
    keys::SLOW_NODES_REPORTED.name,
    keys::MAX_DIRECTORY_ITEMS.name,
];

impl NameNode {
    /// Changes one of [`NAMES`] to what `conf` has, and nothing else of it.
    ///
    /// # Errors
    /// A value that does not parse or is out of its range; nothing is changed then.
    pub fn reconfigure(&mut self, name: &str, conf: &Configuration) -> Result<(), ConfError> {
        let is = |key: &loxodon_conf::Key| key.name == name;
        if is(&keys::PEER_STATS) || is(&keys::SLOW_NODES_REPORTED) {
            return self.slow_peers.configure(conf);
        }
        if is(&keys::PROTECTED_DIRECTORIES) || is(&keys::MAX_DIRECTORY_ITEMS) {
            let fresh = namespace_settings(conf, &self.namespace.settings().fs_owner)?;
            self.namespace.change_settings(|settings| {
                if is(&keys::PROTECTED_DIRECTORIES) {
                    settings.protected_directories = fresh.protected_directories;
                } else {
                    settings.max_directory_items = fresh.max_directory_items;
                }
            });
            return Ok(());
        }
        let fresh = block_settings(conf)?;
        self.blocks.change_settings(|settings| match name {
            name if name == keys::HEARTBEAT_INTERVAL.name => {
                settings.liveness.heartbeat = fresh.liveness.heartbeat;
            }
            name if name == keys::HEARTBEAT_RECHECK_INTERVAL.name => {
                settings.liveness.recheck = fresh.liveness.recheck;
            }
            name if name == keys::REPLICATION_MAX_STREAMS.name => {
                settings.max_streams = fresh.max_streams;
            }
            name if name == keys::REPLICATION_STREAMS_HARD_LIMIT.name => {
                settings.max_streams_hard = fresh.max_streams_hard;
            }
            name if name == keys::REPLICATION_WORK_MULTIPLIER.name => {
                settings.work_multiplier = fresh.work_multiplier;
            }
            name if name == keys::PLACEMENT.name => settings.placement = fresh.placement,
            name if name == keys::INVALIDATE_LIMIT.name => {
                settings.invalidate_limit = fresh.invalidate_limit;
            }
            name if name == keys::PENDING_TIMEOUT.name => {
                settings.pending_timeout = fresh.pending_timeout;
            }
            _ => {}
        });
        Ok(())
    }
}
