//! The pages that every daemon has.

use std::sync::Arc;

use hyper::StatusCode;
use loxodon_conf::{Configuration, keys};

use super::bean::BeanSource;
use super::log_level::LogLevels;
use super::page::{Request, Response, escape_html};
use super::router::Router;
use super::{configuration, jmx, log_level, prometheus, stacks};

/// What a daemon shows of itself.
#[derive(Clone)]
pub struct Daemon {
    /// Its name, as the start page says it.
    pub name: String,
    /// Where its beans come from.
    pub beans: Arc<[Arc<dyn BeanSource>]>,
    /// Its configuration.
    pub configuration: Arc<Configuration>,
    /// How much it logs.
    pub log_levels: Arc<LogLevels>,
}

const UNAUTHENTICATED: &str = "Unauthenticated users are not authorized to access this page.";

/// Adds `/jmx`, `/prom`, `/conf`, `/stacks`, `/logLevel`, and `/` with links to all that is there.
#[must_use]
pub fn standard_pages(router: Router, daemon: Daemon) -> Router {
    let Daemon { name, beans, configuration, log_levels } = daemon;
    let metrics = beans.clone();
    let guarded = configuration.bool(&keys::AUTHORIZATION).unwrap_or(true);
    let router = router
        .page("/jmx", move |request| jmx::answer(&beans, request))
        .page("/prom", move |_| prometheus::answer(&metrics))
        .page("/conf", move |request| configuration::answer(&configuration, request))
        .page("/stacks", |_| stacks::answer())
        .page("/logLevel", move |request| match guarded {
            // Nobody proves here who he is (`HttpServer2.hasAdministratorAccess`).
            true => Response::error(StatusCode::FORBIDDEN, UNAUTHENTICATED),
            false => log_level::answer(&log_levels, request),
        });
    let index = index(&name, &router);
    router.page("/", move |_| Response::html(StatusCode::OK, index.clone()))
}

fn index(name: &str, router: &Router) -> String {
    let name = escape_html(name);
    let links: String = router
        .paths()
        .map(|path| format!("<li><a href=\"{0}\">{0}</a></li>\n", escape_html(path)))
        .collect();
    format!(
        "<!DOCTYPE html>\n<html>\n<head><title>{name}</title></head>\n\
         <body>\n<h1>{name}</h1>\n<ul>\n{links}</ul>\n</body>\n</html>\n"
    )
}

/// `/isActive`: 200 while `is_active`, else 405 (`IsActiveServlet`); load balancers ask.
pub fn is_active_page(
    is_active: impl Fn() -> bool + Send + Sync + 'static,
) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |_| {
        let answer = if is_active() {
            Response::plain(StatusCode::OK, "I am Active!")
        } else {
            Response::error(StatusCode::METHOD_NOT_ALLOWED, "I am not Active!")
        };
        answer.header("Connection", "close")
    }
}
