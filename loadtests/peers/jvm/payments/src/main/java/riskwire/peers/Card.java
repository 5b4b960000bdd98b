package riskwire.peers;

/** What is kept of a card. */
public class Card {
  public double last = Double.NaN;
  public int count;
  public double mean;
  public double variance;
  public int gaps;
  public double gap;
  public double sin;
  public double cos;
  public double[] activity = new double[Features.HALF_LIVES.length];
  /** hashes of the last distinct values by category, the newest first */
  public int[] recent = new int[Features.CATEGORIES * Features.RECENT];
  public double[] rates = new double[Features.CATEGORIES];
}
