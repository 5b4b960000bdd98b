package riskwire.peers;

import java.time.Instant;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;

/** The 23 features of a payment: those that Riskwire's pipeline `transactions` has. */
public final class Features {
  public static final int COUNT = 23;
  static final int CATEGORIES = 5;
  static final int RECENT = 8;
  static final double[] HALF_LIVES = {3600, 86_400, 604_800};
  private static final int CELLS = 1024;
  private static final double DAY = Math.PI / 12;
  private static final double WEEK = Math.PI / 84;

  private static final class Domain {
    int count;
    double mean;
    double variance;
    final int[] seen = new int[CATEGORIES * CELLS];
  }

  private final Map<String, Domain> domains = new HashMap<>();
  /** hours from UTC by zone, for the hour of the stream that was asked for last */
  private final Map<String, double[]> offsets = new HashMap<>();

  /** Fills `out` with the features of a payment and advances its card. */
  public void extract(Payment payment, Card card, float[] out) {
    Domain domain = domains.computeIfAbsent(payment.country, country -> new Domain());
    amount(payment.amount, card, domain, out);
    category(0, payment.terminal, card, domain, out);
    category(1, payment.merchant, card, domain, out);
    category(2, payment.channel, card, domain, out);
    category(3, payment.country, card, domain, out);
    category(4, payment.currency, card, domain, out);
    calendar(payment, card, out);
    activity(payment.time / 1000.0, card, out);
    card.count++;
    domain.count++;
  }

  private static void amount(double amount, Card card, Domain domain, float[] out) {
    double value = Math.log1p(amount);
    int n = card.count;
    double peerMean = domain.count > 0 ? domain.mean : value;
    double peerVariance = domain.count > 1 ? domain.variance : 1;
    double mean = (n * card.mean + 3 * peerMean) / (n + 3);
    double spread =
        Math.sqrt((n * card.variance + 3 * peerVariance) / (n + 3)) + 1e-3 * Math.abs(mean) + 1e-9;
    double z = (value - mean) / spread;
    double floor = 0.1 * Math.expm1(peerMean) + 1e-9;
    out[0] = (float) value;
    out[1] = (float) z;
    out[2] = (float) Math.log((amount + floor) / (Math.expm1(mean) + floor));
    double capped = mean + Math.max(-2.5, Math.min(2.5, z)) * spread;
    double step = n < 50 ? 1.0 / (n + 1) : 0.02;
    double off = capped - card.mean;
    card.mean += step * off;
    card.variance = (1 - step) * (card.variance + step * off * off);
    step = domain.count < 10_000 ? 1.0 / (domain.count + 1) : 1e-4;
    off = capped - domain.mean;
    domain.mean += step * off;
    domain.variance = (1 - step) * (domain.variance + step * off * off);
  }

  private static void category(int index, String value, Card card, Domain domain, float[] out) {
    int hash = value.hashCode() * 0x9E3779B1;
    int cell = index * CELLS + (hash & (CELLS - 1));
    out[3 + 2 * index] = (float) Math.log10((domain.count + 128) / (domain.seen[cell]++ + 0.5));
    int mark = hash | 1;
    int from = index * RECENT;
    int at = 0;
    while (at < RECENT && card.recent[from + at] != mark) at++;
    int isNew = at == RECENT ? 1 : 0;
    double rate = card.rates[index];
    out[4 + 2 * index] = (float) (card.count == 0 ? 0 : isNew - rate);
    System.arraycopy(card.recent, from, card.recent, from + 1, Math.min(at, RECENT - 1));
    card.recent[from] = mark;
    if (card.count > 0) card.rates[index] = rate + (isNew - rate) / Math.min(card.count + 1, 50);
  }

  private void calendar(Payment payment, Card card, float[] out) {
    double hour = hourOfWeek(payment.timeZone, payment.time);
    double sin = Math.sin(hour * DAY);
    double cos = Math.cos(hour * DAY);
    out[13] = (float) sin;
    out[14] = (float) cos;
    out[15] = (float) Math.sin(hour * WEEK);
    out[16] = (float) Math.cos(hour * WEEK);
    double regular = Math.sqrt(card.sin * card.sin + card.cos * card.cos);
    out[17] = (float) (regular - (card.sin * sin + card.cos * cos));
    double step = 1.0 / Math.min(card.count + 1, 100);
    card.sin += step * (sin - card.sin);
    card.cos += step * (cos - card.cos);
  }

  private double hourOfWeek(String zone, long millis) {
    long hour = millis / 3_600_000;
    double[] known = offsets.computeIfAbsent(zone, name -> new double[] {-1, 0});
    if (known[0] != hour) {
      known[0] = hour;
      known[1] =
          ZoneId.of(zone).getRules().getOffset(Instant.ofEpochMilli(millis)).getTotalSeconds() / 3600.0;
    }
    // 1970-01-01 was a Thursday
    return (millis / 3_600_000.0 + known[1] + 72) % 168;
  }

  private static void activity(double seconds, Card card, float[] out) {
    double[] activity = card.activity;
    boolean first = Double.isNaN(card.last);
    double gap = first ? 0 : Math.max(0, seconds - card.last);
    card.last = first ? seconds : Math.max(seconds, card.last);
    out[18] = 0;
    if (!first) {
      double value = Math.log1p(gap);
      if (card.gaps > 0) out[18] = (float) (value - card.gap);
      card.gap += (value - card.gap) / Math.min(card.gaps + 1, 50);
      card.gaps++;
    }
    double shortest = 0;
    double longest = 0;
    for (int i = 0; i < activity.length; i++) {
      double decayed = activity[i] * Math.exp(-gap * Math.log(2) / HALF_LIVES[i]);
      out[19 + i] = (float) Math.log1p(decayed);
      activity[i] = decayed + 1;
      if (i == 0) shortest = decayed;
      longest = decayed;
    }
    double expected = longest * HALF_LIVES[0] / HALF_LIVES[2];
    out[22] = first ? 0 : (float) Math.log((shortest + 0.5) / (expected + 0.5));
  }
}
