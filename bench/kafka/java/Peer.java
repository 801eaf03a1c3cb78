import com.fasterxml.jackson.databind.*;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.*;

/**
 * Peers in Java: Kafka Streams and the bare consume, transform, produce loop, both exactly once. Prints the milliseconds
 * from the first record to the commit of the last; or, without a count of records, runs until it is killed.
 *
 *   Peer streams|loop map|totals BROKER INPUT OUTPUT RECORDS THREADS
 */
public class Peer {
  static final ObjectMapper MAPPER = new ObjectMapper();
  static final AtomicLong seen = new AtomicLong();
  static final AtomicLong firstMs = new AtomicLong();

  public static void main(String[] args) throws Exception {
    long records = Long.parseLong(args[5]);
    if (args[0].equals("loop")) loop(args[2], args[3], args[4], records);
    else streams(args[1], args[2], args[3], args[4], records, Integer.parseInt(args[6]));
  }

  static void note() {
    if (seen.getAndIncrement() == 0) firstMs.set(System.currentTimeMillis());
  }

  static byte[] map(byte[] value) {
    try {
      ObjectNode order = (ObjectNode) MAPPER.readTree(value);
      order.put("euros", order.get("cents").asDouble() / 100);
      return MAPPER.writeValueAsBytes(order);
    } catch (Exception error) {
      throw new RuntimeException(error);
    }
  }

  static void streams(String job, String broker, String input, String output, long records, int threads) throws Exception {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, output);
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
    config.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("streams").toString());
    config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    config.put("auto.offset.reset", "earliest");
    Topology topology = job.equals("map") ? mapTopology(input, output) : totalsTopology(input, output);
    KafkaStreams streams = new KafkaStreams(topology, config);
    streams.start();
    if (records == 0) return;
    while (seen.get() < records) Thread.sleep(5);
    // Closing commits what is left.
    streams.close();
    System.out.println(System.currentTimeMillis() - firstMs.get());
  }

  static Topology mapTopology(String input, String output) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.<byte[], byte[]>stream(input).mapValues(value -> {
      note();
      return map(value);
    }).to(output);
    return builder.build();
  }

  static Topology totalsTopology(String input, String output) {
    Topology topology = new Topology();
    topology.addSource("in", input).addProcessor("totals", Totals::new, "in");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("store"), Serdes.String(), Serdes.Long()), "totals");
    return topology.addSink("out", output, "totals");
  }

  static class Totals implements Processor<byte[], byte[], byte[], byte[]> {
    ProcessorContext<byte[], byte[]> context;
    KeyValueStore<String, Long> store;

    @Override public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      store = context.getStateStore("store");
    }

    @Override public void process(Record<byte[], byte[]> record) {
      note();
      try {
        JsonNode order = MAPPER.readTree(record.value());
        String customer = order.get("customer").asText();
        Long before = store.get(customer);
        long total = (before == null ? 0 : before) + order.get("cents").asLong();
        store.put(customer, total);
        ObjectNode out = MAPPER.createObjectNode().put("customer", customer).put("cents", total);
        context.forward(record.withKey(customer.getBytes(StandardCharsets.UTF_8)).withValue(MAPPER.writeValueAsBytes(out)));
      } catch (Exception error) {
        throw new RuntimeException(error);
      }
    }
  }

  static void loop(String broker, String input, String output, long records) {
    Map<String, Object> config = new HashMap<>();
    config.put("bootstrap.servers", broker);
    config.put("group.id", output);
    config.put("enable.auto.commit", false);
    config.put("auto.offset.reset", "earliest");
    config.put("isolation.level", "read_committed");
    config.put("max.poll.records", 10_000);
    config.put("key.deserializer", ByteArrayDeserializer.class);
    config.put("value.deserializer", ByteArrayDeserializer.class);
    Map<String, Object> producing = new HashMap<>();
    producing.put("bootstrap.servers", broker);
    producing.put("transactional.id", output);
    producing.put("linger.ms", 5);
    producing.put("key.serializer", ByteArraySerializer.class);
    producing.put("value.serializer", ByteArraySerializer.class);
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config);
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(producing)) {
      producer.initTransactions();
      consumer.subscribe(List.of(input));
      long written = 0;
      while (written < records) {
        int inTransaction = 0;
        boolean isOpen = false;
        while (inTransaction < 10_000 && written < records) {
          ConsumerRecords<byte[], byte[]> batch = consumer.poll(Duration.ofMillis(10));
          if (batch.isEmpty() && isOpen) break;
          if (!batch.isEmpty() && !isOpen) {
            producer.beginTransaction();
            isOpen = true;
          }
          for (ConsumerRecord<byte[], byte[]> record : batch) {
            note();
            producer.send(new ProducerRecord<>(output, record.key(), map(record.value())));
            inTransaction++;
            written++;
          }
        }
        if (!isOpen) continue;
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition partition : consumer.assignment()) {
          offsets.put(partition, new OffsetAndMetadata(consumer.position(partition)));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        producer.commitTransaction();
      }
    }
    System.out.println(System.currentTimeMillis() - firstMs.get());
  }
}
