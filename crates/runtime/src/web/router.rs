//! Which page answers which path.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::page::{Request, Response};

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;
type Page = Arc<dyn Fn(Request) -> Answering + Send + Sync>;

/// Pages by path.
#[derive(Clone, Default)]
pub struct Router {
    exact: Vec<(String, Page)>,
    prefixes: Vec<(String, Page)>,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("paths", &self.paths().collect::<Vec<_>>()).finish()
    }
}

impl Router {
    /// No pages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A page that is only looked at (GET, HEAD, OPTIONS) and that neither waits nor takes long.
    #[must_use]
    pub fn page(
        self,
        path: &str,
        page: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.route(path, move |request: Request| {
            let answer = match request.method {
                Method::GET | Method::HEAD => page(&request),
                // With this Java's clients find out whether they must authenticate.
                Method::OPTIONS => {
                    Response::new(StatusCode::OK, "").header("Allow", "GET, HEAD, OPTIONS")
                }
                _ => Response::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
            };
            std::future::ready(answer)
        })
    }

    /// A page that may wait, for all methods.
    #[must_use]
    pub fn route<F: Future<Output = Response> + Send + 'static>(
        mut self,
        path: &str,
        page: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Self {
        self.exact.push((path.to_owned(), boxed(page)));
        self
    }

    /// [`Self::route`] for `path` and everything below it.
    #[must_use]
    pub fn route_below<F: Future<Output = Response> + Send + 'static>(
        mut self,
        path: &str,
        page: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Self {
        self.prefixes.push((path.trim_end_matches('/').to_owned(), boxed(page)));
        self
    }

    /// The paths that have a page.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.exact.iter().chain(&self.prefixes).map(|(path, _)| path.as_str())
    }

    pub(super) async fn answer(&self, request: Request) -> Response {
        match self.find(&request.path) {
            Some(page) => page(request).await,
            None => Response::error(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    fn find(&self, path: &str) -> Option<&Page> {
        let exact = self.exact.iter().find(|(p, _)| p == path);
        let below = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        exact
            .or_else(|| self.prefixes.iter().find(|(prefix, _)| below(prefix)))
            .map(|(_, page)| page)
    }
}

fn boxed<F: Future<Output = Response> + Send + 'static>(
    page: impl Fn(Request) -> F + Send + Sync + 'static,
) -> Page {
    Arc::new(move |request| Box::pin(page(request)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_of_a_path_answers() {
        let router = Router::new()
            .page("/jmx", |_| Response::plain(StatusCode::OK, "beans"))
            .route_below("/webhdfs/v1", |request: Request| async move {
                Response::plain(StatusCode::OK, request.path)
            });
        let get = async |path: &str| router.answer(Request::get(path, "")).await;
        assert_eq!(get("/jmx").await.text().unwrap(), "beans");
        assert_eq!(get("/webhdfs/v1").await.text().unwrap(), "/webhdfs/v1");
        assert_eq!(get("/webhdfs/v1/a/b").await.text().unwrap(), "/webhdfs/v1/a/b");
        assert_eq!(get("/webhdfs/v12").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/jmx/").await.status(), StatusCode::NOT_FOUND);
        let put = Request { method: Method::PUT, ..Request::get("/jmx", "") };
        assert_eq!(router.answer(put).await.status(), StatusCode::METHOD_NOT_ALLOWED);
        let mut options = Request::get("/jmx", "");
        options.method = Method::OPTIONS;
        let answer = router.answer(options).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["Allow"], "GET, HEAD, OPTIONS");
    }
}
