package riskwire.peers;

import java.io.File;
import java.io.IOException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Avro single-object encoding into payments. Tuned: Avro's fast reader, one record and one binary decoder used again
 * and again, strings read as Java strings.
 */
public final class PaymentDecoder {
  private static final int HEADER = 10;
  private final GenericDatumReader<GenericRecord> reader;
  private GenericRecord record;
  private BinaryDecoder binary;
  private final int id, time, card, terminal, merchant, amount, currency, channel, country, timeZone;

  public PaymentDecoder(String schemaFile) {
    Schema schema;
    try {
      schema = new Schema.Parser().parse(new File(schemaFile));
    } catch (IOException error) {
      throw new IllegalArgumentException("cannot read the schema " + schemaFile, error);
    }
    for (Schema.Field field : schema.getFields())
      if (field.schema().getType() == Schema.Type.STRING)
        GenericData.setStringType(field.schema(), GenericData.StringType.String);
    GenericData data = new GenericData();
    data.setFastReaderEnabled(true);
    reader = new GenericDatumReader<>(schema, schema, data);
    id = schema.getField("id").pos();
    time = schema.getField("time").pos();
    card = schema.getField("card").pos();
    terminal = schema.getField("terminal").pos();
    merchant = schema.getField("merchant").pos();
    amount = schema.getField("amount").pos();
    currency = schema.getField("currency").pos();
    channel = schema.getField("channel").pos();
    country = schema.getField("country").pos();
    timeZone = schema.getField("timeZone").pos();
  }

  public void decode(byte[] value, Payment into) {
    binary = DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, binary);
    try {
      record = reader.read(record, binary);
    } catch (IOException error) {
      throw new IllegalStateException("not a payment", error);
    }
    into.id = (String) record.get(id);
    into.time = (Long) record.get(time);
    into.card = (String) record.get(card);
    into.terminal = (String) record.get(terminal);
    into.merchant = (String) record.get(merchant);
    into.amount = (Double) record.get(amount);
    into.currency = (String) record.get(currency);
    into.channel = record.get(channel).toString();
    into.country = (String) record.get(country);
    into.timeZone = (String) record.get(timeZone);
  }
}
