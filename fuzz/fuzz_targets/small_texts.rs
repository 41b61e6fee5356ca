//! Lists of hosts, tables of racks, requests of browsers, users and groups, the system's own words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_cluster::{HostEntry, HostLists, Topology};
use loxodon_namenode::users::StaticMapping;
use loxodon_runtime::parsers;

fuzz_target!(|text: &str| {
    parsers::query(text);
    parsers::hosts(text);
    parsers::job_files(text.as_bytes());
    let (mounts, groups) = text.split_at(text.floor_char_boundary(text.len() / 2));
    parsers::control_groups(mounts, groups);
    let _ = HostEntry::parse(text);
    let _ = HostLists::parse_file(text);
    let _ = Topology::normalize(text);
    let _ = StaticMapping::parse(text).get("alice");
});
