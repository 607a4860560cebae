package io.streamgauge.connect;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Text that is safe to show, and values as the {@code slack} channel shows them: nothing of a record may move a cursor or
 * turn the reading direction. Lengths count code points, so that nothing is cut in the middle of a character.
 */
final class Text {
  /** Characters kept of one value in a line. */
  static final int VALUE = 60;

  private static final Pattern EDGE = Pattern.compile("(?<!\\w)_|_(?!\\w)", Pattern.UNICODE_CHARACTER_CLASS);

  private Text() {}

  /** What does not print, as its escape. */
  static String printable(Object text) {
    return plain(text).codePoints().collect(StringBuilder::new, Text::show, StringBuilder::append).toString();
  }

  /** The same, cut to {@code limit} characters. */
  static String printable(Object text, int limit) {
    return cut(printable(start(plain(text), limit + 1)), limit);
  }

  static String cut(String text, int limit) {
    return length(text) <= limit ? text : start(text, limit - 1) + "…";
  }

  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** Without anything that Slack takes for a mention, a link or an entity. */
  static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  /** A stranger's text for a place with markup: what would format becomes what looks like it. */
  static String harmless(String text) {
    String escaped = escaped(text).replace('*', '∗').replace('~', '∼').replace('`', 'ˋ');
    return EDGE.matcher(escaped).replaceAll("＿");
  }

  /** One value in a line. */
  static String value(Object value) {
    if (value == null) {
      return "–";
    }
    if (value instanceof Boolean) {
      return value.toString();
    }
    if (value instanceof List<?> list) {
      return listed(list, VALUE);
    }
    return value instanceof Double || value instanceof Float
        ? number(((Number) value).doubleValue())
        : printable(value, VALUE);
  }

  /** A list in a line. */
  static String listed(List<?> list, int limit) {
    return printable(list.stream().map(Text::item).collect(Collectors.joining(", ")), limit);
  }

  /** One of a list. Of what begins with a name and a number these; what lies deeper stays as Python writes it. */
  private static String item(Object item) {
    if (item instanceof Map<?, ?> map && map.size() > 1) {
      Iterator<?> parts = map.values().iterator();
      Object name = parts.next();
      Object number = parts.next();
      if (name instanceof String && (number instanceof Number || number instanceof Boolean)) {
        return value(name) + " " + value(number);
      }
    }
    return item instanceof List || item instanceof Map ? printable(item, VALUE) : value(item);
  }

  /** Six digits are enough for the eye, but whole numbers and money keep theirs. */
  static String number(double value) {
    if (!Double.isFinite(value)) {
      return "–";
    }
    if (value == Math.rint(value) && Math.abs(value) < 1e15) {
      return Long.toString((long) value);
    }
    if (Math.abs(value) >= 1e4 && Math.abs(value) < 1e15) {
      return new BigDecimal(value).setScale(2, RoundingMode.HALF_EVEN).toPlainString();
    }
    return scientific(new BigDecimal(value).round(new MathContext(6, RoundingMode.HALF_EVEN)), 6);
  }

  /** As Python's {@code str}: what a template of the channel shows. */
  static String plain(Object value) {
    return value instanceof String text ? text : quoted(value);
  }

  private static String quoted(Object value) {
    if (value == null) {
      return "None";
    }
    if (value instanceof String text) {
      String escaped = text.replace("\\", "\\\\");
      return text.contains("'") && !text.contains("\"")
          ? '"' + printable(escaped) + '"'
          : "'" + printable(escaped.replace("'", "\\'")) + "'";
    }
    if (value instanceof Boolean) {
      return (Boolean) value ? "True" : "False";
    }
    if (value instanceof Double || value instanceof Float) {
      return real(((Number) value).doubleValue());
    }
    if (value instanceof List<?> list) {
      return list.stream().map(Text::quoted).collect(Collectors.joining(", ", "[", "]"));
    }
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(entry -> quoted(entry.getKey()) + ": " + quoted(entry.getValue()))
          .collect(Collectors.joining(", ", "{", "}"));
    }
    return value instanceof BigDecimal decimal ? decimal.toPlainString() : String.valueOf(value);
  }

  private static String real(double value) {
    if (!Double.isFinite(value)) {
      return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    String text = scientific(new BigDecimal(Double.toString(value)), 16);
    return text.matches("-?\\d+") ? text + ".0" : text;
  }

  /** Plain digits, or an exponent below 1e-4 and from {@code digits} before the point on. */
  private static String scientific(BigDecimal value, int digits) {
    if (value.signum() == 0) {
      return "0";
    }
    BigDecimal shortest = value.stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < digits) {
      return shortest.toPlainString();
    }
    return "%se%s%02d".formatted(
        shortest.movePointLeft(exponent).stripTrailingZeros().toPlainString(), exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  private static String start(String text, int limit) {
    return length(text) <= limit ? text : text.substring(0, text.offsetByCodePoints(0, limit));
  }

  private static void show(StringBuilder into, int character) {
    if (prints(character)) {
      into.appendCodePoint(character);
    } else {
      into.append(
          switch (character) {
            case '\t' -> "\\t";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            default -> (character < 0x100 ? "\\x%02x" : character < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(character);
          });
    }
  }

  private static boolean prints(int character) {
    return switch (Character.getType(character)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
          Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
      case Character.SPACE_SEPARATOR -> character == ' ';
      default -> true;
    };
  }
}
