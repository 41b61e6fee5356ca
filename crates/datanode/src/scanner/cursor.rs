//! How far a volume's scan of a pool is, in memory and in `scanner.cursor`: the `BlockIterator` of Hadoop's
//! `FsVolumeImpl`. Directories and files are gone through in the order of their names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use loxodon_wire::ids::BlockId;
use serde_json::{Value, json};

use crate::error::{DiskContext, Result};
use crate::storage::layout::{self, ReplicaFile};

const FILE: &str = "scanner.cursor";

/// Milliseconds since the epoch.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// A place among a pool's finalized blocks on one volume.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) pool: String,
    /// The pool's directory on the volume.
    directory: PathBuf,
    state: State,
    /// The files of the directory it is in, from the last to the next one.
    ahead: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    saved: u64,
    began: u64,
    first: Option<String>,
    second: Option<String>,
    entry: Option<String>,
    at_end: bool,
}

impl State {
    fn begun_now() -> Self {
        Self { saved: now(), began: now(), ..Self::default() }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        // Names that lead elsewhere are none.
        let plain = |name: &str| text(name).filter(|text| !text.contains(['/', '\0']));
        Some(Self {
            saved: value.get("lastSavedMs")?.as_u64()?,
            began: value.get("iterStartMs")?.as_u64()?,
            first: plain("curFinalizedDir"),
            second: plain("curFinalizedSubDir"),
            entry: plain("curEntry"),
            at_end: value.get("atEnd")?.as_bool()?,
        })
    }

    pub(crate) fn to_text(&self) -> String {
        let value = json!({
            "lastSavedMs": self.saved,
            "iterStartMs": self.began,
            "curFinalizedDir": self.first,
            "curFinalizedSubDir": self.second,
            "curEntry": self.entry,
            "atEnd": self.at_end,
        });
        // A map of strings and numbers is always text.
        let text = serde_json::to_string_pretty(&value).unwrap_or_default();
        // The first of a line ends the key; others are of a name.
        let lines: Vec<String> =
            text.lines().map(|line| line.replacen("\": ", "\" : ", 1)).collect();
        lines.join("\n")
    }
}

impl Cursor {
    /// Where the last scan was left, or the beginning.
    pub(super) fn open(pool: &str, directory: PathBuf) -> Self {
        let saved = fs::read_to_string(directory.join(FILE)).ok();
        let state = saved.as_deref().and_then(State::parse).unwrap_or_else(State::begun_now);
        Self { pool: pool.to_owned(), directory, state, ahead: None }
    }

    pub(super) const fn at_end(&self) -> bool {
        self.state.at_end
    }

    /// When the scan began, in milliseconds since the epoch.
    pub(super) const fn began(&self) -> u64 {
        self.state.began
    }

    pub(super) const fn saved(&self) -> u64 {
        self.state.saved
    }

    pub(super) fn rewind(&mut self) {
        self.state = State::begun_now();
        self.ahead = None;
    }

    /// Keeps the place for the next start.
    pub(super) fn save(&mut self) -> Result<()> {
        self.state.saved = now();
        let (file, draft) = (self.directory.join(FILE), self.directory.join(format!("{FILE}.tmp")));
        fs::write(&draft, self.state.to_text()).disk("cannot write", &draft)?;
        fs::rename(&draft, &file).disk("cannot replace", &file)
    }

    /// The next block that has a data file; `None` at the end, and after an error.
    pub(super) fn advance(&mut self) -> Result<Option<BlockId>> {
        if self.state.at_end {
            return Ok(None);
        }
        let next = self.find();
        if !matches!(next, Ok(Some(_))) {
            self.state.at_end = true;
        }
        next
    }

    fn find(&mut self) -> Result<Option<BlockId>> {
        let finalized = self.directory.join("current").join(layout::FINALIZED);
        loop {
            if let (Some(first), Some(second)) = (&self.state.first, &self.state.second) {
                let place = finalized.join(first).join(second);
                let ahead = match &mut self.ahead {
                    Some(ahead) => ahead,
                    None => self.ahead.insert(after(&place, self.state.entry.as_deref(), is_data)?),
                };
                if let Some(name) = ahead.pop() {
                    let block = match ReplicaFile::parse(&name) {
                        Some(ReplicaFile::Data(id)) => Some(id),
                        _ => None,
                    };
                    self.state.entry = Some(name);
                    let here = |id: &BlockId| layout::block_directory(&finalized, *id) == place;
                    match block.filter(here) {
                        Some(id) => return Ok(Some(id)),
                        None => {
                            tracing::error!(place = %place.display(), file = ?self.state.entry, "a block is in the wrong directory");
                            continue;
                        }
                    }
                }
            }
            if !self.next_directory(&finalized)? {
                return Ok(None);
            }
        }
    }

    /// Goes to the next directory of blocks; whether there is one.
    fn next_directory(&mut self, finalized: &Path) -> Result<bool> {
        (self.ahead, self.state.entry) = (None, None);
        loop {
            if let Some(first) = &self.state.first {
                let last = self.state.second.take();
                let mut more = after(&finalized.join(first), last.as_deref(), is_directory)?;
                self.state.second = more.pop();
                if self.state.second.is_some() {
                    return Ok(true);
                }
            }
            let mut more = after(finalized, self.state.first.as_deref(), is_directory)?;
            self.state.first = more.pop();
            if self.state.first.is_none() {
                return Ok(false);
            }
        }
    }
}

fn is_data(name: &str) -> bool {
    matches!(ReplicaFile::parse(name), Some(ReplicaFile::Data(_)))
}

fn is_directory(name: &str) -> bool {
    name.starts_with("subdir")
}

/// Names in `directory` after `last`, the next one at the end.
fn after(directory: &Path, last: Option<&str>, wanted: fn(&str) -> bool) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).disk("cannot list", directory),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.disk("cannot list", directory)?.file_name().into_string();
        names.extend(
            name.ok().filter(|name| wanted(name) && last.is_none_or(|last| name.as_str() > last)),
        );
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(pool: &Path, id: i64) {
        let place =
            layout::block_directory(&pool.join("current").join(layout::FINALIZED), BlockId(id));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(layout::data_name(BlockId(id))), b"x").unwrap();
        fs::write(place.join(format!("blk_{id}_1001.meta")), b"x").unwrap();
    }

    fn rest(cursor: &mut Cursor) -> Vec<i64> {
        std::iter::from_fn(|| cursor.advance().unwrap().map(|id| id.0)).collect()
    }

    #[test]
    fn goes_on_where_it_was_saved() {
        let place = tempfile::tempdir().unwrap();
        let pool = place.path();
        let all = [1, 2, 11, 0x300, 0x2_0000, 0x10_0001];
        all.iter().for_each(|id| put(pool, *id));
        let mut cursor = Cursor::open("BP-1", pool.to_owned());
        let mut seen = vec![cursor.advance().unwrap().unwrap().0];
        seen.push(cursor.advance().unwrap().unwrap().0);
        cursor.save().unwrap();
        let mut again = Cursor::open("BP-1", pool.to_owned());
        assert_eq!(again.state, cursor.state);
        seen.extend(rest(&mut again));
        assert_eq!(seen, [1, 11, 2, 0x300, 0x10_0001, 0x2_0000], "in the order of names");
        assert!(again.at_end());
        again.rewind();
        assert_eq!(rest(&mut again).len(), all.len());
    }

    #[test]
    fn the_file_is_javas() {
        let text = "{\n  \"lastSavedMs\" : 5,\n  \"iterStartMs\" : 4,\n  \"curFinalizedDir\" : \"subdir0\",\n  \"curFinalizedSubDir\" : null,\n  \"curEntry\" : null,\n  \"atEnd\" : false\n}";
        let state = State::parse(text).unwrap();
        assert_eq!((state.saved, state.began, state.first.as_deref()), (5, 4, Some("subdir0")));
        assert_eq!(state.to_text(), text);
        let odd = text.replace("subdir0", r#"a\": b"#);
        assert_eq!(State::parse(&odd).unwrap().to_text(), odd);
        assert_eq!(State::parse("{}"), None);
        let elsewhere = text.replace("subdir0", "../../etc");
        assert_eq!(State::parse(&elsewhere).unwrap().first, None);
    }
}
