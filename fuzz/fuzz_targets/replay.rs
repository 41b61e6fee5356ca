//! Edits that a log may hold, without its checksums, applied to a tree; and the tree as an image.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_fuzz::Pieces;
use loxodon_namespace::Namespace;
use loxodon_namespace::edit_codec::decode_body;
use loxodon_namespace::image::{self, ImageInfo, SaveOptions};
use loxodon_namespace::settings::Settings;
use loxodon_wire::ids::TxId;

fuzz_target!(|input: &[u8]| {
    let mut namespace = Namespace::new(Settings::default());
    for (opcode, body) in Pieces(input) {
        let Ok(edit) = decode_body(opcode as u8, body, -67) else { continue };
        // One that does not fit ends a start.
        if namespace.apply(&edit).is_err() {
            break;
        }
    }
    let info = ImageInfo { namespace_id: 7, txid: TxId(1) };
    let mut bytes = Vec::new();
    if image::save(&namespace, info, &SaveOptions::default(), &mut bytes).is_err() {
        return;
    }
    let again = image::load(&bytes, Settings::default()).expect("an image that was just saved");
    assert_eq!(again.namespace.totals().inodes(), namespace.totals().inodes());
    assert_eq!(again.namespace.totals().blocks, namespace.totals().blocks);
});
