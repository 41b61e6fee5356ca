//! `hdfs oiv` prints of an image what Hadoop's prints, whatever the processor, and makes images of XML that
//! both NameNodes load; `hadoop conftest` finds the same faults.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::java::{JavaHost, Outcome, whoami};
use loxodon_interop::loxodon::{self, Daemon};
use loxodon_interop::{eventually, http, repository};

/// An image that Java wrote: files, directories, links, lists, attributes, limits, policies, an open file.
fn javas_image() -> PathBuf {
    repository().join("crates/namespace/tests/data/fsimage")
}

/// Both viewers.
struct Viewers {
    java: JavaHost,
    root: PathBuf,
}

impl Viewers {
    fn new(root: &Path) -> io::Result<Self> {
        Ok(Self { java: JavaHost::start(&root.join("java.log"))?, root: root.into() })
    }

    fn theirs(&mut self, args: &[&str]) -> io::Result<Outcome> {
        self.java.run(&self.root, &whoami(), "oiv", args)
    }

    fn ours(&self, args: &[&str]) -> io::Result<Outcome> {
        let args: Vec<&str> = ["hdfs", "oiv"].iter().chain(args).copied().collect();
        loxodon::run(&self.root, &whoami(), &args)
    }

    fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    /// A line of arguments to both; `{t}` is a directory of either's own.
    fn compare(&mut self, line: &str, image: &str) -> io::Result<Option<String>> {
        let line = line.replace("{i}", image);
        let filled = |own: &str| line.replace("{t}", &self.path(own));
        let (theirs, ours) = (filled("theirs"), filled("ours"));
        let theirs = self.theirs(&theirs.split_whitespace().collect::<Vec<_>>())?;
        let ours = self.ours(&ours.split_whitespace().collect::<Vec<_>>())?;
        for own in ["theirs", "ours"] {
            let _ = fs::remove_dir_all(self.root.join(own));
        }
        let (theirs, ours) = (comparable(theirs), comparable(ours));
        Ok((theirs != ours).then(|| format!("{line}\n  Hadoop: {theirs:?}\n  ours:   {ours:?}")))
    }
}

/// Usage texts are our own; Java's log and stack traces are its own; a viewer names its version.
fn comparable(outcome: Outcome) -> Outcome {
    let is_noise = |line: &&str| {
        line.contains(" INFO ")
            || line.contains(" WARN ")
            || line.starts_with("\tat ")
            || line.starts_with("java.")
            || line.starts_with("Caused by")
            || line.starts_with("\t...")
            // What is wrong with options we say, Java does not.
            || line.starts_with("unknown option")
            || line.ends_with("needs a value")
    };
    let plain = |text: &str| -> String {
        let lines = text.lines().filter(|line| !is_noise(line));
        let lines = lines.take_while(|line| !line.starts_with("Usage:"));
        lines.map(|line| without_revision(line) + "\n").collect()
    };
    Outcome {
        exit: outcome.exit & 0xff,
        stdout: plain(&outcome.stdout),
        stderr: plain(&outcome.stderr),
    }
}

fn without_revision(line: &str) -> String {
    match (line.split_once("<oivRevision>"), line.split_once("</oivRevision>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => line.to_owned(),
    }
}

fn none_differs(differences: &[String]) -> io::Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("{} differ:\n{}", differences.len(), differences.join("\n"))))
}

/// An image without the first directory below the root, whose children are still named.
fn damaged(viewers: &Viewers) -> io::Result<String> {
    let (xml, image) = (viewers.path("whole.xml"), javas_image().display().to_string());
    viewers.ours(&["-i", &image, "-o", &xml, "-p", "XML"])?.succeeded()?;
    let text = fs::read_to_string(&xml)?;
    let missing = || io::Error::other("the image is not what this test expects");
    let at = text.find("<name>tree</name>").ok_or_else(missing)?;
    let begin = text[..at].rfind("<inode>").ok_or_else(missing)?;
    let end = begin + text[begin..].find("</inode>\n").ok_or_else(missing)? + "</inode>\n".len();
    let count = text.split_once("<numInodes>").and_then(|(_, rest)| rest.split_once('<'));
    let (count, _) = count.ok_or_else(missing)?;
    let fewer = count.parse::<u32>().map_err(io::Error::other)? - 1;
    let mut damaged = text.clone();
    damaged.replace_range(begin..end, "");
    let damaged = damaged.replace(&format!("<numInodes>{count}<"), &format!("<numInodes>{fewer}<"));
    let (changed, out) = (viewers.path("damaged.xml"), viewers.path("damaged"));
    fs::write(&changed, damaged)?;
    viewers.ours(&["-i", &changed, "-o", &out, "-p", "ReverseXML"])?.succeeded()?;
    Ok(out)
}

#[test]
fn processors_print_what_hadoops_print() {
    in_fresh_directory(|root| {
        let mut viewers = Viewers::new(root)?;
        let whole = javas_image().display().to_string();
        let damaged = damaged(&viewers)?;
        let mut differences = Vec::new();
        for image in [&whole, &damaged] {
            for line in [
                "-i {i} -p XML",
                "-i {i} -p FileDistribution",
                "-i {i} -p filedistribution -maxSize 4000 -step 500",
                "-i {i} -p FileDistribution -maxSize 4001 -step 500 -format",
                "-i {i} -p Delimited",
                "-i {i} -p Delimited -delimiter , -sp -ec",
                "-i {i} -p Delimited -delimiter :: -sp",
                "-i {i} -p Delimited -t {t}",
                "-i {i} -p Delimited -m 3",
                "-i {i} -p DetectCorruption",
                "-i {i} -p DetectCorruption -delimiter ; -t {t}",
            ] {
                differences.extend(viewers.compare(line, image)?);
            }
        }
        for line in [
            "",
            "-h",
            "--help",
            "-i {i} -h",
            "-p XML",
            "-p XML -nosuch -i {i}",
            "-i {i} -p YAML",
            "-i /no/such/image -p XML",
            "-i /no/such/image -p Delimited",
            "-i /etc/hostname -p XML",
        ] {
            differences.extend(viewers.compare(line, &whole)?);
        }
        none_differs(&differences)
    });
}

#[test]
fn images_survive_the_way_through_xml_of_either() {
    in_fresh_directory(|root| {
        let mut viewers = Viewers::new(root)?;
        let image = javas_image().display().to_string();
        let (from, to, back) =
            (viewers.path("a.xml"), viewers.path("image"), viewers.path("b.xml"));
        let steps = [("XML", &image, &from), ("ReverseXML", &from, &to), ("XML", &to, &back)];
        // Whose program takes each step.
        for makers in ["jlj", "ljl", "llj", "lll", "jll"] {
            for (maker, (processor, input, output)) in makers.chars().zip(steps) {
                let args = ["-i", input, "-o", output, "-p", processor];
                let done =
                    if maker == 'j' { viewers.theirs(&args)? } else { viewers.ours(&args)? };
                done.succeeded()
                    .map_err(|e| io::Error::other(format!("{makers} {processor}: {e}")))?;
            }
            let [before, after] = [fs::read_to_string(&from)?, fs::read_to_string(&back)?];
            if without_revision(&before) != without_revision(&after) {
                return Err(io::Error::other(format!("{makers}:\n{before}\n---\n{after}")));
            }
        }
        Ok(())
    });
}

#[test]
fn namenodes_load_images_from_xml() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[])?;
        for args in [
            &["-mkdir", "-p", "/a/b c/größe"][..],
            &["-touchz", "/a/empty"],
            &["-setfacl", "-m", "user:ann:rwx,default:group:g:r-x", "/a"],
            &["-setfattr", "-n", "user.colour", "-v", "blue", "/a/empty"],
            &["-chown", "ann:staff", "/a/b c"],
            &["-chmod", "1750", "/a/b c"],
        ] {
            cluster.java("dfs", args)?.succeeded()?;
        }
        cluster.java("dfsadmin", &["-setQuota", "50", "/a"])?.succeeded()?;
        cluster.java("dfsadmin", &["-safemode", "enter"])?.succeeded()?;
        cluster.java("dfsadmin", &["-saveNamespace"])?.succeeded()?;
        let wanted = seen(&mut cluster)?;
        let image = newest_image(&cluster.site().name_dir().join("current"))?;
        let image = image.display().to_string();
        let xml = root.join("image.xml").display().to_string();
        cluster.ours(&["oiv", "-i", &image, "-o", &xml, "-p", "XML"])?.succeeded()?;
        for (made_by, loaded_by) in [
            (Maker::Loxodon, Maker::Loxodon),
            (Maker::Java, Maker::Loxodon),
            (Maker::Loxodon, Maker::Java),
        ] {
            cluster.stop_namenode()?;
            let args = ["-i", &xml, "-o", &image, "-p", "ReverseXML"];
            match made_by {
                Maker::Java => cluster.java("oiv", &args)?,
                Maker::Loxodon => cluster.ours(&[&["oiv"], &args[..]].concat())?,
            }
            .succeeded()?;
            cluster.start_namenode(loaded_by)?;
            let found = seen(&mut cluster)?;
            if found != wanted {
                return Err(io::Error::other(format!(
                    "made by {made_by:?}, loaded by {loaded_by:?}:\n{wanted}\n---\n{found}"
                )));
            }
        }
        Ok(())
    });
}

/// What Java's shell says of the tree.
fn seen(cluster: &mut Cluster) -> io::Result<String> {
    let mut text = String::new();
    for args in [
        &["-ls", "-R", "/"][..],
        &["-getfacl", "-R", "/a"],
        &["-getfattr", "-R", "-d", "/a"],
        &["-count", "-q", "/a"],
    ] {
        text += &cluster.java("dfs", args)?.succeeded()?;
    }
    Ok(text)
}

fn newest_image(directory: &Path) -> io::Result<PathBuf> {
    let entries = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut images: Vec<_> = entries
        .filter(|path| name(path).starts_with("fsimage_") && !name(path).ends_with(".md5"))
        .collect();
    images.sort();
    images.pop().ok_or_else(|| io::Error::other("there is no image"))
}

/// Status and body of a GET.
fn get(port: u16, path: &str) -> io::Result<(String, String)> {
    http::get(port, path).map(|answer| (answer.status, answer.body))
}

#[test]
fn the_web_viewer_answers_as_hadoops() {
    in_fresh_directory(|root| {
        let mut viewers = Viewers::new(root)?;
        let image = javas_image().display().to_string();
        let log = root.join("viewer.log");
        let args = ["oiv", "-i", &image, "-p", "Web", "-addr", "127.0.0.1:0"];
        let mut daemon = Daemon::start_with(root, &args, &log)?;
        let ours = eventually("the viewer's port", Duration::from_secs(180), || {
            let text = fs::read_to_string(&log).ok()?;
            let (_, rest) = text.split_once("Listening on /127.0.0.1:")?;
            rest.split_once(". Press")?.0.parse::<u16>().ok()
        })?;
        let theirs = viewers.java.run(root, &whoami(), "viewer", &[&image])?.succeeded()?;
        let theirs: u16 = theirs.trim().parse().map_err(io::Error::other)?;
        let mut differences = Vec::new();
        for path in [
            "/webhdfs/v1/",
            "/webhdfs/v1/tree/d1",
            "/webhdfs/v1/tree/d1/file-1",
            "/webhdfs/v1/tree/d0/file-0",
            "/webhdfs/v1/tree/d2",
            "/webhdfs/v1/ec",
            "/webhdfs/v1/ec/RS-3-2",
            "/webhdfs/v1/file_symlink",
            "/webhdfs/v1/tree/quota",
            "/webhdfs/v1/no%20such",
            "/other",
        ] {
            for query in [
                "op=GETFILESTATUS",
                "op=liststatus&user.name=x",
                "op=GETACLSTATUS",
                "op=GETCONTENTSUMMARY",
                "op=OPEN",
                "",
            ] {
                let (wanted, seen) = (
                    get(theirs, &format!("{path}?{query}"))?,
                    get(ours, &format!("{path}?{query}"))?,
                );
                if wanted != seen {
                    differences.push(format!("{path}?{query}\n  {wanted:?}\n  {seen:?}"));
                }
            }
        }
        for query in [
            "tree/d0/file-0?op=GETXATTRS",
            "tree/d0/file-0?op=GETXATTRS&encoding=hex",
            "tree/d0/file-0?op=GETXATTRS&encoding=BASE64&xattr.name=user.colour",
            "tree/d0/file-0?op=GETXATTRS&xattr.name=user.nosuch",
            "tree/d0/file-0?op=GETXATTRS&xattr.name=nosuch",
            "tree/d0/file-0?op=LISTXATTRS",
            "tree/d0?op=GETXATTRS",
            "ec?op=LISTXATTRS",
        ] {
            let path = format!("/webhdfs/v1/{query}");
            let (wanted, seen) = (get(theirs, &path)?, get(ours, &path)?);
            if wanted != seen {
                differences.push(format!("{path}\n  {wanted:?}\n  {seen:?}"));
            }
        }
        // Java's shell looks at both.
        for args in
            [&["-ls"][..], &["-ls", "-R"], &["-count"], &["-getfacl"], &["-stat", "%n %u %r %b"]]
        {
            let mut shown = Vec::new();
            for port in [theirs, ours] {
                let uri = format!("webhdfs://127.0.0.1:{port}/tree");
                let args: Vec<&str> = args.iter().copied().chain([uri.as_str()]).collect();
                let outcome = comparable(viewers.java.run(root, &whoami(), "dfs", &args)?);
                let text = format!("{outcome:?}").replace(&port.to_string(), "{port}");
                shown.push((outcome.exit, text));
            }
            // Neither viewer knows the batches in which a tree is listed.
            let fails = args.contains(&"-R");
            if shown[0] != shown[1] || (shown[0].0 != 0) != fails {
                differences.push(format!("dfs {args:?}: {shown:?}"));
            }
        }
        daemon.alive()?;
        none_differs(&differences)
    });
}

#[test]
fn configuration_files_have_the_same_faults() {
    in_fresh_directory(|root| {
        let mut java = JavaHost::start(&root.join("java.log"))?;
        let mut differences = Vec::new();
        for text in [
            "<configuration><property><name>a</name><value>1</value></property></configuration>",
            "<configuration>\n<property name=\"a\" value=\"b\"/>\n</configuration>",
            "<configuration>\n<x/>\n<property><value>1</value></property></configuration>",
            "<configuration>\n<property><name></name><value/></property></configuration>",
            "<configuration>\n<property><name> </name></property></configuration>",
            "<configuration><property><name>a</name><name>b</name><value/><value/><final/><final/></property>\
             </configuration>",
            "<configuration>\n<property><name>a</name><value/></property>\n\n<property><name>a</name><value/>\
             </property>\n<property><name>b</name><value/></property><property><name>b</name><value/></property>\
             <property><name>fs.x</name><value/></property><property><name>fs.x</name><value/></property>\
             </configuration>",
            "<?xml version=\"1.0\"?>\n<!-- one -->\n<configuration>\n <property>\n  <name>a</name>\n  \
             <value>1<![CDATA[2]]></value>\n  <source>x</source>\n  <source>y</source>\n </property>\n</configuration>",
            "<other/>",
        ] {
            let file = root.join("x.xml");
            fs::write(&file, text)?;
            let path = file.display().to_string();
            let theirs = java.run(root, &whoami(), "conftest", &[&path])?.succeeded()?;
            let ours = loxodon::run(root, &whoami(), &["hadoop", "conftest", "-conffile", &path])?;
            let found: String = ours
                .stderr
                .lines()
                .filter_map(|line| line.strip_prefix('\t').map(|line| format!("{line}\n")))
                .collect();
            if found != theirs || (ours.exit == 0) != theirs.is_empty() {
                differences.push(format!("{text}\n  Hadoop: {theirs}\n  ours: {ours:?}"));
            }
        }
        none_differs(&differences)
    });
}
