//! Output formats and the committer (`org.apache.hadoop.mapreduce.lib.output`).
