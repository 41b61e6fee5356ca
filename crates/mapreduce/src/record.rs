//! Keys and values on their way between input, map, reduce and output: borrowed, never copied to cross a boundary.

use std::sync::Arc;

use crate::error::Result;

/// One key or value, borrowed from whoever has it.
///
/// Readers of plain data (lines, offsets) hand it over as it lies in their buffer; readers of files with
/// Hadoop's own serialization hand over its bytes. [`RecordReader::classes`] says which class both stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// `NullWritable`: nothing.
    Null,
    /// What a `LongWritable` holds.
    Long(i64),
    /// What a `Text` holds (its bytes, without the length).
    Text(&'a [u8]),
    /// What a `BytesWritable` holds (its bytes, without the length).
    Bytes(&'a [u8]),
    /// A value of the class as it serializes itself (`Writable.write`).
    Serialized(&'a [u8]),
}

/// Reads the records of one split (Hadoop's `RecordReader`).
pub trait RecordReader: Send {
    /// Moves to the next record. `false` at the end.
    ///
    /// # Errors
    /// The input cannot be read or is damaged.
    fn advance(&mut self) -> Result<bool>;

    /// Key and value of the record that [`advance`](Self::advance) moved to.
    fn record(&self) -> (Field<'_>, Field<'_>);

    /// Java class names of key and value.
    fn classes(&self) -> (Arc<str>, Arc<str>);

    /// How much of the split is read, 0 to 1.
    fn progress(&self) -> f32;

    /// Bytes read from the file so far (counter `BYTES_READ` of the file input format).
    fn bytes_read(&self) -> u64;
}

/// Writes the records of one task attempt (Hadoop's `RecordWriter`).
///
/// A writer learns the classes of keys and values when it is made; a field's form says the rest.
pub trait RecordWriter: Send {
    /// Writes a record.
    ///
    /// # Errors
    /// The output cannot be written.
    fn write(&mut self, key: Field<'_>, value: Field<'_>) -> Result<()>;

    /// Ends and closes the output; called once, after the last record.
    ///
    /// # Errors
    /// The output cannot be written to its end.
    fn close(&mut self) -> Result<()>;

    /// Bytes written to the file so far (counter `BYTES_WRITTEN` of the file output format).
    fn bytes_written(&self) -> u64;
}
