package io.streamgauge.connect;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.connect.errors.DataException;

/** Posts alerts as they lie in the topic, or as a template words them. */
public final class HttpAlertSinkTask extends AlertSinkTask {
  private Webhook webhook;
  private Template body;
  private String contentType;

  @Override
  public void start(Map<String, String> props) {
    AbstractConfig config = new AbstractConfig(HttpAlertSinkConnector.CONFIG, props, false);
    webhook = new Webhook(SinkSettings.url(config.getPassword(HttpAlertSinkConnector.URL).value()),
        SinkSettings.headers(config.getPassword(HttpAlertSinkConnector.HEADERS)), SinkSettings.timeout(config),
        Clock.systemUTC());
    body = Template.of(config.getString(HttpAlertSinkConnector.BODY));
    contentType = config.getString(HttpAlertSinkConnector.CONTENT_TYPE);
    begin(SinkSettings.pace(config), body == null ? config.getInt(SinkSettings.BATCH_SIZE) : 1);
  }

  @Override
  Answer post(List<Alert> alerts) {
    Map<String, String> headers = new HashMap<>();
    if (alerts.size() == 1) { // the same however often it comes; a batch is cut anew after a restart
      headers.put("Idempotency-Key", quoted(Text.plain(alerts.get(0).notice().get("notice"))));
    }
    List<String> remarks = new ArrayList<>();
    String made = Template.render(body, HttpAlertSinkConnector.BODY, alerts.get(0).notice(), HttpAlertSinkTask::inJson, remarks);
    headers.put("Content-Type", made == null ? "application/json" : contentType);
    return webhook.post(made == null ? json(alerts, remarks) : made, headers);
  }

  private static String json(List<Alert> alerts, List<String> remarks) {
    List<Map<String, Object>> values = alerts.stream().map(alert -> explained(alert, remarks)).toList();
    try {
      return Notices.JSON.writeValueAsString(values.size() == 1 ? values.get(0) : values);
    } catch (JsonProcessingException error) {
      throw new DataException("an alert cannot be written as JSON", error);
    }
  }

  private static Map<String, Object> explained(Alert alert, List<String> remarks) {
    if (remarks.isEmpty()) {
      return alert.value();
    }
    Map<String, Object> value = new LinkedHashMap<>(alert.value());
    value.put("template_error", remarks.stream().collect(Collectors.joining("; ")));
    return value;
  }

  /** As the channel {@code webhook} writes it: what is no plain ASCII, and the percent sign, as {@code %XX}. */
  static String quoted(String name) {
    StringBuilder made = new StringBuilder();
    for (byte each : name.getBytes(StandardCharsets.UTF_8)) {
      boolean plain = each > ' ' && each < 0x7f && each != '%' && each != '"' && each != '<' && each != '>' && each != '\\';
      made.append(plain ? String.valueOf((char) each) : "%%%02X".formatted(each));
    }
    return made.toString();
  }

  private static String inJson(String text) {
    return new String(JsonStringEncoder.getInstance().quoteAsString(text));
  }
}
