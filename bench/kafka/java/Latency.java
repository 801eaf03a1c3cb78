import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/**
 * Appends records at a steady rate to one topic and reads what somebody makes of them from another, read_committed.
 * Prints p50 and p99 of the milliseconds between, without the first quarter.
 *
 *   Latency BROKER INPUT OUTPUT RATE SECONDS
 */
public class Latency {
  public static void main(String[] args) throws Exception {
    String input = args[1];
    int rate = Integer.parseInt(args[3]);
    int total = rate * Integer.parseInt(args[4]);
    double[] latencies = new double[total];
    Thread reader = new Thread(() -> read(args[0], args[2], total, latencies));
    reader.start();
    Map<String, Object> config = Map.of("bootstrap.servers", args[0], "linger.ms", 0,
        "key.serializer", ByteArraySerializer.class, "value.serializer", ByteArraySerializer.class);
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config)) {
      long startNs = System.nanoTime();
      for (int i = 0; i < total; i++) {
        while (System.nanoTime() - startNs < i * 1_000_000_000L / rate) Thread.sleep(0, 200_000);
        String value = "{\"i\":" + i + ",\"cents\":" + i % 1000 + ",\"sent\":" + System.nanoTime() + ",\"note\":\"" + "x".repeat(40) + "\"}";
        producer.send(new ProducerRecord<>(input, ("k" + i % 1000).getBytes(), value.getBytes(StandardCharsets.UTF_8)));
      }
    }
    reader.join();
    double[] settled = Arrays.copyOfRange(latencies, total / 4, total);
    Arrays.sort(settled);
    System.out.printf("%.1f %.1f%n", settled[settled.length / 2], settled[settled.length * 99 / 100]);
  }

  static void read(String broker, String topic, int total, double[] latencies) {
    Map<String, Object> config = Map.of("bootstrap.servers", broker, "isolation.level", "read_committed",
        "fetch.max.wait.ms", 5, "key.deserializer", ByteArrayDeserializer.class,
        "value.deserializer", ByteArrayDeserializer.class);
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config)) {
      List<TopicPartition> partitions = new ArrayList<>();
      consumer.partitionsFor(topic).forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      for (int seen = 0; seen < total; ) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(20))) {
          String value = new String(record.value(), StandardCharsets.UTF_8);
          int at = value.indexOf("\"sent\":") + 7;
          long sentNs = Long.parseLong(value.substring(at, value.indexOf(',', at)));
          latencies[seen++] = (System.nanoTime() - sentNs) / 1e6;
        }
      }
    }
  }
}
