package io.streamgauge.connect;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.connect.connector.Task;

/** Posts the alerts of a topic to Slack by an Incoming Webhook; they look as those of the {@code slack} channel. */
public final class SlackSinkConnector extends AlertSinkConnector {
  static final String WEBHOOK = "slack.webhook";
  static final String FORMAT = "slack.format";
  static final String TITLE = "slack.title";
  static final String TEXT = "slack.text";
  static final String BUTTONS = "slack.buttons";

  /** Blocks of six messages stay below the fifty that Slack takes. */
  static final int BATCH_LIMIT = 6;

  static final ConfigDef CONFIG = SinkSettings.shared(BATCH_LIMIT, 1.0)
      .define(WEBHOOK, Type.PASSWORD, ConfigDef.NO_DEFAULT_VALUE, SinkSettings.address(), Importance.HIGH,
          "The Incoming Webhook's URL, from a ConfigProvider such as ${env:SLACK_WEBHOOK_URL}; never shown beyond its host.")
      .define(FORMAT, Type.STRING, "blocks", ConfigDef.ValidString.in("blocks", "markdown"), Importance.MEDIUM,
          "blocks: Slack's Block Kit; markdown: one text in Slack's markup, for receivers that know no blocks.")
      .define(TITLE, Type.STRING, null, SinkSettings.template(), Importance.MEDIUM,
          "A template of the first line, plain text; default: the alert's title.")
      .define(TEXT, Type.STRING, null, SinkSettings.template(), Importance.MEDIUM,
          "A template of what stands below it, in Slack's markup; default: what was observed and expected.")
      .define(BUTTONS, Type.BOOLEAN, false, Importance.LOW,
          "Whether messages carry buttons; the app's interactivity address must lead to a Streamgauge server.");

  @Override
  public ConfigDef config() {
    return CONFIG;
  }

  @Override
  String prefix() {
    return "slack.";
  }

  @Override
  public Class<? extends Task> taskClass() {
    return SlackSinkTask.class;
  }
}
