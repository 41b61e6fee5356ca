//! The commands, by name.

use super::acl::{GetFacl, SetFacl};
use super::adjust::{Chmod, Chown, Concat, SetRep, Truncate};
use super::command::Command;
use super::delete::{Expunge, Rm};
use super::destination::Move;
use super::directories::{Mkdir, Rmdir};
use super::display::{Cat, Checksum, Head, Tail};
use super::find::Find;
use super::inspect::{Stat, Test, Touch, Touchz};
use super::ls::Ls;
use super::merge::{AppendToFile, GetMerge};
use super::text::Text;
use super::transfer::Transfer;
use super::usage::{Count, Df, Du};
use super::xattr::{GetFattr, SetFattr};

/// A command of the shell.
pub(crate) struct Entry {
    /// Its name, without the dash.
    pub(crate) name: &'static str,
    /// Its options and arguments, as Hadoop writes them.
    pub(crate) usage: &'static str,
    /// What it does.
    pub(crate) help: &'static str,
    /// What to use instead, where it is out of date.
    pub(crate) replaced_by: Option<&'static str>,
    /// Makes one; `None` for what this shell knows of and does not do.
    pub(crate) make: Option<fn() -> Box<dyn Command>>,
}

/// The command of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| entry.name == name)
}

macro_rules! commands {
    ($($name:literal $usage:literal $make:expr, $help:literal;)*) => {
        &[$(Entry { name: $name, usage: $usage, help: $help, replaced_by: None, make: $make },)*
          Entry { name: "dus", usage: "", help: "", replaced_by: Some("du -s"), make: Some(|| Box::new(Du::new(true))) },
          Entry { name: "lsr", usage: "", help: "", replaced_by: Some("ls -R"), make: Some(|| Box::new(Ls::new(true))) },
          Entry { name: "rmr", usage: "", help: "", replaced_by: Some("-rm -r"), make: Some(|| Box::new(Rm::recursive())) }]
    };
}

/// Every command; the current ones in the order that the usage lists them.
#[rustfmt::skip] // One command is one row.
pub(crate) static COMMANDS: &[Entry] = commands! {
    "appendToFile" "[-n] <localsrc> ... <dst>" Some(|| Box::new(AppendToFile::default())),
        "Adds local files, or with - standard input, to the end of <dst>, which is made where it is missing.\n-n  begin a new block.";
    "cat" "[-ignoreCrc] <src> ..." Some(|| Box::new(Cat)), "Prints files.";
    "checksum" "[-v] <src> ..." Some(|| Box::new(Checksum::default())),
        "Prints the files' checksums. Each block is asked for at a DataNode.\n-v  print the block size too.";
    "chgrp" "[-R] GROUP PATH..." Some(|| Box::new(Chown::group())), "Gives files to a group.\n-R  with all below.";
    "chmod" "[-R] <MODE[,MODE]... | OCTALMODE> PATH..." Some(|| Box::new(Chmod::default())),
        "Changes permissions: letters rwxXt as in u+x,go-w, or three or four octal digits; no umask applies.\n-R  with all below.";
    "chown" "[-R] [OWNER][:[GROUP]] PATH..." Some(|| Box::new(Chown::default())), "Gives files to an owner, a group, or both.\n-R  with all below.";
    "concat" "<target path> <src path> <src path> ..." Some(|| Box::new(Concat)), "Moves the sources' blocks to the end of the target; the sources are gone then.";
    "copyFromLocal" "[-f] [-p] [-l] [-d] [-t <thread count>] [-q <thread pool queue size>] <localsrc> ... <dst>" Some(|| Box::new(Transfer::put())), "The same as put.";
    "copyToLocal" "[-f] [-p] [-crc] [-ignoreCrc] [-t <thread count>] [-q <thread pool queue size>] <src> ... <localdst>" Some(|| Box::new(Transfer::get())), "The same as get.";
    "count" "[-q] [-h] [-v] [-t [<storage type>]] [-u] [-x] [-e] [-s] <path> ..." Some(|| Box::new(Count::default())),
        "Counts directories, files and bytes.\n-q  with quotas\n-u  quotas only\n-t  quotas by storage type, with -q or -u\n-h  sizes for people\n-v  a header\n-x  without snapshots\n-e  erasure coding policy\n-s  snapshots' counts";
    "cp" "[-f] [-p | -p[topax]] [-d] [-t <thread count>] [-q <thread pool queue size>] <src> ... <dst>" Some(|| Box::new(Transfer::copy())),
        "Copies files; several go to a directory.\n-p[topax]  keep times, owner, permissions, ACL, extended attributes (top where no letter is given)\n-f  overwrite\n-d  write to the name itself, not to <dst>._COPYING_ first\n-t  copies at once\n-q  accepted: copies do not wait in a queue";
    "createSnapshot" "<snapshotDir> [<snapshotName>]" None, "Snapshots are not there yet.";
    "deleteSnapshot" "<snapshotDir> <snapshotName>" None, "Snapshots are not there yet.";
    "df" "[-h] [<path> ...]" Some(|| Box::new(Df::default())), "Prints size, use and free space of the file system.\n-h  sizes for people";
    "du" "[-s] [-h] [-v] [-x] <path> ..." Some(|| Box::new(Du::new(false))),
        "Prints bytes, and bytes with all replicas, of each path or of what is in a directory.\n-s  of the path itself\n-h  sizes for people\n-v  a header\n-x  without snapshots";
    "expunge" "[-immediate] [-fs <path>]" Some(|| Box::new(Expunge::default())), "Deletes trash that is old enough and starts a new checkpoint.\n-immediate  deletes all of it";
    "find" "<path> ... <expression> ..." Some(|| Box::new(Find::default())),
        "Prints the paths below <path> that match.\n-name pattern, -iname pattern  the name matches, without case for the second\n-print, -print0  print with a line end, or a zero byte, and go on\nexpression -a expression  both; -a may be left out";
    "get" "[-f] [-p] [-crc] [-ignoreCrc] [-t <thread count>] [-q <thread pool queue size>] <src> ... <localdst>" Some(|| Box::new(Transfer::get())),
        "Copies files to this machine; several go to a directory.\n-p  keep times, owner and permissions\n-f  overwrite\n-crc  write checksum files\n-t  copies at once\n-q  accepted: copies do not wait in a queue";
    "getfacl" "[-R] <path>" Some(|| Box::new(GetFacl::default())), "Prints access control lists.\n-R  with all below.";
    "getfattr" "[-R] {-n name | -d} [-e en] <path>" Some(|| Box::new(GetFattr::default())),
        "Prints extended attributes: the one named, or with -d all.\n-R  with all below\n-e  text, hex or base64";
    "getmerge" "[-nl] [-skip-empty-file] <src> <localdst>" Some(|| Box::new(GetMerge::default())),
        "Writes all files of the directories, by name, to one local file.\n-nl  a line end behind each\n-skip-empty-file  but not behind empty ones";
    "head" "<file>" Some(|| Box::new(Head)), "Prints the first 1024 bytes.";
    "help" "[cmd ...]" None, "Prints what commands do.";
    "ls" "[-C] [-d] [-h] [-q] [-R] [-t] [-S] [-r] [-u] [-e] [<path> ...]" Some(|| Box::new(Ls::new(false))),
        "Lists files and what is in directories.\n-C  paths only\n-d  directories themselves\n-h  sizes for people\n-q  ? for what cannot be printed\n-R  with all below\n-t  newest first\n-S  largest first\n-r  the other way round\n-u  time of access\n-e  erasure coding policy";
    "mkdir" "[-p] <path> ..." Some(|| Box::new(Mkdir::default())), "Makes directories.\n-p  with those above, and without complaint where they are there.";
    "moveFromLocal" "[-f] [-p] [-l] [-d] <localsrc> ... <dst>" Some(|| Box::new(Transfer::move_from_local())), "Like put, and deletes the sources.";
    "moveToLocal" "<src> <localdst>" None, "Hadoop does not do this either: get, then rm.";
    "mv" "<src> ... <dst>" Some(|| Box::new(Move::default())), "Renames; several go to a directory.";
    "put" "[-f] [-p] [-l] [-d] [-t <thread count>] [-q <thread pool queue size>] <localsrc> ... <dst>" Some(|| Box::new(Transfer::put())),
        "Copies files of this machine, or with - standard input.\n-p  keep times, owner and permissions\n-f  overwrite\n-l  DataNodes may write to disk later; one replica\n-d  write to the name itself, not to <dst>._COPYING_ first\n-t  copies at once\n-q  accepted: copies do not wait in a queue";
    "renameSnapshot" "<snapshotDir> <oldName> <newName>" None, "Snapshots are not there yet.";
    "rm" "[-f] [-r|-R] [-skipTrash] [-safely] <src> ..." Some(|| Box::new(Rm::default())),
        "Deletes files, into the trash where it is on.\n-f  no complaint where nothing is there\n-r  directories too\n-skipTrash  at once and for good\n-safely  asks before many files go";
    "rmdir" "[--ignore-fail-on-non-empty] <dir> ..." Some(|| Box::new(Rmdir::default())), "Deletes empty directories.";
    "setfacl" "[-R] [{-b|-k} {-m|-x <acl_spec>} <path>]|[--set <acl_spec> <path>]" Some(|| Box::new(SetFacl::default())),
        "Changes access control lists.\n-b  all but the base entries go\n-k  default entries go\n-m  add or change entries\n-x  remove entries\n--set  replace all\n-R  with all below";
    "setfattr" "{-n name [-v value] | -x name} <path>" Some(|| Box::new(SetFattr::default())),
        "Sets an extended attribute, or with -x removes it. A value is text, 0x hexadecimal or 0s base 64.";
    "setrep" "[-R] [-w] <rep> <path> ..." Some(|| Box::new(SetRep::default())), "Sets how many replicas files have, below directories too.\n-w  wait until they have\n-R  accepted, changes nothing";
    "stat" "[format] <path> ..." Some(|| Box::new(Stat::default())),
        "Prints about files: %a %A permissions, %b bytes, %F kind, %g group, %n name, %o block size, %r replicas, %u owner, %x %X last read, %y %Y last change. Without a format, %y.";
    "tail" "[-f] [-s <sleep interval>] <file>" Some(|| Box::new(Tail::default())), "Prints the last 1024 bytes.\n-f  and what is appended\n-s  pause between looks, in milliseconds";
    "test" "-[defswrz] <path>" Some(|| Box::new(Test::default())),
        "Exit code 0 where the path is: -d a directory, -e there, -f a file, -s not empty, -w writable, -r readable, -z empty.";
    "text" "[-ignoreCrc] <src> ..." Some(|| Box::new(Text)), "Prints files as text: sequence files record by record; gzip, deflate, bzip2, zstd, snappy and lz4 decompressed.";
    "touch" "[-a] [-m] [-t TIMESTAMP (yyyyMMdd:HHmmss) ] [-c] <path> ..." Some(|| Box::new(Touch::default())),
        "Sets times to now; makes a file where nothing is.\n-a  only of access\n-m  only of change\n-t  to this time\n-c  makes no file";
    "touchz" "<path> ..." Some(|| Box::new(Touchz)), "Makes empty files.";
    "truncate" "[-w] <length> <path> ..." Some(|| Box::new(Truncate::default())), "Cuts files to a length.\n-w  wait until the last block is recovered";
    "usage" "[cmd ...]" None, "Prints how commands are written.";
};
