package io.streamgauge.connect;

import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The path of an alert, from the topic to one answer per message, in the order of the topic.
 *
 * <p>Records wait in the task while the rate or the receiver says so: the partitions are paused, the task keeps its place in
 * the group and can be stopped at once, and offsets are committed up to the first alert that still waits. So an alert is
 * posted at least once, and after a crash only the last few come again.
 */
abstract class AlertSinkTask extends SinkTask {
  private static final Logger LOG = LoggerFactory.getLogger(AlertSinkTask.class);
  private static final long TURN_NANOS = 1_000_000_000L; // Connect must be heard between: it commits, stops, rebalances
  private static final long COMMIT_MS = 200; // Connect drops a wish to commit while one is under way: it is reminded

  private final LinkedList<Alert> waiting = new LinkedList<>();
  private Pace pace;
  private int batchSize;
  private int alone; // alerts of a refused message, to be posted one by one
  private boolean paused;
  private boolean uncommitted;

  /** Reads the settings. */
  void begin(Pace pace, int batchSize) {
    this.pace = pace;
    this.batchSize = batchSize;
  }

  /** Posts these alerts as one message, once. */
  abstract Answer post(List<Alert> alerts);

  @Override
  public String version() {
    return AlertSinkConnector.versionOfJar();
  }

  @Override
  public void put(Collection<SinkRecord> records) {
    records.forEach(this::take);
    long until = System.nanoTime() + TURN_NANOS;
    while (!waiting.isEmpty() && pace.pause() == 0 && System.nanoTime() - until < 0) {
      attempt(List.copyOf(waiting.subList(0, Math.min(alone > 0 ? 1 : batchSize, waiting.size()))));
    }
    holdBack();
  }

  @Override
  public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> taken) {
    uncommitted = false;
    Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>(taken);
    waiting.descendingIterator().forEachRemaining(alert -> done.computeIfPresent(
        partition(alert.record()), (partition, all) -> new OffsetAndMetadata(alert.record().originalKafkaOffset())));
    return done;
  }

  @Override
  public void close(Collection<TopicPartition> partitions) {
    waiting.removeIf(alert -> partitions.contains(partition(alert.record()))); // whoever gets them begins there
    alone = 0;
  }

  @Override
  public void stop() {
    waiting.clear();
  }

  private void take(SinkRecord record) {
    if (record.value() != null) { // a tombstone tells nothing
      try {
        waiting.add(Alert.of(record));
      } catch (DataException error) {
        refuse(record, error.getMessage());
      }
    }
  }

  private void attempt(List<Alert> group) {
    Answer answer = post(group);
    pace.left();
    switch (answer.result()) {
      case AGAIN -> LOG.warn("{}; {} alerts wait, the next try is in {} ms",
          answer.detail(), waiting.size(), pace.failed(answer.asked()));
      case DELIVERED -> {
        pace.succeeded();
        leave(group);
      }
      case REFUSED -> {
        pace.succeeded();
        if (group.size() > 1) {
          alone = group.size(); // one of them is refused: which shows when each goes alone
        } else {
          refuse(group.get(0).record(), answer.detail());
          leave(group);
        }
      }
    }
  }

  private void leave(List<Alert> group) {
    waiting.subList(0, group.size()).clear();
    alone = Math.max(0, alone - group.size());
    uncommitted = true;
  }

  /** To the dead-letter topic, or the task fails where the connector tolerates no errors. */
  private void refuse(SinkRecord record, String why) {
    String sentence = "the alert at " + Notices.place(record) + " cannot be posted: " + why;
    ErrantRecordReporter reporter = context.errantRecordReporter(); // null where nothing is tolerated, or it throws
    if (reporter == null) {
      throw intolerant(sentence, null);
    }
    try {
      reporter.report(record, new DataException(sentence));
    } catch (ConnectException error) {
      throw intolerant(sentence, error);
    }
    LOG.warn("{}; it is left out, and in the dead-letter topic where one is set", sentence);
    uncommitted = true;
  }

  private static ConnectException intolerant(String sentence, ConnectException cause) {
    return new ConnectException(sentence
        + "; set errors.tolerance=all and errors.deadletterqueue.topic.name, and such alerts go there", cause);
  }

  /** Says when to be called again, and whether with more. */
  private void holdBack() {
    TopicPartition[] all = context.assignment().toArray(new TopicPartition[0]);
    if (!waiting.isEmpty()) {
      context.pause(all);
    } else if (paused) {
      context.resume(all);
    }
    paused = !waiting.isEmpty();
    if (uncommitted) {
      context.requestCommit();
    }
    if (uncommitted || paused) {
      long pause = paused ? Math.max(1, pace.pause()) : COMMIT_MS;
      context.timeout(uncommitted ? Math.min(COMMIT_MS, pause) : pause);
    }
  }

  private static TopicPartition partition(SinkRecord record) {
    return new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
  }
}
