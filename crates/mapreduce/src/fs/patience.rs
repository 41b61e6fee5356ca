//! Waiting for an HDFS that does not answer for a while.

use loxodon_conf::Configuration;

const ENABLED: &str = "dfs.client.retry.policy.enabled";
const SPEC: &str = "dfs.client.retry.policy.spec";
/// Half a minute in which it is asked often, then about ten minutes in which it is asked now and then.
const ASKED: &str = "1000,30,5000,114";

/// Makes clients of a single NameNode wait where it is away or in safe mode, unless the configuration says whether
/// they do: a task that failed at once would fail its job within seconds.
pub fn wait_for_hdfs(conf: &mut Configuration) {
    if conf.entries().any(|(name, _)| name == ENABLED) {
        return;
    }
    conf.set(ENABLED, "true", "tasks wait for HDFS");
    if !conf.entries().any(|(name, _)| name == SPEC) {
        conf.set(SPEC, ASKED, "tasks wait for HDFS");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_stays() {
        let mut conf = Configuration::new();
        conf.set(ENABLED, "false", "test");
        wait_for_hdfs(&mut conf);
        assert_eq!(conf.get(ENABLED).unwrap().as_deref(), Some("false"));
        let mut conf = Configuration::new();
        conf.set(SPEC, "10,1", "test");
        wait_for_hdfs(&mut conf);
        assert_eq!(conf.get(ENABLED).unwrap().as_deref(), Some("true"));
        assert_eq!(conf.get(SPEC).unwrap().as_deref(), Some("10,1"));
    }
}
