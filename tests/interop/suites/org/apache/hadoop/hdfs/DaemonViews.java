package org.apache.hadoop.hdfs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.permission.AclStatus;
import org.apache.hadoop.ha.HAServiceProtocol.HAServiceState;
import org.apache.hadoop.hdfs.client.BlockReportOptions;
import org.apache.hadoop.hdfs.protocol.Block;
import org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol;
import org.apache.hadoop.hdfs.protocol.DatanodeID;
import org.apache.hadoop.hdfs.protocol.DatanodeInfo;
import org.apache.hadoop.hdfs.protocol.ExtendedBlock;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.DatanodeReportType;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.SafeModeAction;
import org.apache.hadoop.hdfs.protocol.LocatedBlocks;
import org.apache.hadoop.hdfs.security.token.block.ExportedBlockKeys;
import org.apache.hadoop.hdfs.server.blockmanagement.BlockManager;
import org.apache.hadoop.hdfs.server.blockmanagement.DatanodeDescriptor;
import org.apache.hadoop.hdfs.server.blockmanagement.DatanodeManager;
import org.apache.hadoop.hdfs.server.common.HdfsServerConstants.NodeType;
import org.apache.hadoop.hdfs.server.common.StorageInfo;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.datanode.DataNodeLayoutVersion;
import org.apache.hadoop.hdfs.server.datanode.FsDatasetTestUtils;
import org.apache.hadoop.hdfs.server.datanode.ReplicaNotFoundException;
import org.apache.hadoop.hdfs.server.namenode.FSDirectory;
import org.apache.hadoop.hdfs.server.namenode.FSImage;
import org.apache.hadoop.hdfs.server.namenode.FSNamesystem;
import org.apache.hadoop.hdfs.server.namenode.INode;
import org.apache.hadoop.hdfs.server.namenode.InodeViews;
import org.apache.hadoop.hdfs.server.namenode.NNStorage;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.hdfs.server.protocol.DatanodeRegistration;
import org.apache.hadoop.hdfs.server.protocol.NamenodeProtocols;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;
import org.apache.hadoop.util.VersionInfo;
import org.mockito.Mockito;

/**
 * Objects of Hadoop's daemon classes for the daemons of a {@link MiniDFSCluster}: what a process tells by RPC, in its
 * beans or on its disks, their methods answer; the others end as the cluster's missing methods do.
 */
final class DaemonViews {
  private static final int PATIENCE_MS = 30_000;

  private final MiniDFSCluster cluster;
  private FSNamesystem namesystem;
  private NameNode nameNode;
  private NamenodeProtocols calls;

  DaemonViews(MiniDFSCluster cluster) {
    this.cluster = cluster;
  }

  private static <T> T view(Class<T> type, Object answers) {
    return Mockito.mock(type, Mockito.withSettings().stubOnly().defaultAnswer(call -> {
      Method asked = call.getMethod();
      Object[] given = call.getArguments();
      for (Method own : answers.getClass().getDeclaredMethods()) {
        if (own.getName().equals(asked.getName()) && own.getParameterCount() == given.length) {
          return invoke(own, answers, given);
        }
      }
      if (asked.getName().equals("toString")) {
        return type.getSimpleName() + " of a process";
      }
      Object counted = answers instanceof Namesystem ? ((Namesystem) answers).counted(asked) : null;
      return counted != null ? counted : MiniDFSCluster.lacks(type.getSimpleName() + "." + asked.getName());
    }));
  }

  private static Object invoke(Method method, Object on, Object[] given) throws Throwable {
    method.setAccessible(true);
    try {
      return method.invoke(on, given);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private NamenodeProtocols calls() {
    calls = calls == null ? cluster.getNameNodeRpc() : calls;
    return calls;
  }

  private JsonNode bean(String name) {
    try (InputStream page = new URL(cluster.getHttpUri(0) + "/jmx?qry=Hadoop:service=NameNode,name=" + name)
        .openStream()) {
      return new ObjectMapper().readTree(page).path("beans").path(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private DatanodeInfo[] report(DatanodeReportType type) throws IOException {
    return calls().getDatanodeReport(type);
  }

  FSNamesystem namesystem() {
    if (namesystem == null) {
      namesystem = view(FSNamesystem.class, new Namesystem());
      set(FSNamesystem.class, namesystem, "leaseManager", new InodeViews(calls()).leases(namesystem));
      FSDirectory directory = view(FSDirectory.class, new Directory());
      set(FSDirectory.class, directory, "rootDir", new InodeViews(calls()).root());
      set(FSNamesystem.class, namesystem, "dir", directory);
    }
    return namesystem;
  }

  NameNode nameNode() {
    if (nameNode == null) {
      nameNode = view(NameNode.class, new Names());
      set(NameNode.class, nameNode, "namesystem", namesystem());
    }
    return nameNode;
  }

  private static void set(Class<?> type, Object on, String field, Object value) {
    try {
      Field found = type.getDeclaredField(field);
      found.setAccessible(true);
      found.set(on, value);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  DataNode dataNode(MiniDFSCluster.Member member) {
    return view(DataNode.class, new Node(member));
  }

  FsDatasetTestUtils disks(List<File> directories) {
    return view(FsDatasetTestUtils.class, new Disks(directories));
  }

  /** Until the NameNode has heard from a DataNode that runs. */
  void heartbeat(MiniDFSCluster.Member member) throws IOException {
    long asked = System.currentTimeMillis();
    heard(member, node -> node.getLastUpdate() > asked);
  }

  void firstBlockReport(MiniDFSCluster.Member member) throws IOException {
    heard(member, node -> node.getLastBlockReportTime() > 0);
  }

  void blockReport(MiniDFSCluster.Member member, boolean incremental) throws IOException {
    if (!member.runs()) {
      return;
    }
    long asked = System.currentTimeMillis();
    BlockReportOptions wanted = new BlockReportOptions.Factory().setIncremental(incremental).build();
    try {
      administration(member).triggerBlockReport(wanted);
    } catch (EOFException e) {
      // The connection was to the process before this one.
      administration(member).triggerBlockReport(wanted);
    }
    if (incremental) {
      heartbeat(member);
    } else {
      heard(member, node -> node.getLastBlockReportTime() >= asked);
    }
  }

  private void heard(MiniDFSCluster.Member member, java.util.function.Predicate<DatanodeInfo> news)
      throws IOException {
    long end = System.currentTimeMillis() + PATIENCE_MS;
    String address = member.conf.get("dfs.datanode.address");
    MiniDFSCluster.until("news of " + address, () -> !member.runs() || System.currentTimeMillis() > end
        || Arrays.stream(report(DatanodeReportType.LIVE))
            .anyMatch(node -> node.getXferAddr().equals(address) && news.test(node)));
  }

  void shutdownForUpgrade(MiniDFSCluster.Member member) throws IOException {
    administration(member).shutdownDatanode(true);
    MiniDFSCluster.until("the end of a DataNode", () -> !member.runs());
  }

  private static int port(MiniDFSCluster.Member member, String key) {
    String address = member.conf.get(key);
    return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
  }

  private ClientDatanodeProtocol administration(MiniDFSCluster.Member member) throws IOException {
    DatanodeID id = new DatanodeID("127.0.0.1", "localhost", "", port(member, "dfs.datanode.address"), 0, 0,
        port(member, "dfs.datanode.ipc.address"));
    return DFSUtilClient.createClientDatanodeProtocolProxy(id, member.conf, 10_000, false);
  }

  private static InetSocketAddress local(int port) {
    return new InetSocketAddress("localhost", port);
  }

  /** {@code NameNode}. */
  private final class Names {
    FSNamesystem getNamesystem() {
      return namesystem();
    }

    NamenodeProtocols getRpcServer() {
      return calls();
    }

    String getHostAndPort() {
      return "localhost:" + cluster.getNameNodePort();
    }

    String getNameNodeAddressHostPortString() {
      return getHostAndPort();
    }

    String getClientNamenodeAddress() {
      return getHostAndPort();
    }

    InetSocketAddress getNameNodeAddress() {
      return local(cluster.getNameNodePort());
    }

    InetSocketAddress getServiceRpcAddress() {
      return local(cluster.getNameNodeServicePort(0));
    }

    InetSocketAddress getHttpAddress() {
      String uri = cluster.getHttpUri(0);
      return local(Integer.parseInt(uri.substring(uri.lastIndexOf(':') + 1)));
    }

    boolean isInSafeMode() throws IOException {
      return calls().setSafeMode(SafeModeAction.SAFEMODE_GET, false);
    }

    boolean isActiveState() {
      return true;
    }

    boolean isStandbyState() {
      return false;
    }

    HAServiceState getServiceState() {
      return HAServiceState.ACTIVE;
    }

    void stop() {
      cluster.shutdownNameNode(0);
    }

    void join() {
      cluster.shutdownNameNode(0);
    }

    FSImage getFSImage() {
      return view(FSImage.class, new Image());
    }
  }

  /** {@code FSImage}. */
  private final class Image {
    NNStorage getStorage() throws IOException {
      return InodeViews.storage(
          cluster.getConfiguration(0), cluster.getNameDirs(0), calls().getMostRecentCheckpointTxId());
    }

    long getLastAppliedOrWrittenTxId() throws IOException {
      return calls().getTransactionID();
    }

    boolean hasRollbackFSImage() throws IOException {
      return Arrays.stream(getStorage().getFsImageName(0).getParentFile().list())
          .anyMatch(name -> name.startsWith("fsimage_rollback_"));
    }
  }

  /** {@code FSNamesystem}. */
  private final class Namesystem {
    private long counted(String field) {
      return bean("FSNamesystem").path(field).asLong();
    }

    /** A number that a bean has under the method's name; null where none has. */
    private Object counted(Method asked) {
      if (asked.getParameterCount() > 0 || !asked.getName().startsWith("get")) {
        return null;
      }
      for (String name : new String[] {"FSNamesystem", "FSNamesystemState", "NameNodeInfo"}) {
        JsonNode field = bean(name).path(asked.getName().substring("get".length()));
        if (field.isNumber()) {
          return asked.getReturnType() == int.class ? (Object) field.asInt() : (Object) field.asLong();
        }
      }
      return null;
    }

    String getBlockPoolId() throws IOException {
      return calls().versionRequest().getBlockPoolID();
    }

    String getClusterId() throws IOException {
      return calls().versionRequest().getClusterID();
    }

    long getBlocksTotal() {
      return counted("BlocksTotal");
    }

    long getFilesTotal() {
      return counted("FilesTotal");
    }

    long getUnderReplicatedBlocks() {
      return counted("UnderReplicatedBlocks");
    }

    long getLowRedundancyBlocks() {
      return counted("UnderReplicatedBlocks");
    }

    long getPendingReplicationBlocks() {
      return counted("PendingReplicationBlocks");
    }

    long getPendingReconstructionBlocks() {
      return counted("PendingReplicationBlocks");
    }

    long getScheduledReplicationBlocks() {
      return counted("ScheduledReplicationBlocks");
    }

    long getPendingDeletionBlocks() {
      return counted("PendingDeletionBlocks");
    }

    long getCorruptReplicaBlocks() {
      return counted("CorruptBlocks");
    }

    long getMissingBlocksCount() {
      return counted("MissingBlocks");
    }

    long getExcessBlocks() {
      return counted("ExcessBlocks");
    }

    long getNumFilesUnderConstruction() {
      return counted("NumFilesUnderConstruction");
    }

    long getCapacityTotal() {
      return counted("CapacityTotal");
    }

    long getCapacityUsed() {
      return counted("CapacityUsed");
    }

    int getTotalLoad() {
      return (int) counted("TotalLoad");
    }

    int getNumLiveDataNodes() throws IOException {
      return report(DatanodeReportType.LIVE).length;
    }

    int getNumDeadDataNodes() throws IOException {
      return report(DatanodeReportType.DEAD).length;
    }

    int getVolumeFailuresTotal() {
      return bean("FSNamesystemState").path("VolumeFailuresTotal").asInt();
    }

    String getSafemode() {
      return bean("NameNodeInfo").path("Safemode").asText();
    }

    String getSafeModeTip() {
      return getSafemode();
    }

    boolean isUpgradeFinalized() {
      return bean("NameNodeInfo").path("UpgradeFinalized").asBoolean();
    }

    String getHAState() {
      return "active";
    }

    boolean isRunning() {
      return cluster.isNameNodeUp(0);
    }

    boolean isInSafeMode() throws IOException {
      return calls().setSafeMode(SafeModeAction.SAFEMODE_GET, false);
    }

    boolean setSafeMode(SafeModeAction action) throws IOException {
      return calls().setSafeMode(action, false);
    }

    void enterSafeMode(boolean resourcesLow) throws IOException {
      calls().setSafeMode(SafeModeAction.SAFEMODE_ENTER, false);
    }

    void leaveSafeMode(boolean force) throws IOException {
      calls().setSafeMode(force ? SafeModeAction.SAFEMODE_FORCE_EXIT : SafeModeAction.SAFEMODE_LEAVE, false);
    }

    boolean saveNamespace(long window, long gap) throws IOException {
      return calls().saveNamespace(window, gap);
    }

    LocatedBlocks getBlockLocations(String client, String path, long offset, long length) throws IOException {
      return calls().getBlockLocations(path, offset, length);
    }

    boolean setReplication(String path, short copies) throws IOException {
      return calls().setReplication(path, copies);
    }

    boolean recoverLease(String path, String holder, String machine) throws IOException {
      return calls().recoverLease(path, holder);
    }

    AclStatus getAclStatus(String path) throws IOException {
      return calls().getAclStatus(path);
    }

    Collection<?> listCorruptFileBlocks(String path, String[] cookie) throws IOException {
      return new InodeViews(calls()).damaged(path, cookie);
    }

    long getCorruptFilesCount() throws IOException {
      return new InodeViews(calls()).damaged("/", null).size();
    }

    long[] getStats() throws IOException {
      return calls().getStats();
    }

    void metaSave(String file) throws IOException {
      calls().metaSave(file);
    }

    NamespaceInfo getNamespaceInfo() throws IOException {
      return calls().versionRequest();
    }

    Object getProvider() {
      return null;
    }

    Object getFSDirectory() throws ReflectiveOperationException {
      Field directory = FSNamesystem.class.getDeclaredField("dir");
      directory.setAccessible(true);
      return directory.get(namesystem());
    }

    Object getLeaseManager() throws ReflectiveOperationException {
      Field leases = FSNamesystem.class.getDeclaredField("leaseManager");
      leases.setAccessible(true);
      return leases.get(namesystem());
    }

    FSImage getFSImage() {
      return nameNode().getFSImage();
    }

    BlockManager getBlockManager() {
      return view(BlockManager.class, new Blocks());
    }

    void readLock(Object mode) {
    }

    void readUnlock(Object mode, Object name) {
    }

    void writeLock(Object mode) {
    }

    void writeUnlock(Object mode, Object name) {
    }

    void readLock() {
    }

    void readUnlock(Object name) {
    }

    void writeLock() {
    }

    void writeUnlock(Object name) {
    }
  }

  /** {@code FSDirectory}. */
  private final class Directory {
    INode getINode(String path) throws IOException {
      return new InodeViews(calls()).inode(path);
    }

    INode getINode(String path, Object operation) throws IOException {
      return getINode(path);
    }

    INode getINode4Write(String path) throws IOException {
      return getINode(path);
    }

    INode getRoot() throws IOException {
      return getINode("/");
    }

    long totalInodes() {
      return namesystem().getFilesTotal();
    }

    int getInodeMapSize() {
      return (int) namesystem().getFilesTotal();
    }
  }

  /** {@code BlockManager}. */
  private final class Blocks {
    DatanodeManager getDatanodeManager() {
      return view(DatanodeManager.class, new Nodes());
    }

    Queue<?> getMarkedDeleteQueue() {
      return new ConcurrentLinkedQueue<>();
    }

    void updateState() {
    }

    void flushBlockOps() {
    }

    long getTotalBlocks() {
      return namesystem().getBlocksTotal();
    }

    long getMissingBlocksCount() {
      return namesystem().getMissingBlocksCount();
    }

    long getLowRedundancyBlocksCount() {
      return namesystem().getUnderReplicatedBlocks();
    }

    long getPendingReconstructionBlocksCount() {
      return namesystem().getPendingReconstructionBlocks();
    }

    long getPendingDeletionBlocksCount() {
      return namesystem().getPendingDeletionBlocks();
    }

    long getCorruptReplicaBlocksCount() {
      return namesystem().getCorruptReplicaBlocks();
    }

    long getExcessBlocksCount() {
      return namesystem().getExcessBlocks();
    }
  }

  /** {@code DatanodeManager}. */
  private final class Nodes {
    /** By a {@code DatanodeID}, or its UUID. */
    DatanodeDescriptor getDatanode(Object which) throws IOException {
      String uuid = which instanceof DatanodeID ? ((DatanodeID) which).getDatanodeUuid() : (String) which;
      boolean known = Arrays.stream(report(DatanodeReportType.ALL)).anyMatch(n -> n.getDatanodeUuid().equals(uuid));
      return known ? descriptor(uuid) : null;
    }

    DatanodeDescriptor getDatanodeByXferAddr(String host, int port) throws IOException {
      return Arrays.stream(report(DatanodeReportType.ALL))
          .filter(node -> node.getIpAddr().equals(host) && node.getXferPort() == port)
          .map(Descriptor::new).findFirst().orElse(null);
    }

    List<DatanodeDescriptor> getDatanodeListForReport(DatanodeReportType type) throws IOException {
      return Arrays.stream(report(type)).map(Descriptor::new).collect(Collectors.toList());
    }

    void fetchDatanodes(List<DatanodeDescriptor> live, List<DatanodeDescriptor> dead, boolean removeDecommissioned)
        throws IOException {
      if (live != null) {
        live.addAll(getDatanodeListForReport(DatanodeReportType.LIVE));
      }
      if (dead != null) {
        dead.addAll(getDatanodeListForReport(DatanodeReportType.DEAD));
      }
    }

    int getNumLiveDataNodes() throws IOException {
      return report(DatanodeReportType.LIVE).length;
    }

    int getNumDeadDataNodes() throws IOException {
      return report(DatanodeReportType.DEAD).length;
    }

    /** The NameNode reads the files that its own configuration names. */
    void refreshNodes(Configuration conf) throws IOException {
      calls().refreshNodes();
    }

    private DatanodeDescriptor descriptor(String uuid) throws IOException {
      return new Descriptor(now(uuid));
    }
  }

  private DatanodeInfo now(String uuid) throws IOException {
    return Arrays.stream(report(DatanodeReportType.ALL)).filter(node -> node.getDatanodeUuid().equals(uuid))
        .findFirst().orElseThrow(() -> new IOException("the NameNode does not know " + uuid));
  }

  /** {@code DatanodeDescriptor}, whose state is asked for each time. */
  private final class Descriptor extends DatanodeDescriptor {
    Descriptor(DatanodeInfo node) {
      super(node, node.getNetworkLocation());
    }

    private DatanodeInfo current() {
      try {
        return now(getDatanodeUuid());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public boolean isAlive() {
      try {
        return Arrays.stream(report(DatanodeReportType.LIVE))
            .anyMatch(node -> node.getDatanodeUuid().equals(getDatanodeUuid()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public AdminStates getAdminState() {
      return current().getAdminState();
    }

    @Override
    public boolean isDecommissioned() {
      return current().isDecommissioned();
    }

    @Override
    public boolean isDecommissionInProgress() {
      return current().isDecommissionInProgress();
    }

    @Override
    public boolean isInMaintenance() {
      return current().isInMaintenance();
    }

    @Override
    public boolean isEnteringMaintenance() {
      return current().isEnteringMaintenance();
    }

    @Override
    public int numBlocks() {
      return current().getNumBlocks();
    }

    @Override
    public long getLastUpdate() {
      return current().getLastUpdate();
    }

    @Override
    public boolean checkBlockReportReceived() {
      return current().getLastBlockReportTime() > 0;
    }
  }

  /** {@code DataNode}. */
  private final class Node {
    private final MiniDFSCluster.Member member;
    private DatanodeInfo last;

    Node(MiniDFSCluster.Member member) {
      this.member = member;
    }

    private boolean live() throws IOException {
      return member.runs() && cluster.isNameNodeUp(0)
          && Arrays.stream(report(DatanodeReportType.LIVE)).anyMatch(member::sent);
    }

    private String getXferAddr() {
      return member.conf.get("dfs.datanode.address");
    }

    DatanodeID getDatanodeId() throws IOException {
      if (cluster.isNameNodeUp(0)) {
        for (DatanodeInfo node : report(DatanodeReportType.ALL)) {
          last = node.getXferAddr().equals(getXferAddr()) ? node : last;
        }
      }
      return new DatanodeID(last);
    }

    String getDatanodeUuid() throws IOException {
      return getDatanodeId().getDatanodeUuid();
    }

    String getDisplayName() {
      return getXferAddr();
    }

    InetSocketAddress getXferAddress() {
      return new InetSocketAddress("127.0.0.1", getXferPort());
    }

    int getXferPort() {
      return port(member, "dfs.datanode.address");
    }

    int getIpcPort() {
      return port(member, "dfs.datanode.ipc.address");
    }

    int getInfoPort() throws IOException {
      return getDatanodeId().getInfoPort();
    }

    Configuration getConf() {
      return member.conf;
    }

    boolean isDatanodeUp() {
      return member.runs();
    }

    boolean shouldRun() {
      return member.runs();
    }

    boolean isBPServiceAlive(String pool) throws IOException {
      return live();
    }

    boolean isConnectedToNN(InetSocketAddress address) throws IOException {
      return live();
    }

    boolean isDatanodeFullyStarted() throws IOException {
      return live();
    }

    boolean isDatanodeFullyStarted(boolean connected) throws IOException {
      return live();
    }

    void shutdown() {
      MiniDFSCluster.end(member, false);
    }

    long getBalancerBandwidth() throws IOException {
      return administration(member).getBalancerBandwidth();
    }

    void triggerBlockReport(BlockReportOptions options) throws IOException {
      administration(member).triggerBlockReport(options);
    }

    DatanodeRegistration getDNRegistrationForBP(String pool) throws IOException {
      NamespaceInfo space = calls().versionRequest();
      StorageInfo storage = new StorageInfo(DataNodeLayoutVersion.getCurrentLayoutVersion(), space.getNamespaceID(),
          space.getClusterID(), space.getCTime(), NodeType.DATA_NODE);
      return new DatanodeRegistration(getDatanodeId(), storage, new ExportedBlockKeys(), VersionInfo.getVersion());
    }

    /** One service, for the only NameNode. */
    List<?> getAllBpOs() throws ClassNotFoundException {
      Class<?> type = Class.forName("org.apache.hadoop.hdfs.server.datanode.BPOfferService");
      return List.of(view(type, new Service(member)));
    }
  }

  /** {@code BPOfferService}. */
  private final class Service {
    private final MiniDFSCluster.Member member;

    Service(MiniDFSCluster.Member member) {
      this.member = member;
    }

    void triggerHeartbeatForTests() throws IOException {
      heartbeat(member);
    }

    void triggerBlockReportForTests() throws IOException {
      blockReport(member, false);
    }

    void triggerDeletionReportForTests() throws IOException {
      blockReport(member, true);
    }
  }

  /** {@code FsDatasetTestUtils}. */
  private static final class Disks {
    private final List<File> directories;

    Disks(List<File> directories) {
      this.directories = directories;
    }

    private File meta(ExtendedBlock block) throws ReplicaNotFoundException {
      String pattern = block.getBlockName() + "_\\d+\\.meta";
      return directories.stream().flatMap(directory -> MiniDFSCluster.files(directory, pattern).stream()).findFirst()
          .orElseThrow(() -> new ReplicaNotFoundException(block));
    }

    FsDatasetTestUtils.MaterializedReplica getMaterializedReplica(ExtendedBlock block)
        throws ReplicaNotFoundException {
      File meta = meta(block);
      return view(FsDatasetTestUtils.MaterializedReplica.class,
          new Replica(new File(meta.getParentFile(), block.getBlockName()), meta));
    }

    int getDefaultNumOfDataDirs() {
      return 2;
    }

    long getStoredDataLength(ExtendedBlock block) throws IOException {
      return new File(meta(block).getParentFile(), block.getBlockName()).length();
    }

    long getStoredGenerationStamp(ExtendedBlock block) throws IOException {
      return Block.getGenerationStamp(meta(block).getName());
    }

    void changeStoredGenerationStamp(ExtendedBlock block, long stamp) throws IOException {
      File meta = meta(block);
      Files.move(meta.toPath(), meta.toPath().resolveSibling(block.getBlockName() + "_" + stamp + ".meta"));
    }

    long getPendingAsyncDeletions() {
      return 0;
    }
  }

  /** {@code MaterializedReplica}. */
  private static final class Replica {
    private final Path data;
    private final Path meta;

    Replica(File data, File meta) {
      this.data = data.toPath();
      this.meta = meta.toPath();
    }

    private static void overwrite(Path file, long at, byte[] bytes) throws IOException {
      try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
        open.seek(at);
        open.write(bytes);
      }
    }

    private static void truncate(Path file, long length) throws IOException {
      try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
        open.setLength(length);
      }
    }

    void corruptData() throws IOException {
      byte[] first = Arrays.copyOf(Files.readAllBytes(data), (int) Math.min(32, Files.size(data)));
      for (int i = 0; i < first.length; i++) {
        first[i]++;
      }
      overwrite(data, 0, first);
    }

    void corruptData(byte[] content) throws IOException {
      overwrite(data, 0, content);
    }

    void truncateData(long length) throws IOException {
      truncate(data, length);
    }

    void deleteData() throws IOException {
      Files.delete(data);
    }

    void corruptMeta() throws IOException {
      overwrite(meta, (long) (Math.random() * (Files.size(meta) / 2)), new byte[] {'B', 'A', 'D', 'B', 'A', 'D'});
    }

    void truncateMeta(long length) throws IOException {
      truncate(meta, length);
    }

    void deleteMeta() throws IOException {
      Files.delete(meta);
    }
  }
}
