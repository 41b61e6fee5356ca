//! The XML that `hdfs oev` writes and reads (`XmlEditsVisitor`, `OfflineEditsXmlLoader`).

mod escape;
mod pull;
mod read;
mod stanza;
mod write;

pub use read::{XmlError, XmlEvent, XmlReader};
pub use write::XmlWriter;

pub(crate) use escape::{mangle, unmangle};
pub(crate) use pull::{Pull, Token};
