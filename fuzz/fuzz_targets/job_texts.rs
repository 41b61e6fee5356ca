//! Texts that a job or its cluster is described with: ids, queues, pools, lists of who may, patterns, expressions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_conf::Configuration;
use loxodon_mapreduce::collect::KeyFields;
use loxodon_mapreduce::fs::Path;
use loxodon_mapreduce::fs::glob::{Pattern, expand};
use loxodon_mapreduce::history::DoneName;
use loxodon_mapreduce::job::{AccessControlList, AttemptId, Caller, JobConfView, JobId, TaskId};
use loxodon_mapreduce::parsers;
use loxodon_mapreduce::scheduler::{parse_allocations, parse_queues};
use loxodon_mapreduce::streaming::split_args;

fuzz_target!(|text: &str| {
    let _ = parse_queues(text);
    let _ = parse_allocations(text);
    parsers::join_expression(text);
    let list = AccessControlList::parse(text);
    let _ = (Caller::named("alice").is_on(&list), list.text());
    if let Ok(id) = text.parse::<AttemptId>() {
        assert_eq!(id.to_string().parse::<AttemptId>().expect("an id"), id);
    }
    let _ = (text.parse::<JobId>(), text.parse::<TaskId>(), DoneName::parse(text));
    let _ = split_args(text);
    let _ = Path::parse(text);
    if text.len() < 200 {
        if let Ok(all) = expand(text) {
            for one in all {
                let _ = Pattern::new(&one).map(|pattern| pattern.matches("part-r-00000.gz"));
            }
        }
    }
    let conf = Configuration::new();
    if let Ok(fields) = KeyFields::new(&conf, Some(text)) {
        let _ = fields.compare(b"a\tb\t10", b"a\tc\t9");
        let _ = fields.hash(b"a\tb\tc");
    }
    let mut conf = Configuration::new();
    if conf.load_foreign("job.xml", text).is_ok() {
        let _ = JobConfView::read(&conf);
    }
});
