"""Rules that fit a sample: each with a limit from what it holds, tried over it, and what is expected in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from streamgauge.clock import SECOND, format_duration, to_micros
from streamgauge.profiling import limits, timing, trial
from streamgauge.profiling.fields import Field, Fields
from streamgauge.profiling.keys import Keys, is_outcome

if TYPE_CHECKING:
    from streamgauge.profiling.sample import Sample
    from streamgauge.profiling.timing import Timing
    from streamgauge.profiling.trial import Trial

_BAD = re.compile(
    r"(?i)^(.*(fail|error|refus|declin|denied|deny|reject|timed?.?out|invalid|unauthor|abort|critical|fatal).*|ko|nok)$"
)
_SIZES = tuple(timedelta(seconds=s) for s in (5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 86400))
_FILLED = 50
"""So many records a window should hold."""
_FEWEST = 5
"""So many windows the sample should span."""
_OFTEN = 20
"""A value must come so often before its silence means anything."""
_LEAST_SILENCE = timedelta(seconds=10)
_LATER = 3
"""A silence is so many times the longest gap seen."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One monitor: its name, its declaration as plain data, and what was seen and is expected."""

    name: str
    monitor: dict[str, Any]
    words: tuple[str, ...]
    incidents: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is known of the sample."""

    sample: Sample
    fields: Fields
    timing: Timing
    keys: Keys


def propose(findings: Findings, trying: Trial) -> list[Proposal]:
    """Rules for a sample, tried over it all together; those that would have spoken too often are left out."""
    size = window_size(findings.timing, findings.sample.records)
    drafts = [
        *_crowds(findings, trying, size),
        *_outcomes(findings, trying, size),
        *_silences(findings),
        _unreadable(findings.sample),
    ]
    replayed = trying.run({draft.name: draft.monitor for draft in drafts})
    counts = trial.told(replayed)
    kept = []
    for draft in drafts:
        count = counts[draft.name]
        if count <= limits.ALLOWED:
            said = _expected(count, trial.first_told(replayed, draft.name))
            kept.append(replace(draft, words=(*draft.words, said), incidents=count))
    return kept


def window_size(found: Timing, records: int) -> timedelta:
    """The shortest window that usually holds enough records, and of which the sample spans several."""
    span = max(found.last - found.first, SECOND)
    enough = [size for size in _SIZES if records * to_micros(size) / span >= _FILLED]
    several = [size for size in _SIZES if span / to_micros(size) >= _FEWEST]
    wanted = enough[0] if enough else _SIZES[-1]
    return min(wanted, several[-1]) if several else _SIZES[0]


def _crowds(findings: Findings, trying: Trial, size: timedelta) -> Iterator[Proposal]:
    """Too many records, or too much of something, of one key."""
    key, much = findings.keys.field, _amount(findings.fields)
    compute = {"events": "count(*)"}
    if much is not None:
        compute["total"] = f"sum({much.name})"
    window: dict[str, Any] = {"type": "tumbling", "size": format_duration(size), "compute": compute}
    if key is not None:
        window = {"type": "tumbling", "size": format_duration(size), "by": key.name, "compute": compute}
    results = trying.windows(window)
    whose = f"One {key.name}" if key is not None else "The stream"
    for column, what, name in (
        ("events", "records", "burst"),
        ("total", f"of {much.name if much else ''}", "much"),
    ):
        values = trial.column(results, column) if column in compute else []
        if not values or max(values) <= 0:
            continue
        limit = limits.above(values)
        words = f"{len(values):,} windows in the sample; 99.9 % hold at most {limit.usual:,.6g}, the largest {limit.most:,.6g}."
        described = f"{whose} brings more than {limit.at:,.12g} {what} within {format_duration(size)}."
        yield Proposal(
            name,
            {
                "description": described,
                "stream": findings.sample.name,
                "window": window,
                "detect": {"type": "threshold", "when": f"{column} > {limit.at:.12g}"},
            },
            (words,),
        )


def _amount(fields: Fields) -> Field | None:
    """The number whose sum is worth watching: never negative, and different from record to record."""
    fitting = [one for one in fields.found if one.min is not None and one.distinct > 2 and one.filled > 0.5]
    return max(fitting, key=lambda one: (one.type == "float", one.distinct), default=None)


def _outcomes(findings: Findings, trying: Trial, size: timedelta) -> Iterator[Proposal]:
    """The share of records that ended badly."""
    for one in findings.fields.found:
        condition = _bad(one, findings.sample)
        if condition is None:
            continue
        compute = {"events": "count(*)", "bad": f"count(case when {condition} then 1 end)"}
        window = {"type": "tumbling", "size": format_duration(size), "compute": compute}
        results = trying.windows(window)
        least = _enough(trial.column(results, "events"))
        judged = [result for result in results if result["events"] > least]
        limit = (
            limits.share_above(trial.column(judged, "bad"), trial.column(judged, "events"))
            if judged
            else None
        )
        if limit is None:
            continue
        share = f"{100 * limit.at:g} %"
        yield Proposal(
            f"bad-{one.name.replace('_', '-')}",
            {
                "description": f"More than {share} of the records of {format_duration(size)} have {condition}.",
                "stream": findings.sample.name,
                "window": window,
                "detect": {"type": "threshold", "when": f"bad > {limit.at:g} * events and events > {least}"},
            },
            (f"Usual are {100 * limit.usual:.2g} %, the worst window had {100 * limit.most:.2g} %.",),
        )
        return


def _enough(counts: list[float]) -> int:
    """How many records a window must hold before a share of them means anything: a tenth of the usual, rounded."""
    usual = sorted(counts)[len(counts) // 2] if counts else 0
    return max(10, int(float(f"{usual / 10:.1g}")))


def _bad(one: Field, sample: Sample) -> str | None:
    """The condition under which a record ended badly; None where nothing of the sort shows."""
    if not is_outcome(one) or one.mask:
        return None
    values = {row.values.get(one.steps) for row in sample.rows}
    if one.type == "int":
        numbers = [int(value) for value in values if value not in (None, "")]
        http = bool(numbers) and all(100 <= number < 600 for number in numbers)
        return f"{one.name} >= 500" if http else None
    bad = sorted(str(value) for value in values if isinstance(value, str) and _BAD.match(value))
    if one.type != "string" or not bad or len(values) > 30:
        return None
    quoted = ["'" + value.replace("'", "''") + "'" for value in bad[:5]]
    return f"{one.name} = {quoted[0]}" if len(quoted) == 1 else f"{one.name} in ({', '.join(quoted)})"


def _silences(findings: Findings) -> Iterator[Proposal]:
    """The stream as a whole, and each of the few values that should always speak."""
    sample, few = findings.sample, findings.keys.kind_of
    span = findings.timing.last - findings.timing.first
    times = findings.timing.times
    longest = _longest_gap(sorted(times.values()))
    after = timing.sensible(_LATER * longest, least=_LEAST_SILENCE)
    yield Proposal(
        "quiet",
        {
            "description": f"Nothing has come for {format_duration(after)}.",
            "stream": sample.name,
            "detect": {"type": "silence", "after": format_duration(after)},
        },
        (f"The longest gap in the sample was {_seconds(longest)}.",),
    )
    if few is None:
        return
    gaps = _gaps_of(findings, few)
    if len(gaps) < 2:
        return
    usual = sorted(gaps.values())[int(0.9 * (len(gaps) - 1))]
    after = timing.sensible(_LATER * usual, least=timedelta(seconds=5))
    if to_micros(after) * 2 > span:
        return
    yield Proposal(
        f"quiet-{few.name.replace('_', '-')}",
        {
            "description": f"A {few.name} that used to speak has said nothing for {format_duration(after)}.",
            "stream": sample.name,
            "detect": {"type": "silence", "by": few.name, "after": format_duration(after)},
        },
        (f"{len(gaps)} of them in the sample; 9 of 10 were never quiet for longer than {_seconds(usual)}.",),
    )


def _gaps_of(findings: Findings, few: Field) -> dict[str, int]:
    """The longest gap of each value that comes often enough."""
    seen: dict[str, list[int]] = {}
    for row in findings.sample.rows:
        value, at = row.values.get(few.steps), findings.timing.times.get((row.partition, row.offset))
        if value is not None and at is not None:
            seen.setdefault(str(value), []).append(at)
    return {value: _longest_gap(sorted(times)) for value, times in seen.items() if len(times) >= _OFTEN}


def _longest_gap(times: list[int]) -> int:
    return max((later - earlier for earlier, later in pairwise(times)), default=0)


def _unreadable(sample: Sample) -> Proposal:
    return Proposal(
        "unreadable",
        {
            "description": "More than 10 records of a minute cannot be read.",
            "stream": "streamgauge.dead_letters",
            "where": f"stream = '{sample.name}'",
            "window": {"type": "tumbling", "size": "1m"},
            "detect": {"type": "threshold", "when": "count > 10", "severity": "warning"},
        },
        (),
    )


def _expected(count: int, first: str | None) -> str:
    if not count:
        return "It would not have spoken in the sample."
    times = "once" if count == 1 else f"{count} times"
    return f"It would have spoken {times} in the sample ({'first ' if count > 1 else ''}{first})."


def _seconds(micros: int) -> str:
    """For people.

    >>> _seconds(3_542_000_000), _seconds(26_000)
    ('3,542 s', '0.026 s')
    """
    seconds = micros / SECOND
    return f"{seconds:,.3g} s" if seconds < 100 else f"{seconds:,.0f} s"
