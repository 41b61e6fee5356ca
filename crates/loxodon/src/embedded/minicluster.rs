//! `loxodon minicluster`: an embedded cluster until Ctrl-C, with the options of Hadoop's launcher
//! (`MiniDFSClusterManager`, `MiniHadoopClusterManager`) and two more.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use loxodon_console::{eprintln, print, println};
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};

use super::site_file;

const USAGE: &str = "\
Usage: loxodon minicluster [options]

Runs a NameNode, DataNodes, a JobTracker and TaskTrackers in one process until it is told to end.

 -D <property=value>     Options to pass into configuration object
 -datanodes <n>          How many datanodes to start (default 1)
 -dir <path>             Where to keep the disks (default: a temporary directory)
 -format                 Format the DFS (default false)
 -help                   Prints option help.
 -jtport <port>          JobTracker port (default 0--we choose)
 -jthttpport <port>      JobTracker http port (default 0--we choose)
 -nnport <port>          NameNode port (default 0--we choose)
 -nnhttpport <port>      NameNode http port (default 0--we choose); also -httpport
 -nomr                   Don't start the JobTracker and TaskTrackers
 -racks </a,/b,...>      Racks of the datanodes and tasktrackers, one after the other
 -tasktrackers <n>       How many tasktrackers to start (default 1)
 -writeConfig <path>     Save configuration to this XML file.
 -writeDetails <path>    Write basic information to this JSON file.
";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    datanodes: Option<usize>,
    directory: Option<PathBuf>,
    format: bool,
    rpc_port: u16,
    http_port: u16,
    tasktrackers: Option<usize>,
    no_mapreduce: bool,
    jobtracker_port: u16,
    jobtracker_http_port: u16,
    racks: Vec<String>,
    settings: Vec<(String, String)>,
    write_config: Option<PathBuf>,
    write_details: Option<PathBuf>,
    help: bool,
}

/// Runs the command; its exit code.
pub(crate) fn run(args: &[String]) -> i32 {
    let asked = match parse(args) {
        Ok(asked) => asked,
        Err(message) => {
            eprintln!("minicluster: {message}\n\n{USAGE}");
            return 1;
        }
    };
    if asked.help {
        print!("{USAGE}");
        return 0;
    }
    match serve(asked) {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("minicluster: {message}");
            1
        }
    }
}

fn parse(args: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "-help" => asked.help = true,
            "-format" => asked.format = true,
            "-datanodes" => asked.datanodes = Some(number(word, value()?)?),
            "-nnport" => asked.rpc_port = number(word, value()?)?,
            "-nnhttpport" | "-httpport" => asked.http_port = number(word, value()?)?,
            "-nomr" => asked.no_mapreduce = true,
            "-tasktrackers" | "-nodemanagers" => {
                asked.tasktrackers = Some(number(word, value()?)?);
            }
            "-jtport" => asked.jobtracker_port = number(word, value()?)?,
            "-jthttpport" => asked.jobtracker_http_port = number(word, value()?)?,
            "-dir" => asked.directory = Some(value()?.into()),
            "-racks" => asked.racks = racks(value()?)?,
            "-writeConfig" => asked.write_config = Some(value()?.into()),
            "-writeDetails" => asked.write_details = Some(value()?.into()),
            "-D" => asked.settings.push(setting(value()?)?),
            other => match other.strip_prefix("-D") {
                Some(pair) if !pair.is_empty() => asked.settings.push(setting(pair)?),
                _ => return Err(format!("Unrecognized option: {other}")),
            },
        }
    }
    Ok(asked)
}

fn number<T: std::str::FromStr>(option: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{option}: '{value}' is not a number that fits"))
}

fn setting(pair: &str) -> Result<(String, String), String> {
    match pair.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err(format!("-D {pair}: wanted property=value")),
    }
}

fn racks(list: &str) -> Result<Vec<String>, String> {
    let racks: Vec<String> = list.split(',').map(|rack| rack.trim().to_owned()).collect();
    match racks.iter().find(|rack| !rack.starts_with('/') || rack.len() < 2) {
        Some(wrong) => Err(format!("-racks: '{wrong}' is not a rack such as /rack1")),
        None => Ok(racks),
    }
}

fn serve(asked: Asked) -> Result<(), String> {
    let start = Instant::now();
    let options = MiniClusterOptions {
        datanodes: asked.datanodes.unwrap_or(1),
        directory: asked.directory.map(|path| std::path::absolute(&path).unwrap_or(path)),
        format: asked.format,
        rpc_port: asked.rpc_port,
        http_port: asked.http_port,
        racks: asked.racks,
        tasktrackers: if asked.no_mapreduce { 0 } else { asked.tasktrackers.unwrap_or(1) },
        jobtracker_port: asked.jobtracker_port,
        jobtracker_http_port: asked.jobtracker_http_port,
        settings: asked.settings,
    };
    let has_jobs = options.tasktrackers > 0;
    let runtime = super::runtime().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let cluster = MiniCluster::start(options).await.map_err(|error| error.to_string())?;
        if let Some(path) = &asked.write_config {
            site_file::write(cluster.conf(), path).map_err(|error| error.to_string())?;
        }
        if let Some(path) = &asked.write_details {
            let mut details = serde_json::json!({
                "namenode_http_port": cluster.http_port(),
                "namenode_port": cluster.rpc_port(),
            });
            if has_jobs && let Some(map) = details.as_object_mut() {
                let (calls, pages) = cluster.jobtracker_ports();
                map.insert("jobtracker_port".into(), calls.into());
                map.insert("jobtracker_http_port".into(), pages.into());
            }
            fs::write(path, details.to_string())
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        println!(
            "Started MiniDFSCluster -- namenode on port {}, web on port {}, {} datanode(s), after {} ms",
            cluster.rpc_port(),
            cluster.http_port(),
            cluster.live_datanodes(),
            start.elapsed().as_millis()
        );
        if has_jobs {
            let (calls, pages) = cluster.jobtracker_ports();
            println!(
                "JobTracker on port {calls}, http://127.0.0.1:{pages}/, {} tasktracker(s)",
                cluster.live_tasktrackers()
            );
        }
        println!("fs.defaultFS={}  disks in {}", cluster.uri(), cluster.directory().display());
        loxodon_runtime::daemon::told_to_end().await;
        cluster.stop().await;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_of_hadoops_launcher_are_understood() {
        let line = "-datanodes 3 -format -nnport 9000 -httpport 9870 -D a=b -Dc=d=e -racks /x,/y";
        let asked = parse(&words(line)).unwrap();
        assert_eq!(asked.datanodes, Some(3));
        assert!(asked.format);
        assert_eq!((asked.rpc_port, asked.http_port), (9000, 9870));
        assert_eq!(asked.settings, [("a".into(), "b".into()), ("c".into(), "d=e".into())]);
        assert_eq!(asked.racks, ["/x", "/y"]);
    }

    #[test]
    fn wrong_options_are_named() {
        for (line, part) in [
            ("-datanode 3", "-datanode"),
            ("-datanodes many", "many"),
            ("-nnport 70000", "70000"),
            ("-nnport", "-nnport"),
            ("-racks x", "'x'"),
            ("-D novalue", "novalue"),
        ] {
            let error = parse(&words(line)).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
