//! Blocking file systems for tasks (`org.apache.hadoop.fs.FileSystem`).
