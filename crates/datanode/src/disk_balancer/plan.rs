//! Plans of `hdfs diskbalancer -plan`: Hadoop's `NodePlan`, as JSON.

use std::time::Duration;

use serde_json::Value;
use sha1::{Digest as _, Sha1};

use crate::error::{DataNodeError, Result};

/// The one version of plans that there is (`DISKBALANCER_MIN_VERSION`, `DISKBALANCER_MAX_VERSION`).
const VERSION: u64 = 1;
/// The one kind of step that Hadoop's planner makes.
const MOVE_STEP: &str = "org.apache.hadoop.hdfs.server.diskbalancer.planner.MoveStep";

/// A volume as a plan names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedVolume {
    /// Its storage id.
    pub(super) storage: String,
    /// Its directory when the plan was made.
    pub(super) path: String,
}

/// Bytes to be moved from one volume to another. Limits that are not positive are those of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) source: NamedVolume,
    pub(super) destination: NamedVolume,
    pub(super) bytes: i64,
    pub(super) max_errors: i64,
    /// Per cent that may be missing.
    pub(super) tolerance: i64,
    /// MiB a second.
    pub(super) bandwidth: i64,
}

/// What one DataNode is to move.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The DataNode's uuid.
    pub(super) node: String,
    /// When it was made, in milliseconds of the epoch.
    pub(super) time: i64,
    pub(super) steps: Vec<Step>,
}

impl Plan {
    /// Reads a plan whose SHA-1 is `id`.
    ///
    /// # Errors
    /// Another version, another sum, or no plan.
    pub(super) fn parse(id: &str, version: u64, text: &str) -> Result<Self> {
        if version != VERSION {
            return Err(refused("Invalid plan version."));
        }
        if text.is_empty() {
            return Err(refused("Invalid plan."));
        }
        let sum = Sha1::digest(text.as_bytes());
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        if !sum.eq_ignore_ascii_case(id) {
            return Err(refused("Invalid or mis-matched hash."));
        }
        let parsed = serde_json::from_str(text).ok().and_then(|plan: Value| Self::from_json(&plan));
        parsed.ok_or_else(|| refused("Parsing plan failed."))
    }

    fn from_json(plan: &Value) -> Option<Self> {
        let steps = plan.get("volumeSetPlans")?.as_array()?;
        Some(Self {
            node: plan.get("nodeUUID").and_then(Value::as_str).unwrap_or_default().to_owned(),
            time: plan.get("timeStamp").and_then(Value::as_i64).unwrap_or(0),
            steps: steps.iter().map(step).collect::<Option<_>>()?,
        })
    }

    /// Whether it may be carried out on this DataNode, and now.
    ///
    /// # Errors
    /// It is too old (`validity`: the length and its text), unless that is of no account (`None`), or of another
    /// DataNode.
    pub(super) fn check(
        &self,
        node: &str,
        now: i64,
        validity: Option<(Duration, &str)>,
    ) -> Result<()> {
        if let Some((length, text)) = validity {
            let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
            if self.time.saturating_add(length) < now {
                let unit = if text.ends_with(|c: char| c.is_ascii_digit()) { "ms" } else { "" };
                return Err(refused(&format!("Plan was generated more than {text}{unit} ago")));
            }
        }
        if self.node != node {
            return Err(refused("Plan was generated for another node."));
        }
        Ok(())
    }
}

fn step(step: &Value) -> Option<Step> {
    if step.get("@class")?.as_str()? != MOVE_STEP {
        return None;
    }
    let number = |name: &str| step.get(name).and_then(Value::as_i64).unwrap_or(0);
    Some(Step {
        source: volume(step.get("sourceVolume")?)?,
        destination: volume(step.get("destinationVolume")?)?,
        bytes: number("bytesToMove"),
        max_errors: number("maxDiskErrors"),
        tolerance: number("tolerancePercent"),
        bandwidth: number("bandwidth"),
    })
}

fn volume(volume: &Value) -> Option<NamedVolume> {
    let text = |name: &str| Some(volume.get(name)?.as_str()?.to_owned());
    Some(NamedVolume { storage: text("uuid")?, path: text("path").unwrap_or_default() })
}

pub(super) fn refused(message: &str) -> DataNodeError {
    DataNodeError::DiskBalancer(message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `hdfs diskbalancer -plan` of Hadoop 3.5.0 writes.
    const PLAN: &str = r#"{"volumeSetPlans":[{"@class":"org.apache.hadoop.hdfs.server.diskbalancer.planner.MoveStep","sourceVolume":{"path":"/a/","capacity":300,"storageType":"DISK","used":200,"reserved":0,"uuid":"DS-1","failed":false,"volumeDataDensity":-0.3,"skip":false,"transient":false,"readOnly":false},"destinationVolume":{"path":"/b/","capacity":300,"storageType":"DISK","used":0,"reserved":0,"uuid":"DS-2","failed":false,"volumeDataDensity":0.3,"skip":false,"transient":false,"readOnly":false},"idealStorage":0.3,"bytesToMove":100,"volumeSetID":"x","maxDiskErrors":0,"tolerancePercent":0,"bandwidth":7}],"nodeName":"n","nodeUUID":"u","port":9867,"timeStamp":1000}"#;

    fn id(text: &str) -> String {
        Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect()
    }

    #[test]
    fn a_plan_is_read_and_checked() {
        let plan = Plan::parse(&id(PLAN), 1, PLAN).unwrap();
        assert_eq!(plan.steps.len(), 1);
        assert_eq!((plan.steps[0].bytes, plan.steps[0].bandwidth), (100, 7));
        assert_eq!(plan.steps[0].destination.storage, "DS-2");
        let day = Some((Duration::from_millis(50), "50"));
        plan.check("u", 1050, day).unwrap();
        let old = plan.check("u", 1051, day).unwrap_err();
        assert_eq!(old.to_string(), "Plan was generated more than 50ms ago");
        plan.check("u", 1051, None).unwrap();
        let other = plan.check("v", 1000, day).unwrap_err();
        assert_eq!(other.to_string(), "Plan was generated for another node.");
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let text =
            |id: &str, version, plan: &str| Plan::parse(id, version, plan).unwrap_err().to_string();
        assert_eq!(text(&id(PLAN), 2, PLAN), "Invalid plan version.");
        assert_eq!(text(&id(""), 1, ""), "Invalid plan.");
        assert_eq!(text(&id("x"), 1, PLAN), "Invalid or mis-matched hash.");
        let foreign = PLAN.replace("planner.MoveStep", "other.Step");
        for wrong in ["x", "{}", "[]", &"[".repeat(100_000), &foreign] {
            assert_eq!(text(&id(wrong), 1, wrong), "Parsing plan failed.");
        }
    }
}
