"""Incidents about jobs: ``job failed``, open from a run that ended badly until one that ended well."""

from __future__ import annotations

from collections.abc import Mapping

from streamgauge.clock import format_duration, iso
from streamgauge.config.models import Config
from streamgauge.config.schedule import JobConfig
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.lifecycle import mended, mishap
from streamgauge.schedule.book import STOPPED, Ended, Job

JOB_FAILED = "job failed"
PREFIX = "job "
"""Before a job's name, in place of a monitor's."""
SHOWN = 300
"""Characters of what a run said that stand in a title."""


def watch_jobs(board: Board, config: Config, jobs: Mapping[str, Job], now: int) -> None:
    """Open and end incidents about jobs, as their last runs ended.

    Args:
        board: the open incidents.
        config: which jobs there are, and who hears of them.
        jobs: what is known of them; one that is not in it yet is left as it is.
        now: wall clock.
    """
    for name, job in config.schedule.items():
        known = jobs.get(name)
        if known is None or known.last is None:
            continue
        channels = config.heard(job)
        if known.last.good:
            mended(board, PREFIX + name, JOB_FAILED, now, channels)
        else:
            mishap(board, _failed(name, job, known.last, now), channels)


def _failed(name: str, job: JobConfig, last: Ended, now: int) -> Incident:
    how = f"was ended after {format_duration(job.timeout)}" if last.code == STOPPED else _how(last)
    said = f": {last.said[-SHOWN:]}" if last.said else ""
    title = (
        f"the job {name} (`{job.words[0]}`) {how}{said}; mend the cause, then `streamgauge jobs run {name}` or wait for "
        "its next moment"
    )
    evidence = {"code": last.code, "due": iso(last.due), "seconds": round(last.seconds, 1), "said": last.said}
    return Incident(
        monitor=PREFIX + name, key=None, kind=JOB_FAILED, episode=last.due, state=IncidentState.FIRING,
        severity="critical", opened_at=now, title=title, evidence=evidence,
    )  # fmt: skip


def _how(last: Ended) -> str:
    return f"was killed by signal {-last.code}" if last.code < 0 else f"ended with {last.code}"
