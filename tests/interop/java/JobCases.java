package org.apache.hadoop.mapreduce.jobhistory;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.BytesWritable;
import org.apache.hadoop.io.DataInputBuffer;
import org.apache.hadoop.io.DataOutputBuffer;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.Writable;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.mapred.IFile;
import org.apache.hadoop.mapred.IndexRecord;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapred.SpillRecord;
import org.apache.hadoop.mapreduce.JobContext;
import org.apache.hadoop.mapreduce.JobID;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.lib.output.FileOutputCommitter;
import org.apache.hadoop.mapreduce.lib.partition.HashPartitioner;
import org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedComparator;
import org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedPartitioner;
import org.apache.hadoop.mapreduce.task.JobContextImpl;
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl;
import org.apache.hadoop.util.ReflectionUtils;

/** What Hadoop's own classes make of a job's files and keys; in this package for the history's writer. */
public final class JobCases {
  private static final int PARTITIONS = 7;

  private JobCases() {}

  public static void run(Configuration conf, String[] args) throws Exception {
    conf.setClass("fs.file.impl", org.apache.hadoop.fs.LocalFileSystem.class, FileSystem.class);
    switch (args[0]) {
      case "history":
        history(conf, args[1]);
        break;
      case "rewrite":
        rewrite(conf, new Path(args[1]));
        break;
      case "write-ifile":
        writeIFile(conf, new Path(args[1]), codec(conf, args[2]));
        break;
      case "read-ifile":
        readIFile(conf, new Path(args[1]), codec(conf, args[2]));
        break;
      case "hash":
        for (int i = 2; i < args.length; i++) {
          hash(conf, args[1], HexFormat.of().parseHex(args[i]));
        }
        break;
      case "fields":
        fields(conf, args);
        break;
      case "commit":
        commit(conf, new Path(args[1]), args[2]);
        break;
      default:
        throw new IllegalArgumentException(args[0]);
    }
  }

  private static void history(Configuration conf, String file) throws IOException {
    JobHistoryParser parser = new JobHistoryParser(FileSystem.getLocal(conf), new Path(file));
    JobHistoryParser.JobInfo job = parser.parse();
    if (parser.getParseException() != null) {
      throw parser.getParseException();
    }
    job.printAll();
    System.out.println("----");
    new HistoryViewer(file, conf, true).print(System.out);
  }

  /** The same events in each of Java's encodings, in files beside it. */
  private static void rewrite(Configuration conf, Path file) throws IOException {
    FileSystem fs = FileSystem.getLocal(conf);
    for (EventWriter.WriteMode mode : EventWriter.WriteMode.values()) {
      EventReader reader = new EventReader(fs, file);
      EventWriter writer = new EventWriter(fs.create(file.suffix("." + mode)), mode);
      for (HistoryEvent event = reader.getNextEvent(); event != null; event = reader.getNextEvent()) {
        writer.write(event);
      }
      writer.close();
      reader.close();
    }
  }

  private static CompressionCodec codec(Configuration conf, String name) throws ClassNotFoundException {
    if (name.equals("none")) {
      return null;
    }
    Class<?> type = conf.getClassByName("org.apache.hadoop.io.compress." + name);
    return (CompressionCodec) ReflectionUtils.newInstance(type, conf);
  }

  /** Three segments of 0, 100 and 200 records, as a spill has them. */
  private static void writeIFile(Configuration conf, Path file, CompressionCodec codec) throws IOException {
    FileSystem fs = FileSystem.getLocal(conf).getRaw();
    SpillRecord index = new SpillRecord(3);
    try (FSDataOutputStream out = fs.create(file)) {
      for (int part = 0; part < 3; part++) {
        long start = out.getPos();
        IFile.Writer<Text, BytesWritable> writer =
            new IFile.Writer<>(conf, out, Text.class, BytesWritable.class, codec, null);
        for (int n = 0; n < part * 100; n++) {
          byte[] value = new byte[n * 3];
          java.util.Arrays.fill(value, (byte) n);
          writer.append(new Text(String.format("key %d %04d", part, n)), new BytesWritable(value));
        }
        writer.close();
        index.putIndex(new IndexRecord(start, writer.getRawLength(), writer.getCompressedLength()), part);
      }
    }
    index.writeToFile(file.suffix(".index"), new JobConf(conf));
  }

  private static void readIFile(Configuration conf, Path file, CompressionCodec codec) throws IOException {
    FileSystem fs = FileSystem.getLocal(conf).getRaw();
    SpillRecord index = new SpillRecord(file.suffix(".index"), new JobConf(conf));
    for (int part = 0; part < index.size(); part++) {
      IndexRecord record = index.getIndex(part);
      System.out.println("segment of " + record.rawLength);
      FSDataInputStream in = fs.open(file);
      in.seek(record.startOffset);
      IFile.Reader<Text, BytesWritable> reader =
          new IFile.Reader<>(conf, in, record.partLength, codec, null);
      DataInputBuffer keys = new DataInputBuffer();
      DataInputBuffer values = new DataInputBuffer();
      Text key = new Text();
      BytesWritable value = new BytesWritable();
      while (reader.nextRawKey(keys)) {
        reader.nextRawValue(values);
        key.readFields(keys);
        value.readFields(values);
        System.out.println(key + "\t" + value.getLength());
      }
      reader.close();
    }
  }

  private static void hash(Configuration conf, String type, byte[] bytes) throws Exception {
    Writable key = (Writable) ReflectionUtils.newInstance(conf.getClassByName(type), conf);
    DataInputBuffer in = new DataInputBuffer();
    in.reset(bytes, bytes.length);
    key.readFields(in);
    int partition = new HashPartitioner<Writable, Object>().getPartition(key, null, PARTITIONS);
    System.out.println(key.hashCode() + " " + partition);
  }

  /** Arguments: options, separator, keys. Prints the partition of each key, then how each stands to each. */
  private static void fields(Configuration conf, String[] args) throws IOException {
    conf.set("mapreduce.partition.keycomparator.options", args[1]);
    conf.set("mapreduce.partition.keypartitioner.options", args[1]);
    conf.set("mapreduce.map.output.key.field.separator", args[2]);
    KeyFieldBasedPartitioner<Text, Text> partitioner = new KeyFieldBasedPartitioner<>();
    partitioner.setConf(conf);
    KeyFieldBasedComparator<Text, Text> comparator = new KeyFieldBasedComparator<>();
    comparator.setConf(conf);
    List<byte[]> keys = new ArrayList<>();
    for (int i = 3; i < args.length; i++) {
      DataOutputBuffer out = new DataOutputBuffer();
      Text text = new Text(args[i]);
      text.write(out);
      keys.add(java.util.Arrays.copyOf(out.getData(), out.getLength()));
      System.out.print(partitioner.getPartition(text, text, PARTITIONS));
    }
    System.out.println();
    for (byte[] a : keys) {
      for (byte[] b : keys) {
        int order = Integer.signum(comparator.compare(a, 0, a.length, b, 0, b.length));
        int back = Integer.signum(comparator.compare(b, 0, b.length, a, 0, a.length));
        // Neither is smaller where each is said to be: both lack the field.
        System.out.print(order != -back ? '?' : order < 0 ? '<' : order > 0 ? '>' : '=');
      }
      System.out.println();
    }
  }

  private static void commit(Configuration conf, Path output, String algorithm) throws Exception {
    conf.set("mapreduce.fileoutputcommitter.algorithm.version", algorithm);
    JobContext job = new JobContextImpl(conf, new JobID("1", 1));
    FileOutputCommitter committer = committer(conf, output, "m_000000_0");
    committer.setupJob(job);
    for (String name : new String[] {"m_000000_0", "m_000000_1", "m_000001_0", "m_000002_0"}) {
      committer = committer(conf, output, name);
      TaskAttemptContext attempt = attempt(conf, name);
      committer.setupTask(attempt);
      if (!name.equals("m_000002_0")) {
        write(committer.getWorkPath(), "part-m-" + name, name);
        write(committer.getWorkPath(), "sub/part-" + name.substring(0, 8), name);
      }
      list("begun " + name + " " + committer.needsTaskCommit(attempt), output);
    }
    committer(conf, output, "m_000000_0").abortTask(attempt(conf, "m_000000_0"));
    list("aborted", output);
    for (String name : new String[] {"m_000000_1", "m_000001_0"}) {
      committer(conf, output, name).commitTask(attempt(conf, name));
      list("committed " + name, output);
    }
    // The job begins again, and takes over what the first of these wrote.
    conf.setInt("mapreduce.job.application.attempt.id", 1);
    job = new JobContextImpl(conf, new JobID("1", 1));
    committer(conf, output, "m_000000_1").setupJob(job);
    committer(conf, output, "m_000000_1").recoverTask(attempt(conf, "m_000000_1"));
    list("recovered", output);
    committer(conf, output, "m_000000_1").commitJob(job);
    list("over", output);
  }

  private static TaskAttemptContext attempt(Configuration conf, String name) {
    return new TaskAttemptContextImpl(conf, TaskAttemptID.forName("attempt_1_0001_" + name));
  }

  private static FileOutputCommitter committer(Configuration conf, Path output, String name) throws IOException {
    return new FileOutputCommitter(output, attempt(conf, name));
  }

  private static void write(Path directory, String name, String text) throws IOException {
    java.nio.file.Path path = Paths.get(directory.toUri().getPath(), name);
    Files.createDirectories(path.getParent());
    Files.write(path, text.getBytes(StandardCharsets.UTF_8));
  }

  private static void list(String step, Path output) throws IOException {
    System.out.println(step);
    java.nio.file.Path root = Paths.get(output.toUri().getPath());
    try (Stream<java.nio.file.Path> found = Files.walk(root)) {
      found.filter(path -> !path.getFileName().toString().endsWith(".crc"))
          .map(path -> root.relativize(path) + (Files.isDirectory(path) ? "/" : ""))
          .sorted()
          .forEach(path -> System.out.println("  " + path));
    }
  }
}
