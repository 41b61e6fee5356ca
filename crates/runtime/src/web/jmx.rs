//! `/jmx`: beans as JSON, as Hadoop's `JMXJsonServlet` writes them, byte for byte of layout.

use std::fmt::Write as _;
use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::bean::{Bean, BeanSource, NamePattern};
use super::page::{Request, Response};

/// Answers `/jmx`, `/jmx?qry=<pattern>` and `/jmx?get=<bean>::<attribute>`.
///
/// The status is 200 whatever was asked: Java sets another only after it has sent this one, and
/// scripts read the body.
pub(super) fn answer(sources: &[Arc<dyn BeanSource>], request: &Request) -> Response {
    let body = match (request.parameter("get"), request.parameter("qry")) {
        (Some(get), _) => attribute(sources, get),
        (None, qry) => match NamePattern::parse(qry.unwrap_or("*:*")) {
            Some(pattern) => all(sources, &pattern),
            None => json!({}),
        },
    };
    let mut text = String::new();
    print(&body, 0, &mut text);
    Response::new(StatusCode::OK, text)
        .header("Content-Type", "application/json; charset=utf8")
        .header("Access-Control-Allow-Methods", "GET")
        .header("Access-Control-Allow-Origin", "*")
}

fn all(sources: &[Arc<dyn BeanSource>], pattern: &NamePattern) -> Value {
    let beans = matching(sources, pattern).map(|bean| {
        let mut object = head(&bean);
        object.extend(bean.attributes.into_iter().map(|(name, value)| (name.into_owned(), value)));
        Value::Object(object)
    });
    json!({ "beans": beans.collect::<Vec<_>>() })
}

fn attribute(sources: &[Arc<dyn BeanSource>], get: &str) -> Value {
    let Some((name, attribute)) = get.split_once("::").filter(|(_, a)| !a.contains("::")) else {
        let message = "query format is not as expected.";
        return json!({ "result": "ERROR", "message": message });
    };
    let Some(pattern) = NamePattern::parse(name) else {
        return json!({});
    };
    let mut beans = Vec::new();
    for bean in matching(sources, &pattern) {
        let mut object = head(&bean);
        let found = bean.attributes.into_iter().find(|(name, _)| name == attribute);
        let Some((_, value)) = found.filter(|(_, value)| !value.is_null()) else {
            let message = format!("No attribute with name {attribute} was found.");
            object.insert("result".into(), "ERROR".into());
            object.insert("message".into(), message.into());
            beans.push(Value::Object(object));
            return json!({ "beans": beans });
        };
        object.insert(attribute.to_owned(), value);
        beans.push(Value::Object(object));
    }
    json!({ "beans": beans })
}

fn matching(sources: &[Arc<dyn BeanSource>], pattern: &NamePattern) -> impl Iterator<Item = Bean> {
    sources.iter().flat_map(|source| source.beans()).filter(|bean| pattern.matches(&bean.name))
}

fn head(bean: &Bean) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("name".into(), bean.name.clone().into());
    object.insert("modelerType".into(), bean.modeler_type.clone().into());
    object
}

/// Jackson's default pretty printer: objects on lines of their own, arrays in one.
fn print(value: &Value, depth: usize, out: &mut String) {
    let newline = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Object(object) if object.is_empty() => out.push_str("{ }"),
        Value::Object(object) => {
            out.push('{');
            for (i, (key, value)) in object.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                newline(depth + 1, out);
                let _infallible = write!(out, "{} : ", Value::from(key.as_str()));
                print(value, depth + 1, out);
            }
            newline(depth, out);
            out.push('}');
        }
        Value::Array(items) if items.is_empty() => out.push_str("[ ]"),
        Value::Array(items) => {
            out.push_str("[ ");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                print(item, depth, out);
            }
            out.push_str(" ]");
        }
        scalar => {
            let _infallible = write!(out, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl BeanSource for Two {
        fn beans(&self) -> Vec<Bean> {
            vec![
                Bean::new("Hadoop:service=NameNode,name=A", "A")
                    .with("Count", 3)
                    .with("Rate", 0.0)
                    .with("Names", json!(["x", "y"]))
                    .with("Maps", json!([{ "k": 1 }, { "k": [] }]))
                    .with("tag", "a\"b"),
                Bean::new("Hadoop:service=NameNode,name=B", "B").with("Nothing", Value::Null),
            ]
        }
    }

    fn get(query: &str) -> (StatusCode, String) {
        let sources: [Arc<dyn BeanSource>; 1] = [Arc::new(Two)];
        let answer = answer(&sources, &Request::get("/jmx", query));
        (answer.status(), answer.text().unwrap())
    }

    #[test]
    fn layout_is_jacksons() {
        let expected = r#"{
  "beans" : [ {
    "name" : "Hadoop:service=NameNode,name=A",
    "modelerType" : "A",
    "Count" : 3,
    "Rate" : 0.0,
    "Names" : [ "x", "y" ],
    "Maps" : [ {
      "k" : 1
    }, {
      "k" : [ ]
    } ],
    "tag" : "a\"b"
  } ]
}"#;
        assert_eq!(get("qry=Hadoop:name=A,*"), (StatusCode::OK, expected.to_owned()));
    }

    #[test]
    fn one_attribute_is_found_or_named() {
        let (status, text) = get("get=Hadoop:service=NameNode,name=A::Count");
        assert_eq!(status, StatusCode::OK);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["beans"][0]["Count"], 3);
        let (status, text) = get("get=Hadoop:service=NameNode,name=A::Missing");
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("No attribute with name Missing was found."));
        assert!(get("get=x").1.contains("query format is not as expected."));
        assert_eq!(get("qry=nonsense"), (StatusCode::OK, "{ }".into()));
        let nothing = "{\n  \"beans\" : [ ]\n}".to_owned();
        assert_eq!(get("qry=Hadoop:name=C"), (StatusCode::OK, nothing));
    }
}
