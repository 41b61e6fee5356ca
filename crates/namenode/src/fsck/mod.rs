//! `fsck`: walks a frozen view of the namespace and says what its blocks are like, in the words
//! of `NamenodeFsck`, which scripts and the command read.

mod block_id;
mod policies;
mod totals;

use std::collections::VecDeque;
use std::fmt::Write as _;

use loxodon_blocks::{BlockManager, ReplicaCounts, Target};
use loxodon_cluster::AdminState;
use loxodon_namespace::Namespace;
use loxodon_namespace::context::OpContext;
use loxodon_namespace::edit::Block;
use loxodon_namespace::status::{FileKind, FileStatus};
use loxodon_wire::ids::{BlockId, InodeId};
use loxodon_wire::storage::PolicyId;

use crate::error::Result;
use crate::machine::NameNode;
use policies::PolicySummary;
use totals::{BLOCK_GROUPS, Totals};

/// What the command's switches ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckOptions {
    /// `-files`
    pub files: bool,
    /// `-blocks`
    pub blocks: bool,
    /// `-locations`
    pub locations: bool,
    /// `-racks`
    pub racks: bool,
    /// `-replicaDetails`
    pub replica_details: bool,
    /// `-openforwrite`
    pub open_files: bool,
    /// `-maintenance`
    pub maintenance: bool,
    /// `-upgradedomains`
    pub upgrade_domains: bool,
    /// `-storagepolicies`
    pub storage_policies: bool,
    /// `-delete`: damaged files are to be removed.
    pub delete: bool,
    /// `-move`: what is left of damaged files is to be saved.
    pub rescue: bool,
    /// `-replicate`: blocks that are badly placed are to be looked at again.
    pub replicate: bool,
}

/// A walk in work. Its text gathers in [`Fsck::take_output`].
#[derive(Debug)]
pub struct Fsck {
    view: Namespace,
    options: FsckOptions,
    pool: String,
    output: String,
    pending: Vec<Visit>,
    directories: u64,
    symlinks: u64,
    totals: Totals,
    policies: PolicySummary,
    damaged: Vec<Damaged>,
    misplaced: Vec<BlockId>,
}

/// A file with missing or corrupt blocks that nobody writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Where it is.
    pub path: String,
    /// Its permissions, which the directory with its remains gets.
    pub mode: u16,
}

/// A directory that is being visited: a page of its children, and where the next page begins.
#[derive(Debug)]
struct Visit {
    path: String,
    after: Vec<u8>,
    page: VecDeque<(String, InodeId)>,
    has_more: bool,
}

/// Entries looked at while the lock is held once.
const ENTRIES: usize = 500;

impl Fsck {
    /// A walk over what is at `path`; `None` where nothing is.
    ///
    /// # Errors
    /// A path that the caller may not read.
    pub fn new(
        machine: &NameNode,
        op: &OpContext<'_>,
        path: &str,
        options: FsckOptions,
    ) -> Result<Option<Self>> {
        let view = machine.namespace.clone();
        let mut walk = Self {
            pool: machine.storage.block_pool_id.clone(),
            view,
            options,
            output: String::new(),
            pending: Vec::new(),
            directories: 0,
            symlinks: 0,
            totals: Totals::default(),
            policies: PolicySummary::new(machine.settings.default_policy),
            damaged: Vec::new(),
            misplaced: Vec::new(),
        };
        let view = walk.view.clone();
        let Some(found) = view.file_info(op, path, true)? else { return Ok(None) };
        walk.visit(&machine.blocks, path, &found);
        Ok(Some(walk))
    }

    /// Goes some entries further, each directory's contents before what comes after it; true
    /// when all is seen.
    ///
    /// # Errors
    /// A directory that the caller may not read.
    pub fn advance(&mut self, machine: &NameNode, op: &OpContext<'_>) -> Result<bool> {
        let view = self.view.clone();
        for _ in 0..ENTRIES {
            let Some(visit) = self.pending.last_mut() else { return Ok(true) };
            if let Some((name, inode)) = visit.page.pop_front() {
                let path = format!("{}/{name}", visit.path.trim_end_matches('/'));
                if let Some(entry) = view.status_of(inode) {
                    self.visit(&machine.blocks, &path, &entry);
                }
            } else if visit.has_more {
                visit.turn(&view, op)?;
            } else {
                self.pending.pop();
            }
        }
        Ok(self.pending.is_empty())
    }

    /// What was written since the last call.
    #[must_use]
    pub fn take_output(&mut self) -> String {
        std::mem::take(&mut self.output)
    }

    /// Files with missing or corrupt blocks, for `-delete` and `-move`.
    #[must_use]
    pub fn take_damaged(&mut self) -> Vec<Damaged> {
        std::mem::take(&mut self.damaged)
    }

    /// Blocks that are badly placed, for `-replicate`.
    #[must_use]
    pub fn take_misplaced(&mut self) -> Vec<BlockId> {
        std::mem::take(&mut self.misplaced)
    }

    /// So many of them were looked at again.
    pub const fn note_queued(&mut self, blocks: u64) {
        self.totals.queued += blocks;
    }

    /// Whether no file is damaged.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.totals.missing.is_empty() && self.totals.corrupt_blocks == 0
    }

    fn visit(&mut self, blocks: &BlockManager, path: &str, found: &FileStatus<'_>) {
        let seen = self.directories + self.symlinks + self.totals.files;
        if seen.is_multiple_of(1000) {
            self.output.push('\n');
        }
        match found.kind {
            FileKind::Directory => {
                if self.options.files {
                    let _ = writeln!(self.output, "{path} <dir>");
                }
                self.directories += 1;
                self.pending.push(Visit {
                    path: path.to_owned(),
                    after: Vec::new(),
                    page: VecDeque::new(),
                    has_more: true,
                });
            }
            FileKind::Symlink => {
                if self.options.files {
                    let _ = writeln!(self.output, "{path} <symlink>");
                }
                self.symlinks += 1;
            }
            FileKind::File => self.file(blocks, path, found),
        }
    }

    fn file(&mut self, blocks: &BlockManager, path: &str, found: &FileStatus<'_>) {
        let is_open = found.under_construction;
        let count = found.blocks.len();
        if is_open && !self.options.open_files {
            self.totals.open_size += found.length;
            self.totals.open_blocks += count as u64;
            self.totals.open_files += 1;
            return;
        }
        self.totals.files += 1;
        self.totals.size += found.length;
        self.totals.blocks += count as u64;
        let (length, replication) = (found.length, found.replication);
        if is_open {
            let _ = write!(
                self.output,
                "{path} {length} bytes, replicated: replication={replication}, {count} block(s), \
                 OPENFORWRITE: "
            );
        } else if self.options.files {
            let _ = write!(
                self.output,
                "{path} {length} bytes, replicated: replication={replication}, {count} block(s): "
            );
        } else if self.totals.files.is_multiple_of(100) {
            self.output.push('.');
        }
        self.blocks(blocks, path, found);
    }

    fn blocks(&mut self, blocks: &BlockManager, path: &str, found: &FileStatus<'_>) {
        let mut file = FileReport::default();
        let mut unfinished = None;
        let last = found.blocks.len().saturating_sub(1);
        for (index, block) in found.blocks.iter().enumerate() {
            if index == last && !blocks.is_complete(block.id) && found.under_construction {
                unfinished = Some((index, block));
                continue;
            }
            self.block(blocks, path, found, (index, block), &mut file);
        }
        if let Some((index, block)) = unfinished {
            let targets = blocks.expected_locations(block.id);
            let _ = write!(
                file.lines,
                "\nUnder Construction Block:\n{index}. {} len={} Expected_repl={}{}",
                self.name(block),
                block.length,
                targets.len(),
                self.replicas(blocks, block)
            );
        }
        self.conclude(path, found, &file);
    }

    fn block(
        &mut self,
        blocks: &BlockManager,
        path: &str,
        found: &FileStatus<'_>,
        (index, block): (usize, Block),
        file: &mut FileReport,
    ) {
        let Some(info) = blocks.block(block.id) else {
            // Removed since the view was taken.
            return;
        };
        let counts = blocks.count_replicas(block.id);
        let wanted = u64::from(found.replication);
        let live = u64::from(counts.live);
        let total = live + u64::from(counts.decommission()) + u64::from(counts.maintenance());
        let minimum = u64::from(blocks.settings().min_replication);
        let name = self.name(block);
        let totals = &mut self.totals;
        totals.add(&counts);
        totals.replicas += total;
        totals.expected += wanted;
        totals.excessive_blocks += u64::from(live > wanted);
        match total >= minimum {
            true => totals.minimal += 1,
            false => totals.below_minimum += 1,
        }
        let is_missing = total == 0;
        let is_corrupt = is_missing && counts.corrupt > 0;
        if is_corrupt {
            totals.corrupt_blocks += 1;
            totals.corrupt_size += block.length;
            file.corrupt += 1;
            file.corrupt_size += block.length;
            let _ = write!(
                self.output,
                "\n{path}: CORRUPT blockpool {} block blk_{}\n",
                self.pool, block.id
            );
        }
        if total < wanted && !is_missing {
            self.totals.missing_replicas += wanted - total;
            self.totals.under_blocks += 1;
            file.under += 1;
            self.under_replicated(path, &name, found.replication, &counts);
        }
        let racks_missing = blocks.missing_racks(block.id, &info);
        if racks_missing > 0 {
            self.misplaced(path, &name, racks_missing, blocks, file);
            if self.options.replicate {
                self.misplaced.push(block.id);
            }
        }
        if self.options.storage_policies {
            self.policies.add(blocks, block.id, PolicyId(found.storage_policy));
        }
        let _ = write!(file.lines, "{index}. {name} len={}", block.length);
        if is_missing && !is_corrupt {
            file.lines.push_str(" MISSING!");
            self.totals.missing.insert(block.id.0);
            self.totals.missing_size += block.length;
            file.missing += 1;
            file.missing_size += block.length;
        } else {
            let places = self.replicas(blocks, block);
            let _ = write!(file.lines, " Live_repl={live}{places}");
        }
        file.lines.push('\n');
    }

    fn misplaced(
        &mut self,
        path: &str,
        name: &str,
        racks_missing: usize,
        blocks: &BlockManager,
        file: &mut FileReport,
    ) {
        self.totals.misplaced_blocks += 1;
        file.misplaced += 1;
        if !self.options.files {
            if file.under == 0 {
                self.output.push('\n');
            }
            let _ = write!(self.output, "{path}: ");
        }
        let _ = writeln!(
            self.output,
            " Replica placement policy is violated for {name}. Block should be additionally \
             replicated on {racks_missing} more rack(s). Total number of racks in the cluster: {}",
            blocks.topology().rack_count()
        );
    }

    fn under_replicated(&mut self, path: &str, name: &str, wanted: u16, counts: &ReplicaCounts) {
        if !self.options.files {
            let _ = write!(self.output, "\n{path}: ");
        }
        let _ = write!(
            self.output,
            " Under replicated {name}. Target Replicas is {wanted} but found {} live replica(s), \
             {} decommissioned replica(s), {} decommissioning replica(s)",
            counts.live, counts.decommissioned, counts.decommissioning
        );
        if self.options.maintenance {
            let _ = write!(
                self.output,
                "{}, entering maintenance replica(s) and {} in maintenance replica(s).",
                counts.entering_maintenance, counts.in_maintenance
            );
        } else {
            self.output.push('.');
        }
        self.output.push('\n');
    }

    /// The block as `ExtendedBlock.toString` has it.
    fn name(&self, block: Block) -> String {
        format!("{}:blk_{}_{}", self.pool, block.id, block.generation_stamp)
    }

    /// Where the replicas are, if that was asked for, with a space in front.
    fn replicas(&self, blocks: &BlockManager, block: Block) -> String {
        let options = &self.options;
        let wanted = options.locations || options.racks || options.replica_details;
        if !(wanted || options.upgrade_domains) {
            return String::new();
        }
        let mut text = String::from("  [");
        let mut first = true;
        for target in blocks.replicas(block.id) {
            let node = blocks.datanode(target.node);
            let storage = blocks.storage(target.storage);
            let (Some(node), Some(storage)) = (node, storage) else { continue };
            if !std::mem::take(&mut first) {
                text.push_str(", ");
            }
            let address = node.id().transfer_address();
            if options.racks {
                let _ = write!(text, "{}/{address}", node.rack());
            } else {
                let kind = storage.kind().name();
                let _ = write!(text, "DatanodeInfoWithStorage[{address},{},{kind}]", storage.id());
            }
            if options.upgrade_domains {
                let domain = node.upgrade_domain().map_or("undefined", |domain| &**domain);
                let _ = write!(text, "(ud={domain})");
            }
            if options.replica_details {
                text.push_str(self.remark(blocks, block, target));
            }
        }
        text.push(']');
        text
    }

    /// What `-replicaDetails` says of one replica.
    fn remark(&self, blocks: &BlockManager, block: Block, target: Target) -> &'static str {
        let (Some(node), Some(storage)) =
            (blocks.datanode(target.node), blocks.storage(target.storage))
        else {
            return "";
        };
        let is_corrupt = || {
            let mut damaged = blocks.corrupt_replicas(block.id).into_iter();
            damaged.any(|(index, _)| index == target.node)
        };
        match node.admin() {
            AdminState::Decommissioned => "(DECOMMISSIONED)",
            AdminState::DecommissionInProgress => "(DECOMMISSIONING)",
            AdminState::EnteringMaintenance if self.options.maintenance => "(ENTERING MAINTENANCE)",
            AdminState::InMaintenance if self.options.maintenance => "(IN MAINTENANCE)",
            _ if is_corrupt() => "(CORRUPT)",
            _ if blocks.is_excess(block.id, target) => "(EXCESS)",
            _ if node.is_stale() => "(STALE_NODE)",
            _ if storage.is_content_stale() => "(STALE_BLOCK_CONTENT)",
            _ => "(LIVE)",
        }
    }

    fn conclude(&mut self, path: &str, found: &FileStatus<'_>, file: &FileReport) {
        let FileReport { missing, missing_size, corrupt, corrupt_size, .. } = *file;
        let out = &mut self.output;
        if missing > 0 || corrupt > 0 {
            self.totals.corrupt_files += 1;
            if !found.under_construction {
                self.damaged.push(Damaged { path: path.to_owned(), mode: found.mode });
            }
        }
        if !self.options.files {
            if missing > 0 {
                let _ = write!(
                    out,
                    "\n{path}: MISSING {missing} blocks of total size {missing_size} B."
                );
            }
            if corrupt > 0 {
                let _ = write!(
                    out,
                    "\n{path}: CORRUPT {corrupt} blocks of total size {corrupt_size} B."
                );
            }
            return;
        }
        if missing > 0 {
            let _ = writeln!(out, " MISSING {missing} blocks of total size {missing_size} B");
        }
        if corrupt > 0 {
            let _ = writeln!(out, " CORRUPT {corrupt} blocks of total size {corrupt_size} B");
        }
        if missing == 0 && corrupt == 0 && file.under == 0 && file.misplaced == 0 {
            out.push_str(" OK\n");
        }
        if self.options.blocks {
            let _ = writeln!(out, "{}", file.lines);
        }
    }

    /// The summary after the walk, up to the line that says when it ended.
    #[must_use]
    pub fn summary(&self, machine: &NameNode) -> String {
        let mut text = String::new();
        let health = if self.is_healthy() { "HEALTHY" } else { "CORRUPT" };
        let nodes = machine.blocks.live_datanodes();
        let racks = machine.blocks.topology().rack_count();
        let _ = writeln!(text, "\nStatus: {health}");
        let _ = writeln!(text, " Number of data-nodes:\t{nodes}");
        let _ = writeln!(text, " Number of racks:\t\t{racks}");
        let _ = writeln!(text, " Total dirs:\t\t\t{}", self.directories);
        let _ = writeln!(text, " Total symlinks:\t\t{}", self.symlinks);
        text.push_str("\nReplicated Blocks:\n");
        let default = machine.settings.server_defaults.replication;
        self.totals.write(&mut text, default, machine.blocks.settings().min_replication);
        text.push_str(BLOCK_GROUPS);
        if self.options.storage_policies {
            text.push_str(&self.policies.to_string());
        }
        text
    }
}

impl Visit {
    /// Takes the next page.
    fn turn(&mut self, view: &Namespace, op: &OpContext<'_>) -> Result<()> {
        let page = view.listing(op, &self.path, &self.after, false)?;
        let Some(page) = page else {
            self.has_more = false;
            return Ok(());
        };
        self.has_more = page.remaining > 0;
        if let Some(last) = page.entries.last() {
            self.after = last.name.to_vec();
        }
        let named = page.entries.iter();
        self.page = named
            .map(|entry| (String::from_utf8_lossy(entry.name).into_owned(), entry.inode))
            .collect();
        Ok(())
    }
}

/// What one file's blocks gave.
#[derive(Debug, Default)]
struct FileReport {
    missing: u64,
    missing_size: u64,
    corrupt: u64,
    corrupt_size: u64,
    under: u64,
    misplaced: u64,
    lines: String,
}
