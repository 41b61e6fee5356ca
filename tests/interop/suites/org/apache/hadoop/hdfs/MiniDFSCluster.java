package org.apache.hadoop.hdfs;

import java.io.EOFException;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.implementation.InvocationHandlerAdapter;
import net.bytebuddy.matcher.ElementMatchers;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.StorageType;
import org.apache.hadoop.hdfs.protocol.ClientProtocol;
import org.apache.hadoop.hdfs.protocol.DatanodeID;
import org.apache.hadoop.hdfs.protocol.DatanodeInfo;
import org.apache.hadoop.hdfs.protocol.ExtendedBlock;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.DatanodeReportType;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.SafeModeAction;
import org.apache.hadoop.hdfs.protocolPB.DatanodeProtocolClientSideTranslatorPB;
import org.apache.hadoop.hdfs.server.common.HdfsServerConstants.StartupOption;
import org.apache.hadoop.hdfs.server.common.Util;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.datanode.FsDatasetTestUtils;
import org.apache.hadoop.hdfs.server.datanode.ReplicaNotFoundException;
import org.apache.hadoop.hdfs.server.namenode.FSNamesystem;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol;
import org.apache.hadoop.hdfs.server.protocol.NamenodeProtocols;
import org.apache.hadoop.ipc.RemoteException;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;
import org.apache.hadoop.test.GenericTestUtils;

/**
 * Stands in for Hadoop's class of this name, so that Hadoop's own tests run on this project's
 * daemons: each is a process of the program that the system property {@code loxodon.program} names.
 * It has the methods that a process can answer; a test that reaches into a daemon's memory ends with
 * NoSuchMethodError.
 */
public class MiniDFSCluster implements AutoCloseable {
  public static final String HDFS_MINIDFS_BASEDIR = "hdfs.minidfs.basedir";
  public static final String PROP_TEST_BUILD_DATA = GenericTestUtils.SYSPROP_TEST_DATA_DIR;
  public static final String DFS_NAMENODE_SAFEMODE_EXTENSION_TESTING_KEY =
      "dfs.namenode.safemode.extension.testing";

  private static final long PATIENCE_MS = 60_000;
  private static final String GROUPS = "hadoop.user.group.static.mapping.overrides";
  /** This JVM's own ports begin here: others run beside it. */
  private static final int FIRST_PORT = Integer.getInteger("loxodon.ports");
  private static final int PORTS = 1600;
  private static final AtomicInteger NEXT_PORT = new AtomicInteger();
  private static final Set<String> DEFAULTS = Set.of(
      "core-default.xml", "hdfs-default.xml", "hdfs-rbf-default.xml", "mapred-default.xml", "yarn-default.xml");
  private static final Set<Process> RUNNING = Collections.synchronizedSet(new java.util.HashSet<>());

  static {
    // Makes hdfs-site.xml part of every configuration, those that are there already too.
    HdfsConfiguration.init();
    // Some tests run a program of Hadoop's, such as the mover, several times in this JVM.
    DefaultMetricsSystem.setMiniClusterMode(true);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      synchronized (RUNNING) {
        RUNNING.forEach(Process::destroyForcibly);
      }
    }));
  }

  /** What a test wants of its cluster. */
  public static class Builder {
    private final Configuration conf;
    private File base;
    private int nameNodePort;
    private int nameNodeHttpPort;
    private int datanodes = 1;
    private int storages = 2;
    private StorageType[][] types;
    private boolean format = true;
    private boolean waitSafeMode = true;
    private Configuration[] overlays;
    private StartupOption startup = StartupOption.REGULAR;
    private StartupOption datanodeStartup = StartupOption.REGULAR;
    private String clusterId;
    private boolean hostsFile;
    private int[] ipcPorts = {};
    private boolean ownNameDirs = true;
    private boolean ownDataDirs = true;
    private int nameDirs = 2;

    public Builder(Configuration conf) {
      this.conf = conf;
      conf.setBoolean("dfs.namenode.redundancy.considerLoad", false);
    }

    public Builder(Configuration conf, File base) {
      this(conf);
      this.base = base;
    }

    public Builder nameNodePort(int port) {
      nameNodePort = port;
      return this;
    }

    public Builder nameNodeHttpPort(int port) {
      nameNodeHttpPort = port;
      return this;
    }

    public Builder numDataNodes(int count) {
      datanodes = count;
      return this;
    }

    public Builder storagesPerDatanode(int count) {
      storages = count;
      return this;
    }

    public Builder storageTypes(StorageType[] ofEach) {
      types = new StorageType[][] {ofEach};
      storages = ofEach.length;
      return this;
    }

    public Builder storageTypes(StorageType[][] perDatanode) {
      types = perDatanode;
      storages = perDatanode == null ? storages : perDatanode[0].length;
      return this;
    }

    public Builder format(boolean wanted) {
      format = wanted;
      return this;
    }

    public Builder waitSafeMode(boolean wanted) {
      waitSafeMode = wanted;
      return this;
    }

    public Builder dataNodeConfOverlays(Configuration[] ofEach) {
      overlays = ofEach;
      return this;
    }

    public Builder manageNameDfsDirs(boolean wanted) {
      ownNameDirs = wanted;
      return this;
    }

    public Builder manageDataDfsDirs(boolean wanted) {
      ownDataDirs = wanted;
      return this;
    }

    public Builder checkExitOnShutdown(boolean ofThisJvm) {
      return this;
    }

    public Builder checkDataNodeAddrConfig(boolean always) {
      return this;
    }

    public Builder checkDataNodeHostConfig(boolean always) {
      return this;
    }

    public Builder skipFsyncForTesting(boolean never) {
      return this;
    }

    public Builder enableManagedDfsDirsRedundancy(boolean wanted) {
      nameDirs = wanted ? 2 : 1;
      return this;
    }

    public Builder useConfiguredTopologyMappingClass(boolean wanted) {
      return this;
    }

    public Builder startupOption(StartupOption option) {
      startup = option == null ? StartupOption.REGULAR : option;
      return this;
    }

    public Builder dnStartupOption(StartupOption option) {
      datanodeStartup = option == null ? StartupOption.REGULAR : option;
      return this;
    }

    public Builder clusterId(String id) {
      clusterId = id;
      return this;
    }

    public Builder setupHostsFile(boolean wanted) {
      hostsFile = wanted;
      return this;
    }

    public Builder setDnIpcPorts(int... ports) {
      ipcPorts = ports;
      return this;
    }

    public Builder racks(String[] ofEach) {
      return ofEach == null ? this : lacks("racks: all DataNodes have one address");
    }

    public Builder hosts(String[] ofEach) {
      return ofEach == null ? this : lacks("host names: all DataNodes have one address");
    }

    public Builder simulatedCapacities(long[] ofEach) {
      return ofEach == null ? this : lacks("DataNodes that make up their bytes");
    }

    public Builder storageCapacities(long[] ofEach) {
      return ofEach == null ? this : lacks("made-up capacities");
    }

    public Builder storageCapacities(long[][] ofEach) {
      return ofEach == null ? this : lacks("made-up capacities");
    }

    public Builder nnTopology(MiniDFSNNTopology topology) {
      if (topology == null) {
        return this;
      }
      if (topology.countNameNodes() > 1) {
        return lacks("several NameNodes");
      }
      nameNodePort = topology.getOnlyNameNode().getIpcPort();
      nameNodeHttpPort = topology.getOnlyNameNode().getHttpPort();
      return this;
    }

    public Builder setNNRedundancyConsiderLoad(boolean wanted) {
      conf.setBoolean("dfs.namenode.redundancy.considerLoad", wanted);
      return this;
    }

    public MiniDFSCluster build() throws IOException {
      return new MiniDFSCluster(this);
    }
  }

  /** A DataNode that was stopped, to be started again. */
  public static final class DataNodeProperties {
    final DataNode datanode;
    final Configuration conf;
    private final Member member;

    private DataNodeProperties(Member member) {
      this.member = member;
      datanode = member.view;
      conf = member.conf;
    }

    public DataNode getDatanode() {
      return datanode;
    }

    public void setDnArgs(String... args) {
      member.args = args;
    }
  }

  /** A daemon: its process, where it runs, and how a test sees it. */
  static final class Member {
    Process process;
    Configuration conf;
    Path folder;
    String[] args = {};
    DataNode view;
    /** When the process was started. */
    private long since;

    boolean runs() {
      return process != null && process.isAlive();
    }

    /** Whether this is what the NameNode heard from the process, and not from the one that was here before. */
    boolean sent(DatanodeInfo node) {
      return node.getXferAddr().equals(conf.get("dfs.datanode.address")) && node.getCapacity() > 0
          && node.getLastUpdate() >= since;
    }
  }

  /** What only daemons within the JVM have: this error says that a test does not apply. */
  static <T> T lacks(String what) {
    throw new NoSuchMethodError("MiniDFSCluster of processes: " + what);
  }

  private final Configuration conf;
  private final File base;
  private boolean waitSafeMode;
  private final int storages;
  private final StorageType[][] types;
  private final Member namenode = new Member();
  private final List<Member> datanodes = new ArrayList<>();
  private final List<FileSystem> open = new ArrayList<>();
  private final DaemonViews views = new DaemonViews(this);
  private final boolean hostsFile;
  private final boolean ownDataDirs;
  private int started;
  private final int port;
  private final int httpPort;

  protected MiniDFSCluster(Builder wanted) throws IOException {
    conf = wanted.conf;
    String configured = conf.get(HDFS_MINIDFS_BASEDIR);
    base = wanted.base != null ? wanted.base : configured != null ? new File(configured) : new File(getBaseDirectory());
    waitSafeMode = wanted.waitSafeMode;
    hostsFile = wanted.hostsFile;
    ownDataDirs = wanted.ownDataDirs;
    storages = wanted.storages;
    types = wanted.types;
    if (wanted.format) {
      for (String disk : new String[] {"data", "name-0-1", "name-0-2", "namesecondary-0-1", "namesecondary-0-2"}) {
        if (!FileUtil.fullyDelete(new File(base, disk)) && new File(base, disk).exists()) {
          throw new IOException("Could not fully delete " + new File(base, disk));
        }
      }
    }
    port = wanted.nameNodePort == 0 ? freePort() : wanted.nameNodePort;
    httpPort = wanted.nameNodeHttpPort == 0 ? freePort() : wanted.nameNodeHttpPort;
    conf.setInt("dfs.replication", Math.min(conf.getInt("dfs.replication", 3), Math.max(wanted.datanodes, 1)));
    conf.setInt("dfs.namenode.safemode.extension", conf.getInt(DFS_NAMENODE_SAFEMODE_EXTENSION_TESTING_KEY, 0));
    conf.set("fs.defaultFS", "hdfs://localhost:" + port);
    conf.set("dfs.namenode.http-address", "127.0.0.1:" + httpPort);
    if ("localhost:0".equals(conf.get("dfs.namenode.servicerpc-address"))) {
      conf.set("dfs.namenode.servicerpc-address", "localhost:" + freePort());
    }
    if (wanted.ownNameDirs) {
      conf.set("dfs.namenode.name.dir", IntStream.rangeClosed(1, wanted.nameDirs)
          .mapToObj(n -> new File(base, "name-0-" + n).toURI().toString()).collect(Collectors.joining(",")));
      conf.set("dfs.namenode.checkpoint.dir", new File(base, "namesecondary-0-1").toURI() + ","
          + new File(base, "namesecondary-0-2").toURI());
    }
    namenode.folder = new File(base, "namenode").toPath();
    namenode.conf = new Configuration(conf);
    try {
      startNameNode(wanted);
      startDataNodes(wanted);
      waitClusterUp();
    } catch (IOException | RuntimeException failure) {
      shutdown();
      throw failure;
    }
  }

  /**
   * A free port below those that the system gives to outgoing connections, which would take it. Each call gives
   * another one: a port that was given stays unbound until its daemon has started.
   */
  private static int freePort() throws IOException {
    for (int attempt = 0; ; attempt++) {
      int candidate = FIRST_PORT + NEXT_PORT.getAndIncrement() % PORTS;
      try (ServerSocket socket = new ServerSocket(candidate)) {
        return socket.getLocalPort();
      } catch (IOException taken) {
        if (attempt == 100) {
          throw taken;
        }
      }
    }
  }

  /** Writes what was set beyond Hadoop's defaults, which are the program's too. */
  private static void writeSite(Configuration conf, Path folder) throws IOException {
    Configuration own = new Configuration(false);
    for (Map.Entry<String, String> entry : conf) {
      String[] sources = conf.getPropertySources(entry.getKey());
      if (sources == null || sources.length == 0 || !DEFAULTS.contains(sources[sources.length - 1])) {
        own.set(entry.getKey(), entry.getValue());
      }
    }
    // A class of the tests, which knows groups of users that only it has.
    if (own.get("hadoop.security.group.mapping", "").endsWith("$MockUnixGroupsMapping")) {
      own.unset("hadoop.security.group.mapping");
    }
    if (own.get(GROUPS) == null) {
      own.set(GROUPS, groupsOfThisJvm());
    }
    Files.createDirectories(folder);
    try (OutputStream out = new FileOutputStream(folder.resolve("core-site.xml").toFile())) {
      own.writeXml(out);
    }
    Files.writeString(folder.resolve("hdfs-site.xml"), "<configuration/>\n");
  }

  /** The groups of the users that a test has made up so far, as a static mapping. */
  private static String groupsOfThisJvm() {
    try {
      Field groups = UserGroupInformation.class.getDeclaredField("groups");
      groups.setAccessible(true);
      Object mapping = groups.get(null);
      if (mapping == null || !mapping.getClass().getSimpleName().equals("TestingGroups")) {
        return "dr.who=;";
      }
      Field users = mapping.getClass().getDeclaredField("userToGroupsMapping");
      users.setAccessible(true);
      return ((Map<?, ?>) users.get(mapping)).entrySet().stream()
          .map(user -> user.getKey() + "=" + ((Set<?>) user.getValue()).stream().map(Object::toString)
              .collect(Collectors.joining(",")))
          .collect(Collectors.joining(";", "dr.who=;", ""));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Process launch(Path folder, String... words) throws IOException {
    List<String> line = new ArrayList<>(List.of(System.getProperty("loxodon.program")));
    line.addAll(Arrays.asList(words));
    ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true)
        .redirectInput(new File("/dev/null"))
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()));
    builder.environment().put("HADOOP_CONF_DIR", folder.toString());
    Process process = builder.start();
    RUNNING.add(process);
    return process;
  }

  static void end(Member member, boolean kill) {
    Process process = member.process;
    member.process = null;
    if (process == null) {
      return;
    }
    if (kill) {
      process.destroyForcibly();
    } else {
      process.destroy();
    }
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    RUNNING.remove(process);
  }

  private static IOException died(Member member, String what) throws IOException {
    String log = Files.readString(member.folder.resolve("log"), StandardCharsets.UTF_8);
    if (log.substring(Math.max(0, log.lastIndexOf("Failed to start "))).contains("java.lang.IllegalArgumentException")) {
      throw new IllegalArgumentException(what + " has ended:\n" + log);
    }
    return new IOException(what + " has ended:\n" + log);
  }

  private void startNameNode(Builder wanted) throws IOException {
    if (wanted.format) {
      writeSite(namenode.conf, namenode.folder);
      List<String> words = new ArrayList<>(List.of("namenode", "-format", "-force", "-nonInteractive"));
      if (wanted.clusterId != null) {
        words.addAll(List.of("-clusterid", wanted.clusterId));
      }
      try {
        Process formatting = launch(namenode.folder, words.toArray(new String[0]));
        int exit = formatting.waitFor();
        RUNNING.remove(formatting);
        if (exit != 0) {
          throw died(namenode, "namenode -format");
        }
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
    startNameNode(options(wanted.startup));
  }

  private static String[] options(StartupOption option) {
    boolean none = option == StartupOption.REGULAR || option == StartupOption.FORMAT;
    return none ? new String[0] : new String[] {option.getName()};
  }

  private void startNameNode(String... args) throws IOException {
    writeSite(namenode.conf, namenode.folder);
    List<String> words = new ArrayList<>(List.of("namenode"));
    words.addAll(Arrays.asList(args));
    namenode.process = launch(namenode.folder, words.toArray(new String[0]));
    until("the NameNode's port", () -> {
      if (!namenode.process.isAlive()) {
        throw died(namenode, "the NameNode");
      }
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
        return true;
      } catch (IOException notYet) {
        return false;
      }
    });
  }

  /** A question asked again and again. */
  interface Probe {
    boolean holds() throws IOException;
  }

  static void until(String what, Probe probe) throws IOException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
    while (!probe.holds()) {
      if (System.nanoTime() > end) {
        throw new IOException("Timed out waiting for " + what);
      }
      try {
        Thread.sleep(30);
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
  }

  private void startDataNodes(Builder wanted) throws IOException {
    String[] args = options(wanted.datanodeStartup);
    for (int i = 0; i < wanted.datanodes; i++) {
      Configuration overlay = wanted.overlays == null ? null : wanted.overlays[i];
      addDataNode(overlay, conf, i < wanted.ipcPorts.length ? wanted.ipcPorts[i] : 0, args);
    }
  }

  private void addDataNode(Configuration overlay, Configuration given, int ipcPort, String... args)
      throws IOException {
    int index = datanodes.size();
    Member member = new Member();
    member.args = args;
    member.conf = new Configuration(given);
    if (overlay != null) {
      member.conf.addResource(overlay);
    }
    member.conf.set("dfs.datanode.address", "127.0.0.1:" + freePort());
    member.conf.set("dfs.datanode.http.address", "127.0.0.1:0");
    member.conf.set("dfs.datanode.ipc.address", "127.0.0.1:" + (ipcPort == 0 ? freePort() : ipcPort));
    List<String> directories = new ArrayList<>();
    for (int d = 0; d < storages; d++) {
      StorageType[] ofNode = types == null ? null : types[Math.min(index, types.length - 1)];
      String type = ofNode == null ? "" : "[" + ofNode[d] + "]";
      directories.add(type + getInstanceStorageDir(index, d).toURI());
    }
    if (ownDataDirs) {
      member.conf.set("dfs.datanode.data.dir", String.join(",", directories));
    }
    member.folder = new File(base, "datanode-" + started++).toPath();
    member.view = views.dataNode(member);
    if (hostsFile) {
      String line = member.conf.get("dfs.datanode.address") + "\n";
      Files.writeString(Path.of(conf.get("dfs.hosts")), line, StandardOpenOption.APPEND);
    }
    datanodes.add(member);
    startMember(member);
  }

  private void startMember(Member member) throws IOException {
    writeSite(member.conf, member.folder);
    List<String> words = new ArrayList<>(List.of("datanode"));
    words.addAll(Arrays.asList(member.args));
    member.since = System.currentTimeMillis();
    member.process = launch(member.folder, words.toArray(new String[0]));
  }

  public synchronized void startDataNodes(Configuration given, int count, boolean manage,
      StartupOption operation, String[] racksOfEach) throws IOException {
    if (racksOfEach != null) {
      lacks("racks: all DataNodes have one address");
    }
    for (int i = 0; i < count; i++) {
      addDataNode(null, given, 0, options(operation == null ? StartupOption.REGULAR : operation));
    }
    waitActive();
  }

  public synchronized void startDataNodes(Configuration given, int count, boolean manage,
      StartupOption operation, String[] racksOfEach, String[] hostsOfEach, long[] capacities, boolean hostsFile)
      throws IOException {
    if (hostsOfEach != null) {
      lacks("host names: all DataNodes have one address");
    }
    startDataNodes(given, count, manage, operation, racksOfEach, capacities);
  }

  public synchronized void startDataNodes(Configuration given, int count, boolean manage,
      StartupOption operation, String[] racksOfEach, String[] hostsOfEach, long[] capacities, boolean hostsFile,
      boolean checkAddress) throws IOException {
    startDataNodes(given, count, manage, operation, racksOfEach, hostsOfEach, capacities, hostsFile);
  }

  public void startDataNodes(Configuration given, int count, StartupOption operation, String[] racksOfEach)
      throws IOException {
    startDataNodes(given, count, true, operation, racksOfEach);
  }

  public synchronized void startDataNodes(Configuration given, int count, boolean manage,
      StartupOption operation, String[] racksOfEach, long[] capacities) throws IOException {
    if (capacities != null) {
      lacks("made-up capacities");
    }
    startDataNodes(given, count, manage, operation, racksOfEach);
  }

  public void waitNameNodeUp(int index) {
    try {
      waitActive(index);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  public void setWaitSafeMode(boolean wanted) {
    waitSafeMode = wanted;
  }

  private long running() {
    return datanodes.stream().filter(member -> member.process != null).count();
  }

  public void waitActive() throws IOException {
    waitActive(0);
  }

  public void waitActive(int index) throws IOException {
    if (namenode.process == null) {
      return;
    }
    try (DFSClient client = new DFSClient(getURI(), conf)) {
      until("live DataNodes", () -> {
        if (!namenode.process.isAlive()) {
          throw died(namenode, "the NameNode");
        }
        for (Member member : datanodes) {
          if (member.process != null && !member.process.isAlive()) {
            throw died(member, "a DataNode");
          }
        }
        DatanodeInfo[] live;
        try {
          live = client.datanodeReport(DatanodeReportType.LIVE);
        } catch (EOFException | SocketException restarted) {
          // The connection that Java keeps is that to the NameNode of before: closed, reset or refused.
          return false;
        }
        return datanodes.stream().filter(member -> member.process != null)
            .allMatch(member -> Stream.of(live).anyMatch(member::sent));
      });
    }
  }

  public void waitClusterUp() throws IOException {
    waitActive();
    if (waitSafeMode && running() > 0) {
      try (DFSClient client = new DFSClient(getURI(), conf)) {
        until("the end of safe mode", () -> !client.setSafeMode(SafeModeAction.SAFEMODE_GET, false));
      }
    }
  }

  public boolean isClusterUp() {
    return namenode.process != null;
  }

  public boolean isNameNodeUp(int index) {
    return namenode.process != null;
  }

  public boolean isDataNodeUp() {
    return running() > 0;
  }

  public int getNumNameNodes() {
    return 1;
  }

  public int getStoragesPerDatanode() {
    return storages;
  }

  public URI getURI() {
    return getURI(0);
  }

  public URI getURI(int index) {
    return URI.create("hdfs://localhost:" + port);
  }

  public String getHttpUri(int index) {
    return "http://127.0.0.1:" + httpPort;
  }

  public int getNameNodePort() {
    return port;
  }

  public int getNameNodePort(int index) {
    return port;
  }

  public int getNameNodeServicePort(int index) {
    String address = conf.get("dfs.namenode.servicerpc-address", "");
    return address.isEmpty() ? port : Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
  }

  public int getInstanceId() {
    return 0;
  }

  public NameNode getNameNode() {
    return views.nameNode();
  }

  public NameNode getNameNode(int index) {
    return views.nameNode();
  }

  public FSNamesystem getNamesystem() {
    return views.namesystem();
  }

  public FSNamesystem getNamesystem(int index) {
    return views.namesystem();
  }

  public ArrayList<DataNode> getDataNodes() {
    return datanodes.stream().map(member -> member.view).collect(Collectors.toCollection(ArrayList::new));
  }

  public DataNode getDataNode(int ipcPort) {
    return datanodes.stream().map(member -> member.view).filter(node -> node.getIpcPort() == ipcPort)
        .findFirst().orElse(null);
  }

  public FsDatasetTestUtils getFsDatasetTestUtils(int index) {
    return views.disks(getStorageDirs(index));
  }

  public FsDatasetTestUtils getFsDatasetTestUtils(DataNode node) {
    for (int i = 0; i < datanodes.size(); i++) {
      if (datanodes.get(i).view == node) {
        return getFsDatasetTestUtils(i);
      }
    }
    throw new IllegalArgumentException(node + " is not of this cluster");
  }

  public FsDatasetTestUtils.MaterializedReplica getMaterializedReplica(int index, ExtendedBlock block)
      throws ReplicaNotFoundException {
    return getFsDatasetTestUtils(index).getMaterializedReplica(block);
  }

  public FsDatasetTestUtils.MaterializedReplica getMaterializedReplica(DataNode node, ExtendedBlock block)
      throws ReplicaNotFoundException {
    return getFsDatasetTestUtils(node).getMaterializedReplica(block);
  }

  private List<File> getStorageDirs(int index) {
    return IntStream.range(0, storages).mapToObj(d -> getInstanceStorageDir(index, d)).collect(Collectors.toList());
  }

  public void triggerHeartbeats() throws IOException {
    for (Member member : datanodes) {
      views.heartbeat(member);
    }
  }

  public void triggerBlockReports() throws IOException {
    for (Member member : datanodes) {
      views.blockReport(member, false);
    }
  }

  public void triggerDeletionReports() throws IOException {
    for (Member member : datanodes) {
      views.blockReport(member, true);
    }
  }

  public void waitFirstBRCompleted(int index, int milliseconds) throws IOException {
    for (Member member : datanodes) {
      views.firstBlockReport(member);
    }
  }

  public void waitDatanodeFullyStarted(DataNode node, int milliseconds) throws IOException {
    until("a DataNode", node::isDatanodeFullyStarted);
  }

  public void waitDatanodeConnectedToActive(DataNode node, int milliseconds) throws IOException {
    until("a DataNode", node::isDatanodeFullyStarted);
  }

  public Configuration getConfiguration(int index) {
    return namenode.conf;
  }

  public DistributedFileSystem getFileSystem() throws IOException {
    return getFileSystem(0);
  }

  public DistributedFileSystem getFileSystem(int index) throws IOException {
    return (DistributedFileSystem) remember(FileSystem.get(getURI(), namenode.conf));
  }

  public FileSystem getNewFileSystemInstance(int index) throws IOException {
    return remember(FileSystem.newInstance(getURI(), namenode.conf));
  }

  private FileSystem remember(FileSystem fs) {
    open.add(fs);
    return fs;
  }

  /** The NameNode's calls; errors come as the exceptions that the NameNode threw. */
  public NamenodeProtocols getNameNodeRpc() {
    return getNameNodeRpc(0);
  }

  public NamenodeProtocols getNameNodeRpc(int index) {
    InvocationHandler handler = (proxy, method, args) -> {
      try {
        Object calls = protocol(method.getDeclaringClass());
        return calls.getClass().getMethod(method.getName(), method.getParameterTypes()).invoke(calls, args);
      } catch (InvocationTargetException e) {
        throw thrown(e.getCause());
      } catch (NoSuchMethodException e) {
        throw new UnsupportedOperationException(method.getName());
      }
    };
    try {
      // Tests spy on these calls, and no spy can be made of a Proxy's class, which is final.
      return (NamenodeProtocols) new ByteBuddy().subclass(Object.class).implement(NamenodeProtocols.class)
          .method(ElementMatchers.isAbstract()).intercept(InvocationHandlerAdapter.of(handler))
          .make().load(getClass().getClassLoader()).getLoaded().getDeclaredConstructor().newInstance();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private Object protocol(Class<?> declares) throws IOException {
    if (declares == ClientProtocol.class) {
      return NameNodeProxiesClient.createProxyWithClientProtocol(conf, getURI(), null).getProxy();
    }
    if (declares == DatanodeProtocol.class) {
      return new DatanodeProtocolClientSideTranslatorPB(new InetSocketAddress("localhost", port), conf);
    }
    return NameNodeProxies.createProxy(conf, getURI(), declares).getProxy();
  }

  private static Throwable thrown(Throwable answer) {
    if (answer instanceof RemoteException) {
      RemoteException remote = (RemoteException) answer;
      try {
        Class<?> type = Class.forName(remote.getClassName());
        // The one throwable that is made from any object.
        Class<?> from = type == AssertionError.class ? Object.class : String.class;
        return (Throwable) type.getConstructor(from).newInstance(remote.getMessage());
      } catch (ReflectiveOperationException e) {
        return remote;
      }
    }
    return answer;
  }

  public void shutdown() {
    shutdown(false);
  }

  public void shutdown(boolean deleteDisks) {
    shutdown(deleteDisks, true);
  }

  public void shutdown(boolean deleteDisks, boolean closeFileSystems) {
    if (closeFileSystems) {
      for (FileSystem fs : open) {
        try {
          fs.close();
        } catch (IOException e) {
          System.err.println("closing a file system: " + e);
        }
      }
      open.clear();
    }
    shutdownDataNodes();
    shutdownNameNodes();
    datanodes.clear();
    if (deleteDisks) {
      FileUtil.fullyDelete(base);
    }
  }

  @Override
  public void close() {
    shutdown();
  }

  public static void shutdownCluster(MiniDFSCluster cluster) {
    if (cluster != null) {
      cluster.shutdown();
    }
  }

  public void shutdownDataNodes() {
    datanodes.forEach(member -> end(member, true));
    datanodes.clear();
  }

  public void shutdownDataNode(int index) {
    end(datanodes.remove(index), false);
  }

  public synchronized void shutdownNameNodes() {
    end(namenode, false);
  }

  public synchronized void shutdownNameNode(int index) {
    end(namenode, false);
  }

  public synchronized void restartNameNodes() throws IOException {
    restartNameNode(true);
  }

  public synchronized void restartNameNode(String... args) throws IOException {
    restartNameNode(0, true, args);
  }

  public synchronized void restartNameNode(boolean wait) throws IOException {
    restartNameNode(0, wait);
  }

  public synchronized void restartNameNode(int index) throws IOException {
    restartNameNode(index, true);
  }

  public synchronized void restartNameNode(int index, boolean wait, String... args) throws IOException {
    end(namenode, false);
    startNameNode(args);
    if (wait) {
      waitClusterUp();
    }
  }

  /** As in Hadoop's class the others move up, and one that is started again is the last. */
  public synchronized DataNodeProperties stopDataNode(int index) {
    if (index < 0 || index >= datanodes.size()) {
      return null;
    }
    Member member = datanodes.remove(index);
    end(member, false);
    return new DataNodeProperties(member);
  }

  public synchronized DataNodeProperties stopDataNode(String address) {
    return stopDataNode(indexOf(address));
  }

  private int indexOf(String address) {
    for (int i = 0; i < datanodes.size(); i++) {
      if (address.equals(datanodes.get(i).conf.get("dfs.datanode.address"))) {
        return i;
      }
    }
    return -1;
  }

  /** The process says to its writers that it will come back. */
  public synchronized DataNodeProperties stopDataNodeForUpgrade(int index) throws IOException {
    if (index < 0 || index >= datanodes.size()) {
      return null;
    }
    Member member = datanodes.remove(index);
    views.shutdownForUpgrade(member);
    end(member, false);
    return new DataNodeProperties(member);
  }

  public boolean restartDataNode(DataNodeProperties stopped) throws IOException {
    return restartDataNode(stopped, true);
  }

  public synchronized boolean restartDataNode(DataNodeProperties stopped, boolean keepPort) throws IOException {
    startMember(stopped.member);
    datanodes.add(stopped.member);
    return true;
  }

  public synchronized boolean restartDataNode(String address) throws IOException {
    int index = indexOf(address);
    return index >= 0 && restartDataNode(index);
  }

  public boolean restartDataNode(int index) throws IOException {
    return restartDataNode(index, false);
  }

  public synchronized boolean restartDataNode(int index, boolean keepPort) throws IOException {
    DataNodeProperties stopped = stopDataNode(index);
    return stopped != null && restartDataNode(stopped, keepPort);
  }

  public synchronized boolean restartDataNode(int index, boolean keepPort, boolean expire) throws IOException {
    return expire ? lacks("DataNodes that expire at once") : restartDataNode(index, keepPort);
  }

  public void setDataNodeDead(DatanodeID node) {
    lacks("DataNodes that expire at once");
  }

  public void setDataNodesDead() {
    lacks("DataNodes that expire at once");
  }

  public synchronized boolean restartDataNodes(boolean keepPort) throws IOException {
    for (int i = datanodes.size() - 1; i >= 0; i--) {
      restartDataNode(i, keepPort);
    }
    return true;
  }

  public boolean restartDataNodes() throws IOException {
    return restartDataNodes(false);
  }

  public Collection<URI> getNameDirs(int index) {
    return Util.stringCollectionAsURIs(conf.getTrimmedStringCollection("dfs.namenode.name.dir"));
  }

  public Collection<URI> getNameEditsDirs(int index) {
    return getNameDirs(index);
  }

  public void finalizeCluster(int index, Configuration conf) throws Exception {
    finalizeCluster(conf);
  }

  public void finalizeCluster(Configuration conf) throws Exception {
    getNameNodeRpc().finalizeUpgrade();
  }

  public void formatDataNodeDirs() throws IOException {
    File data = new File(base, "data");
    if (!FileUtil.fullyDelete(data) && data.exists()) {
      throw new IOException("Cannot remove data directory: " + data);
    }
  }

  public String getDataDirectory() {
    return new File(base, "data").getPath();
  }

  public static String getBaseDirectory() {
    return GenericTestUtils.getTestDir("dfs").getAbsolutePath() + File.separator;
  }

  public File getInstanceStorageDir(int datanode, int directory) {
    return new File(base, "data/data" + (storages * datanode + 1 + directory));
  }

  public File getStorageDir(int datanode, int directory) {
    return getInstanceStorageDir(datanode, directory);
  }

  public static String getDNCurrentDir(File storage) {
    return storage + "/current/";
  }

  public static String getBPDir(File storage, String pool) {
    return getDNCurrentDir(storage) + pool + "/";
  }

  public static String getBPDir(File storage, String pool, String name) {
    return getBPDir(storage, pool) + name + "/";
  }

  public static File getFinalizedDir(File storage, String pool) {
    return new File(storage, "current/" + pool + "/current/finalized");
  }

  public static File getRbwDir(File storage, String pool) {
    return new File(storage, "current/" + pool + "/current/rbw");
  }

  static List<File> files(File top, String pattern) {
    try (Stream<Path> found = Files.walk(top.toPath())) {
      return found.map(Path::toFile).filter(file -> file.getName().matches(pattern)).collect(Collectors.toList());
    } catch (IOException e) {
      return new ArrayList<>();
    }
  }

  public static List<File> getAllBlockFiles(File storage) {
    return files(storage, "blk_\\d+");
  }

  public static List<File> getAllBlockMetadataFiles(File storage) {
    return files(storage, "blk_\\d+_\\d+\\.meta");
  }

  public static File getBlockFile(File storage, ExtendedBlock block) {
    File pool = getFinalizedDir(storage, block.getBlockPoolId());
    return files(pool, "blk_" + block.getBlockId()).stream().findFirst().orElse(null);
  }

  public static File getBlockMetadataFile(File storage, ExtendedBlock block) {
    File pool = getFinalizedDir(storage, block.getBlockPoolId());
    return files(pool, block.getBlockName() + "_" + block.getGenerationStamp() + "\\.meta").stream()
        .findFirst().orElse(null);
  }

  public File getBlockFile(int datanode, ExtendedBlock block) {
    for (int d = 0; d < storages; d++) {
      File file = getBlockFile(getInstanceStorageDir(datanode, d), block);
      if (file != null) {
        return file;
      }
    }
    return null;
  }

  public File getBlockMetadataFile(int datanode, ExtendedBlock block) {
    for (int d = 0; d < storages; d++) {
      File file = getBlockMetadataFile(getInstanceStorageDir(datanode, d), block);
      if (file != null) {
        return file;
      }
    }
    return null;
  }

  public File[] getAllBlockFiles(ExtendedBlock block) {
    List<File> found = new ArrayList<>();
    for (int i = 0; i < datanodes.size(); i++) {
      File file = getBlockFile(i, block);
      if (file != null) {
        found.add(file);
      }
    }
    return found.toArray(new File[0]);
  }

  public void corruptReplica(int index, ExtendedBlock block) throws IOException {
    getMaterializedReplica(index, block).corruptData();
  }

  public void corruptReplica(DataNode node, ExtendedBlock block) throws IOException {
    getMaterializedReplica(node, block).corruptData();
  }

  public void corruptMeta(int index, ExtendedBlock block) throws IOException {
    getMaterializedReplica(index, block).corruptMeta();
  }

  public void deleteMeta(int index, ExtendedBlock block) throws IOException {
    getMaterializedReplica(index, block).deleteMeta();
  }

  public void truncateMeta(int index, ExtendedBlock block, int length) throws IOException {
    getMaterializedReplica(index, block).truncateMeta(length);
  }

  public void changeGenStampOfBlock(int index, ExtendedBlock block, long stamp) throws IOException {
    getFsDatasetTestUtils(index).changeStoredGenerationStamp(block, stamp);
  }

  public int corruptBlockOnDataNodes(ExtendedBlock block) throws IOException {
    int count = 0;
    for (int i = 0; i < datanodes.size(); i++) {
      if (getBlockFile(i, block) != null) {
        corruptReplica(i, block);
        count++;
      }
    }
    return count;
  }

  public int corruptBlockOnDataNodesByDeletingBlockFile(ExtendedBlock block) throws IOException {
    File[] found = getAllBlockFiles(block);
    for (File file : found) {
      Files.delete(file.toPath());
    }
    return found.length;
  }

  public byte[] readBlockOnDataNodeAsBytes(int datanode, ExtendedBlock block) throws IOException {
    File file = getBlockFile(datanode, block);
    return file == null ? null : Files.readAllBytes(file.toPath());
  }

  public String readBlockOnDataNode(int datanode, ExtendedBlock block) throws IOException {
    File file = getBlockFile(datanode, block);
    return file == null ? null : Files.readString(file.toPath(), StandardCharsets.UTF_8);
  }
}
