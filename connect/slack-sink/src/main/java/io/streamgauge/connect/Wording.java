package io.streamgauge.connect;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A notice as people read it; the same words as those of the {@code slack} channel, which shared messages hold both to.
 *
 * @param mood {@code critical}, {@code warning} or {@code resolved}: what a colour is chosen by
 * @param word the one word in front
 * @param title the sentence
 * @param lines label and text, in order
 */
record Wording(String mood, String word, String title, List<Line> lines) {
  /** One line below the title; {@code label} is empty where the line goes on with what stood above. */
  record Line(String label, String text) {}

  private static final int LINE = 200;
  private static final int TITLE = 500;

  /** The words of a notice; everything in them prints. */
  static Wording of(Map<String, Object> notice) {
    boolean resolved = "resolved".equals(notice.get("status"));
    String severity = Text.printable(or(notice.get("severity"), "critical"));
    String word = resolved ? (recovered(notice) ? "RESOLVED" : "ENDED") : severity.toUpperCase(Locale.ROOT);
    String title = Text.printable(or(notice.get("title"), or(notice.get("monitor"), "")), TITLE);
    List<Line> lines = new ArrayList<>();
    describe(notice, resolved, lines);
    lines.removeIf(line -> line.text().isEmpty());
    return new Wording(resolved ? "resolved" : severity, word, title, lines);
  }

  private static boolean recovered(Map<String, Object> notice) {
    return notice.get("reason") == null || "recovered".equals(notice.get("reason"));
  }

  private static void describe(Map<String, Object> notice, boolean resolved, List<Line> lines) {
    String title = Text.printable(or(notice.get("title"), ""));
    String key = key(notice.get("key"));
    if (!title.contains(key)) {
      lines.add(new Line("key", key));
    }
    if (resolved) {
      lines.add(new Line("lasted", lasted(notice)));
      lines.add(new Line("now", pairs(map(notice.get("evidence")).get("on_resolve"))));
      return;
    }
    lines.add(new Line("when", when(notice)));
    reasons(notice, title, lines);
    list("samples", notice.get("samples"), Wording::pairs, lines);
    list("before it", notice.get("around"), other -> before(map(other), notice), lines);
  }

  private static void reasons(Map<String, Object> notice, String title, List<Line> lines) {
    Map<String, Object> observed = map(notice.get("observed"));
    if (!observed.keySet().stream().allMatch(name -> title.contains(Text.printable(name) + " = "))) {
      lines.add(new Line("observed", pairs(observed)));
    }
    Object expected = notice.get("expected");
    String text = expected instanceof Map ? pairs(expected) : expected == null ? "" : expected(expected);
    if (!title.contains(text)) {
      lines.add(new Line("expected", text));
    }
    lines.add(new Line("because", pairs(notice.get("evidence"))));
  }

  private static String expected(Object expected) {
    if (expected instanceof List<?> list) {
      return Text.listed(list, LINE);
    }
    return expected instanceof Number || expected instanceof Boolean ? Text.value(expected) : Text.printable(expected, LINE);
  }

  private static void list(String label, Object values, java.util.function.Function<Object, String> shown, List<Line> lines) {
    if (values instanceof List<?> list) {
      for (int n = 0; n < list.size(); n++) {
        lines.add(new Line(n == 0 ? label : "", shown.apply(list.get(n))));
      }
    }
  }

  private static String before(Map<String, Object> other, Map<String, Object> notice) {
    String link = truthy(other.get("link")) ? " " + Text.printable(other.get("link"), LINE) : "";
    return (truthy(other.get("upstream")) ? "upstream, " : "")
        + moment(other.get("opened_at"), notice.get("opened_at"))
        + "  " + Text.printable(or(other.get("title"), ""), LINE) + link;
  }

  private static String when(Map<String, Object> notice) {
    Object opened = notice.get("opened_at");
    if (!truthy(opened)) {
      return "";
    }
    String text = moment(opened, null) + " UTC";
    Object start = notice.get("window_start");
    Object end = notice.get("window_end");
    if (!truthy(start) || !truthy(end) || start.equals(end)) {
      return text;
    }
    return text + ", in the window " + moment(start, opened) + " to " + moment(end, opened)
        + (truthy(notice.get("early")) ? ", not closed yet" : "")
        + (truthy(notice.get("partial")) ? ", seen in part" : "");
  }

  private static String lasted(Map<String, Object> notice) {
    Object opened = notice.get("opened_at");
    Object end = notice.get("resolved_at");
    if (!truthy(opened) || !truthy(end)) {
      return "";
    }
    String why = recovered(notice) ? "" : ", " + Text.printable(notice.get("reason"), Text.VALUE);
    return duration(notice.get("lasted_seconds")) + ", " + moment(opened, null) + " to " + moment(end, opened) + " UTC" + why;
  }

  /** Such as {@code 1h30m}: milliseconds below ten seconds, whole seconds beyond. */
  private static String duration(Object seconds) {
    BigDecimal exact = new BigDecimal(seconds instanceof Number number ? number.doubleValue() : 0);
    int scale = exact.compareTo(BigDecimal.TEN) < 0 ? 3 : 0;
    long left = exact.setScale(scale, RoundingMode.HALF_EVEN).movePointRight(3).longValue();
    Map<String, Long> units = new LinkedHashMap<>();
    units.put("d", 86_400_000L);
    units.put("h", 3_600_000L);
    units.put("m", 60_000L);
    units.put("s", 1_000L);
    units.put("ms", 1L);
    StringBuilder text = new StringBuilder();
    for (Map.Entry<String, Long> unit : units.entrySet()) {
      long count = left / unit.getValue();
      left %= unit.getValue();
      text.append(count > 0 ? count + unit.getKey() : "");
    }
    return text.isEmpty() ? "0s" : text.toString();
  }

  /** {@code 2026-11-22 12:00:03.250}; without the day where it stands beside a moment of the same day. */
  private static String moment(Object value, Object beside) {
    String[] parts = Text.printable(value).split("T", 2);
    String clock = parts.length < 2 ? "" : without(without(parts[1], "Z"), ".000");
    return beside != null && Text.plain(beside).startsWith(parts[0]) ? clock : (parts[0] + " " + clock).strip();
  }

  private static String without(String text, String end) {
    return text.endsWith(end) ? text.substring(0, text.length() - end.length()) : text;
  }

  private static String key(Object key) {
    if (key instanceof List<?> parts) {
      return parts.stream().map(Text::value).collect(Collectors.joining(" · "));
    }
    return key == null ? "" : Text.value(key);
  }

  /** {@code name value · name value}. */
  private static String pairs(Object values) {
    String text = map(values).entrySet().stream()
        .map(pair -> Text.printable(pair.getKey(), Text.VALUE) + " " + Text.value(pair.getValue()))
        .collect(Collectors.joining(" · "));
    return Text.printable(text, LINE);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Object value) {
    return value instanceof Map ? (Map<String, Object>) value : Map.of();
  }

  private static Object or(Object value, Object otherwise) {
    return truthy(value) ? value : otherwise;
  }

  private static boolean truthy(Object value) {
    return value != null && !"".equals(value) && !Boolean.FALSE.equals(value);
  }
}
