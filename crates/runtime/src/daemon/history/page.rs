//! The page that draws what REST tells of jobs: a JobTracker's, or a history server's.

use crate::web::look::{Page, with_page};
use crate::web::{Response, Router, StatusCode};

/// The page under a daemon's name, with the path of its jobs in REST. `/job/ID` and Hadoop's `/jobhistory/job/ID`,
/// which status reports name, lead to the job.
pub(in crate::daemon) fn pages(daemon: &str, jobs: &str) -> Router {
    let page = Page {
        daemon,
        icon: "M3 5h7M3 8h10M6 11h6",
        links: &[],
        data: jobs,
        scripts: &[
            ("/static/timeline.js", include_str!("../jobtracker/page/timeline.js")),
            ("/static/page.js", include_str!("../jobtracker/page/page.js")),
        ],
    };
    let mut router = with_page(Router::new(), &["/", "/jobhistory", "/jobhistory/app"], &page);
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
    fn jobs_have_addresses_of_their_own() {
        let paths: Vec<String> = pages("JobHistory", "/x").paths().map(str::to_owned).collect();
        for path in ["/", "/static/page.js", "/job", "/jobhistory/job"] {
            assert!(paths.iter().any(|known| known == path), "{paths:?}");
        }
    }
}
