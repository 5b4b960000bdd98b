package riskwire.peers;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The strongest thing that one would write by hand: a plain consumer, features in plain loops, the autoencoder by ONNX
 * Runtime in micro-batches of 1,024, in direct buffers that are used again. Tuned: one thread each, 4 MiB a partition
 * a fetch, 20,000 records a poll, offsets committed every 5 s after a flush.
 */
public final class OnnxPeer {
  private static final int BATCH = 1024;
  private static final long COMMIT_MS = 5_000;

  private final PaymentDecoder decoder;
  private final Features features = new Features();
  private final Map<String, Card> cards = new HashMap<>();
  private final float[] point = new float[Features.COUNT];
  private final Payment[] payments = new Payment[BATCH];
  private final FloatBuffer rows =
      ByteBuffer.allocateDirect(4 * BATCH * Features.COUNT).order(ByteOrder.nativeOrder()).asFloatBuffer();
  private final Threshold threshold = new Threshold();
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;

  private OnnxPeer(String schema) throws Exception {
    decoder = new PaymentDecoder(schema);
    for (int i = 0; i < BATCH; i++) payments[i] = new Payment();
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(1);
    options.setInterOpNumThreads(1);
    options.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
    options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
    try (InputStream model = OnnxPeer.class.getResourceAsStream("/autoencoder.onnx")) {
      session = environment.createSession(model.readAllBytes(), options);
    }
  }

  public static void main(String[] args) throws Exception {
    Job job = Job.of(args);
    Looks.start(job.events());
    new OnnxPeer(job.schema()).run(job);
  }

  private void run(Job job) throws OrtException {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(job);
        KafkaProducer<byte[], byte[]> producer = producer(job)) {
      consumer.subscribe(List.of(job.topic()));
      long committed = System.currentTimeMillis();
      int size = 0;
      while (true) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(500));
        for (ConsumerRecord<byte[], byte[]> record : records) {
          Payment payment = payments[size];
          decoder.decode(record.value(), payment);
          features.extract(payment, cards.computeIfAbsent(payment.card, card -> new Card()), point);
          rows.put(size * Features.COUNT, point);
          size++;
          if (size == BATCH) {
            score(size, job.risks(), producer);
            size = 0;
          }
        }
        if (size > 0) score(size, job.risks(), producer);
        size = 0;
        if (System.currentTimeMillis() - committed >= COMMIT_MS) {
          producer.flush();
          consumer.commitSync();
          committed = System.currentTimeMillis();
        }
      }
    }
  }

  private void score(int size, String risks, KafkaProducer<byte[], byte[]> producer) throws OrtException {
    FloatBuffer used = rows.duplicate().position(0).limit(size * Features.COUNT);
    try (OnnxTensor input =
            OnnxTensor.createTensor(environment, used, new long[] {size, Features.COUNT});
        OrtSession.Result result = session.run(Map.of("x", input))) {
      FloatBuffer errors = ((OnnxTensor) result.get(0)).getFloatBuffer();
      for (int row = 0; row < size; row++) {
        float error = errors.get(row);
        if (threshold.passed(error)) {
          Payment payment = payments[row];
          producer.send(
              new ProducerRecord<>(
                  risks,
                  payment.card.getBytes(StandardCharsets.UTF_8),
                  Job.riskOf(payment, error).getBytes(StandardCharsets.UTF_8)));
        }
      }
    }
    Looks.add(size);
  }

  private static KafkaConsumer<byte[], byte[]> consumer(Job job) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", job.brokers());
    properties.put("group.id", job.group());
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    properties.put("max.poll.records", "20000");
    properties.put("max.partition.fetch.bytes", String.valueOf(4 << 20));
    properties.put("fetch.max.bytes", String.valueOf(32 << 20));
    properties.put("check.crcs", "false");
    return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private static KafkaProducer<byte[], byte[]> producer(Job job) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", job.brokers());
    properties.put("acks", "all");
    properties.put("linger.ms", "50");
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }
}
