//! Pages for people: what those of all daemons share.

use super::{Request, Response, Router, StatusCode};

/// Of a file of a page: its path, its type, its text.
pub(crate) type PageFile = (&'static str, &'static str, &'static str);

/// The type of a page.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// The type of a script.
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

static SHARED: [PageFile; 2] = [
    ("/static/style.css", STYLE, include_str!("look/style.css")),
    ("/static/elements.js", SCRIPT, include_str!("look/elements.js")),
];

/// Adds a page's files, and those that every page is made of.
pub(crate) fn with_files(router: Router, files: &'static [PageFile]) -> Router {
    SHARED.iter().chain(files).fold(router, |router, &(path, kind, text)| {
        router.page(path, move |_: &Request| {
            Response::new(StatusCode::OK, text).header("Content-Type", kind)
        })
    })
}
