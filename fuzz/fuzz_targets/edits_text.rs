//! Segments as XML and back, and what the end of a segment is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_journal::segment::{classify_tail, next_transaction};
use loxodon_namespace::edit_codec::offline::{Format, Options, Source, convert};
use loxodon_wire::ids::TxId;

fuzz_target!(|bytes: &[u8]| {
    let _ = classify_tail(bytes, 1000, TxId(3), 1 << 20);
    let _ = next_transaction(bytes, TxId(3), 1 << 20);
    let (mut xml, options) = (Vec::new(), Options { recover: true, ..Options::default() });
    if convert(Source::Binary(bytes), Format::Xml, options, &mut xml).is_ok() {
        let source = Source::Xml(&mut xml.as_slice());
        convert(source, Format::Binary, Options::default(), &mut Vec::new())
            .expect("what was just written as XML");
    }
    let mut text = bytes;
    let _ = convert(Source::Xml(&mut text), Format::Binary, Options::default(), &mut Vec::new());
});
