//! How far a start is: `/startupProgress` and the bean `StartupProgress`, which operators' tools
//! read until a NameNode serves (`StartupProgress`, `StartupProgressServlet`).

use std::time::Instant;

use loxodon_blocks::SafeMode;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::web::{Bean, BeanSource, Response, StatusCode};

/// A part of a start, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// An image is read.
    Image,
    /// The edits after it are applied.
    Edits,
    /// A new image is saved.
    Checkpoint,
    /// DataNodes are waited for.
    SafeMode,
}

/// Names and descriptions, as Hadoop's `Phase` has them.
const PHASES: [(Phase, &str, &str); 4] = [
    (Phase::Image, "LoadingFsImage", "Loading fsimage"),
    (Phase::Edits, "LoadingEdits", "Loading edits"),
    (Phase::Checkpoint, "SavingCheckpoint", "Saving checkpoint"),
    (Phase::SafeMode, "SafeMode", "Safe mode"),
];

/// What a phase works on.
#[derive(Clone, Debug, Default)]
struct Step {
    /// Name and description of its kind.
    kind: Option<(&'static str, &'static str)>,
    file: Option<String>,
    size: Option<u64>,
    count: u64,
    total: u64,
    time: Time,
}

#[derive(Clone, Copy, Debug, Default)]
struct Time {
    begun: Option<Instant>,
    ended: Option<Instant>,
}

impl Time {
    fn elapsed(self) -> u64 {
        let Some(begun) = self.begun else { return 0 };
        let ended = self.ended.unwrap_or_else(Instant::now);
        u64::try_from(ended.saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX)
    }
}

#[derive(Clone, Debug, Default)]
struct Tracking {
    time: Time,
    file: Option<String>,
    size: Option<u64>,
    steps: Vec<Step>,
}

impl Tracking {
    const fn status(&self) -> &'static str {
        match (self.time.begun, self.time.ended) {
            (None, _) => "PENDING",
            (Some(_), None) => "RUNNING",
            (Some(_), Some(_)) => "COMPLETE",
        }
    }

    fn count(&self) -> u64 {
        self.steps.iter().map(|step| step.count).sum()
    }

    fn total(&self) -> u64 {
        self.steps.iter().map(|step| step.total).sum()
    }

    fn share(&self, count: u64, total: u64) -> f64 {
        match (self.time.ended, total) {
            (Some(_), _) => 1.0,
            (None, 0) => 0.0,
            (None, total) => (count as f64 / total as f64).min(1.0),
        }
    }

    fn percent(&self) -> f64 {
        self.share(self.count(), self.total())
    }
}

/// How far the start of one NameNode is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    phases: Mutex<[Tracking; PHASES.len()]>,
}

impl Progress {
    fn change(&self, phase: Phase, change: impl FnOnce(&mut Tracking)) {
        if let Some(tracking) = self.phases.lock().get_mut(phase as usize) {
            change(tracking);
        }
    }

    /// A phase begins.
    pub(crate) fn begin(&self, phase: Phase) {
        self.change(phase, |tracking| tracking.time.begun = Some(Instant::now()));
    }

    /// A phase ends, with everything in it.
    pub(crate) fn end(&self, phase: Phase) {
        self.change(phase, |tracking| {
            let now = Instant::now();
            tracking.time.begun.get_or_insert(now);
            tracking.time.ended.get_or_insert(now);
            for step in &mut tracking.steps {
                step.time.ended.get_or_insert(now);
            }
        });
    }

    /// The file that a phase reads.
    pub(crate) fn file(&self, phase: Phase, path: &std::path::Path) {
        let size = std::fs::metadata(path).map(|metadata| metadata.len()).ok();
        let file = path.display().to_string();
        self.change(phase, |tracking| {
            tracking.file = Some(file);
            tracking.size = size;
        });
    }

    /// The inodes of an image, or of one that is saved.
    pub(crate) fn inodes(&self, phase: Phase, count: u64) {
        self.change(phase, |tracking| {
            let kind = Some(("Inodes", "inodes"));
            let time = Time { begun: tracking.time.begun, ended: None };
            tracking.steps = vec![Step { kind, count, total: count, time, ..Step::default() }];
        });
    }

    /// A stretch of edits begins.
    pub(crate) fn edits(&self, file: &str, total: u64) {
        self.change(Phase::Edits, |tracking| {
            let now = Instant::now();
            if let Some(before) = tracking.steps.last_mut() {
                before.time.ended = Some(now);
            }
            let time = Time { begun: Some(now), ended: None };
            let file = Some(file.to_owned());
            tracking.steps.push(Step { file, total, time, ..Step::default() });
        });
    }

    /// Edits of the stretch in work that are applied.
    pub(crate) fn applied(&self, count: u64) {
        self.change(Phase::Edits, |tracking| {
            if let Some(step) = tracking.steps.last_mut() {
                step.count = count;
            }
        });
    }

    /// How far safe mode is, until it was left for the first time.
    pub(crate) fn safe_mode(&self, safe_mode: &SafeMode) {
        let mut over = false;
        self.change(Phase::SafeMode, |tracking| {
            if tracking.time.ended.is_some() {
                return;
            }
            let begun = *tracking.time.begun.get_or_insert_with(Instant::now);
            tracking.steps = vec![Step {
                kind: Some(("AwaitingReportedBlocks", "awaiting reported blocks")),
                count: safe_mode.safe_blocks(),
                total: safe_mode.threshold(),
                time: Time { begun: Some(begun), ended: None },
                ..Step::default()
            }];
            over = !safe_mode.is_startup();
        });
        if over {
            self.end(Phase::SafeMode);
        }
    }

    /// How long a phase took, or takes already, in milliseconds.
    pub(crate) fn elapsed(&self, phase: Phase) -> u64 {
        self.phases.lock().get(phase as usize).map_or(0, |tracking| tracking.time.elapsed())
    }

    fn overall(phases: &[Tracking; PHASES.len()]) -> (u64, f64) {
        let [image, .., safe_mode] = phases;
        let elapsed = Time { begun: image.time.begun, ended: safe_mode.time.ended }.elapsed();
        let percent = match safe_mode.time.ended {
            Some(_) => 1.0,
            None => phases.iter().map(Tracking::percent).sum::<f64>() / phases.len() as f64,
        };
        (elapsed, percent)
    }

    /// The page `/startupProgress`.
    pub(crate) fn page(&self) -> Response {
        let phases = self.phases.lock().clone();
        let (elapsed, percent) = Self::overall(&phases);
        let shown = PHASES.iter().zip(&phases).map(|((_, name, description), tracking)| {
            let steps = tracking.steps.iter().map(|step| step_shown(tracking, step));
            let mut shown = Map::new();
            shown.insert("name".into(), json!(name));
            shown.insert("desc".into(), json!(description));
            shown.insert("status".into(), json!(tracking.status()));
            shown.insert("percentComplete".into(), json!(tracking.percent()));
            shown.insert("elapsedTime".into(), json!(tracking.time.elapsed()));
            insert_known(&mut shown, tracking.file.as_ref(), tracking.size);
            shown.insert("steps".into(), steps.collect());
            Value::Object(shown)
        });
        let document = json!({
            "elapsedTime": elapsed,
            "percentComplete": percent,
            "phases": shown.collect::<Vec<_>>(),
        });
        Response::new(StatusCode::OK, document.to_string())
            .header("Content-Type", "application/json;charset=utf-8")
    }
}

fn step_shown(tracking: &Tracking, step: &Step) -> Value {
    let mut shown = Map::new();
    if let Some((name, description)) = step.kind {
        shown.insert("name".into(), json!(name));
        shown.insert("desc".into(), json!(description));
    }
    shown.insert("count".into(), json!(step.count));
    insert_known(&mut shown, step.file.as_ref(), step.size);
    shown.insert("total".into(), json!(step.total));
    shown.insert("percentComplete".into(), json!(tracking.share(step.count, step.total)));
    shown.insert("elapsedTime".into(), json!(step.time.elapsed()));
    Value::Object(shown)
}

fn insert_known(shown: &mut Map<String, Value>, file: Option<&String>, size: Option<u64>) {
    if let Some(file) = file {
        shown.insert("file".into(), json!(file));
    }
    if let Some(size) = size {
        shown.insert("size".into(), json!(size));
    }
}

impl BeanSource for Progress {
    fn beans(&self) -> Vec<Bean> {
        let phases = self.phases.lock().clone();
        let (elapsed, percent) = Self::overall(&phases);
        let name = "Hadoop:service=NameNode,name=StartupProgress";
        let mut bean = Bean::new(name, "StartupProgress")
            .with("tag.Hostname", crate::daemon::host_name())
            .with("ElapsedTime", elapsed)
            .with("PercentComplete", percent);
        for ((_, name, _), tracking) in PHASES.iter().zip(&phases) {
            bean = bean
                .with(format!("{name}Count"), tracking.count())
                .with(format!("{name}ElapsedTime"), tracking.time.elapsed())
                .with(format!("{name}Total"), tracking.total())
                .with(format!("{name}PercentComplete"), tracking.percent());
        }
        vec![bean]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_go_from_pending_to_complete() {
        let progress = Progress::default();
        let page = |progress: &Progress| -> Value {
            serde_json::from_str(&progress.page().text().unwrap()).unwrap()
        };
        let shown = page(&progress);
        assert_eq!(shown["percentComplete"], 0.0);
        assert_eq!(shown["phases"][0]["status"], "PENDING");
        progress.begin(Phase::Image);
        progress.inodes(Phase::Image, 7);
        progress.end(Phase::Image);
        progress.begin(Phase::Edits);
        progress.edits("edits_1-10", 10);
        progress.applied(5);
        let shown = page(&progress);
        assert_eq!(shown["phases"][0]["status"], "COMPLETE");
        assert_eq!(shown["phases"][0]["steps"][0]["count"], 7);
        assert_eq!(shown["phases"][1]["status"], "RUNNING");
        assert_eq!(shown["phases"][1]["percentComplete"], 0.5);
        assert_eq!(shown["phases"][1]["steps"][0]["file"], "edits_1-10");
        assert_eq!(shown["percentComplete"], 0.375);
        let bean = progress.beans().remove(0);
        let value = |name: &str| bean.attributes.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(value("LoadingEditsCount"), 5);
        assert_eq!(value("LoadingEditsTotal"), 10);
    }
}
