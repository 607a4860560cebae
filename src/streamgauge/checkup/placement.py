"""Are records placed on partitions as ``partitioned_by`` says?"""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.batch import Partition
from streamgauge.channels.wording import printable
from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.patient import Patient, Records
from streamgauge.errors import StreamgaugeError

NAME = "placement"


def examine(patient: Patient) -> Iterator[Finding]:
    """For each stream that declares it."""
    for name, stream in patient.config.streams.items():
        if not stream.partitioned_by or name not in patient.kafka:
            continue
        try:
            records = patient.records(name)
        except StreamgaugeError:  # told by the check of the records
            continue
        yield _placed(records, stream.partitioned_by, f"streams.{name}")


def _placed(records: Records, fields: tuple[str, ...], about: str) -> Finding:
    where: dict[tuple[object, ...], Partition] = {}
    again = 0
    for batch in records.batches:
        columns = [batch.columns[field].values() for field in fields]
        for key in zip(*columns, strict=True):
            first = where.setdefault(key, batch.partition)
            if first != batch.partition:
                return _torn(fields, key, first, batch.partition, about)
            again += 1
    return Finding(
        NAME,
        about,
        Grade.FINE,
        f"each {', '.join(fields)} was seen on one partition only ({len(where):,} of them)",
    )


def _torn(
    fields: tuple[str, ...], key: tuple[object, ...], one: Partition, other: Partition, about: str
) -> Finding:
    named = printable(", ".join(map(str, key)), 60)
    return Finding(
        NAME, about, Grade.WRONG, f"{', '.join(fields)} {named} is on {one} and on {other}",
        "leave `partitioned_by` out, so that partitions are merged; or let the producer place records by this field",
    )  # fmt: skip
