//! A real browser without a window, which says what a page has become.

use std::path::Path;
use std::process::{Command, Stdio};

/// What a page has become once its scripts have run.
pub(crate) struct Page {
    /// Its elements.
    pub(crate) dom: String,
    /// Lines that its scripts or the browser wrote to the console.
    pub(crate) console: Vec<String>,
}

/// Loads a page and lets so many milliseconds pass on its clock, which does not wait for ours.
pub(crate) fn load(url: &str, milliseconds: u32) -> Page {
    let profile = tempfile::tempdir().expect("a directory");
    let output = chromium(profile.path())
        .arg(format!("--virtual-time-budget={milliseconds}"))
        .args(["--dump-dom", url])
        .output()
        .expect("chromium, which ./test installs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && dom.contains("<body"), "{url}: {dom}\n{told}");
    let console = told.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    Page { dom, console }
}

fn chromium(profile: &Path) -> Command {
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args([
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-extensions",
        ])
        .args([
            "--window-size=1280,900",
            "--enable-logging=stderr",
            "--allow-file-access-from-files",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .stdin(Stdio::null());
    command
}

impl Page {
    /// Fails unless all of this is on the page.
    pub(crate) fn has(&self, all: &[&str]) -> &Self {
        for wanted in all {
            assert!(self.dom.contains(wanted), "no {wanted:?} in {}", self.dom);
        }
        self
    }

    /// How often something is on the page.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.dom.matches(text).count()
    }

    /// Where its links lead, each once, apart from those within the page.
    pub(crate) fn links(&self) -> Vec<String> {
        let found = self.dom.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let mut links: Vec<String> = found
            .filter(|link| !link.starts_with('#') && !link.starts_with("data:"))
            .map(|link| link.replace("&amp;", "&"))
            .collect();
        links.sort();
        links.dedup();
        links
    }
}
