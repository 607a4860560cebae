package io.streamgauge.connect;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/** The keys of both sinks, and the checks behind them; no message holds the value of a secret. */
final class SinkSettings {
  static final String BATCH_SIZE = "batch.size";
  static final String RATE = "rate.per.second";
  static final String BURST = "rate.burst";
  static final String TIMEOUT = "request.timeout.ms";
  static final String BACKOFF = "retry.backoff.ms";
  static final String BACKOFF_MAX = "retry.backoff.max.ms";

  private SinkSettings() {}

  /** The keys that both sinks have. */
  static ConfigDef shared(int batchLimit, double rate) {
    return new ConfigDef()
        .define(BATCH_SIZE, Type.INT, 1, ConfigDef.Range.between(1, batchLimit), Importance.MEDIUM,
            "How many alerts may go out in one message when several wait; 1 = each in its own.")
        .define(RATE, Type.DOUBLE, rate, ConfigDef.Range.between(0, 10_000), Importance.MEDIUM,
            "Messages per second, shared by the connector's tasks; 0 = as fast as they are taken.")
        .define(BURST, Type.INT, 5, ConfigDef.Range.between(1, 1_000), Importance.LOW,
            "How many messages may leave at once after a quiet time.")
        .define(TIMEOUT, Type.INT, 10_000, ConfigDef.Range.between(100, 60_000), Importance.LOW,
            "For each request as a whole, in milliseconds.")
        .define(BACKOFF, Type.LONG, 1_000L, ConfigDef.Range.between(10, 60_000), Importance.LOW,
            "The first wait after a failure that may pass, in milliseconds; it doubles each time.")
        .define(BACKOFF_MAX, Type.LONG, 300_000L, ConfigDef.Range.between(10, 3_600_000), Importance.LOW,
            "The longest such wait, in milliseconds; a Retry-After of the receiver goes before it.");
  }

  static Pace pace(AbstractConfig config) {
    return new Pace(
        config.getDouble(RATE), config.getInt(BURST),
        Duration.ofMillis(config.getLong(BACKOFF)), Duration.ofMillis(config.getLong(BACKOFF_MAX)),
        () -> System.nanoTime() / 1_000_000);
  }

  static Duration timeout(AbstractConfig config) {
    return Duration.ofMillis(config.getInt(TIMEOUT));
  }

  /** Checks an address; what is wrong is said without the address, whose path is a secret. */
  static ConfigDef.Validator address() {
    return checked("an address such as https://host/path", value -> url(((Password) value).value()));
  }

  /** Checks a template; null is none. */
  static ConfigDef.Validator template() {
    return checked("a template such as {{ monitor }}: {{ observed.events }}", value -> new Template((String) value));
  }

  /** Checks headers; null is none. */
  static ConfigDef.Validator headers() {
    return checked("lines such as Authorization: Bearer …", value -> headers((Password) value));
  }

  /** The address as one can post to it. */
  static URI url(String text) {
    try {
      URI url = new URI(text.strip());
      if (("https".equals(url.getScheme()) || "http".equals(url.getScheme())) && url.getHost() != null) {
        return url;
      }
    } catch (URISyntaxException error) {
      // said below, without the text: its path is the password
    }
    throw new IllegalArgumentException(text.contains("${")
        ? "it is still a reference: name its provider in config.providers of the worker"
        : "it is none");
  }

  /** {@code Name: value}, one per line. */
  static Map<String, String> headers(Password lines) {
    Map<String, String> headers = new LinkedHashMap<>();
    int number = 0;
    for (String line : lines == null ? new String[0] : lines.value().strip().split("\\R")) {
      number++;
      String[] parts = line.split(":", 2);
      String name = parts[0].strip();
      if (parts.length < 2 || !name.matches("[!#$%&'*+.^_`|~0-9A-Za-z-]+") || !parts[1].strip().matches("[ -~]+")) {
        throw new IllegalArgumentException("line " + number + " is none");
      }
      if (name.matches("(?i)connection|content-length|content-type|expect|host|idempotency-key|upgrade")) {
        throw new IllegalArgumentException(name + " is set by the sink itself; leave it out");
      }
      headers.put(name, parts[1].strip());
    }
    return headers;
  }

  private static ConfigDef.Validator checked(String expected, Consumer<Object> check) {
    return ConfigDef.LambdaValidator.with((name, value) -> {
      if (value != null) {
        try {
          check.accept(value);
        } catch (IllegalArgumentException error) {
          throw new ConfigException(name + ": expected " + expected + ", but " + error.getMessage());
        }
      }
    }, () -> expected);
  }
}
