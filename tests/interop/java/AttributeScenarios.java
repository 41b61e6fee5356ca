import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ContentSummary;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.QuotaUsage;
import org.apache.hadoop.fs.StorageType;
import org.apache.hadoop.fs.XAttrSetFlag;
import org.apache.hadoop.fs.permission.AclEntry;
import org.apache.hadoop.fs.permission.AclStatus;
import org.apache.hadoop.fs.permission.FsAction;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.AclException;
import org.apache.hadoop.hdfs.protocol.DSQuotaExceededException;
import org.apache.hadoop.hdfs.protocol.FSLimitException;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.hdfs.protocol.HdfsFileStatus;
import org.apache.hadoop.hdfs.protocol.NSQuotaExceededException;
import org.apache.hadoop.hdfs.protocol.QuotaByStorageTypeExceededException;
import org.apache.hadoop.ipc.RemoteException;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.security.UserGroupInformation;

/** ACLs, extended attributes, quotas, policies, limits of names, and what is refused. */
final class AttributeScenarios extends Scenarios {
  private static final int BLOCK = 1 << 20;

  AttributeScenarios(DistributedFileSystem fs, Configuration conf, String name) throws IOException {
    super(fs, conf, name);
  }

  Map<String, Body> all() {
    Map<String, Body> all = new LinkedHashMap<>();
    all.put("acls", this::acls);
    all.put("default_acls", this::defaultAcls);
    all.put("xattrs", this::xattrs);
    all.put("quotas", this::quotas);
    all.put("quota_by_storage_type", this::quotaByStorageType);
    all.put("storage_policies", this::storagePolicies);
    all.put("coding_policies", this::codingPolicies);
    all.put("symlinks_refused", this::symlinksRefused);
    all.put("snapshots_refused", this::snapshotsRefused);
    all.put("name_limits", this::nameLimits);
    all.put("inode_paths", this::inodePaths);
    all.put("sticky_bit", this::stickyBit);
    return all;
  }

  private static List<AclEntry> entries(String spec) {
    return AclEntry.parseAclSpec(spec, true);
  }

  private interface AsUser {
    void run(FileSystem theirs) throws Exception;
  }

  private void as(String name, String group, AsUser body) throws Exception {
    UserGroupInformation user = UserGroupInformation.createUserForTesting(name, new String[] {group});
    user.doAs((java.security.PrivilegedExceptionAction<Void>) () -> {
      try (FileSystem theirs = FileSystem.newInstance(conf)) {
        body.run(theirs);
      }
      return null;
    });
  }

  private void acls() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(10, 1), (short) 1);
    fs.setPermission(path, new FsPermission((short) 0640));
    as("bob", "nobody", theirs -> fails(AccessControlException.class, () -> theirs.open(path)));
    fs.modifyAclEntries(path, entries("user:bob:r--,group:crew:rw-"));
    AclStatus status = fs.getAclStatus(path);
    same(entries("user:bob:r--,group::r--,group:crew:rw-"), status.getEntries(), "entries");
    same("rw-rw----", fs.getFileStatus(path).getPermission().toString().substring(0, 9), "the mask as group");
    check(fs.getFileStatus(path).hasAcl(), "hasAcl");
    as("bob", "nobody", theirs -> theirs.open(path).close());
    as("carl", "nobody", theirs -> fails(AccessControlException.class, () -> theirs.open(path)));
    // The mask is the group bits now: it takes bob's entry away.
    fs.setPermission(path, new FsPermission((short) 0600));
    as("bob", "nobody", theirs -> fails(AccessControlException.class, () -> theirs.open(path)));
    same(FsAction.NONE, status(path).getEffectivePermission(entries("user:bob:r--").get(0),
        fs.getFileStatus(path).getPermission()), "effective permission");
    fs.removeAclEntries(path, AclEntry.parseAclSpec("user:bob", false));
    same(entries("group::r--,group:crew:rw-"), status(path).getEntries(), "entries after a removal");
    fs.setAcl(path, entries("user::rwx,user:ann:rwx,group::r-x,other::---"));
    same(entries("user:ann:rwx,group::r-x"), status(path).getEntries(), "entries after setAcl");
    fails(AclException.class, () -> fs.setAcl(path, entries("user:ann:rwx,group::r-x,other::---")));
    fails(AclException.class, () -> fs.modifyAclEntries(path, entries("default:user:ann:rwx")));
    fs.removeAcl(path);
    check(status(path).getEntries().isEmpty() && !fs.getFileStatus(path).hasAcl(), "no entries");
    fails(FileNotFoundException.class, () -> fs.getAclStatus(new Path(home, "none")));
  }

  private AclStatus status(Path path) throws IOException {
    return fs.getAclStatus(path);
  }

  private void defaultAcls() throws Exception {
    Path dir = new Path(home, "d");
    fs.mkdirs(dir);
    fs.modifyAclEntries(dir, entries("default:user:bob:rwx,default:group:crew:r-x"));
    write(new Path(dir, "f"), bytes(10, 1), (short) 1);
    fs.mkdirs(new Path(dir, "sub"));
    same(entries("user:bob:rwx,group::r-x,group:crew:r-x"), status(new Path(dir, "f")).getEntries(), "of a file");
    same(status(dir).getEntries().size() + 3, status(new Path(dir, "sub")).getEntries().size(), "of a directory");
    same("rw-rw-r--", fs.getFileStatus(new Path(dir, "f")).getPermission().toString().substring(0, 9), "permission");
    fs.removeDefaultAcl(dir);
    check(status(dir).getEntries().isEmpty(), "no default entries");
    check(!status(new Path(dir, "sub")).getEntries().isEmpty(), "what was inherited stays");
  }

  private void xattrs() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(10, 1), (short) 1);
    byte[] value = "value".getBytes(StandardCharsets.UTF_8);
    fs.setXAttr(path, "user.a", value);
    fs.setXAttr(path, "user.empty", null);
    fs.setXAttr(path, "trusted.t", value);
    check(Arrays.equals(value, fs.getXAttr(path, "user.a")), "value");
    same(0, fs.getXAttr(path, "user.empty").length, "no value");
    same(3, fs.getXAttrs(path).size(), "all, as the superuser");
    same(1, fs.getXAttrs(path, Arrays.asList("user.a")).size(), "some");
    same(3, fs.listXAttrs(path).size(), "names");
    fails(IOException.class, () -> fs.setXAttr(path, "user.a", value, EnumSet.of(XAttrSetFlag.CREATE)));
    fails(IOException.class, () -> fs.setXAttr(path, "user.b", value, EnumSet.of(XAttrSetFlag.REPLACE)));
    fs.setXAttr(path, "user.a", bytes(16000, 2), EnumSet.of(XAttrSetFlag.REPLACE));
    check(Arrays.equals(bytes(16000, 2), fs.getXAttr(path, "user.a")), "replaced");
    fails(IOException.class, () -> fs.setXAttr(path, "user.big", new byte[20000]));
    fails(Exception.class, () -> fs.setXAttr(path, "nonsense.a", value));
    fails(IOException.class, () -> fs.getXAttr(path, "user.none"));
    as("bob", "nobody", theirs -> {
      same(2, theirs.getXAttrs(path).size(), "not the trusted ones");
      fails(AccessControlException.class, () -> theirs.setXAttr(path, "user.c", value));
      fails(AccessControlException.class, () -> theirs.getXAttr(path, "trusted.t"));
    });
    fs.removeXAttr(path, "user.a");
    fails(IOException.class, () -> fs.removeXAttr(path, "user.a"));
    same(2, fs.listXAttrs(path).size(), "names after a removal");
  }

  private void quotas() throws Exception {
    Path dir = new Path(home, "d");
    fs.mkdirs(dir);
    fs.setQuota(dir, 3, HdfsConstants.QUOTA_DONT_SET);
    fs.mkdirs(new Path(dir, "a"));
    write(new Path(dir, "b"), bytes(10, 1), (short) 1);
    NSQuotaExceededException names =
        fails(NSQuotaExceededException.class, () -> fs.mkdirs(new Path(dir, "c")));
    check(names.getMessage().startsWith("The NameSpace quota (directories and files) of directory " + dir.toUri().getPath()
        + " is exceeded: quota=3 file count=4"), names.getMessage());
    fails(NSQuotaExceededException.class, () -> write(new Path(dir, "c"), bytes(1, 1), (short) 1));
    fails(NSQuotaExceededException.class, () -> {
      write(new Path(home, "outside"), bytes(1, 1), (short) 1);
      fs.rename(new Path(home, "outside"), new Path(dir, "inside"));
    });
    fs.setQuota(dir, HdfsConstants.QUOTA_DONT_SET, 3L * BLOCK);
    fs.setQuota(dir, HdfsConstants.QUOTA_RESET, HdfsConstants.QUOTA_DONT_SET);
    write(new Path(dir, "full"), bytes(2 * BLOCK, 1), (short) 1);
    DSQuotaExceededException space = fails(DSQuotaExceededException.class,
        () -> write(new Path(dir, "more"), bytes(BLOCK, 1), (short) 1));
    check(space.getMessage().startsWith("The DiskSpace quota of " + dir.toUri().getPath()
        + " is exceeded: quota = 3145728 B = 3 MB but diskspace consumed = "), space.getMessage());
    fails(DSQuotaExceededException.class, () -> fs.setReplication(new Path(dir, "full"), (short) 2));
    QuotaUsage usage = fs.getQuotaUsage(dir);
    same(3L * BLOCK, usage.getSpaceQuota(), "space quota");
    same(2L * BLOCK + 10, usage.getSpaceConsumed(), "space consumed");
    same(-1L, usage.getQuota(), "no quota of names");
    ContentSummary summary = fs.getContentSummary(dir);
    same(3L * BLOCK, summary.getSpaceQuota(), "space quota of the summary");
    same(4L, usage.getFileAndDirectoryCount() - (fs.exists(new Path(dir, "more")) ? 1 : 0), "names");
    fails(AccessControlException.class, () -> as("bob", "nobody",
        theirs -> ((DistributedFileSystem) theirs).setQuota(dir, 1, 1)));
    fails(FileNotFoundException.class, () -> fs.setQuota(new Path(home, "none"), 1, 1));
    fails(IOException.class, () -> fs.setQuota(new Path(dir, "full"), 1, 1));
    fs.setQuota(dir, HdfsConstants.QUOTA_RESET, HdfsConstants.QUOTA_RESET);
    write(new Path(dir, "more"), bytes(BLOCK, 1), (short) 1);
  }

  private void quotaByStorageType() throws Exception {
    Path dir = new Path(home, "d");
    fs.mkdirs(dir);
    // Types count only where a policy is set.
    fs.setStoragePolicy(dir, "HOT");
    fs.setQuotaByStorageType(dir, StorageType.DISK, BLOCK + 1000);
    same(BLOCK + 1000L, fs.getContentSummary(dir).getTypeQuota(StorageType.DISK), "quota");
    write(new Path(dir, "a"), bytes(1000, 1), (short) 1);
    same(1000L, fs.getQuotaUsage(dir).getTypeConsumed(StorageType.DISK), "consumed");
    write(new Path(dir, "b"), bytes(100, 1), (short) 1);
    fails(QuotaByStorageTypeExceededException.class, () -> write(new Path(dir, "c"), bytes(10, 1), (short) 1));
    fs.setQuotaByStorageType(dir, StorageType.DISK, HdfsConstants.QUOTA_RESET);
    write(new Path(dir, "c"), bytes(10, 1), (short) 1);
  }

  private void storagePolicies() throws Exception {
    Path dir = new Path(home, "d");
    Path path = new Path(dir, "f");
    write(path, bytes(10, 1), (short) 1);
    fs.setStoragePolicy(dir, "COLD");
    same("COLD", fs.getStoragePolicy(path).getName(), "inherited");
    fs.setStoragePolicy(path, "WARM");
    same("WARM", fs.getStoragePolicy(path).getName(), "own");
    fs.unsetStoragePolicy(path);
    same("COLD", fs.getStoragePolicy(path).getName(), "inherited again");
    RemoteException off = fails(RemoteException.class, () -> fs.satisfyStoragePolicy(dir));
    same("org.apache.hadoop.hdfs.server.namenode.UnsupportedActionException", off.getClassName(), "class");
    check(off.getMessage().startsWith("Cannot request to satisfy storage policy when storage policy satisfier"
        + " feature has been disabled by admin."), off.getMessage());
    fs.unsetStoragePolicy(dir);
    same("HOT", fs.getStoragePolicy(path).getName(), "default");
    fails(RemoteException.class, () -> fs.setStoragePolicy(path, "LUKEWARM"));
    fails(FileNotFoundException.class, () -> fs.getStoragePolicy(new Path(home, "none")));
  }

  /** Every job sets replication on what it stages, so that nothing of it is coded. */
  private void codingPolicies() throws Exception {
    Path dir = new Path(home, "d");
    Path path = new Path(dir, "f");
    fs.mkdirs(dir);
    String unset = "No erasure coding policy explicitly set on " + dir.toUri().getPath();
    told(unset, () -> fs.unsetErasureCodingPolicy(dir));
    fs.setErasureCodingPolicy(dir, "Replication");
    fs.setErasureCodingPolicy(dir, "replication");
    write(path, bytes(10, 1), (short) 1);
    same(null, fs.getErasureCodingPolicy(dir), "policy");
    check(!fs.getFileStatus(dir).isErasureCoded(), "not coded");
    same("replication", fs.getContentSummary(dir).getErasureCodingPolicy(), "of the directory");
    same("Replicated", fs.getContentSummary(path).getErasureCodingPolicy(), "of the file");
    check(fs.listXAttrs(dir).isEmpty(), "no attribute is to be seen");
    told("Policy 'NONE-2-1-1k' does not match any enabled erasure coding policies: [",
        () -> fs.setErasureCodingPolicy(dir, "NONE-2-1-1k"));
    told("Attempt to set an erasure coding policy for a file " + path.toUri().getPath(),
        () -> fs.setErasureCodingPolicy(path, "replication"));
    told("Cannot unset an erasure coding policy on a file " + path.toUri().getPath(),
        () -> fs.unsetErasureCodingPolicy(path));
    Path none = new Path(home, "none");
    fails(FileNotFoundException.class, () -> fs.setErasureCodingPolicy(none, "replication"));
    fails(AccessControlException.class, () -> as("bob", "nobody",
        theirs -> ((DistributedFileSystem) theirs).setErasureCodingPolicy(dir, "replication")));
    fs.unsetErasureCodingPolicy(dir);
    same("", fs.getContentSummary(dir).getErasureCodingPolicy(), "none again");
    told(unset, () -> fs.unsetErasureCodingPolicy(dir));
  }

  private static void told(String start, Body body) throws Exception {
    IOException refused = fails(IOException.class, body);
    check(refused.getMessage().startsWith(start), refused.getMessage());
  }

  private void symlinksRefused() throws Exception {
    String link = home.toUri().getPath() + "/link";
    RemoteException refused = fails(RemoteException.class, () -> fs.getClient().getNamenode()
        .createSymlink("/target", link, FsPermission.getDefault(), true));
    same("java.lang.UnsupportedOperationException", refused.getClassName(), "class");
    check(refused.getMessage().startsWith("Symlinks not supported"), refused.getMessage());
  }

  /** Loxodon has no snapshots yet, and says so. */
  private void snapshotsRefused() throws Exception {
    for (Body call : new Body[] {() -> fs.allowSnapshot(home), () -> fs.createSnapshot(home, "s"),
        () -> fs.deleteSnapshot(home, "s"), () -> fs.renameSnapshot(home, "s", "t")}) {
      RemoteException refused = fails(RemoteException.class, call);
      same("java.lang.UnsupportedOperationException", refused.getClassName(), "class");
    }
  }

  private void nameLimits() throws Exception {
    check(fs.mkdirs(new Path(home, "n".repeat(255))), "255 bytes");
    for (String name : new String[] {"n".repeat(256), "ö".repeat(128)}) {
      RemoteException limit = fails(RemoteException.class, () -> fs.mkdirs(new Path(home, name)));
      same(FSLimitException.PathComponentTooLongException.class.getName(), limit.getClassName(), "class");
    }
    String deep = "/d".repeat(1001);
    fails(IOException.class, () -> fs.mkdirs(new Path(home + deep)));
    write(new Path(home, "f"), bytes(1, 1), (short) 1);
    fails(ParentNotDirectoryException.class, () -> fs.mkdirs(new Path(home, "f/d")));
    for (String name : new String[] {"größe 1", "日本", "a%20b", "a*b", "quote'\"", "𝄞", "tab\tname"}) {
      Path path = new Path(home, name.replace(":", ""));
      write(path, bytes(5, 5), (short) 1);
      same(path.getName(), fs.getFileStatus(path).getPath().getName(), "name");
      check(Arrays.equals(bytes(5, 5), read(path)), "bytes of " + path);
    }
    same(9, fs.listStatus(home).length, "entries");
    fails(IOException.class, () -> fs.setReplication(new Path(home, "f"), (short) 513));
    fails(IOException.class, () -> fs.create(new Path(home, "small"), true, 4096, (short) 1, 256).close());
  }

  private void inodePaths() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(100, 1), (short) 1);
    long id = ((HdfsFileStatus) fs.getFileStatus(path)).getFileId();
    Path byId = new Path("/.reserved/.inodes/" + id);
    check(Arrays.equals(bytes(100, 1), read(byId)), "bytes by the inode's number");
    try (FSDataOutputStream out = fs.append(byId)) {
      out.write(1);
    }
    same(101L, fs.getFileStatus(path).getLen(), "appended by number");
    fails(FileNotFoundException.class, () -> fs.getFileStatus(new Path("/.reserved/.inodes/99999999")));
    fails(IOException.class, () -> fs.mkdirs(new Path("/.reserved")));
    fails(IOException.class, () -> fs.mkdirs(new Path(home, ".snapshot")));
  }

  private void stickyBit() throws Exception {
    Path dir = new Path(home, "tmp");
    fs.mkdirs(dir);
    fs.setPermission(dir, new FsPermission((short) 01777));
    as("ann", "users", theirs -> theirs.create(new Path(dir, "anns")).close());
    as("bob", "users", theirs -> {
      AccessControlException denied =
          fails(AccessControlException.class, () -> theirs.delete(new Path(dir, "anns"), false));
      check(denied.getMessage().contains("sticky bit"), denied.getMessage());
      fails(AccessControlException.class, () -> theirs.rename(new Path(dir, "anns"), new Path(dir, "bobs")));
    });
    as("ann", "users", theirs -> check(theirs.delete(new Path(dir, "anns"), false), "the owner may"));
  }
}
