import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes the events of a file into a topic: brokers, topic, file, events, rate, linger in ms.
 *
 * With a rate above 0 event n is due at the start + n / rate whatever happened to those before it: one that is sent late
 * because the broker was slow counts as late from when it was due. Lines on stdin change the rate; each time the event
 * that the new schedule begins with is said, and when. When there are more
 * events than the file has it starts over, with ids that go on and with times moved on: the file then has to hold
 * payments, whose first two fields are those.
 *
 * The file: a key's length (4 bytes), the key, a value's length (4 bytes), the value, and so on.
 */
public class Feed {
  private static final int AVRO_HEADER = 10;
  private static final int AHEAD = 500_000;
  private static volatile double rate;
  private static volatile boolean anchored;
  private static final AtomicLong acked = new AtomicLong();

  public static void main(String[] args) throws Exception {
    String topic = args[1];
    long events = Long.parseLong(args[3]);
    rate = Double.parseDouble(args[4]);
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("linger.ms", args[5]);
    properties.put("acks", "all");
    properties.put("batch.size", String.valueOf(128 << 10));
    properties.put("buffer.memory", String.valueOf(128L << 20));
    properties.put("max.block.ms", "60000");
    ByteBuffer file;
    try (RandomAccessFile opened = new RandomAccessFile(args[2], "r")) {
      file = opened.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, opened.length());
    }
    daemon(Feed::listen);
    daemon(() -> say(events));
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.partitionsFor(topic);
      feed(producer, topic, file, events);
      producer.flush();
    }
    System.out.println("{\"done\":" + acked.get() + ",\"at\":" + System.currentTimeMillis() + "}");
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static void feed(
      KafkaProducer<byte[], byte[]> producer, String topic, ByteBuffer file, long events) {
    long anchor = 0;
    long anchorSent = 0;
    long position = 0;
    long loop = 0;
    long span = 0;
    for (long sent = 0; sent < events; sent++) {
      if (!file.hasRemaining()) {
        if (loop == 0) {
          file.rewind();
          next(file);
          long first = timeOf(next(file));
          span = lastTime + 1000 - first;
        }
        loop++;
        file.rewind();
      }
      while (true) {
        if (!anchored) {
          anchored = true;
          anchor = System.nanoTime();
          anchorSent = sent;
          System.out.println("{\"from\":" + sent + ",\"start\":" + System.currentTimeMillis() + "}");
        }
        double now = rate;
        if (now <= 0 || sent - anchorSent < (System.nanoTime() - anchor) * 1e-9 * now) break;
        LockSupport.parkNanos(1_000_000);
      }
      while (sent - acked.get() > AHEAD) LockSupport.parkNanos(1_000_000);
      byte[] key = next(file);
      byte[] value = next(file);
      if (!file.hasRemaining() && loop == 0 && sent + 1 < events) lastTime = timeOf(value);
      if (loop > 0) value = restamped(value, position, loop * span);
      producer.send(
          new ProducerRecord<>(topic, key, value),
          (metadata, error) -> {
            if (error != null) {
              error.printStackTrace();
              Runtime.getRuntime().halt(1);
            }
            acked.incrementAndGet();
          });
      position++;
    }
  }

  private static long lastTime;

  private static byte[] next(ByteBuffer file) {
    byte[] bytes = new byte[file.getInt()];
    file.get(bytes);
    return bytes;
  }

  private static void listen() {
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        rate = Double.parseDouble(line.trim());
        anchored = false;
      }
    } catch (Exception error) {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private static void say(long events) {
    long before = 0;
    while (true) {
      long done = acked.get();
      if (done > before && done < events)
        System.out.println("{\"done\":" + done + ",\"at\":" + System.currentTimeMillis() + "}");
      before = done;
      LockSupport.parkNanos(100_000_000);
    }
  }

  private static void daemon(Runnable work) {
    Thread thread = new Thread(work);
    thread.setDaemon(true);
    thread.start();
  }

  /** The time of a payment, whose first field is its id and whose second is its time. */
  private static long timeOf(byte[] value) {
    ByteBuffer in = ByteBuffer.wrap(value);
    in.position(AVRO_HEADER);
    int length = (int) readLong(in);
    in.position(in.position() + length);
    return readLong(in);
  }

  private static byte[] restamped(byte[] value, long position, long later) {
    ByteBuffer in = ByteBuffer.wrap(value);
    in.position(AVRO_HEADER);
    int length = (int) readLong(in);
    in.position(in.position() + length);
    long time = readLong(in) + later;
    byte[] id = ("p" + position).getBytes(StandardCharsets.US_ASCII);
    ByteBuffer out = ByteBuffer.allocate(value.length + 32);
    out.put(value, 0, AVRO_HEADER);
    writeLong(out, id.length);
    out.put(id);
    writeLong(out, time);
    out.put(value, in.position(), in.remaining());
    byte[] bytes = new byte[out.position()];
    out.flip();
    out.get(bytes);
    return bytes;
  }

  /** Avro's long: zigzag, seven bits a byte, the lowest first. */
  private static long readLong(ByteBuffer in) {
    long bits = 0;
    int shift = 0;
    long part;
    do {
      part = in.get();
      bits |= (part & 0x7f) << shift;
      shift += 7;
    } while ((part & 0x80) != 0);
    return (bits >>> 1) ^ -(bits & 1);
  }

  private static void writeLong(ByteBuffer out, long value) {
    long bits = (value << 1) ^ (value >> 63);
    while ((bits & ~0x7fL) != 0) {
      out.put((byte) ((bits & 0x7f) | 0x80));
      bits >>>= 7;
    }
    out.put((byte) bits);
  }
}
