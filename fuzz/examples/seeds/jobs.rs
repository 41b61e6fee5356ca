//! Files of jobs: sequence files, map outputs, histories, compressed text, splits, streaming's values.

use loxodon_mapreduce::fs::Path;
use loxodon_mapreduce::history::{
    HistoryEvent, JobFinished, JobInited, JobSubmitted, TaskFinished, TaskStarted, file_header,
    write_event,
};
use loxodon_mapreduce::ifile::{IFileWriter, IndexEntry, SpillIndex};
use loxodon_mapreduce::input::{FileSplit, InputSplit, split_file};
use loxodon_mapreduce::io::codec::{Codec, Packer};
use loxodon_mapreduce::io::sequence_file::{Compression, Options, Writer};
use loxodon_mapreduce::io::writable::Datum;
use loxodon_mapreduce::shuffle::ShuffleHeader;

use crate::{Corpora, Result};

const CODECS: [Codec; 6] =
    [Codec::Zlib, Codec::Gzip, Codec::Bzip2, Codec::Snappy, Codec::Lz4, Codec::Zstd];
const TEXT: &[u8] = b"to be or not to be that is the question\nwhether tis nobler in the mind\n";

pub(crate) fn put(corpora: &Corpora) -> Result {
    sequence_files(corpora)?;
    outputs(corpora)?;
    histories(corpora)?;
    for (number, codec) in CODECS.into_iter().enumerate() {
        let mut packed = vec![u8::try_from(number)?];
        Packer::new(codec).pack(TEXT, &mut packed)?;
        corpora.put("codecs", &number.to_string(), &packed)?;
        if codec == Codec::Bzip2 {
            packed[0] = 9;
            corpora.put("codecs", "blocks", packed)?;
        }
    }
    let split = FileSplit {
        path: Path::parse("hdfs://host/a")?,
        start: 0,
        length: 100,
        hosts: vec!["h1".into()],
    };
    let (splits, metas) = split_file::write(&[InputSplit::File(split)], 10);
    corpora.put("codecs", "split", [&[9], &splits[..]].concat())?;
    corpora.put("codecs", "meta", [&[9], &metas[..]].concat())?;
    for (number, bytes) in TYPED.iter().enumerate() {
        corpora.put("typed_bytes", &number.to_string(), bytes)?;
    }
    Ok(())
}

/// A list, a map, text as a Writable, a `MapWritable` of one entry, a tuple.
const TYPED: [&[u8]; 5] = [
    &[9, 4, 0, 0, 0, 0, 0, 0, 0, 2, 7, 0, 0, 0, 2, b'a', b'b', 255],
    &[10, 0, 0, 0, 1, 3, 0, 0, 0, 9, 8, 0, 0, 0, 2, 2, 1, 6, 1, 2, 3, 4, 5, 6, 7, 8],
    b"\x02ab",
    b"\x00\x00\x00\x00\x01\x85\x01a\x86\x00\x00\x00\x07",
    b"\x02\x03\x19org.apache.hadoop.io.Text\x19org.apache.hadoop.io.Text\x01a\x01b",
];

fn sequence_files(corpora: &Corpora) -> Result {
    const TEXT_CLASS: &str = "org.apache.hadoop.io.Text";
    for compression in [Compression::None, Compression::Record, Compression::Block] {
        for codec in CODECS {
            let options = Options::new(TEXT_CLASS, "org.apache.hadoop.io.LongWritable")
                .compressed(compression, codec);
            let mut writer = Writer::new(Vec::new(), options)?;
            for number in 0..20 {
                let key = format!("key{number}");
                writer.append(Datum::Text(key.as_bytes()), Datum::Long(number))?;
            }
            let name = format!("{compression:?}-{codec:?}");
            corpora.put("sequence_file", &name, writer.finish()?)?;
        }
    }
    Ok(())
}

fn outputs(corpora: &Corpora) -> Result {
    let place = tempfile::tempdir()?;
    for (number, codec) in CODECS.into_iter().map(Some).chain([None]).enumerate() {
        let path = place.path().join(number.to_string());
        let mut writer = IFileWriter::create(path.clone(), codec)?;
        writer.begin_segment()?;
        for at in 0..10 {
            writer.append(format!("key{at}").as_bytes(), b"value")?;
        }
        let entry = writer.end_segment()?;
        let index = writer.finish()?;
        let bytes = std::fs::read(&path)?;
        let mut input = vec![u8::try_from(number)?];
        input.extend(u16::try_from(entry.raw_length)?.to_le_bytes());
        input.extend(&bytes);
        corpora.put("spill", &number.to_string(), input)?;
        if codec.is_none() {
            let whole = bytes.len().saturating_sub(4);
            corpora.put("job_files", "segment", bytes.get(..whole).unwrap_or_default())?;
            corpora.put("shuffle", "index", index.encode())?;
        }
    }
    let entries = vec![IndexEntry { start: 0, raw_length: 10, part_length: 14 }; 3];
    corpora.put("shuffle", "index3", SpillIndex { entries }.encode())?;
    let map = "attempt_1_0001_m_000003_0".to_owned();
    let header = ShuffleHeader { map, part_length: 300, raw_length: 5, reduce: 2 };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    corpora.put("shuffle", "header", bytes)
}

fn histories(corpora: &Corpora) -> Result {
    let task = "task_1_0001_m_000000";
    let events: [HistoryEvent; 5] = [
        JobSubmitted {
            job_id: "job_1_0001".into(),
            job_name: "count".into(),
            user_name: "ann".into(),
            submit_time: 1_700_000_000_000,
            ..Default::default()
        }
        .into(),
        JobInited { job_id: "job_1_0001".into(), total_maps: 2, ..Default::default() }.into(),
        TaskStarted { task_id: task.into(), task_type: "MAP".into(), ..Default::default() }.into(),
        TaskFinished { task_id: task.into(), task_type: "MAP".into(), ..Default::default() }.into(),
        JobFinished { job_id: "job_1_0001".into(), ..Default::default() }.into(),
    ];
    let mut body = Vec::new();
    for event in &events {
        write_event(&mut body, event);
    }
    corpora.put("job_files", "events", &body)?;
    corpora.put("job_files", "history", [file_header().as_bytes(), &body].concat())?;
    let mut binary = file_header().replacen("Avro-Json", "Avro-Binary", 1).into_bytes();
    binary.extend([8, 12, 4, b'j', b'1', 6, b'R', b'U', b'N']);
    corpora.put("job_files", "binary", binary)
}
