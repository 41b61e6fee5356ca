//! Configuration, turned once into typed values.

use std::time::Duration;

use loxodon_conf::{ConfError, Configuration, Key, keys};
use loxodon_rpc::client::ClientSettings;

use crate::error::{Error, Result as ClientResult};

/// When a failed DataNode of a pipeline is replaced (`ReplaceDatanodeOnFailure.Policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplacePolicy {
    /// The feature is switched off on this client.
    Disabled,
    /// Not at all.
    Never,
    /// With three replicas or more: when half are lost, or the data was flushed or appended.
    Default,
    /// Whenever one is lost.
    Always,
}

/// How file checksums are combined (`dfs.checksum.combine.mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumCombine {
    /// MD5 of each block's MD5 of its checksums: depends on block and chunk sizes.
    #[default]
    Md5Md5Crc,
    /// The checksum of the file's bytes, whatever its blocks.
    CompositeCrc,
}

/// What the client takes from its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `dfs.blocksize`, in bytes.
    pub(crate) block_size: u64,
    /// `dfs.replication`.
    pub(crate) replication: u16,
    /// `dfs.client-write-packet-size`, in bytes.
    pub(crate) packet_size: usize,
    /// `dfs.client.write.max-packets-in-flight`.
    pub(crate) max_packets: usize,
    /// `dfs.bytes-per-checksum`.
    pub(crate) bytes_per_checksum: u32,
    /// `dfs.checksum.type`, as `ChecksumTypeProto` numbers it.
    pub(crate) checksum_type: i32,
    /// `dfs.checksum.combine.mode`.
    pub(crate) checksum_combine: ChecksumCombine,
    /// `dfs.client.socket-timeout`; zero waits for ever.
    pub(crate) socket_timeout: Duration,
    /// `dfs.datanode.socket.write.timeout`; zero waits for ever.
    pub(crate) write_timeout: Duration,
    /// `dfs.client.socketcache.capacity`.
    pub(crate) peer_cache_capacity: usize,
    /// `dfs.client.socketcache.expiryMsec`.
    pub(crate) peer_cache_expiry: Duration,
    /// `dfs.client.use.datanode.hostname`.
    pub(crate) use_datanode_hostname: bool,
    /// `dfs.client.max.block.acquire.failures`.
    pub(crate) max_block_acquire_failures: u32,
    /// `dfs.client.retry.window.base`.
    pub(crate) retry_window: Duration,
    /// `dfs.client.read.prefetch.size`, in bytes; `None` means ten blocks.
    pub(crate) prefetch_size: Option<u64>,
    /// `dfs.client.retry.times.get-last-block-length`.
    pub(crate) last_block_length_retries: u32,
    /// `dfs.client.retry.interval-ms.get-last-block-length`.
    pub(crate) last_block_length_interval: Duration,
    /// `dfs.client.hedged.read.threadpool.size`; 0 switches hedging off.
    pub(crate) hedged_reads: usize,
    /// `dfs.client.hedged.read.threshold.millis`.
    pub(crate) hedged_threshold: Duration,
    /// `dfs.client.cache.drop.behind.reads`.
    pub(crate) drop_behind_reads: Option<bool>,
    /// `dfs.client.cache.drop.behind.writes`.
    pub(crate) drop_behind_writes: Option<bool>,
    /// `dfs.client.cache.readahead`, in bytes.
    pub(crate) readahead: Option<i64>,
    /// `dfs.client.read.use.cache.priority`.
    pub(crate) prefer_cached: bool,
    /// `dfs.client.block.write.retries`.
    pub(crate) block_write_retries: u32,
    /// `dfs.client.block.write.locateFollowingBlock.retries`.
    pub(crate) locate_retries: u32,
    /// `dfs.client.block.write.locateFollowingBlock.initial.delay.ms`.
    pub(crate) locate_delay: Duration,
    /// `dfs.client.block.write.locateFollowingBlock.max.delay.ms`.
    pub(crate) locate_delay_max: Duration,
    /// `dfs.client.write.exclude.nodes.cache.expiry.interval.millis`.
    pub(crate) excluded_expiry: Duration,
    /// `dfs.client.pipeline.recovery.max-retries`.
    pub(crate) recovery_retries: u32,
    /// `dfs.client.datanode-restart.timeout`.
    pub(crate) restart_timeout: Duration,
    /// `dfs.client.block.write.replace-datanode-on-failure.{enable,policy}`.
    pub(crate) replace_policy: ReplacePolicy,
    /// `...replace-datanode-on-failure.best-effort`.
    pub(crate) replace_best_effort: bool,
    /// `...replace-datanode-on-failure.min-replication`.
    pub(crate) replace_min_replication: usize,
    /// `dfs.client.mark.slownode.as.badnode.threshold`; 0 switches it off.
    pub(crate) slow_node_threshold: u32,
    /// `dfs.client.write.recover.lease.on.close.exception`.
    pub(crate) recover_lease_on_close: bool,
    /// `fs.permissions.umask-mode`.
    pub(crate) umask: u16,
    /// `dfs.namenode.lease-hard-limit-sec`.
    pub(crate) lease_hard_limit: Duration,
    /// `dfs.user.home.dir.prefix`.
    pub(crate) home_prefix: String,
    /// `ipc.client.*`.
    pub(crate) rpc: ClientSettings,
    /// `dfs.client.server-defaults.validity.period.ms`.
    pub(crate) server_defaults_validity: Duration,
    /// `dfs.client.failover.connection.retries`.
    pub(crate) failover_connect_retries: u32,
    /// `dfs.client.failover.connection.retries.on.timeouts`.
    pub(crate) failover_connect_retries_on_timeout: u32,
    /// `dfs.client.failover.max.attempts`.
    pub(crate) max_failovers: u32,
    /// `dfs.client.retry.max.attempts`.
    pub(crate) max_retries: u32,
    /// `dfs.client.failover.random.order`.
    pub(crate) failover_random_order: bool,
    /// `dfs.client.failover.sleep.base.millis`.
    pub(crate) failover_sleep_base: Duration,
    /// `dfs.client.failover.sleep.max.millis`.
    pub(crate) failover_sleep_max: Duration,
    /// `dfs.client.retry.policy.spec`, empty unless `dfs.client.retry.policy.enabled`.
    pub(crate) linear_retries: Vec<(Duration, u32)>,
}

impl Settings {
    /// Reads and checks every key.
    pub(crate) fn from_configuration(conf: &Configuration) -> ClientResult<Self> {
        Self::read(conf).map_err(Error::from)?.checked(conf)
    }

    fn read(conf: &Configuration) -> Result<Self, ConfError> {
        let small = |key: &Key| {
            conf.int_in(key, 0..=i64::from(i32::MAX)).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
        };
        let linear_retries = if conf.bool(&keys::CLIENT_RETRY_POLICY)? {
            linear(&conf.list(&keys::CLIENT_RETRY_SPEC)?)
        } else {
            Vec::new()
        };
        Ok(Self {
            block_size: conf.bytes(&keys::BLOCKSIZE)?,
            replication: u16::try_from(conf.int_in(&keys::REPLICATION, 1..=32767)?).unwrap_or(3),
            packet_size: usize::try_from(conf.bytes(&keys::CLIENT_PACKET_SIZE)?)
                .unwrap_or(usize::MAX),
            max_packets: conf.count(&keys::CLIENT_MAX_PACKETS)?.max(1),
            bytes_per_checksum: small(&keys::BYTES_PER_CHECKSUM)?,
            checksum_type: checksum_type(conf)?,
            checksum_combine: match conf
                .choice(&keys::CHECKSUM_COMBINE, &["MD5MD5CRC", "COMPOSITE_CRC"])?
            {
                0 => ChecksumCombine::Md5Md5Crc,
                _ => ChecksumCombine::CompositeCrc,
            },
            socket_timeout: conf.time(&keys::CLIENT_SOCKET_TIMEOUT)?,
            write_timeout: conf.time(&keys::SOCKET_WRITE_TIMEOUT)?,
            peer_cache_capacity: conf.count(&keys::SOCKET_CACHE_CAPACITY)?,
            peer_cache_expiry: conf.time(&keys::SOCKET_CACHE_EXPIRY)?,
            use_datanode_hostname: conf.bool(&keys::CLIENT_USE_HOSTNAME)?,
            max_block_acquire_failures: small(&keys::CLIENT_ACQUIRE_FAILURES)?,
            retry_window: conf.time(&keys::CLIENT_RETRY_WINDOW)?,
            prefetch_size: match conf.text(&keys::CLIENT_PREFETCH)? {
                Some(_) => Some(conf.bytes(&keys::CLIENT_PREFETCH)?),
                None => None,
            },
            last_block_length_retries: small(&keys::LAST_BLOCK_LENGTH_RETRIES)?,
            last_block_length_interval: conf.time(&keys::LAST_BLOCK_LENGTH_INTERVAL)?,
            hedged_reads: conf.count(&keys::HEDGED_READ_THREADS)?.min(MAX_HEDGED_READS),
            hedged_threshold: conf.time(&keys::HEDGED_READ_THRESHOLD)?,
            drop_behind_reads: optional_bool(conf, &keys::CLIENT_DROP_READS)?,
            drop_behind_writes: optional_bool(conf, &keys::CLIENT_DROP_WRITES)?,
            readahead: match conf.text(&keys::CLIENT_READAHEAD)? {
                Some(_) => Some(conf.size(&keys::CLIENT_READAHEAD)?),
                None => None,
            },
            prefer_cached: conf.bool(&keys::CLIENT_CACHE_PRIORITY)?,
            block_write_retries: small(&keys::CLIENT_WRITE_RETRIES)?,
            locate_retries: small(&keys::CLIENT_LOCATE_RETRIES)?,
            locate_delay: conf.time(&keys::CLIENT_LOCATE_DELAY)?,
            locate_delay_max: conf.time(&keys::CLIENT_LOCATE_MAX_DELAY)?,
            excluded_expiry: conf.time(&keys::EXCLUDED_EXPIRY)?,
            recovery_retries: small(&keys::CLIENT_PIPELINE_RETRIES)?,
            restart_timeout: conf.time(&keys::DATANODE_RESTART_TIMEOUT)?,
            replace_policy: replace_policy(conf)?,
            replace_best_effort: conf.bool(&keys::REPLACE_DATANODE_BEST_EFFORT)?,
            replace_min_replication: conf.count(&keys::REPLACE_DATANODE_MIN)?,
            slow_node_threshold: small(&keys::CLIENT_SLOW_NODE_THRESHOLD)?,
            recover_lease_on_close: conf.bool(&keys::CLIENT_RECOVER_LEASE)?,
            umask: 0,
            lease_hard_limit: conf.time(&keys::LEASE_HARD_LIMIT)?,
            home_prefix: conf.text(&keys::HOME_PREFIX)?.unwrap_or_else(|| "/user".into()),
            rpc: ClientSettings::from_conf(conf)?,
            server_defaults_validity: conf.time(&keys::SERVER_DEFAULTS_VALIDITY)?,
            failover_connect_retries: small(&keys::FAILOVER_CONNECTION_RETRIES)?,
            failover_connect_retries_on_timeout: small(
                &keys::FAILOVER_CONNECTION_RETRIES_ON_TIMEOUTS,
            )?,
            max_failovers: small(&keys::FAILOVER_MAX_ATTEMPTS)?,
            max_retries: small(&keys::CLIENT_MAX_RETRIES)?,
            failover_random_order: conf.bool(&keys::FAILOVER_RANDOM_ORDER)?,
            failover_sleep_base: conf.time(&keys::FAILOVER_SLEEP_BASE)?,
            failover_sleep_max: conf.time(&keys::FAILOVER_SLEEP_MAX)?,
            linear_retries,
        })
    }

    /// What may be said for one nameservice alone (`AbstractNNFailoverProxyProvider`).
    pub(crate) fn of_nameservice(&mut self, conf: &Configuration, name: &str) -> ClientResult<()> {
        let key = &keys::FAILOVER_RANDOM_ORDER;
        if let Some(text) = conf.suffixed(key, &[name]).map_err(Error::from)? {
            self.failover_random_order = match text.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => {
                    return Err(Error::Configuration(format!(
                        "{}.{name} is {text:?}, which is not true or false",
                        key.name
                    )));
                }
            };
        }
        Ok(())
    }

    /// What no single key's kind can tell.
    fn checked(mut self, conf: &Configuration) -> ClientResult<Self> {
        let text = conf.text(&keys::UMASK).map_err(Error::from)?.unwrap_or_default();
        self.umask = parse_umask(&text).ok_or_else(|| {
            Error::Configuration(format!(
                "Unable to parse configuration fs.permissions.umask-mode with value {text} as octal or symbolic umask."
            ))
        })?;
        if !(512..=MAX_PACKET_SIZE).contains(&self.packet_size) {
            return Err(Error::Configuration(format!(
                "dfs.client-write-packet-size ({}) must be between 512 and {MAX_PACKET_SIZE}",
                self.packet_size
            )));
        }
        Ok(self)
    }
}

/// `PacketReceiver.MAX_PACKET_SIZE`: more, and a DataNode hangs up.
const MAX_PACKET_SIZE: usize = 16 * 1024 * 1024;
/// More reads at once than this would only queue at the DataNodes.
const MAX_HEDGED_READS: usize = 4096;

fn checksum_type(conf: &Configuration) -> Result<i32, ConfError> {
    let index = conf.choice(&keys::CHECKSUM_TYPE, &["NULL", "CRC32", "CRC32C"])?;
    Ok(i32::try_from(index).unwrap_or(0))
}

fn optional_bool(conf: &Configuration, key: &Key) -> Result<Option<bool>, ConfError> {
    match conf.text(key)? {
        Some(_) => conf.bool(key).map(Some),
        None => Ok(None),
    }
}

fn replace_policy(conf: &Configuration) -> Result<ReplacePolicy, ConfError> {
    if !conf.bool(&keys::REPLACE_DATANODE)? {
        return Ok(ReplacePolicy::Disabled);
    }
    let names = ["NEVER", "DEFAULT", "ALWAYS"];
    Ok(match conf.choice(&keys::REPLACE_DATANODE_POLICY, &names)? {
        0 => ReplacePolicy::Never,
        1 => ReplacePolicy::Default,
        _ => ReplacePolicy::Always,
    })
}

/// `MultipleLinearRandomRetry.parseCommaSeparatedString`; what does not parse counts for nothing.
fn linear(spec: &[String]) -> Vec<(Duration, u32)> {
    spec.chunks_exact(2)
        .map_while(|pair| {
            let [pause, count] = pair else { return None };
            let pause = pause.trim().parse::<u32>().ok().filter(|pause| *pause > 0)?;
            let count = count.trim().parse::<u32>().ok().filter(|count| *count > 0)?;
            Some((Duration::from_millis(pause.into()), count))
        })
        .collect()
}

/// `022`, or what stays allowed as `u=rwx,g=rx,o=` (`UmaskParser`).
fn parse_umask(text: &str) -> Option<u16> {
    let text = text.trim();
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return u16::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o1777);
    }
    let mut allowed = 0o777_u16;
    for clause in text.split(',') {
        let (who, what) = clause.trim().split_once('=')?;
        let bits = what.chars().try_fold(0_u16, |bits, right| {
            Some(
                bits | match right {
                    'r' => 4,
                    'w' => 2,
                    'x' => 1,
                    _ => return None,
                },
            )
        })?;
        for class in if who.is_empty() { "ugo" } else { who }.chars() {
            let shifts: &[u16] = match class {
                'u' => &[6],
                'g' => &[3],
                'o' => &[0],
                'a' => &[6, 3, 0],
                _ => return None,
            };
            for shift in shifts {
                allowed = (allowed & !(7 << shift)) | (bits << shift);
            }
        }
    }
    Some(!allowed & 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_hadoops() {
        let settings = Settings::from_configuration(&Configuration::new()).unwrap();
        assert_eq!(settings.block_size, 128 << 20);
        assert_eq!(settings.packet_size, 65536);
        assert_eq!(settings.replace_policy, ReplacePolicy::Default);
        assert_eq!(settings.umask, 0o022);
        assert_eq!(settings.checksum_type, 2);
        assert_eq!(settings.socket_timeout, Duration::from_secs(60));
        assert_eq!(settings.rpc.connect_retries_on_timeout, 45);
        assert!(settings.linear_retries.is_empty());
        assert_eq!(settings.prefetch_size, None);
    }

    #[test]
    fn umask_is_octal_or_symbolic() {
        assert_eq!(parse_umask("027"), Some(0o027));
        assert_eq!(parse_umask("u=rwx,g=rx,o="), Some(0o027));
        assert_eq!(parse_umask("a=rx"), Some(0o222));
        for wrong in ["9", "u=q", "z=r", "77777", "u"] {
            assert_eq!(parse_umask(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (key, value) in [
            ("fs.permissions.umask-mode", "x"),
            ("dfs.client-write-packet-size", "100"),
            ("dfs.checksum.type", "MD5"),
            ("dfs.client.block.write.replace-datanode-on-failure.policy", "SOMETIMES"),
        ] {
            let mut conf = Configuration::new();
            conf.set(key, value, "test");
            let error = Settings::from_configuration(&conf).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn retry_specification_is_pairs() {
        let mut conf = Configuration::new();
        conf.set("dfs.client.retry.policy.enabled", "true", "test");
        let settings = Settings::from_configuration(&conf).unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(settings.linear_retries, [(seconds(10), 6), (seconds(60), 10)]);
    }
}
