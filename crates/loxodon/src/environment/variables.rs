//! `hdfs envvars`, `hadoop envvars`, `mapred envvars`: the variables that Hadoop's launcher computes.

use std::path::{Path, PathBuf};

use loxodon_conf::configuration_directory;
use loxodon_console::print;

/// Runs `envvars` of the launcher `called`; its exit code.
pub(crate) fn run(called: &str, directory: Option<&Path>) -> i32 {
    let conf = configuration_directory(directory);
    let program = std::env::current_exe().ok();
    // The folder above `bin`.
    let top = program.as_deref().and_then(|path| path.ancestors().nth(2)).map(PathBuf::from);
    let given = |name: &str| std::env::var(name).ok();
    print!("{}", text(called, conf.as_deref(), top.as_deref(), &given));
    0
}

fn text(
    called: &str,
    conf: Option<&Path>,
    top: Option<&Path>,
    given: &dyn Fn(&str) -> Option<String>,
) -> String {
    let top = given("HADOOP_HOME").or_else(|| Some(top?.display().to_string())).unwrap_or_default();
    let conf = conf.map(|path| path.display().to_string()).unwrap_or_default();
    let home = |name: &str| (name.to_owned(), given(name).unwrap_or_else(|| top.clone()));
    let part = |name: &str, default: &str| {
        (name.to_owned(), given(name).unwrap_or_else(|| default.to_owned()))
    };
    let mut lines = vec![part("JAVA_HOME", "")];
    lines.extend(match called {
        "hdfs" => vec![
            home("HADOOP_HDFS_HOME"),
            part("HDFS_DIR", "share/hadoop/hdfs"),
            part("HDFS_LIB_JARS_DIR", "share/hadoop/hdfs/lib"),
        ],
        "mapred" => vec![
            home("HADOOP_MAPRED_HOME"),
            part("MAPRED_DIR", "share/hadoop/mapreduce"),
            part("MAPRED_LIB_JARS_DIR", "share/hadoop/mapreduce/lib"),
        ],
        _ => vec![
            home("HADOOP_COMMON_HOME"),
            part("HADOOP_COMMON_DIR", "share/hadoop/common"),
            part("HADOOP_COMMON_LIB_JARS_DIR", "share/hadoop/common/lib"),
            part("HADOOP_COMMON_LIB_NATIVE_DIR", "lib/native"),
        ],
    });
    lines.push(("HADOOP_CONF_DIR".to_owned(), conf));
    lines.extend([
        home("HADOOP_TOOLS_HOME"),
        part("HADOOP_TOOLS_DIR", "share/hadoop/tools"),
        part("HADOOP_TOOLS_LIB_JARS_DIR", "share/hadoop/tools/lib"),
    ]);
    lines.into_iter().map(|(name, value)| format!("{name}='{value}'\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_launcher_has_its_own() {
        let given = |name: &str| (name == "JAVA_HOME").then(|| "/java".to_owned());
        let text = |called| text(called, Some(Path::new("/conf")), Some(Path::new("/top")), &given);
        let hdfs = text("hdfs");
        assert!(
            hdfs.starts_with("JAVA_HOME='/java'\nHADOOP_HDFS_HOME='/top'\nHDFS_DIR='"),
            "{hdfs}"
        );
        assert!(hdfs.contains("\nHADOOP_CONF_DIR='/conf'\n"), "{hdfs}");
        assert!(text("hadoop").contains("HADOOP_COMMON_HOME='/top'"));
        assert!(text("mapred").contains("HADOOP_MAPRED_HOME='/top'"));
    }
}
