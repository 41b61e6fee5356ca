//! A configuration file that somebody else wrote, and every kind of value in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_conf::{Configuration, keys};

fuzz_target!(|text: &str| {
    let mut conf = Configuration::new();
    if conf.load_foreign("job.xml", text).is_err() {
        return;
    }
    let _ = conf.notices();
    for key in keys::all() {
        let _ = conf.get(key.name);
    }
    let _ = conf.bytes(&keys::BLOCKSIZE);
    let _ = conf.time(&keys::HEARTBEAT_INTERVAL);
    let _ = conf.count(&keys::REPLICATION);
});
