//! One storage daemon: volumes, replicas, transfers, recovery.
