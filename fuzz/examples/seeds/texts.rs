//! Texts: configuration, lists, requests, ids.

use loxodon_journal::digest;

use crate::{Corpora, Result};

const CONFIGURATION: &str = "<?xml version=\"1.0\"?>\n<configuration>\n<property><name>dfs.blocksize</name>\
    <value>${io.file.buffer.size}k</value><final>true</final></property>\n<property name=\"dfs.replication\" \
    value=\"2\"/><property><name>dfs.heartbeat.interval</name><value>3s</value></property>\
    <property><name>mapreduce.job.maps</name><value>4</value></property></configuration>\n";
const VERSION: &str = "#Sat Nov 21 05:55:12 UTC 2026\nnamespaceID=1328912033\nblockpoolID=BP-1-127.0.0.1-1\n\
    storageType=NAME_NODE\ncTime=0\nclusterID=CID\\:1\nlayoutVersion=-67\n";
const CURSOR: &str = "{\n  \"lastSavedMs\" : 5,\n  \"iterStartMs\" : 4,\n  \"curFinalizedDir\" : \"subdir0\",\n  \
    \"curFinalizedSubDir\" : null,\n  \"curEntry\" : null,\n  \"atEnd\" : false\n}";
const POOLS: &str = "<?xml version=\"1.0\"?><allocations><pool name=\"a\"><minMaps>5</minMaps><weight>2.0</weight>\
    <schedulingMode>fifo</schedulingMode><minSharePreemptionTimeout>300</minSharePreemptionTimeout></pool>\
    <user name=\"ann\"><maxRunningJobs>6</maxRunningJobs></user><poolMaxJobsDefault>3</poolMaxJobsDefault>\
    <fairSharePreemptionTimeout>600</fairSharePreemptionTimeout></allocations>";
const QUEUES: &str = "<?xml version=\"1.0\"?><queues><queue><name>default</name><acl-submit-job>ann staff\
    </acl-submit-job><acl-administer-jobs> </acl-administer-jobs><state>running</state><properties><property \
    key=\"capacity\" value=\"10\"/></properties></queue><queue><name>lab</name><queue><name>night</name>\
    </queue></queue></queues>";
const HOSTS: &str = "[{\"hostName\": \"host1\", \"adminState\": \"DECOMMISSIONED\"}, {\"hostName\": \"h2\", \
    \"port\": \"50\", \"upgradeDomain\": \"ud0\", \"maintenanceExpireTimeInMS\": 99999}]";
const MOUNTS: &str =
    "25 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n0::/user.slice/session\n";
const QUERY: &str = "qry=Hadoop:service=NameNode,name=FSNamesystem*&path=%2Fa+b&x";
const SHUFFLE: &str = "/mapOutput?job=job_1_0001&reduce=3&map=attempt_1_0001_m_000000_0,attempt_1_0001_m_000007_1\
    &keepAlive=true q80kJx7vTZ0dLqx0a1pXbX0aR5Y=";
const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nReplyHash: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

pub(crate) fn put(corpora: &Corpora) -> Result {
    for target in ["configuration", "job_texts", "small_texts"] {
        corpora.put(target, "configuration", CONFIGURATION)?;
    }
    for target in ["storage_files", "datanode_files"] {
        corpora.put(target, "version", VERSION)?;
    }
    corpora.put("storage_files", "image", "fsimage_0000000000000000042")?;
    corpora.put("storage_files", "edits", "edits_0000000000000000001-0000000000000000042")?;
    let line = digest::render(&[7; 16], "fsimage_0000000000000000000");
    corpora.put("storage_files", "digest", line)?;
    corpora.put("datanode_files", "cursor", CURSOR)?;
    corpora.put("datanode_files", "location", "[SSD]file:///data/1")?;
    corpora.put("datanode_files", "meta", "blk_1073741825_1001.meta")?;
    for (name, text) in [("hosts", HOSTS), ("mounts", MOUNTS), ("query", QUERY)] {
        corpora.put("small_texts", name, text)?;
    }
    corpora.put("small_texts", "racks", "# racks\n10.0.0.1 /a\n10.0.0.2:9866 /b/c # here\n")?;
    corpora.put("small_texts", "groups", "alice=a,b;bob=c;hdfs=")?;
    let job = "{\"job\":\"job_1_0001\",\"user\":\"ann\",\"directory\":\"/s\",\"token\":\"0a1b\"}";
    corpora.put("small_texts", "job", job)?;
    for (name, text) in [
        ("pools", POOLS),
        ("queues", QUEUES),
        ("join", "inner(tbl(org.apache.hadoop.mapred.TextInputFormat,\"/a\"),outer(tbl(x,\"b\")))"),
        ("attempt", "attempt_201111_0001_m_000003_0"),
        ("acl", "ann,bob staff,* "),
        ("fields", "-k2.1,3.4nr -k1"),
        ("glob", "/a/{b,c{d,e}}/[^x-z]*\\*?"),
        ("path", "hdfs://host:8020/a/b#link"),
        ("arguments", "awk -F '\t' \"{print $1}\" \\ x"),
        (
            "done",
            "job_1317928501754_0001-1317928501754-ann-word%2Dcount-1317928742025-2-1-SUCCEEDED-default-1.jhist",
        ),
    ] {
        corpora.put("job_texts", name, text)?;
    }
    corpora.put("shuffle", "request", SHUFFLE)?;
    corpora.put("shuffle", "answer", ANSWER)
}
