import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends each line of stdin as a value. Arguments: topic, then producer properties as name=value. */
public class ProduceLines {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    for (int i = 1; i < args.length; i++) {
      int at = args[i].indexOf('=');
      properties.put(args[i].substring(0, at), args[i].substring(at + 1));
    }
    StringSerializer text = new StringSerializer();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties, text, text)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        producer.send(new ProducerRecord<>(args[0], line), (done, error) -> {
          if (error != null) {
            error.printStackTrace();
            System.exit(1);
          }
        });
      }
    }
  }
}
