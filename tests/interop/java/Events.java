import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.hdfs.DFSInotifyEventInputStream;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.inotify.Event;
import org.apache.hadoop.hdfs.inotify.EventBatch;

/** Follows what happens to files, as tools over {@code HdfsAdmin.getInotifyEventStream} do. */
final class Events {
  private Events() {}

  /** Prints all events after a transaction, until there is none for a second. */
  static void print(Configuration conf, long from) throws Exception {
    try (FileSystem fs = FileSystem.newInstance(conf)) {
      DFSInotifyEventInputStream events = ((DistributedFileSystem) fs).getInotifyEventStream(from);
      for (EventBatch batch = next(events); batch != null; batch = next(events)) {
        for (Event event : batch.getEvents()) {
          String text = event.toString();
          if (event instanceof Event.MetadataUpdateEvent) {
            Event.MetadataUpdateEvent update = (Event.MetadataUpdateEvent) event;
            text += " acls=" + update.getAcls() + " xattrs=" + update.getxAttrs() + " removed=" + update.isxAttrsRemoved();
          }
          System.out.println(text.replaceAll("(ctime|mtime|atime|timestamp)=[1-9][0-9]*", "$1=#"));
        }
      }
    }
  }

  private static EventBatch next(DFSInotifyEventInputStream events) throws Exception {
    return events.poll(1, TimeUnit.SECONDS);
  }
}
