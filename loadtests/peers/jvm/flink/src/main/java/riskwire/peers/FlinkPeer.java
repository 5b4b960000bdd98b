package riskwire.peers;

import com.amazon.randomcutforest.RandomCutForest;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Flink in one process (a MiniCluster) with a Random Cut Forest. Tuned: object reuse, one chain of operators without a
 * shuffle (the topic is keyed by card already), state on the heap, 4 MiB a partition a fetch, 10,000 records a poll;
 * no checkpoints.
 */
public final class FlinkPeer {
  public static void main(String[] args) throws Exception {
    Job job = Job.of(args);
    Configuration configuration = new Configuration();
    configuration.setString("state.backend.type", "hashmap");
    StreamExecutionEnvironment environment =
        StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
    environment.getConfig().enableObjectReuse();
    KafkaSource<Payment> source =
        KafkaSource.<Payment>builder()
            .setBootstrapServers(job.brokers())
            .setTopics(job.topic())
            .setGroupId(job.group())
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setProperty("max.partition.fetch.bytes", String.valueOf(4 << 20))
            .setProperty("fetch.max.bytes", String.valueOf(32 << 20))
            .setProperty("max.poll.records", "10000")
            .setProperty("enable.auto.commit", "true")
            .setProperty("auto.commit.interval.ms", "5000")
            .setDeserializer(new Decoding(job.schema()))
            .build();
    KafkaSink<byte[]> sink =
        KafkaSink.<byte[]>builder()
            .setBootstrapServers(job.brokers())
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .setProperty("linger.ms", "50")
            .setProperty("acks", "all")
            .setRecordSerializer(
                KafkaRecordSerializationSchema.<byte[]>builder()
                    .setTopic(job.risks())
                    .setValueSerializationSchema(new Bytes())
                    .build())
            .build();
    DataStream<Payment> payments =
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "payments");
    DataStreamUtils.reinterpretAsKeyedStream(payments, payment -> payment.card)
        .process(new Scoring())
        .sinkTo(sink);
    Looks.start(job.events());
    environment.execute("payments");
  }

  /** A class of its own: Flink can't tell a lambda's type. */
  private static final class Bytes implements SerializationSchema<byte[]> {
    @Override
    public byte[] serialize(byte[] value) {
      return value;
    }
  }

  private static final class Decoding implements KafkaRecordDeserializationSchema<Payment> {
    private final String schema;
    private transient PaymentDecoder decoder;
    private transient Payment payment;

    Decoding(String schema) {
      this.schema = schema;
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Payment> out) {
      if (decoder == null) {
        decoder = new PaymentDecoder(schema);
        payment = new Payment();
      }
      decoder.decode(record.value(), payment);
      out.collect(payment);
    }

    @Override
    public TypeInformation<Payment> getProducedType() {
      return TypeInformation.of(Payment.class);
    }
  }

  private static final class Scoring extends KeyedProcessFunction<String, Payment, byte[]> {
    private transient Features features;
    private transient RandomCutForest forest;
    private transient Threshold threshold;
    private transient float[] point;
    private transient ValueState<Card> cards;

    @Override
    public void open(OpenContext context) {
      features = new Features();
      forest = Forests.create();
      threshold = new Threshold();
      point = new float[Features.COUNT];
      cards = getRuntimeContext().getState(new ValueStateDescriptor<>("card", Card.class));
    }

    @Override
    public void processElement(Payment payment, Context context, Collector<byte[]> out) throws Exception {
      Card card = cards.value();
      boolean isNew = card == null;
      if (isNew) card = new Card();
      features.extract(payment, card, point);
      // On the heap a state is the object itself: what is there already needs no update.
      if (isNew) cards.update(card);
      double score = forest.getAnomalyScore(point);
      forest.update(point);
      if (threshold.passed(score))
        out.collect(Job.riskOf(payment, score).getBytes(StandardCharsets.UTF_8));
      Looks.add(1);
    }
  }
}
