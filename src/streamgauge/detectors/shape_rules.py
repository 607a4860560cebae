"""What differs between the records of a window and those before, for the detector ``schema``; numbers only, no streams."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from streamgauge.detectors.known_shapes import Seen

ABSENT = "absent"
RARE, CHANCE, NEVER_SO = 0.01, 1e-4, 1e-9
"""What share of the learned records is rare, and how improbable something must be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that differs.

    Attributes:
        what: gone, added or changed.
        field: whose.
        kind: as which type it came; of what is gone, nothing.
        records: in how many records.
        before: as what it was known.
    """

    what: str
    field: str
    kind: str
    records: int
    before: str = ""

    def in_words(self, of: int) -> str:
        """With counts.

        >>> Finding("changed", "amount", "string", 40, "number").in_words(60)
        'string in 40 of 60 records, before number'
        """
        if self.what == "gone":
            return f"lacks in {self.records:,} of {of:,} records, before {self.before}"
        after = f", before {self.before}" if self.before else ""
        return f"{self.kind} in {self.records:,} of {of:,} records{after}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """What people say records have."""

    fields: Mapping[str, Sequence[str]]

    def candidates(self, seen: Seen) -> Iterator[Finding]:
        """Whatever is not so."""
        for field, kinds in sorted(self.fields.items()):
            lacking = seen.records - seen.having(field)
            if lacking and ABSENT not in kinds:
                yield Finding("gone", field, "", lacking, "in all")
        for (field, kind), count in sorted(seen.counts.items()):
            if field not in self.fields:
                yield Finding("added", field, kind, count)
            elif not set(kind.split("|")) <= set(self.fields[field]):
                yield Finding(
                    "changed", field, kind, count, " or ".join(sorted(set(self.fields[field]) - {ABSENT}))
                )

    def improbable(self, finding: Finding, seen: Seen) -> bool:
        """What is said holds."""
        return True


@dataclass(frozen=True, slots=True)
class Learned:
    """What records had so far."""

    known: Seen
    full: bool

    def candidates(self, seen: Seen) -> Iterator[Finding]:
        """Whatever was rare."""
        total = self.known.records
        for field in sorted(self.known.fields):
            lacking, had = seen.records - seen.having(field), self.known.having(field)
            usual = total - had <= RARE * total
            if lacking and (usual or (lacking == seen.records and had > RARE * total)):
                yield Finding("gone", field, "", lacking, f"in {had:,} of {total:,}")
        for (field, kind), count in sorted(seen.counts.items()):
            had = self.known.having(field)
            if had <= RARE * total:
                if not self.full:
                    yield Finding("added", field, kind, count, f"in {had:,} of {total:,}" if had else "")
            elif self.known.counts.get((field, kind), 0) <= RARE * total and not (
                self.full and self._new(field, kind)
            ):
                yield Finding("changed", field, kind, count, self._kinds(field))

    def improbable(self, finding: Finding, seen: Seen) -> bool:
        """Whether chance does not explain it."""
        total, had = self.known.records, self.known.having(finding.field)
        if finding.what == "gone":
            if total - had <= RARE * total:
                return chance(total - had, total, finding.records, seen.records) < CHANCE
            return (had + 1) * math.log1p(-seen.records / (total + seen.records)) < math.log(NEVER_SO)
        before = had if finding.what == "added" else self.known.counts.get((finding.field, finding.kind), 0)
        return chance(before, total, finding.records, seen.records) < CHANCE

    def _new(self, field: str, kind: str) -> bool:
        return (field, kind) not in self.known.counts

    def _kinds(self, field: str) -> str:
        """As what a field was known, the most frequent first."""
        kinds = sorted((-count, kind) for (name, kind), count in self.known.counts.items() if name == field)
        return " or ".join(kind for _, kind in kinds)


def chance(before: int, total: int, now: int, of: int) -> float:
    """How probable ``now`` or more of ``of`` records are, after ``before`` of ``total``.

    Negative binomial: what a rate of which nothing was known beforehand would give.

    >>> round(chance(0, 1000, 1, 100), 6), round(chance(0, 1000, 2, 100), 6)
    (0.090909, 0.008264)
    >>> chance(5, 1000, 1, 100) > 0.3 > 1e-3 > chance(5, 1000, 10, 100)
    True
    """
    size, ratio = before + 1, of / (total + of)
    mean, spread = size * of / total, math.sqrt(size * of / total * (1 + of / total))
    if now <= mean:
        return 1.0
    if size > 500 or now > mean + 60 * spread + 60:
        return 0.5 * math.erfc((now - 0.5 - mean) / spread / math.sqrt(2))
    term, below = math.exp(size * math.log1p(-ratio)), 0.0
    for k in range(now):
        below += term
        term *= (k + size) / (k + 1) * ratio
    return max(0.0, 1 - below)
