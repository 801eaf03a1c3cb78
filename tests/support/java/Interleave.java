import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Transactions of several producers, interleaved at random on all partitions of a topic; about half are aborted. */
public class Interleave {
  public static void main(String[] args) throws Exception {
    String topic = args[1];
    int partitions = Integer.parseInt(args[2]);
    int steps = Integer.parseInt(args[3]);
    Random random = new Random(Long.parseLong(args[4]));
    List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
    boolean[] isOpen = new boolean[5];
    for (int i = 0; i < isOpen.length; i++) {
      Map<String, Object> config = new HashMap<>();
      config.put("bootstrap.servers", args[0]);
      config.put("key.serializer", ByteArraySerializer.class.getName());
      config.put("value.serializer", ByteArraySerializer.class.getName());
      config.put("linger.ms", 0);
      config.put("compression.type", List.of("none", "gzip", "snappy", "lz4", "zstd").get(i));
      // The last one writes without transactions.
      if (i < isOpen.length - 1) config.put("transactional.id", topic + "-" + i);
      producers.add(new KafkaProducer<>(config));
      if (i < isOpen.length - 1) producers.get(i).initTransactions();
    }
    for (int step = 0; step < steps; step++) {
      int who = random.nextInt(isOpen.length);
      KafkaProducer<byte[], byte[]> producer = producers.get(who);
      boolean isTransactional = who < isOpen.length - 1;
      if (isTransactional && !isOpen[who]) {
        producer.beginTransaction();
        isOpen[who] = true;
      }
      int records = 1 + random.nextInt(2 * partitions);
      for (int i = 0; i < records; i++) {
        // Four zero bytes as a key look like an abort marker to who does not look at the batch.
        byte[] key = random.nextInt(10) == 0 ? new byte[4] : null;
        byte[] value = ("p" + who + "s" + step + "r" + i).getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(topic, random.nextInt(partitions), key, value));
      }
      producer.flush();
      if (isTransactional && random.nextInt(3) == 0) end(producers, isOpen, who, random.nextBoolean());
    }
    for (int who = 0; who < isOpen.length - 1; who++) if (isOpen[who]) end(producers, isOpen, who, random.nextBoolean());
    for (KafkaProducer<byte[], byte[]> producer : producers) producer.close();
  }

  static void end(List<KafkaProducer<byte[], byte[]>> producers, boolean[] isOpen, int who, boolean isCommitted) {
    if (isCommitted) producers.get(who).commitTransaction();
    else producers.get(who).abortTransaction();
    isOpen[who] = false;
  }
}
