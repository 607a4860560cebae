package io.streamgauge.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What becomes of records, over real HTTP. */
class AlertSinkTaskTest {
  private static final String WAIT = "10"; // milliseconds

  private final Context context = new Context();
  private Receiver receiver;

  @BeforeEach
  void begin() throws IOException {
    receiver = new Receiver();
  }

  @AfterEach
  void end() {
    receiver.close();
  }

  private AlertSinkTask http(String... more) {
    return started(new HttpAlertSinkTask(), Map.of("http.url", receiver.url()), more);
  }

  private AlertSinkTask slack(String... more) {
    return started(new SlackSinkTask(), Map.of("slack.webhook", receiver.url(), "rate.per.second", "0"), more);
  }

  private AlertSinkTask started(AlertSinkTask task, Map<String, String> first, String... more) {
    Map<String, String> props = new HashMap<>(first);
    props.putAll(Map.of("retry.backoff.ms", WAIT, "retry.backoff.max.ms", WAIT));
    for (int n = 0; n < more.length; n += 2) {
      props.put(more[n], more[n + 1]);
    }
    task.initialize(context);
    task.start(props);
    return task;
  }

  private static List<SinkRecord> records(int count) {
    return IntStream.range(0, count)
        .mapToObj(n -> Golden.record("alerts", n, "k", "{\"monitor\": \"m\", \"n\": " + n + ", \"notice\": \"m-" + n + "\"}"))
        .toList();
  }

  private static List<String> written(int... numbers) {
    return IntStream.of(numbers).mapToObj(n -> "{\"monitor\":\"m\",\"n\":" + n + ",\"notice\":\"m-" + n + "\"}").toList();
  }

  /** As the worker does: hand over, then come again with nothing as long as the task asks for it. */
  private void run(AlertSinkTask task, List<SinkRecord> records) {
    task.put(records);
    long until = System.nanoTime() + 30_000_000_000L;
    while (!context.paused.isEmpty()) {
      assertTrue(System.nanoTime() < until, "it still holds back");
      task.put(List.of());
    }
  }

  private long committed(AlertSinkTask task, long taken) {
    return task.preCommit(Map.of(context.partition, new OffsetAndMetadata(taken))).get(context.partition).offset();
  }

  @Test
  void alertsArriveInOrder() {
    AlertSinkTask task = http();
    run(task, records(3));
    assertEquals(written(0, 1, 2), receiver.taken);
    assertEquals(List.of("m-0"), receiver.headers.get(0).get("Idempotency-key"));
    assertEquals(1, context.commits);
    assertEquals(200, context.timeout, "it comes again soon, lest the wish was dropped");
    assertEquals(3, committed(task, 3));
    context.timeout = -1;
    task.put(List.of());
    assertEquals(-1, context.timeout);
  }

  @Test
  void theIdIsWrittenAsTheChannelWebhookWritesIt() {
    assertEquals("m%20%C3%A9-%25%22%3C%3E%5C:/!#$&'()*+,;=?@[]^`{|}~_.-1", HttpAlertSinkTask.quoted("m é-%\"<>\\:/!#$&'()*+,;=?@[]^`{|}~_.-1"));
  }

  @Test
  void whatMayPassIsTriedAgainAndHoldsBackTheRest() {
    for (Receiver.Reply failure : List.of(Receiver.Reply.of(500, "broken"), Receiver.Reply.of(503, ""), Receiver.Reply.of(408, ""))) {
      receiver.script.add(Receiver.Reply.of(200, "ok"));
      receiver.script.add(failure);
      receiver.taken.clear();
      AlertSinkTask task = http("retry.backoff.ms", "200", "retry.backoff.max.ms", "200");
      task.put(records(3));
      assertEquals(written(0), receiver.taken);
      assertEquals(List.of(context.partition), List.copyOf(context.paused));
      assertTrue(context.timeout > 0 && context.timeout <= 200, "wait " + context.timeout);
      assertEquals(1, committed(task, 3), "the first that waits is the place to go on from");
      run(task, List.of());
      assertEquals(written(0, 1, 2), receiver.taken);
      assertEquals(3, committed(task, 3));
    }
    assertEquals(List.of(), context.dead);
  }

  @Test
  void retryAfterIsHonoured() {
    receiver.script.add(new Receiver.Reply(429, "rate_limited", Map.of("Retry-After", "30"), false));
    AlertSinkTask task = slack();
    task.put(records(1));
    assertTrue(context.timeout > 25_000 && context.timeout <= 30_000, "wait " + context.timeout);
    task.put(List.of());
    assertEquals(List.of(), receiver.taken, "not before");
    assertEquals(0, committed(task, 1));
  }

  @Test
  void aReceiverThatDoesNotAnswerIsTriedAgain() {
    receiver.script.add(new Receiver.Reply(200, "", Map.of(), true));
    run(http("request.timeout.ms", "200"), records(2));
    assertEquals(written(0, 1), receiver.taken);
  }

  @Test
  void aReceiverThatIsNotThereIsWaitedFor() {
    receiver.close();
    AlertSinkTask task = http();
    task.put(records(2));
    assertEquals(0, committed(task, 2));
    assertFalse(context.paused.isEmpty());
  }

  @Test
  void whatIsRefusedGoesToTheDeadLettersAndTheRestGoesOn() {
    receiver.script.add(Receiver.Reply.of(400, "invalid_payload for /services/T0/B0/s3cretpath"));
    AlertSinkTask task = http();
    run(task, records(3));
    assertEquals(written(1, 2), receiver.taken);
    assertEquals(0, context.dead.get(0).kafkaOffset());
    assertTrue(context.reasons.get(0).startsWith("the alert at alerts-0-0 cannot be posted: http://127.0.0.1:"), context.reasons.get(0));
    assertTrue(context.reasons.get(0).endsWith(" refused it with 400: invalid_payload for ***"), context.reasons.get(0));
    assertEquals(3, committed(task, 3));
  }

  @Test
  void aRedirectIsNotFollowed() {
    receiver.script.add(new Receiver.Reply(302, "", Map.of("Location", receiver.url()), false));
    run(http(), records(1));
    assertEquals(List.of(), receiver.taken);
    assertTrue(context.reasons.get(0).endsWith("set the final address"), context.reasons.get(0));
  }

  @Test
  void whatCannotBeReadGoesToTheDeadLetters() {
    List<SinkRecord> records = new ArrayList<>(records(1));
    records.add(Golden.record("alerts", 1, "k", "[1]"));
    records.add(Golden.record("alerts", 2, "k", null)); // a tombstone is nothing to tell
    run(http(), records);
    assertEquals(written(0), receiver.taken);
    assertEquals(1, context.dead.size());
  }

  @Test
  void withoutDeadLettersTheTaskFailsAndSaysWhatToSet() {
    context.reporter = null;
    receiver.script.add(Receiver.Reply.of(404, "no_service"));
    var error = assertThrows(ConnectException.class, () -> slack().put(records(1)));
    assertTrue(error.getMessage().contains("no_service; the webhook was removed; make a new one; set errors.tolerance=all"), error.getMessage());
    assertFalse(error.getMessage().contains("s3cret"), error.getMessage());
  }

  @Test
  void aReporterThatToleratesNothingSaysTheSame() {
    context.reporter = (record, error) -> {
      throw new ConnectException("Tolerance exceeded in error handler");
    };
    var error = assertThrows(ConnectException.class, () -> http().put(List.of(Golden.record("alerts", 4, null, "[]"))));
    assertTrue(error.getMessage().startsWith("the alert at alerts-0-4 cannot be posted: the value is no object"), error.getMessage());
    assertTrue(error.getMessage().contains("set errors.tolerance=all"), error.getMessage());
  }

  @Test
  void severalGoTogether() {
    run(http("batch.size", "2"), records(5));
    assertEquals(List.of(2, 2, 1), receiver.taken.stream().map(body -> Golden.tree(read(body)).isArray() ? Golden.tree(read(body)).size() : 1).toList());
    assertFalse(receiver.headers.get(0).containsKey("Idempotency-key"), "a batch is cut anew after a restart");
  }

  @Test
  void ofARefusedBatchOnlyTheBadOneIsDead() {
    receiver.script.addAll(List.of(Receiver.Reply.of(400, "no"), Receiver.Reply.of(200, "ok"), Receiver.Reply.of(400, "no")));
    run(http("batch.size", "3"), records(5));
    assertEquals(List.of(1L), context.dead.stream().map(SinkRecord::kafkaOffset).toList());
    assertEquals(written(0, 2), receiver.taken.subList(0, 2));
    assertEquals(3, receiver.taken.size());
  }

  @Test
  void refusedBlocksLeaveTheWords() {
    receiver.script.add(Receiver.Reply.of(400, "invalid_blocks"));
    run(slack(), List.of(Golden.record("alerts", 0, null, Golden.of("firing").notice().toString())));
    assertEquals(1, receiver.taken.size());
    assertFalse(receiver.taken.get(0).contains("\"blocks\""));
    assertTrue(receiver.taken.get(0).startsWith("{\"text\":\"🔴 CRITICAL  burst of a-7"), receiver.taken.get(0));
  }

  @Test
  void aTemplateWordsTheMessage() {
    run(slack("slack.format", "markdown", "slack.title", "{{ monitor }} no. {{ n }}", "slack.text", "*{{ gone }}*"), records(1));
    assertEquals("*🔴 CRITICAL  m no. 0*\nm-0\nthe template of slack.text failed: the alert has no field gone",
        Golden.tree(read(receiver.taken.get(0))).get("text").textValue());
  }

  @Test
  void aTemplateWordsTheBodyAndValuesStayInside() {
    run(http("http.body", "{\"text\": \"{{ monitor }}\"}", "http.content.type", "application/x-test", "http.headers", "X-Team: ops"),
        List.of(Golden.record("alerts", 0, null, "{\"monitor\": \"a\\\"b\\\\c\"}")));
    assertEquals(List.of("{\"text\": \"a\\\"b\\\\c\"}"), receiver.taken);
    assertEquals(List.of("application/x-test"), receiver.headers.get(0).get("Content-type"));
    assertEquals(List.of("ops"), receiver.headers.get(0).get("X-team"));
  }

  @Test
  void theRateLetsABurstThroughAndHoldsTheRest() {
    AlertSinkTask task = slack("rate.per.second", "0.01", "rate.burst", "2");
    task.put(records(5));
    assertEquals(2, receiver.taken.size());
    assertEquals(2, committed(task, 5));
    task.put(List.of());
    assertTrue(context.timeout > 60_000, "wait " + context.timeout);
  }

  @Test
  void aPartitionThatIsTakenAwayIsForgotten() {
    AlertSinkTask task = slack("rate.per.second", "0.01", "rate.burst", "1");
    task.put(records(3));
    task.close(List.of(context.partition));
    task.put(List.of());
    assertTrue(context.paused.isEmpty());
    assertEquals(3, committed(task, 3));
    task.put(List.of(Golden.record("alerts", 1, null, "{\"monitor\": \"again\"}")));
    assertEquals(1, committed(task, 2));
    assertEquals(9, task.preCommit(Map.of(new TopicPartition("alerts", 1), new OffsetAndMetadata(9)))
        .get(new TopicPartition("alerts", 1)).offset());
  }

  private static Object read(String body) {
    try {
      return Notices.JSON.readValue(body, Object.class);
    } catch (IOException error) {
      throw new AssertionError(error);
    }
  }
}
