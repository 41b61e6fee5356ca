//! `/conf`: the configuration as XML or JSON (`ConfServlet`), without secrets.

use std::collections::BTreeMap;

use hyper::StatusCode;
use loxodon_conf::{Configuration, keys};
use serde_json::{Value, json};

use super::page::{Request, Response, escape_html};

/// One property as it is shown.
struct Property {
    value: String,
    is_final: bool,
    source: String,
    secret: bool,
}

/// Answers `/conf` and `/conf?name=<key>`; JSON if `Accept` or `format` asks for it, else XML.
pub(super) fn answer(configuration: &Configuration, request: &Request) -> Response {
    let json = request.parameter("format").map_or_else(
        || request.header("Accept").is_some_and(|accept| accept.contains("json")),
        |format| format == "json",
    );
    if let Some(format) = request.parameter("format").filter(|f| !matches!(*f, "json" | "xml")) {
        let reason = format!("Bad format: {format}");
        return Response::error(StatusCode::BAD_REQUEST, &reason);
    }
    let mut properties = properties(configuration);
    let name = request.parameter("name").filter(|name| !name.is_empty());
    if let Some(name) = name {
        properties.retain(|key, _| key == name);
        if properties.is_empty() {
            let reason = format!("Property {name} not found");
            return Response::error(StatusCode::NOT_FOUND, &reason);
        }
    }
    if json {
        let text = as_json(&properties, name.is_some());
        Response::new(StatusCode::OK, text)
            .header("Content-Type", "application/json; charset=utf-8")
    } else {
        Response::new(StatusCode::OK, as_xml(&properties))
            .header("Content-Type", "text/xml; charset=utf-8")
    }
}

/// Everything that is set, and the defaults of what is not.
fn properties(configuration: &Configuration) -> BTreeMap<String, Property> {
    let mut all = BTreeMap::new();
    for key in keys::all().filter(|key| !key.default.is_empty()) {
        let file = match key.name.split('.').next() {
            Some("dfs") => "hdfs-default.xml",
            Some("mapreduce" | "mapred") => "mapred-default.xml",
            Some("yarn") => "yarn-default.xml",
            _ => "core-default.xml",
        };
        let property = Property {
            value: shown(configuration, key.name, key.default),
            is_final: false,
            source: file.to_owned(),
            secret: is_secret(key.name),
        };
        all.insert(key.name.to_owned(), property);
    }
    for (name, entry) in configuration.entries() {
        let property = Property {
            value: shown(configuration, name, &entry.value),
            is_final: entry.is_final,
            source: entry.source.to_string(),
            secret: is_secret(name),
        };
        all.insert(name.to_owned(), property);
    }
    all
}

/// The expanded value; as it was written where it cannot be expanded.
fn shown(configuration: &Configuration, name: &str, raw: &str) -> String {
    configuration.get(name).ok().flatten().unwrap_or_else(|| raw.to_owned())
}

/// Hadoop's default for `hadoop.security.sensitive-config-keys`.
fn is_secret(name: &str) -> bool {
    let s3_key = name.starts_with("fs.s3")
        && ["secret.key", "secretkey", "secret-key"]
            .iter()
            .any(|end| name.to_ascii_lowercase().contains(end));
    let oauth = name.split_once("oauth").is_some_and(|(_, rest)| {
        ["secret", "password", "token"].iter().any(|word| rest.contains(word))
    });
    ["secret", "password", "username", "ssl.keystore.pass", "credential"]
        .iter()
        .any(|end| name.ends_with(end))
        || s3_key
        || oauth
        || name.contains("server-side-encryption.key")
        || name.contains("fs.s3a.encryption.")
        || name.contains("fs.azure.account.key")
        || name.contains("hadoop.security.sensitive-config-keys")
}

fn as_json(properties: &BTreeMap<String, Property>, single: bool) -> String {
    let mut list: Vec<Value> = properties
        .iter()
        .map(|(name, property)| {
            let value = if property.secret { "<redacted>" } else { property.value.as_str() };
            json!({
                "key": name,
                "value": value,
                "isFinal": property.is_final,
                "resource": property.source,
            })
        })
        .collect();
    match list.pop() {
        Some(only) if single => json!({ "property": only }),
        Some(last) => {
            list.push(last);
            json!({ "properties": list })
        }
        None => json!({ "properties": [] }),
    }
    .to_string()
}

fn as_xml(properties: &BTreeMap<String, Property>) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?><configuration>\n",
    );
    for (name, property) in properties {
        let value = if property.secret { "******" } else { property.value.as_str() };
        for (tag, text) in [("<property><name>", name.as_str()), ("</name><value>", value)] {
            out.push_str(tag);
            out.push_str(&escape_html(text));
        }
        out.push_str("</value><final>");
        out.push_str(if property.is_final { "true" } else { "false" });
        out.push_str("</final><source>");
        out.push_str(&escape_html(&property.source));
        out.push_str("</source></property>\n");
    }
    out.push_str("</configuration>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(query: &str, accept: &str) -> (StatusCode, String) {
        let mut configuration = Configuration::new();
        configuration.set("my.password", "hunter2", "test");
        configuration.set("my.a", "<1>", "test");
        let mut request = Request::get("/conf", query);
        request.headers.insert("Accept", accept.parse().unwrap());
        let answer = answer(&configuration, &request);
        (answer.status(), answer.text().unwrap())
    }

    #[test]
    fn one_property_is_shown_as_asked() {
        let (_, text) = get("name=my.a", "application/json");
        let expected =
            r#"{"property":{"key":"my.a","value":"<1>","isFinal":false,"resource":"test"}}"#;
        assert_eq!(text, expected);
        let (_, text) = get("name=my.a", "*/*");
        assert!(text.ends_with(
            "<configuration>\n<property><name>my.a</name><value>&lt;1&gt;</value>\
             <final>false</final><source>test</source></property>\n</configuration>"
        ));
        let (status, text) = get("name=my.b", "");
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(text.contains("Property my.b not found"));
        assert_eq!(get("format=yaml", "").0, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn secrets_are_not_shown() {
        for accept in ["", "application/json"] {
            let (_, text) = get("", accept);
            assert!(text.contains("my.password") && !text.contains("hunter2"));
        }
        assert!(get("", "").1.contains("******"));
        assert!(is_secret("fs.s3a.secret.key") && !is_secret("dfs.blocksize"));
    }

    #[test]
    fn defaults_are_in_it() {
        let (_, text) = get("format=json", "");
        let value: Value = serde_json::from_str(&text).unwrap();
        let all = value["properties"].as_array().unwrap();
        let replication = all.iter().find(|p| p["key"] == "dfs.replication").unwrap();
        assert_eq!(replication["value"], "3");
        assert_eq!(replication["resource"], "hdfs-default.xml");
    }
}
