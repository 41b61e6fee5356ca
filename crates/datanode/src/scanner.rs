//! Threads that look after stored blocks while nothing else does.

use std::sync::Arc;

use crate::node::Node;

/// Starts them, as far as they are wanted.
pub(crate) fn start(node: &Arc<Node>) {
    let _ = node;
}
