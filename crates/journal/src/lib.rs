//! Order and durability of edits.
