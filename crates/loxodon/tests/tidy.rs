//! House rules that a program can check: layering, file sizes, banned words, pages that lag behind.

#![allow(clippy::expect_used)] // helpers of tests are not marked as tests

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use loxodon_conf::keys;

/// Which crates of the workspace each crate may name (ARCHITECTURE.md, "Crates").
const LAYERS: &[(&str, &[&str])] = &[
    ("conf", &[]),
    ("wire", &[]),
    ("console", &[]),
    ("rpc", &["conf", "wire"]),
    ("cluster", &["wire"]),
    ("namespace", &["wire"]),
    ("journal", &["wire"]),
    ("blocks", &["cluster", "wire"]),
    ("namenode", &["blocks", "cluster", "conf", "journal", "namespace", "wire"]),
    ("client", &["conf", "rpc", "wire"]),
    ("datanode", &["conf", "rpc", "wire"]),
    ("mapreduce", &["client", "cluster", "conf", "console", "rpc", "wire"]),
    (
        "runtime",
        &[
            "blocks",
            "client",
            "cluster",
            "conf",
            "console",
            "datanode",
            "journal",
            "mapreduce",
            "namenode",
            "namespace",
            "rpc",
            "wire",
        ],
    ),
    ("sim", &["blocks", "cluster", "conf", "journal", "namenode", "namespace", "wire"]),
];

/// Keys whose names are put together where they are read: what the source says instead.
const COMPOSED: &[(&str, &str)] = &[
    ("mapreduce.job.end-notification.", "mapreduce.job.end-notification.{name}"),
    ("mapreduce.job.speculative.", "mapreduce.job.speculative.{name}"),
    ("mapreduce.job.cache.", "mapreduce.job.cache."),
    ("mapreduce.map.", "mapreduce.{word}.{name}"),
    ("mapreduce.reduce.", "mapreduce.{word}.{name}"),
    ("mapreduce.job.running.", "mapreduce.job.running.{word}.limit"),
    ("stream.recordreader.", "stream.recordreader.{name}"),
    ("stream.map.", "stream.{side}."),
    ("stream.reduce.", "stream.{side}."),
    ("stream.num.", "stream.num.{side}.output.key.fields"),
];

/// Lines that a file may have before it must be about two things.
const FILE_LINES: usize = 900;

#[test]
fn crates_depend_only_downwards() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(repository())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("its JSON");
    let allowed: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name").trim_start_matches("loxodon-");
        let Some(allowed) = allowed.get(name) else { continue };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("name");
            let test_only = dependency["kind"].as_str() == Some("dev");
            if let Some(on) = on.strip_prefix("loxodon-")
                && !test_only
                && !allowed.contains(&on)
            {
                wrong.push(format!("{name} must not depend on {on}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_crates_have_no_clock_thread_file_or_socket() {
    let banned = [
        "SystemTime::now",
        "Instant::now",
        "thread::spawn",
        "thread::sleep",
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "fastrand::Rng::new()",
        "RandomState::new()",
    ];
    let mut wrong = Vec::new();
    for name in ["wire", "cluster", "namespace", "journal", "blocks", "namenode"] {
        for path in rust_files(&repository().join("crates").join(name).join("src")) {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate() {
                if line.trim_start().starts_with("//") {
                    continue;
                }
                wrong.extend(
                    banned
                        .iter()
                        .filter(|b| line.contains(**b))
                        .map(|b| format!("{}:{}: {b} in a pure crate", path.display(), number + 1)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The standard library's macros panic where the reader has gone.
#[test]
fn what_is_printed_may_go_unread() {
    let macros = ["print!(", "println!(", "eprint!(", "eprintln!("];
    let crates = repository().join("crates");
    let mut wrong = Vec::new();
    for path in rust_files(&crates) {
        let text = fs::read_to_string(&path).expect("a source file");
        let inside = path.components().any(|part| part.as_os_str() == "src")
            && !path.starts_with(crates.join("console"));
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let imported = code
            .split_once("use loxodon_console::")
            .and_then(|(_, rest)| rest.split_once(';'))
            .map_or("", |(names, _)| names);
        let imported: Vec<&str> = imported.split(['{', '}', ',', ' ', '\n']).collect();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"_!(".contains(c));
            wrong.extend(
                words
                    .filter_map(|word| macros.iter().find(|name| word.starts_with(**name)))
                    .filter(|name| inside && !imported.contains(&name.trim_end_matches("!(")))
                    .map(|name| format!("{}: {name} of the standard library", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A key in the table that nothing reads is a promise that nobody keeps.
#[test]
fn every_key_of_the_table_is_read() {
    let crates = repository().join("crates");
    let table = [crates.join("conf/src/keys.rs"), crates.join("conf/src/keys/mapreduce.rs")];
    let renamed = crates.join("conf/src/renamed.rs");
    let mut code = String::new();
    for path in rust_files(&crates) {
        let inside = path.components().any(|part| part.as_os_str() == "src");
        if inside && !table.contains(&path) && path != renamed {
            let text = fs::read_to_string(&path).expect("a source file");
            code.push_str(text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default());
        }
    }
    let words: BTreeSet<&str> =
        code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').collect();
    let mut unread = Vec::new();
    for path in table {
        let text = fs::read_to_string(&path).expect("the table");
        for row in text.lines() {
            let Some((name, rest)) = row.trim().split_once(": \"") else { continue };
            let Some((key, _)) = rest.split_once('"') else { continue };
            if !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
                continue;
            }
            let older: Vec<&str> =
                keys::find(key).into_iter().flat_map(keys::older_names).collect();
            let read = words
                .iter()
                .any(|word| word.strip_suffix(name).is_some_and(|path| path.ends_with("keys::")))
                || older.iter().chain([&key]).any(|name| code.contains(&format!("\"{name}\"")))
                || COMPOSED
                    .iter()
                    .any(|(family, read)| key.starts_with(family) && code.contains(read))
                || ["map", "reduce"].iter().any(|side| {
                    let composed = key.replacen(&format!(".{side}."), ".{side}.", 1);
                    composed != key && code.contains(&composed)
                });
            if !read {
                unread.push(format!("{name} ({key}) is in the table, and nothing reads it"));
            }
        }
    }
    assert!(unread.is_empty(), "{}", unread.join("\n"));
}

#[test]
fn files_are_about_one_thing() {
    let mut wrong = Vec::new();
    for path in tracked_sources() {
        let text = fs::read_to_string(&path).expect("a source file");
        let generated = path.components().any(|c| c.as_os_str() == "proto");
        let lines = text.lines().count();
        if lines > FILE_LINES && !generated {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if ["utils", "util", "common", "helpers", "misc"].contains(&stem) {
            wrong.push(format!("{}: a name that says nothing", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_promised_and_missing() {
    // Spelled in two halves, or this file would find itself.
    let banned = [
        ["todo", "!("].concat(),
        ["unimpl", "emented!("].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X "].concat(),
        ["allow(", "dead_code"].concat(),
    ];
    let mut wrong = Vec::new();
    for path in tracked_sources() {
        let text = fs::read_to_string(&path).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            wrong.extend(
                banned
                    .iter()
                    .filter(|b| line.contains(b.as_str()))
                    .map(|b| format!("{}:{}: {b}", path.display(), number + 1)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn architecture_names_every_crate() {
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let crates: BTreeSet<String> = fs::read_dir(repository().join("crates"))
        .expect("crates")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .collect();
    let missing: Vec<_> = crates.iter().filter(|c| !text.contains(&format!("`{c}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {missing:?}");
}

/// A key that is read and stands in no table has no page, no default and no warning when it is misspelt.
#[test]
fn keys_of_jobs_that_are_read_are_in_the_table() {
    let families = ["mapreduce.", "mapred.", "yarn.", "stream.", "io.compression."];
    let read =
        |line: &str| line.contains("get") || line.contains("const ") || line.contains("conf");
    let mut wrong = BTreeSet::new();
    for place in [
        "mapreduce/src",
        "runtime/src/daemon/history",
        "runtime/src/daemon/jobtracker",
        "runtime/src/daemon/tasktracker",
    ] {
        for path in rust_files(&repository().join("crates").join(place)) {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            // The example programs' own keys are in no site's files.
            if path.ends_with("tests.rs") || path.components().any(|c| c.as_os_str() == "examples")
            {
                continue;
            }
            for line in
                code.lines().filter(|line| read(line) && !line.trim_start().starts_with("//"))
            {
                for name in line.split('"').skip(1).step_by(2) {
                    let is_key = families.iter().any(|family| name.starts_with(family))
                        && !name.ends_with('.')
                        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
                    if is_key && !is_in_the_table(name) {
                        wrong.insert(format!("{}: {name}", path.display()));
                    }
                }
            }
        }
    }
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "no row in crates/conf/src/keys/mapreduce.rs:\n{}", wrong.join("\n"));
}

fn is_in_the_table(name: &str) -> bool {
    keys::find(name).is_some()
        || keys::mapreduce::FAMILIES.iter().any(|family| name.starts_with(family))
        || loxodon_conf::RENAMED.iter().any(|(old, _)| *old == name)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

fn tracked_sources() -> Vec<PathBuf> {
    ["crates", "bench", "tests", "tools", "fuzz"]
        .iter()
        .flat_map(|top| rust_files(&repository().join(top)))
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|e| Some(e.ok()?.path())) {
        if path.is_dir() && path.file_name().is_some_and(|n| n != "target") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}
