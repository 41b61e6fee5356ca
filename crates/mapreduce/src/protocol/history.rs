//! What Hadoop's history server is called by: names only, for messages without fields and for calls that are refused.

use loxodon_wire::rpc::protocol::Protocol;

use super::call;

/// Operators to a history server (`HSAdminRefreshProtocol`): all messages are [`super::Empty`], as Hadoop's are.
pub static HISTORY_ADMIN: Protocol = Protocol {
    name: "org.apache.hadoop.mapreduce.v2.api.HSAdminRefreshProtocol",
    version: 1,
    interface: "org.apache.hadoop.mapreduce.v2.api.HSAdminRefreshProtocolPB",
    calls: &[
        call("refreshAdminAcls", 1),
        call("refreshJobRetentionSettings", 2),
        call("refreshLoadedJobCache", 3),
        call("refreshLogRetentionSettings", 4),
    ],
};

/// YARN's job clients to a history server (`HSClientProtocol`); each call is refused by its name.
pub static HISTORY_CLIENT: Protocol = Protocol {
    name: "org.apache.hadoop.mapreduce.v2.api.HSClientProtocolPB",
    version: 1,
    interface: "org.apache.hadoop.mapreduce.v2.api.HSClientProtocolPB",
    calls: &[
        call("cancelDelegationToken", 1),
        call("failTaskAttempt", 2),
        call("getCounters", 3),
        call("getDelegationToken", 4),
        call("getDiagnostics", 5),
        call("getJobReport", 6),
        call("getTaskAttemptCompletionEvents", 7),
        call("getTaskAttemptReport", 8),
        call("getTaskReport", 9),
        call("getTaskReports", 10),
        call("killJob", 11),
        call("killTask", 12),
        call("killTaskAttempt", 13),
        call("renewDelegationToken", 14),
    ],
};
