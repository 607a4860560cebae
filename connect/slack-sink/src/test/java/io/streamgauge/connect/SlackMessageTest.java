package io.streamgauge.connect;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.StringConverter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** How an alert looks, from each kind of record that a converter may make of it. */
class SlackMessageTest {
  private static final SlackMessage.Extras NOTHING = new SlackMessage.Extras(null, null, false, List.of());

  static java.util.stream.Stream<Golden> golden() {
    return Golden.all();
  }

  @ParameterizedTest
  @MethodSource("golden")
  void fromTextItLooksAsTheChannelsMessage(Golden golden) {
    StringConverter converter = new StringConverter();
    converter.configure(Map.of(), false);
    Object value = converter.toConnectData("alerts", golden.notice().toString().getBytes(UTF_8)).value();
    assertEquals(golden.message(), Golden.tree(golden.blocks(Golden.record("alerts", 0, null, value))));
  }

  @ParameterizedTest
  @MethodSource("golden")
  void fromBytesItLooksTheSame(Golden golden) {
    byte[] value = golden.notice().toString().getBytes(UTF_8);
    assertEquals(golden.message(), Golden.tree(golden.blocks(Golden.record("alerts", 0, null, value))));
  }

  @Test
  void fromJsonWithoutASchemaItLooksTheSameButForTheOrderOfFields() throws Exception {
    Golden golden = Golden.of("resolved"); // one field each, so there is no order
    try (JsonConverter converter = new JsonConverter()) {
      converter.configure(Map.of("schemas.enable", "false"), false);
      Object value = converter.toConnectData("alerts", golden.notice().toString().getBytes(UTF_8)).value();
      assertEquals(golden.message(), Golden.tree(golden.blocks(Golden.record("alerts", 0, null, value))));
    }
  }

  @Test
  void fieldsOfAMapThatHasNoOrderGoByTheirNames() {
    Map<String, Object> value = Map.of("monitor", "m", "observed", Map.of("c", 3, "a", 1, "b", 2.0));
    Wording words = Wording.of(Alert.of(Golden.record("alerts", 0, null, value)).notice());
    assertEquals(List.of(new Wording.Line("observed", "a 1 · b 2 · c 3")), words.lines());
  }

  @Test
  void fromJsonWithASchemaItLooksTheSame() {
    Schema observed = SchemaBuilder.struct().field("events", Schema.FLOAT64_SCHEMA).field("spent", Schema.FLOAT64_SCHEMA).build();
    Schema sample = SchemaBuilder.struct().field("id", Schema.STRING_SCHEMA).field("amount", Schema.FLOAT64_SCHEMA)
        .field("country", Schema.OPTIONAL_STRING_SCHEMA).build();
    SchemaBuilder schema = SchemaBuilder.struct().field("observed", observed).field("samples", SchemaBuilder.array(sample).build());
    Golden golden = Golden.of("firing");
    golden.notice().properties().forEach(field -> {
      if (field.getValue().isTextual() || field.getValue().isBoolean()) {
        schema.field(field.getKey(), field.getValue().isTextual() ? Schema.STRING_SCHEMA : Schema.BOOLEAN_SCHEMA);
      }
    });
    Struct value = new Struct(schema.build());
    golden.notice().properties().forEach(field -> {
      if (field.getValue().isTextual() || field.getValue().isBoolean()) {
        value.put(field.getKey(), field.getValue().isTextual() ? field.getValue().textValue() : (Object) field.getValue().booleanValue());
      }
    });
    value.put("observed", new Struct(observed).put("events", 101.0).put("spent", 10412.499));
    value.put("samples", List.of(new Struct(sample).put("id", "t-17").put("amount", 17.5)));
    try (JsonConverter converter = new JsonConverter()) {
      converter.configure(Map.of("schemas.enable", "true"), false);
      byte[] written = converter.fromConnectData("alerts", value.schema(), value);
      SinkRecord record = Golden.record("alerts", 0, null, converter.toConnectData("alerts", written).value());
      assertEquals(golden.message(), Golden.tree(golden.blocks(record)));
    }
  }

  @Test
  void aRowThatIsNoNoticeIsShownAsWhatWasObserved() {
    Schema schema = SchemaBuilder.struct().field("EVENT_COUNT", Schema.INT64_SCHEMA).field("AT", Timestamp.SCHEMA)
        .field("SPENT", Decimal.schema(2)).field("RATIO", Schema.FLOAT64_SCHEMA).build();
    Struct row = new Struct(schema).put("EVENT_COUNT", 43L).put("AT", new java.util.Date(1_795_348_803_250L))
        .put("SPENT", new java.math.BigDecimal("10.50")).put("RATIO", Double.NaN);
    Map<String, Object> notice = Alert.of(Golden.record("ANOMALY_WINDOW", 7, "sensor-2", row)).notice();
    Wording words = Wording.of(notice);
    assertEquals("WARNING", words.word());
    assertEquals("ANOMALY_WINDOW", words.title());
    assertEquals("ANOMALY_WINDOW-0-7", notice.get("notice"));
    assertEquals(List.of(
        new Wording.Line("key", "sensor-2"),
        new Wording.Line("when", "2026-11-22 12:00:03.250 UTC"),
        new Wording.Line("observed", "EVENT_COUNT 43 · AT 2026-11-22T12:00:03.250Z · SPENT 10.50 · RATIO –")), words.lines());
  }

  @Test
  void whatIsNoObjectIsRefusedWithAReason() {
    for (Object value : new Object[] {"[1, 2]", "\"text\"", "12", "null", "{\"a\": ", "{} {}", "", 7L, List.of(1), true, new byte[] {1}}) {
      var error = assertThrows(DataException.class, () -> Alert.of(Golden.record("alerts", 3, null, value)), String.valueOf(value));
      assertTrue(error.getMessage().startsWith("the value is "), error.getMessage());
    }
  }

  @Test
  void markdownIsOneTextInWhichNoValueFormats() {
    Map<String, Object> notice = Notices.value(Golden.record("a", 0, null, Golden.of("hostile").notice().toString()));
    String text = (String) SlackMessage.markdown(notice, NOTHING).get("text");
    assertTrue(text.startsWith("*🔴 CRITICAL  &lt;!channel&gt; &lt;@U1&gt; ∗bold∗ ＿it＿ ˋcodeˋ"), text);
    assertTrue(text.contains("\n*when*  2026-11-22 12:00:03.250 UTC"), text);
    assertTrue(text.endsWith("\n" + notice.get("notice")), text);
    assertFalse(text.contains("<"), text);
    assertTrue(SlackMessage.markdown(notice, new SlackMessage.Extras("T", "*{x}*", false, List.of("failed"))).get("text")
        .equals("*🔴 CRITICAL  T*\n*{x}*\n" + notice.get("notice") + "\nfailed"));
  }

  @Test
  void severalStandInOneMessageWithALineBetween() {
    Map<String, Object> notice = Notices.value(Golden.record("a", 0, null, Golden.of("long").notice().toString()));
    Map<String, Object> one = SlackMessage.blocks(notice, new SlackMessage.Extras(null, null, true, List.of("a", "b")));
    Map<String, Object> all = SlackMessage.together(java.util.Collections.nCopies(SlackSinkConnector.BATCH_LIMIT, one));
    List<?> blocks = (List<?>) all.get("blocks");
    assertEquals(SlackSinkConnector.BATCH_LIMIT * (((List<?>) one.get("blocks")).size() + 1) - 1, blocks.size());
    assertTrue(blocks.size() <= 50, "Slack takes fifty blocks, these are " + blocks.size());
    assertEquals(1, blocks.stream().filter(block -> block.equals(Map.of("type", "divider"))).count() / 5);
  }
}
