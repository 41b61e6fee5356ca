import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapreduce.jobhistory.HistoryViewer;
import org.apache.hadoop.mapreduce.tools.CLI;
import org.apache.hadoop.mapreduce.v2.hs.client.HSAdmin;
import org.apache.hadoop.util.Tool;
import org.apache.hadoop.util.ToolRunner;

/** What Hadoop's {@code mapred} prints. */
public final class MapredCases {
  private MapredCases() {}

  public static int run(Configuration conf, String[] args) throws Exception {
    conf.setClass("fs.file.impl", LocalFileSystem.class, FileSystem.class);
    String[] rest = Arrays.copyOfRange(args, 1, args.length);
    switch (args[0]) {
      case "view": {
        // The JSON printer closes what it prints to.
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        HistoryViewer viewer = new HistoryViewer(rest[0], conf, rest[1].equals("all"), rest[2]);
        viewer.print(new PrintStream(text, true, StandardCharsets.UTF_8));
        System.out.print(text.toString(StandardCharsets.UTF_8));
        return 0;
      }
      case "job":
        return ToolRunner.run(conf, new CLI(conf), rest);
      case "queue":
        // The class is for its own main alone.
        Constructor<?> queue = Class.forName("org.apache.hadoop.mapred.JobQueueClient").getDeclaredConstructor();
        queue.setAccessible(true);
        return ToolRunner.run(conf, (Tool) queue.newInstance(), rest);
      case "hsadmin":
        return ToolRunner.run(conf, new HSAdmin(new JobConf(conf)), rest);
      default:
        throw new IllegalArgumentException(args[0]);
    }
  }
}
