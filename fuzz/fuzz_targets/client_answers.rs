//! Answers of NameNodes and DataNodes, as the client takes them.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use loxodon_client::parsers;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().build().expect("a runtime"));
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    parsers::answer(kind, bytes);
    RUNTIME.with_borrow(|runtime| runtime.block_on(parsers::datanode(bytes)));
});
