//! What crosses the wire between clients, JobTracker, TaskTrackers and tasks: protobuf over Hadoop's RPC.
//!
//! Hadoop's own protocols here were Writables of Java objects, which no stored client speaks any
//! more; the calls keep their names and meaning, the messages are ours. Requests and answers are
//! the message types named in each table's comments; a call without either takes [`Empty`].

mod blocking;
mod convert;
mod history;
mod job_client;
mod status;
mod tracker;
mod umbilical;

pub use blocking::BlockingCaller;
pub use convert::{MessageError, counters_of};
pub use history::{HISTORY_ADMIN, HISTORY_CLIENT};
pub use job_client::*;
pub use status::*;
pub use tracker::*;
pub use umbilical::*;

use loxodon_wire::proto::services::ServiceCall;
use loxodon_wire::rpc::protocol::Protocol;

/// A message without fields.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Empty {}

/// No message of ours has fields that proto2 would require: this row of the shapes is not there.
const NO_SHAPE: u16 = u16::MAX;

const fn call(name: &'static str, fingerprint: i32) -> ServiceCall {
    ServiceCall { name, request: NO_SHAPE, response: NO_SHAPE, fingerprint }
}

/// Clients to the JobTracker (`org.apache.hadoop.mapreduce.protocol.ClientProtocol`).
pub static JOB_CLIENT: Protocol = Protocol {
    name: "loxodon.mapreduce.ClientProtocol",
    version: 1,
    interface: "loxodon.mapreduce.ClientProtocol",
    calls: &[
        call("cancelDelegationToken", 1), // DelegationToken -> Empty, refused
        call("failTask", 2),              // AttemptRequest -> Done
        call("getActiveTrackers", 3),     // Empty -> Trackers
        call("getAllJobs", 4),            // Empty -> JobStatuses
        call("getBlacklistedTrackers", 5), // Empty -> Trackers
        call("getChildQueues", 6),        // QueueRequest -> Queues
        call("getClusterMetrics", 7),     // Empty -> ClusterMetrics
        call("getDelegationToken", 8),    // DelegationToken -> DelegationToken, refused
        call("getFilesystemName", 9),     // Empty -> Text
        call("getJobCounters", 10),       // JobRequest -> JobCounters
        call("getJobHistoryDir", 11),     // Empty -> Text
        call("getJobStatus", 12),         // JobRequest -> MaybeJobStatus
        call("getJobTrackerStatus", 13),  // Empty -> Text
        call("getLogFileParams", 14),     // LogRequest -> LogParams
        call("getNewJobID", 15),          // Empty -> Text
        call("getQueue", 16),             // QueueRequest -> Queues
        call("getQueueAclsForCurrentUser", 17), // Empty -> QueueAcls
        call("getQueueAdmins", 18),       // QueueRequest -> Text
        call("getQueues", 19),            // Empty -> Queues
        call("getRootQueues", 20),        // Empty -> Queues
        call("getStagingAreaDir", 21),    // Empty -> Text
        call("getSystemDir", 22),         // Empty -> Text
        call("getTaskCompletionEvents", 23), // EventsRequest -> CompletionEvents
        call("getTaskDiagnostics", 24),   // AttemptRequest -> Texts
        call("getTaskReports", 25),       // TaskReportsRequest -> TaskReports
        call("getTaskTrackerExpiryInterval", 26), // Empty -> Number
        call("killJob", 27),              // JobRequest -> Empty
        call("killTask", 28),             // AttemptRequest -> Done
        call("refreshAdminAcls", 34),     // Empty -> Empty
        call("refreshNodes", 29),         // Empty -> Empty
        call("refreshQueues", 30),        // Empty -> Empty
        call("renewDelegationToken", 31), // DelegationToken -> Number, refused
        call("setJobPriority", 32),       // PriorityRequest -> Empty
        call("submitJob", 33),            // SubmitRequest -> JobStatusMessage
    ],
};

/// TaskTrackers to the JobTracker (Hadoop 1's `InterTrackerProtocol`).
pub static INTER_TRACKER: Protocol = Protocol {
    name: "loxodon.mapreduce.InterTrackerProtocol",
    version: 1,
    interface: "loxodon.mapreduce.InterTrackerProtocol",
    calls: &[
        call("getFilesystemName", 1),       // Empty -> Text
        call("getJobToken", 2),             // JobRequest -> JobToken
        call("getSystemDir", 3),            // Empty -> Text
        call("getTaskCompletionEvents", 4), // EventsRequest -> CompletionEvents
        call("heartbeat", 5),               // HeartbeatRequest -> HeartbeatResponse
        call("reportTaskTrackerError", 6),  // TrackerError -> Empty
    ],
};

/// Tasks to the TaskTracker that started them (`org.apache.hadoop.mapred.TaskUmbilicalProtocol`).
pub static TASK_UMBILICAL: Protocol = Protocol {
    name: "loxodon.mapreduce.TaskUmbilicalProtocol",
    version: 1,
    interface: "loxodon.mapreduce.TaskUmbilicalProtocol",
    calls: &[
        call("canCommit", 1),              // AttemptRequest -> CommitAnswer
        call("commitPending", 2),          // StatusUpdate -> Empty
        call("done", 3),                   // StatusUpdate -> Empty
        call("fatalError", 4),             // TaskFailure -> Empty
        call("fsError", 5),                // TaskFailure -> Empty
        call("getMapCompletionEvents", 6), // MapEventsRequest -> CompletionEvents
        call("getTask", 7),                // AttemptRequest -> GetTaskAnswer
        call("reportDiagnosticInfo", 8),   // TaskFailure -> Empty
        call("shuffleError", 9),           // TaskFailure -> Empty
        call("statusUpdate", 10),          // StatusUpdate -> StatusAnswer
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_sorted_so_that_they_are_found() {
        for protocol in
            [&JOB_CLIENT, &INTER_TRACKER, &TASK_UMBILICAL, &HISTORY_ADMIN, &HISTORY_CLIENT]
        {
            assert!(protocol.calls.is_sorted_by_key(|call| call.name), "{}", protocol.name);
            for call in protocol.calls {
                assert!(protocol.find(call.name).is_some());
                assert!(call.request_shape().is_none());
            }
        }
    }
}
