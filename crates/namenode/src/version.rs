//! Which Hadoop we are, for peers that ask.

/// The release whose protocols and formats we speak.
pub const HADOOP: &str = "3.5.0";
/// Its revision: what `versionRequest` and `/jmx` show.
pub const REVISION: &str = "dbcc7cd797100e6b32cd84f85b53a5193a5f9af0";
