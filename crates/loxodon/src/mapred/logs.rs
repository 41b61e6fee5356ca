//! Logs of attempts, from the pages of the trackers that ran them.

use std::time::Duration;

use loxodon_console::{eprintln, print, println};
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::protocol::{LogParams, LogRequest};
use loxodon_runtime::web::StatusCode;
use loxodon_runtime::web::client::{HttpTarget, get};

use super::connection::Connection;

/// Longest log that is shown.
const MOST: usize = 256 << 20;
/// How long a tracker may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints the log of an attempt, or of all attempts of a job.
///
/// # Errors
/// The JobTracker or the tracker does not answer, or the log is gone.
pub(super) fn print(connection: &Connection, job: &str, attempt: Option<&str>) -> Result<()> {
    let attempts = match attempt {
        Some(attempt) => vec![attempt.to_owned()],
        None => attempts(connection, job)?,
    };
    let is_one = attempt.is_some();
    for attempt in attempts {
        let shown = text(connection, job, &attempt);
        match shown {
            Ok(text) => {
                if !is_one {
                    println!("======== {attempt}");
                }
                print!("{text}");
            }
            Err(error) if is_one => return Err(error),
            Err(error) => eprintln!("{attempt}: {error}"),
        }
    }
    Ok(())
}

fn attempts(connection: &Connection, job: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for kind in ["MAP", "REDUCE"] {
        for task in connection.tasks(job, kind, true)? {
            all.extend(task.attempts.into_iter().map(|attempt| attempt.attempt_id));
        }
    }
    Ok(all)
}

fn text(connection: &Connection, job: &str, attempt: &str) -> Result<String> {
    let request = LogRequest { job_id: job.to_owned(), attempt_id: attempt.to_owned() };
    let found: LogParams = connection.call("getLogFileParams", &request)?;
    let place = found.tracker_http.rsplit_once(':');
    let (host, port) = place
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .ok_or_else(|| Error::io(format!("{} has no pages", found.tracker)))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::system("starting the threads of HTTP", &e))?;
    runtime.block_on(async {
        let mut target = HttpTarget::new(host, port);
        target.connect_timeout = PATIENCE;
        target.read_timeout = PATIENCE;
        let failed = |error: loxodon_runtime::web::client::HttpError| Error::io(error.to_string());
        let path = format!("/tasklog?plaintext=true&attemptid={attempt}");
        let answer = get(&target, &path, &[]).await.map_err(failed)?;
        let status = answer.status;
        let text = answer.text(MOST).await.map_err(failed)?;
        if status == StatusCode::OK {
            return Ok(text);
        }
        Err(Error::io(format!("the log of {attempt} is not at {}: {status}", found.tracker_http)))
    })
}
