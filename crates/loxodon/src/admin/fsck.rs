//! `hdfs fsck`: asks the NameNode's web server and prints what it says (`DFSck`).

use std::io::{self, BufRead};

use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprintln, println};

use super::FAILED;
use super::cluster::Cluster;
use super::http::{self, Answer};
use crate::shell::{GENERIC_OPTIONS, current_user};

const USAGE: &str = "Usage: hdfs fsck <path> [-list-corruptfileblocks | [-move | -delete | -openforwrite] [-files [-blocks [-locations | -racks | -replicaDetails | -upgradedomains]]]] [-includeSnapshots] [-showprogress] [-storagepolicies] [-maintenance] [-blockId <blk_Id>] [-replicate]
\t<path>\tthe tree to check
\t-move\tmove corrupted files to /lost+found
\t-delete\tdelete corrupted files
\t-files\tprint each file
\t-openforwrite\tprint files that are being written, which are not looked at otherwise
\t-includeSnapshots\tlook at snapshots too
\t-list-corruptfileblocks\tprint missing blocks and whose they are
\t-blocks\twith -files: print blocks
\t-locations\twith -blocks: and where they are
\t-racks\twith -blocks: and in which racks
\t-replicaDetails\twith -blocks: and each replica's state
\t-upgradedomains\twith -blocks: and upgrade domains
\t-storagepolicies\tprint a summary of storage policies
\t-maintenance\tprint nodes in maintenance
\t-showprogress\tnothing: progress is always shown
\t-blockId\tprint whose these blocks are, and where
\t-replicate\tmove blocks that are badly placed";

/// Options that are passed on, and their names there.
const PASSED: &[(&str, &str)] = &[
    ("-move", "move"),
    ("-delete", "delete"),
    ("-files", "files"),
    ("-openforwrite", "openforwrite"),
    ("-blocks", "blocks"),
    ("-locations", "locations"),
    ("-racks", "racks"),
    ("-replicaDetails", "replicadetails"),
    ("-upgradedomains", "upgradedomains"),
    ("-storagepolicies", "storagepolicies"),
    ("-showprogress", "showprogress"),
    ("-list-corruptfileblocks", "listcorruptfileblocks"),
    ("-includeSnapshots", "includeSnapshots"),
    ("-maintenance", "maintenance"),
    ("-replicate", "replicate"),
];

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    query: String,
    path: String,
    lists_corrupt: bool,
}

impl Request {
    fn parse(args: &[String]) -> Result<Self, String> {
        let (mut query, mut path, mut lists_corrupt) = (String::new(), None, false);
        let mut rest = args.iter().peekable();
        while let Some(arg) = rest.next() {
            if let Some((_, name)) = PASSED.iter().find(|(option, _)| option == arg) {
                query += &format!("&{name}=1");
                lists_corrupt |= arg == "-list-corruptfileblocks";
            } else if arg == "-blockId" {
                let mut ids = String::new();
                while let Some(id) = rest.next_if(|next| !next.starts_with('-')) {
                    ids += id;
                    ids.push(' ');
                }
                query += &format!("&blockId={}", http::encoded(&ids));
            } else if arg.starts_with('-') {
                return Err(format!("fsck: Illegal option '{arg}'"));
            } else if path.replace(arg.clone()).is_some() {
                return Err(format!("fsck: can only operate on one path at a time '{arg}'"));
            }
        }
        Ok(Self { query, path: path.unwrap_or_else(|| "/".into()), lists_corrupt })
    }
}

/// Runs `fsck`; its exit code.
pub(crate) fn run(conf: Configuration, args: &[String]) -> i32 {
    if args.is_empty() || args.first().is_some_and(|first| first == "-files") {
        return refuse(None);
    }
    if matches!(args, [only] if matches!(only.as_str(), "-h" | "-help" | "--help")) {
        println!("{USAGE}\n\n{GENERIC_OPTIONS}");
        return 0;
    }
    let request = match Request::parse(args) {
        Ok(request) => request,
        Err(message) => return refuse(Some(&message)),
    };
    ask(conf, &request).unwrap_or_else(|message| {
        eprintln!("{message}");
        FAILED
    })
}

fn refuse(message: Option<&str>) -> i32 {
    if let Some(message) = message {
        eprintln!("{message}");
    }
    eprintln!("{USAGE}\n\n{GENERIC_OPTIONS}");
    FAILED
}

fn ask(conf: Configuration, request: &Request) -> Result<i32, String> {
    let timeout = |key| conf.time(key).map_err(|e| e.to_string());
    let connect = timeout(&keys::FSCK_CONNECT_TIMEOUT)?;
    let read = timeout(&keys::FSCK_READ_TIMEOUT)?;
    let inaccessible = |reason: &str| {
        eprintln!("FileSystem is inaccessible due to:\n{reason}\nDFSck exiting.");
    };
    let cluster = match Cluster::of(conf) {
        Ok(cluster) => cluster,
        Err(failure) => {
            inaccessible(&failure.to_string());
            return Ok(0);
        }
    };
    let address = match cluster.web_address() {
        Ok(address) => address,
        Err(failure) => {
            inaccessible(&failure.to_string());
            return Ok(0);
        }
    };
    let path = cluster.absolute(&request.path);
    if let Err(error) = cluster.block_on(cluster.client.file_status(&path)) {
        inaccessible(&format!("{}: {error}", error.java_class()));
        return Ok(0);
    }
    let user = http::encoded(&current_user().effective);
    let target = format!("/fsck?ugi={user}{}&path={}", request.query, http::encoded(&path));
    eprintln!("Connecting to namenode via http://{address}{target}");
    let get = |target: &str| http::get(&address, target, connect, read).map_err(|e| e.to_string());
    if request.lists_corrupt {
        return list_corrupt(&request.path, &target, get);
    }
    print_all(get(&target)?).map_err(|e| e.to_string())
}

/// Prints the answer; the exit code is in its last line.
fn print_all(answer: Answer) -> io::Result<i32> {
    let mut last = String::new();
    for line in answer.body.lines() {
        last = line?;
        println!("{last}");
    }
    Ok(exit_code(&last))
}

/// What the last line means.
fn exit_code(line: &str) -> i32 {
    const ENDINGS: [(&str, i32); 9] = [
        ("is HEALTHY", 0),
        ("is CORRUPT", 1),
        ("does not exist", 0),
        ("is EXCESS", 0),
        ("is DECOMMISSIONED", 2),
        ("is DECOMMISSIONING", 3),
        ("is IN MAINTENANCE", 4),
        ("is ENTERING MAINTENANCE", 5),
        ("is STALE", 6),
    ];
    if line.contains("Incorrect blockId format:") {
        return 0;
    }
    ENDINGS.iter().find(|(ending, _)| line.ends_with(ending)).map_or(FAILED, |(_, code)| *code)
}

/// `-list-corruptfileblocks`: pages, until there is no more.
fn list_corrupt(
    path: &str,
    target: &str,
    get: impl Fn(&str) -> Result<Answer, String>,
) -> Result<i32, String> {
    let (mut count, mut cookie) = (0_u64, String::new());
    'pages: loop {
        let page = if cookie.is_empty() {
            target.into()
        } else {
            format!("{target}&startblockafter={cookie}")
        };
        let asked_with = cookie.clone();
        for line in get(&page)?.body.lines() {
            let line = line.map_err(|e| e.to_string())?;
            if let Some(next) = line.strip_prefix("Cookie:") {
                cookie = next.trim().to_owned();
            } else if ["has no CORRUPT files", "has no more CORRUPT files", "does not exist"]
                .iter()
                .any(|ending| line.ends_with(ending))
            {
                break 'pages;
            } else if line.starts_with("Access denied for user") {
                println!("Failed to open path '{path}': Permission denied");
                return Ok(FAILED);
            } else if !is_framing(&line) {
                count += 1;
                if count == 1 {
                    println!("The list of corrupt blocks under path '{path}' are:");
                }
                println!("{line}");
            }
        }
        if cookie == asked_with {
            break;
        }
    }
    println!("The filesystem under path '{path}' has {count} CORRUPT blocks");
    Ok(if count == 0 { 0 } else { FAILED })
}

fn is_framing(line: &str) -> bool {
    let frames = ["FSCK started by", "FSCK ended at", "The filesystem under path"];
    line.is_empty() || frames.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let parse = |text: &str| {
            let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            Request::parse(&args)
        };
        let request = parse("/a -files -blocks -blockId blk_1 blk_2 -racks").unwrap();
        assert_eq!(request.query, "&files=1&blocks=1&blockId=blk_1+blk_2+&racks=1");
        assert_eq!(request.path, "/a");
        assert!(parse("/a -fils").unwrap_err().contains("-fils"));
        assert!(parse("/a /b").unwrap_err().contains("one path"));
        assert!(parse("-list-corruptfileblocks").unwrap().lists_corrupt);
    }

    #[test]
    fn exit_codes() {
        assert_eq!(exit_code("The filesystem under path '/' is HEALTHY"), 0);
        assert_eq!(exit_code("The filesystem under path '/' is CORRUPT"), 1);
        assert_eq!(exit_code("Path '/x' does not exist"), 0);
        assert_eq!(exit_code("cut off"), FAILED);
    }
}
