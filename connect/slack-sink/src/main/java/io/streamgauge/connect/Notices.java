package io.streamgauge.connect;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Reads an alert out of what any converter makes of a record: a map (JSON without a schema), a struct (JSON with one, Avro)
 * or JSON as a string or bytes. The last keeps the order of the fields as it was written; a map of Connect's has none, so
 * its fields go by their names.
 */
final class Notices {
  static final ObjectMapper JSON = JsonMapper.builder()
      .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
      .build();

  private static final DateTimeFormatter ISO =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

  static {
    JSON.getFactory().setStreamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(100).build());
  }

  private Notices() {}

  /**
   * The record's value as plain maps, lists, texts and numbers.
   *
   * @throws DataException it is no object
   */
  static Map<String, Object> value(SinkRecord record) {
    Object plain = record.value() instanceof String || record.value() instanceof byte[]
        ? parsed(record.value())
        : plain(record.value());
    if (plain instanceof Map<?, ?> map) {
      return texts(map);
    }
    throw new DataException("the value is no object with fields but " + kind(plain)
        + "; an alert topic holds one JSON or Avro object per record");
  }

  /** The value as a notice: as it is when Streamgauge wrote it, else the row as what was observed. */
  static Map<String, Object> notice(SinkRecord record, Map<String, Object> value) {
    if (value.containsKey("title") || value.containsKey("monitor")) {
      Map<String, Object> notice = new LinkedHashMap<>(value);
      notice.putIfAbsent("notice", place(record));
      return notice;
    }
    Map<String, Object> notice = new LinkedHashMap<>();
    notice.put("notice", place(record));
    notice.put("title", record.topic());
    notice.put("severity", "warning");
    notice.put("key", record.key() instanceof byte[] ? null : plain(record.key()));
    notice.put("opened_at", record.timestamp() == null ? null : iso(record.timestamp()));
    notice.put("observed", value);
    return notice;
  }

  /** Where a record lies, the same however often it is delivered. */
  static String place(SinkRecord record) {
    return record.originalTopic() + "-" + record.originalKafkaPartition() + "-" + record.originalKafkaOffset();
  }

  private static Object parsed(Object value) {
    String text = value instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : (String) value;
    try {
      return JSON.readValue(text, Object.class);
    } catch (JsonProcessingException error) {
      throw new DataException("the value is not the JSON that it should be: " + Text.printable(error.getOriginalMessage(), 200));
    }
  }

  private static Object plain(Object value) {
    if (value instanceof Struct struct) {
      Map<String, Object> made = new LinkedHashMap<>();
      for (Field field : struct.schema().fields()) {
        made.put(field.name(), plain(struct.get(field)));
      }
      return made;
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> made = map instanceof LinkedHashMap ? new LinkedHashMap<>() : new TreeMap<>();
      map.forEach((name, item) -> made.put(String.valueOf(name), plain(item)));
      return made;
    }
    if (value instanceof Collection<?> items) {
      List<Object> made = new ArrayList<>(items.size());
      items.forEach(item -> made.add(plain(item)));
      return made;
    }
    if (value instanceof Double || value instanceof Float) {
      return Double.isFinite(((Number) value).doubleValue()) ? value : null; // JSON has neither NaN nor infinity
    }
    if (value instanceof Date date) {
      return iso(date.getTime());
    }
    if (value instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return Base64.getEncoder().encodeToString(bytes);
    }
    return value instanceof byte[] bytes ? Base64.getEncoder().encodeToString(bytes) : value;
  }

  private static Map<String, Object> texts(Map<?, ?> map) {
    Map<String, Object> made = new LinkedHashMap<>();
    map.forEach((name, item) -> made.put(String.valueOf(name), item));
    return made;
  }

  private static String iso(long millis) {
    return ISO.format(Instant.ofEpochMilli(millis));
  }

  private static String kind(Object value) {
    return value == null ? "null" : value instanceof Collection ? "a list" : value instanceof String ? "a text"
        : value instanceof Number ? "a number" : "a " + value.getClass().getSimpleName().toLowerCase();
  }
}
