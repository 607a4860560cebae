"""Do the topics exist, and may we read them?"""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.checkup.contract import Finding, Grade, from_error
from streamgauge.checkup.patient import KafkaStream, Patient
from streamgauge.errors import SourceError

NAME = "topic"


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per stream; what cannot be read is not examined further."""
    for stream in list(patient.kafka.values()):
        finding = _topic(stream)
        if finding.grade in (Grade.WRONG, Grade.MISSING):
            del patient.kafka[stream.name]
        yield finding


def _topic(stream: KafkaStream) -> Finding:
    about = f"streams.{stream.name}"
    try:
        stream.partitions = stream.look.partitions()
    except SourceError as error:
        return from_error(NAME, about, error)
    if not stream.partitions:
        return Finding(
            NAME, about, Grade.WARNING, f"no topic matches {stream.source.pattern}",
            "correct `pattern:`, unless such topics are yet to come",
        )  # fmt: skip
    names = sorted({partition.name for partition in stream.partitions})
    shut = [name for name in names if stream.look.may_read(name) is False]
    if shut:
        who = stream.source.settings.get("sasl.username", "an anonymous client")
        return Finding(
            NAME, about, Grade.WRONG, f"{who!r} may see topic {', '.join(shut)}, but not read it",
            f"allow READ on topic {shut[0]} for this user",
        )  # fmt: skip
    bounds = stream.look.bounds(stream.partitions)
    held = sum(high - low for low, high in bounds.values())
    return Finding(
        NAME, about, Grade.FINE,
        f"{', '.join(names)}: {len(stream.partitions)} partitions, about {held:,} records, and we may read them",
    )  # fmt: skip
