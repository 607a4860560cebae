package io.streamgauge.connect;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.connect.errors.DataException;

/** Writes alerts as messages of Slack's; where Slack refuses the blocks, the text alone goes out. */
public final class SlackSinkTask extends AlertSinkTask {
  private static final Map<String, String> TYPE = Map.of("Content-Type", "application/json; charset=utf-8");
  private static final Set<String> BAD_BLOCKS =
      Set.of("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments");
  private static final Map<String, String> ADVICE = Map.of(
      "no_service", "; the webhook was removed; make a new one",
      "no_active_hooks", "; the webhook was disabled; make a new one",
      "invalid_token", "; the webhook's URL is wrong",
      "channel_is_archived", "; the channel is archived; make a webhook for another");

  private Webhook webhook;
  private Template title;
  private Template text;
  private boolean markdown;
  private boolean buttons;

  @Override
  public void start(Map<String, String> props) {
    AbstractConfig config = new AbstractConfig(SlackSinkConnector.CONFIG, props, false);
    begin(SinkSettings.pace(config), config.getInt(SinkSettings.BATCH_SIZE));
    webhook = new Webhook(SinkSettings.url(config.getPassword(SlackSinkConnector.WEBHOOK).value()), Map.of(),
        SinkSettings.timeout(config), Clock.systemUTC());
    title = Template.of(config.getString(SlackSinkConnector.TITLE));
    text = Template.of(config.getString(SlackSinkConnector.TEXT));
    markdown = config.getString(SlackSinkConnector.FORMAT).equals("markdown");
    buttons = config.getBoolean(SlackSinkConnector.BUTTONS);
  }

  @Override
  Answer post(List<Alert> alerts) {
    Map<String, Object> message = SlackMessage.together(alerts.stream().map(this::message).toList());
    Answer answer = webhook.post(json(message), TYPE);
    if (answer.result() == Answer.Result.REFUSED && BAD_BLOCKS.contains(answer.said()) && alerts.size() == 1) {
      message.remove("blocks");
      answer = webhook.post(json(message), TYPE);
    }
    return new Answer(
        answer.result(), answer.detail() + ADVICE.getOrDefault(answer.said(), ""), answer.asked(), answer.said());
  }

  Map<String, Object> message(Alert alert) {
    List<String> remarks = new ArrayList<>();
    String head = Template.render(title, SlackSinkConnector.TITLE, alert.notice(), value -> value, remarks);
    String body = Template.render(text, SlackSinkConnector.TEXT, alert.notice(), Text::harmless, remarks);
    var extras = new SlackMessage.Extras(head, body, buttons, remarks);
    return markdown ? SlackMessage.markdown(alert.notice(), extras) : SlackMessage.blocks(alert.notice(), extras);
  }

  private static String json(Map<String, Object> message) {
    try {
      return Notices.JSON.writeValueAsString(message);
    } catch (JsonProcessingException error) {
      throw new DataException("a message cannot be written as JSON", error);
    }
  }
}
