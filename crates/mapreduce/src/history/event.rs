//! The events, and their records in Hadoop's `Events.avpr`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::avro::{AvroField, NAMESPACE, Named};
use super::file::HistoryError;
use crate::protocol::CountersMessage;

/// `org.apache.hadoop.mapreduce.jobhistory.EventType`, in its order.
macro_rules! event_types {
    ($($variant:ident = $name:literal,)*) => {
        /// What an event in a file is called.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType { $(#[doc = concat!("`", $name, "`")] $variant),* }

        impl EventType {
            /// All of them, in the order of Hadoop's enum.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Hadoop's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The type of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

event_types! {
    JobSubmitted = "JOB_SUBMITTED",
    JobInited = "JOB_INITED",
    JobFinished = "JOB_FINISHED",
    JobPriorityChanged = "JOB_PRIORITY_CHANGED",
    JobStatusChanged = "JOB_STATUS_CHANGED",
    JobQueueChanged = "JOB_QUEUE_CHANGED",
    JobFailed = "JOB_FAILED",
    JobKilled = "JOB_KILLED",
    JobError = "JOB_ERROR",
    JobInfoChanged = "JOB_INFO_CHANGED",
    TaskStarted = "TASK_STARTED",
    TaskFinished = "TASK_FINISHED",
    TaskFailed = "TASK_FAILED",
    TaskUpdated = "TASK_UPDATED",
    NormalizedResource = "NORMALIZED_RESOURCE",
    MapAttemptStarted = "MAP_ATTEMPT_STARTED",
    MapAttemptFinished = "MAP_ATTEMPT_FINISHED",
    MapAttemptFailed = "MAP_ATTEMPT_FAILED",
    MapAttemptKilled = "MAP_ATTEMPT_KILLED",
    ReduceAttemptStarted = "REDUCE_ATTEMPT_STARTED",
    ReduceAttemptFinished = "REDUCE_ATTEMPT_FINISHED",
    ReduceAttemptFailed = "REDUCE_ATTEMPT_FAILED",
    ReduceAttemptKilled = "REDUCE_ATTEMPT_KILLED",
    SetupAttemptStarted = "SETUP_ATTEMPT_STARTED",
    SetupAttemptFinished = "SETUP_ATTEMPT_FINISHED",
    SetupAttemptFailed = "SETUP_ATTEMPT_FAILED",
    SetupAttemptKilled = "SETUP_ATTEMPT_KILLED",
    CleanupAttemptStarted = "CLEANUP_ATTEMPT_STARTED",
    CleanupAttemptFinished = "CLEANUP_ATTEMPT_FINISHED",
    CleanupAttemptFailed = "CLEANUP_ATTEMPT_FAILED",
    CleanupAttemptKilled = "CLEANUP_ATTEMPT_KILLED",
    AmStarted = "AM_STARTED",
}

macro_rules! default_of {
    () => {
        None
    };
    ($default:expr) => {
        Some(json!($default))
    };
}

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident = $avro:literal { $($field:ident: $kind:ty = $key:literal $(or $default:expr)?,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct $name {
                $(#[doc = concat!("`", $key, "`")] pub $field: $kind),*
            }

            impl $name {
                fn schema(named: &mut Named) -> Value {
                    let mut fields = Vec::new();
                    $(
                        let default: Option<Value> = default_of!($($default)?);
                        fields.push(field_schema::<$kind>($key, default, named));
                    )*
                    json!({"type": "record", "name": $avro, "fields": fields})
                }

                fn to_value(&self) -> Value {
                    let mut fields = Map::new();
                    $(fields.insert($key.to_owned(), self.$field.to_value());)*
                    Value::Object(fields)
                }

                fn from_value(mut record: Map<String, Value>) -> Result<Self, HistoryError> {
                    Ok(Self {
                        $($field: read_field(&mut record, $avro, $key, default_of!($($default)?))?,)*
                    })
                }
            }
        )*

        /// One event.
        #[derive(Clone, Debug, PartialEq)]
        pub enum HistoryEvent { $(#[doc = concat!("`", $avro, "`")] $name($name)),* }

        impl HistoryEvent {
            /// The record's name, without the namespace.
            #[must_use]
            pub const fn record(&self) -> &'static str {
                match self { $(Self::$name(_) => $avro),* }
            }

            pub(super) fn union_schema(named: &mut Named) -> Vec<Value> {
                vec![$($name::schema(named)),*]
            }

            pub(super) fn body(&self) -> Value {
                match self { $(Self::$name(event) => event.to_value()),* }
            }

            pub(super) fn read(record: &str, body: Map<String, Value>) -> Result<Self, HistoryError> {
                match record {
                    $($avro => $name::from_value(body).map(Self::$name),)*
                    other => Err(HistoryError::Record(other.to_owned())),
                }
            }
        }

        $(impl From<$name> for HistoryEvent {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })*
    };
}

fn field_schema<T: AvroField>(key: &str, default: Option<Value>, named: &mut Named) -> Value {
    let mut field = json!({"name": key, "type": T::schema(named)});
    if let (Some(default), Some(field)) =
        (default.or_else(T::default_in_schema), field.as_object_mut())
    {
        field.insert("default".into(), default);
    }
    field
}

fn read_field<T: AvroField>(
    record: &mut Map<String, Value>,
    name: &'static str,
    key: &'static str,
    default: Option<Value>,
) -> Result<T, HistoryError> {
    let missing = || HistoryError::Field { record: name, field: key };
    let value = record.remove(key).or(default).or_else(T::default_in_schema).ok_or_else(missing)?;
    T::from_value(value).ok_or_else(missing)
}

// The order is that of the union in Hadoop's schema.
records! {
    /// A job succeeded.
    JobFinished = "JobFinished" {
        job_id: String = "jobid",
        finish_time: i64 = "finishTime",
        finished_maps: i32 = "finishedMaps",
        finished_reduces: i32 = "finishedReduces",
        failed_maps: i32 = "failedMaps",
        failed_reduces: i32 = "failedReduces",
        total_counters: NamedCounters = "totalCounters",
        map_counters: NamedCounters = "mapCounters",
        reduce_counters: NamedCounters = "reduceCounters",
        killed_maps: i32 = "killedMaps" or -1,
        killed_reduces: i32 = "killedReduces" or -1,
    }
    /// A job's times changed.
    JobInfoChange = "JobInfoChange" {
        job_id: String = "jobid",
        submit_time: i64 = "submitTime",
        launch_time: i64 = "launchTime",
    }
    /// A job's splits are known.
    JobInited = "JobInited" {
        job_id: String = "jobid",
        launch_time: i64 = "launchTime",
        total_maps: i32 = "totalMaps",
        total_reduces: i32 = "totalReduces",
        job_status: String = "jobStatus",
        uberized: bool = "uberized",
    }
    /// A JobTracker took the job over; the attempt number counts its starts.
    AmStarted = "AMStarted" {
        application_attempt_id: String = "applicationAttemptId",
        start_time: i64 = "startTime",
        container_id: String = "containerId",
        node_manager_host: String = "nodeManagerHost",
        node_manager_port: i32 = "nodeManagerPort",
        node_manager_http_port: i32 = "nodeManagerHttpPort",
    }
    /// A job's priority changed.
    JobPriorityChange = "JobPriorityChange" {
        job_id: String = "jobid",
        priority: String = "priority",
    }
    /// A job went to another queue.
    JobQueueChange = "JobQueueChange" {
        job_id: String = "jobid",
        job_queue_name: String = "jobQueueName",
    }
    /// A job's state changed.
    JobStatusChanged = "JobStatusChanged" {
        job_id: String = "jobid",
        job_status: String = "jobStatus",
    }
    /// A job was handed in.
    JobSubmitted = "JobSubmitted" {
        job_id: String = "jobid",
        job_name: String = "jobName",
        user_name: String = "userName",
        submit_time: i64 = "submitTime",
        job_conf_path: String = "jobConfPath",
        acls: BTreeMap<String, String> = "acls",
        job_queue_name: String = "jobQueueName",
        workflow_id: Option<String> = "workflowId",
        workflow_name: Option<String> = "workflowName",
        workflow_node_name: Option<String> = "workflowNodeName",
        workflow_adjacencies: Option<String> = "workflowAdjacencies",
        workflow_tags: Option<String> = "workflowTags",
    }
    /// A job failed or was killed.
    JobUnsuccessfulCompletion = "JobUnsuccessfulCompletion" {
        job_id: String = "jobid",
        finish_time: i64 = "finishTime",
        finished_maps: i32 = "finishedMaps",
        finished_reduces: i32 = "finishedReduces",
        job_status: String = "jobStatus",
        diagnostics: Option<String> = "diagnostics",
        failed_maps: i32 = "failedMaps" or -1,
        failed_reduces: i32 = "failedReduces" or -1,
        killed_maps: i32 = "killedMaps" or -1,
        killed_reduces: i32 = "killedReduces" or -1,
    }
    /// A map attempt succeeded.
    MapAttemptFinished = "MapAttemptFinished" {
        task_id: String = "taskid",
        attempt_id: String = "attemptId",
        task_type: String = "taskType",
        task_status: String = "taskStatus",
        map_finish_time: i64 = "mapFinishTime",
        finish_time: i64 = "finishTime",
        hostname: String = "hostname",
        port: i32 = "port",
        rackname: String = "rackname",
        state: String = "state",
        counters: NamedCounters = "counters",
        clock_splits: Vec<i32> = "clockSplits",
        cpu_usages: Vec<i32> = "cpuUsages",
        v_mem_kbytes: Vec<i32> = "vMemKbytes",
        phys_mem_kbytes: Vec<i32> = "physMemKbytes",
    }
    /// A reduce attempt succeeded.
    ReduceAttemptFinished = "ReduceAttemptFinished" {
        task_id: String = "taskid",
        attempt_id: String = "attemptId",
        task_type: String = "taskType",
        task_status: String = "taskStatus",
        shuffle_finish_time: i64 = "shuffleFinishTime",
        sort_finish_time: i64 = "sortFinishTime",
        finish_time: i64 = "finishTime",
        hostname: String = "hostname",
        port: i32 = "port",
        rackname: String = "rackname",
        state: String = "state",
        counters: NamedCounters = "counters",
        clock_splits: Vec<i32> = "clockSplits",
        cpu_usages: Vec<i32> = "cpuUsages",
        v_mem_kbytes: Vec<i32> = "vMemKbytes",
        phys_mem_kbytes: Vec<i32> = "physMemKbytes",
    }
    /// A set-up or clean-up attempt succeeded; old files have it.
    TaskAttemptFinished = "TaskAttemptFinished" {
        task_id: String = "taskid",
        attempt_id: String = "attemptId",
        task_type: String = "taskType",
        task_status: String = "taskStatus",
        finish_time: i64 = "finishTime",
        rackname: String = "rackname",
        hostname: String = "hostname",
        state: String = "state",
        counters: NamedCounters = "counters",
    }
    /// An attempt was ordered.
    TaskAttemptStarted = "TaskAttemptStarted" {
        task_id: String = "taskid",
        task_type: String = "taskType",
        attempt_id: String = "attemptId",
        start_time: i64 = "startTime",
        tracker_name: String = "trackerName",
        http_port: i32 = "httpPort",
        shuffle_port: i32 = "shufflePort",
        container_id: String = "containerId",
        locality: Option<String> = "locality",
        avataar: Option<String> = "avataar",
    }
    /// An attempt failed or was killed.
    TaskAttemptUnsuccessfulCompletion = "TaskAttemptUnsuccessfulCompletion" {
        task_id: String = "taskid",
        task_type: String = "taskType",
        attempt_id: String = "attemptId",
        finish_time: i64 = "finishTime",
        hostname: String = "hostname",
        port: i32 = "port",
        rackname: String = "rackname",
        status: String = "status",
        error: String = "error",
        counters: Option<NamedCounters> = "counters",
        clock_splits: Vec<i32> = "clockSplits",
        cpu_usages: Vec<i32> = "cpuUsages",
        v_mem_kbytes: Vec<i32> = "vMemKbytes",
        phys_mem_kbytes: Vec<i32> = "physMemKbytes",
    }
    /// A task failed, or was killed with its job.
    TaskFailed = "TaskFailed" {
        task_id: String = "taskid",
        task_type: String = "taskType",
        finish_time: i64 = "finishTime",
        error: String = "error",
        failed_due_to_attempt: Option<String> = "failedDueToAttempt",
        status: String = "status",
        counters: Option<NamedCounters> = "counters",
    }
    /// A task succeeded.
    TaskFinished = "TaskFinished" {
        task_id: String = "taskid",
        task_type: String = "taskType",
        finish_time: i64 = "finishTime",
        status: String = "status",
        counters: NamedCounters = "counters",
        successful_attempt_id: Option<String> = "successfulAttemptId",
    }
    /// A task's first attempt was ordered.
    TaskStarted = "TaskStarted" {
        task_id: String = "taskid",
        task_type: String = "taskType",
        start_time: i64 = "startTime",
        split_locations: String = "splitLocations",
    }
    /// A task's times changed.
    TaskUpdated = "TaskUpdated" {
        task_id: String = "taskid",
        finish_time: i64 = "finishTime",
    }
}

/// Counters with the name that their record carries (`COUNTERS`, `TOTAL_COUNTERS`, …).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedCounters {
    /// The record's name.
    pub name: &'static str,
    /// Its counters.
    pub counters: CountersMessage,
}

impl NamedCounters {
    /// Under the name that attempts and tasks use.
    #[must_use]
    pub const fn plain(counters: CountersMessage) -> Self {
        Self { name: "COUNTERS", counters }
    }
}

impl HistoryEvent {
    /// What Hadoop calls this event in a file.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        let is_map = |task: &str| task.contains("_m_");
        match self {
            Self::JobFinished(_) => EventType::JobFinished,
            Self::JobInfoChange(_) => EventType::JobInfoChanged,
            Self::JobInited(_) => EventType::JobInited,
            Self::AmStarted(_) => EventType::AmStarted,
            Self::JobPriorityChange(_) => EventType::JobPriorityChanged,
            Self::JobQueueChange(_) => EventType::JobQueueChanged,
            Self::JobStatusChanged(_) => EventType::JobStatusChanged,
            Self::JobSubmitted(_) => EventType::JobSubmitted,
            Self::JobUnsuccessfulCompletion(event) => match event.job_status.as_str() {
                "FAILED" => EventType::JobFailed,
                "ERROR" => EventType::JobError,
                _ => EventType::JobKilled,
            },
            Self::MapAttemptFinished(_) => EventType::MapAttemptFinished,
            Self::ReduceAttemptFinished(_) => EventType::ReduceAttemptFinished,
            Self::TaskAttemptFinished(event) => match event.task_type.as_str() {
                "JOB_SETUP" => EventType::SetupAttemptFinished,
                _ => EventType::CleanupAttemptFinished,
            },
            Self::TaskAttemptStarted(event) if is_map(&event.task_id) => {
                EventType::MapAttemptStarted
            }
            Self::TaskAttemptStarted(_) => EventType::ReduceAttemptStarted,
            Self::TaskAttemptUnsuccessfulCompletion(event) => {
                match (is_map(&event.task_id), event.status == "FAILED") {
                    (true, true) => EventType::MapAttemptFailed,
                    (true, false) => EventType::MapAttemptKilled,
                    (false, true) => EventType::ReduceAttemptFailed,
                    (false, false) => EventType::ReduceAttemptKilled,
                }
            }
            Self::TaskFailed(_) => EventType::TaskFailed,
            Self::TaskFinished(_) => EventType::TaskFinished,
            Self::TaskStarted(_) => EventType::TaskStarted,
            Self::TaskUpdated(_) => EventType::TaskUpdated,
        }
    }

    /// The whole schema of a file, as its second line has it.
    #[must_use]
    pub(super) fn schema() -> Value {
        let symbols: Vec<_> = EventType::ALL.iter().map(|kind| kind.name()).collect();
        let mut named = Named::default();
        let kinds = json!({"type": "enum", "name": "EventType", "symbols": symbols});
        json!({
            "type": "record",
            "name": "Event",
            "namespace": NAMESPACE,
            "fields": [
                {"name": "type", "type": kinds},
                {"name": "event", "type": Self::union_schema(&mut named)},
            ],
        })
    }
}
