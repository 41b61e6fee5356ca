//! Where each block's replicas are and should be.
