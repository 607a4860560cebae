"""Do the brokers' clocks and this machine's agree?

Nothing may be written to find out, and Kafka's answers carry no time. But brokers stamp some records themselves:
those of topics with ``message.timestamp.type=LogAppendTime``, and each group's commits in ``__consumer_offsets``. The
newest stamp is asked for, again and again for a moment. A stamp that changes between two questions was made between
them, which bounds the difference from both sides. One that does not change is only a lower bound: the broker's clock
has reached it. Of a topic with CreateTime the stamps are its producers', and are said to be.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from streamgauge.batch import Partition
from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.patient import KafkaStream, Patient, largest, same_connection
from streamgauge.clock import SECOND
from streamgauge.errors import SourceError

NAME = "clock"
_LOOK = 1.5
"""Seconds to look for a stamp that changes."""
_PAUSE = 0.2
_ALLOWED = 2 * SECOND
"""Microseconds of difference that do no harm."""


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per set of brokers."""
    asked = set()
    for stream in patient.kafka.values():
        connection = same_connection(stream.source)
        if connection not in asked:
            asked.add(connection)
            yield _compare(patient, stream)


def _compare(patient: Patient, stream: KafkaStream) -> Finding:
    about = f"streams.{stream.name}"
    trusted = _trusted(patient, stream)
    partitions = [*(stream.partitions if trusted else ()), *stream.look.internal_partitions()]
    before, asked_at = stream.look.newest_stamps(partitions), patient.clock.now()
    ahead = largest(before) - asked_at
    if ahead > _ALLOWED:
        return _apart(about, f"at least {_seconds(ahead)} ahead of")
    bounds = _bounds(patient, stream, partitions, before)
    if bounds is not None:
        least, most = bounds
        if most < -_ALLOWED:
            return _apart(about, f"at least {_seconds(-most)} behind")
        if least > _ALLOWED:
            return _apart(about, f"at least {_seconds(least)} ahead of")
        return Finding(
            NAME,
            about,
            Grade.FINE,
            f"the brokers' clock and this one agree within {_seconds(max(-least, most))}",
        )
    if not before:
        return _by_producers(patient, stream, about)
    return Finding(
        NAME, about, Grade.UNKNOWN,
        f"the brokers' clock is not ahead of this one; that it is not behind cannot be told, as nothing was stamped "
        f"by a broker within {_LOOK:g} s",
    )  # fmt: skip


def _bounds(
    patient: Patient, stream: KafkaStream, partitions: list[Partition], before: Mapping[Partition, int]
) -> tuple[int, int] | None:
    """The least and the most by which the broker's clock is ahead; None when no stamp changed in time."""
    if not partitions:
        return None
    until, asked_at = time.monotonic() + _LOOK, patient.clock.now()
    while time.monotonic() < until:
        time.sleep(_PAUSE)
        began = patient.clock.now()
        after = stream.look.newest_stamps(partitions)
        changed = {partition: at for partition, at in after.items() if at > before.get(partition, 0)}
        if changed:
            stamp = largest(changed)
            return stamp - patient.clock.now(), stamp - asked_at
        asked_at = began
    return None


def _by_producers(patient: Patient, stream: KafkaStream, about: str) -> Finding:
    """No broker's stamp may be seen: those of producers tell at least whether these are ahead."""
    ahead = largest(stream.look.newest_stamps(stream.partitions)) - patient.clock.now()
    if ahead > _ALLOWED:
        return Finding(
            NAME, about, Grade.WARNING,
            f"records are stamped up to {_seconds(ahead)} ahead of this machine's clock, by their producers",
            "set the clocks of producers and of this machine by NTP",
        )  # fmt: skip
    return Finding(
        NAME, about, Grade.UNKNOWN,
        "cannot be told: these topics carry their producers' timestamps, and the brokers' own topic may not be seen",
    )  # fmt: skip


def _trusted(patient: Patient, stream: KafkaStream) -> bool:
    try:
        slices = patient.records(stream.name).slices
    except SourceError:
        return False
    return bool(slices) and all(piece.trusted for piece in slices)


def _apart(about: str, how: str) -> Finding:
    return Finding(
        NAME, about, Grade.WRONG, f"the brokers' clock is {how} this machine's",
        "set both by NTP: what counts as too far ahead, and how long a quiet partition may be, is measured by them",
    )  # fmt: skip


def _seconds(micros: int) -> str:
    return f"{max(micros, 0) / SECOND:,.3g} s"
