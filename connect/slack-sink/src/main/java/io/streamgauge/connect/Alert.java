package io.streamgauge.connect;

import java.util.Map;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * One record that waits to be posted.
 *
 * @param record as Connect gave it
 * @param value its fields
 * @param notice the same as a notice: what a message is made of
 */
record Alert(SinkRecord record, Map<String, Object> value, Map<String, Object> notice) {
  static Alert of(SinkRecord record) {
    Map<String, Object> value = Notices.value(record);
    return new Alert(record, value, Notices.notice(record, value));
  }
}
