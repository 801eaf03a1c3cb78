import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes transactions that are all aborted. */
public class Abort {
  public static void main(String[] args) {
    Map<String, Object> config = new HashMap<>();
    config.put("bootstrap.servers", args[0]);
    config.put("key.serializer", ByteArraySerializer.class.getName());
    config.put("value.serializer", ByteArraySerializer.class.getName());
    config.put("transactional.id", args[1] + "-abort");
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config)) {
      producer.initTransactions();
      for (int i = 0; i < Integer.parseInt(args[2]); i++) {
        producer.beginTransaction();
        producer.send(new ProducerRecord<>(args[1], 0, null, new byte[10]));
        producer.flush();
        producer.abortTransaction();
      }
    }
  }
}
