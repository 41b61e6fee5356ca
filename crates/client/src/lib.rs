//! HDFS client: reader, writer, retry and failover.
