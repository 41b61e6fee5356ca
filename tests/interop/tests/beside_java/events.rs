//! Java's event stream (`DFSInotifyEventInputStream`) tells the same of our NameNode as of Java's.

use std::io;
use std::path::Path;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};

#[test]
fn the_same_is_told_of_the_same_commands() {
    in_fresh_directory(|root| {
        let theirs = told(&root.join("java"), Maker::Java)?;
        let ours = told(&root.join("ours"), Maker::Loxodon)?;
        if theirs == ours && theirs.lines().count() > 20 {
            return Ok(());
        }
        Err(io::Error::other(format!("Java's:\n{theirs}\nours:\n{ours}")))
    });
}

fn told(root: &Path, maker: Maker) -> io::Result<String> {
    std::fs::create_dir(root)?;
    let mut cluster = Cluster::start(root, maker, &[Maker::Loxodon])?;
    let local = root.join("local");
    std::fs::write(&local, "x".repeat(5000))?;
    let local = local.display().to_string();
    for args in [
        &["-mkdir", "-p", "/a/b"][..],
        &["-put", &local, "/a/file"],
        &["-appendToFile", &local, "/a/file"],
        &["-touchz", "/a/zero"],
        &["-setrep", "2", "/a/file"],
        &["-chmod", "640", "/a/file"],
        &["-chown", "ann:staff", "/a/file"],
        &["-touch", "-t", "20200102:030405", "/a/file"],
        &["-setfacl", "-m", "user:bob:r--", "/a/file"],
        &["-setfattr", "-n", "user.color", "-v", "red", "/a/file"],
        &["-setfattr", "-x", "user.color", "/a/file"],
        &["-mv", "/a/file", "/a/b/file"],
        &["-truncate", "-w", "100", "/a/b/file"],
        &["-put", &local, "/a/more"],
        &["-concat", "/a/b/file", "/a/more"],
        &["-rm", "-skipTrash", "/a/zero"],
        &["-rm", "-r", "-skipTrash", "/a/b"],
    ] {
        let outcome = cluster.java("dfs", args)?;
        // A concat of files with unlike block sizes is refused; what matters is that both refuse.
        if args.first() != Some(&"-concat") {
            outcome.succeeded()?;
        }
    }
    // Finished segments and the open one.
    cluster.java("dfsadmin", &["-rollEdits"])?.succeeded()?;
    cluster.java("dfs", &["-mkdir", "/last"])?.succeeded()?;
    let told = cluster.java("events", &["0"])?.succeeded()?;
    cluster.all_alive()?;
    Ok(told)
}
