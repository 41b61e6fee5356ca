//! Pages for people: what those of all daemons share.

use std::sync::Arc;

use super::{Request, Response, Router, StatusCode};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// What every page has around what it shows.
pub(crate) struct Frame<'a> {
    /// The name of the daemon, and where that leads.
    pub(crate) daemon: (&'a str, &'a str),
    /// The window's title.
    pub(crate) title: &'a str,
    /// The path in its icon.
    pub(crate) icon: &'static str,
    /// Links beside those that all have: address and name.
    pub(crate) links: &'static [(&'static str, &'static str)],
    /// Seconds after which it is loaded again, if it is.
    pub(crate) refresh: Option<u32>,
}

impl Frame<'_> {
    /// The page around this, which is HTML.
    pub(crate) fn around(&self, main: &str) -> String {
        let links = self.links.iter().map(|(path, name)| format!("<a href=\"{path}\">{name}</a>"));
        let refresh = self.refresh.map_or_else(String::new, |seconds| {
            format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n")
        });
        include_str!("look/page.html")
            .replace("{refresh}", &refresh)
            .replace("{title}", self.title)
            .replace("{home}", self.daemon.1)
            .replace("{daemon}", self.daemon.0)
            .replace("{icon}", self.icon)
            .replace("{links}", &links.collect::<String>())
            // Last, for it may have anything in it.
            .replace("{main}", main)
    }
}

/// A page that scripts draw.
pub(crate) struct Page<'a> {
    /// The name of the daemon.
    pub(crate) daemon: &'a str,
    /// The path in its icon.
    pub(crate) icon: &'static str,
    /// Links beside those that all have: address and name.
    pub(crate) links: &'static [(&'static str, &'static str)],
    /// What the scripts draw.
    pub(crate) data: &'a str,
    /// Their addresses and texts, in the order they run.
    pub(crate) scripts: &'static [(&'static str, &'static str)],
}

impl Page<'_> {
    fn html(&self) -> String {
        let scripts = self.scripts.iter();
        let scripts = scripts.map(|(path, _)| format!("<script src=\"{path}\" defer></script>\n"));
        let main = include_str!("look/drawn.html")
            .replace("{data}", self.data)
            .replace("{scripts}", &scripts.collect::<String>());
        let (daemon, title) = ((self.daemon, "#/"), self.daemon);
        Frame { daemon, title, icon: self.icon, links: self.links, refresh: None }.around(&main)
    }
}

/// Adds what every page is made of.
pub(crate) fn with_elements(router: Router) -> Router {
    let router = file(router, "/static/style.css", STYLE, include_str!("look/style.css"));
    file(router, "/static/elements.js", SCRIPT, include_str!("look/elements.js"))
}

/// Adds a page at some paths, with its scripts and what every page is made of.
pub(crate) fn with_page(router: Router, paths: &[&'static str], page: &Page<'_>) -> Router {
    let html: Arc<str> = page.html().into();
    let router = paths.iter().fold(with_elements(router), |router, path| {
        let html = Arc::clone(&html);
        router.page(path, move |_: &Request| {
            Response::new(StatusCode::OK, html.to_string()).header("Content-Type", HTML)
        })
    });
    let scripts = page.scripts.iter();
    scripts.fold(router, |router, (path, text)| file(router, path, SCRIPT, text))
}

fn file(router: Router, path: &'static str, kind: &'static str, text: &'static str) -> Router {
    router.page(path, move |_: &Request| {
        Response::new(StatusCode::OK, text).header("Content-Type", kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_is_around_stays_as_it_is() {
        let frame = Frame {
            daemon: ("TaskTracker", "/"),
            title: "tracker_a",
            icon: "M1 1h2",
            links: &[],
            refresh: Some(3),
        };
        let html = frame.around("<main>{title} {links}</main>\n");
        for part in [
            "<meta http-equiv=\"refresh\" content=\"3\">\n<title>tracker_a</title>",
            "<a class=\"brand\" href=\"/\">TaskTracker</a>",
            "</header>\n<main>{title} {links}</main>\n</body>",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }

    #[test]
    fn a_page_has_its_own_name_links_and_scripts() {
        let page = Page {
            daemon: "JobHistory",
            icon: "M1 1h2",
            links: &[("/startupProgress", "Startup")],
            data: "/ws/v1/history",
            scripts: &[("/static/a.js", "1;"), ("/static/b.js", "2;")],
        };
        let html = page.html();
        for part in [
            "<title>JobHistory</title>",
            "d='M1 1h2'",
            "<a href=\"/startupProgress\">Startup</a>",
            "<a href=\"/ws/v1/history\">",
            "a.js\" defer></script>\n<script src=\"/static/b.js\"",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(!html.contains('{'), "{html}");
        let paths: Vec<String> =
            with_page(Router::new(), &["/"], &page).paths().map(str::to_owned).collect();
        for path in ["/", "/static/a.js", "/static/b.js", "/static/elements.js"] {
            assert!(paths.iter().any(|known| known == path), "{paths:?}");
        }
    }
}
