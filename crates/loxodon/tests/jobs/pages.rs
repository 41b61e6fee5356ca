//! The pages of all daemons in a browser, with a job running.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::browser::{Page, load};
use crate::site::{Site, all, wait};
use crate::web::json;

/// What a path answers: status and body.
fn get(host: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(host).expect("a web server");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, text)
}

/// Every link of a page leads somewhere, and its scripts had nothing to complain of.
fn is_sound(page: &Page, host: &str) {
    assert!(page.console.is_empty(), "{:?}", page.console);
    let links = page.links();
    assert!(links.len() > 3, "{links:?}");
    for link in links {
        let (host, path) = match link.strip_prefix("http://") {
            Some(rest) => rest.split_once('/').expect("a path"),
            None => (host, link.trim_start_matches('/')),
        };
        let (status, text) = get(host, &format!("/{path}"));
        assert_eq!(status, 200, "{link}: {text}");
    }
}

/// The job that runs, once it is known.
fn job_of(host: &str) -> Option<String> {
    let (_, text) = get(host, "/ws/v1/mapreduce/jobs");
    let start = text.find("job_")?;
    text.get(start..)?.split('"').next().map(str::to_owned)
}

#[test]
fn a_running_job_on_the_pages_of_all_daemons() {
    let site = Site::start(2, &[]);
    site.text(&["hdfs", "dfs", "-mkdir", "/in"]);
    for name in ["/in/a", "/in/b", "/in/c"] {
        site.put(name, "to be or not to be\n");
    }
    let host = site.page_address();
    let empty = load(&format!("http://{host}/"), 1500);
    empty.has(&["Nothing runs.", "None yet.", "default"]);
    is_sound(&empty, host);

    // The first attempt of the first map fails, its second waits, and with it the reduce.
    let gate = site.path("gate");
    let script = format!(
        "case $mapreduce_task_attempt_id in *_m_000000_0) echo it is broken >&2; exit 3;; \
         *_m_000000_*) while [ ! -e {} ]; do sleep 0.05; done;; esac; cat",
        gate.display()
    );
    let mapper = format!("sh -c '{script}'");
    let settings = [
        "mapreduce.job.maps=3",
        "mapreduce.job.name=words <of> all",
        "mapreduce.job.reduce.slowstart.completedmaps=0",
    ];
    let options = [
        "-input",
        "/in",
        "-output",
        "/out",
        "-mapper",
        &mapper,
        "-reducer",
        "sh -c 'sleep 0.3; cat'",
    ];
    let job = site.streaming(&settings, &options).spawn().expect("the program starts");
    wait("a job", || job_of(host).is_some());
    let id = job_of(host).expect("a job");
    let attempts = format!("/ws/v1/mapreduce/jobs/{id}/attempts");
    wait("all but the first map are complete, and its second attempt and the reduce run", || {
        let attempts = json(host, &attempts);
        let attempts = attempts["taskAttempts"]["taskAttempt"].as_array().cloned();
        let mut states: Vec<String> = attempts
            .into_iter()
            .flatten()
            .map(|one| format!("{}{}", one["type"].as_str().unwrap_or(""), one["state"]))
            .collect();
        states.sort();
        states.join(" ")
            == r#"MAP"FAILED" MAP"RUNNING" MAP"SUCCEEDED" MAP"SUCCEEDED" REDUCE"RUNNING""#
    });

    let overview = load(&format!("http://{host}/"), 2500);
    overview.has(&[
        &id,
        "words &lt;of&gt; all",
        "state RUNNING",
        "class=\"bar",
        "class=\"bar reduce\"",
    ]);
    assert!(overview.count("tracker_") >= 2, "{}", overview.dom);
    is_sound(&overview, host);

    let timeline = load(&format!("http://{host}/#/job/{id}"), 2500);
    timeline.has(&[
        "<svg",
        "<rect class=\"map\"",
        "<rect class=\"failed\"",
        "<rect class=\"shuffle\"",
        "attempts failed",
    ]);
    is_sound(&timeline, host);

    let list = load(&format!("http://{host}/#/job/{id}/attempts"), 2500);
    list.has(&["_m_000000_0", "FAILED", "subprocess failed with code 3"]);
    is_sound(&list, host);
    let log = list.links().into_iter().find(|link| link.contains("_m_000000_0")).expect("a log");
    let (log_host, path) = log.trim_start_matches("http://").split_once('/').expect("a path");
    let (_, text) = get(log_host, &format!("/{path}"));
    assert!(text.contains("it is broken"), "{text}");

    std::fs::write(&gate, "").expect("a file");
    let output = job.wait_with_output().expect("its end");
    assert!(output.status.success(), "{}", all(&output));
    let done = load(&format!("http://{host}/#/job/{id}"), 1500);
    done.has(&[
        "state SUCCEEDED",
        "<rect class=\"shuffle\"",
        "<rect class=\"reduce\"",
        "<rect class=\"failed\"",
    ]);
    let counters = load(&format!("http://{host}/#/job/{id}/counters"), 1500);
    counters.has(&["Map-Reduce framework", "Map input records", "Reduce output records"]);
    is_sound(&counters, host);
    let conf = load(&format!("http://{host}/#/job/{id}/conf"), 1500);
    conf.has(&["mapreduce.job.reduce.slowstart.completedmaps", "words &lt;of&gt; all"]);
    assert!(conf.console.is_empty(), "{:?}", conf.console);
    let nothing = load(&format!("http://{host}/#/job/job_1_0001"), 1500);
    nothing.has(&["job, job_1_0001, is not found"]);
}

#[test]
fn the_namenode_and_its_datanodes() {
    let site = Site::start(0, &[]);
    let host = site.namenode_page();
    let page = load(&format!("http://{host}/"), 1500);
    page.has(&[
        "state active",
        "Safe mode is off.",
        "live DataNodes",
        "In Service",
        "Name directories",
    ]);
    is_sound(&page, &host);
    let datanode = page.links().into_iter().find(|link| link.starts_with("http://"));
    let datanode = datanode.expect("a DataNode's page");
    let page = load(&datanode, 1500);
    page.has(&["Volumes", "DISK", "RUNNING"]);
    is_sound(&page, datanode.trim_start_matches("http://").trim_end_matches('/'));
}

/// Attempts of all kinds, some at the same time on the same tracker.
#[test]
fn a_timeline_has_all_kinds_of_attempts() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../runtime/src/daemon/jobtracker/page/timeline.js")
        .canonicalize()
        .expect("the script");
    let html = format!(
        "<!doctype html><body><script src=\"file://{}\"></script><script>
        const one = (id, type, state, startTime, finishTime, more) =>
          ({{ id, type, state, startTime, finishTime, place: 'h:1', job: 'j', ...more }});
        const all = [one('m0', 'MAP', 'SUCCEEDED', 1000, 2000), one('m1', 'MAP', 'FAILED', 1000, 1500),
          one('m2', 'MAP', 'KILLED', 1500, 2500), one('m3', 'MAP', 'RUNNING', 2100, 0, {{ speculative: true }}),
          one('r0', 'REDUCE', 'RUNNING', 1000, 0, {{ shuffleFinishTime: 2000, mergeFinishTime: 2500, place: 'i:1' }}),
          one('new', 'MAP', 'STARTING', 0, 0)];
        document.body.append(Timeline.draw(all, 4000, (attempt) => attempt.id, 1000));
        document.body.append(Timeline.draw(all, 4000, (attempt) => attempt.id, 300));
        </script></body>",
        script.display()
    );
    let file = directory.path().join("page.html");
    std::fs::write(&file, html).expect("a file");
    let page = load(&format!("file://{}", file.display()), 500);
    assert!(page.console.is_empty(), "{:?}", page.console);
    for kind in ["map", "failed", "killed", "speculative", "shuffle", "sort", "reduce"] {
        let wanted = if kind == "map" { 4 } else { 2 };
        assert_eq!(page.count(&format!("<rect class=\"{kind}\"")), wanted, "{kind}: {}", page.dom);
    }
    assert!(!page.dom.contains("#/job/j/attempt/new"), "it has not begun");
    // Nothing is drawn beyond the edge of a narrow page.
    assert!(page.dom.contains("width=\"318\""), "{}", page.dom);
}
