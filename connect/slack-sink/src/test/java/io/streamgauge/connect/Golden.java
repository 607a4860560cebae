package io.streamgauge.connect;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.sink.SinkRecord;

/** The messages that the channel {@code slack} is held to as well: a notice, options, and how it looks. */
record Golden(String name, JsonNode notice, SlackMessage.Extras extras, JsonNode message) {
  /** A record carries no series, so no line is drawn. */
  private static final List<String> NOT_HERE = List.of("series.json");

  static Stream<Golden> all() {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("golden")))) {
      return files.filter(path -> !NOT_HERE.contains(path.getFileName().toString())).sorted().toList().stream()
          .map(Golden::read);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static Golden of(String name) {
    return all().filter(golden -> golden.name().equals(name)).findFirst().orElseThrow();
  }

  /** The notice as a record whose value a converter made. */
  static SinkRecord record(String topic, int offset, Object key, Object value) {
    return new SinkRecord(topic, 0, null, key, null, value, offset, 1_795_348_803_250L, TimestampType.CREATE_TIME);
  }

  Map<String, Object> blocks(SinkRecord record) {
    return SlackMessage.blocks(Alert.of(record).notice(), extras);
  }

  static JsonNode tree(Object message) {
    return Notices.JSON.valueToTree(message);
  }

  @Override
  public String toString() {
    return name;
  }

  private static Golden read(Path path) {
    try {
      JsonNode tree = Notices.JSON.readTree(path.toFile());
      JsonNode options = tree.get("options");
      List<String> remarks = Notices.JSON.convertValue(
          options.path("remarks").isMissingNode() ? List.of() : options.get("remarks"),
          Notices.JSON.getTypeFactory().constructCollectionType(List.class, String.class));
      var extras = new SlackMessage.Extras(
          options.path("title").textValue(), options.path("text").textValue(), options.path("buttons").asBoolean(), remarks);
      String name = path.getFileName().toString().replace(".json", "");
      return new Golden(name, tree.get("notice"), extras, tree.get("message"));
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
