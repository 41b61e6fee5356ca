//! Input formats: how files become splits and splits become records (`org.apache.hadoop.mapreduce.lib.input`).
