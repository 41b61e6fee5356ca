//! Order and durability of edits, not their meaning: names of files, what to load, which edits
//! wait for which write, what may be deleted. Decides; `runtime::disk` does what is decided.

pub mod commit;
pub mod digest;
pub mod inspect;
pub mod names;
pub mod resources;
pub mod retention;
pub mod segment;
pub mod version;
