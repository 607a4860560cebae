package io.streamgauge.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** The clock is pushed by hand. */
class PaceTest {
  private final AtomicLong now = new AtomicLong(1_000);

  private Pace pace(double perSecond, int burst) {
    return new Pace(perSecond, burst, Duration.ofSeconds(1), Duration.ofSeconds(5), now::get);
  }

  @Test
  void aBurstLeavesAtOnceThenOneBySecond() {
    Pace pace = pace(1, 2);
    pace.left();
    assertEquals(0, pace.pause());
    pace.left();
    assertEquals(1_000, pace.pause());
    now.addAndGet(400);
    assertEquals(600, pace.pause());
    now.addAndGet(600);
    assertEquals(0, pace.pause());
    now.addAndGet(60_000); // a quiet minute saves no more than a burst
    pace.left();
    pace.left();
    assertEquals(1_000, pace.pause());
  }

  @Test
  void zeroIsWithoutLimit() {
    Pace pace = pace(0, 1);
    pace.left();
    pace.left();
    assertEquals(0, pace.pause());
  }

  @Test
  void waitsGrowUntilItWorksAgain() {
    Pace pace = pace(0, 1);
    assertEquals(1_000, pace.failed(null));
    assertEquals(2_000, pace.failed(null));
    assertEquals(4_000, pace.failed(null));
    assertEquals(5_000, pace.failed(null));
    assertEquals(5_000, pace.pause());
    pace.succeeded();
    assertEquals(1_000, pace.failed(null));
  }

  @Test
  void whatTheReceiverAsksForGoesBeforeWithinReason() {
    Pace pace = pace(0, 1);
    assertEquals(30_000, pace.failed(Duration.ofSeconds(30)));
    assertEquals(1_000, pace.failed(Duration.ofSeconds(-5)));
    assertEquals(3_600_000, pace.failed(Duration.ofDays(9)));
  }
}
