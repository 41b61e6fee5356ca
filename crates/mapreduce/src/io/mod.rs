//! Writables, codecs and files of records (`org.apache.hadoop.io`), readable and writable by Java.

pub mod avro;
mod buffer;
pub mod codec;
pub mod map_file;
pub mod sequence_file;
pub mod writable;

pub use buffer::BufferedInput;
