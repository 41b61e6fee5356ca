import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Set;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.security.UserGroupInformation;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the JUnit classes that the arguments name. Standard output has a line for each test and for
 * each class as a whole: {@code PASSED}, {@code FAILED} or {@code SKIPPED}, the class, the test, the
 * milliseconds, and for those that do not pass the failure's stack with newlines as {@code \n}.
 * Tests that the system property {@code loxodon.without} lists, as {@code Class#method}, are not run.
 */
public final class SuiteRunner {
  private static final Set<String> WITHOUT =
      Set.of(System.getProperty("loxodon.without", "").split(","));

  private static FilterResult wanted(TestDescriptor test) {
    boolean without = test.getSource().filter(MethodSource.class::isInstance).map(MethodSource.class::cast)
        .filter(method -> WITHOUT.contains(suite(test) + "#" + method.getMethodName())).isPresent();
    return FilterResult.includedIf(!without);
  }

  /** The class that is run: a method may be one of a class that it extends. */
  private static String suite(TestDescriptor test) {
    return test.getParent().flatMap(TestDescriptor::getSource).filter(ClassSource.class::isInstance)
        .map(source -> ((ClassSource) source).getClassName()).orElse("");
  }

  public static void main(String[] classes) throws Exception {
    java.io.PrintStream results = System.out;
    System.setOut(System.err);
    for (String name : classes) {
      // Each class expects a fresh JVM: no other class's users and connections.
      UserGroupInformation.reset();
      Launcher launcher = LauncherFactory.create();
      launcher.execute(
          LauncherDiscoveryRequestBuilder.request().selectors(DiscoverySelectors.selectClass(name))
              .configurationParameter("junit.jupiter.execution.timeout.default", "300 s")
              .configurationParameter("junit.jupiter.execution.timeout.thread.mode.default", "SEPARATE_THREAD")
              .filters((PostDiscoveryFilter) SuiteRunner::wanted)
              .build(),
          new Lines(name, results));
      FileSystem.closeAll();
    }
    results.flush();
    // Clients leave threads behind.
    System.exit(0);
  }

  private static final class Lines implements TestExecutionListener {
    private final String name;
    private final java.io.PrintStream results;
    private long start;

    Lines(String name, java.io.PrintStream results) {
      this.name = name;
      this.results = results;
    }

    @Override
    public void executionStarted(TestIdentifier test) {
      start = System.nanoTime();
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      line("SKIPPED", test, reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      if (result.getStatus() == TestExecutionResult.Status.SUCCESSFUL) {
        if (test.isTest()) {
          line("PASSED", test, "");
        }
        return;
      }
      boolean failed = result.getStatus() == TestExecutionResult.Status.FAILED;
      line(failed ? "FAILED" : "SKIPPED", test, result.getThrowable().map(Lines::stack).orElse(""));
    }

    private static String stack(Throwable failure) {
      StringWriter text = new StringWriter();
      failure.printStackTrace(new PrintWriter(text));
      return text.toString();
    }

    private void line(String outcome, TestIdentifier test, String why) {
      long milliseconds = (System.nanoTime() - start) / 1_000_000;
      String shown = test.isTest() ? test.getLegacyReportingName() + " " + test.getDisplayName() : "(class)";
      results.println(outcome + "\t" + name + "\t" + shown + "\t" + milliseconds + "\t"
          + why.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", " "));
      results.flush();
    }
  }
}
