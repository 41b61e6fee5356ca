import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.BlockLocation;
import org.apache.hadoop.fs.ContentSummary;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileChecksum;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsServerDefaults;
import org.apache.hadoop.fs.FsStatus;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.permission.FsAction;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream.SyncFlag;
import org.apache.hadoop.io.IOUtils;
import org.apache.hadoop.security.AccessControlException;

/** What a Java program does with a file system, each step checked; a failed check throws. */
class Scenarios {
  private static final int BLOCK = 1 << 20;

  interface Body {
    void run() throws Exception;
  }

  final DistributedFileSystem fs;
  final Configuration conf;
  final Path home;

  Scenarios(DistributedFileSystem fs, Configuration conf, String name) throws IOException {
    this.fs = fs;
    this.conf = conf;
    this.home = new Path("/scenario/" + name);
    fs.delete(home, true);
    check(fs.mkdirs(home), "mkdirs of " + home);
  }

  static void run(String name, FileSystem fs, Configuration conf) throws Exception {
    DistributedFileSystem dfs = (DistributedFileSystem) fs;
    Body other = new SharingScenarios(dfs, conf, name).all().get(name);
    if (other == null) {
      other = new AttributeScenarios(dfs, conf, name).all().get(name);
    }
    if (other != null) {
      other.run();
      return;
    }
    Scenarios s = new Scenarios(dfs, conf, name);
    switch (name) {
      case "create_and_read": s.createAndRead(); break;
      case "create_flags": s.createFlags(); break;
      case "append": s.append(); break;
      case "hflush_and_read": s.hflushAndRead(); break;
      case "hsync_updates_length": s.hsyncUpdatesLength(); break;
      case "seek": s.seek(); break;
      case "rename": s.rename(); break;
      case "list": s.list(); break;
      case "locations": s.locations(); break;
      case "checksum": s.checksum(); break;
      case "truncate": s.truncate(); break;
      case "concat": s.concat(); break;
      case "recover_lease": s.recoverLease(); break;
      case "permissions": s.permissions(); break;
      case "attributes": s.attributes(); break;
      case "summary": s.summary(); break;
      case "many_small_files": s.manySmallFiles(); break;
      default: throw new IllegalArgumentException("no such scenario: " + name);
    }
  }

  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  static void same(Object wanted, Object seen, String what) {
    check(wanted == null ? seen == null : wanted.equals(seen), what + ": wanted " + wanted + ", saw " + seen);
  }

  static <E extends Exception> E fails(Class<E> kind, Body body) throws Exception {
    try {
      body.run();
    } catch (Exception e) {
      if (kind.isInstance(e)) {
        return kind.cast(e);
      }
      throw new AssertionError("wanted " + kind.getName() + ", saw " + e, e);
    }
    throw new AssertionError("wanted " + kind.getName() + ", nothing was thrown");
  }

  static byte[] bytes(int length, long seed) {
    byte[] data = new byte[length];
    new Random(seed).nextBytes(data);
    return data;
  }

  void write(Path path, byte[] data, short replication) throws IOException {
    FSDataOutputStream out = fs.create(path, true, 4096, replication, BLOCK);
    try {
      out.write(data);
    } catch (IOException e) {
      // Hadoop's stream throws the same object again when it is closed, which try-with-resources does not bear.
      IOUtils.closeStream(out);
      throw e;
    }
    out.close();
  }

  byte[] read(Path path) throws IOException {
    byte[] data = new byte[(int) fs.getFileStatus(path).getLen()];
    try (FSDataInputStream in = fs.open(path)) {
      in.readFully(data);
      same(-1, in.read(), "a byte after the end of " + path);
    }
    return data;
  }

  private void createAndRead() throws Exception {
    for (int length : new int[] {0, 1, 511, 512, 513, 65536, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 77}) {
      Path path = new Path(home, "f" + length);
      byte[] data = bytes(length, length);
      write(path, data, (short) 1);
      check(Arrays.equals(data, read(path)), "bytes of " + path);
      FileStatus status = fs.getFileStatus(path);
      same((long) length, status.getLen(), "length");
      same((long) BLOCK, status.getBlockSize(), "block size");
      same((short) 1, status.getReplication(), "replication");
    }
    check(fs.isFileClosed(new Path(home, "f0")), "closed");
    fails(FileNotFoundException.class, () -> fs.open(new Path(home, "none")));
    fails(FileNotFoundException.class, () -> fs.getFileStatus(new Path(home, "none/below")));
  }

  private void createFlags() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(10, 1), (short) 1);
    fails(FileAlreadyExistsException.class, () -> fs.create(path, false));
    fails(IOException.class, () -> fs.create(home, true));
    fails(IOException.class, () -> fs.create(new Path(path, "below"), true));
    fails(FileNotFoundException.class, () -> fs.createNonRecursive(
        new Path(home, "no/parent"), FsPermission.getFileDefault(), EnumSet.of(CreateFlag.CREATE),
        4096, (short) 1, BLOCK, null));
    try (FSDataOutputStream out = fs.create(path, FsPermission.getFileDefault(),
        EnumSet.of(CreateFlag.CREATE, CreateFlag.OVERWRITE, CreateFlag.SYNC_BLOCK), 4096, (short) 1, BLOCK, null)) {
      out.write(bytes(20, 2));
    }
    check(Arrays.equals(bytes(20, 2), read(path)), "overwritten");
  }

  private void append() throws Exception {
    Path path = new Path(home, "f");
    byte[] all = bytes(2 * BLOCK + 1000, 7);
    int[] cuts = {0, 100, 612, 5000, 70000, BLOCK, BLOCK + 1, all.length};
    write(path, new byte[0], (short) 1);
    for (int i = 1; i < cuts.length; i++) {
      try (FSDataOutputStream out = fs.append(path)) {
        same((long) cuts[i - 1], out.getPos(), "position");
        out.write(all, cuts[i - 1], cuts[i] - cuts[i - 1]);
      }
      check(Arrays.equals(Arrays.copyOf(all, cuts[i]), read(path)), "bytes up to " + cuts[i]);
    }
    try (FSDataOutputStream out = fs.append(path, EnumSet.of(CreateFlag.APPEND, CreateFlag.NEW_BLOCK), 4096, null)) {
      out.write(1);
    }
    same(4, fs.getFileBlockLocations(path, 0, Long.MAX_VALUE).length, "blocks after append to a new one");
    fails(FileNotFoundException.class, () -> fs.append(new Path(home, "none")));
  }

  private void hflushAndRead() throws Exception {
    Path path = new Path(home, "f");
    byte[] all = bytes(BLOCK + 300000, 9);
    int at = 0;
    try (FSDataOutputStream out = fs.create(path, true, 512, (short) 1, BLOCK)) {
      for (int step : new int[] {1, 510, 1, 3, 1000, 65000, 600000, 382061, 300000}) {
        int n = Math.min(step, all.length - at);
        out.write(all, at, n);
        at += n;
        out.hflush();
        byte[] seen = new byte[at];
        try (FSDataInputStream in = fs.open(path)) {
          in.readFully(0, seen);
        }
        check(Arrays.equals(Arrays.copyOf(all, at), seen), "what was flushed, up to " + at);
      }
      fails(IOException.class, () -> fs.append(path));
    }
    check(Arrays.equals(Arrays.copyOf(all, at), read(path)), "after close");
  }

  private void hsyncUpdatesLength() throws Exception {
    Path path = new Path(home, "f");
    try (FSDataOutputStream out = fs.create(path, true, 512, (short) 1, BLOCK)) {
      out.write(bytes(1234, 1));
      ((HdfsDataOutputStream) out).hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
      same(1234L, fs.getFileStatus(path).getLen(), "length seen by others");
      out.write(bytes(100, 2));
      ((HdfsDataOutputStream) out).hsync(EnumSet.of(SyncFlag.END_BLOCK));
      out.write(bytes(100, 3));
    }
    same(1434L, fs.getFileStatus(path).getLen(), "length");
    same(2, fs.getFileBlockLocations(path, 0, Long.MAX_VALUE).length, "blocks");
  }

  private void seek() throws Exception {
    Path path = new Path(home, "f");
    byte[] data = bytes(3 * BLOCK + 5, 11);
    write(path, data, (short) 1);
    Random random = new Random(5);
    try (FSDataInputStream in = fs.open(path)) {
      for (int i = 0; i < 200; i++) {
        int from = random.nextInt(data.length);
        int n = Math.min(1 + random.nextInt(5000), data.length - from);
        byte[] seen = new byte[n];
        if (i % 2 == 0) {
          in.seek(from);
          in.readFully(seen);
          same((long) from + n, in.getPos(), "position");
        } else {
          in.readFully(from, seen);
        }
        check(Arrays.equals(Arrays.copyOfRange(data, from, from + n), seen), "bytes at " + from);
      }
      fails(IOException.class, () -> in.seek(data.length + 1L));
    }
  }

  private void rename() throws Exception {
    Path a = new Path(home, "a");
    Path b = new Path(home, "b");
    write(a, bytes(10, 1), (short) 1);
    write(b, bytes(20, 2), (short) 1);
    check(!fs.rename(a, b), "rename onto a file is refused");
    check(!fs.rename(new Path(home, "none"), b), "rename of nothing is refused");
    fails(FileAlreadyExistsException.class, () -> renameWith(a, b));
    renameWith(a, b, Options.Rename.OVERWRITE);
    same(10L, fs.getFileStatus(b).getLen(), "the renamed file");
    check(!fs.exists(a), "source is gone");
    Path dir = new Path(home, "dir");
    fs.mkdirs(dir);
    check(fs.rename(b, dir), "rename into a directory");
    check(fs.exists(new Path(dir, "b")), "moved below");
    check(!fs.rename(dir, new Path(dir, "self")), "rename below itself is refused");
    renameWith(dir, new Path(home, "dir2"));
    check(Arrays.equals(bytes(10, 1), read(new Path(home, "dir2/b"))), "bytes after renames");
    fails(IOException.class, () -> renameWith(new Path(home, "dir2"), new Path(home, "no/parent")));
  }

  @SuppressWarnings("deprecation")
  private void renameWith(Path from, Path to, Options.Rename... options) throws IOException {
    fs.rename(from, to, options);
  }

  private void list() throws Exception {
    int count = 2500;
    for (int i = 0; i < count; i++) {
      fs.mkdirs(new Path(home, String.format("d%04d", i)));
    }
    FileStatus[] all = fs.listStatus(home);
    same(count, all.length, "entries");
    for (int i = 0; i < count; i++) {
      same(String.format("d%04d", i), all[i].getPath().getName(), "order");
    }
    write(new Path(home, "d0001/f"), bytes(100, 1), (short) 1);
    RemoteIterator<LocatedFileStatus> files = fs.listFiles(home, true);
    check(files.hasNext(), "a file below");
    same(1, files.next().getBlockLocations().length, "located");
    check(!files.hasNext(), "one file only");
    same(0, fs.listStatus(new Path(home, "d0002")).length, "an empty directory");
    fails(FileNotFoundException.class, () -> fs.listStatus(new Path(home, "none")));
    same(13, fs.globStatus(new Path(home, "d000{0,1,[2-9]}*")).length + fs.globStatus(new Path(home, "d?010")).length, "glob");
  }

  private void locations() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(2 * BLOCK + 10, 3), (short) 1);
    BlockLocation[] blocks = fs.getFileBlockLocations(path, 0, Long.MAX_VALUE);
    same(3, blocks.length, "blocks");
    long at = 0;
    for (BlockLocation block : blocks) {
      same(at, block.getOffset(), "offset");
      same(1, block.getHosts().length, "hosts");
      check(block.getTopologyPaths()[0].startsWith("/"), "a rack");
      at += block.getLength();
    }
    same(2L * BLOCK + 10, at, "length");
    same(1, fs.getFileBlockLocations(path, BLOCK + 1, 5).length, "blocks of a range");
  }

  private void checksum() throws Exception {
    Path a = new Path(home, "a");
    Path b = new Path(home, "b");
    write(a, bytes(2 * BLOCK + 100, 1), (short) 1);
    write(b, bytes(2 * BLOCK + 100, 1), (short) 1);
    FileChecksum one = fs.getFileChecksum(a);
    same(one, fs.getFileChecksum(b), "checksum of equal files");
    check(one.getAlgorithmName().startsWith("MD5-of-"), one.getAlgorithmName());
    check(!one.equals(fs.getFileChecksum(a, BLOCK + 5)), "checksum of a part");
    Configuration composite = new Configuration(conf);
    composite.set("dfs.checksum.combine.mode", "COMPOSITE_CRC");
    try (FileSystem other = FileSystem.newInstance(composite)) {
      FileChecksum crc = other.getFileChecksum(a);
      same("COMPOSITE-CRC32C", crc.getAlgorithmName(), "algorithm");
      same(crc, other.getFileChecksum(b), "composite checksum of equal files");
    }
  }

  private void truncate() throws Exception {
    Path path = new Path(home, "f");
    byte[] data = bytes(2 * BLOCK + 1000, 4);
    write(path, data, (short) 1);
    check(fs.truncate(path, BLOCK), "truncate at a block's end is done at once");
    check(Arrays.equals(Arrays.copyOf(data, BLOCK), read(path)), "bytes after it");
    if (!fs.truncate(path, 1000)) {
      waitClosed(path);
    }
    check(Arrays.equals(Arrays.copyOf(data, 1000), read(path)), "bytes after truncate within a block");
    try (FSDataOutputStream out = fs.append(path)) {
      out.write(data, 1000, 1000);
    }
    check(Arrays.equals(Arrays.copyOf(data, 2000), read(path)), "appended after truncate");
    fails(IOException.class, () -> fs.truncate(path, 5000));
  }

  void waitClosed(Path path) throws Exception {
    for (int i = 0; i < 300 && !fs.isFileClosed(path); i++) {
      Thread.sleep(100);
    }
    check(fs.isFileClosed(path), path + " is closed in 30 s");
  }

  private void concat() throws Exception {
    byte[] all = bytes(3 * BLOCK, 6);
    Path[] parts = new Path[3];
    for (int i = 0; i < 3; i++) {
      parts[i] = new Path(home, "p" + i);
      write(parts[i], Arrays.copyOfRange(all, i * BLOCK, (i + 1) * BLOCK), (short) 1);
    }
    fs.concat(parts[0], new Path[] {parts[1], parts[2]});
    check(Arrays.equals(all, read(parts[0])), "bytes");
    check(!fs.exists(parts[1]) && !fs.exists(parts[2]), "sources are gone");
  }

  private void recoverLease() throws Exception {
    Path path = new Path(home, "f");
    byte[] data = bytes(BLOCK + 777, 8);
    FileSystem writer = FileSystem.newInstance(conf);
    FSDataOutputStream out = writer.create(path, true, 512, (short) 1, BLOCK);
    out.write(data);
    out.hflush();
    // A second writer is refused while the first one holds the lease.
    fails(IOException.class, () -> fs.append(path));
    if (!fs.recoverLease(path)) {
      waitClosed(path);
    }
    check(Arrays.equals(data, read(path)), "what was flushed is there");
    fails(IOException.class, () -> {
      out.write(1);
      out.close();
    });
    try (FSDataOutputStream more = fs.append(path)) {
      more.write(1);
    }
    same(data.length + 1L, fs.getFileStatus(path).getLen(), "length after append");
    try {
      writer.close();
    } catch (IOException expected) {
      // its file was taken away
    }
  }

  private void permissions() throws Exception {
    Path dir = new Path(home, "private");
    fs.mkdirs(dir, new FsPermission((short) 0700));
    fs.setPermission(dir, new FsPermission((short) 0700));
    org.apache.hadoop.security.UserGroupInformation other =
        org.apache.hadoop.security.UserGroupInformation.createUserForTesting("mallory", new String[] {"nobody"});
    other.doAs((java.security.PrivilegedExceptionAction<Void>) () -> {
      try (FileSystem theirs = FileSystem.newInstance(conf)) {
        AccessControlException denied =
            fails(AccessControlException.class, () -> theirs.create(new Path(dir, "f")));
        check(denied.getMessage().startsWith("Permission denied: user=mallory, access="), denied.getMessage());
        fails(AccessControlException.class, () -> theirs.listStatus(dir));
        fails(AccessControlException.class, () -> theirs.setOwner(dir, "mallory", null));
        fails(AccessControlException.class, () -> theirs.access(dir, FsAction.READ));
        theirs.access(home, FsAction.READ_EXECUTE);
      }
      return null;
    });
    fs.setOwner(dir, "mallory", "nobody");
    same("mallory", fs.getFileStatus(dir).getOwner(), "owner");
    same("nobody", fs.getFileStatus(dir).getGroup(), "group");
  }

  private void attributes() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(10, 1), (short) 1);
    fs.setTimes(path, 1234567890123L, 1234567890456L);
    same(1234567890123L, fs.getFileStatus(path).getModificationTime(), "mtime");
    same(1234567890456L, fs.getFileStatus(path).getAccessTime(), "atime");
    check(fs.setReplication(path, (short) 2), "setReplication");
    same((short) 2, fs.getFileStatus(path).getReplication(), "replication");
    check(!fs.setReplication(new Path(home, "none"), (short) 2), "setReplication of nothing");
    fs.setPermission(path, new FsPermission((short) 01755));
    same("rwxr-xr-x", fs.getFileStatus(path).getPermission().toString().substring(0, 8) + "x", "permission");
    FsServerDefaults defaults = fs.getServerDefaults(path);
    same(512, defaults.getBytesPerChecksum(), "bytes per checksum");
    FsStatus status = fs.getStatus();
    check(status.getCapacity() > 0 && status.getRemaining() > 0, "capacity and remaining");
    check(fs.getDataNodeStats().length > 0, "datanodes");
    check(fs.getStoragePolicies().length >= 6, "storage policies");
    same("HOT", fs.getStoragePolicy(path).getName(), "storage policy");
    check(!fs.isInSafeMode(), "not in safe mode");
  }

  private void summary() throws Exception {
    write(new Path(home, "d/a"), bytes(100, 1), (short) 1);
    write(new Path(home, "d/e/b"), bytes(50, 2), (short) 2);
    ContentSummary summary = fs.getContentSummary(new Path(home, "d"));
    same(150L, summary.getLength(), "length");
    same(200L, summary.getSpaceConsumed(), "space");
    same(2L, summary.getFileCount(), "files");
    same(2L, summary.getDirectoryCount(), "directories");
    check(fs.delete(new Path(home, "d"), true), "recursive delete");
    check(!fs.delete(new Path(home, "d"), true), "delete of nothing");
    fs.mkdirs(new Path(home, "full/sub"));
    fails(IOException.class, () -> fs.delete(new Path(home, "full"), false));
  }

  private void manySmallFiles() throws Exception {
    Set<String> names = new HashSet<>();
    for (int i = 0; i < 200; i++) {
      Path path = new Path(home, "f" + i);
      write(path, bytes(i, i), (short) 1);
      names.add(path.getName());
    }
    for (FileStatus status : fs.listStatus(home)) {
      check(names.remove(status.getPath().getName()), "an unknown name");
      int i = (int) status.getLen();
      check(Arrays.equals(bytes(i, i), read(status.getPath())), "bytes of " + status.getPath());
    }
    check(names.isEmpty(), "all listed");
  }
}
