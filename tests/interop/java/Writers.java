import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** Files that stay open from one request to the next, so that daemons can die meanwhile. */
final class Writers {
  private static final Map<String, Writer> OPEN = new HashMap<>();

  private static final class Writer {
    final FileSystem fs;
    final FSDataOutputStream out;
    final Random random = new Random(1);

    Writer(FileSystem fs, FSDataOutputStream out) {
      this.fs = fs;
      this.out = out;
    }
  }

  /**
   * {@code open PATH REPLICATION}, {@code append PATH}, {@code write PATH LENGTH} (and flush),
   * {@code close PATH}, {@code verify PATH LENGTH}.
   */
  static void run(Configuration conf, String[] args) throws IOException {
    Path path = new Path(args[1]);
    switch (args[0]) {
      case "open": {
        FileSystem fs = FileSystem.newInstance(conf);
        OPEN.put(args[1], new Writer(fs, fs.create(path, true, 4096, Short.parseShort(args[2]), 1 << 20)));
        break;
      }
      case "write": {
        Writer writer = OPEN.get(args[1]);
        byte[] data = new byte[Integer.parseInt(args[2])];
        writer.random.nextBytes(data);
        writer.out.write(data);
        writer.out.hflush();
        break;
      }
      case "close": {
        Writer writer = OPEN.remove(args[1]);
        writer.out.close();
        writer.fs.close();
        break;
      }
      case "verify":
        verify(conf, path, args);
        break;
      default:
        throw new IllegalArgumentException("no such step: " + args[0]);
    }
  }

  /** The file's bytes are those of writes of these lengths. */
  private static void verify(Configuration conf, Path path, String[] lengths) throws IOException {
    Random random = new Random(1);
    try (FileSystem fs = FileSystem.newInstance(conf); java.io.InputStream in = fs.open(path)) {
      for (int i = 2; i < lengths.length; i++) {
        byte[] wanted = new byte[Integer.parseInt(lengths[i])];
        random.nextBytes(wanted);
        if (!java.util.Arrays.equals(wanted, in.readNBytes(wanted.length))) {
          throw new IOException(path + ": other bytes than were written, in write " + (i - 2));
        }
      }
      if (in.read() >= 0) {
        throw new IOException(path + ": more bytes than were written");
      }
    }
  }
}
