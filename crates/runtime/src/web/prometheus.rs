//! `/prom`: numbers of the metrics beans as Prometheus reads them (`PrometheusMetricsSink`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use hyper::StatusCode;
use serde_json::Value;

use super::bean::{Bean, BeanSource};
use super::page::Response;

/// Answers `/prom`. Only beans with a `tag.Context` are metrics; the others are for `/jmx`.
pub(super) fn answer(sources: &[Arc<dyn BeanSource>]) -> Response {
    let mut metrics: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for bean in sources.iter().flat_map(|source| source.beans()) {
        collect(&bean, &mut metrics);
    }
    let mut out = String::new();
    for (name, samples) in metrics {
        // Hadoop does not say which of its numbers only grow; neither do the beans.
        let _infallible = writeln!(out, "# TYPE {name} untyped");
        for (tags, value) in samples {
            let _infallible = writeln!(out, "{name}{{{tags}}} {value}");
        }
    }
    Response::new(StatusCode::OK, out).header("Content-Type", "text/plain; charset=utf-8")
}

fn collect(bean: &Bean, metrics: &mut BTreeMap<String, Vec<(String, String)>>) {
    let tag = |(name, value): &(std::borrow::Cow<'static, str>, Value)| {
        let name = name.strip_prefix("tag.")?.to_lowercase();
        let value = value.as_str()?.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        (name != "numopenconnectionsperuser").then(|| format!("{name}=\"{value}\""))
    };
    let tags: Vec<String> = bean.attributes.iter().filter_map(tag).collect();
    if !tags.iter().any(|tag| tag.starts_with("context=")) {
        return;
    }
    let tags = tags.join(",");
    let record = record(bean);
    for (name, value) in &bean.attributes {
        if let Value::Number(number) = value {
            let key = snake(&format!("{}{}", capitalized(record), capitalized(name)));
            metrics.entry(key).or_default().push((tags.clone(), number.to_string()));
        }
    }
}

/// The metrics record behind a bean, which JMX does not show.
fn record(bean: &Bean) -> &str {
    let name = bean.name.split("name=").nth(1).unwrap_or_default();
    let name = name.split(',').next().unwrap_or(name);
    [
        ("RpcActivityForPort", "rpc"),
        ("RpcDetailedActivityForPort", "rpcdetailed"),
        ("NameNodeActivity", "namenode"),
        ("DataNodeActivity", "datanode"),
    ]
    .iter()
    .find(|(prefix, _)| name.starts_with(prefix))
    .map_or(name, |(_, record)| record)
}

fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Words of a CamelCase name, joined by underscores.
fn snake(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 8);
    for (i, &c) in characters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| characters.get(i));
        let after = characters.get(i + 1);
        if c.is_ascii_uppercase()
            && before.is_some_and(|&b| {
                !(b.is_ascii_uppercase() || b == '_') || after.is_some_and(char::is_ascii_lowercase)
            })
        {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    let mut joined = String::with_capacity(out.len());
    for c in out.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if !(c == '_' && joined.ends_with('_')) {
            joined.push(c);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hadoops() {
        for (camel, words) in [
            ("RpcRpcQueueTimeNumOps", "rpc_rpc_queue_time_num_ops"),
            ("JvmMetricsGcCountG1 Young", "jvm_metrics_gc_count_g1_young"),
            ("FSNamesystemBlocksTotal", "fs_namesystem_blocks_total"),
            ("ScmPipelineMetrics", "scm_pipeline_metrics"),
        ] {
            assert_eq!(snake(camel), words);
        }
    }

    #[test]
    fn only_metrics_are_shown() {
        struct Source;
        impl BeanSource for Source {
            fn beans(&self) -> Vec<Bean> {
                vec![
                    Bean::new("Hadoop:service=NameNode,name=RpcActivityForPort9000", "x")
                        .with("tag.port", "9000")
                        .with("tag.Context", "rpc")
                        .with("ReceivedBytes", 12)
                        .with("NotANumber", "12"),
                    Bean::new("Hadoop:service=NameNode,name=NameNodeInfo", "x").with("Total", 1),
                ]
            }
        }
        let text = answer(&[Arc::new(Source)]).text().unwrap();
        assert_eq!(
            text,
            "# TYPE rpc_received_bytes untyped\n\
             rpc_received_bytes{port=\"9000\",context=\"rpc\"} 12\n"
        );
    }
}
