//! A map's output on its way to disk: collected in memory, partitioned, sorted, combined, spilled, merged.

mod arena;
mod buffer;
mod key_field;
mod order;
mod partition;
mod sort;
mod spill;
mod table;
#[cfg(test)]
mod tests;

pub use buffer::{BufferSize, MapOutput, MapOutputBuffer};
pub use key_field::{KeyFieldOrder, KeyFields};
pub use loxodon_wire::java_hash::string_hash;
pub use order::{KeyOrder, Leading, Number, RawComparator};
pub use partition::{JavaHash, Partitioner, RawPartitioner, SplitPoints, Width, hash_bytes};
pub use spill::{CombineOutput, Combiner, CombinerFactory, Spill, Spiller};
pub use table::Refill;
