//! Calls of a file's writer: create, append, blocks, pipeline, complete, fsync, truncate.

use loxodon_blocks::{self as blk, TargetRequest};
use loxodon_namespace::edit::Block;
use loxodon_namespace::error::FsError;
use loxodon_namespace::plan::{AddBlock, Complete, CreateFile, CreateFlags};
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId};
use loxodon_wire::proto::hdfs::{
    AbandonBlockRequestProto, AbandonBlockResponseProto, AddBlockFlagProto, AddBlockRequestProto,
    AddBlockResponseProto, AppendRequestProto, AppendResponseProto, CompleteRequestProto,
    CompleteResponseProto, CreateFlagProto, CreateRequestProto, CreateResponseProto,
    DatanodeInfoProto, ExtendedBlockProto, FsyncRequestProto, FsyncResponseProto,
    GetAdditionalDatanodeRequestProto, GetAdditionalDatanodeResponseProto,
    ReportBadBlocksRequestProto, ReportBadBlocksResponseProto, TruncateRequestProto,
    TruncateResponseProto, UpdateBlockForPipelineRequestProto, UpdateBlockForPipelineResponseProto,
    UpdatePipelineRequestProto, UpdatePipelineResponseProto,
};

use crate::convert::status;
use crate::error::{NameNodeError, Result};
use crate::machine::{NameNode, States, to_blocks};
use crate::ops::namespace::{check_length, create_mode};
use crate::request::Request;

/// `create`: answers with the new file's status.
pub(crate) fn create(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: CreateRequestProto,
) -> Result<CreateResponseProto> {
    check_length("create", &asked.src)?;
    machine.check_safe_mode(request.now, || format!("Cannot create file{}", asked.src))?;
    let client_machine = request.machine();
    let args = CreateFile {
        path: &asked.src,
        mode: create_mode(&asked.masked, asked.unmasked.as_ref()),
        client_name: &asked.client_name,
        client_machine: &client_machine,
        flags: CreateFlags(asked.create_flag),
        create_parent: asked.create_parent,
        replication: u16::try_from(asked.replication).unwrap_or(u16::MAX),
        block_size: asked.block_size,
        erasure_coding_policy: asked.ec_policy_name.as_deref().unwrap_or_default(),
        storage_policy: asked.storage_policy.as_deref().unwrap_or_default(),
    };
    let plan = machine.namespace.plan_create(
        &request.op(),
        &args,
        &States::new(&machine.blocks, request.now),
    );
    let result = machine.commit_opening(request, plan);
    machine.note(request, "create", &asked.src, None, Some(&asked.src), &result);
    let inode = result?;
    let fs = machine.namespace.status_of(inode).map(|found| status::file_status(&found, None));
    Ok(CreateResponseProto { fs })
}

/// `append`: answers with the file's last block, if it goes on there, and its status.
pub(crate) fn append(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: AppendRequestProto,
) -> Result<AppendResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot append to file{}", asked.src))?;
    let new_block = asked.flag.unwrap_or(0) & CreateFlagProto::NewBlock as u32 != 0;
    let client_machine = request.machine();
    let plan = machine.namespace.plan_append(
        &request.op(),
        &asked.src,
        &asked.client_name,
        &client_machine,
        new_block,
        &States::new(&machine.blocks, request.now),
    );
    let result = machine.commit_opening(request, plan);
    machine.note(request, "append", &asked.src, None, None, &result);
    let append = result?;
    // A full last block is not opened again, and is not in the answer unless a new one was asked
    // for: a client takes a block without locations for one that has lost its replicas.
    let named = append.last_block.filter(|_| append.continues || new_block);
    Ok(append_answer(machine, request, append.file, named))
}

/// What `append` says of a file that it opened, and of the block it goes on in.
pub(crate) fn append_answer(
    machine: &NameNode,
    request: &Request<'_>,
    file: InodeId,
    last: Option<Block>,
) -> AppendResponseProto {
    let stat = machine.namespace.status_of(file);
    let length = stat.as_ref().map_or(0, |found| found.length);
    let block = last.map(|last| {
        let targets = machine.blocks.expected_locations(last.id);
        let offset = length.saturating_sub(last.length);
        machine.located_at(request, to_blocks(last), offset, &targets, false)
    });
    AppendResponseProto { block, stat: stat.map(|found| status::file_status(&found, None)) }
}

/// `addBlock`: commits the block before, finds nodes for the next one.
pub(crate) fn add_block(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: AddBlockRequestProto,
) -> Result<AddBlockResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot add block to {}", asked.src))?;
    let previous = asked.previous.as_ref().map(|block| machine.local(block)).transpose()?;
    let file_id = InodeId(asked.file_id.unwrap_or(0));
    let check = machine.namespace.check_add_block(
        &request.op(),
        &asked.src,
        file_id,
        &asked.client_name,
        previous,
        &States::new(&machine.blocks, request.now),
    )?;
    let targets = match &check.retry {
        Some((block, _)) if machine.blocks.expected_count(block.id) > 0 => {
            machine.blocks.expected_locations(block.id)
        }
        _ => machine.choose_targets(request, &asked, &check)?,
    };
    machine.commit_last(request, check.file, previous)?;
    let plan = machine.namespace.plan_add_block(
        &request.op(),
        &asked.src,
        file_id,
        &asked.client_name,
        previous,
        &States::new(&machine.blocks, request.now),
    );
    let (block, offset) = match machine.commit_at(request, plan, &targets)? {
        AddBlock::Retry { block, offset, .. } | AddBlock::New { block, offset, .. } => {
            (block, offset)
        }
    };
    let block = machine.located_at(request, to_blocks(block), offset, &targets, false);
    Ok(AddBlockResponseProto { block })
}

/// `getAdditionalDatanode`: more nodes for a pipeline that lost some.
pub(crate) fn additional_datanode(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: GetAdditionalDatanodeRequestProto,
) -> Result<GetAdditionalDatanodeResponseProto> {
    let block = machine.local(&asked.blk)?;
    machine.check_safe_mode(request.now, || {
        format!("Cannot add datanode; src={}, blk={}", asked.src, shown(&asked.blk))
    })?;
    let file = machine.leased_file(block.id, &asked.src, &asked.client_name)?;
    let existing: Vec<_> = asked
        .existings
        .iter()
        .zip(&asked.existing_storage_uuids)
        .filter_map(|(node, storage)| machine.blocks.target(&node.id.datanode_uuid, storage))
        .collect();
    let status = machine.namespace.status_of(file);
    let wanted = TargetRequest {
        writer: machine.reader(request),
        existing: existing.clone(),
        excluded: uuids(&asked.excludes),
        replicas: u16::try_from(asked.num_additional_nodes).unwrap_or(u16::MAX),
        block_size: status.as_ref().map_or(0, |found| found.block_size),
        policy: machine.policy_of(file),
        ..TargetRequest::default()
    };
    let found = machine.blocks.choose_targets(request.now.monotonic, &wanted).unwrap_or_default();
    let mut places = existing;
    places.extend(found);
    let block = machine.located_at(request, to_blocks(block), u64::MAX, &places, false);
    Ok(GetAdditionalDatanodeResponseProto { block })
}

/// `abandonBlock`.
pub(crate) fn abandon_block(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: AbandonBlockRequestProto,
) -> Result<AbandonBlockResponseProto> {
    let block = machine.local(&asked.b)?;
    machine.check_safe_mode(request.now, || {
        format!("Cannot abandon block {} for file{}", shown(&asked.b), asked.src)
    })?;
    let plan = machine.namespace.plan_abandon_block(
        &request.op(),
        &asked.src,
        InodeId(asked.file_id.unwrap_or(0)),
        &asked.holder,
        block,
    );
    machine.commit(request, plan)?;
    Ok(AbandonBlockResponseProto {})
}

/// `complete`: held while the last block's replicas are on their way to be reported.
pub(crate) fn complete(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: CompleteRequestProto,
) -> Result<CompleteResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot complete file {}", asked.src))?;
    let last = asked.last.as_ref().map(|block| machine.local(block)).transpose()?;
    let file_id = InodeId(asked.file_id.unwrap_or(0));
    let (src, client) = (&asked.src, &asked.client_name);
    let open = machine.namespace.check_complete(&request.op(), src, file_id, client, last)?;
    let Some(open) = open else {
        request.effects.after_all = true;
        return Ok(CompleteResponseProto { result: true });
    };
    machine.commit_last(request, open, last)?;
    let states = States::new(&machine.blocks, request.now);
    let plan = machine.namespace.plan_complete(&request.op(), src, file_id, client, last, &states);
    let outcome = machine.commit(request, plan)?;
    if outcome == Complete::Wait && request.may_wait {
        request.effects.hold_for = last.map(|block| block.id);
    }
    Ok(CompleteResponseProto { result: outcome != Complete::Wait })
}

/// `fsync`: what was written so far is part of the file for whoever comes after a crash.
pub(crate) fn fsync(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: FsyncRequestProto,
) -> Result<FsyncResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot fsync file {}", asked.src))?;
    let length = asked.last_block_length.and_then(|length| u64::try_from(length).ok());
    let plan = machine.namespace.plan_fsync(
        &request.op(),
        &asked.src,
        InodeId(asked.file_id.unwrap_or(0)),
        &asked.client,
        length,
    );
    machine.commit(request, plan)?;
    Ok(FsyncResponseProto {})
}

/// `truncate`: true where the file is at its new length already, false where its last block has
/// to be cut by recovery first.
pub(crate) fn truncate(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: TruncateRequestProto,
) -> Result<TruncateResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot truncate for {}", asked.src))?;
    let client_machine = request.machine();
    let plan = machine.namespace.plan_truncate(
        &request.op(),
        &asked.src,
        asked.new_length,
        &asked.client_name,
        &client_machine,
        &States::new(&machine.blocks, request.now),
    );
    let result = machine.commit_opening(request, plan);
    machine.note(request, "truncate", &asked.src, None, Some(&asked.src), &result);
    Ok(TruncateResponseProto { result: result? })
}

/// `updateBlockForPipeline`: a new generation stamp for a pipeline that is set up again.
pub(crate) fn update_block_for_pipeline(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: UpdateBlockForPipelineRequestProto,
) -> Result<UpdateBlockForPipelineResponseProto> {
    let block = machine.local(&asked.block)?;
    machine.check_safe_mode(request.now, || {
        format!(
            "Cannot get a new generation stamp and an access token for block {}",
            shown(&asked.block)
        )
    })?;
    let file = machine.owner_of(block.id);
    let (client, states) = (&asked.client_name, States::new(&machine.blocks, request.now));
    let plan = machine.namespace.plan_bump_generation_stamp(file, client, block, &states);
    let block = machine.commit(request, plan)?;
    let block = machine.located_at(request, to_blocks(block), u64::MAX, &[], false);
    Ok(UpdateBlockForPipelineResponseProto { block })
}

/// `updatePipeline`: the block goes on with a new stamp on these nodes.
pub(crate) fn update_pipeline(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: UpdatePipelineRequestProto,
) -> Result<UpdatePipelineResponseProto> {
    machine.check_safe_mode(request.now, || "Pipeline not updated".to_owned())?;
    let old = machine.local(&asked.old_block)?;
    let new = machine.local(&asked.new_block)?;
    let file = machine.owner_of(old.id);
    let (client, states) = (&asked.client_name, States::new(&machine.blocks, request.now));
    let plan =
        machine.namespace.plan_update_pipeline(&request.op(), file, client, old, new, &states)?;
    let places: Vec<(&str, &str)> = asked
        .new_nodes
        .iter()
        .zip(&asked.storage_i_ds)
        .map(|(node, storage)| (node.datanode_uuid.as_str(), storage.as_str()))
        .collect();
    machine.blocks.update_pipeline(new.id, new.generation_stamp, new.length, &places)?;
    machine.commit(request, Ok(plan))?;
    Ok(UpdatePipelineResponseProto {})
}

/// `reportBadBlocks`, from a client that found a checksum wrong.
pub(crate) fn report_bad_blocks(
    machine: &mut NameNode,
    _: &mut Request<'_>,
    asked: ReportBadBlocksRequestProto,
) -> Result<ReportBadBlocksResponseProto> {
    for located in &asked.blocks {
        let block = to_blocks(machine.local(&located.b)?);
        for (index, node) in located.locs.iter().enumerate() {
            let storage = located.storage_i_ds.get(index).map(String::as_str);
            machine.blocks.report_bad_block(block, &node.id.datanode_uuid, storage)?;
        }
    }
    Ok(ReportBadBlocksResponseProto {})
}

fn uuids(nodes: &[DatanodeInfoProto]) -> Vec<String> {
    nodes.iter().map(|node| node.id.datanode_uuid.clone()).collect()
}

/// A block as Hadoop's messages show it: pool, id, stamp.
pub(crate) fn shown(block: &ExtendedBlockProto) -> String {
    format!("{}:blk_{}_{}", block.pool_id, block.block_id.cast_signed(), block.generation_stamp)
}

impl NameNode {
    /// A block of this pool; one of another pool is refused.
    pub(crate) fn local(&self, block: &ExtendedBlockProto) -> Result<Block> {
        if block.pool_id != self.storage.block_pool_id {
            return Err(NameNodeError::Io(format!(
                "Unexpected BlockPoolId {} - expected {}",
                block.pool_id, self.storage.block_pool_id
            )));
        }
        Ok(Block {
            id: BlockId(block.block_id.cast_signed()),
            length: block.num_bytes.unwrap_or(0),
            generation_stamp: GenerationStamp(block.generation_stamp),
        })
    }

    /// The file that a block belongs to, as far as block management knows.
    pub(crate) fn owner_of(&self, id: BlockId) -> Option<InodeId> {
        self.blocks.block(id).map(|info| info.owner)
    }

    /// The file of a block, if the client holds its lease.
    fn leased_file(&self, id: BlockId, path: &str, client: &str) -> Result<InodeId> {
        let file = self.owner_of(id);
        let holder = file.and_then(|file| self.namespace.lease_holder_of(file));
        match (file, holder) {
            (Some(file), Some(holder)) if holder == client => Ok(file),
            (_, holder) => Err(NameNodeError::from(FsError::LeaseExpired(format!(
                "Client (={client}) is not the lease owner (={}: {path}",
                holder.unwrap_or("nobody")
            )))),
        }
    }

    /// The writer says how long his last block is; replicas reported so far may complete it.
    fn commit_last(
        &mut self,
        request: &mut Request<'_>,
        file: InodeId,
        last: Option<Block>,
    ) -> Result<()> {
        let Some(last) = last else { return Ok(()) };
        match self.blocks.block(last.id).filter(|info| info.owner == file).map(|it| it.state) {
            Some(blk::BlockState::UnderConstruction) => {
                self.blocks.commit_block(last.id, last.length, last.generation_stamp)?;
                self.take_events(request);
                Ok(())
            }
            // Its length is what the recovery says, and nothing may follow it before.
            Some(blk::BlockState::UnderRecovery) => Err(NameNodeError::Io(format!(
                "Commit or complete block {}, whereas it is under recovery.",
                to_blocks(last)
            ))),
            _ => Ok(()),
        }
    }

    fn choose_targets(
        &mut self,
        request: &Request<'_>,
        asked: &AddBlockRequestProto,
        check: &loxodon_namespace::plan::AddBlockTarget,
    ) -> Result<Vec<blk::Target>> {
        let flag = |flag: AddBlockFlagProto| asked.flags.contains(&(flag as i32));
        let writer = match flag(AddBlockFlagProto::IgnoreClientLocality) {
            true => blk::Reader::default(),
            false => self.reader(request),
        };
        let wanted = TargetRequest {
            writer,
            existing: Vec::new(),
            excluded: uuids(&asked.exclude_nodes),
            favored: asked.favored_nodes.clone(),
            replicas: check.replication,
            block_size: check.block_size,
            policy: self.settings.policy_in_force(check.storage_policy),
            no_local_write: flag(AddBlockFlagProto::NoLocalWrite),
        };
        let found = self.blocks.choose_targets(request.now.monotonic, &wanted);
        found.map_err(|error| match error {
            blk::BlockError::NotEnoughTargets { .. } => {
                NameNodeError::Io(format!("File {} {error}", check.path))
            }
            other => other.into(),
        })
    }
}
