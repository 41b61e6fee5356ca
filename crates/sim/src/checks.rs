//! What must hold: always, after a restart, and once the faults have stopped.

use std::collections::{BTreeMap, BTreeSet};

use loxodon_blocks::BlockState;
use loxodon_namenode::NameNode;
use loxodon_namespace::Namespace;
use loxodon_wire::ids::{BlockId, InodeId};
use loxodon_wire::proto::hdfs::{ConcatRequestProto, TruncateRequestProto};
use prost::Message as _;

use crate::datanode::{DataNode, State};
use crate::message::{Call, Chunk, length, prefix, push, slice};
use crate::workload::SHARED;

/// Nothing, or what does not hold.
pub(crate) type Check = Result<(), String>;

/// Everything that can be seen of a namespace, as lines that can be compared.
fn picture(namespace: &Namespace) -> Vec<String> {
    let mut lines = vec![format!("{:?} {:?}", namespace.counters(), namespace.totals())];
    let mut pending = vec![InodeId::ROOT];
    while let Some(id) = pending.pop() {
        lines.push(format!("{:?} {:?}", namespace.inode_view(id), namespace.path_of(id)));
        pending.extend(namespace.child_ids(id));
    }
    for (id, path, writer) in namespace.open_file_views() {
        lines.push(format!("{id} {path} {writer:?} {:?}", namespace.lease_holder_of(id)));
    }
    lines
}

/// Two namespaces are the same.
pub(crate) fn same(what: &str, left: &Namespace, right: &Namespace) -> Check {
    compare(what, &picture(left), &picture(right))
}

fn compare(what: &str, left: &[String], right: &[String]) -> Check {
    if left == right {
        return Ok(());
    }
    let first = left.iter().zip(right).find(|(a, b)| a != b);
    Err(match first {
        Some((a, b)) => format!("{what} differ:\n  {a}\n  {b}"),
        None => format!("{what} differ: {} and {} lines", left.len(), right.len()),
    })
}

/// What was read back is what was durable, but for what an image does not say: whether the last
/// block of an open file was complete, and to what it is being cut. As in Hadoop, it is open then,
/// and keeps its length.
pub(crate) fn same_as_loaded(loaded: &Namespace, durable: &Namespace) -> Check {
    let forget = |lines: Vec<String>| -> Vec<String> {
        lines
            .into_iter()
            .map(|it| it.replace("last_block_open: false", "last_block_open: true"))
            .map(|it| match it.split_once("truncate: Some(") {
                Some((before, after)) => {
                    let after = after.split_once(" })").map_or("", |(_, rest)| rest);
                    format!("{before}truncate: None{after}")
                }
                None => it,
            })
            .collect()
    };
    compare(
        "what was read back and what was durable",
        &forget(picture(loaded)),
        &forget(picture(durable)),
    )
}

/// An open file has one writer, and he has its lease.
pub(crate) fn one_writer(namespace: &Namespace) -> Check {
    for (id, path, writer) in namespace.open_file_views() {
        let holder = namespace.lease_holder_of(id);
        if holder != Some(&*writer.client_name) {
            return Err(format!(
                "{path} is written by {}, its lease is {holder:?}'s",
                writer.client_name
            ));
        }
    }
    Ok(())
}

/// Block management is whole and knows the blocks of the namespace, and no others.
pub(crate) fn blocks(machine: &NameNode, is_reclaiming: bool) -> Check {
    machine.blocks.check()?;
    let mut count = 0;
    for file in machine.namespace.files() {
        count += file.blocks.len();
        let last = file.blocks.len().saturating_sub(1);
        for (index, block) in file.blocks.iter().enumerate() {
            let Some(info) = machine.blocks.block(block.id) else {
                return Err(format!("blk_{} of {} is not in the block map", block.id, file.file));
            };
            if info.owner != file.file || info.block.stamp != block.generation_stamp {
                return Err(format!("blk_{}: {block:?} of {}, and {info:?}", block.id, file.file));
            }
            let is_open = file.under_construction && index == last;
            if !is_open && info.block.length != block.length {
                return Err(format!("blk_{}: {block:?} of {}, and {info:?}", block.id, file.file));
            }
            let is_final = matches!(info.state, BlockState::Complete | BlockState::Committed);
            if !file.under_construction && !is_final {
                return Err(format!("closed {} has a block that is not: {info:?}", file.file));
            }
        }
    }
    if !is_reclaiming && count != machine.blocks.block_count() {
        let known = machine.blocks.block_count();
        return Err(format!("the namespace has {count} blocks, block management {known}"));
    }
    Ok(())
}

/// What was acknowledged of files' contents.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    files: BTreeMap<InodeId, Vec<Chunk>>,
    /// What files hold once the `concat` with this number is answered.
    joins: BTreeMap<u64, (InodeId, Vec<Chunk>)>,
    /// Calls whose answer has arrived: one of them that comes once more is not done again.
    answered: BTreeSet<u64>,
    /// Files that somebody cut while somebody else may still be told what he had written.
    unsure: BTreeSet<InodeId>,
}

impl Contents {
    /// A file has at least these bytes.
    pub(crate) fn acknowledge(&mut self, file: InodeId, content: &[Chunk]) {
        if self.unsure.contains(&file) {
            return;
        }
        let known = self.files.entry(file).or_default();
        if length(content) > length(known) {
            *known = content.to_vec();
        }
    }

    /// A call is about to be done that makes files shorter, or moves bytes between them. From
    /// here on no more than what is sure either way is asked for.
    pub(crate) fn expect(&mut self, call: &Call, namespace: &Namespace) {
        if self.answered.contains(&call.number) {
            return;
        }
        match call.method {
            "truncate" => {
                let Ok(asked) = TruncateRequestProto::decode(call.body.clone()) else { return };
                let file = namespace.inode_at_path(&asked.src);
                if asked.src.starts_with(SHARED) {
                    self.unsure.extend(file);
                    self.files.retain(|known, _| Some(*known) != file);
                } else if let Some(known) = file.and_then(|file| self.files.get_mut(&file)) {
                    *known = prefix(known, asked.new_length);
                }
            }
            "concat" => {
                let Ok(asked) = ConcatRequestProto::decode(call.body.clone()) else { return };
                let paths = std::iter::once(&asked.trg).chain(&asked.srcs);
                let files = paths.map(|path| namespace.inode_at_path(path));
                let Some(files) = files.collect::<Option<Vec<InodeId>>>() else { return };
                let Some(target) = files.first().copied() else { return };
                let mut joined = Some(Vec::new());
                for file in files {
                    let part = self.files.remove(&file);
                    let bytes = namespace.file_blocks(file).map(|blocks| blocks.length());
                    let part = part.filter(|part| Some(length(part)) == bytes);
                    joined = joined.zip(part).map(|(mut joined, part)| {
                        part.into_iter().for_each(|chunk| push(&mut joined, chunk));
                        joined
                    });
                }
                if let Some(joined) = joined {
                    self.joins.entry(call.number).or_insert((target, joined));
                }
            }
            _ => {}
        }
    }

    /// A call was done.
    pub(crate) fn done(&mut self, number: u64) {
        self.answered.insert(number);
        if let Some((file, content)) = self.joins.remove(&number) {
            self.acknowledge(file, &content);
        }
    }

    /// What is known of a file.
    pub(crate) fn of(&self, file: InodeId) -> Option<&[Chunk]> {
        self.files.get(&file).map(Vec::as_slice)
    }

    /// Nothing that was acknowledged is lost: for each block, somewhere there is a replica with
    /// its bytes, under its stamp or a later one.
    pub(crate) fn check(&self, namespace: &Namespace, nodes: &[DataNode]) -> Check {
        for (file, content) in &self.files {
            // It may have been deleted.
            let Some(blocks) = namespace.file_blocks(*file) else { continue };
            let mut at = 0;
            let total = length(content);
            for block in blocks.iter() {
                if at >= total {
                    break;
                }
                // The length of the last block of an open file is not known to the namespace.
                let open = blocks.last().is_some_and(|last| last.id == block.id)
                    && namespace.writer_of(*file).is_some();
                let here = if open { total - at } else { block.length.min(total - at) };
                let wanted = slice(content, at, here);
                check_kept(*file, block.id, block.generation_stamp.0, &wanted, nodes)?;
                at += here;
            }
            if at < total {
                return Err(format!("file {file} has {at} bytes, {total} were acknowledged"));
            }
        }
        Ok(())
    }
}

fn check_kept(
    file: InodeId,
    id: BlockId,
    stamp: u64,
    wanted: &[Chunk],
    nodes: &[DataNode],
) -> Check {
    let replicas = nodes.iter().filter_map(|node| node.replicas.get(&id));
    let mut good = replicas.filter(|replica| {
        !replica.is_damaged
            && replica.stamp.0 >= stamp
            && prefix(&replica.content, length(wanted)) == wanted
    });
    if good.next().is_some() {
        return Ok(());
    }
    let have: Vec<String> = nodes
        .iter()
        .filter_map(|node| node.replicas.get(&id).map(|it| format!("{} {it:?}", node.index)))
        .collect();
    Err(format!("file {file}: no replica of blk_{id}_{stamp} has {wanted:?}; there are {have:?}"))
}

/// Whether everything has come to rest: what is not yet so, if anything.
pub(crate) fn unrest(machine: &NameNode, nodes: &[DataNode]) -> Option<String> {
    if machine.blocks.safe_mode().is_on() {
        let missing = machine.namespace.files().find_map(|file| {
            let mut blocks = file.blocks.iter();
            let block = blocks.find(|block| {
                machine.blocks.is_complete(block.id) && machine.blocks.replicas(block.id).is_empty()
            })?;
            let there: Vec<String> = nodes
                .iter()
                .filter_map(|node| {
                    Some(format!("{} {:?}", node.index, node.replicas.get(&block.id)?))
                })
                .collect();
            Some(format!("{block:?} of {:?}: {there:?}", machine.namespace.path_of(file.file)))
        });
        return Some(format!("safe mode is on; {missing:?} has no replica"));
    }
    if let Some((id, path, writer)) = machine.namespace.open_file_views().next() {
        let blocks = machine.namespace.file_blocks(id);
        let blocks: Vec<String> = blocks
            .iter()
            .flat_map(loxodon_namespace::file_blocks::Blocks::iter)
            .map(|block| {
                let there = nodes.iter().filter_map(|node| node.replicas.get(&block.id));
                let there: Vec<_> =
                    there.map(|it| (it.stamp, it.state, length(&it.content))).collect();
                format!("{:?} on {there:?}", machine.blocks.block(block.id))
            })
            .collect();
        return Some(format!(
            "{path} ({id}) is still open for {}: {blocks:#?}",
            writer.client_name
        ));
    }
    let mut wanted = BTreeMap::new();
    for file in machine.namespace.files() {
        for block in file.blocks.iter() {
            let expected = usize::from(file.replication).min(nodes.len());
            wanted.insert(block.id, file.file);
            let good = nodes.iter().filter_map(|node| node.replicas.get(&block.id)).filter(|it| {
                it.state == State::Final
                    && !it.is_damaged
                    && it.stamp == block.generation_stamp
                    && length(&it.content) == block.length
            });
            let good = good.count();
            let policy = machine.blocks.block(block.id).map(|info| info.policy);
            if policy != Some(machine.settings.policy_in_force(file.storage_policy)) {
                return Some(format!(
                    "{block:?} has policy {policy:?}, not {}",
                    file.storage_policy
                ));
            }
            let counts = machine.blocks.count_replicas(block.id);
            if good != expected || usize::from(counts.live) != expected {
                return Some(format!(
                    "{block:?} of {:?} has {good} good replicas of {expected}; the NameNode knows {counts:?}",
                    machine.namespace.path_of(file.file)
                ));
            }
        }
    }
    for node in nodes {
        if let Some(id) = node.replicas.keys().find(|id| !wanted.contains_key(id)) {
            return Some(format!("DataNode {} keeps blk_{id}, which nobody wants", node.index));
        }
    }
    None
}
