import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.PrivilegedExceptionAction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.crypto.key.KeyShell;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdfs.server.balancer.Balancer;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.mover.Mover;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.hdfs.server.namenode.SecondaryNameNode;
import org.apache.hadoop.hdfs.tools.DFSAdmin;
import org.apache.hadoop.hdfs.tools.DFSHAAdmin;
import org.apache.hadoop.hdfs.tools.DiskBalancerCLI;
import org.apache.hadoop.hdfs.tools.DFSck;
import org.apache.hadoop.hdfs.tools.DebugAdmin;
import org.apache.hadoop.hdfs.tools.StoragePolicyAdmin;
import org.apache.hadoop.hdfs.tools.GetConf;
import org.apache.hadoop.hdfs.tools.GetGroups;
import org.apache.hadoop.hdfs.tools.offlineEditsViewer.OfflineEditsViewer;
import org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB;
import org.apache.hadoop.hdfs.tools.offlineImageViewer.WebImageViewer;
import org.apache.hadoop.hdfs.tools.snapshot.LsSnapshot;
import org.apache.hadoop.hdfs.tools.snapshot.LsSnapshottableDir;
import org.apache.hadoop.hdfs.tools.snapshot.SnapshotDiff;
import org.apache.hadoop.log.LogLevel;
import org.apache.hadoop.mapreduce.jobhistory.JobCases;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.security.alias.CredentialShell;
import org.apache.hadoop.util.ConfTest;
import org.apache.hadoop.util.ExitUtil;
import org.apache.hadoop.util.NativeLibraryChecker;
import org.apache.hadoop.util.Tool;
import org.apache.hadoop.util.ToolRunner;

/**
 * One JVM that runs Hadoop's own programs and daemons on request, so that a suite pays for one JVM
 * start instead of hundreds. A request is a line of base64 fields parted by tabs: configuration
 * directory, user, command, arguments. The answer is one line: exit code, standard output, standard
 * error. The JVM ends when its standard input does.
 */
public final class JavaHost {
  private static final Map<String, AutoCloseable> DAEMONS = new LinkedHashMap<>();

  public static void main(String[] unused) throws Exception {
    PrintStream answers = System.out;
    InputStream requests = System.in;
    System.setIn(InputStream.nullInputStream());
    // A program that ends itself must not end this JVM.
    ExitUtil.disableSystemExit();
    // Several daemons share this JVM.
    DefaultMetricsSystem.setMiniClusterMode(true);
    BufferedReader lines = new BufferedReader(new InputStreamReader(requests, StandardCharsets.US_ASCII));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      List<String> fields = new ArrayList<>();
      for (String field : line.split("\t", -1)) {
        fields.add(new String(Base64.getDecoder().decode(field), StandardCharsets.UTF_8));
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      int exit = answer(fields, out, err);
      answers.println(exit + "\t" + encode(out) + "\t" + encode(err));
      answers.flush();
    }
    System.exit(0);
  }

  private static String encode(ByteArrayOutputStream bytes) {
    return Base64.getEncoder().encodeToString(bytes.toByteArray());
  }

  private static int answer(List<String> fields, ByteArrayOutputStream out, ByteArrayOutputStream err) {
    PrintStream realOut = System.out;
    PrintStream realErr = System.err;
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    try {
      Configuration conf = configuration(fields.get(0));
      String[] args = fields.subList(3, fields.size()).toArray(new String[0]);
      if (fields.get(2).equals("cases")) {
        return CliCases.run(args, fields.get(0));
      }
      if (fields.get(2).equals("main")) {
        UserGroupInformation own = UserGroupInformation.createRemoteUser(fields.get(1));
        String[] rest = Arrays.copyOfRange(args, 1, args.length);
        return own.doAs((PrivilegedExceptionAction<Integer>) () -> Programs.run(fields.get(0), args[0], rest));
      }
      UserGroupInformation.setConfiguration(conf);
      UserGroupInformation user = UserGroupInformation.createRemoteUser(fields.get(1));
      return user.doAs((PrivilegedExceptionAction<Integer>) () -> run(conf, fields.get(2), args));
    } catch (ExitUtil.ExitException ended) {
      return ended.status;
    } catch (Throwable failure) {
      failure.printStackTrace();
      return 255;
    } finally {
      System.out.flush();
      System.err.flush();
      System.setOut(realOut);
      System.setErr(realErr);
    }
  }

  private static Configuration configuration(String directory) {
    Configuration conf = new Configuration();
    for (String name : new String[] {"core-site.xml", "hdfs-site.xml"}) {
      File file = new File(directory, name);
      if (file.exists()) {
        conf.addResource(new Path(file.toURI()));
      }
    }
    conf.setBoolean("fs.hdfs.impl.disable.cache", true);
    conf.setBoolean("fs.file.impl.disable.cache", true);
    return conf;
  }

  private static int run(Configuration conf, String command, String[] args) throws Exception {
    switch (command) {
      case "dfs": {
        FsShell shell = new FsShell(conf);
        try {
          return ToolRunner.run(shell, args);
        } finally {
          shell.close();
        }
      }
      case "dfsadmin":
        return ToolRunner.run(new DFSAdmin(conf), args);
      case "fsck":
        return ToolRunner.run(new DFSck(conf), args);
      case "groups":
        return ToolRunner.run(new GetGroups(conf), args);
      case "getconf":
        // Its constructor is for its own main alone.
        Constructor<GetConf> getConf = GetConf.class.getDeclaredConstructor(Configuration.class);
        getConf.setAccessible(true);
        return ToolRunner.run(getConf.newInstance(conf), args);
      case "oiv":
        return OfflineImageViewerPB.run(args);
      case "oev":
        return ToolRunner.run(new OfflineEditsViewer(), args);
      case "format":
        NameNode.format(conf);
        return 0;
      case "start":
        return start(conf, args[0], args[1], Arrays.copyOfRange(args, 2, args.length));
      case "stop":
        DAEMONS.remove(args[0]).close();
        return 0;
      case "checkpoint":
        return checkpoint(conf);
      case "balancer":
        return ToolRunner.run(conf, program(Balancer.class), args);
      case "mover":
        return ToolRunner.run(conf, program(Mover.class), args);
      case "diskbalancer":
        return ToolRunner.run(new DiskBalancerCLI(conf), args);
      case "debug":
        return ToolRunner.run(new DebugAdmin(conf), args);
      case "haadmin": {
        DFSHAAdmin admin = new DFSHAAdmin();
        admin.setConf(conf);
        return ToolRunner.run(admin, args);
      }
      case "key":
        return ToolRunner.run(conf, new KeyShell(), args);
      case "credential":
        return ToolRunner.run(conf, new CredentialShell(), args);
      case "checknative":
        NativeLibraryChecker.main(args);
        return 0;
      case "daemonlog":
        return ToolRunner.run(conf, logLevel(conf), args);
      case "conftest":
        try (InputStream in = Files.newInputStream(new File(args[0]).toPath())) {
          ConfTest.checkConf(in).forEach(System.out::println);
        }
        return 0;
      case "viewer": {
        WebImageViewer viewer = new WebImageViewer(new InetSocketAddress("127.0.0.1", 0), conf);
        viewer.initServer(args[0]);
        DAEMONS.put("viewer", viewer);
        System.out.print(viewer.getPort());
        return 0;
      }
      case "lsSnapshottableDir":
        return ToolRunner.run(conf, new LsSnapshottableDir(), args);
      case "lsSnapshot":
        return ToolRunner.run(conf, new LsSnapshot(), args);
      case "snapshotDiff":
        return ToolRunner.run(conf, new SnapshotDiff(), args);
      case "policies":
      case "storagepolicies":
        return ToolRunner.run(new StoragePolicyAdmin(conf), args);
      case "classes":
        for (String name : args) {
          Class.forName(name);
        }
        return 0;
      case "recover": {
        System.setIn(new ByteArrayInputStream(args[0].getBytes(StandardCharsets.UTF_8)));
        List<String> words = new ArrayList<>(List.of("-recover"));
        words.addAll(Arrays.asList(args).subList(1, args.length));
        NameNode.createNameNode(words.toArray(new String[0]), conf);
        System.setIn(InputStream.nullInputStream());
        return 0;
      }
      case "events":
        Events.print(conf, Long.parseLong(args[0]));
        return 0;
      case "records":
        Records.run(conf, args);
        return 0;
      case "jobs":
        JobCases.run(conf, args);
        return 0;
      case "mapred":
        return MapredCases.run(conf, args);
      case "writer":
        Writers.run(conf, args);
        return 0;
      case "scenario":
        try (FileSystem fs = FileSystem.newInstance(conf)) {
          Scenarios.run(args[0], fs, conf);
        }
        return 0;
      default:
        throw new IllegalArgumentException("no such command: " + command);
    }
  }

  private static int start(Configuration conf, String kind, String name, String[] args) throws Exception {
    // Daemons belong to the JVM's own user, not to the caller of the moment.
    UserGroupInformation.getLoginUser().doAs((PrivilegedExceptionAction<Void>) () -> {
      switch (kind) {
        case "namenode":
          NameNode namenode = NameNode.createNameNode(args, conf);
          DAEMONS.put(name, namenode::stop);
          break;
        case "datanode":
          DataNode datanode = DataNode.createDataNode(args, conf);
          DAEMONS.put(name, datanode::shutdown);
          break;
        default:
          throw new IllegalArgumentException("no such daemon: " + kind);
      }
      return null;
    });
    return 0;
  }

  /** A command line that is not public and whose main ends the JVM. */
  private static Tool program(Class<?> of) throws ReflectiveOperationException {
    Constructor<?> cli = Class.forName(of.getName() + "$Cli").getDeclaredConstructor();
    cli.setAccessible(true);
    return (Tool) cli.newInstance();
  }

  private static Tool logLevel(Configuration conf) throws ReflectiveOperationException {
    Class<?> cli = Class.forName(LogLevel.class.getName() + "$CLI");
    Constructor<?> constructor = cli.getDeclaredConstructor(Configuration.class);
    constructor.setAccessible(true);
    return (Tool) constructor.newInstance(conf);
  }

  private static int checkpoint(Configuration conf) throws Exception {
    return UserGroupInformation.getLoginUser().doAs((PrivilegedExceptionAction<Integer>) () -> {
      SecondaryNameNode secondary = new SecondaryNameNode(conf);
      try {
        return secondary.doCheckpoint() ? 0 : 1;
      } finally {
        secondary.shutdown();
      }
    });
  }
}
