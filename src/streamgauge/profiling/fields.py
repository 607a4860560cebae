"""The fields of a sample with their types, units and bounds, nested ones too."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from streamgauge.batch import FieldKind
from streamgauge.clock import SECOND
from streamgauge.formats.contract import TimeUnit
from streamgauge.formats.event_time import moment
from streamgauge.profiling.personal import looks_personal
from streamgauge.profiling.sample import Format, Row, Steps

Seen: TypeAlias = Literal["bool", "int", "float", "text", "moment", "list", "other"]

TIME_NAMES = (
    "event_time", "event_timestamp", "eventtime", "at", "time", "timestamp", "ts", "occurred_at", "rowtime",
    "datetime", "date_time", "created_at", "created", "datum", "zeit", "date",
)  # fmt: skip
"""How event times are called, the likeliest first."""
_LIKE_TIME = re.compile(
    r"(^|_)(at|ts|time|timestamp|datetime|date|rowtime|when|since|until|created|updated)(_|$)"
)
_LIKE_AMOUNT = re.compile(
    r"(^|_)(amount|price|total|sum|cost|fee|value|bytes?|size|count|quantity|qty|duration|latency|elapsed|millis|ms|"
    r"seconds|weight|distance|length|rows|items|hits|requests|errors|retries|attempts)(_|$)"
)
_LIKE_MONEY = re.compile(
    r"(^|_)(amount|price|total|sum|cost|fee|value|weight|distance|duration|latency)(_|$)"
)
_LIKE_NAME = re.compile(r"(^|_)(id|no|nr|number|code|zip|postcode|plz|phone|version|status|key|uuid)(_|$)")
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d{1,3})?")
_DIGITS = re.compile(r"[+-]?\d+(\.\d+)?")
_FIRST_MOMENT = 10**15
"""Microseconds: a smaller one (before September 2001) is hardly the time of an event."""
_AHEAD = 400 * 86_400 * SECOND
_UNITS: tuple[tuple[float, TimeUnit], ...] = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (1e30, "ns"))


@dataclass(frozen=True, slots=True)
class Field:
    """One field as it would be declared.

    Attributes:
        name: as in conditions.
        steps: where it lies.
        type, unit, min, mask: as in the file.
        filled: share of the records that carry it.
        distinct: how many values it has.
        notes: what to say of it, in words.
    """

    name: str
    steps: Steps
    type: FieldKind
    filled: float
    distinct: int
    unit: TimeUnit | None = None
    min: float | None = None
    mask: bool = False
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> str | None:
        """What ``path:`` must say, where the name does not."""
        return None if self.steps == (self.name,) else ".".join(self.steps)

    @property
    def plain_name(self) -> str:
        """The last part of its name in small letters with ``_`` between words."""
        return _plain(self.steps[-1])


@dataclass(slots=True)
class Fields:
    """What was found.

    Attributes:
        found: the fields, in the order of the records.
        left_out: what cannot be declared, by its path, and why.
        texts_for_numbers: whether some number is written as a text.
    """

    found: list[Field] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    texts_for_numbers: bool = False

    def get(self, name: str | None) -> Field | None:
        """A field by its name."""
        return next((one for one in self.found if one.name == name), None)


def infer(rows: Sequence[Row], form: Format, now: int) -> Fields:
    """The fields of a sample.

    Args:
        rows: its records.
        form: how they are written: cells of CSV are texts, and stand for numbers.
        now: wall clock in microseconds; what lies far beyond it is no moment.
    """
    columns: defaultdict[Steps, list[Any]] = defaultdict(list)
    for row in rows:
        for steps, value in row.values.items():
            columns[steps].append(value)
    fields, names = Fields(), set[str]()
    for steps, raw in columns.items():
        values = [value for value in raw if not _missing(value)]
        column = _Column(steps, values, form, now)
        why = column.cannot()
        if why is not None:
            fields.left_out[".".join(steps)] = why
            continue
        name = _unique(steps, names)
        names.add(name)
        fields.found.append(column.declared(name, len(values) / len(rows)))
        fields.texts_for_numbers |= form == "json" and column.is_number_in_text
    return fields


class _Column:
    """All values of one place."""

    def __init__(self, steps: Steps, values: list[Any], form: Format, now: int) -> None:
        self._steps, self._values, self._form, self._now = steps, values, form, now
        self._name = _plain(steps[-1])
        self._seen = Counter(map(_seen, values))
        self._kind = self._decide() if values else None

    @property
    def is_number_in_text(self) -> bool:
        """Whether texts stand for its numbers."""
        return self._kind in ("int", "float") and "text" in self._seen

    def cannot(self) -> str | None:
        """Why it cannot be declared; None when it can."""
        if not self._values:
            return "always missing in the sample"
        if any("." in step for step in self._steps):
            return "a dot in its name"
        if self._kind is not None:
            return None
        if len(self._seen) == 1:
            return "a list" if "list" in self._seen else "neither text, number nor moment"
        return "mixed: " + ", ".join(f"{count:,} {what}" for what, count in self._seen.most_common())

    def declared(self, name: str, filled: float) -> Field:
        """The field."""
        assert self._kind is not None
        personal = None if self._kind in ("bool", "timestamp") else looks_personal(name, self._values[:1000])
        least = self._least()
        notes = [f"looks like {personal}"] if personal else []
        if least is not None:
            notes.append("smaller ones go to the dead letters")
        if filled < 1:
            notes.append(f"missing in {_percent(1 - filled)} of the records")
        distinct = len(set(map(str, self._values)))
        return Field(
            name,
            self._steps,
            self._kind,
            filled,
            distinct,
            self._unit(),
            least,
            personal is not None,
            tuple(notes),
        )

    def _decide(self) -> FieldKind | None:
        kinds = set(self._seen)
        if kinds == {"bool"}:
            return "bool"
        if kinds == {"moment"}:
            return "timestamp"
        if kinds == {"int"}:
            return self._whole_number()
        if kinds <= {"int", "float"}:
            return "timestamp" if self._is_time(self._values) else "float"
        return self._text() if kinds == {"text"} else None

    def _whole_number(self) -> FieldKind:
        if self._is_time(self._values):
            return "timestamp"
        return "float" if _LIKE_MONEY.search(self._name) else "int"

    def _text(self) -> FieldKind:
        values = self._values
        digits = all(_DIGITS.fullmatch(value) for value in values)
        if not digits and self._are_moments(values):
            return "timestamp"
        if digits and self._is_time([float(value) for value in values]):
            return "timestamp"
        if self._form == "csv" and {value.lower() for value in values} <= {"true", "false"}:
            return "bool"
        if not all(_NUMBER.fullmatch(value) for value in values):
            return "string"
        broken = any(set(value) & set(".eE") for value in values)
        likely = self._form == "csv" or (
            (broken or _LIKE_AMOUNT.search(self._name)) and not self._is_named_as_id()
        )
        if not likely:
            return "string"
        return "float" if broken or _LIKE_MONEY.search(self._name) else "int"

    def _is_named_as_id(self) -> bool:
        return _LIKE_NAME.search(self._name) is not None

    def _is_time(self, values: Sequence[float]) -> bool:
        return _LIKE_TIME.search(self._name) is not None and self._are_moments(values)

    def _are_moments(self, values: Sequence[Any]) -> bool:
        try:
            found = [moment(value) for value in values]
        except ValueError:
            return False
        return min(found) >= _FIRST_MOMENT and max(found) <= self._now + _AHEAD

    def _unit(self) -> TimeUnit | None:
        """Of numbers; one for all, or it is left to be guessed record by record."""
        if self._kind != "timestamp" or not set(self._seen) <= {"int", "float", "text"}:
            return None
        try:
            sizes = [abs(float(value)) for value in self._values]
        except ValueError:
            return None
        low, high = (
            next(unit for limit, unit in _UNITS if size < limit) for size in (min(sizes), max(sizes))
        )
        return low if low == high else None

    def _least(self) -> float | None:
        if self._kind not in ("int", "float") or not _LIKE_AMOUNT.search(self._name):
            return None
        return 0.0 if min(map(float, self._values)) >= 0 else None


def _seen(value: Any) -> Seen:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list | tuple):
        return "list"
    return "moment" if hasattr(value, "isoformat") else "other"


def _missing(value: Any) -> bool:
    return value is None or value != value or value == ""  # NaN is unequal to itself  # noqa: PLR0124


def _plain(name: str) -> str:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", apart).strip("_").lower()


def _unique(steps: Steps, taken: set[str]) -> str:
    """Its own name where conditions can say it, else all steps with ``_`` between."""
    tries = [steps[0]] if len(steps) == 1 and re.fullmatch(r"[A-Za-z_]\w*", steps[0], re.ASCII) else []
    joined = re.sub(r"[^A-Za-z0-9_]+", "_", "_".join(steps))
    tries.append(joined if re.match(r"[A-Za-z_]", joined) else f"field_{joined}")
    name = next((one for one in tries if one not in taken), tries[-1])
    while name in taken:
        name += "_"
    return name


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
