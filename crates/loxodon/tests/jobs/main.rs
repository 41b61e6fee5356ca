//! Jobs on a whole cluster of processes: what goes in comes out, whatever tasks and daemons do.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)] // helpers of tests are not marked as tests

mod browser;
mod daemons;
mod faults;
mod held_link;
mod history;
mod notices;
mod operators;
mod pages;
mod proxies;
mod records;
mod schedulers;
mod site;
mod streams;
mod tasks;
mod web;
