//! `hadoop classpath` (`Classpath`). This program has no jars; what is printed lets Java programs find the
//! configuration and, where `HADOOP_HOME` names a Java Hadoop beside us, its jars.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use loxodon_conf::configuration_directory;
use loxodon_console::{eprintln, println};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const USAGE: &str = "classpath [--glob|--jar <path>|-h|--help] :
  Prints the class path for Java programs: the configuration, the jars of the Java Hadoop that HADOOP_HOME names,
  and HADOOP_CLASSPATH.
  --glob        the jars one by one
  --jar <path>  writes a jar whose manifest names them
  -h, --help    this text
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
    let class_path = |glob| class_path(conf.as_deref(), home.as_deref(), further, glob);
    match args.first().map(String::as_str) {
        None => println!("{}", class_path(false)),
        Some("-glob" | "--glob") => println!("{}", class_path(true)),
        Some("-h" | "--help") => {
            println!("{USAGE}");
        }
        Some("-jar" | "--jar") => return jar(args.get(1), &class_path(true)),
        Some(_) => {
            eprintln!("unrecognized option");
            return 1;
        }
    }
    0
}

/// Writes the jar; the exit code.
fn jar(path: Option<&String>, class_path: &str) -> i32 {
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        eprintln!("-jar option requires path of jar file to write");
        return 1;
    };
    let new = format!("{path}.new");
    if let Err(error) = write_jar(Path::new(&new), class_path) {
        eprintln!("I/O error creating jar: {new}: {error}");
        return 1;
    }
    if let Err(error) = std::fs::rename(&new, path) {
        eprintln!("I/O error renaming jar temporary file to path: {path}: {error}");
        return 1;
    }
    0
}

/// A jar of nothing but a manifest (`FileUtil.createJarWithClassPath`).
fn write_jar(path: &Path, class_path: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut jar = ZipWriter::new(File::create(path)?);
    jar.start_file("META-INF/MANIFEST.MF", SimpleFileOptions::default())?;
    jar.write_all(&manifest(class_path)?)?;
    jar.finish()?.sync_all()?;
    Ok(())
}

fn manifest(class_path: &str) -> std::io::Result<Vec<u8>> {
    let entries = class_path.split(':').filter(|entry| !entry.is_empty());
    let entries = entries.map(url).collect::<std::io::Result<Vec<String>>>()?;
    let line = format!("Class-Path: {}", entries.join(" "));
    let mut text = b"Manifest-Version: 1.0\r\n".to_vec();
    // A line has 72 bytes at most; what goes on begins with a blank.
    let (first, rest) = line.as_bytes().split_at(line.len().min(72));
    text.extend_from_slice(first);
    for piece in rest.chunks(71) {
        text.extend_from_slice(b"\r\n ");
        text.extend_from_slice(piece);
    }
    text.extend_from_slice(b"\r\n\r\n");
    Ok(text)
}

/// A file or directory as Java's class loaders take it (`File.toURI`).
fn url(entry: &str) -> std::io::Result<String> {
    let path = std::path::absolute(entry)?;
    let mut url = String::from("file:");
    for c in path.display().to_string().chars() {
        match c {
            '%' | '#' | '?' | '"' | '<' | '>' | '[' | ']' | '\\' | '^' | '`' | '{' | '|' | '}'
            | ' ' => {
                url += &format!("%{:02X}", u32::from(c));
            }
            _ => url.push(c),
        }
    }
    if path.is_dir() && !url.ends_with('/') {
        url.push('/');
    }
    Ok(url)
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

    #[test]
    fn a_jar_names_the_class_path() {
        let home = tempfile::tempdir().unwrap();
        let (top, jar) = (home.path().display(), home.path().join("cp.jar"));
        let long = format!("{top}/{}.jar", "x".repeat(150));
        write_jar(&jar, &format!("{top}:{top}/a b%.jar::{long}")).unwrap();
        let mut found = zip::ZipArchive::new(File::open(&jar).unwrap()).unwrap();
        let text = std::io::read_to_string(found.by_name("META-INF/MANIFEST.MF").unwrap()).unwrap();
        assert!(text.lines().all(|line| line.len() <= 72), "{text}");
        let wanted = format!(
            "Manifest-Version: 1.0\r\nClass-Path: file:{top}/ file:{top}/a%20b%25.jar file:{long}\r\n\r\n"
        );
        assert_eq!(text.replace("\r\n ", ""), wanted);
    }
}
