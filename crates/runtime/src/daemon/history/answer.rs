//! Answers of the REST interfaces: JSON or XML, and errors as Hadoop's web services word them
//! (`GenericExceptionHandler`).

use loxodon_mapreduce::error::Error;
use serde_json::{Value, json};

use super::xml;
use crate::web::{Request, Response, StatusCode};

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::daemon) enum Refusal {
    NotFound(String),
    /// A parameter that is none (`BadRequestException`).
    Wrong(String),
    /// A name that is none (`IllegalArgumentException`).
    Illegal(String),
    /// What Hadoop has and we do not.
    Unsupported(String),
    Denied(String),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Refusal {
    fn told(self) -> (StatusCode, String, String) {
        let (status, class, text) = match self {
            Self::NotFound(text) => {
                let class = "org.apache.hadoop.yarn.webapp.NotFoundException";
                (StatusCode::NOT_FOUND, class, text)
            }
            Self::Wrong(text) => {
                let class = "org.apache.hadoop.yarn.webapp.BadRequestException";
                (StatusCode::BAD_REQUEST, class, text)
            }
            Self::Illegal(text) => {
                (StatusCode::BAD_REQUEST, "java.lang.IllegalArgumentException", text)
            }
            Self::Unsupported(text) => {
                (StatusCode::BAD_REQUEST, "java.lang.UnsupportedOperationException", text)
            }
            Self::Denied(text) => {
                let class = "org.apache.hadoop.security.AccessControlException";
                (StatusCode::UNAUTHORIZED, class, text)
            }
            Self::Failed(error) => {
                let class = error.java_class().to_owned();
                return (StatusCode::INTERNAL_SERVER_ERROR, class, error.to_string());
            }
        };
        (status, class.to_owned(), text)
    }
}

pub(in crate::daemon) type Answer = std::result::Result<Value, Refusal>;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Xml,
}

impl Form {
    /// The form that a request accepts rather than the other; JSON where both are alike.
    fn accepted(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept.filter(|text| !text.trim().is_empty()) else {
            return Some(Self::Json);
        };
        let json = weight(accept, "application/json");
        let xml = weight(accept, "application/xml");
        match (json, xml) {
            (None, None) => None,
            (json, xml) if xml > json => Some(Self::Xml),
            _ => Some(Self::Json),
        }
    }
}

/// How much a type is wanted: thousandths, then how exactly it is named.
fn weight(accept: &str, wanted: &str) -> Option<(u32, u8)> {
    let group = wanted.split('/').next().unwrap_or_default();
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        let exact = match name {
            "*/*" => 0,
            name if name.strip_suffix("/*") == Some(group) => 1,
            name if name.eq_ignore_ascii_case(wanted) => 2,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        Some((exact, (quality.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u32))
    });
    let (exact, quality) = ranges.max_by_key(|(exact, _)| *exact)?;
    (quality > 0).then_some((quality, exact))
}

/// An answer as the request wants it. Lists are lists, whatever is in them, as in Hadoop up to 3.4: the writer of 3.5
/// makes an object of a list of one.
pub(in crate::daemon) fn respond(request: &Request, found: Answer) -> Response {
    let Some(form) = Form::accepted(request.header("Accept")) else {
        let class = "javax.ws.rs.NotAcceptableException";
        let value = exception(class, "HTTP 406 Not Acceptable");
        return body(Form::Json, StatusCode::NOT_ACCEPTABLE, &value);
    };
    match found {
        Ok(value) => body(form, StatusCode::OK, &value),
        Err(refusal) => {
            let (status, class, message) = refusal.told();
            body(form, status, &exception(&class, &message))
        }
    }
}

fn exception(class: &str, message: &str) -> Value {
    let name = class.rsplit('.').next().unwrap_or_default();
    json!({"RemoteException": {"exception": name, "message": message, "javaClassName": class}})
}

fn body(form: Form, status: StatusCode, value: &Value) -> Response {
    let (text, kind) = match form {
        Form::Json => (value.to_string(), "application/json;charset=utf-8"),
        Form::Xml => (xml::document(value), "application/xml;charset=utf-8"),
    };
    Response::new(status, text).header("Content-Type", kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_wanted_most() {
        for (accept, form) in [
            (None, Some(Form::Json)),
            (Some(""), Some(Form::Json)),
            (Some("*/*"), Some(Form::Json)),
            (Some("application/*"), Some(Form::Json)),
            (Some("application/xml"), Some(Form::Xml)),
            (Some("application/xml, */*"), Some(Form::Xml)),
            (Some("application/json;q=0.5, application/xml;q=0.9"), Some(Form::Xml)),
            (Some("application/xml, application/json"), Some(Form::Json)),
            (
                Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                Some(Form::Xml),
            ),
            (Some("application/json;q=0, */*"), Some(Form::Xml)),
            (Some("text/html"), None),
        ] {
            assert_eq!(Form::accepted(accept), form, "{accept:?}");
        }
    }
}
