//! `namenode -recover`, by Java's NameNode and by ours, on the same damage: they ask the same, and
//! leave the same.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::java::Outcome;
use loxodon_interop::loxodon;

#[test]
fn a_damaged_segment_is_recovered_alike() {
    in_fresh_directory(|root| {
        for (name, answers, options) in
            [("forced", "Y\n", &["-force"][..]), ("stopped", "Y\ns\n", &[])]
        {
            let theirs =
                recovered(&root.join(format!("{name}-java")), Maker::Java, answers, options)?;
            let ours =
                recovered(&root.join(format!("{name}-ours")), Maker::Loxodon, answers, options)?;
            if theirs != ours {
                return Err(io::Error::other(format!(
                    "{name}\nJava: {theirs:#?}\nours: {ours:#?}"
                )));
            }
        }
        Ok(())
    });
}

/// What was asked, and the directories that Java's NameNode and then ours find afterwards.
fn recovered(
    root: &Path,
    maker: Maker,
    answers: &str,
    options: &[&str],
) -> io::Result<(Vec<String>, String, String)> {
    fs::create_dir(root)?;
    let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
    let names: Vec<String> = (0..20).map(|number| format!("/d{number:02}")).collect();
    let mut args = vec!["-mkdir"];
    args.extend(names.iter().map(String::as_str));
    cluster.java("dfs", &args)?.succeeded()?;
    cluster.stop_namenode()?;
    damage(&cluster.site().name_dir().join("current"))?;
    let outcome = match maker {
        Maker::Java => {
            let mut args = vec![answers];
            args.extend_from_slice(options);
            cluster.java("recover", &args)?
        }
        Maker::Loxodon => recover(&cluster.site().conf(), answers, options)?,
    };
    let said = outcome.stderr.clone();
    outcome.succeeded()?;
    // Java says what is wrong in its log alone.
    let asked = said.lines().filter(|line| line.starts_with("Enter '"));
    let asked: Vec<String> = asked.map(str::to_owned).collect();
    cluster.start_namenode(Maker::Java)?;
    let by_java = cluster.java("dfs", &["-ls", "-C", "/"])?.succeeded()?;
    cluster.java("dfs", &["-mkdir", "/later"])?.succeeded()?;
    cluster.stop_namenode()?;
    cluster.start_namenode(Maker::Loxodon)?;
    let by_ours = cluster.java("dfs", &["-ls", "-C", "/"])?.succeeded()?;
    cluster.all_alive()?;
    Ok((asked, by_java, by_ours))
}

fn damage(current: &Path) -> io::Result<()> {
    for entry in fs::read_dir(current)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains("inprogress")) {
            let mut bytes = fs::read(&path)?;
            let end = bytes.iter().rposition(|&byte| byte != 0xff).unwrap_or(0);
            bytes[end / 2] ^= 0x10;
            return fs::write(&path, bytes);
        }
    }
    Err(io::Error::other("no open segment"))
}

fn recover(conf: &Path, answers: &str, options: &[&str]) -> io::Result<Outcome> {
    let mut command = Command::new(loxodon::program()?);
    command.env("HADOOP_CONF_DIR", conf).args(["namenode", "-recover"]).args(options);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(answers.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    Ok(Outcome {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
