package io.streamgauge.connect;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * When the next message may leave: at most so many per second with short bursts, and not before a receiver that failed or
 * asked for time has had it (its {@code Retry-After}, else 1 s, 2 s, 4 s … with the defaults).
 */
final class Pace {
  private static final long HOUR = 3_600_000;

  private final double perSecond;
  private final double burst;
  private final long first;
  private final long longest;
  private final LongSupplier millis;
  private double saved;
  private long savedAt;
  private long notBefore;
  private int failures;

  /**
   * Begins with a full burst.
   *
   * @param perSecond messages per second; 0 = as fast as they are taken
   * @param burst messages that may leave at once after a quiet time
   * @param first the first wait after a failure, in milliseconds
   * @param longest the longest
   * @param millis the clock: milliseconds that only grow
   */
  Pace(double perSecond, int burst, Duration first, Duration longest, LongSupplier millis) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.first = first.toMillis();
    this.longest = longest.toMillis();
    this.millis = millis;
    this.saved = burst;
    this.savedAt = millis.getAsLong();
    this.notBefore = savedAt;
  }

  /** Milliseconds until the next message may leave; 0 = now. */
  long pause() {
    long now = millis.getAsLong();
    long missing = perSecond == 0 ? 0 : (long) Math.ceil((1 - saved(now)) * 1_000 / perSecond);
    return Math.max(0, Math.max(notBefore - now, missing));
  }

  /** One left, whatever came of it. */
  void left() {
    long now = millis.getAsLong();
    saved = saved(now) - 1;
    savedAt = now;
  }

  /** The receiver works. */
  void succeeded() {
    failures = 0;
  }

  /**
   * The receiver did not take it.
   *
   * @param asked how long it asked to wait, or null
   * @return milliseconds until the next try
   */
  long failed(Duration asked) {
    long grown = Math.min(longest, first << Math.min(failures++, 20));
    long wait = asked == null ? grown : Math.min(HOUR, Math.max(1_000, asked.toMillis()));
    notBefore = millis.getAsLong() + wait;
    return wait;
  }

  private double saved(long now) {
    return perSecond == 0 ? burst : Math.min(burst, saved + (now - savedAt) * perSecond / 1_000);
  }
}
