package io.streamgauge.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One row per mistake, and what is said about it. */
class SettingsTest {
  private static final String URL = "https://hooks.slack.com/services/T0/B0/s3cret";

  private static List<String> mistakes(AlertSinkConnector connector, Map<String, String> props) {
    return connector.validate(props).configValues().stream()
        .flatMap(value -> value.errorMessages().stream().map(error -> value.name() + ": " + error)).toList();
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '`', value = {
      "slack.webhook | hooks.slack.com/s3cret | expected an address such as https://host/path, but it is none",
      "slack.webhook | ftp://host/s3cret | but it is none", "slack.webhook | https:///s3cret | but it is none",
      "slack.webhook | https://host/s3cret path | but it is none",
      "slack.webhook | ${env:s3cret} | still a reference: name its provider in config.providers of the worker",
      "slack.format | html | blocks, markdown", "slack.title | {{ upper(key) }} | is no field of an alert",
      "slack.text | {% if x %} | only {{ field }} is filled in", "slack.buttons | perhaps | either true or false",
      "batch.size | 7 | no more than 6", "batch.size | 0 | at least 1",
      "rate.per.second | -1 | at least 0", "rate.burst | 0 | at least 1", "request.timeout.ms | 1 | at least 100",
      "request.timeout.ms | 70000 | no more than 60000", "retry.backoff.ms | 0 | at least 10",
      "retry.backoff.max.ms | 1 | at least 10",
      "slack.webhok | s3cret | slack.webhok is no key of this connector; there are batch.size",
      "rate.limit | 1 | is no key of this connector"}, delimiter = '|', ignoreLeadingAndTrailingWhitespace = true)
  void eachMistakeIsSaid(String key, String value, String said) {
    Map<String, String> props = new HashMap<>(Map.of("slack.webhook", URL));
    props.put(key, value);
    List<String> mistakes = mistakes(new SlackSinkConnector(), props);
    assertEquals(1, mistakes.size(), mistakes.toString());
    assertTrue(mistakes.get(0).startsWith(key + ": ") && mistakes.get(0).contains(said), mistakes.get(0));
    assertFalse(mistakes.get(0).contains("s3cret"), mistakes.get(0));
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '`', value = {
      "Bearer x | line 1 is none", "`Authorization: Bearer s3cret\nX Y: s3cret` | line 2 is none",
      "Host: s3cret | Host is set by the sink itself", "X: s3cret\u00e9 | line 1 is none"}, delimiter = '|')
  void headersAreCheckedWithoutShowingThem(String headers, String said) {
    List<String> mistakes = mistakes(new HttpAlertSinkConnector(), Map.of("http.url", URL, "http.headers", headers));
    assertEquals(1, mistakes.size(), mistakes.toString());
    assertTrue(mistakes.get(0).contains(said) && !mistakes.get(0).contains("s3cret"), mistakes.get(0));
  }

  @Test
  void whatIsRightHasNoMistake() {
    assertEquals(List.of(), mistakes(new SlackSinkConnector(), Map.of("slack.webhook", URL, "slack.title", "{{ key }}",
        "name", "x", "topics", "a", "batch.size", "6", "rate.per.second", "0", "errors.tolerance", "all")));
    assertEquals(List.of(), mistakes(new HttpAlertSinkConnector(), Map.of("http.url", "http://localhost:8080/x",
        "http.headers", "Authorization: Bearer x\nX-Team: ops", "http.body", "{\"text\": \"{{ title }}\"}")));
  }

  @Test
  void theAddressIsNeededAndNeverShown() {
    assertTrue(mistakes(new SlackSinkConnector(), Map.of()).get(0).startsWith("slack.webhook: Missing required"));
    String shown = new SlackSinkConnector().validate(Map.of("slack.webhook", URL)).configValues().toString();
    assertFalse(shown.contains("s3cret"), shown);
    var error = assertThrows(ConfigException.class, () -> new SlackSinkConnector().start(Map.of("slack.webhook", "s3cret")));
    assertFalse(error.getMessage().contains("s3cret"), error.getMessage());
  }

  @Test
  void tasksShareTheRate() {
    SlackSinkConnector connector = new SlackSinkConnector();
    connector.start(Map.of("slack.webhook", URL));
    List<Map<String, String>> tasks = connector.taskConfigs(4);
    assertEquals(4, tasks.size());
    assertEquals("0.25", tasks.get(3).get("rate.per.second"));
    assertEquals(SlackSinkTask.class, connector.taskClass());
    assertEquals(HttpAlertSinkTask.class, new HttpAlertSinkConnector().taskClass());
  }

  @Test
  void eachKeyIsExplained() {
    for (AlertSinkConnector connector : List.of(new SlackSinkConnector(), new HttpAlertSinkConnector())) {
      connector.config().configKeys().values().forEach(key -> assertTrue(key.documentation.endsWith("."), key.name));
    }
  }
}
