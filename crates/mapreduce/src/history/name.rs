//! What finished histories are called: everything that a list of jobs shows is in the file's name
//! (`FileNameIndexUtils`), and directories by day and number keep lists short (`JobHistoryUtils`).

use crate::job::JobId;

/// What a history file's name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoneName {
    /// The job.
    pub job: JobId,
    /// When it was submitted.
    pub submit_time: i64,
    /// Its owner.
    pub user: String,
    /// Its name, perhaps cut short.
    pub job_name: String,
    /// When it ended.
    pub finish_time: i64,
    /// Its maps.
    pub maps: i64,
    /// Its reduces.
    pub reduces: i64,
    /// `SUCCEEDED`, `FAILED` or `KILLED`.
    pub status: String,
    /// Its queue.
    pub queue: String,
    /// When its tasks began.
    pub start_time: i64,
}

/// Longest job name in a file's name (`mapreduce.jobhistory.jobname.limit`).
const NAME_LIMIT: usize = 50;
const EXTENSION: &str = ".jhist";

impl DoneName {
    /// The file's name.
    #[must_use]
    pub fn file_name(&self) -> String {
        let mut name = encode(&or_na(&self.job_name));
        cut(&mut name, NAME_LIMIT);
        format!(
            "{}-{}-{}-{name}-{}-{}-{}-{}-{}-{}{EXTENSION}",
            self.job,
            self.submit_time,
            encode(&or_na(&self.user)),
            self.finish_time,
            self.maps,
            self.reduces,
            encode(&self.status),
            encode(&or_na(&self.queue)),
            self.start_time,
        )
    }

    /// Reads a file's name; numbers that are none count as 0, as in Hadoop.
    #[must_use]
    pub fn parse(file_name: &str) -> Option<Self> {
        let mut parts = file_name.strip_suffix(EXTENSION)?.split('-');
        let job = decode(parts.next()?).parse().ok()?;
        let mut text = || parts.next().map(decode).unwrap_or_default();
        let number = |text: String| text.parse().unwrap_or_default();
        let submit_time = number(text());
        let (user, job_name) = (text(), text());
        let (finish_time, maps, reduces) = (number(text()), number(text()), number(text()));
        let (status, queue, start) = (text(), text(), text());
        let start_time = if start.is_empty() { submit_time } else { number(start) };
        Some(Self {
            job,
            submit_time,
            user,
            job_name,
            finish_time,
            maps,
            reduces,
            status,
            queue,
            start_time,
        })
    }
}

/// The name of the configuration beside a history file.
#[must_use]
pub fn conf_file_name(job: &JobId) -> String {
    format!("{job}_conf.xml")
}

/// The directory below the done directory, from the day that the job ended on: `2026/07/31/000000`.
#[must_use]
pub fn done_subdirectory(year: i16, month: i8, day: i8, job: &JobId) -> String {
    // Nine digits of the job's number, of which the first six group a thousand jobs.
    let serial = format!("{:09}", job.number);
    let group = serial.get(..6).unwrap_or(&serial);
    format!("{year:04}/{month:02}/{day:02}/{group}")
}

fn or_na(text: &str) -> String {
    if text.is_empty() { "NA".to_owned() } else { text.to_owned() }
}

/// Java's `URLEncoder`, and the delimiter besides.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'*' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Cuts encoded text where a character begins.
fn cut(encoded: &mut String, limit: usize) {
    if encoded.len() <= limit {
        return;
    }
    let mut end = 0;
    while let Some(next) = encoded.as_bytes().get(end) {
        let bytes = match (*next, encoded.get(end + 1..end + 3)) {
            (b'%', Some(hex)) => match u8::from_str_radix(hex, 16).unwrap_or(0) {
                0..=0x7f => 3,
                0xc2..=0xdf => 6,
                0xe0..=0xef => 9,
                _ => 12,
            },
            _ => 1,
        };
        if end + bytes > limit {
            break;
        }
        end += bytes;
    }
    encoded.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> DoneName {
        DoneName {
            job: JobId::new("1317928501754", 4),
            submit_time: 1_317_928_742_025,
            user: "a-nn".into(),
            job_name: "word count: ä/b".into(),
            finish_time: 1_317_928_754_958,
            maps: 2,
            reduces: 1,
            status: "SUCCEEDED".into(),
            queue: "default".into(),
            start_time: 1_317_928_743_000,
        }
    }

    #[test]
    fn names_are_hadoops_and_read_back() {
        let text = name().file_name();
        assert_eq!(
            text,
            "job_1317928501754_0004-1317928742025-a%2Dnn-word+count%3A+%C3%A4%2Fb-1317928754958-2-1-\
             SUCCEEDED-default-1317928743000.jhist"
        );
        assert_eq!(DoneName::parse(&text), Some(name()));
        assert_eq!(DoneName::parse("job_1_1.jhist").map(|n| n.job.number), Some(1));
        assert_eq!(DoneName::parse("job_1_1_conf.xml"), None);
        assert_eq!(decode("%zz%4"), "%zz%4");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = DoneName { job_name: "ä".repeat(40), ..name() };
        let read = DoneName::parse(&long.file_name()).unwrap();
        assert_eq!(read.job_name, "ä".repeat(8));
        assert_eq!(done_subdirectory(2026, 7, 3, &JobId::new("1", 12_345)), "2026/07/03/000012");
    }
}
