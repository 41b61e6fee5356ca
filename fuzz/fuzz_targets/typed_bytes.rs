//! Values of streaming programs and of sequence files, by whatever class they are said to have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loxodon_mapreduce::ifile::vint;
use loxodon_mapreduce::io::writable::Kind;
use loxodon_mapreduce::parsers;

const CLASSES: [&str; 10] = [
    "org.apache.hadoop.io.Text",
    "org.apache.hadoop.io.BytesWritable",
    "org.apache.hadoop.io.VIntWritable",
    "org.apache.hadoop.io.VLongWritable",
    "org.apache.hadoop.io.MapWritable",
    "org.apache.hadoop.io.SortedMapWritable",
    "org.apache.hadoop.io.MD5Hash",
    "org.apache.hadoop.typedbytes.TypedBytesWritable",
    "org.apache.hadoop.mapreduce.lib.join.TupleWritable",
    "org.apache.hadoop.mapred.join.TupleWritable",
];

fuzz_target!(|bytes: &[u8]| {
    parsers::typed_bytes(bytes);
    let _ = vint::read(bytes);
    for class in CLASSES {
        let Some(kind) = Kind::of_class(class) else { panic!("{class} is not known") };
        let _ = kind.show(&mut { bytes }, &mut Vec::new());
    }
});
