//! Many small files in few splits, by node, then by rack, then wherever (`CombineFileInputFormat`).

use std::collections::{BTreeMap, BTreeSet};

use loxodon_conf::Configuration;

use super::paths::list_input;
use super::text::{is_splittable, open_lines};
use super::{CombineSplit, FileSplit, InputFormat, InputSplit, RecordReader, sequence};
use crate::error::{Error, Result};
use crate::fs::{BlockLocation, FileStatus, FileSystems};
use crate::io::writable::Datum;
use crate::settings::Settings;

const SPLIT_MAX: &str = "mapreduce.input.fileinputformat.split.maxsize";
const MIN_PER_NODE: &str = "mapreduce.input.fileinputformat.split.minsize.per.node";
const MIN_PER_RACK: &str = "mapreduce.input.fileinputformat.split.minsize.per.rack";
const DEFAULT_RACK: &str = "/default-rack";

/// Lines of many files; records as of `TextInputFormat`.
#[derive(Clone, Copy, Debug)]
pub struct CombineTextInputFormat;

/// Records of many sequence files.
#[derive(Clone, Copy, Debug)]
pub struct CombineSequenceFileInputFormat;

impl InputFormat for CombineTextInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        combine(job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let open = |part: &FileSplit, job: &Configuration, files: &FileSystems| {
            Ok(Box::new(open_lines(part, job, files)?) as Box<dyn RecordReader>)
        };
        CombineReader::open(split, job, files, open)
    }
}

impl InputFormat for CombineSequenceFileInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        combine(job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let open = |part: &FileSplit, _: &Configuration, files: &FileSystems| {
            sequence::open_plain(part, files)
        };
        CombineReader::open(split, job, files, open)
    }
}

/// Sizes in bytes; 0 is no limit.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    most: u64,
    least_on_node: u64,
    least_on_rack: u64,
}

impl Sizes {
    fn of(job: &Configuration) -> Result<Self> {
        let size = |name| Ok::<_, Error>(u64::try_from(job.get_size(name, 0)?).unwrap_or(0));
        let sizes = Self {
            most: size(SPLIT_MAX)?,
            least_on_node: size(MIN_PER_NODE)?,
            least_on_rack: size(MIN_PER_RACK)?,
        };
        let Self { most, least_on_node: node, least_on_rack: rack } = sizes;
        if most != 0 && node > most {
            return Err(Error::io(format!(
                "Minimum split size pernode {node} cannot be larger than maximum split size {most}"
            )));
        }
        if most != 0 && rack > most {
            return Err(Error::io(format!(
                "Minimum split size per rack {rack} cannot be larger than maximum split size {most}"
            )));
        }
        if rack != 0 && node > rack {
            return Err(Error::io(format!(
                "Minimum split size per node {node} cannot be larger than minimum split size per rack {rack}"
            )));
        }
        Ok(sizes)
    }

    fn is_full(&self, length: u64) -> bool {
        self.most != 0 && length >= self.most
    }
}

/// A piece of a file that is not cut further.
#[derive(Clone, Debug)]
struct Piece {
    part: FileSplit,
    /// Host and rack of each replica.
    places: Vec<(String, String)>,
}

fn combine(job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
    let sizes = Sizes::of(job)?;
    let mut pieces = Vec::new();
    for status in list_input(job, files)? {
        add_pieces(&status, files, sizes.most, &mut pieces)?;
    }
    Ok(group(&pieces, &sizes).into_iter().map(InputSplit::Combine).collect())
}

fn add_pieces(
    status: &FileStatus,
    files: &FileSystems,
    most: u64,
    pieces: &mut Vec<Piece>,
) -> Result<()> {
    if status.is_directory {
        return Ok(());
    }
    let mut blocks = match &status.blocks {
        Some(blocks) => blocks.clone(),
        None => files.get(&status.path)?.block_locations(&status.path, 0, status.length)?,
    };
    if blocks.is_empty() {
        blocks.push(BlockLocation::default());
    }
    if !is_splittable(&status.path) {
        blocks.truncate(1);
        if let Some(whole) = blocks.first_mut() {
            (whole.offset, whole.length) = (0, status.length);
        }
    }
    for block in &blocks {
        let mut start = block.offset;
        let mut left = block.length;
        loop {
            let length = match most {
                0 => left,
                _ if !is_splittable(&status.path) => left,
                _ if left > most && left < most.saturating_mul(2) => left / 2,
                _ => left.min(most),
            };
            let path = status.path.clone();
            let part = FileSplit { path, start, length, hosts: Vec::new() };
            pieces.push(Piece { part, places: places(block) });
            left = left.saturating_sub(length);
            start = start.saturating_add(length);
            if left == 0 {
                break;
            }
        }
    }
    Ok(())
}

fn places(block: &BlockLocation) -> Vec<(String, String)> {
    let racks = block.racks.iter().map(Some).chain(std::iter::repeat(None));
    let named = block.hosts.iter().zip(racks);
    named
        .map(|(host, rack)| {
            (host.clone(), rack.cloned().unwrap_or_else(|| DEFAULT_RACK.to_owned()))
        })
        .collect()
}

/// Pieces by place, those that are left, and the splits that were made.
struct Grouping<'a> {
    pieces: &'a [Piece],
    sizes: &'a Sizes,
    left: BTreeSet<usize>,
    splits: Vec<CombineSplit>,
}

impl Grouping<'_> {
    fn length(&self, piece: usize) -> u64 {
        self.pieces.get(piece).map_or(0, |piece| piece.part.length)
    }

    fn make(&mut self, chosen: &[usize], hosts: Vec<String>) {
        let parts = chosen.iter().filter_map(|at| self.pieces.get(*at));
        let parts = parts.map(|piece| piece.part.clone()).collect();
        self.splits.push(CombineSplit { parts, hosts });
    }

    /// One turn at a node: a full split, or what is left of its pieces. `false` where the node is done.
    fn turn(&mut self, node: &str, of_node: &[usize], had_one: bool) -> bool {
        let mut chosen = Vec::new();
        let mut length: u64 = 0;
        for piece in of_node {
            if !self.left.remove(piece) {
                continue;
            }
            chosen.push(*piece);
            length = length.saturating_add(self.length(*piece));
            if self.sizes.is_full(length) {
                self.make(&chosen, vec![node.to_owned()]);
                return true;
            }
        }
        let least = self.sizes.least_on_node;
        if !chosen.is_empty() && least != 0 && length >= least && !had_one {
            self.make(&chosen, vec![node.to_owned()]);
        } else {
            self.left.extend(chosen);
        }
        false
    }

    fn by_node(&mut self, nodes: &BTreeMap<&str, Vec<usize>>) {
        let mut open: Vec<(&str, &Vec<usize>, bool)> =
            nodes.iter().map(|(node, pieces)| (*node, pieces, false)).collect();
        while !open.is_empty() {
            // One split for each node in turn, so that they are spread.
            open.retain_mut(|(node, pieces, had_one)| {
                let more = self.turn(node, pieces, *had_one);
                *had_one |= more;
                more
            });
        }
    }

    fn by_rack(&mut self, racks: &BTreeMap<&str, Vec<usize>>, hosts: &Hosts<'_>) {
        let mut overflow = Vec::new();
        while !self.left.is_empty() {
            for (rack, of_rack) in racks {
                let mut chosen = Vec::new();
                let mut length: u64 = 0;
                let mut made = false;
                for piece in of_rack {
                    if !self.left.remove(piece) {
                        continue;
                    }
                    chosen.push(*piece);
                    length = length.saturating_add(self.length(*piece));
                    if self.sizes.is_full(length) {
                        self.make(&chosen, hosts.of([*rack]));
                        made = true;
                        break;
                    }
                }
                if made || chosen.is_empty() {
                    continue;
                }
                if self.sizes.least_on_rack != 0 && length >= self.sizes.least_on_rack {
                    self.make(&chosen, hosts.of([*rack]));
                } else {
                    overflow.append(&mut chosen);
                }
            }
        }
        self.anywhere(&overflow, hosts);
    }

    fn anywhere(&mut self, overflow: &[usize], hosts: &Hosts<'_>) {
        let mut chosen = Vec::new();
        let mut length: u64 = 0;
        for piece in overflow {
            chosen.push(*piece);
            length = length.saturating_add(self.length(*piece));
            if self.sizes.is_full(length) {
                self.make(&chosen, hosts.of_pieces(self.pieces, &chosen));
                chosen.clear();
                length = 0;
            }
        }
        if !chosen.is_empty() {
            self.make(&chosen, hosts.of_pieces(self.pieces, &chosen));
        }
    }
}

/// Which hosts are on a rack; those of the default rack are not told, as in Hadoop.
struct Hosts<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl Hosts<'_> {
    fn of<'r>(&self, racks: impl IntoIterator<Item = &'r str>) -> Vec<String> {
        let hosts: BTreeSet<&str> =
            racks.into_iter().filter_map(|rack| self.0.get(rack)).flatten().copied().collect();
        hosts.into_iter().map(str::to_owned).collect()
    }

    fn of_pieces(&self, pieces: &[Piece], chosen: &[usize]) -> Vec<String> {
        let places = chosen.iter().filter_map(|at| pieces.get(*at)).flat_map(|p| &p.places);
        self.of(places.map(|(_, rack)| rack.as_str()))
    }
}

fn group(pieces: &[Piece], sizes: &Sizes) -> Vec<CombineSplit> {
    let mut nodes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut racks: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut hosts = Hosts(BTreeMap::new());
    for (at, piece) in pieces.iter().enumerate() {
        if piece.places.is_empty() {
            racks.entry(DEFAULT_RACK).or_default().push(at);
        }
        for (host, rack) in &piece.places {
            nodes.entry(host).or_default().push(at);
            racks.entry(rack).or_default().push(at);
            if rack != DEFAULT_RACK {
                hosts.0.entry(rack).or_default().insert(host);
            }
        }
    }
    let left = (0..pieces.len()).collect();
    let mut grouping = Grouping { pieces, sizes, left, splits: Vec::new() };
    grouping.by_node(&nodes);
    grouping.by_rack(&racks, &hosts);
    grouping.splits
}

type Open = fn(&FileSplit, &Configuration, &FileSystems) -> Result<Box<dyn RecordReader>>;

/// One part after the other.
struct CombineReader {
    parts: Vec<FileSplit>,
    next: usize,
    current: Option<Box<dyn RecordReader>>,
    open: Open,
    job: Configuration,
    files: FileSystems,
    all: u64,
    done: u64,
    read: u64,
}

impl CombineReader {
    fn open(
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
        open: Open,
    ) -> Result<Box<dyn RecordReader>> {
        let parts = match split {
            InputSplit::Combine(split) => split.parts.clone(),
            InputSplit::File(split) => vec![split.clone()],
            InputSplit::Other { class, .. } => {
                return Err(Error::io(format!("a combined split is expected, not {class}")));
            }
        };
        Ok(Box::new(Self {
            parts,
            next: 0,
            current: None,
            open,
            job: job.clone(),
            files: files.clone(),
            all: split.length(),
            done: 0,
            read: 0,
        }))
    }
}

impl RecordReader for CombineReader {
    fn advance(&mut self) -> Result<bool> {
        loop {
            if let Some(current) = &mut self.current {
                if current.advance()? {
                    return Ok(true);
                }
                self.read = self.read.saturating_add(current.bytes_read());
                let over = self.next.checked_sub(1).and_then(|at| self.parts.get(at));
                self.done = self.done.saturating_add(over.map_or(0, |part| part.length));
            }
            self.current = None;
            let Some(part) = self.parts.get(self.next) else { return Ok(false) };
            self.current = Some((self.open)(part, &self.job, &self.files)?);
            self.next = self.next.saturating_add(1);
        }
    }

    fn key(&self) -> Datum<'_> {
        self.current.as_ref().map_or(Datum::Null, |current| current.key())
    }

    fn value(&self) -> Datum<'_> {
        self.current.as_ref().map_or(Datum::Null, |current| current.value())
    }

    fn progress(&self) -> f32 {
        let current = self.current.as_ref().map_or(0, |current| current.bytes_read());
        let done = self.done.saturating_add(current);
        if self.all == 0 { 1.0 } else { (done as f32 / self.all as f32).min(1.0) }
    }

    fn bytes_read(&self) -> u64 {
        let current = self.current.as_ref().map_or(0, |current| current.bytes_read());
        self.read.saturating_add(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Path;

    fn piece(name: &str, length: u64, places: &[(&str, &str)]) -> Piece {
        let part = FileSplit {
            path: Path::plain(format!("/{name}")),
            start: 0,
            length,
            hosts: Vec::new(),
        };
        let places = places.iter().map(|(h, r)| ((*h).to_owned(), (*r).to_owned())).collect();
        Piece { part, places }
    }

    fn shown(splits: &[CombineSplit]) -> Vec<String> {
        let show = |split: &CombineSplit| {
            let parts: Vec<&str> = split.parts.iter().map(|p| p.part_name()).collect();
            format!("{} on {}", parts.join(""), split.hosts.join(","))
        };
        splits.iter().map(show).collect()
    }

    impl FileSplit {
        fn part_name(&self) -> &str {
            self.path.name()
        }
    }

    #[test]
    fn by_node_then_rack_then_anywhere() {
        let pieces = [
            piece("a", 10, &[("h1", "/r1")]),
            piece("b", 10, &[("h1", "/r1")]),
            piece("c", 10, &[("h1", "/r1")]),
            piece("d", 10, &[("h2", "/r1")]),
            piece("e", 10, &[("h3", "/r2")]),
        ];
        let sizes = Sizes { most: 20, ..Sizes::default() };
        assert_eq!(shown(&group(&pieces, &sizes)), ["ab on h1", "cd on h1,h2", "e on h3"]);
        // Without limits everything is one split.
        assert_eq!(shown(&group(&pieces, &Sizes::default())), ["abcde on h1,h2,h3"]);
        let sizes = Sizes { least_on_node: 30, ..Sizes::default() };
        assert_eq!(shown(&group(&pieces, &sizes)), ["abc on h1", "de on h1,h2,h3"]);
    }

    #[test]
    fn nothing_is_lost_or_read_twice() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..200 {
            let pieces: Vec<Piece> = (0..random.usize(0..40))
                .map(|n| {
                    let hosts: Vec<(String, String)> = (0..random.usize(0..3))
                        .map(|_| {
                            let h = random.u8(0..6);
                            (format!("h{h}"), format!("/r{}", h % 2))
                        })
                        .collect();
                    let hosts: Vec<(&str, &str)> =
                        hosts.iter().map(|(h, r)| (h.as_str(), r.as_str())).collect();
                    piece(&format!("f{n}"), random.u64(0..50), &hosts)
                })
                .collect();
            let sizes = Sizes {
                most: random.u64(0..3) * 40,
                least_on_node: random.u64(0..20),
                least_on_rack: random.u64(20..40),
            };
            let splits = group(&pieces, &sizes);
            let mut names: Vec<&str> =
                splits.iter().flat_map(|s| s.parts.iter().map(FileSplit::part_name)).collect();
            names.sort_unstable();
            let mut wanted: Vec<&str> = pieces.iter().map(|p| p.part.path.name()).collect();
            wanted.sort_unstable();
            assert_eq!(names, wanted);
        }
    }
}
