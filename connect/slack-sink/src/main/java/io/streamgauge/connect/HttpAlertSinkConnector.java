package io.streamgauge.connect;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.connect.connector.Task;

/** Posts the alerts of a topic to any address, as JSON or by a template. */
public final class HttpAlertSinkConnector extends AlertSinkConnector {
  static final String URL = "http.url";
  static final String HEADERS = "http.headers";
  static final String BODY = "http.body";
  static final String CONTENT_TYPE = "http.content.type";

  static final ConfigDef CONFIG = SinkSettings.shared(1_000, 0.0)
      .define(URL, Type.PASSWORD, ConfigDef.NO_DEFAULT_VALUE, SinkSettings.address(), Importance.HIGH,
          "Where to post, from a ConfigProvider where it holds a secret; never shown beyond its host.")
      .define(HEADERS, Type.PASSWORD, null, SinkSettings.headers(), Importance.MEDIUM,
          "Sent along, one per line: Authorization: Bearer …; never shown.")
      .define(BODY, Type.STRING, null, SinkSettings.template(), Importance.MEDIUM,
          "A template of the body, values escaped as inside a JSON string; default: the alert as JSON, several as a list.")
      .define(CONTENT_TYPE, Type.STRING, "application/json", new ConfigDef.NonEmptyString(), Importance.LOW,
          "Of the body that the template makes.");

  @Override
  public ConfigDef config() {
    return CONFIG;
  }

  @Override
  String prefix() {
    return "http.";
  }

  @Override
  public Class<? extends Task> taskClass() {
    return HttpAlertSinkTask.class;
  }
}
