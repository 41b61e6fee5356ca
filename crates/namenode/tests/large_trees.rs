//! Deleting a tree that is too large to be looked at under the lock: what changes meanwhile counts.
#![allow(clippy::unwrap_used, clippy::panic)]

use loxodon_blocks::Settings as BlockSettings;
use loxodon_namenode::dispatch::{self, Run};
use loxodon_namenode::load::Loaded;
use loxodon_namenode::settings::Settings;
use loxodon_namenode::{
    Identity, NameNode, NameNodeError, Now, Request, StorageIdentity, TreeWalk,
};
use loxodon_namespace::Namespace;
use loxodon_namespace::context::Caller;
use loxodon_namespace::edit::RpcIds;
use loxodon_namespace::settings::Settings as NamespaceSettings;
use loxodon_wire::ids::{Milliseconds, TxId};
use loxodon_wire::proto::hdfs::*;
use prost::Message;

/// More than are looked at under the lock.
const DIRECTORIES: usize = 3_000;

struct World(NameNode);

fn user(name: &str) -> Identity {
    let settings = NamespaceSettings { fs_owner: "hdfs".into(), ..NamespaceSettings::default() };
    Identity { caller: Caller::new(name.into(), vec!["users".into()], &settings), real_user: None }
}

const NOW: Now = Now { wall: Milliseconds(1000), monotonic: Milliseconds(1000) };

impl World {
    /// `/tree`, alice's, with many directories in it.
    fn new() -> Self {
        let settings =
            NamespaceSettings { fs_owner: "hdfs".into(), ..NamespaceSettings::default() };
        let storage = StorageIdentity::default();
        let loaded = Loaded { namespace: Namespace::new(settings), storage, last_txid: TxId(0) };
        let machine =
            NameNode::new(loaded, Settings::default(), BlockSettings::default(), 1, NOW).unwrap();
        let mut world = Self(machine);
        world.mkdirs("hdfs", "/", "other", 0o755);
        world.chmod("/", 0o777);
        for at in 0..DIRECTORIES {
            world.mkdirs("alice", "/tree", &format!("d{at}"), 0o755);
        }
        world.chmod("/tree/d7", 0o777);
        world
    }

    fn call<Q: Message>(
        &mut self,
        who: &str,
        method: &str,
        asked: &Q,
    ) -> Result<(), NameNodeError> {
        let identity = user(who);
        let mut request = Request::new(NOW, &identity, RpcIds::new([1; 16], 1));
        let method = dispatch::find("org.apache.hadoop.hdfs.protocol.ClientProtocol", method);
        let (Run::Update(run) | Run::Once(run)) = method.unwrap().run else { panic!("a query") };
        run(&mut self.0, &mut request, &asked.encode_to_vec().into()).map(drop)
    }

    fn mkdirs(&mut self, who: &str, parent: &str, name: &str, mode: u32) {
        let asked = MkdirsRequestProto {
            src: format!("{}/{name}", parent.trim_end_matches('/')),
            masked: FsPermissionProto { perm: mode },
            create_parent: true,
            ..MkdirsRequestProto::default()
        };
        self.call(who, "mkdirs", &asked).unwrap();
    }

    fn chmod(&mut self, path: &str, mode: u32) {
        let permission = FsPermissionProto { perm: mode };
        let asked = SetPermissionRequestProto { src: path.into(), permission };
        self.call("hdfs", "setPermission", &asked).unwrap();
    }

    fn exists(&self) -> bool {
        self.0.namespace.inode_at_path("/tree").is_some()
    }

    /// Begins alice's delete, lets `change` happen after all was looked at, and ends it.
    fn delete(&mut self, change: impl FnOnce(&mut Self)) -> Result<bool, NameNodeError> {
        let alice = user("alice");
        let mut request = Request::new(NOW, &alice, RpcIds::new([2; 16], 1));
        let asked = DeleteRequestProto { src: "/tree".into(), recursive: true };
        let Run::Once(run) =
            dispatch::find("org.apache.hadoop.hdfs.protocol.ClientProtocol", "delete").unwrap().run
        else {
            panic!("a delete is done once")
        };
        let first = run(&mut self.0, &mut request, &asked.encode_to_vec().into());
        assert!(first.is_err() && request.effects.edits.is_empty());
        let mut walk: TreeWalk = request.effects.tree_walk.take().unwrap();
        walk.look(&request);
        change(self);
        while self.0.continue_tree_walk(&mut walk) {
            walk.look(&request);
        }
        let done = self.0.finish_tree_walk(&mut request, walk).map(|answer| answer.result);
        assert_eq!(done.is_ok(), !request.effects.edits.is_empty());
        done
    }

    fn refused(&mut self, change: impl FnOnce(&mut Self)) {
        let error = self.delete(change).unwrap_err();
        assert!(error.java_class().ends_with("AccessControlException"), "{error}");
        assert!(self.exists());
    }
}

#[test]
fn a_large_tree_is_deleted_by_its_owner() {
    let mut world = World::new();
    assert!(world.delete(|_| {}).unwrap());
    assert!(!world.exists());
}

#[test]
fn what_changes_elsewhere_does_not_matter() {
    let mut world = World::new();
    let elsewhere = |world: &mut World| {
        world.mkdirs("hdfs", "/other", "secret", 0o700);
        world.mkdirs("alice", "/tree/d8", "mine", 0o755);
        world.chmod("/other", 0);
    };
    assert!(world.delete(elsewhere).unwrap());
}

#[test]
fn many_changes_are_looked_at_as_well() {
    let mut world = World::new();
    world.refused(|world| {
        for at in 0..2_000 {
            world.mkdirs("alice", "/tree/d8", &format!("new{at}"), 0o755);
        }
        world.mkdirs("hdfs", "/tree/d9/hidden", "below", 0o700);
    });
}

#[test]
fn a_directory_of_somebody_else_stays() {
    World::new().refused(|world| world.mkdirs("bob", "/tree/d7", "his/below", 0o755));
}

#[test]
fn an_empty_directory_of_somebody_else_goes() {
    let mut world = World::new();
    assert!(world.delete(|world| world.mkdirs("bob", "/tree/d7", "his", 0o700)).unwrap());
}

#[test]
fn an_empty_directory_that_gets_something_counts() {
    let mut world = World::new();
    world.mkdirs("bob", "/tree/d7", "his", 0o755);
    world.refused(|world| world.mkdirs("bob", "/tree/d7/his", "below", 0o755));
}

#[test]
fn permissions_that_are_taken_away_count() {
    let mut world = World::new();
    world.mkdirs("alice", "/tree/d9", "below", 0o755);
    world.refused(|world| world.chmod("/tree/d9", 0o500));
}

#[test]
fn a_sticky_bit_counts() {
    let mut world = World::new();
    let owner = SetOwnerRequestProto {
        src: "/tree/d7".into(),
        username: Some("bob".into()),
        groupname: None,
    };
    world.call("hdfs", "setOwner", &owner).unwrap();
    world.mkdirs("bob", "/tree/d7", "his", 0o777);
    world.refused(|world| world.chmod("/tree/d7", 0o1777));
}

#[test]
fn a_tree_that_is_moved_in_counts() {
    let mut world = World::new();
    world.mkdirs("bob", "/moved/a/b", "c", 0o755);
    let rename = Rename2RequestProto {
        src: "/moved".into(),
        dst: "/tree/d7/moved".into(),
        ..Rename2RequestProto::default()
    };
    world.refused(|world| world.call("hdfs", "rename2", &rename).unwrap());
}

#[test]
fn another_tree_in_its_place_is_looked_at() {
    let mut world = World::new();
    world.mkdirs("bob", "/moved/a", "b", 0o755);
    let rename = |from: &str, to: &str| Rename2RequestProto {
        src: from.into(),
        dst: to.into(),
        ..Rename2RequestProto::default()
    };
    world.refused(|world| {
        world.call("hdfs", "rename2", &rename("/tree", "/aside")).unwrap();
        world.call("hdfs", "rename2", &rename("/moved", "/tree")).unwrap();
    });
}
