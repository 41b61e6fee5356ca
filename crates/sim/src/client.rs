//! A model of a client: one operation after the other, each call sent again until it is answered.

use std::collections::BTreeSet;

use bytes::Bytes;
use loxodon_wire::ids::InodeId;
use loxodon_wire::proto::hdfs::{
    AppendRequestProto, AppendResponseProto, ConcatRequestProto, CreateRequestProto,
    CreateResponseProto, DeleteRequestProto, DeleteResponseProto, FsPermissionProto,
    MkdirsRequestProto, MkdirsResponseProto, RecoverLeaseRequestProto, Rename2RequestProto,
    RenameRequestProto, RenameResponseProto, RenewLeaseRequestProto, SetReplicationRequestProto,
    SetReplicationResponseProto, SetStoragePolicyRequestProto, TruncateRequestProto,
};
use prost::Message as _;

use crate::checks::{Check, Contents};
use crate::message::{Answer, CLIENT, Call, Message, Refusal, length};
use crate::network::Address;
use crate::scene::{Alarm, Scene};
use crate::tree::{Expected, Op, Tree};
use crate::workload::{self, BLOCK};
use crate::writer::Writing;

/// How long a client waits for an answer before he asks again.
const PATIENCE: u64 = 4_000;
/// Between two signs of life of a writer.
const RENEWAL: u64 = 10_000;

/// A call that is sent until it is answered.
#[derive(Clone, Debug)]
struct Pending {
    call: Call,
}

/// What a client is doing.
#[derive(Debug)]
pub(crate) enum Doing {
    Nothing,
    /// The call of an operation, or its opening.
    Asking(Op),
    Writing(Box<Writing>),
}

/// A process that uses the file system.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) index: usize,
    pub(crate) is_alive: bool,
    /// What it knows to be in its directory.
    tree: Tree,
    pub(crate) doing: Doing,
    /// Operations that were answered.
    pub(crate) done: u64,
    pending: Option<Pending>,
    resume: u64,
    calls: i32,
    /// Calls of which no second copy may arrive any more, by number.
    settled: BTreeSet<u64>,
}

impl Client {
    pub(crate) const fn new(index: usize) -> Self {
        Self {
            index,
            is_alive: true,
            tree: Tree::new(),
            doing: Doing::Nothing,
            done: 0,
            pending: None,
            resume: 0,
            calls: 0,
            settled: BTreeSet::new(),
        }
    }

    pub(crate) const fn address(&self) -> Address {
        Address::Client(self.index)
    }

    /// The name under which it has leases.
    pub(crate) fn name(&self) -> String {
        format!("client-{}", self.index)
    }

    /// The directory that is its alone.
    pub(crate) fn root(&self) -> String {
        format!("/c{}", self.index)
    }

    fn is_own(&self, path: &str) -> bool {
        path.strip_prefix(&self.root()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What may be in its directory now.
    pub(crate) fn possible(&self) -> Vec<Tree> {
        let mut possible = vec![self.tree.clone()];
        if let Doing::Asking(op) = &self.doing {
            let mut after = self.tree.clone();
            after.apply(op);
            possible.push(after);
            if let Op::Create { path, .. } = op {
                // Its directories are transactions of their own: a crash may leave some of them.
                possible.extend(self.tree.on_the_way_to(path));
            }
        }
        possible
    }

    /// Whether a call of this number may still arrive. One that succeeded may, and must do
    /// nothing then. Nothing protects from a second copy of one that was refused (Hadoop's retry
    /// cache does not keep failures either), so that none is let through; nor of a `complete`
    /// or `truncate`, which would close or cut the file again that was opened meanwhile.
    pub(crate) fn may_arrive(&self, number: u64) -> bool {
        !self.settled.contains(&number)
    }

    pub(crate) const fn is_idle(&self) -> bool {
        !self.is_alive || matches!(self.doing, Doing::Nothing)
    }

    pub(crate) fn start(&mut self, scene: &mut Scene) {
        self.put_off(scene, 100);
        scene.alarm(RENEWAL, self.address(), 0, Alarm::Turn);
    }

    /// Goes on with whatever it is doing after a while.
    pub(crate) fn put_off(&mut self, scene: &mut Scene, delay: u64) {
        self.resume = scene.number();
        let delay = scene.rng.u64(delay / 2..=delay + 1);
        scene.alarm(delay, self.address(), 0, Alarm::Resume(self.resume));
    }

    pub(crate) fn alarm(&mut self, scene: &mut Scene, alarm: Alarm) -> Check {
        match alarm {
            Alarm::Resume(number) if number == self.resume => self.go_on(scene),
            Alarm::Unanswered(number) => self.unanswered(scene, number),
            Alarm::Turn => {
                self.renew(scene);
                scene.alarm(RENEWAL, self.address(), 0, Alarm::Turn);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn unanswered(&mut self, scene: &mut Scene, number: u64) -> Check {
        match &self.pending {
            Some(pending) if pending.call.number == number => {
                let call = pending.call.clone();
                scene.note(&format!("client {} asks again: {}", self.index, call.method));
                self.send(scene, call);
                Ok(())
            }
            _ => self.pipeline_silent(scene, number),
        }
    }

    fn renew(&mut self, scene: &mut Scene) {
        if !matches!(self.doing, Doing::Writing(_)) {
            return;
        }
        let asked = RenewLeaseRequestProto { client_name: self.name(), namespaces: Vec::new() };
        let call = self.new_call(scene, "renewLease", &asked);
        scene.send(self.address(), Address::NameNode, Message::Call(call));
    }

    fn new_call(
        &mut self,
        scene: &mut Scene,
        method: &'static str,
        body: &impl prost::Message,
    ) -> Call {
        self.calls += 1;
        let mut client_id = [0xC1; 16];
        client_id[15] = u8::try_from(self.index % 256).unwrap_or(0);
        Call {
            from: self.address(),
            number: scene.number(),
            protocol: CLIENT,
            method,
            client_id,
            call_id: self.calls,
            body: Bytes::from(body.encode_to_vec()),
        }
    }

    /// Asks until there is an answer.
    pub(crate) fn ask(
        &mut self,
        scene: &mut Scene,
        method: &'static str,
        body: &impl prost::Message,
    ) {
        let call = self.new_call(scene, method, body);
        self.pending = Some(Pending { call: call.clone() });
        self.send(scene, call);
    }

    fn send(&self, scene: &mut Scene, call: Call) {
        let alarm = Alarm::Unanswered(call.number);
        scene.send(self.address(), Address::NameNode, Message::Call(call));
        scene.alarm(PATIENCE, self.address(), 0, alarm);
    }

    fn go_on(&mut self, scene: &mut Scene) -> Check {
        match &self.doing {
            Doing::Nothing if scene.is_busy => {
                let op = workload::next(scene, &self.root(), &self.tree);
                scene.note(&format!("client {} begins {op:?}", self.index));
                self.doing = Doing::Asking(op);
                self.ask_op(scene);
            }
            Doing::Nothing => self.put_off(scene, 1_000),
            Doing::Asking(_) => self.ask_op(scene),
            Doing::Writing(_) => self.write_on(scene)?,
        }
        Ok(())
    }

    fn ask_op(&mut self, scene: &mut Scene) {
        let Doing::Asking(op) = &self.doing else { return };
        let (op, client_name) = (op.clone(), self.name());
        let masked = FsPermissionProto { perm: 0o644 };
        match op {
            Op::Mkdirs(src) => {
                let masked = FsPermissionProto { perm: 0o755 };
                let asked = MkdirsRequestProto { src, masked, create_parent: true, unmasked: None };
                self.ask(scene, "mkdirs", &asked);
            }
            Op::Delete(src) => {
                self.ask(scene, "delete", &DeleteRequestProto { src, recursive: true });
            }
            Op::Rename(src, dst) => self.ask(scene, "rename", &RenameRequestProto { src, dst }),
            Op::Replace(src, dst) => {
                let (overwrite_dest, move_to_trash) = (true, None);
                let asked = Rename2RequestProto { src, dst, overwrite_dest, move_to_trash };
                self.ask(scene, "rename2", &asked);
            }
            Op::Replication(src, replication) => {
                let asked = SetReplicationRequestProto { src, replication };
                self.ask(scene, "setReplication", &asked);
            }
            Op::Create { path, overwrite, replication, .. } => {
                let asked = CreateRequestProto {
                    src: path,
                    masked,
                    client_name,
                    create_flag: if overwrite { 3 } else { 1 },
                    create_parent: true,
                    replication,
                    block_size: BLOCK,
                    ..CreateRequestProto::default()
                };
                self.ask(scene, "create", &asked);
            }
            Op::Truncate(src, new_length) => {
                let asked = TruncateRequestProto { src, new_length, client_name };
                self.ask(scene, "truncate", &asked);
            }
            Op::Concat(trg, srcs) => {
                self.ask(scene, "concat", &ConcatRequestProto { trg, srcs });
            }
            Op::Policy(src, name) => {
                let policy_name = name.to_owned();
                let asked = SetStoragePolicyRequestProto { src, policy_name };
                self.ask(scene, "setStoragePolicy", &asked);
            }
            Op::Recover(src) => {
                self.ask(scene, "recoverLease", &RecoverLeaseRequestProto { src, client_name });
            }
            Op::Append { path: src, .. } => {
                self.ask(scene, "append", &AppendRequestProto { src, client_name, flag: Some(4) });
            }
        }
    }

    pub(crate) fn answered(
        &mut self,
        scene: &mut Scene,
        contents: &mut Contents,
        number: u64,
        answer: Answer,
    ) -> Check {
        let Some(Pending { call }) = self.pending.take_if(|it| it.call.number == number) else {
            return Ok(());
        };
        let shown =
            answer.as_ref().map(Bytes::len).map_err(|it| format!("{} {}", it.class, it.message));
        scene.note(&format!("client {} is answered {} {shown:?}", self.index, call.method));
        if let Err(refusal) = &answer
            && refusal.is("SafeModeException")
        {
            // The same call again, when its time is up: what was sent of it before may arrive yet.
            self.pending = Some(Pending { call });
            return Ok(());
        }
        if answer.is_ok() {
            scene.count(call.method);
        }
        if answer.is_err() || matches!(call.method, "complete" | "truncate") {
            self.settled.insert(number);
        }
        match &self.doing {
            Doing::Asking(op) => {
                let op = op.clone();
                self.op_answered(scene, contents, &op, answer)
            }
            Doing::Writing(_) => self.write_answered(scene, contents, call.method, answer),
            Doing::Nothing => Ok(()),
        }
    }

    fn op_answered(
        &mut self,
        scene: &mut Scene,
        contents: &Contents,
        op: &Op,
        answer: Answer,
    ) -> Check {
        let outcome = match &answer {
            Ok(body) => Ok(truth(op, body)?),
            Err(refusal) => Err(refusal),
        };
        if self.is_own(path_of(op)) {
            let expected = self.tree.expected(op);
            if !fits(expected, &outcome) {
                return Err(format!(
                    "client {}: {op:?} is answered {outcome:?}, expected {expected:?}",
                    self.index
                ));
            }
        }
        if outcome == Ok(true) && self.is_own(path_of(op)) {
            self.tree.apply(op);
        }
        self.doing = Doing::Nothing;
        self.done += 1;
        if let (Ok(body), Op::Create { .. } | Op::Append { .. }) = (answer, op)
            && let Some(writing) = opened(op, body, contents)?
        {
            self.doing = Doing::Writing(Box::new(writing));
            return self.write_on(scene);
        }
        self.put_off(scene, 300);
        Ok(())
    }
}

fn path_of(op: &Op) -> &str {
    match op {
        Op::Mkdirs(path)
        | Op::Delete(path)
        | Op::Rename(path, _)
        | Op::Replace(path, _)
        | Op::Replication(path, _)
        | Op::Truncate(path, _)
        | Op::Concat(path, _)
        | Op::Policy(path, _)
        | Op::Recover(path)
        | Op::Create { path, .. }
        | Op::Append { path, .. } => path,
    }
}

/// What an answer says, where it says yes or no.
fn truth(op: &Op, body: &Bytes) -> Result<bool, String> {
    let body = body.clone();
    let answer = match op {
        Op::Mkdirs(_) => MkdirsResponseProto::decode(body).map(|it| it.result),
        Op::Delete(_) => DeleteResponseProto::decode(body).map(|it| it.result),
        Op::Rename(..) => RenameResponseProto::decode(body).map(|it| it.result),
        Op::Replication(..) => SetReplicationResponseProto::decode(body).map(|it| it.result),
        Op::Replace(..)
        | Op::Create { .. }
        | Op::Append { .. }
        | Op::Truncate(..)
        | Op::Concat(..)
        | Op::Policy(..)
        | Op::Recover(_) => Ok(true),
    };
    answer.map_err(|error| format!("{op:?} is answered what does not parse: {error}"))
}

fn fits(expected: Expected, outcome: &Result<bool, &Refusal>) -> bool {
    match (expected, outcome) {
        (Expected::Any, _) | (Expected::Yes, Ok(true)) | (Expected::No, Ok(false)) => true,
        (Expected::Refused(classes), Err(refusal)) => classes.iter().any(|it| refusal.is(it)),
        _ => false,
    }
}

/// A file that the NameNode says is open; none if it was deleted since this call was first done.
fn opened(op: &Op, body: Bytes, contents: &Contents) -> Result<Option<Writing>, String> {
    let malformed = |error: prost::DecodeError| error.to_string();
    match op {
        Op::Append { path, lengths } => {
            let answer = AppendResponseProto::decode(body).map_err(malformed)?;
            let Some(status) = answer.stat else { return Ok(None) };
            let file = InodeId(status.file_id.unwrap_or(0));
            // Who did not see how the file was closed does not know what is in it.
            let known = contents.of(file).unwrap_or_default();
            let known = (length(known) == status.length).then(|| known.to_vec());
            Writing::resumed(path, file, lengths, known, answer.block).map(Some)
        }
        Op::Create { path, lengths, .. } => {
            let answer = CreateResponseProto::decode(body).map_err(malformed)?;
            let Some(status) = answer.fs else { return Ok(None) };
            Ok(Some(Writing::new(path, InodeId(status.file_id.unwrap_or(0)), lengths)))
        }
        _ => Err(format!("{op:?} opens nothing")),
    }
}
