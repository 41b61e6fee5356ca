import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Runs the command line cases that Hadoop tests its own shell with against another program: each is a
 * few commands, what the last of them has to print, and commands that clean up. Prints the cases whose
 * expectation is not met and, in the last line, how many there were.
 */
final class CliCases {
  /** A word of a command, which quotes may hold together. */
  private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)");
  private static final Pattern DATA = Pattern.compile("data\\d+(bytes|k)");

  private final String program;
  private final String conf;
  private final String user;
  private final String uri;
  private final Path data;

  private CliCases(String[] args, String conf) {
    this.program = args[2];
    this.conf = conf;
    this.user = args[3];
    this.uri = args[4];
    this.data = Path.of(args[5]);
  }

  /** Arguments: archive, entry with the cases, program, user, URI of the cluster, directory for the data. */
  static int run(String[] args, String conf) throws Exception {
    CliCases cases = new CliCases(args, conf);
    try (ZipFile archive = new ZipFile(args[0])) {
      for (ZipEntry entry : (Iterable<ZipEntry>) archive.stream().map(e -> (ZipEntry) e)::iterator) {
        if (DATA.matcher(entry.getName()).matches()) {
          try (InputStream in = archive.getInputStream(entry)) {
            Files.write(cases.data.resolve(entry.getName()), in.readAllBytes());
          }
        }
      }
      try (InputStream in = archive.getInputStream(archive.getEntry(args[1]))) {
        Element root = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(in).getDocumentElement();
        List<Element> all = new ArrayList<>();
        for (Element tests : children(root, "tests")) {
          all.addAll(children(tests, "test"));
        }
        for (Element one : all) {
          cases.runOne(one);
        }
        System.out.println(all.size());
      }
    }
    return 0;
  }

  private void runOne(Element test) throws Exception {
    String output = "";
    for (Element commands : children(test, "test-commands")) {
      for (Element command : children(commands, null)) {
        output = execute(command);
      }
    }
    for (Element comparators : children(test, "comparators")) {
      for (Element comparator : children(comparators, "comparator")) {
        String type = text(comparator, "type").trim();
        String expected = filled(text(comparator, "expected-output"));
        if (!holds(type, output, expected)) {
          System.out.println(oneLine(text(test, "description")) + "\t" + type + ": " + oneLine(expected)
              + "\t" + oneLine(output));
          break;
        }
      }
    }
    for (Element commands : children(test, "cleanup-commands")) {
      for (Element command : children(commands, null)) {
        execute(command);
      }
    }
  }

  private String execute(Element command) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>();
    line.add(program);
    line.add(command.getTagName().equals("dfs-admin-command") ? "dfsadmin" : "dfs");
    Matcher word = WORD.matcher(command.getTextContent());
    while (word.find()) {
      for (int group = 1; group <= 3; group++) {
        if (word.group(group) != null) {
          line.add(filled(word.group(group)));
        }
      }
    }
    ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
    builder.environment().put("HADOOP_CONF_DIR", conf);
    builder.environment().put("HADOOP_USER_NAME", user);
    builder.redirectInput(new File("/dev/null"));
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return output;
  }

  private String filled(String text) {
    return text.replace("NAMENODE", uri).replace("CLITEST_DATA", "file:" + data).replace("USERNAME", user)
        .replace("#LF#", "\n");
  }

  private static boolean holds(String type, String actual, String expected) {
    switch (type) {
      case "ExactComparator":
        return actual.equals(expected);
      case "ExactLineComparator":
        return actual.lines().anyMatch(expected::equals);
      case "SubstringComparator":
        return actual.contains(expected);
      case "TokenComparator":
        for (String token : expected.split("[,\n\r]")) {
          if (!actual.contains(token)) {
            return false;
          }
        }
        return true;
      case "RegexpComparator":
        Pattern pattern = Pattern.compile(expected);
        return actual.lines().anyMatch(line -> pattern.matcher(line).matches());
      case "RegexpAcrossOutputComparator":
        return Pattern.compile(expected).matcher(actual).find();
      default:
        throw new IllegalArgumentException("no such comparator: " + type);
    }
  }

  private static List<Element> children(Element parent, String name) {
    List<Element> found = new ArrayList<>();
    for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element && (name == null || name.equals(((Element) node).getTagName()))) {
        found.add((Element) node);
      }
    }
    return found;
  }

  private static String text(Element parent, String name) {
    List<Element> found = children(parent, name);
    return found.isEmpty() ? "" : found.get(0).getTextContent();
  }

  private static String oneLine(String text) {
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t");
  }
}
