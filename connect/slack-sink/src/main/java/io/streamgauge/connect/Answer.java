package io.streamgauge.connect;

import java.time.Duration;

/**
 * What became of one try.
 *
 * @param result what to do next
 * @param detail a sentence for people, without secrets
 * @param asked how long the receiver asked to wait, or null
 * @param said what the receiver said, printable and short
 */
record Answer(Result result, String detail, Duration asked, String said) {
  /** What to do next. */
  enum Result {
    DELIVERED,
    /** It may succeed later: 429, 408, 5xx, no answer. */
    AGAIN,
    /** It never will: another 4xx, a redirect. */
    REFUSED
  }
}
