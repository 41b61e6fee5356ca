//! Writables, codecs and files of records (`org.apache.hadoop.io`).
