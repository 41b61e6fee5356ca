//! What `hdfs oiv` prints about an image, without loading a namespace.
