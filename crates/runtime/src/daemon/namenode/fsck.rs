//! `/fsck`: checks the file system for the `fsck` command.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use jiff::Zoned;
use loxodon_namenode::audit::AuditEvent;
use loxodon_namenode::fsck::{Damaged, Fsck, FsckOptions};
use loxodon_namenode::{Identity, Request as Op};
use loxodon_namespace::edit::RpcIds;
use loxodon_wire::rpc::UserIdentity;

use super::door::Door;
use super::lost_found::LostFound;
use crate::web::{BodySender, Request, Response, Router, StatusCode};

/// Adds the page. What `-move` saves goes through calls at `rpc`, as any client's would.
pub(crate) fn pages(router: Router, door: &Arc<Door>, rpc: SocketAddr) -> Router {
    let door = Arc::clone(door);
    router.route("/fsck", move |request| {
        let door = Arc::clone(&door);
        async move { answer(door, rpc, request) }
    })
}

fn answer(door: Arc<Door>, rpc: SocketAddr, request: Request) -> Response {
    let Some(user) = request.parameter("ugi").map(str::to_owned) else {
        return Response::error(
            StatusCode::FORBIDDEN,
            "Security is off, so the user who asks must be named with ugi=",
        );
    };
    let (sender, response) = Response::channel();
    tokio::task::spawn_blocking(move || {
        let identity = door.look_up(&UserIdentity::new(user));
        let started = Instant::now();
        Walk { door, rpc, identity, request, sender, started, lost_found: None }.run();
    });
    response.header("Content-Type", "text/plain;charset=utf-8")
}

/// `java.util.Date.toString`.
fn date() -> String {
    Zoned::now().strftime("%a %b %d %H:%M:%S %Z %Y").to_string()
}

struct Walk {
    door: Arc<Door>,
    rpc: SocketAddr,
    identity: Arc<Identity>,
    request: Request,
    sender: BodySender,
    started: Instant,
    /// Set by the first file that is saved.
    lost_found: Option<Result<LostFound, String>>,
}

impl Walk {
    fn run(&mut self) {
        let path = self.request.parameter("path").unwrap_or("/").to_owned();
        let user = self.identity.caller.user.clone();
        if self.has("showprogress") {
            self.say(
                "The fsck switch -showprogress is deprecated and no longer has any effect. \
                 Progress is now shown by default.\n"
                    .to_owned(),
            );
        }
        if let Some(names) = self.request.parameter("blockId") {
            self.check_blocks(names);
            return;
        }
        self.say(format!(
            "FSCK started by {user} (auth:SIMPLE) from /{} for path {path} at {}\n",
            self.request.peer.ip(),
            date()
        ));
        let result = self.walk(&path);
        self.note(result.is_ok(), &path);
        match result {
            Ok(ending) => self.say(ending),
            Err(message) => {
                self.say(self.ended());
                self.say(format!("{message}\n\n\nFsck on path '{path}' FAILED"));
            }
        }
    }

    /// Writes the check into the audit log.
    fn note(&self, allowed: bool, what: &str) {
        let mut op = Op::new(self.door.clock.now(), &self.identity, RpcIds::NONE);
        op.address = Some(self.request.peer.ip().to_canonical());
        op.over_rpc = false;
        op.effects.audit.push(AuditEvent::of(allowed, "fsck", what));
        self.door.after(op);
    }

    fn check_blocks(&self, names: &str) {
        let mut op = Op::new(self.door.clock.now(), &self.identity, RpcIds::NONE);
        let maintenance = self.has("maintenance");
        let result = self.door.machine.read().check_blocks(&mut op, names, maintenance);
        let shown: Vec<&str> = names.split(' ').collect();
        self.note(result.is_ok(), &format!("blocksIds=[{}]", shown.join(", ")));
        match result {
            Ok(text) => {
                self.say(format!(
                    "FSCK started by {} (auth:SIMPLE) from /{} at {}\n",
                    self.identity.caller.user,
                    self.request.peer.ip(),
                    date()
                ));
                self.say(text);
            }
            Err(error) => {
                self.say(self.ended());
                self.say(format!("{error}\n\n\nFsck on path '/' FAILED"));
            }
        }
    }

    fn say(&self, text: String) {
        // Whoever asked may have gone; the walk ends by itself soon.
        let _ = self.sender.blocking_send(text);
    }

    fn ended(&self) -> String {
        let took = self.started.elapsed().as_millis();
        format!("FSCK ended at {} in {took} milliseconds\n", date())
    }

    fn has(&self, name: &str) -> bool {
        self.request.parameter(name).is_some()
    }

    fn options(&self) -> FsckOptions {
        // `includeSnapshots` is known and adds nothing: no directory here can have snapshots.
        FsckOptions {
            files: self.has("files"),
            blocks: self.has("blocks"),
            locations: self.has("locations"),
            racks: self.has("racks"),
            replica_details: self.has("replicadetails"),
            open_files: self.has("openforwrite"),
            maintenance: self.has("maintenance"),
            upgrade_domains: self.has("upgradedomains"),
            storage_policies: self.has("storagepolicies"),
            delete: self.has("delete"),
            rescue: self.has("move"),
            replicate: self.has("replicate"),
        }
    }

    fn walk(&mut self, path: &str) -> Result<String, String> {
        let options = self.options();
        let identity = Arc::clone(&self.identity);
        let op = Op::new(self.door.clock.now(), &identity, RpcIds::NONE).op();
        let walk = Fsck::new(&self.door.machine.read(), &op, path, options.clone());
        let Some(mut walk) = walk.map_err(|error| error.to_string())? else {
            return Ok(format!("\n\nPath '{path}' does not exist"));
        };
        if self.has("listcorruptfileblocks") {
            return self.corrupt_files(path);
        }
        let mut failed = false;
        loop {
            let step = walk.advance(&self.door.machine.read(), &op);
            self.say(walk.take_output());
            for damaged in walk.take_damaged() {
                failed |= options.rescue && !self.rescue(&damaged);
                failed |= options.delete && !self.delete(&damaged.path);
            }
            self.replicate(&mut walk);
            if step.map_err(|error| error.to_string())? {
                break;
            }
        }
        self.say(walk.summary(&self.door.machine.read()));
        if failed {
            self.say(self.ended());
            return Err("fsck encountered internal errors!".to_owned());
        }
        let health = if walk.is_healthy() { "HEALTHY" } else { "CORRUPT" };
        Ok(format!("{}\n\nThe filesystem under path '{path}' is {health}", self.ended()))
    }

    /// Has blocks that are badly placed looked at again.
    fn replicate(&self, walk: &mut Fsck) {
        for block in walk.take_misplaced() {
            let now = self.door.clock.now().monotonic;
            if self.door.machine.write().blocks.recheck(now, block) {
                walk.note_queued(1);
            }
        }
    }

    /// Saves what is left of a file; whether that went well.
    fn rescue(&mut self, damaged: &Damaged) -> bool {
        let (door, rpc, user) = (&self.door, self.rpc, &self.identity.caller.user);
        let opened = self
            .lost_found
            .get_or_insert_with(|| door.runtime.block_on(LostFound::open(&door.conf, rpc, user)));
        let path = &damaged.path;
        match opened {
            Ok(lost_found) => match door.runtime.block_on(lost_found.save(damaged)) {
                Ok(true) => true,
                Ok(false) => {
                    tracing::warn!(
                        "Fsck: there were errors copying the remains of the corrupted file \
                         {path} to /lost+found"
                    );
                    false
                }
                Err(error) => {
                    tracing::error!("copyBlocksToLostFound: error processing {path}: {error}");
                    false
                }
            },
            Err(error) => {
                tracing::error!("failed to initialize lost+found for {path}: {error}");
                false
            }
        }
    }

    /// Deletes a damaged file; whether that went well.
    fn delete(&self, path: &str) -> bool {
        let mut request = Op::new(self.door.clock.now(), &self.identity, RpcIds::NONE);
        let mut machine = self.door.machine.write();
        let result = machine.delete_damaged(&mut request, path);
        self.door.append(&mut machine, &mut request.effects);
        drop(machine);
        self.door.after(request);
        match &result {
            Ok(_) => tracing::info!("Fsck: deleted corrupt file {path}"),
            Err(error) => tracing::error!("Fsck: error deleting corrupted file {path}: {error}"),
        }
        result.is_ok()
    }

    fn corrupt_files(&self, path: &str) -> Result<String, String> {
        let mut op = Op::new(self.door.clock.now(), &self.identity, RpcIds::NONE);
        op.require_superuser("listCorruptFileBlocks").map_err(|error| error.to_string())?;
        let skip = match self.request.parameter("startblockafter") {
            None => 0,
            Some(cookie) => {
                cookie.parse().map_err(|_| format!("Cookie {cookie} is not one that was given"))?
            }
        };
        let machine = self.door.machine.read();
        let (files, cookie) = machine.corrupt_files(path, skip);
        let mut text = format!("Cookie:\t{cookie}\n");
        for (block, file) in &files {
            let replication = machine.blocks.block(*block).map_or(0, |info| info.replication);
            text.push_str(&format!("blk_{block}\t{replication}\t{file}\n"));
        }
        drop(machine);
        let count = match (files.len(), cookie) {
            (0, 0) => "no".to_owned(),
            (0, _) => "no more".to_owned(),
            (count, _) => count.to_string(),
        };
        text.push_str(&format!(
            "\n\nThe filesystem under path '{path}' has {count} CORRUPT files\n\n"
        ));
        Ok(text)
    }
}
