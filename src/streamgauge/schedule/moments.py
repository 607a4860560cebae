"""When a job is due: pure arithmetic on the wall clock, microseconds."""

from __future__ import annotations

from streamgauge.clock import to_micros
from streamgauge.config.schedule import JobConfig


def following(job: JobConfig, now: int) -> int:
    """The first moment after ``now`` at which the job is due.

    A time of day that a zone's clock jumps over counts as the jump; one that it shows twice counts once, the first time.

    >>> following(JobConfig(run="doctor c.yaml", every="20m"), 0) // 60_000_000
    20
    """
    if job.every is not None:
        step = to_micros(job.every)
        return (now // step + 1) * step
    return min(weekly.following(now) for weekly in job.weekly())


def shape(job: JobConfig) -> str:
    """What decides when it is due; where this changed, the kept moment counts no more."""
    return job.when
