package io.streamgauge.connect;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text with fields of a notice in it: {@code {{ monitor }} for {{ observed.events }}}, also {@code samples[0].id} and
 * {@code observed['a name']}. It is the part of the channels' Jinja that fills in values; there are no statements, filters or
 * calls, so nothing in it can fail but a field that is not there.
 */
final class Template {
  private static final int LONGEST = 20_000;
  private static final int VALUE = 2_000;
  private static final Pattern PLACE = Pattern.compile("\\{\\{(.*?)}}", Pattern.DOTALL);
  private static final Pattern PATH =
      Pattern.compile("\\s*[A-Za-z_]\\w*(?:\\.\\w+|\\[\\d+]|\\['[^']*']|\\[\"[^\"]*\"])*\\s*");
  private static final Pattern STEP = Pattern.compile("(\\w+)|\\['([^']*)']|\\[\"([^\"]*)\"]");

  private final List<Object> parts = new ArrayList<>();

  /**
   * Reads a template.
   *
   * @throws IllegalArgumentException it holds something else than names between {@code {{} and {@code }}}
   */
  Template(String text) {
    Matcher places = PLACE.matcher(text);
    int end = 0;
    while (places.find()) {
      fixed(text.substring(end, places.start()));
      if (!PATH.matcher(places.group(1)).matches()) {
        throw new IllegalArgumentException("{{" + Text.printable(places.group(1), 60)
            + "}} is no field of an alert; between {{ and }} stand names such as observed.events or samples[0].id");
      }
      parts.add(steps(places.group(1)));
      end = places.end();
    }
    fixed(text.substring(end));
  }

  /** The template of a setting; null where it has none. */
  static Template of(String text) {
    return text == null ? null : new Template(text);
  }

  /**
   * The text for one notice. A template that fails is no reason to stay silent: null, as without one, and a remark.
   *
   * @param template of the setting {@code key}, or null
   * @param gate what values pass
   * @param remarks takes the sentence that says why it failed
   */
  static String render(
      Template template, String key, Map<String, Object> notice, UnaryOperator<String> gate, List<String> remarks) {
    try {
      return template == null ? null : template.render(notice, gate);
    } catch (IllegalArgumentException error) {
      remarks.add("the template of " + key + " failed: " + error.getMessage());
      return null;
    }
  }

  /**
   * The text for one notice; each value passes {@code gate} first.
   *
   * @throws IllegalArgumentException a field is not there, or the text becomes too long
   */
  String render(Map<String, Object> notice, UnaryOperator<String> gate) {
    StringBuilder made = new StringBuilder();
    for (Object part : parts) {
      made.append(part instanceof String text ? text : gate.apply(Text.printable(look(notice, (List<?>) part), VALUE)));
      if (made.length() > LONGEST) {
        throw new IllegalArgumentException("it comes to more than " + LONGEST + " characters");
      }
    }
    return made.toString().strip();
  }

  private void fixed(String text) {
    if (text.contains("{%") || text.contains("{#") || text.contains("{{")) {
      throw new IllegalArgumentException("statements, comments and unclosed {{ cannot be read; only {{ field }} is filled in");
    }
    parts.add(text);
  }

  private static List<String> steps(String path) {
    List<String> steps = new ArrayList<>();
    Matcher found = STEP.matcher(path);
    while (found.find()) {
      steps.add(found.group(1) != null ? found.group(1) : found.group(2) != null ? found.group(2) : found.group(3));
    }
    return steps;
  }

  private static Object look(Object value, List<?> steps) {
    for (Object step : steps) {
      if (value instanceof Map<?, ?> map && map.containsKey(step)) {
        value = map.get(step);
      } else if (value instanceof List<?> list && number((String) step) < list.size()) {
        value = list.get(number((String) step));
      } else {
        throw new IllegalArgumentException("the alert has no field " + step);
      }
    }
    return value;
  }

  private static int number(String step) {
    return step.matches("\\d{1,6}") ? Integer.parseInt(step) : Integer.MAX_VALUE;
  }
}
