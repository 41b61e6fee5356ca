import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileRange;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.PartialListing;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.PathHandle;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.Trash;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.client.HdfsDataInputStream;
import org.apache.hadoop.hdfs.protocol.DatanodeInfo;
import org.apache.hadoop.hdfs.protocol.OpenFileEntry;
import org.apache.hadoop.hdfs.protocol.OpenFilesIterator.OpenFilesType;
import org.apache.hadoop.io.ElasticByteBufferPool;

/** Files that several use at once, and the other ways in: builders, FileContext, handles, trash. */
final class SharingScenarios extends Scenarios {
  private static final int BLOCK = 1 << 20;

  SharingScenarios(DistributedFileSystem fs, Configuration conf, String name) throws IOException {
    super(fs, conf, name);
  }

  Map<String, Body> all() {
    Map<String, Body> all = new LinkedHashMap<>();
    all.put("builders", this::builders);
    all.put("file_context", this::fileContext);
    all.put("favored_nodes", this::favoredNodes);
    all.put("kinds_of_reads", this::kindsOfReads);
    all.put("sync_block", this::syncBlock);
    all.put("large_delete", this::largeDelete);
    all.put("trash", this::trash);
    all.put("open_files", this::openFiles);
    all.put("many_threads", this::manyThreads);
    all.put("two_appenders", this::twoAppenders);
    all.put("rename_while_open", this::renameWhileOpen);
    all.put("delete_while_open", this::deleteWhileOpen);
    all.put("overwrite_while_open", this::overwriteWhileOpen);
    all.put("read_while_cut", this::readWhileCut);
    all.put("path_handles", this::pathHandles);
    all.put("batched_listing", this::batchedListing);
    return all;
  }

  private void builders() throws Exception {
    Path path = new Path(home, "new/f");
    try (FSDataOutputStream out = fs.createFile(path).recursive().replication((short) 1)
        .blockSize(BLOCK).permission(new FsPermission((short) 0600)).build()) {
      out.write(bytes(BLOCK + 5, 1));
    }
    same(new FsPermission((short) 0600), fs.getFileStatus(path).getPermission(), "permission");
    fails(IOException.class, () -> fs.createFile(path).overwrite(false).build());
    fails(FileNotFoundException.class, () -> fs.createFile(new Path(home, "no/f")).build());
    try (FSDataOutputStream out = fs.appendFile(path).build()) {
      out.write(bytes(10, 2));
    }
    try (FSDataInputStream in = fs.openFile(path).opt("fs.option.openfile.read.policy", "random").build().get()) {
      byte[] seen = new byte[10];
      in.readFully(BLOCK + 5, seen);
      check(Arrays.equals(bytes(10, 2), seen), "what was appended");
    }
    try (FSDataOutputStream out = fs.createFile(new Path(home, "policy")).storagePolicyName("WARM").build()) {
      out.write(1);
    }
    same("WARM", fs.getStoragePolicy(new Path(home, "policy")).getName(), "storage policy");
  }

  private void fileContext() throws Exception {
    FileContext context = FileContext.getFileContext(fs.getUri(), conf);
    Path dir = new Path(home, "d");
    context.mkdir(dir, FsPermission.getDirDefault(), true);
    Path path = new Path(dir, "f");
    try (FSDataOutputStream out = context.create(path, EnumSet.of(CreateFlag.CREATE), Options.CreateOpts.blockSize(BLOCK),
        Options.CreateOpts.repFac((short) 1))) {
      out.write(bytes(1000, 1));
    }
    same(1000L, context.getFileStatus(path).getLen(), "length");
    context.rename(path, new Path(dir, "g"));
    context.setPermission(new Path(dir, "g"), new FsPermission((short) 0600));
    check(context.util().exists(new Path(dir, "g")), "exists");
    same(1, context.util().listStatus(dir).length, "entries");
    check(context.truncate(new Path(dir, "g"), 1000), "truncate to the same length");
    same(1000L, context.util().getContentSummary(dir).getLength(), "summary");
    same(new Path(fs.getUri() + dir.toUri().getPath()), context.resolvePath(dir), "resolved");
    check(context.getFsStatus(dir).getCapacity() > 0, "capacity");
    check(context.util().copy(new Path(dir, "g"), new Path(dir, "h")), "copy");
    check(Arrays.equals(bytes(1000, 1), read(new Path(dir, "h"))), "bytes of the copy");
    check(context.delete(dir, true), "delete");
    fails(FileNotFoundException.class, () -> context.getFileStatus(dir));
  }

  private void favoredNodes() throws Exception {
    DatanodeInfo node = fs.getDataNodeStats()[0];
    InetSocketAddress[] favored = {new InetSocketAddress(node.getIpAddr(), node.getXferPort())};
    Path path = new Path(home, "f");
    try (FSDataOutputStream out = fs.create(path, FsPermission.getFileDefault(), true, 4096, (short) 1, BLOCK, null, favored)) {
      out.write(bytes(100, 1));
    }
    same(node.getXferAddr(), fs.getFileBlockLocations(path, 0, 1)[0].getNames()[0], "node");
  }

  private void kindsOfReads() throws Exception {
    Path path = new Path(home, "f");
    byte[] data = bytes(2 * BLOCK + 333, 1);
    write(path, data, (short) 1);
    try (FSDataInputStream in = fs.open(path, 1)) {
      ByteBuffer direct = ByteBuffer.allocateDirect(data.length);
      while (direct.hasRemaining() && in.read(direct) >= 0) {
        // short reads add up
      }
      direct.flip();
      same(ByteBuffer.wrap(data), direct, "bytes in a direct buffer");
      same(-1, in.read(), "at the end");
      same(-1, in.read(data.length, new byte[5], 0, 5), "beyond the end");
      same(3, in.read(data.length - 3L, new byte[5], 0, 5), "across the end");
      fails(java.io.EOFException.class, () -> in.readFully(data.length - 3L, new byte[5]));
      fails(IOException.class, () -> in.seek(-1));
      in.seek(7);
      same(BLOCK - 7L, in.skip(BLOCK - 7), "skipped");
      same(data[BLOCK] & 0xff, in.read(), "the first byte of a block");
      in.unbuffer();
      same(data[BLOCK + 1] & 0xff, in.read(), "after unbuffer");
      ByteBuffer pooled = in.read(new ElasticByteBufferPool(), 1000, EnumSet.noneOf(org.apache.hadoop.fs.ReadOption.class));
      same(data[BLOCK + 2], pooled.get(0), "a pooled buffer");
      in.releaseBuffer(pooled);
      List<FileRange> ranges = Arrays.asList(FileRange.createFileRange(10, 100), FileRange.createFileRange(BLOCK - 50, 100));
      in.readVectored(ranges, ByteBuffer::allocate);
      for (FileRange range : ranges) {
        int from = (int) range.getOffset();
        same(ByteBuffer.wrap(data, from, 100), range.getData().get(), "a range at " + from);
      }
      same((long) data.length, ((HdfsDataInputStream) in).getVisibleLength(), "visible length");
      same(3, ((HdfsDataInputStream) in).getAllBlocks().size(), "blocks");
    }
  }

  private void syncBlock() throws Exception {
    Path path = new Path(home, "f");
    try (FSDataOutputStream out = fs.create(path, FsPermission.getFileDefault(),
        EnumSet.of(CreateFlag.CREATE, CreateFlag.SYNC_BLOCK), 4096, (short) 1, BLOCK, null)) {
      out.write(bytes(BLOCK, 1));
      out.hsync();
      out.write(bytes(100, 2));
      out.hsync();
      out.hsync();
    }
    same(BLOCK + 100L, fs.getFileStatus(path).getLen(), "length");
    same(BLOCK + 100, read(path).length, "bytes");
  }

  private void largeDelete() throws Exception {
    inThreads(8, thread -> {
      for (int i = 0; i < 400; i++) {
        fs.mkdirs(new Path(home, "big/" + thread + "/d" + i));
      }
      write(new Path(home, "big/" + thread + "/f"), bytes(1000, thread), (short) 1);
    });
    same(3209L, fs.getContentSummary(new Path(home, "big")).getDirectoryCount(), "directories");
    check(fs.delete(new Path(home, "big"), true), "delete");
    check(!fs.exists(new Path(home, "big")), "gone");
    check(fs.mkdirs(new Path(home, "big/0")), "made again");
    same(2L, fs.getContentSummary(new Path(home, "big")).getDirectoryCount(), "directories made again");
  }

  private interface InThread {
    void run(int thread) throws Exception;
  }

  private static void inThreads(int count, InThread body) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(count);
    try {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int thread = i;
        all.add(pool.submit(() -> {
          body.run(thread);
          return null;
        }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    } finally {
      pool.shutdownNow();
    }
  }

  private void trash() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(10, 1), (short) 1);
    check(Trash.moveToAppropriateTrash(fs, path, conf), "moved to the trash");
    check(!fs.exists(path), "gone from its place");
    Path current = new Path(fs.getTrashRoot(path), "Current");
    check(fs.exists(new Path(current, path.toUri().getPath().substring(1))), "in the trash");
    write(path, bytes(20, 1), (short) 1);
    check(Trash.moveToAppropriateTrash(fs, path, conf), "a second file of that name");
    Trash mine = new Trash(fs, conf);
    mine.checkpoint();
    check(!fs.exists(current), "a checkpoint was made");
    mine.expungeImmediately();
    same(0, fs.listStatus(fs.getTrashRoot(path)).length, "what the trash keeps");
  }

  private void openFiles() throws Exception {
    Path path = new Path(home, "open");
    String name = path.toUri().getPath();
    try (FSDataOutputStream out = fs.create(path, true, 512, (short) 1, BLOCK)) {
      out.write(1);
      out.hflush();
      check(isListedOpen(name, home.toUri().getPath()), "listed while it is written");
      check(!isListedOpen(name, "/nowhere"), "not elsewhere");
      check(!fs.isFileClosed(path), "open");
    }
    check(!isListedOpen(name, "/"), "closed");
  }

  private boolean isListedOpen(String name, String below) throws IOException {
    RemoteIterator<OpenFileEntry> all = fs.listOpenFiles(EnumSet.of(OpenFilesType.ALL_OPEN_FILES), below);
    boolean found = false;
    while (all.hasNext()) {
      found |= all.next().getFilePath().equals(name);
    }
    return found;
  }

  private void manyThreads() throws Exception {
    inThreads(8, thread -> {
      for (int i = 0; i < 6; i++) {
        Path path = new Path(home, thread + "/f" + i);
        byte[] data = bytes(BLOCK / 2 + 100_000 * i, thread * 100 + i);
        write(path, data, (short) 1);
        check(Arrays.equals(data, read(path)), "bytes of " + path);
        if (i % 2 == 1) {
          check(fs.delete(new Path(home, thread + "/f" + (i - 1)), false), "delete");
        }
      }
    });
    same(24L, fs.getContentSummary(home).getFileCount(), "files");
    // All in one file's place: the last to come stays.
    Path contended = new Path(home, "contended");
    inThreads(6, thread -> {
      try {
        write(contended, bytes(1000, thread), (short) 1);
      } catch (IOException taken) {
        // another one overwrote it meanwhile
      }
    });
    same(1000, read(contended).length, "one writer's bytes");
  }

  private void twoAppenders() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(100, 1), (short) 1);
    try (FileSystem second = FileSystem.newInstance(conf)) {
      FSDataOutputStream out = fs.append(path);
      out.write(bytes(50, 2));
      out.hflush();
      IOException held = fails(IOException.class, () -> second.append(path));
      check(held.getMessage().contains("because this file lease is currently owned by"), held.getMessage());
      fails(IOException.class, () -> fs.append(path));
      out.close();
      try (FSDataOutputStream next = second.append(path)) {
        same(150L, next.getPos(), "position");
        next.write(bytes(25, 3));
      }
    }
    byte[] seen = read(path);
    same(175, seen.length, "length");
    check(Arrays.equals(bytes(25, 3), Arrays.copyOfRange(seen, 150, 175)), "the second one's bytes");
    // Many appends after one another, by clients of their own.
    for (int i = 0; i < 10; i++) {
      try (FileSystem client = FileSystem.newInstance(conf); FSDataOutputStream out = client.append(path)) {
        out.write(i);
      }
    }
    same(185L, fs.getFileStatus(path).getLen(), "length in the end");
  }

  private void renameWhileOpen() throws Exception {
    Path from = new Path(home, "a/f");
    Path to = new Path(home, "b");
    byte[] data = bytes(2 * BLOCK + 100, 1);
    try (FSDataOutputStream out = fs.create(from, true, 512, (short) 1, BLOCK)) {
      out.write(data, 0, BLOCK + 10);
      out.hflush();
      check(fs.rename(new Path(home, "a"), to), "rename of the directory");
      out.write(data, BLOCK + 10, data.length - BLOCK - 10);
      out.hsync();
    }
    check(Arrays.equals(data, read(new Path(to, "f"))), "bytes at the new place");
    check(!fs.exists(from), "nothing at the old one");
    check(fs.isFileClosed(new Path(to, "f")), "closed");
    try (FSDataInputStream in = fs.open(new Path(to, "f"))) {
      in.read();
      fs.rename(new Path(to, "f"), new Path(home, "g"));
      in.seek(2 * BLOCK);
      same(data[2 * BLOCK] & 0xff, in.read(), "a reader goes on after a rename");
    }
  }

  private void deleteWhileOpen() throws Exception {
    Path path = new Path(home, "d/f");
    FSDataOutputStream out = fs.create(path, true, 512, (short) 1, BLOCK);
    out.write(bytes(1000, 1));
    out.hflush();
    fs.delete(path.getParent(), true);
    fails(IOException.class, () -> {
      out.write(bytes(2 * BLOCK, 1));
      out.close();
    });
    check(!fs.exists(path), "it does not come back");
  }

  private void overwriteWhileOpen() throws Exception {
    Path path = new Path(home, "f");
    FSDataOutputStream out = fs.create(path, true, 512, (short) 1, BLOCK);
    out.write(bytes(1000, 1));
    out.hflush();
    try (FileSystem other = FileSystem.newInstance(conf); FSDataOutputStream second = other.create(path, true)) {
      second.write(bytes(10, 2));
    }
    fails(IOException.class, () -> {
      out.write(bytes(2 * BLOCK, 1));
      out.close();
    });
    check(Arrays.equals(bytes(10, 2), read(path)), "the second writer's bytes");
  }

  private void readWhileCut() throws Exception {
    Path path = new Path(home, "f");
    byte[] data = bytes(BLOCK + 5000, 1);
    write(path, data, (short) 1);
    try (FSDataInputStream in = fs.open(path)) {
      byte[] some = new byte[1000];
      in.readFully(some);
      if (!fs.truncate(path, 70_000)) {
        waitClosed(path);
      }
      byte[] rest = new byte[60_000];
      in.readFully(1000, rest);
      check(Arrays.equals(Arrays.copyOfRange(data, 1000, 61_000), rest), "what is left is read on");
    }
    check(Arrays.equals(Arrays.copyOf(data, 70_000), read(path)), "what is left");
    for (int length : new int[] {69_999, 65_536, 513, 512, 511, 1, 0}) {
      if (!fs.truncate(path, length)) {
        waitClosed(path);
      }
      check(Arrays.equals(Arrays.copyOf(data, length), read(path)), "what is left of " + length);
    }
  }

  private void pathHandles() throws Exception {
    Path path = new Path(home, "f");
    write(path, bytes(100, 1), (short) 1);
    FileStatus status = fs.getFileStatus(path);
    PathHandle handle = fs.getPathHandle(status, Options.HandleOpt.moved(true), Options.HandleOpt.changed(false));
    fs.rename(path, new Path(home, "g"));
    try (FSDataInputStream in = fs.open(handle)) {
      byte[] seen = new byte[100];
      in.readFully(seen);
      check(Arrays.equals(bytes(100, 1), seen), "bytes after a move");
    }
    PathHandle exact = fs.getPathHandle(status, Options.HandleOpt.exact());
    fails(IOException.class, () -> fs.open(exact));
  }

  private void batchedListing() throws Exception {
    List<Path> dirs = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Path dir = new Path(home, "d" + i);
      dirs.add(dir);
      fs.mkdirs(dir);
      for (int j = 0; j < i; j++) {
        write(new Path(dir, "f" + j), bytes(1, 1), (short) 1);
      }
    }
    dirs.add(new Path(home, "none"));
    int entries = 0;
    int missing = 0;
    RemoteIterator<PartialListing<FileStatus>> all = fs.batchedListStatusIterator(dirs);
    while (all.hasNext()) {
      PartialListing<FileStatus> part = all.next();
      try {
        entries += part.get().size();
      } catch (FileNotFoundException none) {
        missing++;
      }
    }
    same(3, entries, "entries");
    same(1, missing, "directories that are not there");
  }
}
