package riskwire.peers;

/** The fields of a payment that are used. Public and mutable, so that one can be filled again and again, and that Flink takes it for a POJO. */
public class Payment {
  public String id;
  public long time;
  public String card;
  public String terminal;
  public String merchant;
  public double amount;
  public String currency;
  public String channel;
  public String country;
  public String timeZone;
}
