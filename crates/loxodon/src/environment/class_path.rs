//! `hadoop classpath` (`Classpath`). This program has no jars; what is printed lets Java programs find the
//! configuration and, where `HADOOP_HOME` names a Java Hadoop beside us, its jars.

use std::path::{Path, PathBuf};

use loxodon_conf::configuration_directory;

use crate::output;

const USAGE: &str = "classpath [--glob|-h|--help] :
  Prints the class path for Java programs: the configuration, the jars of the Java Hadoop that HADOOP_HOME names,
  and HADOOP_CLASSPATH.
  --glob      the jars one by one
  -h, --help  this text
";

/// Folders of a Java Hadoop, below its top.
const FOLDERS: [&str; 8] = [
    "share/hadoop/common/lib",
    "share/hadoop/common",
    "share/hadoop/hdfs",
    "share/hadoop/hdfs/lib",
    "share/hadoop/mapreduce",
    "share/hadoop/yarn",
    "share/hadoop/yarn/lib",
    "share/hadoop/tools/lib",
];

/// Runs `classpath`; its exit code.
pub(crate) fn run(directory: Option<&Path>, args: &[String]) -> i32 {
    let home = std::env::var_os("HADOOP_HOME").map(PathBuf::from);
    let further = std::env::var("HADOOP_CLASSPATH").ok();
    let conf = configuration_directory(directory);
    let glob = match args.first().map(String::as_str) {
        None => false,
        Some("-glob" | "--glob") => true,
        Some("-h" | "--help") => {
            output::print(&format!("{USAGE}\n"));
            return 0;
        }
        Some("-jar" | "--jar") => {
            eprintln!(
                "classpath: java.lang.UnsupportedOperationException: --jar is not supported: this program has no jars"
            );
            return 1;
        }
        Some(_) => {
            eprintln!("unrecognized option");
            return 1;
        }
    };
    output::print(&format!("{}\n", class_path(conf.as_deref(), home.as_deref(), further, glob)));
    0
}

fn class_path(
    conf: Option<&Path>,
    home: Option<&Path>,
    further: Option<String>,
    glob: bool,
) -> String {
    let mut parts: Vec<String> = conf.iter().map(|path| path.display().to_string()).collect();
    let folders = FOLDERS.iter().filter_map(|folder| Some(home?.join(folder)));
    for folder in folders.filter(|folder| folder.is_dir()) {
        if glob {
            parts.extend(jars(&folder));
        } else {
            parts.push(format!("{}/*", folder.display()));
        }
    }
    parts.extend(further.filter(|text| !text.is_empty()));
    parts.join(":")
}

fn jars(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let jars = paths.filter(|path| path.extension().is_some_and(|end| end == "jar"));
    let mut jars: Vec<_> = jars.map(|path| path.display().to_string()).collect();
    jars.sort_unstable();
    jars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_java_hadoop_beside_us_is_found() {
        let home = tempfile::tempdir().unwrap();
        let common = home.path().join("share/hadoop/common");
        std::fs::create_dir_all(&common).unwrap();
        std::fs::write(common.join("hadoop.jar"), "").unwrap();
        std::fs::write(common.join("README"), "").unwrap();
        let conf = Path::new("/etc/hadoop");
        let of = |glob| class_path(Some(conf), Some(home.path()), Some("/x.jar".into()), glob);
        let common = common.display();
        assert_eq!(of(false), format!("/etc/hadoop:{common}/*:/x.jar"));
        assert_eq!(of(true), format!("/etc/hadoop:{common}/hadoop.jar:/x.jar"));
        assert_eq!(class_path(Some(conf), None, None, false), "/etc/hadoop");
    }
}
