package riskwire.peers;

/**
 * Says on stdout how many events are done and when: the load test makes the rate of it, for every contender alike.
 * Counted by the one thread that scores, read by the one that says it.
 */
public final class Looks {
  private static final long EVERY_MS = 100;
  private static volatile long done;
  private static Thread saying;

  private Looks() {}

  /** Starts saying it, and ends the process when all are done: a stream has no end, a measurement does. */
  public static void start(long events) {
    saying = new Thread(() -> say(events), "looks");
    saying.setDaemon(true);
    saying.start();
  }

  @SuppressWarnings("NonAtomicOperationOnVolatileField") // one writer
  public static void add(long count) {
    done = done + count;
  }

  private static void say(long events) {
    try {
      long before = 0;
      while (true) {
        long now = done;
        if (now > before) System.out.println("{\"done\":" + now + ",\"at\":" + System.currentTimeMillis() + "}");
        before = now;
        if (now >= events) {
          System.out.flush();
          Runtime.getRuntime().halt(0);
        }
        Thread.sleep(EVERY_MS);
      }
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }
}
