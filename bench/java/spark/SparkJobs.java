import java.io.BufferedOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

/** The jobs of the benchmark as a Spark user writes them: {@code SparkJobs wordcount|terasort INPUT OUTPUT}. */
public final class SparkJobs {
  private static final int KEY = 10;

  private SparkJobs() {
  }

  public static void main(String[] args) {
    SparkConf conf = new SparkConf().setAppName(args[0]).setMaster("local[*]").set("spark.ui.enabled", "false");
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      switch (args[0]) {
        case "wordcount":
          spark.textFile(args[1])
              .flatMap(line -> words(line))
              .mapToPair(word -> new Tuple2<>(word, 1))
              .reduceByKey(Integer::sum)
              .map(count -> count._1 + "\t" + count._2)
              .saveAsTextFile(args[2]);
          break;
        case "terasort":
          sort(spark, args[1], args[2]);
          break;
        default:
          throw new IllegalArgumentException(args[0]);
      }
    }
  }

  private static Iterator<String> words(String line) {
    return Arrays.asList(line.split("\\s+")).iterator();
  }

  /** Records of 100 bytes, by their first ten. Latin-1 keeps every byte, and its order is that of the bytes. */
  private static void sort(JavaSparkContext spark, String input, String output) {
    new File(output).mkdirs();
    spark.binaryRecords(input, 100)
        .mapToPair(record -> new Tuple2<>(new String(record, 0, KEY, StandardCharsets.ISO_8859_1), record))
        .sortByKey()
        .values()
        .mapPartitionsWithIndex((part, records) -> write(new File(output, String.format("part-%05d", part)), records), false)
        .count();
  }

  private static Iterator<Object> write(File part, Iterator<byte[]> records) throws IOException {
    try (OutputStream out = new BufferedOutputStream(new FileOutputStream(part))) {
      while (records.hasNext()) {
        out.write(records.next());
      }
    }
    return Collections.emptyIterator();
  }
}
