//! Calls of clients and DataNodes, one after the other, to the NameNode's machine: it must agree with itself
//! afterwards, and what it logged must give the same tree again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_fuzz::{Pieces, machine::World};

fuzz_target!(|input: &[u8]| {
    let mut world = World::new();
    for (number, body) in Pieces(input) {
        world.call(number, body);
    }
    world.check();
});
