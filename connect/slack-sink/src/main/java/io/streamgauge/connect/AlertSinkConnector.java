package io.streamgauge.connect;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.sink.SinkConnector;

/** What both connectors do: check the configuration, and hand it to tasks that share the rate. */
abstract class AlertSinkConnector extends SinkConnector {
  private Map<String, String> settings = Map.of();

  /** What the connector's own keys begin with, such as {@code slack.}. */
  abstract String prefix();

  @Override
  public String version() {
    return versionOfJar();
  }

  static String versionOfJar() {
    return Optional.ofNullable(AlertSinkConnector.class.getPackage().getImplementationVersion()).orElse("unpackaged");
  }

  @Override
  public void start(Map<String, String> props) {
    config().parse(props);
    settings = Map.copyOf(props);
  }

  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    Map<String, String> task = new HashMap<>(settings);
    double rate = (Double) config().parse(settings).get(SinkSettings.RATE);
    task.put(SinkSettings.RATE, Double.toString(rate / maxTasks));
    return new ArrayList<>(Collections.nCopies(maxTasks, task));
  }

  @Override
  public void stop() {}

  /** Says also which of our keys do not exist: a typing mistake would else be a default without a word. */
  @Override
  public Config validate(Map<String, String> props) {
    List<ConfigValue> values = new ArrayList<>(super.validate(props).configValues());
    for (String name : props.keySet()) {
      boolean ours = name.startsWith(prefix()) || name.matches("(batch|rate|request|retry)\\..*");
      if (ours && !config().names().contains(name)) {
        ConfigValue unknown = new ConfigValue(name);
        unknown.addErrorMessage(name + " is no key of this connector; there are "
            + String.join(", ", config().names().stream().sorted().toList()));
        values.add(unknown);
      }
    }
    return new Config(values);
  }
}
