//! What `hdfs oiv` prints about an image, without a namespace being built, and an image from such
//! XML. Images with snapshots are refused, as they are when loaded.

mod corruption;
mod dates;
mod delimited;
mod distribution;
mod paths;
mod reverse;
mod xml;

pub use corruption::write_corruption;
pub use delimited::{Columns, Delimited, write_delimited};
pub use distribution::{Distribution, write_distribution};
pub use paths::{Store, Stores};
pub use reverse::write_image;
pub use xml::write_xml;

use super::error::ImageError;
use std::io;

/// An image or XML that cannot be read, or an output that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The XML.
    #[error(transparent)]
    Xml(#[from] crate::edit_codec::xml::XmlError),
    /// The output.
    #[error(transparent)]
    Output(#[from] io::Error),
}
