//! Hadoop's configuration: XML files, keys, defaults, deprecations.
