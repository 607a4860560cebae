"""Trials of the rules, and of what looks at the quality of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.detectors.trials import Draw, Fault, Fields, Given, Trial

HOUR, DAY = 3600.0, 86_400.0


def arrivals(draw: Draw, seconds: float, gap: float, most: float = np.inf) -> list[float]:
    """Moments of a Poisson stream with a mean gap; no gap longer than ``most``."""
    gaps = np.minimum(draw.exponential(gap, int(seconds / gap * 1.2) + 50), most)
    times = np.cumsum(gaps)
    found: list[float] = np.round(times[times < seconds], 3).tolist()
    return found


def among(draw: Draw, times: Sequence[float], **choices: Sequence[Any]) -> Given:
    """Records with a random one of the choices in each field."""
    return list(times), {
        name: [values[i] for i in draw.integers(0, len(values), len(times)).tolist()]
        for name, values in choices.items()
    }


def planted(**fields: Any) -> Fault:
    """One more record at the moment."""
    return several(1, 0.0, **fields)


def several(count: int, gap: float, **fields: Any) -> Fault:
    """More records from the moment on, a gap apart; a function of the number makes values that differ."""

    def fault(_: Draw, given: Given, at: float) -> Given:
        times, held = given
        more: Fields = {
            name: list(held[name]) + [value(i) if callable(value) else value for i in range(count)]
            for name, value in fields.items()
        }
        return [*times, *(round(at + i * gap, 3) for i in range(count))], more

    return fault


def changed(share: float, **fields: Any) -> Fault:
    """From the moment on a share of the records has other values."""

    def fault(draw: Draw, given: Given, at: float) -> Given:
        times, held = given
        hit = [t >= at and x < share for t, x in zip(times, draw.random(len(times)).tolist(), strict=True)]
        return times, {
            name: [
                fields[name] if name in fields and now else value
                for value, now in zip(column, hit, strict=True)
            ]
            for name, column in held.items()
        }

    return fault


def without(share: float = 1.0, *, until: float = np.inf, **of: Any) -> Fault:
    """From the moment on (for so many seconds) a share of the records does not come: those with these values."""

    def fault(draw: Draw, given: Given, at: float) -> Given:
        times, held = given
        gone = draw.random(len(times)) < share
        keep = [
            i for i, t in enumerate(times)
            if not (at <= t < at + until and gone[i] and all(held[name][i] == value for name, value in of.items()))
        ]  # fmt: skip
        return [times[i] for i in keep], {name: [column[i] for i in keep] for name, column in held.items()}

    return fault


def more_of(times_as_many: int, until: float) -> Fault:
    """For so many seconds each record comes so many times."""

    def fault(_: Draw, given: Given, at: float) -> Given:
        times, held = given
        rows = [i for i, t in enumerate(times) for _ in range(times_as_many if at <= t < at + until else 1)]
        return [times[i] for i in rows], {name: [column[i] for i in rows] for name, column in held.items()}

    return fault


def plain(draw: Draw) -> Given:
    """Six hours, a record each four seconds, with a number."""
    times = arrivals(draw, 6 * HOUR, 4.0)
    return times, {"value": draw.normal(100, 10, len(times)).round(3).tolist()}


def countries(draw: Draw) -> Given:
    """Six hours of three countries."""
    rows = [(t, name) for name in ("CH", "DE", "IT") for t in arrivals(draw, 6 * HOUR, 8.0, most=40.0)]
    rows.sort()
    return [t for t, _ in rows], {"country": [name for _, name in rows]}


def sporadic(draw: Draw) -> Given:
    """Two weeks of five keys, each with a pace of its own, that is slower at night."""
    rows = []
    for n, gap in enumerate((120.0, 240.0, 480.0, 900.0, 1800.0)):
        rows += [
            (t, f"k{n}") for t in arrivals(draw, 14 * DAY, gap)
            if draw.random() < 0.65 - 0.35 * np.cos(2 * np.pi * t / DAY)
        ]  # fmt: skip
    rows.sort()
    return [t for t, _ in rows], {"country": [name for _, name in rows]}


def homes(draw: Draw) -> Given:
    """Six hours of twenty users, each at home in one country."""
    times, fields = among(draw, arrivals(draw, 6 * HOUR, 5.0), user=[f"u{i}" for i in range(20)])
    return times, {**fields, "country": ["CH" if user < "u2" else "DE" for user in fields["user"]]}


def ids(draw: Draw) -> Given:
    """Six hours of records, no id twice."""
    times = arrivals(draw, 6 * HOUR, 4.0)
    return times, {"id": [f"o{i}" for i in range(len(times))]}


def feed(draw: Draw) -> Given:
    """Twelve days of a feed with a daily course."""
    times: list[float] = []
    for quarter in range(12 * 96):
        count = int(draw.poisson(25 - 15 * np.cos(2 * np.pi * quarter / 96)))
        times += (quarter * 900.0 + np.sort(draw.random(count)) * 899.0).round(3).tolist()
    return times, {"value": [1.0] * len(times)}


def shapes(draw: Draw) -> Given:
    """A day of orders: amounts seldom null, notes in a third of them."""
    times = arrivals(draw, DAY, 6.0)
    chance = draw.random((2, len(times)))
    return times, {
        "id": [f"o{i}" for i in range(len(times))],
        "amount": [None if x < 0.003 else 12.5 for x in chance[0].tolist()],
        "note": ["x" if x < 0.33 else None for x in chance[1].tolist()],
        "extra": [None] * len(times),
    }


def payments(draw: Draw) -> Given:
    """Six hours of ten cards: small and middling payments."""
    times, fields = among(draw, arrivals(draw, 6 * HOUR, 10.0), card=[f"c{i}" for i in range(10)])
    return times, {**fields, "amount": np.minimum(draw.lognormal(3, 1, len(times)), 450).round(2).tolist()}


def _probing(_: Draw, given: Given, at: float) -> Given:
    """Two small payments, and a large one a minute later."""
    times, held = given
    more = [(0.0, 1.0), (20.0, 2.0), (80.0, 900.0)]
    return [*times, *(at + t for t, _ in more)], {
        "card": [*held["card"], *["c3"] * 3], "amount": [*held["amount"], *(amount for _, amount in more)],
    }  # fmt: skip


def followed(draw: Draw) -> Given:
    """Six hours of a consumer group on three partitions, asked each half minute; it commits what it has, now and then all."""
    fields: Fields = {"group": [], "topic": [], "partition": [], "offset": [], "end": []}
    times: list[float] = []
    end, offset = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for step in range(720):
        end += draw.poisson(100, 3)
        behind = np.where(draw.random(3) < 0.4, 0, draw.integers(0, 300, 3))
        offset = np.maximum(offset, end - behind)
        for part in range(3):
            row = ("g", "t", part, int(offset[part]), int(end[part]))
            for column, value in zip(fields.values(), row, strict=True):
                column.append(value)
            times.append(step * 30.0)
    return times, fields


def _reading(share: float) -> Fault:
    """From the moment on the second partition is read at a share of the rate at which it is written."""

    def fault(_: Draw, given: Given, at: float) -> Given:
        times, held = given
        last, offsets = 0, []
        for t, part, offset, end in zip(times, held["partition"], held["offset"], held["end"], strict=True):
            if part == 1 and t < at:
                last, first = offset, end
            mine = part == 1 and t >= at
            offsets.append(min(offset, last + int(share * (end - first))) if mine else offset)
        return times, {**held, "offset": offsets}

    return fault


HALF = "half of them for six hours (three deviations; five are tolerated)"
COUNT: Mapping[str, str] = {"events": "count(*)"}
PEOPLE = [f"u{i}" for i in range(30)]

TRIALS: Mapping[str, Sequence[Trial]] = {
    "threshold": [Trial(
        "15 records a minute, limit 45", {"when": "events > 45"}, plain, {"four times as many": more_of(4, 120.0)}, COUNT, "1m",
    )],
    "silence": [
        Trial("three countries, no gap above 40 s, limit 1 m", {"by": "country", "after": "1m"}, countries,
              {"one country stops": without(country="CH"), "all stop for three minutes": without(until=180.0)}),
        Trial("five keys by chance, a record each 3 to 60 minutes, slower at night; limit learned",
              {"by": "country", "after": "learned"}, sporadic, {"the busiest stops": without(country="k0"),
              "the second stops": without(country="k1")}, runs=4, allowed=1.0),
    ],
    "spike": [Trial(
        "150 records in ten minutes, against the window before", {"value": "events", "ratio": 3}, plain,
        {"five times as many": more_of(5, 600.0)}, COUNT, "10m",
    )],
    "change": [Trial(
        "twenty users, each in one country", {"of": "country", "by": "user"}, homes,
        {"a user somewhere else": planted(user="u7", country="US")},
    )],
    "new_term": [Trial(
        "thirty users, after an hour", {"of": "user", "learn_for": "1h"},
        lambda draw: among(draw, arrivals(draw, 6 * HOUR, 5.0), user=PEOPLE), {"a newcomer": planted(user="mallory")},
    )],
    "allowlist": [Trial(
        "values of the list", {"of": "user", "values": PEOPLE},
        lambda draw: among(draw, arrivals(draw, 6 * HOUR, 5.0), user=PEOPLE), {"another value": planted(user="mallory")},
    )],
    "blocklist": [Trial(
        "values beside the list", {"of": "user", "values": ["mallory", "eve"]},
        lambda draw: among(draw, arrivals(draw, 6 * HOUR, 5.0), user=PEOPLE), {"one of the list": planted(user="eve")},
    )],
    "any": [Trial(
        "no record of that kind", {"when": "status >= 500"},
        lambda draw: among(draw, arrivals(draw, 6 * HOUR, 5.0), status=[200, 204, 404]), {"one of it": planted(status=503)},
    )],
    "percentage": [Trial(
        "75 records in five minutes, 2 % beyond, limit 20 %", {"of": "value > 121", "max": 20}, plain,
        {"40 % beyond": changed(0.4, value=150.0)}, None, "5m",
    )],
    "cardinality": [Trial(
        "30 users in five minutes, limit 40", {"of": "user", "max": 40},
        lambda draw: among(draw, arrivals(draw, 6 * HOUR, 4.0), user=PEOPLE),
        {"thirty others": several(30, 1.0, user=lambda i: f"x{i}")}, None, "5m",
    )],
    "pattern": [Trial(
        "ten cards, no payment above 450", {
            "steps": [{"when": "amount < 5", "times": 2}, "amount > 500"], "within": "10m", "by": "card"}, payments,
        {"two small payments and a large one": _probing},
    )],
    "range": [Trial(
        "numbers within six deviations", {"of": {"value": {"min": 20, "max": 180}}}, plain,
        {"one beyond": planted(value=999.0)},
    )],
    "missing": [Trial(
        "150 records in ten minutes, none missing; limit 2 %", {"of": "value", "max": 2}, plain,
        {"10 % missing": changed(0.1, value=None), "all missing": changed(1.0, value=None)}, None, "10m",
    )],
    "duplicates": [Trial(
        "no id twice, limit 2 %", {"of": "id", "max": 2}, ids, {"each record twice for ten minutes": more_of(2, 600.0)}, None, "5m",
    )],
    "freshness": [Trial(
        "three countries, no gap above 40 s, limit 1 m", {"by": "country", "after": "1m"}, countries,
        {"one country stops": without(country="DE")},
    )],
    "volume": [Trial(
        "a daily course between 10 and 40 records in 15 minutes, by chance", {}, feed,
        {HALF: without(0.5, until=6 * HOUR), "none": without(0.98, until=6 * HOUR),
         "twice as many for three hours": more_of(2, 3 * HOUR)},
        None, "15m", beside=frozenset({HALF}), runs=6, allowed=1.0,
    )],
    "lag": [
        Trial(
            "a group on three partitions that keeps up, asked each half minute", {}, followed,
            {"one partition is not read": _reading(0.0), "one is read at half the rate": _reading(0.5)},
        )
    ],
    "schema": [Trial(
        "600 records an hour, a field that is null in 3 of 1,000, one that is there in a third", {}, shapes,
        {"a number becomes text in a fifth": changed(0.2, amount="12.50"), "a field is null in a tenth": changed(0.1, id=None),
         "a field is null in all": changed(1.0, id=None), "another type in all": changed(1.0, extra=True)},
        None, "15m", runs=6, allowed=1.0,
    )],
}  # fmt: skip
