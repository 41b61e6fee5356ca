//! What `hdfs oiv` prints about an image, without a namespace being built. Images with snapshots
//! are refused, as they are when loaded.

mod delimited;
mod distribution;
mod xml;

pub use delimited::write_delimited;
pub use distribution::{Distribution, write_distribution};
pub use xml::write_xml;

use super::error::ImageError;
use std::io;

/// An image that cannot be read, or an output that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The output.
    #[error(transparent)]
    Output(#[from] io::Error),
}
