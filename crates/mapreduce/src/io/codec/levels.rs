//! How hard output is compressed, as a job's keys say.

use loxodon_conf::Configuration;

use super::framed::BUFFER;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;

/// `zlib.compress.level` by Hadoop's names (`ZlibCompressor.CompressionLevel`).
const ZLIB_NAMES: [&str; 10] = [
    "NO_COMPRESSION",
    "BEST_SPEED",
    "TWO",
    "THREE",
    "FOUR",
    "FIVE",
    "SIX",
    "SEVEN",
    "EIGHT",
    "BEST_COMPRESSION",
];
/// zlib's own default.
const ZLIB: u32 = 6;
/// Hadoop's default of `io.compression.codec.zstd.level`.
const ZSTD: i32 = 3;
/// Largest buffer of a block, in bytes: blocks' lengths are Java's `int`.
const MOST: i64 = 1 << 30;

/// Levels and block sizes of the codecs that have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// zlib and gzip, from 0 to 9.
    pub zlib: u32,
    /// zstd.
    pub zstd: i32,
    /// Bytes of a snappy block's buffer.
    pub snappy_buffer: usize,
    /// Bytes of an LZ4 block's buffer.
    pub lz4_buffer: usize,
}

impl Default for Levels {
    fn default() -> Self {
        Self { zlib: ZLIB, zstd: ZSTD, snappy_buffer: BUFFER, lz4_buffer: BUFFER }
    }
}

impl Levels {
    /// As `zlib.compress.level`, `io.compression.codec.zstd.level` and `io.compression.codec.{snappy,lz4}.buffersize`
    /// say.
    ///
    /// # Errors
    /// A name or a number that is none of these.
    pub fn of_job(conf: &Configuration) -> Result<Self> {
        let zlib = match conf.get_text("zlib.compress.level")?.as_deref() {
            None | Some("DEFAULT_COMPRESSION") => ZLIB,
            Some(name) => ZLIB_NAMES
                .iter()
                .zip(0_u32..)
                .find_map(|(known, level)| (*known == name).then_some(level))
                .ok_or_else(|| wrong("zlib.compress.level", name))?,
        };
        let key = "io.compression.codec.zstd.level";
        let asked = conf.get_int(key, i64::from(ZSTD))?;
        let zstd = i32::try_from(asked)
            .ok()
            .filter(|level| zstd::compression_level_range().contains(level))
            .ok_or_else(|| wrong(key, &asked.to_string()))?;
        let buffer = |key: &str| {
            let asked = conf.get_int(key, BUFFER as i64)?;
            let fits = (1024..=MOST).contains(&asked);
            if fits { Ok(asked as usize) } else { Err(wrong(key, &asked.to_string())) }
        };
        let snappy_buffer = buffer("io.compression.codec.snappy.buffersize")?;
        let lz4_buffer = buffer("io.compression.codec.lz4.buffersize")?;
        Ok(Self { zlib, zstd, snappy_buffer, lz4_buffer })
    }
}

fn wrong(key: &str, value: &str) -> Error {
    Error::new(ErrorKind::IllegalArgument, format!("{key}: {value} is no value of it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<Levels> {
        let mut conf = Configuration::new();
        conf.set(key, value, "-D");
        Levels::of_job(&conf)
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(Levels::of_job(&Configuration::new()).unwrap(), Levels::default());
        assert_eq!(read("zlib.compress.level", "BEST_SPEED").unwrap().zlib, 1);
        assert_eq!(read("zlib.compress.level", "DEFAULT_COMPRESSION").unwrap().zlib, 6);
        assert_eq!(read("io.compression.codec.zstd.level", "19").unwrap().zstd, 19);
        assert_eq!(read("io.compression.codec.lz4.buffersize", "4096").unwrap().lz4_buffer, 4096);
        for (key, value) in [
            ("zlib.compress.level", "FAST"),
            ("io.compression.codec.zstd.level", "99"),
            ("io.compression.codec.snappy.buffersize", "0"),
        ] {
            assert!(read(key, value).unwrap_err().message().starts_with(key));
        }
    }
}
