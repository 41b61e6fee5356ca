//! What `mapred job -history` prints (`HistoryViewer`): a finished job for people, or as JSON.

mod human;
mod json;
mod summary;

use jiff::tz::TimeZone;

use super::record::JobRecord;

/// How a history is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ViewFormat {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

impl ViewFormat {
    /// The format of that name, in whatever case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "human" => Some(Self::Human),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// The text of a job's history; tasks and attempts that succeeded are in it where `all`. Times are shown in `zone`.
/// Nothing where the file tells of no job.
#[must_use]
pub fn view(record: &JobRecord, all: bool, format: ViewFormat, zone: &TimeZone) -> Option<String> {
    let job = record.job.as_ref()?;
    Some(match format {
        ViewFormat::Human => human::print(record, job, all, zone),
        ViewFormat::Json => json::print(record, job, all),
    })
}
