//! Calls that change the tree: directories, renames, removal, concatenation, links.

use loxodon_namespace::edit::RenameOption;
use loxodon_namespace::error::FsError;
use loxodon_namespace::path::{MAX_PATH_DEPTH, MAX_PATH_LENGTH, is_within_limits};
use loxodon_namespace::plan::{CreateMode, TreeCheck};
use loxodon_wire::proto::hdfs::{
    ConcatRequestProto, ConcatResponseProto, CreateSymlinkRequestProto, CreateSymlinkResponseProto,
    DeleteRequestProto, DeleteResponseProto, FsPermissionProto, MkdirsRequestProto,
    MkdirsResponseProto, Rename2RequestProto, Rename2ResponseProto, RenameRequestProto,
    RenameResponseProto,
};

use crate::error::{NameNodeError, Result};
use crate::machine::NameNode;
use crate::request::Request;
use crate::tree_walk::DIRECTORIES;

/// The bits of a permission that a request carries.
pub(crate) fn mode_bits(permission: &FsPermissionProto) -> u16 {
    u16::try_from(permission.perm & 0o1777).unwrap_or_default()
}

/// The mode as asked, and as it was before the client's umask (for default ACLs).
pub(crate) fn create_mode(
    masked: &FsPermissionProto,
    unmasked: Option<&FsPermissionProto>,
) -> CreateMode {
    CreateMode { masked: mode_bits(masked), unmasked: unmasked.map(mode_bits) }
}

/// A path that a call makes is not too long or too deep.
pub(crate) fn check_length(call: &str, path: &str) -> Result<()> {
    if is_within_limits(path) {
        return Ok(());
    }
    let (length, depth) = (MAX_PATH_LENGTH, MAX_PATH_DEPTH);
    let what = format!("{call}: Pathname too long.  Limit {length} characters, {depth} levels.");
    Err(NameNodeError::Io(what))
}

/// `mkdirs`.
pub(crate) fn mkdirs(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: MkdirsRequestProto,
) -> Result<MkdirsResponseProto> {
    check_length("mkdirs", &asked.src)?;
    machine.check_safe_mode(request.now, || format!("Cannot create directory {}", asked.src))?;
    let mode = create_mode(&asked.masked, asked.unmasked.as_ref());
    let plan = machine.namespace.plan_mkdirs(&request.op(), &asked.src, mode, asked.create_parent);
    let result = machine.commit(request, plan);
    machine.note(request, "mkdirs", &asked.src, None, Some(&asked.src), &result);
    Ok(MkdirsResponseProto { result: result? })
}

/// `rename`: false where it cannot be done, as old clients expect.
pub(crate) fn rename(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: RenameRequestProto,
) -> Result<RenameResponseProto> {
    let RenameRequestProto { src, dst } = &asked;
    check_length("rename", dst)?;
    machine.check_safe_mode(request.now, || format!("Cannot rename {src}"))?;
    let plan = machine.namespace.plan_rename_old(&request.op(), src, dst);
    let result = machine.commit(request, plan);
    machine.note(request, "rename", src, Some(dst), Some(dst), &result);
    Ok(RenameResponseProto { result: result? })
}

/// `rename2`: an exception where it cannot be done.
pub(crate) fn rename2(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: Rename2RequestProto,
) -> Result<Rename2ResponseProto> {
    let Rename2RequestProto { src, dst, .. } = &asked;
    check_length("rename", dst)?;
    machine.check_safe_mode(request.now, || format!("Cannot rename {src}"))?;
    let (options, command): (&[RenameOption], _) =
        match (asked.overwrite_dest, asked.move_to_trash.unwrap_or(false)) {
            (false, false) => (&[RenameOption::None], "rename (options=[NONE])"),
            (true, false) => (&[RenameOption::Overwrite], "rename (options=[OVERWRITE])"),
            (false, true) => (&[RenameOption::ToTrash], "rename (options=[TO_TRASH])"),
            (true, true) => (
                &[RenameOption::Overwrite, RenameOption::ToTrash],
                "rename (options=[OVERWRITE, TO_TRASH])",
            ),
        };
    let plan = machine.namespace.plan_rename(&request.op(), src, dst, options);
    let result = machine.commit(request, plan);
    machine.note(request, command, src, Some(dst), Some(dst), &result);
    result.map(|_| Rename2ResponseProto {})
}

/// `delete`.
pub(crate) fn delete(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: DeleteRequestProto,
) -> Result<DeleteResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot delete {}", asked.src))?;
    let most = TreeCheck::AtMost(DIRECTORIES);
    let plan =
        machine.namespace.plan_delete_checking(&request.op(), &asked.src, asked.recursive, most);
    if let Err(error @ FsError::TreeTooLarge(_)) = plan {
        request.effects.tree_walk = Some(machine.begin_tree_walk(asked));
        return Err(error.into());
    }
    let result = machine.commit(request, plan);
    machine.note(request, "delete", &asked.src, None, None, &result);
    Ok(DeleteResponseProto { result: result? })
}

/// `concat`.
pub(crate) fn concat(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: ConcatRequestProto,
) -> Result<ConcatResponseProto> {
    machine.check_safe_mode(request.now, || format!("Cannot concat {}", asked.trg))?;
    let plan = machine.namespace.plan_concat(&request.op(), &asked.trg, &asked.srcs);
    let result = machine.commit(request, plan);
    let sources = format!("[{}]", asked.srcs.join(", "));
    machine.note(request, "concat", &sources, Some(&asked.trg), Some(&asked.trg), &result);
    result.map(|_| ConcatResponseProto {})
}

/// `createSymlink`.
pub(crate) fn create_symlink(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: CreateSymlinkRequestProto,
) -> Result<CreateSymlinkResponseProto> {
    if !is_within_limits(&asked.link) {
        return Err(NameNodeError::Io("Symlink path exceeds 8000 character limit".into()));
    }
    machine.check_safe_mode(request.now, || format!("Cannot create symlink {}", asked.link))?;
    let plan = machine.namespace.plan_symlink(
        &request.op(),
        &asked.target,
        &asked.link,
        asked.create_parent,
    );
    let result = machine.commit(request, plan);
    let link = &asked.link;
    machine.note(request, "createSymlink", link, Some(&asked.target), Some(link), &result);
    result.map(|_| CreateSymlinkResponseProto {})
}

impl NameNode {
    /// Deletes a file whose blocks are lost, for `fsck -delete`.
    ///
    /// # Errors
    /// What a delete by the same user would be refused for.
    pub fn delete_damaged(&mut self, request: &mut Request<'_>, path: &str) -> Result<bool> {
        let asked = DeleteRequestProto { src: path.to_owned(), recursive: false };
        Ok(delete(self, request, asked)?.result)
    }
}
