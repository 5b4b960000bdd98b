package riskwire.peers;

/** Follows the quantile of the scores above which SHARE of them lie (Robbins and Monro's recursion). */
public final class Threshold {
  public static final double SHARE = 0.001;
  private double value = Double.NaN;

  public boolean passed(double score) {
    if (Double.isNaN(value)) {
      value = score;
      return false;
    }
    boolean above = score > value;
    value += (0.05 * Math.abs(value) + 1e-6) * (above ? 1 - SHARE : -SHARE);
    return above;
  }
}
