//! `hdfs oiv -p FileDistribution` (`FileDistributionCalculator`).

use super::OfflineError;
use crate::image::ImageReader;
use crate::image::error::ImageError;
use crate::view::LoadedBody;
use std::collections::BTreeMap;
use std::io::Write;

/// How sizes are counted.
#[derive(Clone, Copy, Debug)]
pub struct Distribution {
    /// Larger files are counted together (`-maxSize`, 0 for 128 GB).
    pub max_size: u64,
    /// Width of a range (`-step`, 0 for 2 MB).
    pub step: u64,
    /// Ranges in words (`-format`).
    pub format: bool,
}

/// Writes how many files are of which size.
///
/// # Errors
/// If the image cannot be read, or `sink` not be written.
pub fn write_distribution(
    image: &[u8],
    options: &Distribution,
    sink: &mut impl Write,
) -> Result<(), OfflineError> {
    let max_size = if options.max_size == 0 { 0x20_0000_0000 } else { options.max_size };
    let step = if options.step == 0 { 0x20_0000 } else { options.step };
    let last = max_size / step;
    if last > 0x800_0000 {
        return Err(ImageError::corrupt(
            "options",
            0,
            format!(
                "Too many distribution intervals (maxSize/step): {last}, should be less than 134217729."
            ),
        )
        .into());
    }
    let reader = ImageReader::open(image)?;
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut files, mut directories, mut blocks_total) = (0_u64, 0_u64, 0_u64);
    let (mut space, mut largest, mut seen) = (0_u64, 0_u64, 0_u64);
    for piece in &reader.inode_pieces(1 << 20)?.0 {
        for inode in reader.decode(piece)? {
            match &inode.body {
                LoadedBody::File { replication, blocks, .. } => {
                    let size =
                        blocks.iter().fold(0_u64, |sum, block| sum.saturating_add(block.length));
                    files += 1;
                    blocks_total += blocks.len() as u64;
                    largest = largest.max(size);
                    space = space.wrapping_add(size.wrapping_mul(u64::from(*replication)));
                    let range = if size > max_size { last } else { size.div_ceil(step) };
                    *counts.entry(range.min(last)).or_default() += 1;
                }
                LoadedBody::Directory(_) => directories += 1,
                LoadedBody::Symlink(_) => {}
            }
            if seen % (1 << 20) == 0 {
                writeln!(sink, "Processed {seen} inodes.")?;
            }
            seen += 1;
        }
    }
    let title = if options.format { "Size Range" } else { "Size" };
    writeln!(sink, "{title}\tNumFiles")?;
    for (range, count) in counts {
        if options.format {
            let open = if range == 0 { '[' } else { '(' };
            let from = byte_text(range.saturating_sub(1) * step);
            let to = byte_text(if range == last { largest } else { range * step });
            writeln!(sink, "{open}{from}, {to}]\t{count}")?;
        } else {
            writeln!(sink, "{}\t{count}", range * step)?;
        }
    }
    writeln!(
        sink,
        "totalFiles = {files}\ntotalDirectories = {directories}\ntotalBlocks = {blocks_total}\n\
         totalSpace = {space}\nmaxFileSize = {largest}"
    )?;
    sink.flush()?;
    Ok(())
}

/// `StringUtils.byteDesc`.
fn byte_text(bytes: u64) -> String {
    const KIB: f64 = 1024.0;
    let size = bytes as f64;
    if bytes < 1 << 10 {
        format!("{bytes} B")
    } else if bytes < 1 << 20 {
        format!("{:.2} KB", size / KIB)
    } else if bytes < 1 << 30 {
        format!("{:.2} MB", size / KIB / KIB)
    } else if bytes < 1 << 40 {
        format!("{:.2} GB", size / KIB / KIB / KIB)
    } else if bytes < 1 << 50 {
        format!("{:.2} TB", size / KIB / KIB / KIB / KIB)
    } else {
        format!("{:.2} PB", size / KIB / KIB / KIB / KIB / KIB)
    }
}
