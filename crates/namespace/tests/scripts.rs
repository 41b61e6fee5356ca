//! Scripts of operations with the exact answers, edits and block changes they gave.
//!
//! `tests/scripts/*.txt`: lines that begin with `> ` are commands, those that follow are what came
//! of them: edits, then what block management hears (`~`), then the answer (`=`) or the refusal
//! (`!`). `BLESS=1` writes what came instead of comparing it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod support;

use std::fmt::Write as _;

use loxodon_namespace::Namespace;
use loxodon_namespace::context::{BlockChange, BlockState, Plan};
use loxodon_namespace::edit::{
    AclEntry, AclKind, AclScope, Block, Edit, RenameOption, StorageType,
};
use loxodon_namespace::error::FsError;
use loxodon_namespace::mode_string;
use loxodon_namespace::plan::{CommitBlock, CreateFile, CreateFlags, CreateMode, Opened};
use loxodon_namespace::status::FileStatus;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};
use support::{World, picture, settings};

fn block(b: Block) -> String {
    format!("{}_{}:{}", b.id, b.generation_stamp, b.length)
}

fn blocks(list: &[Block]) -> String {
    let all: Vec<String> = list.iter().map(|b| block(*b)).collect();
    format!("[{}]", all.join(" "))
}

fn acl(entries: &[AclEntry]) -> String {
    let text = |e: &AclEntry| {
        let scope = if e.scope == AclScope::Default { "default:" } else { "" };
        let kind = ["user", "group", "mask", "other"][e.kind as usize];
        format!("{scope}{kind}:{}:{}", e.name.as_deref().unwrap_or(""), e.permission)
    };
    entries.iter().map(text).collect::<Vec<_>>().join(",")
}

fn edit_text(edit: &Edit) -> String {
    match edit {
        Edit::Add(a) => format!(
            "ADD {} {} {}:{}:{:o} repl={} size={} client={}@{} overwrite={} policy={} acl=[{}]",
            a.inode,
            a.path,
            a.permissions.owner,
            a.permissions.group,
            a.permissions.mode,
            a.replication,
            a.block_size,
            a.client_name,
            a.client_machine,
            a.overwrite,
            a.storage_policy,
            acl(&a.acl)
        ),
        Edit::Close(c) => {
            format!("CLOSE {} {} mtime={} {}", c.inode, c.path, c.mtime, blocks(&c.blocks))
        }
        Edit::Mkdir(m) => format!(
            "MKDIR {} {} {}:{}:{:o} time={} acl=[{}]",
            m.inode,
            m.path,
            m.permissions.owner,
            m.permissions.group,
            m.permissions.mode,
            m.timestamp,
            acl(&m.acl)
        ),
        Edit::AddBlock { path, penultimate, last, .. } => format!(
            "ADD_BLOCK {path} {} {}",
            penultimate.map_or("-".to_owned(), block),
            block(*last)
        ),
        Edit::UpdateBlocks { path, blocks: b, .. } => format!("UPDATE_BLOCKS {path} {}", blocks(b)),
        Edit::AllocateBlockId { block } => format!("ALLOCATE_BLOCK_ID {block}"),
        Edit::SetGenstampV2 { generation_stamp } => format!("SET_GENSTAMP_V2 {generation_stamp}"),
        Edit::Delete { path, timestamp, .. } => format!("DELETE {path} time={timestamp}"),
        Edit::RenameOld { source, destination, .. } => format!("RENAME_OLD {source} {destination}"),
        Edit::Rename { source, destination, options, .. } => {
            format!("RENAME {source} {destination} {options:?}")
        }
        Edit::ReassignLease { lease_holder, path, new_holder } => {
            format!("REASSIGN_LEASE {lease_holder} {path} {new_holder}")
        }
        Edit::SetAcl { path, entries } => format!("SET_ACL {path} [{}]", acl(entries)),
        Edit::ConcatDelete { target, sources, .. } => format!("CONCAT_DELETE {target} {sources:?}"),
        Edit::Truncate { path, client_name, new_length, block: b, .. } => format!(
            "TRUNCATE {path} {client_name} {new_length} {}",
            b.map_or("-".to_owned(), block)
        ),
        Edit::Append { path, client_name, new_block, .. } => {
            format!("APPEND {path} {client_name} new_block={new_block}")
        }
        other => format!("{other:?}"),
    }
}

fn change_text(change: &BlockChange) -> String {
    match change {
        BlockChange::Added { file, block: b, replication, complete } => {
            format!("added {} to {file} x{replication} complete={complete}", block(*b))
        }
        BlockChange::Updated { block: b, complete, .. } => {
            format!("updated {} complete={complete}", block(*b))
        }
        BlockChange::Reopened { block: b, .. } => format!("reopened {}", block(*b)),
        BlockChange::Truncated { block: b, target, .. } => {
            format!("truncated {} to {}", block(*b), block(*target))
        }
        other => format!("{other:?}"),
    }
}

fn status_text(s: &FileStatus<'_>) -> String {
    format!(
        "{:?} {:?} {} {}:{}:{} len={} repl={} size={} mtime={} atime={} children={} policy={} open={}",
        s.kind,
        String::from_utf8_lossy(s.name),
        s.inode,
        s.owner,
        s.group,
        mode_string(s.mode),
        s.length,
        s.replication,
        s.block_size,
        s.mtime,
        s.atime,
        s.children,
        s.storage_policy,
        s.under_construction
    )
}

struct Script {
    world: World,
    user: String,
    out: String,
}

/// A command's words; `opt` finds `name=value`.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn at(&self, at: usize) -> &'a str {
        let plain = self.0.iter().filter(|w| !w.contains('='));
        plain.copied().nth(at).unwrap_or("")
    }
    fn opt(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('='))
    }
    fn number(&self, name: &str, default: i64) -> i64 {
        self.opt(name).map_or(default, |text| text.parse().unwrap())
    }
    fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }
}

impl Script {
    fn done<T: std::fmt::Debug>(&mut self, plan: Result<Plan<T>, FsError>) {
        match plan {
            Err(error) => self.refused(&error),
            Ok(plan) => {
                let before = self.world.log.len();
                let value = self.world.run(plan);
                for edit in &self.world.log[before..] {
                    writeln!(self.out, "{}", edit_text(edit)).unwrap();
                }
                let changes = self.world.applied.iter().flat_map(|a| &a.blocks);
                for change in changes {
                    writeln!(self.out, "~ {}", change_text(change)).unwrap();
                }
                writeln!(self.out, "= {value:?}").unwrap();
            }
        }
    }

    fn opened<T: std::fmt::Debug>(&mut self, plan: Result<Plan<Opened<T>>, FsError>) {
        self.done(plan);
    }

    fn refused(&mut self, error: &FsError) {
        let class = error.java_class();
        writeln!(self.out, "! {}: {}", class.rsplit('.').next().unwrap(), error.message()).unwrap();
    }

    fn answer(&mut self, answer: Result<String, FsError>) {
        match answer {
            Err(error) => self.refused(&error),
            Ok(text) => writeln!(self.out, "{text}").unwrap(),
        }
    }

    /// The file that a client writes at a path, and what he knows of it.
    fn open_file(&self, path: &str) -> (InodeId, String, Option<Block>) {
        let ns = &self.world.ns;
        let file = ns.inode_at_path(path).unwrap_or(InodeId(0));
        let client = ns.writer_of(file).map_or("nobody".to_owned(), |w| w.client_name.to_string());
        (file, client, ns.file_blocks(file).and_then(|b| b.last()))
    }

    fn command(&mut self, line: &str) {
        let words = Words(line.split_whitespace().collect());
        let Some(&verb) = words.0.first() else { return };
        match verb {
            "as" => self.user = words.at(1).to_owned(),
            "later" => {
                self.world.now =
                    Milliseconds(self.world.now.0 + words.at(1).parse::<u64>().unwrap());
            }
            "block" => {
                let state = match words.at(2) {
                    "committed" => BlockState::Committed,
                    "open" => BlockState::UnderConstruction,
                    "recovering" => BlockState::UnderRecovery,
                    _ => BlockState::Complete,
                };
                let id = BlockId(words.at(1).parse().unwrap());
                self.world.states.told.borrow_mut().insert(id, state);
                if let Some(length) = words.opt("length") {
                    let length = length.parse().unwrap();
                    self.world.states.committed.borrow_mut().insert(id, length);
                }
            }
            "locations" => self.world.states.locations = words.at(1).parse().unwrap(),
            "configure" => self.configure(&words),
            "renew" => {
                let now = self.world.now;
                let known = self.world.ns.renew_lease(words.at(1), now);
                writeln!(self.out, "= {known}").unwrap();
            }
            "expired" => {
                let expired = self.world.ns.expired_leases(self.world.now);
                writeln!(self.out, "= {expired:?}").unwrap();
            }
            _ => self.file_command(verb, &words),
        }
    }

    fn configure(&mut self, words: &Words<'_>) {
        let mut settings = self.world.ns.settings().clone();
        settings.max_component_length = usize::try_from(words.number("component", 255)).unwrap();
        settings.max_directory_items = u32::try_from(words.number("items", 1_048_576)).unwrap();
        settings.max_blocks_per_file = usize::try_from(words.number("blocks", 10_000)).unwrap();
        settings.min_block_size = u64::try_from(words.number("block-size", 1)).unwrap();
        settings.ls_limit = usize::try_from(words.number("page", 1000)).unwrap();
        settings.protected_directories =
            words.opt("protected").map(str::to_owned).into_iter().collect();
        self.world.ns.configure(settings);
    }

    fn file_command(&mut self, verb: &str, words: &Words<'_>) {
        let caller = self.world.caller(&self.user);
        let ctx = self.world.context(&caller);
        let (ns, states) = (&self.world.ns, &self.world.states);
        let path = words.at(1);
        let (file, writer, last) = self.open_file(path);
        let client = words.opt("client").unwrap_or(&writer);
        let mode = CreateMode {
            masked: u16::from_str_radix(words.opt("mode").unwrap_or("755"), 8).unwrap(),
            unmasked: words.opt("unmasked").map(|m| u16::from_str_radix(m, 8).unwrap()),
        };
        match verb {
            "mkdirs" => {
                let plan = ns.plan_mkdirs(&ctx, path, mode, !words.has("no-parent"));
                self.done(plan);
            }
            "create" => {
                let flags = 1 | if words.has("overwrite") { 2 } else { 0 };
                let args = CreateFile {
                    path,
                    mode: CreateMode { masked: mode.masked & 0o666, ..mode },
                    client_name: words.opt("client").unwrap_or("one"),
                    client_machine: "host",
                    flags: CreateFlags(if words.has("only-overwrite") { 2 } else { flags }),
                    create_parent: !words.has("no-parent"),
                    replication: u16::try_from(words.number("repl", 3)).unwrap(),
                    block_size: u64::try_from(words.number("size", 100)).unwrap(),
                    erasure_coding_policy: words.opt("ec").unwrap_or(""),
                    storage_policy: words.opt("policy").unwrap_or(""),
                };
                let plan = ns.plan_create(&ctx, &args, states);
                self.opened(plan);
            }
            "add-block" => {
                let length = u64::try_from(words.number("previous", 100)).unwrap();
                let previous = last.map(|b| Block { length, ..b });
                let previous = if words.has("no-previous") { None } else { previous };
                let plan = ns.plan_add_block(&ctx, path, file, client, previous, states);
                self.done(plan);
            }
            "abandon" => {
                let plan =
                    ns.plan_abandon_block(&ctx, path, file, client, last.unwrap_or_default());
                self.done(plan);
            }
            "complete" => {
                let last =
                    last.map(|b| Block { length: words.number("last", 0).cast_unsigned(), ..b });
                let plan = ns.plan_complete(&ctx, path, file, client, last, states);
                self.done(plan);
            }
            "fsync" => {
                let length = words.number("last", 0).cast_unsigned();
                let plan = ns.plan_fsync(&ctx, path, file, client, Some(length));
                self.done(plan);
            }
            "append" => {
                let plan = ns.plan_append(
                    &ctx,
                    path,
                    words.opt("client").unwrap_or("two"),
                    "host",
                    words.has("new-block"),
                    states,
                );
                self.opened(plan);
            }
            "truncate" => {
                let length = words.at(2).parse().unwrap();
                let plan = ns.plan_truncate(&ctx, path, length, "cutter", "host", states);
                self.opened(plan);
            }
            "bump" => {
                let plan = ns.plan_bump_generation_stamp(
                    Some(file),
                    client,
                    last.unwrap_or_default(),
                    states,
                );
                self.done(plan);
            }
            "update-pipeline" => {
                let old = last.unwrap_or_default();
                let new = Block {
                    generation_stamp: (words.number("stamp", 0).cast_unsigned()).into(),
                    length: words.number("length", 0).cast_unsigned(),
                    ..old
                };
                let plan = ns.plan_update_pipeline(&ctx, Some(file), client, old, new, states);
                self.done(plan);
            }
            "recover-lease" => {
                let plan = ns.plan_recover_lease(
                    &ctx,
                    path,
                    words.opt("client").unwrap_or("rescuer"),
                    states,
                );
                self.done(plan);
            }
            "recovered" => {
                let stamp = GenerationStamp(words.number("stamp", 0).cast_unsigned());
                let commit = CommitBlock {
                    block: last.unwrap_or_default(),
                    generation_stamp: stamp,
                    length: words.number("length", 0).cast_unsigned(),
                    close_file: true,
                    delete_block: words.has("nothing"),
                };
                let plan = ns.plan_commit_block(&ctx, Some(file), stamp, &commit, states);
                self.done(plan);
            }
            _ => self.tree_command(verb, words),
        }
    }

    fn tree_command(&mut self, verb: &str, words: &Words<'_>) {
        let caller = self.world.caller(&self.user);
        let ctx = self.world.context(&caller);
        let ns = &self.world.ns;
        let (path, second) = (words.at(1), words.at(2));
        match verb {
            "delete" => {
                let plan = ns.plan_delete(&ctx, path, words.has("recursive"));
                self.done(plan);
            }
            "rename" => {
                let plan = ns.plan_rename_old(&ctx, path, second);
                self.done(plan);
            }
            "rename2" => {
                let option = if words.has("overwrite") {
                    RenameOption::Overwrite
                } else if words.has("to-trash") {
                    RenameOption::ToTrash
                } else {
                    RenameOption::None
                };
                let plan = ns.plan_rename(&ctx, path, second, &[option]);
                self.done(plan);
            }
            "concat" => {
                let sources: Vec<String> = words.0[2..].iter().map(|&s| s.to_owned()).collect();
                let plan = ns.plan_concat(&ctx, path, &sources);
                self.done(plan);
            }
            "setrep" => {
                let plan = ns.plan_set_replication(&ctx, path, second.parse().unwrap());
                self.done(plan);
            }
            "chmod" => {
                let plan =
                    ns.plan_set_permission(&ctx, path, u16::from_str_radix(second, 8).unwrap());
                self.done(plan);
            }
            "chown" => {
                let plan = ns.plan_set_owner(&ctx, path, words.opt("owner"), words.opt("group"));
                self.done(plan);
            }
            "set-times" => {
                let plan = ns.plan_set_times(
                    &ctx,
                    path,
                    words.number("mtime", -1),
                    words.number("atime", -1),
                );
                self.done(plan);
            }
            "set-quota" => {
                let kind = words.has("ssd").then_some(StorageType::Ssd);
                let plan = ns.plan_set_quota(
                    &ctx,
                    path,
                    words.number("names", i64::MAX),
                    words.number("space", i64::MAX),
                    kind,
                );
                self.done(plan);
            }
            "set-policy" => {
                let plan = ns.plan_set_storage_policy(&ctx, path, second);
                self.done(plan);
            }
            "symlink" => {
                let plan = ns.plan_symlink(&ctx, path, second, false);
                self.done(plan);
            }
            "acl-user" => {
                let scope = if words.has("default") { AclScope::Default } else { AclScope::Access };
                let entry = AclEntry {
                    scope,
                    kind: AclKind::User,
                    name: Some(second.to_owned()),
                    permission: words.number("bits", 7) as u8,
                };
                let plan = ns.plan_modify_acl(&ctx, path, &[entry]);
                self.done(plan);
            }
            "stat" => {
                let text = ns
                    .file_info(&ctx, path, true)
                    .map(|s| s.map_or("-".to_owned(), |s| status_text(&s)));
                self.answer(text);
            }
            "ls" | "ls-located" => {
                let page = ns.listing(&ctx, path, second.as_bytes(), verb == "ls-located");
                let text = page.map(|page| match page {
                    None => "-".to_owned(),
                    Some(page) => {
                        let names: Vec<_> =
                            page.entries.iter().map(|e| String::from_utf8_lossy(e.name)).collect();
                        format!("{names:?} and {} more", page.remaining)
                    }
                });
                self.answer(text);
            }
            "du" => {
                let text = ns.quota_usage(&ctx, path).map(|u| format!("{u:?}"));
                self.answer(text);
            }
            "access" => {
                let text = ns
                    .check_path(&ctx, path, second.parse().unwrap())
                    .map(|()| "allowed".to_owned());
                self.answer(text);
            }
            "range" => {
                let (offset, length) = (second.parse().unwrap(), words.at(3).parse().unwrap());
                let text = ns.block_range(&ctx, path, offset, length).map(|r| {
                    let parts: Vec<_> =
                        r.blocks.iter().map(|(at, b)| format!("{at}:{}", block(*b))).collect();
                    format!("length={} {parts:?}", r.length)
                });
                self.answer(text);
            }
            other => panic!("no command {other}"),
        }
    }
}

#[test]
fn scripts_give_what_they_say() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut script =
            Script { world: World::new(settings()), user: "hdfs".to_owned(), out: String::new() };
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("> ") {
                writeln!(script.out, "{line}").unwrap();
                script.command(command);
            } else if line.is_empty() || line.starts_with('#') {
                writeln!(script.out, "{line}").unwrap();
            }
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &script.out).unwrap();
        } else {
            let same = text.lines().eq(script.out.lines());
            assert!(same, "{} gave:\n{}", path.display(), script.out);
        }
        let mut replayed = Namespace::new(settings());
        for edit in &script.world.log {
            replayed.apply(edit).unwrap();
        }
        assert_eq!(picture(&replayed), picture(&script.world.ns), "{}", path.display());
        count += 1;
    }
    assert!(count > 0, "no scripts");
}
