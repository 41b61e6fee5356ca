//! The history server's REST interface: Hadoop's server and ours read the same files, in HDFS, and are asked the same.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::http::{self, Answer, get_as};
use loxodon_interop::java::whoami;
use loxodon_interop::loxodon::{self, Daemon};
use loxodon_interop::site::{Site, write_xml};
use loxodon_interop::{eventually, free_port, hadoop};
use loxodon_mapreduce::history::{DoneName, conf_file_name, done_subdirectory};
use serde_json::{Map, Value};

use super::story::{LAUNCHED, NAME_OF_YARN, OF_YARN, Story, THEN};

const JOBS: &str = "/ws/v1/history/mapreduce/jobs";
/// Fields of ours that Hadoop does not have.
const OURS: [&str; 4] = ["taskId", "speculative", "locality", "logsLink"];
/// Fields that differ by what they are: starts of servers, versions, links to YARN's logs.
const PASSED_OVER: [&str; 5] =
    ["startedOn", "hadoopVersion", "hadoopBuildVersion", "hadoopVersionBuiltOn", "logsLink"];

/// Hadoop's history server; killed when this is dropped.
struct JavaServer {
    child: Child,
    log: PathBuf,
}

impl JavaServer {
    fn start(conf: &Path, log: &Path) -> io::Result<Self> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/history-server");
        let jars = hadoop::jars(&sources, "history-server")?;
        fs::write(
            conf.join("log4j.properties"),
            "log4j.rootLogger=INFO,file\n\
             log4j.appender.file=org.apache.log4j.ConsoleAppender\n\
             log4j.appender.file.layout=org.apache.log4j.PatternLayout\n\
             log4j.appender.file.layout.ConversionPattern=%p %c: %m%n\n",
        )?;
        let out = fs::File::create(log)?;
        let child = Command::new("java")
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(["--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp"])
            .arg(format!("{}:{}/*", conf.display(), jars.display()))
            .arg("org.apache.hadoop.mapreduce.v2.hs.JobHistoryServer")
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        Ok(Self { child, log: log.into() })
    }

    fn alive(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!(
                "Hadoop's history server ended with {status}:\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            ))),
        }
    }
}

impl Drop for JavaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A document as the object that the same answer is in JSON: lists are elements of one name.
fn of_xml(text: &str) -> Option<Value> {
    fn children(rest: &mut &str) -> Option<Value> {
        let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let (said, _) = rest.split_once('<')?;
        *rest = rest.get(said.len()..)?;
        while !rest.starts_with("</") {
            let (tag, behind) = rest.strip_prefix('<')?.split_once('>')?;
            *rest = behind;
            let value = match tag.strip_suffix('/') {
                Some(_) => Value::String(String::new()),
                None => {
                    let value = children(rest)?;
                    *rest = rest.split_once('>')?.1;
                    value
                }
            };
            fields.entry(tag.trim_end_matches('/').to_owned()).or_default().push(value);
            *rest = rest.trim_start();
        }
        if fields.is_empty() {
            let said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            return Some(Value::String(said.replace("&amp;", "&")));
        }
        let fields = fields.into_iter().map(|(name, values)| (name, Value::Array(values)));
        Some(Value::Object(fields.collect::<Map<_, _>>()))
    }
    let (_, rest) = text.split_once("?>")?;
    let closed = format!("{}</>", rest.trim());
    children(&mut closed.as_str())
}

/// Text of a value, whatever its kind: Hadoop's writer makes numbers of texts that look like some.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(String::new, |n| format!("{n}")),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn number_of(text: &str) -> String {
    text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| format!("{number}"))
}

/// The elements of a list, ordered by what names them. Hadoop 3.5 writes a list of one as its element, and one of none as an empty text.
fn elements(value: &Value, is_ordered: bool) -> Vec<&Value> {
    let mut all: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::Null => Vec::new(),
        one => vec![one],
    };
    if !is_ordered {
        all.sort_by_key(|one| ["id", "name"].map(|key| one.get(key).map(plain)));
    }
    all
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::Array(_))
}

/// An object of nothing but a list of none.
fn is_empty(value: &Value) -> bool {
    let is_none = |value: &Value| elements(value, true).is_empty();
    is_none(value) || value.as_object().is_some_and(|fields| fields.values().all(is_none))
}

/// Notes at `place` what differs.
fn compare(place: &str, theirs: &Value, ours: &Value, found: &mut Vec<String>) {
    if is_empty(theirs) && is_empty(ours) {
        return;
    }
    if is_list(theirs) || is_list(ours) {
        // Counters have their places.
        let is_ordered = place.ends_with(".counter");
        let (theirs, ours) = (elements(theirs, is_ordered), elements(ours, is_ordered));
        if theirs.len() != ours.len() {
            found.push(format!("{place}: {} and {} elements", theirs.len(), ours.len()));
        }
        for (at, (theirs, ours)) in theirs.into_iter().zip(ours).enumerate() {
            compare(&format!("{place}[{at}]"), theirs, ours, found);
        }
        return;
    }
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (name, value) in
                theirs.iter().filter(|(name, _)| !PASSED_OVER.contains(&name.as_str()))
            {
                match ours.get(name) {
                    Some(own) => compare(&format!("{place}.{name}"), value, own, found),
                    None => found.push(format!("{place}.{name} is missing: {value}")),
                }
            }
            for (name, value) in ours {
                let is_known = theirs.contains_key(name) || OURS.contains(&name.as_str());
                // An empty list of ours is no field there.
                if !is_known && elements(value, true).is_empty() != is_list(value) {
                    found.push(format!("{place}.{name} is too much: {value}"));
                }
            }
        }
        (theirs, ours) => {
            // Java's machine adds to some messages what it matched.
            let first = |value: &Value| {
                let text = plain(value);
                text.lines().next().unwrap_or_default().to_owned()
            };
            let (theirs, ours) = (first(theirs), first(ours));
            // Where the tracker's name is not a machine's, ours tells the machine.
            let is_trackers = theirs.starts_with("tracker_") || theirs.ends_with(":-1");
            // What stands for no container is none.
            let is_trackers = is_trackers || theirs.starts_with("container_-1_") && ours.is_empty();
            if number_of(&theirs) != number_of(&ours) && !is_trackers {
                found.push(format!("{place}: {theirs:?} and {ours:?}"));
            }
        }
    }
}

fn compared(
    path: &str,
    accept: Option<&str>,
    theirs: &Answer,
    ours: &Answer,
    found: &mut Vec<String>,
) {
    let what = format!("{path} ({})", accept.unwrap_or("-"));
    // Hadoop says of what it cannot say in no accepted form not what it is.
    let kind = if theirs.kind.is_empty() { &theirs.kind } else { &ours.kind };
    if (&theirs.status, &theirs.kind) != (&ours.status, kind) {
        found.push(format!("{what}:\n  Hadoop: {theirs:?}\n  ours:   {ours:?}"));
        return;
    }
    let read = |answer: &Answer| match answer.kind.contains("xml") {
        true => of_xml(&answer.body),
        false => serde_json::from_str(&answer.body).ok(),
    };
    if !theirs.kind.contains("json") && !theirs.kind.contains("xml") {
        return;
    }
    match (read(theirs), read(ours)) {
        (Some(theirs), Some(ours)) => compare(&what, &theirs, &ours, found),
        _ => {
            found.push(format!("{what}: cannot be read\n  Hadoop: {theirs:?}\n  ours:   {ours:?}"));
        }
    }
}

/// HDFS and MapReduce of ours.
struct Cluster {
    site: Site,
    _daemon: Daemon,
}

impl Cluster {
    fn start(root: &Path) -> io::Result<Self> {
        let site = Site::new(root)?;
        let jobs = free_port()?.to_string();
        write_xml(
            &site.conf().join("mapred-site.xml"),
            &[
                ("mapreduce.framework.name", "classic"),
                ("mapreduce.jobtracker.address", &format!("127.0.0.1:{jobs}")),
            ],
        )?;
        let details = root.join("details.json");
        let (rpc, http) = (site.rpc_port().to_string(), site.http_port().to_string());
        let (disks, written) =
            (root.join("disks").display().to_string(), details.display().to_string());
        let args = ["minicluster", "-datanodes", "1", "-nnport", &rpc, "-nnhttpport", &http];
        let more = ["-tasktrackers", "1", "-jtport", &jobs, "-dir", &disks];
        let done = "mapreduce.jobhistory.done-dir=/history/done";
        let last = ["-writeDetails", &written, "-D", "dfs.replication=1", "-D", done];
        let all: Vec<&str> = args.iter().chain(&more).chain(&last).copied().collect();
        let mut daemon = Daemon::start_with(&site.conf(), &all, &root.join("cluster.log"))?;
        eventually("the cluster", Duration::from_secs(180), || {
            if let Err(error) = daemon.alive() {
                return Some(Err(error));
            }
            details.exists().then_some(Ok(()))
        })??;
        Ok(Self { site, _daemon: daemon })
    }

    fn run(&self, args: &[&str]) -> io::Result<String> {
        loxodon::run(&self.site.conf(), &whoami(), args)?.succeeded()
    }

    fn put(&self, root: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        let local = root.join("to-put");
        fs::write(&local, bytes)?;
        let parent = Path::new(name).parent().unwrap_or(Path::new("/")).display().to_string();
        self.run(&["hdfs", "dfs", "-mkdir", "-p", &parent])?;
        self.run(&["hdfs", "dfs", "-put", &local.display().to_string(), name]).map(drop)
    }

    /// Stores a history and a configuration in the done directory.
    fn store(&self, root: &Path, name: &DoneName, history: &[u8], conf: &str) -> io::Result<()> {
        let directory = format!("/history/done/{}", done_subdirectory(2025, 11, 21, &name.job));
        let conf_file = conf_file_name(&name.job);
        self.put(root, &format!("{directory}/{conf_file}"), conf.as_bytes())?;
        self.put(root, &format!("{directory}/{}", name.file_name()), history)
    }

    /// Runs a job whose first map fails once; its id, once its history is put away.
    fn job(&self, root: &Path) -> io::Result<String> {
        self.put(root, "/in", b"a\nb\na\n")?;
        let mapper =
            "sh -c 'case \"$mapreduce_task_attempt_id\" in *_m_000000_0) exit 7;; esac; cat'";
        self.run(&[
            "mapred",
            "streaming",
            "-D",
            "mapreduce.job.maps=2",
            "-D",
            "mapreduce.job.acl-view-job=*",
            "-input",
            "/in",
            "-output",
            "/out",
            "-mapper",
            mapper,
            "-reducer",
            "uniq -c",
        ])?;
        eventually("the job's history", Duration::from_secs(180), || {
            let listed = self.run(&["hdfs", "dfs", "-ls", "-R", "/history/done"]).ok()?;
            let line = listed.lines().find(|line| line.ends_with(".jhist"))?;
            let name = line.rsplit('/').next()?;
            Some(name.split('-').next()?.to_owned())
        })
    }
}

const CONF: &str = "<configuration>\
    <property><name>a.key</name><value>${user.name} &lt; x</value><source>core-site.xml</source><source>job.xml</source></property>\
    <property><name>mapreduce.job.redacted-properties</name><value>hidden.key, other</value></property>\
    <property><name>hidden.key</name><value>nobody sees it</value></property>\
    <property><name>empty</name><value></value><final>true</final></property></configuration>";

fn stories() -> Vec<Story> {
    vec![
        Story::new(42, 60, 13, "SUCCEEDED"),
        Story::new(43, 6, 2, "FAILED"),
        Story { user: "bob", queue: "fast", ..Story::new(1044, 3, 0, "KILLED") },
    ]
}

/// What is asked of a job.
fn paths_of(job: &str, tasks: &[String]) -> Vec<String> {
    let base = format!("{JOBS}/{job}");
    let mut paths = vec![base.clone()];
    for below in
        ["tasks", "counters", "conf", "jobattempts", "tasks?type=m", "tasks?type=r", "tasks?type="]
    {
        paths.push(format!("{base}/{below}"));
    }
    for task in tasks {
        for below in ["", "/counters", "/attempts"] {
            paths.push(format!("{base}/tasks/{task}{below}"));
        }
        for attempt in 0..2 {
            let attempt = format!("{}_{attempt}", task.replace("task_", "attempt_"));
            paths.push(format!("{base}/tasks/{task}/attempts/{attempt}"));
            paths.push(format!("{base}/tasks/{task}/attempts/{attempt}/counters"));
        }
    }
    paths
}

fn lists() -> Vec<String> {
    let end = LAUNCHED + 10_000_000;
    let queries = [
        String::new(),
        "?user=ann".into(),
        "?user=nobody&limit=3".into(),
        "?queue=fast".into(),
        "?queue=&user=".into(),
        "?state=FAILED".into(),
        "?state=RUNNING".into(),
        "?limit=1".into(),
        "?limit=2&queue=default".into(),
        format!("?startedTimeBegin={LAUNCHED}&startedTimeEnd={LAUNCHED}"),
        format!("?startedTimeBegin={}", LAUNCHED + 1),
        format!("?finishedTimeEnd={THEN}"),
        format!("?finishedTimeBegin={THEN}&finishedTimeEnd={end}&state=KILLED"),
        "?limit=0".into(),
        "?limit=x".into(),
        "?limit=99999999999999999999".into(),
        "?state=DONE".into(),
        "?state=".into(),
        "?startedTimeBegin=-1".into(),
        "?finishedTimeEnd=soon".into(),
        "?startedTimeBegin=2&startedTimeEnd=1".into(),
        "?finishedTimeBegin=2&finishedTimeEnd=1".into(),
    ];
    queries.map(|query| format!("{JOBS}{query}")).into()
}

fn wrong(job: &str) -> Vec<String> {
    let task = job.replace("job_", "task_");
    let attempt = job.replace("job_", "attempt_");
    let below = [
        format!("{JOBS}/job_1_0001"),
        format!("{JOBS}/job_1_0001/tasks"),
        format!("{JOBS}/nojob"),
        format!("{JOBS}/job_x_y/conf"),
        format!("{JOBS}/{job}/tasks?type=x"),
        format!("{JOBS}/{job}/tasks/{task}_m_999999"),
        format!("{JOBS}/{job}/tasks/{task}_m_999999/counters"),
        format!("{JOBS}/{job}/tasks/task_1_0001_m_000000"),
        format!("{JOBS}/{job}/tasks/{task}_m_000000/attempts/{attempt}_m_000000_77"),
        format!("{JOBS}/{job}/tasks/{task}_m_000000/attempts/{attempt}_m_000001_0"),
        format!("{JOBS}/{job}/tasks/{task}_m_000000/attempts/nothing"),
        format!("{JOBS}/{job}/tasks/{task}_m_000000/attempts/nothing/counters"),
        format!("{JOBS}/{job}/tasks/{task}_m_000000/attempts/{attempt}_z_000000_0"),
    ];
    below.into()
}

struct Ports {
    web: u16,
    settings: Vec<(&'static str, String)>,
}

fn ports() -> io::Result<Ports> {
    let web = free_port()?;
    let mut settings = vec![("mapreduce.jobhistory.webapp.address", format!("127.0.0.1:{web}"))];
    for name in ["mapreduce.jobhistory.address", "mapreduce.jobhistory.admin.address"] {
        settings.push((name, format!("127.0.0.1:{}", free_port()?)));
    }
    for (name, value) in [
        ("mapreduce.jobhistory.done-dir", "/history/done"),
        ("mapreduce.jobhistory.intermediate-done-dir", "/history/intermediate"),
        ("mapreduce.jobhistory.cleaner.enable", "false"),
    ] {
        settings.push((name, value.to_owned()));
    }
    Ok(Ports { web, settings })
}

/// A configuration directory as the cluster's, with these settings for jobs.
fn conf_with(root: &Path, name: &str, from: &Path, ports: &Ports) -> io::Result<PathBuf> {
    let conf = root.join(name);
    fs::create_dir_all(&conf)?;
    for file in ["core-site.xml", "hdfs-site.xml"] {
        fs::copy(from.join(file), conf.join(file))?;
    }
    let settings: Vec<(&str, &str)> =
        ports.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    write_xml(&conf.join("mapred-site.xml"), &settings)?;
    Ok(conf)
}

fn is_up(port: u16) -> bool {
    http::get(port, "/ws/v1/history/info").is_ok_and(|answer| answer.status == "200")
}

#[test]
fn the_history_server_tells_what_hadoops_tells() {
    in_fresh_directory(|root| {
        let cluster = Cluster::start(root)?;
        let job = cluster.job(root)?;
        for story in stories() {
            cluster.store(root, &story.name(), &story.file(), CONF)?;
        }
        let of_yarn = DoneName::parse(NAME_OF_YARN).expect("a name");
        cluster.store(root, &of_yarn, OF_YARN, CONF)?;
        let (javas, own) = (ports()?, ports()?);
        let conf = conf_with(root, "conf-javas", &cluster.site.conf(), &javas)?;
        let mut theirs = JavaServer::start(&conf, &root.join("javas.log"))?;
        let conf = conf_with(root, "conf-ours", &cluster.site.conf(), &own)?;
        let mut ours =
            Daemon::start_with(&conf, &["mapred", "historyserver"], &root.join("ours.log"))?;
        eventually("both history servers", Duration::from_secs(180), || {
            if let Err(error) = theirs.alive().and_then(|()| ours.alive()) {
                return Some(Err(error));
            }
            (is_up(javas.web) && is_up(own.web)).then_some(Ok(()))
        })??;
        let mut paths = vec!["/ws/v1/history".to_owned(), "/ws/v1/history/info".to_owned()];
        paths.extend(lists());
        for job in stories().iter().map(Story::job).chain([job, of_yarn.job.to_string()]) {
            let tasks = ["m_000000", "m_000003", "m_000004", "r_000000", "r_000003"];
            let task = job.replace("job_", "task_");
            paths.extend(paths_of(&job, &tasks.map(|end| format!("{task}_{end}"))));
        }
        paths.extend(wrong(&stories()[0].job()));
        let mut found = Vec::new();
        for path in &paths {
            for accept in [None, Some("application/xml")] {
                let (theirs, ours) =
                    (get_as(javas.web, path, accept)?, get_as(own.web, path, accept)?);
                compared(path, accept, &theirs, &ours, &mut found);
            }
        }
        for accept in [
            "*/*",
            "application/json",
            "application/json;q=0.5, application/xml",
            "application/xml, */*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html",
        ] {
            let path = format!("{JOBS}?limit=1");
            let accept = Some(accept);
            let (theirs, ours) =
                (get_as(javas.web, &path, accept)?, get_as(own.web, &path, accept)?);
            compared(&path, accept, &theirs, &ours, &mut found);
        }
        match found.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(found.join("\n"))),
        }
    });
}
