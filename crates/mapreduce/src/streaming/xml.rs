//! Elements of a text as records (`StreamXmlRecordReader`).

use std::io::Read;

use loxodon_conf::Configuration;
use memchr::memmem::Finder;
use regex::bytes::Regex;

use crate::error::{Error, Result};
use crate::fs::{FileSystems, InputStream};
use crate::input::{FileSplit, RecordReader};
use crate::io::writable::Datum;
use crate::settings::Settings;

/// Longest element that is read.
const LONGEST: usize = 1 << 28;
/// Bytes read at once.
const BUFFER: usize = 1 << 16;
/// Longest element where marks are patterns, unless the job says otherwise.
const LONGEST_MATCHED: i64 = 50_000;

/// How elements are found.
enum Marks {
    /// By what begins and ends them.
    Texts(Box<[Finder<'static>; 2]>),
    /// By patterns, but none in a CDATA section (`slowmatch`).
    Patterns(Patterns),
}

/// Elements from a mark that begins them to one that ends them, with both.
pub(super) struct XmlReader {
    from: Box<dyn InputStream>,
    name: String,
    marks: Marks,
    start: u64,
    last: u64,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    offset: u64,
    /// Bytes of the buffer that are done with.
    done: usize,
    record: (usize, usize),
    ended: bool,
}

impl XmlReader {
    /// Reads the elements that begin in a split.
    ///
    /// # Errors
    /// A mark that is not set, or is no pattern where it must be one; a file that cannot be read.
    pub(super) fn open(
        split: &FileSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Self> {
        let mark = |name: &str| {
            let key = format!("stream.recordreader.{name}");
            let text = job.get(&key)?.filter(|text| !text.is_empty());
            text.ok_or_else(|| Error::io(format!("JobConf: missing required property: {key}")))
        };
        let (begin, end) = (mark("begin")?, mark("end")?);
        let marks = if job.get_bool("stream.recordreader.slowmatch", false)? {
            Marks::Patterns(Patterns::new(&begin, &end, job)?)
        } else {
            let finder = |mark: &str| Finder::new(mark.as_bytes()).into_owned();
            Marks::Texts(Box::new([finder(&begin), finder(&end)]))
        };
        let mut from = files.get(&split.path)?.open(&split.path, None)?;
        from.seek(split.start)
            .map_err(|e| Error::system(format_args!("reading {}", split.path), &e))?;
        Ok(Self {
            from,
            name: split.path.to_string(),
            marks,
            start: split.start,
            last: split.end(),
            buffer: Vec::new(),
            offset: split.start,
            done: 0,
            record: (0, 0),
            ended: false,
        })
    }

    /// Reads on, if there is more.
    fn fill(&mut self) -> Result<()> {
        let before = self.buffer.len();
        let read = (&mut self.from).take(BUFFER as u64).read_to_end(&mut self.buffer);
        read.map_err(|e| Error::system(format_args!("reading {}", self.name), &e))?;
        self.ended = self.buffer.len() == before;
        Ok(())
    }

    /// Where the next mark at or behind a place of the buffer is; the buffer is filled as needed.
    fn find(&mut self, is_end: bool, from: usize) -> Result<Option<(usize, usize)>> {
        let mut looked = from;
        loop {
            let needle = match &mut self.marks {
                Marks::Texts(finders) => {
                    let [begin, end] = &**finders;
                    let finder = if is_end { end } else { begin };
                    let needle = finder.needle().len();
                    if let Some(at) = self.buffer.get(looked..).and_then(|rest| finder.find(rest)) {
                        let at = looked.saturating_add(at);
                        return Ok(Some((at, at.saturating_add(needle))));
                    }
                    needle
                }
                Marks::Patterns(patterns) => {
                    let wanted = from.saturating_add(patterns.window);
                    if self.ended || self.buffer.len() >= wanted {
                        let window = self.buffer.get(from..wanted.min(self.buffer.len()));
                        let found = patterns.find(window.unwrap_or_default(), is_end);
                        let behind = |at: usize| from.saturating_add(at);
                        return Ok(found.map(|(start, end)| (behind(start), behind(end))));
                    }
                    self.fill()?;
                    continue;
                }
            };
            if self.ended {
                return Ok(None);
            }
            looked = self.buffer.len().saturating_sub(needle.saturating_sub(1)).max(from);
            if !is_end && self.offset.saturating_add(looked as u64) >= self.last {
                return Ok(None);
            }
            if self.buffer.len().saturating_sub(self.done) > LONGEST {
                let name = &self.name;
                return Err(Error::io(format!("{name}: an element of more than {LONGEST} bytes")));
            }
            self.fill()?;
        }
    }
}

impl RecordReader for XmlReader {
    fn advance(&mut self) -> Result<bool> {
        // What is done with goes when there is enough of it.
        if self.done >= BUFFER {
            self.buffer.drain(..self.done);
            self.offset = self.offset.saturating_add(self.done as u64);
            self.done = 0;
        }
        self.record = (0, 0);
        let Some((begin, inner)) = self.find(false, self.done)? else { return Ok(false) };
        if self.offset.saturating_add(begin as u64) >= self.last {
            return Ok(false);
        }
        // Hadoop looks for a pattern from the element's first byte on.
        let from = if matches!(self.marks, Marks::Patterns(_)) { begin } else { inner };
        let Some((_, end)) = self.find(true, from)? else { return Ok(false) };
        self.done = end;
        self.record = (begin, end);
        Ok(true)
    }

    fn key(&self) -> Datum<'_> {
        Datum::Text(self.buffer.get(self.record.0..self.record.1).unwrap_or_default())
    }

    fn value(&self) -> Datum<'_> {
        Datum::Text(b"")
    }

    fn progress(&self) -> f32 {
        let all = self.last.saturating_sub(self.start);
        if all == 0 { 1.0 } else { (self.bytes_read() as f32 / all as f32).min(1.0) }
    }

    fn bytes_read(&self) -> u64 {
        self.offset.saturating_add(self.done as u64).saturating_sub(self.start)
    }
}

/// Marks as patterns, looked for in a window of text that knows of CDATA sections.
struct Patterns {
    begin: Regex,
    end: Regex,
    /// Bytes that are looked at: no element is longer.
    window: usize,
    /// Whether it is known that the place is in no CDATA section.
    is_outside: bool,
}

impl Patterns {
    fn new(begin: &str, end: &str, job: &Configuration) -> Result<Self> {
        let longest = job.get_int("stream.recordreader.maxrec", LONGEST_MATCHED)?;
        let ahead = job.get_int("stream.recordreader.lookahead", longest.saturating_mul(2))?;
        let window = usize::try_from(longest.max(ahead)).unwrap_or(0).min(LONGEST);
        let pattern = |mark: &str| {
            Regex::new(&format!(r"(CDATA\[)|(\]\]>)|({mark})")).map_err(|error| {
                Error::argument(format!("stream.recordreader: {mark:?} is no pattern: {error}"))
            })
        };
        Ok(Self { begin: pattern(begin)?, end: pattern(end)?, window, is_outside: false })
    }

    /// The first mark in a window that is in no CDATA section, as far as that can be known: what comes before the
    /// first sign of one may be inside, and a mark there counts only if the section did not end.
    fn find(&mut self, window: &[u8], is_end: bool) -> Option<(usize, usize)> {
        let pattern = if is_end { &self.end } else { &self.begin };
        let (mut first, mut is_inside) = (None, false);
        for found in pattern.captures_iter(window) {
            if found.get(1).is_some() {
                (is_inside, self.is_outside) = (true, true);
            } else if found.get(2).is_some() {
                // Marks before it were within the section.
                first = None;
                (is_inside, self.is_outside) = (false, true);
            } else {
                let mark = found.get(0).map(|mark| (mark.start(), mark.end()));
                first = first.or(mark);
                if self.is_outside && !is_inside {
                    return first;
                }
            }
        }
        first.filter(|_| !self.is_outside)
    }
}

#[cfg(test)]
mod tests {
    use loxodon_client::UserIdentity;

    use super::super::format::{READER, StreamInputFormat, XML_READER};
    use super::*;
    use crate::input::{InputFormat as _, InputSplit};

    #[test]
    fn an_element_belongs_to_the_split_it_begins_in() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.xml");
        let text: String = (0..5000).map(|n| format!("<a> {n} </a>\n<b/>")).collect();
        std::fs::write(&file, &text).unwrap();
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "file:///", "test");
        conf.set(READER, XML_READER, "test");
        conf.set("stream.recordreader.begin", "<a>", "test");
        conf.set("stream.recordreader.end", "</a>", "test");
        let files = FileSystems::new(&conf, UserIdentity::new("u")).unwrap();
        let path = files.path(&file.display().to_string()).unwrap();
        for size in [777, 5000, 1 << 20] {
            let mut found = Vec::new();
            let whole = text.len() as u64;
            for start in (0..whole).step_by(size) {
                let length = (size as u64).min(whole - start);
                let split = FileSplit { path: path.clone(), start, length, hosts: Vec::new() };
                let split = InputSplit::File(split);
                let mut reader = StreamInputFormat.open(&split, &conf, &files).unwrap();
                while reader.advance().unwrap() {
                    let Datum::Text(key) = reader.key() else { continue };
                    found.push(String::from_utf8(key.to_vec()).unwrap());
                }
            }
            let wanted: Vec<_> = (0..5000).map(|n| format!("<a> {n} </a>")).collect();
            assert!(found == wanted, "splits of {size} bytes");
        }
    }
    #[test]
    fn patterns_pass_over_what_is_in_cdata_sections() {
        let mut conf = Configuration::new();
        let mut patterns = Patterns::new("<a[^>]*>", "</a>", &conf).unwrap();
        // No sign of a section: the first one counts.
        assert_eq!(patterns.find(b"x <a n='1'>", false), Some((2, 11)));
        // The section may have begun before the text.
        assert_eq!(patterns.find(b"<a> ]]> </a>", false), None);
        assert!(patterns.is_outside);
        let text = b"<a> <![CDATA[ </a> ]]> </a>";
        assert_eq!(patterns.find(text, true), Some((23, 27)));
        assert_eq!(patterns.find(b"<![CDATA[ <a>", false), None);
        conf.set("stream.recordreader.maxrec", "70", "test");
        assert_eq!(Patterns::new("a", "b", &conf).unwrap().window, 140);
        assert!(Patterns::new("(", "b", &conf).is_err());
    }
}
