//! Finished jobs: where their histories are, what is told of them, and the server that tells it where no JobTracker
//! does.
//!
//! | file | is |
//! | --- | --- |
//! | `settings` | `mapreduce.jobhistory.*` |
//! | `done` | which histories are in the done directory |
//! | `intermediate` | what others left to be put there |
//! | `place` | a history file moves |
//! | `rest`, `json`, `xml` | jobs by REST; a JobTracker uses them for those that run, too |
//! | `page` | the page that draws what REST tells |
//! | `shelf`, `server`, `admin` | the history server: what it knows, its doors, its operators |

mod admin;
mod done;
mod intermediate;
mod json;
mod page;
mod place;
mod rest;
mod server;
mod settings;
mod shelf;
mod xml;

pub(super) use done::DoneIndex;
pub(super) use page::pages;
pub(super) use place::{DIRECTORY, FILE_OPTIONS, move_file};
pub(super) use rest::{Answer, JobSource, Refusal, answer_jobs, respond};
pub use server::{HistoryStartError, RunningHistoryServer, run};
pub(super) use settings::HistorySettings;
