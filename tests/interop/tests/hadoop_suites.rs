//! Hadoop's own JUnit tests of HDFS, and those of HBase's writer, unchanged, on our daemons
//! (`loxodon_interop::suites`).

use std::io::{self, Write as _};
use std::path::Path;

use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::suites::{self, Author, TestResult};

/// Tests that do not apply and are not run: class, method, and why.
const NOT_OURS: &[(&str, &str, &str)] = &[
    ("fs.TestGlobPaths", "testGlobFillsInSchemeOnFC", SYMLINKS),
    ("fs.TestGlobPaths", "testGlobFillsInSchemeOnFS", SYMLINKS),
    ("hdfs.TestListFilesInFileContext", "testSymbolicLinks", SYMLINKS),
    ("hdfs.server.namenode.TestFsck", "testFsckSymlink", SYMLINKS),
    ("hdfs.server.namenode.TestFsck", "testFsck", "reads the audit log of its own JVM"),
    ("security.TestPermission", "testFilePermission", GROUPS),
    ("hdfs.TestExtendedAcls", "testGradSubdirMoreAccess", GROUPS),
    ("hdfs.TestExtendedAcls", "testRestrictAtSubDir", GROUPS),
    ("hdfs.server.namenode.TestFsck", "testFsckError", MEMORY),
    ("hdfs.TestFileAppend", "testAppendTwice", GROUPS),
    ("hdfs.TestFileAppend", "testAppend2Twice", GROUPS),
    ("hdfs.TestFileAppend4", "testRecoverFinalizedBlock", "spies on a daemon in its JVM"),
    ("hdfs.TestFileAppend4", "testCompleteOtherLeaseHoldersFile", "spies on a daemon in its JVM"),
    ("hdfs.TestDFSShell", "testCopyFromLocalWithPermissionDenied", "fails where root runs it"),
    ("hdfs.TestDFSShell", "testSymLinkReserved", SYMLINKS),
    ("hdfs.TestFileCreation", "testFileCreationNamenodeRestart", "changes a final field"),
    ("hdfs.TestFileCreation", "testOverwriteOpenForWrite", "reads metrics of its own JVM"),
    ("hdfs.TestFileCreation", "testCreateNonCanonicalPathAndRestartRpc", "calls within its JVM"),
    ("hdfs.TestFileCreation", "testFileCreationSetLocalInterface", "binds to ::1 by chance"),
    ("hdfs.TestPread", "testHedgedReadLoopTooManyTimes", "counts what its client tries in 50 ms"),
    ("hdfs.TestPread", "testPreadDFSSimulated", SIMULATED),
    ("hdfs.TestPread", "testHedgedPreadDFSBasic", SIMULATED),
    ("hdfs.TestSmallBlock", "testSmallBlockSimulatedStorage", SIMULATED),
    ("hdfs.TestSetrepIncreasing", "testSetRepOnECFile", "erasure coding is not there yet"),
    ("hdfs.TestQuota", "testMultipleFilesSmallerThanOneBlock", "asks WebHDFS too"),
    ("hdfs.TestQuota", "testBlockAllocationAdjustsUsageConservatively", "asks WebHDFS too"),
    ("hdfs.TestQuota", "testQuotaCommands", "counts how often a lock was given away"),
    ("hdfs.TestQuota", "testRenameInodeWithStorageType", "a policy that came late is not counted"),
    ("hdfs.server.namenode.TestNameNodeAcl", "testDefaultAclNewSymlinkIntermediate", SYMLINKS),
    ("hdfs.server.namenode.TestNameNodeAcl", "testDeDuplication", MEMORY),
    ("hdfs.server.namenode.TestListOpenFiles", "testListOpenFilesWithDeletedPath", MEMORY),
    ("hdfs.TestGetBlocks", "testGetBlocks", MEMORY),
    ("hdfs.TestGetBlocks", "testReadSkipStaleStorage", MEMORY),
    ("hdfs.TestGetBlocks", "testChooseSpecifyStorageType", MEMORY),
    ("hdfs.TestRead", "testInterruptReader", SIMULATED),
    ("hdfs.server.namenode.TestINodeFile", "testInodeIdBasedPaths", SYMLINKS),
    ("hdfs.server.namenode.TestINodeFile", "testGetFullPathNameAfterSetQuota", MEMORY),
    ("hdfs.server.namenode.TestINodeFile", "testReservedFileNames", MEMORY),
    ("hdfs.server.namenode.TestINodeFile", "testGetBlockType", "coding policies of its own JVM"),
    (
        "hdfs.server.namenode.TestFSEditLogLoader",
        "testDisplayRecentEditLogOpCodes",
        "reads the log of its own JVM",
    ),
    (
        "hdfs.server.namenode.TestSaveNamespace",
        "testReinsertnamedirsInSavenamespace",
        "takes rights away that root has all the same",
    ),
    ("hdfs.server.namenode.TestFavoredNodesEndToEnd", "testWhenSomeNodesAreNotGood", MEMORY),
    (
        "hdfs.server.blockmanagement.TestRBWBlockInvalidation",
        "testRWRInvalidation",
        "gives the NameNode a placement policy of its own",
    ),
];

const SYMLINKS: &str = "switches symbolic links on in its own JVM, which a NameNode has not";
const GROUPS: &str = "makes up users with groups when the NameNode runs already";
const MEMORY: &str = "looks at or changes what a NameNode holds in its memory";
const SIMULATED: &str = "DataNodes that make up their bytes";

/// What is refused by name, and will be until it is built.
const NOT_THERE_YET: [&str; 5] = [
    "Snapshot is not supported by this NameNode",
    "Erasure coding is not supported by this NameNode",
    "ErasureCodingPolicy is not supported by this NameNode",
    "ErasureCodingPolicies is not supported by this NameNode",
    "EncryptionZone is not supported by this NameNode",
];

#[test]
fn file_system_contract() {
    let classes = [
        "fs.contract.hdfs.TestHDFSContractAppend",
        "fs.contract.hdfs.TestHDFSContractBulkDelete",
        "fs.contract.hdfs.TestHDFSContractConcat",
        "fs.contract.hdfs.TestHDFSContractCreate",
        "fs.contract.hdfs.TestHDFSContractDelete",
        "fs.contract.hdfs.TestHDFSContractGetFileStatus",
        "fs.contract.hdfs.TestHDFSContractLeaseRecovery",
        "fs.contract.hdfs.TestHDFSContractMkdir",
        "fs.contract.hdfs.TestHDFSContractMultipartUploader",
        "fs.contract.hdfs.TestHDFSContractOpen",
        "fs.contract.hdfs.TestHDFSContractPathHandle",
        "fs.contract.hdfs.TestHDFSContractRename",
        "fs.contract.hdfs.TestHDFSContractRootDirectory",
        "fs.contract.hdfs.TestHDFSContractSafeMode",
        "fs.contract.hdfs.TestHDFSContractSeek",
        "fs.contract.hdfs.TestHDFSContractSetTimes",
        "fs.contract.hdfs.TestHDFSContractUnbuffer",
        "fs.contract.hdfs.TestHDFSContractVectoredRead",
        "fs.contract.hdfs.TestDFSWrappedIO",
    ];
    hold(&classes, 280);
}

#[test]
fn file_context_and_names() {
    let classes = [
        "fs.TestFcHdfsCreateMkdir",
        "fs.TestFcHdfsPermission",
        "fs.TestFcHdfsSetUMask",
        "fs.TestGlobPaths",
        "fs.TestHDFSFileContextMainOperations",
        "fs.permission.TestStickyBit",
        "fs.shell.TestHdfsTextCommand",
        "hdfs.TestHDFSFileSystemContract",
        "hdfs.TestBatchedListDirectories",
        "hdfs.TestDFSMkdirs",
        "hdfs.TestDFSPermission",
        "hdfs.TestExtendedAcls",
        "hdfs.TestFileStatus",
        "hdfs.TestFsShellPermission",
        "hdfs.TestHDFSTrash",
        "hdfs.TestListFilesInDFS",
        "hdfs.TestListFilesInFileContext",
        "hdfs.TestViewDistributedFileSystemContract",
        "fs.viewfs.TestViewFileSystemOverloadSchemeHdfsFileSystemContract",
        "fs.viewfs.TestViewFileSystemOverloadSchemeWithHdfsScheme",
        "hdfs.server.namenode.TestGetContentSummaryWithPermission",
        "hdfs.tools.TestGetConf",
        "hdfs.tools.TestStoragePolicyCommands",
        "security.TestPermission",
    ];
    hold(&classes, 350);
}

#[test]
fn shell_and_tools() {
    let classes = [
        "hdfs.TestDFSShell",
        "hdfs.TestDFSShellGenericOptions",
        "hdfs.TestDFSShellTouch",
        "hdfs.TestHdfsAdmin",
        "hdfs.server.namenode.TestFsck",
    ];
    hold(&classes, 60);
}

#[test]
fn reading_and_writing() {
    let classes = [
        "hdfs.TestAbandonBlock",
        "hdfs.TestBlockMissingException",
        "hdfs.TestByteBufferPread",
        "hdfs.TestClientReportBadBlock",
        "hdfs.TestClose",
        "hdfs.TestDFSClientExcludedNodes",
        "hdfs.TestDataTransferProtocol",
        "hdfs.TestFSInputChecker",
        "hdfs.TestFSOutputSummer",
        "hdfs.TestFileAppend",
        "hdfs.TestFileAppend2",
        "hdfs.TestFileAppend3",
        "hdfs.TestFileAppend4",
        "hdfs.TestFileConcurrentReader",
        "hdfs.TestGetFileChecksum",
        "hdfs.TestHFlush",
        "hdfs.TestLocalDFS",
        "hdfs.TestMultiThreadedHflush",
        "hdfs.TestPread",
        "hdfs.TestRead",
        "hdfs.TestReplaceDatanodeOnFailure",
        "hdfs.TestSeekBug",
        "hdfs.TestSmallBlock",
        "hdfs.TestWriteConfigurationToDFS",
        "hdfs.TestWriteRead",
        "hdfs.crypto.TestHdfsCryptoStreams",
        "fs.TestUnbuffer",
    ];
    hold(&classes, 97);
}

#[test]
fn restarts_and_deaths() {
    let classes = [
        "hdfs.TestDatanodeDeath",
        "hdfs.TestFileCreation",
        "hdfs.TestFileCreationDelete",
        "hdfs.TestFileLengthOnClusterRestart",
        "hdfs.TestModTime",
        "hdfs.TestRestartDFS",
        "hdfs.TestSetrepIncreasing",
        "hdfs.server.namenode.TestFSImageWithXAttr",
        "hdfs.server.namenode.TestHDFSConcat",
    ];
    hold(&classes, 35);
}

#[test]
fn limits_leases_and_administration() {
    let classes = [
        "hdfs.TestApplyingStoragePolicy",
        "hdfs.TestDatanodeReport",
        "hdfs.TestGetBlocks",
        "hdfs.TestLease",
        "hdfs.TestQuota",
        "hdfs.TestQuotaAllowOwner",
        "hdfs.TestSetTimes",
        "hdfs.server.namenode.TestDiskspaceQuotaUpdate",
        "hdfs.server.namenode.TestListOpenFiles",
        "hdfs.server.namenode.TestNameNodeAcl",
        "hdfs.server.namenode.TestQuotaByStorageType",
    ];
    hold(&classes, 130);
}

#[test]
fn images_edits_and_what_they_hold() {
    let classes = [
        "hdfs.server.blockmanagement.TestRBWBlockInvalidation",
        "hdfs.server.namenode.TestAclConfigFlag",
        "hdfs.server.namenode.TestAllowFormat",
        "hdfs.server.namenode.TestFSEditLogLoader",
        "hdfs.server.namenode.TestFavoredNodesEndToEnd",
        "hdfs.server.namenode.TestFileLimit",
        "hdfs.server.namenode.TestINodeFile",
        "hdfs.server.namenode.TestNameEditsConfigs",
        "hdfs.server.namenode.TestProtectedDirectories",
        "hdfs.server.namenode.TestSaveNamespace",
        "hdfs.server.namenode.TestXAttrConfigFlag",
        "hdfs.tools.TestGetGroups",
        "hdfs.tools.offlineImageViewer.TestOfflineImageViewerForAcl",
        "hdfs.tools.offlineImageViewer.TestOfflineImageViewerForXAttr",
    ];
    hold(&classes, 100);
}

#[test]
fn hbases_log_writer() {
    let classes = [
        "hbase.io.asyncfs.TestFanOutOneBlockAsyncDFSOutput",
        "hbase.io.asyncfs.TestFanOutOneBlockAsyncDFSOutputHang",
        "hbase.io.asyncfs.TestOverwriteFileUnderConstruction",
        "hbase.util.TestRecoverLeaseFSUtils",
    ];
    hold_of(Author::HBase, &classes, 12);
}

/// The name of a result that is a class's, for all of its tests.
const AROUND: &str = "(class)";

/// A few of Hadoop's tests race with the clusters that they start, on Hadoop's too: so many that fail are run again.
const SECOND_TURNS: usize = 2;

/// All of the tests that apply pass, and they are no fewer than `at_least`.
fn hold(classes: &[&str], at_least: usize) {
    hold_of(Author::Hadoop, classes, at_least);
}

fn hold_of(author: Author, classes: &[&str], at_least: usize) {
    in_fresh_directory(|root| {
        let mut results = run(root, author, classes)?;
        if (1..=SECOND_TURNS).contains(&failures(&results).len()) {
            results = again(&root.join("again"), author, results)?;
        }
        let failed = failures(&results);
        let passed = results.iter().filter(|result| result.outcome == "PASSED").count();
        match failed.is_empty() && passed >= at_least {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{passed} tests of at least {at_least} passed; {} failed:\n{}",
                failed.len(),
                failed.into_iter().map(told).collect::<Vec<_>>().join("\n")
            ))),
        }
    });
}

fn failures(results: &[TestResult]) -> Vec<&TestResult> {
    results.iter().filter(|result| has_failed(result)).collect()
}

fn has_failed(result: &TestResult) -> bool {
    result.outcome == "FAILED" && applies(result)
}

fn is_same(one: &TestResult, other: &TestResult) -> bool {
    (&one.class, &one.test) == (&other.class, &other.test)
}

fn told(result: &TestResult) -> String {
    format!("{} {}: {}", result.class, result.test, result.why)
}

/// Runs the classes of tests that failed once more; all results, those of the second turn for what passes in it and for
/// what was not run in the first. What passes is named all the same.
fn again(root: &Path, author: Author, first: Vec<TestResult>) -> io::Result<Vec<TestResult>> {
    std::fs::create_dir_all(root)?;
    let mut classes: Vec<&str> =
        failures(&first).into_iter().map(|result| result.class.as_str()).collect();
    classes.dedup();
    let second = run(root, author, &classes)?;
    let passes = |one: &TestResult| match second.iter().find(|other| is_same(one, other)) {
        Some(other) => other.outcome == "PASSED",
        // What is around the tests of a class is told where it fails.
        None => one.test == AROUND,
    };
    let (passed, mut results): (Vec<_>, Vec<_>) =
        first.into_iter().partition(|one| has_failed(one) && passes(one));
    // Past the harness, which shows nothing that a test prints that passes.
    let mut out = io::stderr().lock();
    passed.iter().try_for_each(|one| writeln!(out, "passed in its second turn: {}", told(one)))?;
    for one in second {
        if !results.iter().any(|other| is_same(&one, other)) {
            results.push(one);
        }
    }
    Ok(results)
}

fn run(root: &Path, author: Author, classes: &[&str]) -> io::Result<Vec<TestResult>> {
    let without: Vec<(&str, &str)> =
        NOT_OURS.iter().map(|(class, test, _)| (*class, *test)).collect();
    let results = suites::junit(root, author, classes, &without)?;
    match classes.iter().find(|class| !results.iter().any(|result| result.class == **class)) {
        Some(missing) => Err(io::Error::other(format!("{missing} was not run"))),
        None => Ok(results),
    }
}

fn applies(result: &TestResult) -> bool {
    let refused = NOT_THERE_YET.iter().any(|words| result.why.contains(words));
    !refused && !result.reaches_into_daemons()
}
