import com.fasterxml.jackson.databind.*;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes the records of a file, compressed: lines of JSON {"key", "value", "timeMs", "headers": [[name, value]]}, base64 or null. */
public class WriteRecords {
  public static void main(String[] args) throws Exception {
    Map<String, Object> config = new HashMap<>();
    config.put("bootstrap.servers", args[0]);
    config.put("key.serializer", ByteArraySerializer.class.getName());
    config.put("value.serializer", ByteArraySerializer.class.getName());
    config.put("compression.type", args[2]);
    config.put("linger.ms", 50);
    ObjectMapper mapper = new ObjectMapper();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config);
        BufferedReader lines = new BufferedReader(new FileReader(args[3], StandardCharsets.UTF_8))) {
      for (String line; (line = lines.readLine()) != null; ) {
        JsonNode json = mapper.readTree(line);
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
            args[1], 0, json.get("timeMs").asLong(), bytes(json.get("key")), bytes(json.get("value")));
        for (JsonNode header : json.get("headers")) {
          String name = new String(bytes(header.get(0)), StandardCharsets.UTF_8);
          record.headers().add(new RecordHeader(name, bytes(header.get(1))));
        }
        producer.send(record, (done, error) -> {
          if (error == null) return;
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
        });
      }
    }
  }

  static byte[] bytes(JsonNode base64) {
    return base64.isNull() ? null : Base64.getDecoder().decode(base64.asText());
  }
}
