//! An image: loaded, and shown as XML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_namespace::image::{load, offline};
use loxodon_namespace::settings::Settings;

fuzz_target!(|bytes: &[u8]| {
    let _ = load(bytes, Settings::default());
    let _ = offline::write_xml(bytes, "r0", &mut std::io::sink());
});
