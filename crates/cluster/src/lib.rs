//! Machines: ids, racks, distance, liveness.
