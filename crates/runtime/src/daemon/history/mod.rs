//! Finished jobs: where their histories are, what is told of them, and the server that tells it where no JobTracker
//! does.
//!
//! | file | is |
//! | --- | --- |
//! | `settings` | `mapreduce.jobhistory.*` |
//! | `done` | which histories are in the done directory |
//! | `intermediate` | what others left to be put there |
//! | `place` | a history file moves |
//! | `finished`, `told` | finished jobs by REST |
//! | `rest`, `json` | a JobTracker's jobs by REST, those that run among them |
//! | `answer`, `filter`, `xml` | what both share |
//! | `page` | the page that draws what REST tells |
//! | `shelf`, `server`, `admin` | the history server: what it knows, its doors, its operators |

mod admin;
mod answer;
mod done;
mod filter;
mod finished;
mod intermediate;
mod json;
mod page;
mod place;
mod rest;
mod server;
mod settings;
mod shelf;
mod told;
mod xml;

pub(super) use answer::{Answer, Refusal, respond};
pub(super) use done::DoneIndex;
pub(super) use finished::{HistorySource, answer_history};
pub(super) use page::pages;
pub(super) use place::{DIRECTORY, FILE_OPTIONS, move_file};
pub(super) use rest::{JobSource, answer_jobs};
pub use server::{HistoryStartError, RunningHistoryServer, run};
pub(super) use settings::HistorySettings;
