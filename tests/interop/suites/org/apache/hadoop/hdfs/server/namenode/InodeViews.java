package org.apache.hadoop.hdfs.server.namenode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.BatchedRemoteIterator.BatchedEntries;
import org.apache.hadoop.fs.QuotaUsage;
import org.apache.hadoop.fs.StorageType;
import org.apache.hadoop.fs.permission.AclEntry;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.fs.permission.PermissionStatus;
import org.apache.hadoop.hdfs.DFSUtil;
import org.apache.hadoop.hdfs.protocol.ClientProtocol;
import org.apache.hadoop.hdfs.protocol.CorruptFileBlocks;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.hdfs.protocol.HdfsFileStatus;
import org.apache.hadoop.hdfs.protocol.LocatedBlock;
import org.apache.hadoop.hdfs.protocol.LocatedBlocks;
import org.apache.hadoop.hdfs.protocol.OpenFileEntry;
import org.apache.hadoop.hdfs.protocol.OpenFilesIterator.OpenFilesType;
import org.apache.hadoop.hdfs.server.blockmanagement.BlockInfo;
import org.apache.hadoop.hdfs.server.blockmanagement.BlockInfoContiguous;
import org.apache.hadoop.hdfs.server.common.HdfsServerConstants.BlockUCState;

/** Inodes, leases and damaged files of Hadoop's classes, as another process tells them by RPC. */
public final class InodeViews {
  /** The storage directories, and the newest image in them. */
  public static NNStorage storage(Configuration conf, Collection<URI> directories, long image) throws IOException {
    NNStorage storage = new NNStorage(conf, directories, directories);
    storage.setMostRecentCheckpointInfo(image, 0);
    return storage;
  }

  private final ClientProtocol calls;

  public InodeViews(ClientProtocol calls) {
    this.calls = calls;
  }

  /** A file as it is now, a directory that asks again each time; null where nothing is. */
  public INode inode(String path) throws IOException {
    HdfsFileStatus status = calls.getFileInfo(path);
    if (status == null) {
      return null;
    }
    PermissionStatus owner = new PermissionStatus(status.getOwner(), status.getGroup(), status.getPermission());
    byte[] name = DFSUtil.string2Bytes(path.substring(path.lastIndexOf('/') + 1));
    return status.isDirectory()
        ? new Directory(path, status.getFileId(), status.getModificationTime(), name, owner)
        : file(path, status, name, owner);
  }

  /** The directory of everything, whose limits are asked for each time. */
  public INodeDirectory root() {
    return new Directory("/", INodeId.ROOT_INODE_ID, 0, INodeDirectory.ROOT_NAME,
        PermissionStatus.createImmutable("", "", FsPermission.getDirDefault()));
  }

  private INodeFile file(String path, HdfsFileStatus status, byte[] name, PermissionStatus owner) throws IOException {
    LocatedBlocks located = calls.getBlockLocations(path, 0, Long.MAX_VALUE);
    List<BlockInfo> blocks = new ArrayList<>();
    for (LocatedBlock block : located.getLocatedBlocks()) {
      blocks.add(new BlockInfoContiguous(block.getBlock().getLocalBlock(), status.getReplication()));
    }
    INodeFile file = new INodeFile(status.getFileId(), name, owner, status.getModificationTime(),
        status.getAccessTime(), blocks.toArray(BlockInfo.EMPTY_ARRAY), status.getReplication(), status.getBlockSize());
    AclFeature acl = acl(path);
    if (acl != null) {
      file.addAclFeature(acl);
    }
    if (!located.isUnderConstruction()) {
      return file;
    }
    if (!blocks.isEmpty() && !located.isLastBlockComplete()) {
      blocks.get(blocks.size() - 1).convertToBlockUnderConstruction(BlockUCState.UNDER_CONSTRUCTION, null);
    }
    return file.toUnderConstruction("", "");
  }

  private AclFeature acl(String path) {
    try {
      List<AclEntry> entries = calls.getAclStatus(path).getEntries();
      return entries.isEmpty() ? null : new AclFeature(AclEntryStatusFormat.toInt(entries));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private final class Directory extends INodeDirectory {
    private final String path;

    Directory(String path, long id, long changed, byte[] name, PermissionStatus owner) {
      super(id, name, owner, changed);
      this.path = path;
    }

    @Override
    @SuppressWarnings("unchecked")
    protected <T extends Feature> T getFeature(Class<? extends Feature> type) {
      if (type == DirectoryWithQuotaFeature.class) {
        return (T) quota();
      }
      return type == AclFeature.class ? (T) acl(path) : super.getFeature(type);
    }

    private DirectoryWithQuotaFeature quota() {
      try {
        QuotaUsage now = calls.getQuotaUsage(path);
        if (now.getQuota() < 0 && now.getSpaceQuota() < 0 && !now.isTypeQuotaSet()) {
          return null;
        }
        DirectoryWithQuotaFeature.Builder limits = new DirectoryWithQuotaFeature.Builder()
            .nameSpaceQuota(now.getQuota()).storageSpaceQuota(now.getSpaceQuota());
        QuotaCounts used = new QuotaCounts.Builder().nameSpace(now.getFileAndDirectoryCount() - 1)
            .storageSpace(now.getSpaceConsumed()).build();
        for (StorageType type : StorageType.getTypesSupportingQuota()) {
          limits.typeQuota(type, now.getTypeQuota(type));
          used.setTypeSpace(type, now.getTypeConsumed(type));
        }
        DirectoryWithQuotaFeature feature = limits.build();
        feature.addSpaceConsumed2Cache(used);
        return feature;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Leases as the list of open files shows them. */
  public LeaseManager leases(FSNamesystem namesystem) {
    return new Leases(namesystem);
  }

  private final class Leases extends LeaseManager {
    Leases(FSNamesystem namesystem) {
      super(namesystem);
    }

    private List<OpenFileEntry> open() {
      try {
        List<OpenFileEntry> all = new ArrayList<>();
        BatchedEntries<OpenFileEntry> page;
        long after = 0;
        do {
          page = calls.listOpenFiles(after, EnumSet.of(OpenFilesType.ALL_OPEN_FILES), "/");
          for (int i = 0; i < page.size(); i++) {
            all.add(page.get(i));
            after = page.get(i).getId();
          }
        } while (page.hasMore());
        return all;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public synchronized Lease getLease(INodeFile file) {
      return open().stream().filter(entry -> entry.getId() == file.getId())
          .map(entry -> addLease(entry.getClientName(), entry.getId())).findFirst().orElse(null);
    }

    @Override
    public synchronized int countLease() {
      return (int) open().stream().map(OpenFileEntry::getClientName).distinct().count();
    }

    @Override
    public void setLeasePeriod(long soft, long hard) {
      if (soft < HdfsConstants.LEASE_SOFTLIMIT_PERIOD) {
        throw new NoSuchMethodError("MiniDFSCluster of processes: leases of " + soft + " ms");
      }
    }
  }

  /** {@code FSNamesystem.listCorruptFileBlocks}: {@code cookie} has one place, for where the next page begins. */
  public Collection<FSNamesystem.CorruptFileBlockInfo> damaged(String path, String[] cookie) throws IOException {
    CorruptFileBlocks found = calls.listCorruptFileBlocks(path, cookie == null ? null : cookie[0]);
    if (cookie != null) {
      cookie[0] = found.getCookie();
    }
    List<FSNamesystem.CorruptFileBlockInfo> all = new ArrayList<>();
    for (String file : found.getFiles()) {
      all.add(new FSNamesystem.CorruptFileBlockInfo(file, null, 0, null));
    }
    return all;
  }
}
