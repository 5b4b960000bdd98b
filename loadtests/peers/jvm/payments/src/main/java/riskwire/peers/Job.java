package riskwire.peers;

import java.util.Locale;

/** What a peer is told: `--name value` each. */
public record Job(String brokers, String topic, String risks, String group, long events, String schema) {
  public static Job of(String[] args) {
    return new Job(
        value(args, "brokers"),
        value(args, "topic"),
        value(args, "risks"),
        value(args, "group"),
        Long.parseLong(value(args, "events")),
        value(args, "schema"));
  }

  private static String value(String[] args, String name) {
    for (int i = 0; i + 1 < args.length; i += 2) if (args[i].equals("--" + name)) return args[i + 1];
    throw new IllegalArgumentException("--" + name + " is missing");
  }

  public static String riskOf(Payment payment, double score) {
    return String.format(
        Locale.ROOT,
        "{\"event\":\"%s\",\"card\":\"%s\",\"time\":%d,\"score\":%.6f}",
        payment.id,
        payment.card,
        payment.time,
        score);
  }
}
