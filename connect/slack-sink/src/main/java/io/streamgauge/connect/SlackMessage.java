package io.streamgauge.connect;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A notice as a message of Slack's: blocks within Slack's limits, in which no value can mention, link or format. */
final class SlackMessage {
  private static final int HEADER = 150;
  private static final int SECTION = 3_000;
  private static final int TEXT = 600;
  private static final int NAME = 255;
  private static final int BUTTON_VALUE = 2_000;
  private static final int LINES = 20;
  private static final String PREFIX = "streamgauge:";
  private static final Map<String, String> ICONS = Map.of("critical", "🔴", "warning", "🟠", "resolved", "🟢");
  private static final Map<String, String> ACTIONS = actions();

  private SlackMessage() {}

  /**
   * What a message holds beside the notice's own words.
   *
   * @param title in place of the notice's; plain text, or null
   * @param text in place of the lines below the title; Slack's markup with harmless values, or null
   * @param buttons whether answers to buttons are heard
   * @param remarks sentences at the end, such as why a template failed
   */
  record Extras(String title, String text, boolean buttons, List<String> remarks) {}

  /** The message in blocks: {@code text} is what a phone's notification shows. */
  static Map<String, Object> blocks(Map<String, Object> notice, Extras extras) {
    Wording words = Wording.of(notice);
    String head = head(words, extras);
    Map<String, Object> made = frame(Text.escaped(Text.printable(head, TEXT)), false);
    made.put("blocks", blocksOf(notice, words, head, extras));
    return made;
  }

  /** The message in Slack's markup alone, for receivers that know no blocks. */
  static Map<String, Object> markdown(Map<String, Object> notice, Extras extras) {
    Wording words = Wording.of(notice);
    String body = extras.text() != null ? extras.text() : shown(words).stream()
        .map(line -> (line.label().isEmpty() ? "" : "*" + line.label() + "*  ") + Text.harmless(line.text()))
        .collect(Collectors.joining("\n"));
    List<String> parts = new ArrayList<>();
    parts.add("*" + Text.harmless(Text.printable(head(words, extras), TEXT)) + "*");
    parts.add(Text.cut(body, SECTION));
    parts.add(Text.harmless(name(notice)));
    extras.remarks().forEach(remark -> parts.add(Text.harmless(Text.printable(remark, NAME))));
    return frame(parts.stream().filter(part -> !part.isEmpty()).collect(Collectors.joining("\n")), true);
  }

  /** Several messages as one, with a line between them. */
  static Map<String, Object> together(List<Map<String, Object>> messages) {
    if (messages.size() == 1) {
      return messages.get(0);
    }
    String text = messages.stream().map(one -> (String) one.get("text")).collect(Collectors.joining("\n"));
    Map<String, Object> made = frame(text, (Boolean) messages.get(0).get("mrkdwn"));
    List<Object> blocks = new ArrayList<>();
    for (Map<String, Object> message : messages) {
      if (message.get("blocks") instanceof List<?> more) {
        blocks.addAll(blocks.isEmpty() ? List.of() : List.of(Map.of("type", "divider")));
        blocks.addAll(more);
      }
    }
    if (!blocks.isEmpty()) {
      made.put("blocks", blocks);
    }
    return made;
  }

  private static Map<String, Object> frame(String text, boolean markup) {
    return object("text", text, "mrkdwn", markup, "unfurl_links", false, "unfurl_media", false);
  }

  private static String head(Wording words, Extras extras) {
    String title = extras.title() == null || extras.title().isEmpty() ? words.title() : Text.printable(extras.title(), 500);
    String icon = words.word().equals("ENDED") ? "⚪" : ICONS.getOrDefault(words.mood(), "🔴");
    return icon + " " + words.word() + "  " + title;
  }

  private static List<Object> blocksOf(Map<String, Object> notice, Wording words, String head, Extras extras) {
    List<Object> blocks = new ArrayList<>();
    blocks.add(object("type", "header", "text", plain(head, HEADER)));
    if (Text.length(head) > HEADER) {
      blocks.add(object("type", "section", "text", plain(head, SECTION)));
    }
    List<Wording.Line> lines = shown(words);
    if (extras.text() != null && !extras.text().isEmpty()) {
      Object text = object("type", "mrkdwn", "text", Text.cut(extras.text(), SECTION), "verbatim", true);
      blocks.add(object("type", "section", "text", text));
    } else if (!lines.isEmpty()) {
      Object section = object("type", "rich_text_section", "elements", lined(lines));
      blocks.add(object("type", "rich_text", "elements", List.of(section)));
    }
    blocks.add(context(name(notice)));
    extras.remarks().forEach(remark -> blocks.add(context(Text.printable(remark, NAME))));
    List<Object> buttons = buttons(notice, extras);
    if (!buttons.isEmpty()) {
      blocks.add(object("type", "actions", "elements", buttons));
    }
    return blocks;
  }

  private static List<Wording.Line> shown(Wording words) {
    return words.lines().subList(0, Math.min(LINES, words.lines().size()));
  }

  private static List<Object> lined(List<Wording.Line> lines) {
    List<Object> elements = new ArrayList<>();
    for (Wording.Line line : lines) {
      String before = elements.isEmpty() ? "" : "\n";
      if (line.label().isEmpty()) {
        elements.add(object("type", "text", "text", before + line.text()));
      } else {
        elements.add(object("type", "text", "text", before + line.label() + "  ", "style", Map.of("bold", true)));
        elements.add(object("type", "text", "text", line.text()));
      }
    }
    return elements;
  }

  private static List<Object> buttons(Map<String, Object> notice, Extras extras) {
    List<Object> elements = new ArrayList<>();
    if (extras.buttons()) {
      String id = notice.get("id") == null ? "" : Text.printable(notice.get("id"), BUTTON_VALUE);
      for (String name : answers(notice)) {
        Map<String, Object> button = object(
            "type", "button", "text", label(ACTIONS.get(name)), "action_id", PREFIX + name, "value", id);
        if (name.equals("acknowledge")) {
          button.put("style", "primary");
        }
        elements.add(button);
      }
    }
    for (String name : List.of("link", "runbook")) {
      if (notice.get(name) instanceof String url && url.matches("https?://(?s:.*)") && Text.length(url) <= 3_000) {
        Object text = label(name.equals("link") ? "Open" : "Runbook");
        elements.add(object("type", "button", "text", text, "url", url, "action_id", PREFIX + name));
      }
    }
    return elements;
  }

  /** The buttons that make sense: a group is taken and silenced as one, a storm is only told. */
  private static List<String> answers(Map<String, Object> notice) {
    String kind = notice.get("incident") instanceof String text ? text : "";
    boolean over = "resolved".equals(notice.get("status"));
    if (kind.equals("storm")) {
      return List.of();
    }
    if (kind.startsWith("group of ")) {
      return over ? List.of() : List.of("acknowledge", "silence");
    }
    return over ? List.of("useful", "noise") : List.copyOf(ACTIONS.keySet());
  }

  private static Map<String, String> actions() {
    Map<String, String> actions = new LinkedHashMap<>();
    actions.put("acknowledge", "Acknowledge");
    actions.put("silence", "Silence 1 h");
    actions.put("useful", "Useful");
    actions.put("noise", "Noise");
    return actions;
  }

  private static String name(Map<String, Object> notice) {
    return notice.get("notice") == null ? "" : Text.printable(notice.get("notice"), NAME);
  }

  private static Object context(String text) {
    return object("type", "context", "elements", List.of(plain(text, NAME)));
  }

  private static Object plain(String text, int limit) {
    return label(text.isEmpty() ? "–" : Text.cut(text, limit));
  }

  private static Object label(String text) {
    return object("type", "plain_text", "text", text, "emoji", false);
  }

  private static Map<String, Object> object(Object... pairs) {
    Map<String, Object> made = new LinkedHashMap<>();
    for (int n = 0; n < pairs.length; n += 2) {
      made.put((String) pairs[n], pairs[n + 1]);
    }
    return made;
  }
}
