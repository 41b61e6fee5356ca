import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.DoubleWritable;
import org.apache.hadoop.io.IntWritable;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.MapFile;
import org.apache.hadoop.io.MapWritable;
import org.apache.hadoop.io.SequenceFile;
import org.apache.hadoop.io.SequenceFile.CompressionType;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.VLongWritable;
import org.apache.hadoop.io.Writable;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.apache.hadoop.util.ReflectionUtils;

/** Files of records as Hadoop writes and reads them. The records are those of {@code records.rs}. */
final class Records {
  private static final int COUNT = 3000;

  /**
   * {@code sequence FILE NONE|RECORD|BLOCK CODEC}, {@code map DIRECTORY}, {@code text FILE},
   * {@code values FILE}: writes. {@code show FILE}, {@code find DIRECTORY}, {@code lines FILE}: reads.
   */
  static void run(Configuration conf, String[] args) throws IOException, ReflectiveOperationException {
    Path path = new Path("file://" + args[1]);
    switch (args[0]) {
      case "sequence":
        sequence(conf, path, CompressionType.valueOf(args[2]), codec(conf, args[3]));
        break;
      case "map":
        map(conf, path);
        break;
      case "text":
        text(conf, path);
        break;
      case "values":
        values(conf, path);
        break;
      case "show":
        show(conf, path);
        break;
      case "find":
        find(conf, path);
        break;
      case "lines":
        lines(conf, path);
        break;
      default:
        throw new IllegalArgumentException(args[0]);
    }
  }

  private static String value(int n) {
    return "value " + n + " " + "x".repeat(n % 100) + (long) n * n * 7919;
  }

  private static CompressionCodec codec(Configuration conf, String name) throws ReflectiveOperationException {
    Class<?> codec = conf.getClassByName("org.apache.hadoop.io.compress." + name);
    return (CompressionCodec) ReflectionUtils.newInstance(codec, conf);
  }

  private static void sequence(Configuration conf, Path path, CompressionType type, CompressionCodec codec)
      throws IOException {
    SequenceFile.Metadata metadata = new SequenceFile.Metadata(new TreeMap<>());
    metadata.set(new Text("made by"), new Text("a test"));
    conf.setInt("io.seqfile.compress.blocksize", 20000);
    try (SequenceFile.Writer writer = SequenceFile.createWriter(conf, SequenceFile.Writer.file(path),
        SequenceFile.Writer.keyClass(IntWritable.class), SequenceFile.Writer.valueClass(Text.class),
        SequenceFile.Writer.compression(type, codec), SequenceFile.Writer.metadata(metadata))) {
      for (int n = 0; n < COUNT; n++) {
        writer.append(new IntWritable(n), new Text(value(n)));
      }
    }
  }

  private static void map(Configuration conf, Path path) throws IOException {
    try (MapFile.Writer writer = new MapFile.Writer(conf, path, MapFile.Writer.keyClass(Text.class),
        SequenceFile.Writer.valueClass(LongWritable.class))) {
      for (int n = 0; n < COUNT; n++) {
        writer.append(new Text(String.format("k%06d", n * 2)), new LongWritable(n));
      }
    }
  }

  private static void text(Configuration conf, Path path) throws IOException {
    CompressionCodec codec = new CompressionCodecFactory(conf).getCodec(path);
    try (OutputStream out = codec.createOutputStream(path.getFileSystem(conf).create(path))) {
      for (int n = 0; n < COUNT; n++) {
        out.write((value(n) + "\n").getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  /** One map of values whose text and bytes are less plain than most. */
  private static void values(Configuration conf, Path path) throws IOException {
    try (SequenceFile.Writer writer = SequenceFile.createWriter(conf, SequenceFile.Writer.file(path),
        SequenceFile.Writer.keyClass(DoubleWritable.class), SequenceFile.Writer.valueClass(MapWritable.class),
        SequenceFile.Writer.compression(CompressionType.NONE))) {
      for (double key : new double[] {0, -0.5, 1e7, 1.5e-7, 123456.789, 4.9e-324, 1.0 / 3, Double.NaN}) {
        MapWritable map = new MapWritable();
        map.put(new VLongWritable((long) key), new DoubleWritable(key));
        writer.append(new DoubleWritable(key), map);
      }
    }
  }

  private static void show(Configuration conf, Path path) throws IOException {
    try (SequenceFile.Reader reader = new SequenceFile.Reader(conf, SequenceFile.Reader.file(path))) {
      System.out.println(reader.getCompressionType() + " " + reader.getMetadata().getMetadata());
      Writable key = (Writable) ReflectionUtils.newInstance(reader.getKeyClass(), conf);
      Writable value = (Writable) ReflectionUtils.newInstance(reader.getValueClass(), conf);
      while (reader.next(key, value)) {
        System.out.println(key + "\t" + value);
      }
      // And from the middle.
      reader.sync(path.getFileSystem(conf).getFileStatus(path).getLen() / 2);
      System.out.println(reader.next(key, value) ? "middle" : "end");
    }
  }

  private static void find(Configuration conf, Path path) throws IOException {
    try (MapFile.Reader reader = new MapFile.Reader(path, conf)) {
      LongWritable value = new LongWritable();
      for (int n = 0; n < COUNT; n++) {
        if (reader.get(new Text(String.format("k%06d", n * 2)), value) == null || value.get() != n) {
          throw new IOException("key " + n * 2 + " is not there");
        }
        if (reader.get(new Text(String.format("k%06d", n * 2 + 1)), value) != null) {
          throw new IOException("key " + (n * 2 + 1) + " is there");
        }
      }
      System.out.println(reader.midKey());
    }
  }

  private static void lines(Configuration conf, Path path) throws IOException {
    FileSystem fs = path.getFileSystem(conf);
    CompressionCodec codec = new CompressionCodecFactory(conf).getCodec(path);
    try (InputStream in = codec.createInputStream(fs.open(path));
        BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        System.out.println(line);
      }
    }
  }
}
