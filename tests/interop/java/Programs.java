import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.security.Permission;
import org.apache.hadoop.util.ExitUtil;

/** Runs main classes of Hadoop's within this JVM, which does not end with them. */
final class Programs {
  /** Thrown instead of ending the JVM. */
  private static final class Exit extends SecurityException {
  }

  /** Keeps the first code that the program wants to end with; all else is allowed. */
  private static final class Guard extends SecurityManager {
    private Integer code;

    @Override
    public synchronized void checkExit(int status) {
      if (code == null) {
        code = status;
      }
      throw new Exit();
    }

    @Override
    public void checkPermission(Permission permission) {
    }

    @Override
    public void checkPermission(Permission permission, Object context) {
    }

    synchronized int code(int otherwise) {
      return code == null ? otherwise : code;
    }
  }

  /** The program's exit code, of one byte, as a shell sees it. Site files are found in {@code conf}. */
  @SuppressWarnings("removal")
  static int run(String conf, String name, String[] args) throws Exception {
    Guard guard = new Guard();
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(new URLClassLoader(new URL[] {new File(conf).toURI().toURL()}, before));
    System.setSecurityManager(guard);
    ExitUtil.resetFirstExitException();
    try {
      Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) args);
      return guard.code(0) & 255;
    } catch (InvocationTargetException thrown) {
      if (ExitUtil.terminateCalled()) {
        // Whatever caught that ends with a code of its own.
        return ExitUtil.getFirstExitException().status & 255;
      }
      if (!(thrown.getCause() instanceof Exit)) {
        thrown.getCause().printStackTrace();
      }
      return guard.code(1) & 255;
    } finally {
      System.setSecurityManager(null);
      thread.setContextClassLoader(before);
    }
  }
}
