package riskwire.peers;

import com.amazon.randomcutforest.RandomCutForest;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/**
 * Kafka Streams with a Random Cut Forest a task (a partition). Tuned: one thread, 4 MiB a partition a fetch, 10,000
 * records a poll, commits every 5 s, risks batched for 50 ms; cards in a map instead of a store with a changelog.
 */
public final class KafkaStreamsPeer {
  public static void main(String[] args) {
    Job job = Job.of(args);
    Properties properties = new Properties();
    properties.put("application.id", job.group());
    properties.put("bootstrap.servers", job.brokers());
    properties.put("num.stream.threads", "1");
    properties.put("commit.interval.ms", "5000");
    properties.put("buffered.records.per.partition", "20000");
    properties.put("state.dir", System.getProperty("java.io.tmpdir") + "/" + job.group());
    properties.put("consumer.auto.offset.reset", "earliest");
    properties.put("consumer.max.poll.records", "10000");
    properties.put("consumer.max.partition.fetch.bytes", String.valueOf(4 << 20));
    properties.put("consumer.fetch.max.bytes", String.valueOf(32 << 20));
    properties.put("producer.linger.ms", "50");
    properties.put("producer.acks", "all");

    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(job.topic(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .processValues(() -> new Scoring(job.schema()))
        .to(job.risks(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), properties);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    Looks.start(job.events());
    streams.start();
  }

  private static final class Scoring implements FixedKeyProcessor<byte[], byte[], byte[]> {
    private final PaymentDecoder decoder;
    private final Features features = new Features();
    private final Map<String, Card> cards = new HashMap<>();
    private final Payment payment = new Payment();
    private final float[] point = new float[Features.COUNT];
    private final RandomCutForest forest = Forests.create();
    private final Threshold threshold = new Threshold();
    private FixedKeyProcessorContext<byte[], byte[]> context;

    Scoring(String schema) {
      decoder = new PaymentDecoder(schema);
    }

    @Override
    public void init(FixedKeyProcessorContext<byte[], byte[]> context) {
      this.context = context;
    }

    @Override
    public void process(FixedKeyRecord<byte[], byte[]> record) {
      decoder.decode(record.value(), payment);
      features.extract(payment, cards.computeIfAbsent(payment.card, card -> new Card()), point);
      double score = forest.getAnomalyScore(point);
      forest.update(point);
      if (threshold.passed(score))
        context.forward(record.withValue(Job.riskOf(payment, score).getBytes(StandardCharsets.UTF_8)));
      Looks.add(1);
    }
  }
}
