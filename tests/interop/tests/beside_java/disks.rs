//! Disks that one maker's daemons wrote, under the other's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};

const LISTING: [&str; 3] = ["-ls", "-R", "/"];

#[test]
fn java_goes_on_from_our_disks_and_we_from_javas() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "first")?;
        let before = state(&mut cluster)?;

        swap(&mut cluster, Maker::Java)?;
        same(&before, &state(&mut cluster)?, "after Java took over")?;
        write_some(&mut cluster, root, "second")?;
        cluster.java("dfsadmin", &["-safemode", "enter"])?.succeeded()?;
        cluster.java("dfsadmin", &["-saveNamespace"])?.succeeded()?;
        cluster.java("dfsadmin", &["-safemode", "leave"])?.succeeded()?;
        write_some(&mut cluster, root, "third")?;
        let between = state(&mut cluster)?;

        swap(&mut cluster, Maker::Loxodon)?;
        same(&between, &state(&mut cluster)?, "after we took over again")?;
        write_some(&mut cluster, root, "fourth")
    });
}

#[test]
fn a_java_secondary_checkpoints_our_namenode() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "before")?;
        let before = images(&cluster.site().name_dir())?;
        cluster.java("checkpoint", &[])?.succeeded()?;
        let after = images(&cluster.site().name_dir())?;
        if before == after {
            return Err(io::Error::other(format!("no image came from the secondary: {after:?}")));
        }
        let wanted = state(&mut cluster)?;
        cluster.stop_namenode()?;
        cluster.start_namenode(Maker::Loxodon)?;
        cluster.wait_for_datanodes(1)?;
        // The DataNode counts before it has said which blocks it has.
        cluster.java("dfsadmin", &["-safemode", "wait"])?.succeeded()?;
        same(&wanted, &state(&mut cluster)?, "after a start from the secondary's image")
    });
}

#[test]
fn offline_viewers_read_our_files_as_ours_do() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "files")?;
        cluster.java("dfsadmin", &["-safemode", "enter"])?.succeeded()?;
        cluster.java("dfsadmin", &["-saveNamespace"])?.succeeded()?;
        let name = cluster.site().name_dir().join("current");
        let image = newest(&name, "fsimage_", ".md5")?;
        let edits = newest(&name, "edits_0", "")?;
        viewers_agree(&mut cluster, root, "oiv", &image, "image")?;
        viewers_agree(&mut cluster, root, "oev", &edits, "edits")
    });
}

#[test]
fn fsck_and_report_of_java_see_our_cluster_whole() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "files")?;
        let fsck = cluster.java("fsck", &["/", "-files", "-blocks", "-locations"])?.succeeded()?;
        for wanted in ["is HEALTHY", "Total files:\t3", "Minimally replicated blocks:\t2 (100.0 %)"]
        {
            if !fsck.contains(wanted) {
                return Err(io::Error::other(format!("fsck lacks '{wanted}':\n{fsck}")));
            }
        }
        Ok(())
    });
}

/// Codecs of images that Java has without native code of Hadoop's.
const CODECS: [&str; 5] = ["DefaultCodec", "GzipCodec", "BZip2Codec", "SnappyCodec", "Lz4Codec"];

/// With each codec we save an image, Java starts from it and saves one, and we start from that.
#[test]
fn compressed_images_are_loaded_by_the_other() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[])?;
        // More than goes into one block of Snappy or LZ4.
        let filling: Vec<String> = (0..1500).map(|at| format!("/{at:0>240}")).collect();
        let mut args = vec!["hdfs", "dfs", "-mkdir"];
        args.extend(filling.iter().map(String::as_str));
        cluster.ours(&args)?.succeeded()?;
        for codec in CODECS {
            let class = format!("org.apache.hadoop.io.compress.{codec}");
            let settings =
                [("dfs.image.compress", "true"), ("dfs.image.compression.codec", class.as_str())];
            cluster.site().configure(&settings)?;
            for maker in [Maker::Loxodon, Maker::Java] {
                let before = listing(&cluster)?;
                cluster.stop_namenode()?;
                cluster.start_namenode(maker)?;
                let when = format!("{maker:?} with {codec}, started from the other's image");
                same(&before, &listing(&cluster)?, &when)?;
                let (new, link) = (format!("/{maker:?} {codec}"), format!("/{codec}/{maker:?}"));
                cluster.ours(&["hdfs", "dfs", "-mkdir", "-p", &new, &link])?.succeeded()?;
                cluster.ours(&["hdfs", "dfsadmin", "-safemode", "enter"])?.succeeded()?;
                cluster.ours(&["hdfs", "dfsadmin", "-saveNamespace"])?.succeeded()?;
                same_in_both_viewers(&mut cluster, root, &class, &when)?;
            }
        }
        let before = listing(&cluster)?;
        cluster.stop_namenode()?;
        cluster.start_namenode(Maker::Loxodon)?;
        same(&before, &listing(&cluster)?, "at the end")
    });
}

fn listing(cluster: &Cluster) -> io::Result<String> {
    let args: Vec<&str> = ["hdfs", "dfs"].into_iter().chain(LISTING).collect();
    cluster.ours(&args)?.succeeded()
}

/// The newest image is compressed by this codec, and `oiv` of both makes the same of it.
fn same_in_both_viewers(
    cluster: &mut Cluster,
    root: &Path,
    class: &str,
    when: &str,
) -> io::Result<()> {
    let image = newest(&cluster.site().name_dir().join("current"), "fsimage_", ".md5")?;
    let bytes = fs::read(&image)?;
    if !bytes.windows(class.len()).any(|part| part == class.as_bytes()) {
        return Err(io::Error::other(format!("{when}: {} is not compressed so", image.display())));
    }
    viewers_agree(cluster, root, "oiv", &image, when)
}

/// `oiv` or `oev` of both write the same about a file.
fn viewers_agree(
    cluster: &mut Cluster,
    root: &Path,
    command: &str,
    file: &Path,
    when: &str,
) -> io::Result<()> {
    let (theirs, ours) = (root.join("theirs.xml"), root.join("ours.xml"));
    let [file, theirs_text, ours_text] =
        [file, &theirs, &ours].map(|path| path.display().to_string());
    let processor = if command == "oiv" { "XML" } else { "xml" };
    let args = |out| ["-i", &file, "-o", out, "-p", processor];
    cluster.java(command, &args(&theirs_text))?.succeeded()?;
    let hdfs: Vec<&str> = ["hdfs", command].into_iter().chain(args(&ours_text)).collect();
    cluster.ours(&hdfs)?.succeeded()?;
    let [theirs, ours] = [fs::read_to_string(&theirs)?, fs::read_to_string(&ours)?];
    same(&without_revision(&theirs), &without_revision(&ours), when)
}

/// Writes three files with Java's shell: empty, one block, and with a name that is not ASCII.
fn write_some(cluster: &mut Cluster, root: &Path, name: &str) -> io::Result<()> {
    let local = root.join(format!("{name}.bin"));
    let bytes: Vec<u8> = (0..300_000u32).flat_map(|i| (i * 7 + 3).to_le_bytes()).collect();
    fs::write(&local, bytes)?;
    let local = local.display().to_string();
    let dir = format!("/kept/{name}");
    cluster.java("dfs", &["-mkdir", "-p", &dir])?.succeeded()?;
    cluster.java("dfs", &["-touchz", &format!("{dir}/empty")])?.succeeded()?;
    cluster.java("dfs", &["-put", &local, &format!("{dir}/block")])?.succeeded()?;
    cluster.java("dfs", &["-put", &local, &format!("{dir}/größe 1")])?.succeeded()?;
    cluster.java("dfs", &["-chmod", "640", &format!("{dir}/block")])?.succeeded()?;
    cluster.java("dfs", &["-setrep", "2", &format!("{dir}/block")])?.succeeded()?;
    cluster.java("dfs", &["-mv", &format!("{dir}/empty"), &format!("{dir}/none")])?.succeeded()?;
    Ok(())
}

/// The tree as Java's shell lists it and every file's checksum.
fn state(cluster: &mut Cluster) -> io::Result<String> {
    let listing = cluster.java("dfs", &LISTING)?.succeeded()?;
    let files: Vec<String> = listing
        .lines()
        .filter(|l| l.starts_with('-'))
        .filter_map(|l| l.find('/').map(|at| l[at..].to_owned()))
        .collect();
    let mut args = vec!["-checksum"];
    args.extend(files.iter().map(String::as_str));
    Ok(listing + &cluster.java("dfs", &args)?.succeeded()?)
}

fn swap(cluster: &mut Cluster, to: Maker) -> io::Result<()> {
    cluster.stop_datanode(0)?;
    cluster.stop_namenode()?;
    cluster.start_namenode(to)?;
    cluster.start_datanode(0, to)?;
    cluster.wait_for_datanodes(1)?;
    cluster.java("dfsadmin", &["-safemode", "wait"])?.succeeded().map(drop)
}

fn same(wanted: &str, seen: &str, when: &str) -> io::Result<()> {
    if wanted == seen {
        return Ok(());
    }
    let differing = wanted.lines().zip(seen.lines()).find(|(w, s)| w != s);
    Err(io::Error::other(format!(
        "{when}: first difference {differing:?}\n--- wanted\n{wanted}\n--- seen\n{seen}"
    )))
}

/// The image's text without the viewer's own version, in which the two cannot agree.
fn without_revision(text: &str) -> String {
    match (text.split_once("<oivRevision>"), text.split_once("</oivRevision>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => text.to_owned(),
    }
}

fn images(name_dir: &Path) -> io::Result<Vec<String>> {
    let mut found: Vec<String> = fs::read_dir(name_dir.join("current"))?
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.starts_with("fsimage_") && !n.ends_with(".md5"))
        .collect();
    found.sort();
    Ok(found)
}

fn newest(folder: &Path, prefix: &str, but_not: &str) -> io::Result<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| {
            let name = p.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(prefix) && (but_not.is_empty() || !name.ends_with(but_not))
        })
        .collect();
    found.sort();
    found.pop().ok_or_else(|| io::Error::other(format!("no {prefix}* in {}", folder.display())))
}
