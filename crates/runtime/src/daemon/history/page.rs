//! The page that draws what REST tells of jobs: a JobTracker's, or a history server's.

use std::sync::Arc;

use crate::web::look::{HTML, PageFile, SCRIPT, with_files};
use crate::web::{Response, Router, StatusCode};

const INDEX: &str = include_str!("../jobtracker/page/index.html");
/// The JobTracker's jobs, for who has no scripts.
const JOBS: &str = "/ws/v1/mapreduce/jobs";
/// The page's scripts.
const SCRIPTS: [PageFile; 2] = [
    ("/static/page.js", SCRIPT, include_str!("../jobtracker/page/page.js")),
    ("/static/timeline.js", SCRIPT, include_str!("../jobtracker/page/timeline.js")),
];

/// The page under a daemon's name, with the path of its jobs in REST. `/job/ID` and Hadoop's `/jobhistory/job/ID`, which status reports name, lead to the
/// job.
pub(in crate::daemon) fn pages(daemon: &str, jobs: &str) -> Router {
    let index: Arc<str> = INDEX.replace("JobTracker", daemon).replace(JOBS, jobs).into();
    let mut router = with_files(Router::new(), &SCRIPTS);
    for path in ["/", "/jobhistory", "/jobhistory/app"] {
        let index = Arc::clone(&index);
        router = router.page(path, move |_| {
            Response::new(StatusCode::OK, index.to_string()).header("Content-Type", HTML)
        });
    }
    for path in ["/job", "/jobhistory/job"] {
        router = router.route_below(path, move |request| {
            let job = request.path.rsplit('/').next().unwrap_or_default();
            // Nothing but an id goes into the header.
            let is_id = job.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let answer = if is_id {
                Response::new(StatusCode::FOUND, "").header("Location", &format!("/#/job/{job}"))
            } else {
                Response::error(StatusCode::NOT_FOUND, "Not Found")
            };
            std::future::ready(answer)
        });
    }
    router
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_whose_it_is() {
        assert!(INDEX.contains("<title>JobTracker</title>") && INDEX.contains(JOBS));
        let paths: Vec<String> = pages("JobHistory", "/x").paths().map(str::to_owned).collect();
        for path in ["/", "/static/page.js", "/job", "/jobhistory/job"] {
            assert!(paths.iter().any(|known| known == path), "{paths:?}");
        }
    }
}
