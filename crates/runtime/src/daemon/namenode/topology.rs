//! `/topology`: racks and the DataNodes in them, as text or JSON (`NetworkTopologyServlet`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use loxodon_blocks::ReportKind;
use serde_json::{Value, json};

use super::door::Door;
use crate::web::{Request, Response, Router, StatusCode};

/// Adds the page.
pub(crate) fn pages(router: Router, door: &Arc<Door>) -> Router {
    let door = Arc::clone(door);
    router.page("/topology", move |request| answer(&racks(&door), request))
}

/// Addresses and host names by rack.
type Racks = BTreeMap<String, BTreeSet<(String, String)>>;

fn racks(door: &Door) -> Racks {
    let machine = door.machine.read();
    let mut racks = Racks::new();
    for index in machine.blocks.datanodes(ReportKind::Live) {
        let Some(node) = machine.blocks.datanode(index) else { continue };
        let named = (node.id().transfer_address(), node.id().host.to_string());
        racks.entry(node.rack().to_string()).or_default().insert(named);
    }
    racks
}

/// Whoever takes JSON gets it; everybody else gets text.
fn answer(racks: &Racks, request: &Request) -> Response {
    let wants_json = request.header("Accept").is_some_and(|kinds| kinds.contains("json"));
    let (kind, body) = match (wants_json, racks.is_empty()) {
        (true, true) => ("application/json", "No DataNodes".to_owned()),
        (false, true) => ("text/plain", "No DataNodes".to_owned()),
        (true, false) => ("application/json", as_json(racks)),
        (false, false) => ("text/plain", as_text(racks)),
    };
    Response::new(StatusCode::OK, body).header("Content-Type", &format!("{kind};charset=utf-8"))
}

fn as_json(racks: &Racks) -> String {
    let racks = racks.iter().map(|(rack, nodes)| {
        let node = |(address, host): &(String, String)| json!({"ip": address, "hostname": host});
        json!({ rack: nodes.iter().map(node).collect::<Vec<_>>() })
    });
    Value::Array(racks.collect()).to_string()
}

fn as_text(racks: &Racks) -> String {
    let mut text = String::new();
    for (rack, nodes) in racks {
        let _ = writeln!(text, "Rack: {rack}");
        for (address, host) in nodes {
            let _ = writeln!(text, "   {address} ({host})");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn racks_are_shown_as_hadoop_shows_them() {
        let node = |address: &str| (address.to_owned(), "host".to_owned());
        let nodes = BTreeSet::from([node("10.0.0.2:9866"), node("10.0.0.1:9866")]);
        let racks = Racks::from([("/r1".to_owned(), nodes)]);
        let text = "Rack: /r1\n   10.0.0.1:9866 (host)\n   10.0.0.2:9866 (host)\n\n";
        assert_eq!(as_text(&racks), text);
        let json = r#"[{"/r1":[{"ip":"10.0.0.1:9866","hostname":"host"},"#.to_owned()
            + r#"{"ip":"10.0.0.2:9866","hostname":"host"}]}]"#;
        assert_eq!(as_json(&racks), json);
        let asked = Request::get("/topology", "");
        assert_eq!(answer(&Racks::new(), &asked).text().unwrap(), "No DataNodes");
    }
}
