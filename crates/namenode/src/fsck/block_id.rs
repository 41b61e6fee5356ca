//! `fsck -blockId`: whose block it is, and how each of its replicas is (`NamenodeFsck.blockIdCK`).

use std::fmt::Write as _;

use loxodon_blocks::Target;
use loxodon_cluster::AdminState;
use loxodon_wire::ids::BlockId;

use crate::error::Result;
use crate::machine::NameNode;
use crate::request::Request;

impl NameNode {
    /// What `fsck` says of the blocks with these names, space between them.
    ///
    /// # Errors
    /// `AccessControlException` where the caller is no superuser.
    pub fn check_blocks(
        &self,
        request: &mut Request<'_>,
        names: &str,
        maintenance: bool,
    ) -> Result<String> {
        request.require_superuser("fsck")?;
        let mut text = String::new();
        for name in names.split(' ') {
            if name.contains("blk_") {
                text.push('\n');
                self.check_block(&mut text, name, maintenance);
            } else {
                let _ = writeln!(text, "Incorrect blockId format: {name}");
            }
        }
        Ok(text)
    }

    fn check_block(&self, text: &mut String, name: &str, maintenance: bool) {
        let blocks = &self.blocks;
        let id = block_id(name);
        let Some((id, info)) = id.and_then(|id| blocks.block(id).map(|info| (id, info))) else {
            let _ = writeln!(text, "Block {name} does not exist");
            return;
        };
        let counts = blocks.count_replicas(id);
        let path = self.namespace.path_of(info.owner).unwrap_or_default();
        let _ = writeln!(text, "Block Id: {name}\nBlock belongs to: {path}");
        let mut count = |what: &str, number: u16| {
            let _ = writeln!(text, "No. of {what} Replica: {number}");
        };
        count("Expected", info.replication);
        count("live", counts.live);
        count("excess", counts.excess);
        count("stale", counts.stale);
        count("decommissioned", counts.decommissioned);
        count("decommissioning", counts.decommissioning);
        if maintenance {
            count("entering maintenance", counts.entering_maintenance);
            count("in maintenance", counts.in_maintenance);
        }
        count("corrupted", counts.corrupt);
        for target in blocks.replicas(id).into_iter().rev() {
            self.describe_replica(text, id, target, maintenance);
        }
    }

    fn describe_replica(&self, text: &mut String, id: BlockId, at: Target, maintenance: bool) {
        let Some(node) = self.blocks.datanode(at.node) else { return };
        let damaged = self.blocks.corrupt_replicas(id).into_iter().find(|(on, _)| *on == at.node);
        let _ = write!(text, "Block replica on datanode/rack: {}{} ", node.id().host, node.rack());
        let state = match node.admin() {
            _ if damaged.is_some() => "is CORRUPT\t ReasonCode: ",
            AdminState::Decommissioned => "is DECOMMISSIONED",
            AdminState::DecommissionInProgress => "is DECOMMISSIONING",
            AdminState::EnteringMaintenance if maintenance => "is ENTERING MAINTENANCE",
            AdminState::InMaintenance if maintenance => "is IN MAINTENANCE",
            _ if node.is_stale() => "is STALE",
            _ if self.blocks.is_excess(id, at) => "is EXCESS",
            _ => "is HEALTHY",
        };
        text.push_str(state);
        if let Some((_, reason)) = damaged {
            text.push_str(reason.name());
        }
        text.push('\n');
    }
}

/// The number in `blk_N` or `blk_N_STAMP.meta`.
fn block_id(name: &str) -> Option<BlockId> {
    let rest = name.strip_prefix("blk_")?;
    let digits = rest.strip_suffix(".meta").and_then(|rest| rest.split_once('_'));
    digits.map_or(rest, |(id, _)| id).parse().ok().map(BlockId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_blocks_and_of_their_files_are_understood() {
        assert_eq!(block_id("blk_17"), Some(BlockId(17)));
        assert_eq!(block_id("blk_-17"), Some(BlockId(-17)));
        assert_eq!(block_id("blk_17_1001.meta"), Some(BlockId(17)));
        for bad in ["blk_", "blk_x", "17", "blk_17_1001", "xblk_17"] {
            assert_eq!(block_id(bad), None, "{bad}");
        }
    }
}
