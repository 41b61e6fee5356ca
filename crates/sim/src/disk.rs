//! The NameNode's disk: what was written but not synced is lost at a crash, or torn.

use std::collections::BTreeMap;

/// A change that is on its way to the platter.
#[derive(Clone, Debug)]
enum Change {
    Append(String, Vec<u8>),
    Rename(String, String),
    Remove(String),
}

/// Files by name. Changes reach the platter in order; at a crash, some of them have.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    durable: BTreeMap<String, Vec<u8>>,
    written: Vec<Change>,
    /// The transaction in `seen_txid`.
    pub seen: u64,
}

impl Disk {
    /// Appends to a file, which is made where it is not there.
    pub fn append(&mut self, name: String, bytes: Vec<u8>) {
        self.written.push(Change::Append(name, bytes));
    }

    /// Gives a file another name, in place of one that has it.
    pub fn rename(&mut self, from: String, to: String) {
        self.written.push(Change::Rename(from, to));
    }

    /// Removes a file.
    pub fn remove(&mut self, name: String) {
        self.written.push(Change::Remove(name));
    }

    /// Brings everything that was written to the platter.
    pub fn sync(&mut self) {
        for change in std::mem::take(&mut self.written) {
            self.apply(change);
        }
    }

    /// The power goes: of what was not synced, only the beginning survives, and the last append
    /// of that may be cut anywhere, or end in a stretch that was never filled.
    pub fn crash(&mut self, rng: &mut fastrand::Rng) {
        let written = std::mem::take(&mut self.written);
        let survive = rng.usize(..=written.len());
        for (index, change) in written.into_iter().enumerate().take(survive) {
            let torn = match change {
                Change::Append(name, mut bytes) if index + 1 == survive => {
                    let whole = bytes.len();
                    bytes.truncate(rng.usize(..=whole));
                    if rng.u8(..4) == 0 {
                        bytes.resize(whole, 0);
                    }
                    Change::Append(name, bytes)
                }
                other => other,
            };
            self.apply(torn);
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Append(name, bytes) => self.durable.entry(name).or_default().extend(bytes),
            Change::Rename(from, to) => {
                if let Some(bytes) = self.durable.remove(&from) {
                    self.durable.insert(to, bytes);
                }
            }
            Change::Remove(name) => drop(self.durable.remove(&name)),
        }
    }

    /// What is on the platter.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.durable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_synced_survives_and_the_rest_is_a_beginning() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let mut disk = Disk::default();
            disk.append("a".into(), vec![1; 10]);
            disk.sync();
            disk.append("a".into(), vec![2; 10]);
            disk.rename("a".into(), "b".into());
            disk.crash(&mut rng);
            let (name, bytes) = disk.files().first_key_value().unwrap();
            assert_eq!(bytes[..10], [1; 10]);
            assert!(bytes.len() <= 20);
            assert!(name == "a" || bytes.len() == 20);
        }
    }
}
