//! How a client writes a file: blocks, pipelines, what it does when one breaks.

use std::collections::VecDeque;

use loxodon_blocks::Block;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId};
use loxodon_wire::proto::hdfs::{
    AbandonBlockRequestProto, AddBlockRequestProto, AddBlockResponseProto, CompleteRequestProto,
    CompleteResponseProto, DatanodeInfoProto, ExtendedBlockProto, FsyncRequestProto,
    LocatedBlockProto, UpdateBlockForPipelineRequestProto, UpdateBlockForPipelineResponseProto,
    UpdatePipelineRequestProto,
};
use prost::Message as _;

use crate::checks::{Check, Contents};
use crate::client::{Client, Doing};
use crate::datanode::{node_id, node_of};
use crate::message::{Answer, Chunk, Message, Stage, prefix, push};
use crate::network::Address;
use crate::scene::{Alarm, Scene};
use crate::workload::BLOCK;

/// How long a writer waits for his pipeline.
const PATIENCE: u64 = 3_000;
/// Failures after which he lets go of the file.
const MOST_FAILURES: u32 = 12;

/// A file that is open.
#[derive(Debug)]
pub(crate) struct Writing {
    path: String,
    file: InodeId,
    /// All of it so far, where that is known.
    content: Option<Vec<Chunk>>,
    lengths: VecDeque<u64>,
    previous: Option<ExtendedBlockProto>,
    current: Option<Current>,
    excluded: Vec<DatanodeInfoProto>,
    failures: u32,
    step: Step,
}

/// The next call or message of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Add,
    Abandon,
    Restamp,
    SetUp,
    Update,
    First,
    Sync,
    Last,
    Complete,
}

/// A block that is being written.
#[derive(Debug)]
struct Current {
    block: ExtendedBlockProto,
    /// Its stamp as the NameNode has it, while a new one is being set up.
    old: ExtendedBlockProto,
    nodes: Vec<usize>,
    locations: Vec<DatanodeInfoProto>,
    /// Storages of the locations, as the NameNode named them.
    storages: Vec<String>,
    /// Bytes that were in it before.
    base: u64,
    bytes: Chunk,
    /// So many of them are acknowledged.
    acknowledged: u64,
    is_new: bool,
    /// The message that is not answered yet.
    number: u64,
}

impl Current {
    fn new(
        located: LocatedBlockProto,
        base: u64,
        bytes: Chunk,
        is_new: bool,
    ) -> Result<Self, String> {
        let nodes = located.locs.iter().map(|node| node_of(&node.id));
        Ok(Self {
            old: located.b.clone(),
            block: located.b,
            nodes: nodes.collect::<Result<_, _>>()?,
            locations: located.locs,
            storages: located.storage_i_ds,
            base,
            bytes,
            acknowledged: 0,
            is_new,
            number: 0,
        })
    }

    fn storage(&self, node: usize) -> String {
        let mut places = self.locations.iter().zip(&self.storages);
        let place = places.find(|(location, _)| node_of(&location.id) == Ok(node));
        place.map(|(_, storage)| storage.clone()).unwrap_or_default()
    }

    const fn end(&self) -> u64 {
        self.base + self.acknowledged
    }

    fn block(&self) -> Block {
        Block {
            id: BlockId(self.block.block_id.cast_signed()),
            length: self.end(),
            stamp: GenerationStamp(self.block.generation_stamp),
        }
    }

    fn named(&self) -> ExtendedBlockProto {
        ExtendedBlockProto { num_bytes: Some(self.end()), ..self.block.clone() }
    }
}

impl Writing {
    pub(crate) fn new(path: &str, file: InodeId, lengths: &[u64]) -> Self {
        Self {
            path: path.to_owned(),
            file,
            content: Some(Vec::new()),
            lengths: lengths.iter().copied().collect(),
            previous: None,
            current: None,
            excluded: Vec::new(),
            failures: 0,
            step: if lengths.is_empty() { Step::Complete } else { Step::Add },
        }
    }

    /// A file that is appended to, in its last block where that is not full.
    pub(crate) fn resumed(
        path: &str,
        file: InodeId,
        lengths: &[u64],
        content: Option<Vec<Chunk>>,
        last: Option<LocatedBlockProto>,
    ) -> Result<Self, String> {
        let mut writing = Self { content, ..Self::new(path, file, lengths) };
        let Some(located) = last else { return Ok(writing) };
        let base = located.b.num_bytes.unwrap_or(0);
        let first = writing.lengths.pop_front().unwrap_or(0);
        let bytes = Chunk { tag: 0, length: first.min(BLOCK.saturating_sub(base)) };
        writing.current = Some(Current::new(located, base, bytes, false)?);
        writing.step = Step::Restamp;
        Ok(writing)
    }

    /// The whole content, with what is acknowledged of the current block.
    fn so_far(&self) -> Option<Vec<Chunk>> {
        let mut content = self.content.clone()?;
        if let Some(current) = &self.current {
            push(&mut content, Chunk { length: current.acknowledged, ..current.bytes });
        }
        Some(content)
    }
}

impl Client {
    /// The next step of the file that is being written.
    pub(crate) fn write_on(&mut self, scene: &mut Scene) -> Check {
        let Doing::Writing(writing) = &mut self.doing else { return Ok(()) };
        if writing.failures > MOST_FAILURES {
            scene.note(&format!("client {} lets go of {}", self.index, writing.path));
            self.doing = Doing::Nothing;
            self.put_off(scene, 1_000);
            return Ok(());
        }
        if let Some(current) = &mut writing.current
            && current.bytes.tag == 0
        {
            current.bytes.tag = scene.number();
        }
        match writing.step {
            Step::SetUp | Step::First | Step::Last => self.push_data(scene),
            step => self.ask_step(scene, step),
        }
    }

    fn ask_step(&mut self, scene: &mut Scene, step: Step) -> Check {
        let client_name = self.name();
        let Doing::Writing(writing) = &self.doing else { return Ok(()) };
        let (src, file_id) = (writing.path.clone(), Some(writing.file.0));
        if step == Step::Complete {
            let last = writing.previous.clone();
            let asked = CompleteRequestProto { src, client_name, last, file_id };
            self.ask(scene, "complete", &asked);
            return Ok(());
        }
        if step == Step::Add {
            let asked = AddBlockRequestProto {
                src,
                client_name,
                previous: writing.previous.clone(),
                exclude_nodes: writing.excluded.clone(),
                file_id,
                ..AddBlockRequestProto::default()
            };
            self.ask(scene, "addBlock", &asked);
            return Ok(());
        }
        let current = writing.current.as_ref().ok_or("a pipeline without a block")?;
        let block = current.named();
        match step {
            Step::Abandon => {
                let asked =
                    AbandonBlockRequestProto { b: block, src, holder: client_name, file_id };
                self.ask(scene, "abandonBlock", &asked);
            }
            Step::Restamp => {
                let asked =
                    UpdateBlockForPipelineRequestProto { block: current.old.clone(), client_name };
                self.ask(scene, "updateBlockForPipeline", &asked);
            }
            Step::Update => {
                let asked = UpdatePipelineRequestProto {
                    client_name,
                    old_block: current.old.clone(),
                    new_block: block,
                    new_nodes: current.nodes.iter().map(|node| node_id(*node)).collect(),
                    storage_i_ds: current.nodes.iter().map(|node| current.storage(*node)).collect(),
                };
                self.ask(scene, "updatePipeline", &asked);
            }
            _ => {
                let asked = FsyncRequestProto {
                    src,
                    client: client_name,
                    last_block_length: Some(current.end().cast_signed()),
                    file_id,
                };
                self.ask(scene, "fsync", &asked);
            }
        }
        Ok(())
    }

    /// Sends what the pipeline is to do next.
    fn push_data(&mut self, scene: &mut Scene) -> Check {
        let address = self.address();
        let Doing::Writing(writing) = &mut self.doing else { return Ok(()) };
        let current = writing.current.as_mut().ok_or("data without a block")?;
        let half = current.bytes.length / 2;
        let stage = match writing.step {
            Step::SetUp if current.is_new => Stage::Create,
            Step::SetUp => Stage::Recover { acknowledged: current.end() },
            step => {
                let last = step == Step::Last;
                let upto = if last { current.bytes.length } else { half };
                let length = upto.saturating_sub(current.acknowledged);
                let bytes = Chunk { length, ..current.bytes };
                Stage::Data { offset: current.end(), bytes, last }
            }
        };
        let mut rest = current.nodes.clone();
        if rest.is_empty() {
            writing.failures = MOST_FAILURES + 1;
            return self.write_on(scene);
        }
        let first = Address::DataNode(rest.remove(0));
        current.number = scene.number();
        let (number, block) = (current.number, current.block());
        let message = Message::Write { number, block, stage, rest, back: vec![address] };
        scene.send(address, first, message);
        scene.alarm(PATIENCE, address, 0, Alarm::Unanswered(number));
        Ok(())
    }

    /// A pipeline answers.
    pub(crate) fn written(
        &mut self,
        scene: &mut Scene,
        number: u64,
        stage: &Stage,
        refused: Option<usize>,
    ) -> Check {
        let Doing::Writing(writing) = &mut self.doing else { return Ok(()) };
        let Some(current) = writing.current.as_mut().filter(|it| it.number == number) else {
            return Ok(());
        };
        current.number = 0;
        if let Some(node) = refused {
            return self.pipeline_broke(scene, node);
        }
        if let Stage::Data { bytes, .. } = stage {
            current.acknowledged += bytes.length;
        }
        writing.step = match writing.step {
            Step::SetUp if current.is_new => Step::First,
            Step::SetUp => Step::Update,
            Step::First if scene.chance(300) => Step::Sync,
            Step::First => Step::Last,
            _ => {
                let done = current.named();
                writing.content = writing.so_far();
                writing.current = None;
                writing.previous = Some(done);
                if writing.lengths.is_empty() { Step::Complete } else { Step::Add }
            }
        };
        // Writers think.
        self.put_off(scene, 50);
        Ok(())
    }

    /// A pipeline does not answer: somebody in it is to blame.
    pub(crate) fn pipeline_silent(&mut self, scene: &mut Scene, number: u64) -> Check {
        let Doing::Writing(writing) = &mut self.doing else { return Ok(()) };
        let Some(current) = writing.current.as_mut().filter(|it| it.number == number) else {
            return Ok(());
        };
        current.number = 0;
        let at = scene.rng.usize(..current.nodes.len().max(1));
        let node = current.nodes.get(at).copied().unwrap_or(0);
        self.pipeline_broke(scene, node)
    }

    fn pipeline_broke(&mut self, scene: &mut Scene, node: usize) -> Check {
        let Doing::Writing(writing) = &mut self.doing else { return Ok(()) };
        let Some(current) = &mut writing.current else { return Ok(()) };
        scene.note(&format!("client {}: DataNode {node} fails at {:?}", self.index, writing.step));
        writing.failures += 1;
        if writing.step == Step::SetUp && current.is_new {
            let bad = current.locations.iter().filter(|it| node_of(&it.id) == Ok(node));
            writing.excluded.extend(bad.cloned());
            writing.step = Step::Abandon;
        } else {
            current.is_new = false;
            current.nodes.retain(|it| *it != node);
            writing.step = Step::Restamp;
            if current.nodes.is_empty() {
                writing.failures = MOST_FAILURES + 1;
            }
        }
        self.write_on(scene)
    }

    /// The NameNode answers a writer.
    pub(crate) fn write_answered(
        &mut self,
        scene: &mut Scene,
        contents: &mut Contents,
        method: &str,
        answer: Answer,
    ) -> Check {
        let Doing::Writing(writing) = &mut self.doing else { return Ok(()) };
        let Ok(body) = answer else {
            writing.failures += 1;
            self.put_off(scene, 1_000);
            return Ok(());
        };
        let malformed = |error: prost::DecodeError| error.to_string();
        match method {
            "addBlock" => {
                let answer = AddBlockResponseProto::decode(body).map_err(malformed)?;
                let length = writing.lengths.front().copied().unwrap_or(1);
                let bytes = Chunk { tag: 0, length };
                let current = Current::new(answer.block, 0, bytes, true)?;
                if current.nodes.is_empty() {
                    writing.failures += 1;
                    self.put_off(scene, 1_000);
                    return Ok(());
                }
                writing.lengths.pop_front();
                writing.current = Some(current);
                writing.step = Step::SetUp;
            }
            "abandonBlock" => {
                if let Some(current) = writing.current.take() {
                    writing.lengths.push_front(current.bytes.length);
                }
                writing.step = Step::Add;
            }
            "updateBlockForPipeline" => {
                let answer =
                    UpdateBlockForPipelineResponseProto::decode(body).map_err(malformed)?;
                if let Some(current) = &mut writing.current {
                    current.block.generation_stamp = answer.block.b.generation_stamp;
                }
                writing.step = Step::SetUp;
            }
            "updatePipeline" => {
                if let Some(current) = &mut writing.current {
                    current.old = current.named();
                }
                writing.step = Step::Last;
            }
            "fsync" => {
                if let Some(content) = writing.so_far() {
                    contents.acknowledge(writing.file, &content);
                }
                writing.step = Step::Last;
            }
            "complete" => {
                let answer = CompleteResponseProto::decode(body).map_err(malformed)?;
                if !answer.result {
                    writing.failures += 1;
                    self.put_off(scene, 800);
                    return Ok(());
                }
                if let Some(content) = &writing.content {
                    contents.acknowledge(writing.file, &prefix(content, u64::MAX));
                }
                self.done += 1;
                self.doing = Doing::Nothing;
                self.put_off(scene, 300);
                return Ok(());
            }
            _ => {}
        }
        self.write_on(scene)
    }
}
