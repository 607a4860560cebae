package io.streamgauge.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Values and templates. */
class TextTest {
  private static final Map<String, Object> NOTICE = Map.of(
      "monitor", "burst", "key", "<a>*7*", "observed", Map.of("events", 101.0, "a b", 3, "none", Arrays.asList(1, null)),
      "samples", List.of(Map.of("id", "t-17")));

  @ParameterizedTest
  @CsvSource({
      "101.0, 101", "-0.0, 0", "10412.499, 10412.50", "20000.125, 20000.12", "0.1, 0.1", "0.30000000000000004, 0.3",
      "1234.5678, 1234.57", "0.000012345678, 1.23457e-05", "0.0001, 0.0001", "1e15, 1e+15", "1.5e18, 1.5e+18",
      "999999999999999.0, 999999999999999", "9999.9999, 10000", "NaN, –", "Infinity, –"})
  void numbersAreShort(double value, String text) {
    assertEquals(text, Text.value(value));
  }

  @Test
  void whatDoesNotPrintIsShownAsItsEscape() {
    assertEquals("a\\x1b[31mb\\n\\u202e\\u2028\\x00\\x9b\\xa0 \\ud800é🙂", Text.printable("a\u001b[31mb\n\u202e\u2028\0\u009b\u00a0 \ud800é🙂"));
    assertEquals("xxx…", Text.printable("xxxxxxxxx", 4));
    assertEquals("🙂🙂…", Text.printable("🙂🙂🙂🙂", 3)); // never half a character
  }

  @Test
  void markupOfStrangersIsHarmless() {
    assertEquals("∗bold∗ ＿x＿ a_b &lt;!here&gt;", Text.harmless("*bold* _x_ a_b <!here>"));
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '`', value = {
      "{{ monitor }}, burst", "{{monitor}} of {{ key }}!, burst of &lt;a&gt;∗7∗!", "{{ observed.events }}, 101.0",
      "{{ observed['a b'] }}, 3", "`{{ observed[\"a b\"] }}`, 3", "{{ samples[0].id }}, t-17",
      "`{{ observed.none }}`, `[1, None]`", "no field, no field"})
  void aTemplateFillsInFields(String template, String text) {
    assertEquals(text, new Template(template).render(NOTICE, Text::harmless));
  }

  @ParameterizedTest
  @CsvSource({"{{ nothing }}, nothing", "{{ observed.x }}, x", "{{ samples[3].id }}, 3", "{{ monitor.x }}, x"})
  void aMissingFieldIsARemarkAndTheUsualWordsGoOut(String template, String field) {
    List<String> remarks = new ArrayList<>();
    assertEquals(null, Template.render(new Template(template), "slack.title", NOTICE, Text::harmless, remarks));
    assertEquals(List.of("the template of slack.title failed: the alert has no field " + field), remarks);
  }

  @ParameterizedTest
  @CsvSource({"{{ key | upper }}", "{{ f(x) }}", "{% if x %}", "{{ key", "{# x #}", "{{ }}", "{{ a..b }}"})
  void whatIsMoreThanAFieldIsRefused(String template) {
    assertThrows(IllegalArgumentException.class, () -> new Template(template));
  }

  @Test
  void aTemplateIsBounded() {
    Map<String, Object> huge = Map.of("x", "y".repeat(100_000));
    assertEquals(2_000, new Template("{{ x }}").render(huge, text -> text).length());
    assertThrows(IllegalArgumentException.class, () -> new Template("{{ x }}".repeat(11)).render(huge, text -> text));
    assertTrue(new Template("").render(huge, text -> text).isEmpty());
  }
}
