package io.streamgauge.connect;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** What a worker gives to a task, as plain fields. */
final class Context implements SinkTaskContext {
  final TopicPartition partition = new TopicPartition("alerts", 0);
  final Set<TopicPartition> paused = new HashSet<>();
  final List<SinkRecord> dead = new ArrayList<>();
  final List<String> reasons = new ArrayList<>();
  ErrantRecordReporter reporter = (record, error) -> {
    dead.add(record);
    reasons.add(error.getMessage());
    return CompletableFuture.completedFuture(null);
  };
  long timeout = -1;
  int commits;

  @Override
  public Map<String, String> configs() {
    return Map.of();
  }

  @Override
  public void offset(Map<TopicPartition, Long> offsets) {
    throw new UnsupportedOperationException("the sink never seeks");
  }

  @Override
  public void offset(TopicPartition partition, long offset) {
    offset(Map.of(partition, offset));
  }

  @Override
  public void timeout(long millis) {
    timeout = millis;
  }

  @Override
  public Set<TopicPartition> assignment() {
    return Set.of(partition);
  }

  @Override
  public void pause(TopicPartition... partitions) {
    paused.addAll(List.of(partitions));
  }

  @Override
  public void resume(TopicPartition... partitions) {
    paused.removeAll(List.of(partitions));
  }

  @Override
  public void requestCommit() {
    commits++;
  }

  @Override
  public PluginMetrics pluginMetrics() {
    throw new UnsupportedOperationException("the sink keeps no metrics of its own");
  }

  @Override
  public ErrantRecordReporter errantRecordReporter() {
    return reporter;
  }
}
