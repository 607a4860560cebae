"""Silences and maintenance: for how long which incidents are not told, and who wants it so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Any

from streamgauge.clock import iso, to_micros
from streamgauge.incidents.calendar import DAYS, Weekly
from streamgauge.incidents.matchers import Matcher, all_hold, narrows

REMINDER = to_micros(timedelta(minutes=15))
"""How long before its end people hear that a silence is about to end, if it mutes something."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Keeps matching incidents from being told. Moments are wall clock, microseconds.

    Attributes:
        id: names it.
        matchers: all must hold.
        start: from when on.
        end: until when; None: until it is taken back (weekly times only).
        author, comment: who wants it and why.
        weekly: only at these times, where given.
        created_at: when it was made.
        expired_at: when it was taken back.
        expired_by: by whom.
    """

    id: str
    matchers: tuple[Matcher, ...]
    start: int
    end: int | None
    author: str = ""
    comment: str = ""
    weekly: Weekly | None = None
    created_at: int = 0
    expired_at: int | None = None
    expired_by: str | None = None

    @property
    def name(self) -> str:
        """How incidents say what mutes them."""
        return f"silence {self.id}"

    @property
    def row(self) -> str:
        """What the store calls it."""
        return f"silence:{self.id}"

    @property
    def words(self) -> str:
        """The reason on an incident that it mutes."""
        who = f" by {self.author}" if self.author else ""
        return f"silence {self.id}{who}{f': {self.comment}' if self.comment else ''}"

    @property
    def last(self) -> int | None:
        """The moment from which on it never mutes again; None: there is none yet."""
        if self.expired_at is None:
            return self.end
        return self.expired_at if self.end is None else min(self.end, self.expired_at)

    def over(self, now: int) -> bool:
        """Whether it will never mute again."""
        return self.last is not None and now >= self.last

    def span(self, now: int) -> tuple[int, int | None] | None:
        """Since when and until when it mutes, seen from ``now``; None while it does not."""
        last = self.last
        if now < self.start or (last is not None and now >= last):
            return None
        if self.weekly is None:
            return self.start, last
        within = self.weekly.span(now)
        if within is None:
            return None
        return max(self.start, within[0]), within[1] if last is None else min(last, within[1])

    def active(self, now: int) -> bool:
        """Whether it mutes at ``now``."""
        return self.span(now) is not None

    def next_change(self, now: int) -> int | None:
        """The next moment after ``now`` at which it begins or ceases to mute; None: never again."""
        if self.over(now):
            return None
        span = self.span(now)
        if span is not None:
            return span[1]
        if self.weekly is None:
            return self.start
        begin = self.weekly.following(max(now, self.start - 1))
        if now < self.start:
            begin = self.start if self.weekly.span(self.start) is not None else begin
        return None if self.last is not None and begin >= self.last else begin

    def reminder(self, now: int) -> int | None:
        """When people are to hear that the present span ends: 15 minutes before, a quarter of it at most."""
        span = self.span(now)
        if span is None or span[1] is None:
            return None
        return span[1] - min(REMINDER, (span[1] - span[0]) // 4)

    def as_json(self, now: int) -> dict[str, Any]:
        """Plain data for people's tools."""
        weekly = self.weekly
        return {
            "id": self.id,
            "state": "over" if self.over(now) else "active" if self.active(now) else "waiting",
            "matchers": [str(matcher) for matcher in self.matchers],
            "start": iso(self.start),
            "end": iso(self.end),
            "weekly": None if weekly is None else weekly_words(weekly),
            "author": self.author,
            "comment": self.comment,
            "created_at": iso(self.created_at),
            "expired_at": iso(self.expired_at),
            "expired_by": self.expired_by,
        }


def weekly_words(weekly: Weekly) -> str:
    """``mon,tue 02:00-04:00 Europe/Berlin``."""
    days = ",".join(DAYS[day] for day in weekly.days)
    return f"{days} {weekly.begin:%H:%M}-{weekly.end:%H:%M} {weekly.zone}"


def everything(matchers: Iterable[Matcher], known: Mapping[str, Sequence[str]]) -> bool:
    """Whether matchers leave nothing out.

    Args:
        matchers: of a silence to be.
        known: by label, the values that there are; of other labels nothing is known.
    """
    strange = ("", "x", "Zürich 7", "\n")
    return not any(narrows(matcher, known.get(matcher.label, strange)) for matcher in matchers)


def read_silence(plain: Mapping[str, Any]) -> Silence:
    """What the store kept of it."""
    weekly = plain["weekly"]
    return Silence(
        **{
            **plain,
            "matchers": tuple(Matcher(**matcher) for matcher in plain["matchers"]),
            "weekly": weekly
            and Weekly(
                tuple(weekly["days"]),
                time.fromisoformat(weekly["begin"]),
                time.fromisoformat(weekly["end"]),
                weekly["zone"],
            ),
        }
    )


def read_silences(kept: Mapping[str, Mapping[str, Any]], now: int | None = None) -> list[Silence]:
    """All of them among what the store kept, the oldest first; with ``now`` those that are not over."""
    found = [read_silence(row) for name, row in kept.items() if name.startswith("silence:")]
    found.sort(key=lambda silence: (silence.created_at, silence.id))
    return [silence for silence in found if now is None or not silence.over(now)]


def taken_back(silence: Silence, now: int, who: str) -> Silence:
    """The silence, ended at ``now``."""
    return replace(silence, expired_at=now, expired_by=who)


@dataclass(slots=True)
class Silences:
    """All that are not over, found by what they ask for: a thousand of them cost little more than one."""

    known: dict[str, Silence] = field(default_factory=dict)
    _by_value: defaultdict[tuple[str, str], dict[str, Silence]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _others: dict[str, Silence] = field(default_factory=dict)
    _labels: tuple[str, ...] = ()

    def put(self, silence: Silence) -> None:
        """Know it from now on."""
        self.remove(silence.id)
        self.known[silence.id] = silence
        self._place(silence)[silence.id] = silence
        self._labels = tuple({label for label, _ in self._by_value})

    def remove(self, silence_id: str) -> None:
        """Forget it."""
        silence = self.known.pop(silence_id, None)
        if silence is not None:
            del self._place(silence)[silence_id]

    def of(self, labels: Mapping[str, str], now: int) -> Silence | None:
        """The one that mutes an incident; of several the oldest."""
        if not self.known:
            return None
        places = [self._by_value.get((label, labels.get(label, ""))) for label in self._labels]
        found = [
            silence
            for place in (self._others, *places)
            if place
            for silence in place.values()
            if all_hold(silence.matchers, labels) and silence.active(now)
        ]
        return min(found, key=lambda silence: (silence.created_at, silence.id)) if found else None

    def _place(self, silence: Silence) -> dict[str, Silence]:
        exact = next((m for m in silence.matchers if m.sign == "="), None)
        return self._others if exact is None else self._by_value[exact.label, exact.value]
