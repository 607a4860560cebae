"""Count and running windows, and `order: time`, against the slow way, on random streams."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replaying import S, config, run
from tests.windows.oracle import Row, merged

MS = 1_000
rows = st.tuples(
    st.one_of(st.integers(0, 500), st.integers(0, 7_000)),
    st.sampled_from([0, 0, 0, 700, 2_900, 9_000]),
    st.sampled_from(["a", "b", None]),
    st.one_of(st.none(), st.sampled_from([0.1, 0.2, -3.0]), st.floats(-1e6, 1e6)),
    st.sampled_from(["x", "y", None]),
    st.integers(0, 2),
)
drawings = st.one_of(st.lists(rows, max_size=40), st.lists(rows, min_size=15, max_size=40))
quick = settings(max_examples=50, deadline=None)


def streams(drawn: Sequence[Any]) -> dict[int, list[Row]]:
    """The drawn records in their partitions, whatever their key."""
    parts: dict[int, list[Row]] = {0: [], 1: [], 2: []}
    now = 0
    for gap, back, key, value, word, part in drawn:
        now += gap
        parts[part].append(Row(part, len(parts[part]), (now - back) * MS, key, value, word))
    return parts


def found(monitor: dict[str, Any], parts: dict[int, list[Row]], batch: int, lateness: int) -> list[Any]:
    records = {
        part: [{"at": r.at, "k": r.key, "v": r.value, "w": r.word} for r in mine]
        for part, mine in parts.items()
    }
    configured = config(
        {"m": {**monitor, "detect": {"type": "threshold", "when": "n > 99"}}}, lateness=f"{lateness}s"
    )
    lines = [line for line in run(configured, records, batch_size=batch).lines if line["kind"] == "window"]
    return [(line["key"], line["at"], line["values"]) for line in lines]


def by_time(parts: dict[int, list[Row]], lateness: int) -> list[Row]:
    """As `order: time` hands records on: when the watermark has passed them, by time, partition and offset."""
    held: list[Row] = []
    gone: list[Row] = []
    largest = None
    for row in merged(parts):
        largest = row.at if largest is None else max(largest, row.at)
        if row.key is not None:
            held.append(row)
        ready = sorted((r for r in held if r.at < largest - lateness), key=lambda r: (r.at, r.part, r.offset))
        gone += ready
        held = [r for r in held if r not in ready]
    return gone + sorted(held, key=lambda r: (r.at, r.part, r.offset))


COUNT = {"n": "count(*)", "known": "count(v)", "s": "sum(v)", "low": "min(v)", "old": "first(w)", "new": "last(w)",
         "kinds": "distinct(w)"}  # fmt: skip


def counted(records: Sequence[Row], size: int, every: int, least: int) -> list[Any]:
    """The last ``size`` records of each key at every ``every``-th one."""
    from streamgauge.clock import iso

    rings: defaultdict[Any, list[Row]] = defaultdict(list)
    reports = []
    for row in records:
        if row.key is None:
            continue
        ring = rings[row.key]
        ring.append(row)
        if len(ring) % every or min(len(ring), size) < least:
            continue
        last = ring[-size:]
        values = [r.value for r in last if r.value is not None]
        words = [r.word for r in last if r.word is not None]
        total = 0.0
        for value in values:
            total += value
        reports.append(
            (row.key, iso(row.at), {
                "n": len(last), "known": len(values), "s": total, "low": min(values, default=None),
                "old": words[0] if words else None, "new": words[-1] if words else None, "kinds": len(set(words)),
            })
        )  # fmt: skip
    return reports


def listed(reports: list[Any]) -> list[Any]:
    return sorted(reports, key=repr)


@given(
    drawings,
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([1, 5, 1000]),
    st.booleans(),
)
@quick
def test_count_windows(drawn: Sequence[Any], size: int, every: int, least: int, batch: int, sort: bool):
    every, least = min(every, size), min(least, size)
    window = {"type": "count", "size": size, "every": every, "min": least, "by": "k", "compute": COUNT}
    parts = streams(drawn)
    monitor = {"window": window, **({"order": "time"} if sort else {})}
    ordered = by_time(parts, 3 * S) if sort else merged(parts)
    assert listed(found(monitor, parts, batch, 3)) == listed(counted(ordered, size, every, least))


@given(drawings, st.sampled_from([4, 7]), st.sampled_from([0, 3]), st.sampled_from([1, 5, 1000]))
@quick
def test_first_and_last_in_the_order_of_time(drawn: Sequence[Any], size: int, lateness: int, batch: int):
    """A record that is not late has its place by event time, whichever partition it came through."""
    window = {
        "type": "tumbling",
        "size": f"{size}s",
        "by": "k",
        "compute": {"n": "count(*)", "old": "first(w)", "new": "last(w)"},
    }
    parts = streams(drawn)
    windows: defaultdict[tuple[Any, int], list[Row]] = defaultdict(list)
    largest: dict[int, int] = {}
    late = set()
    for row in merged(parts):
        before = largest.get(row.part)
        end = row.at // (size * S) * size * S + size * S
        if before is not None and end <= before - lateness * S:
            late.add((row.part, row.offset))
        largest[row.part] = max(row.at, before if before is not None else row.at)
    for row in by_time(parts, lateness * S):
        if (row.part, row.offset) not in late:
            windows[row.key, row.at // (size * S)].append(row)
    expected = []
    for (key, number), mine in windows.items():
        from streamgauge.clock import iso

        words = [r.word for r in mine if r.word is not None]
        values = {"n": len(mine), "old": words[0] if words else None, "new": words[-1] if words else None}
        expected.append((key, iso((number + 1) * size * S), values))
    lines = found({"window": window, "order": "time"}, parts, batch, lateness)
    assert listed(lines) == listed(expected)


@given(drawings, st.sampled_from([4, 7]), st.sampled_from([0, 3]), st.sampled_from([1, 5, 1000]))
@quick
def test_running_totals(drawn: Sequence[Any], every: int, lateness: int, batch: int):
    """Every stretch that had records reports all that came so far and was not late."""
    from streamgauge.clock import iso

    window = {
        "type": "running",
        "every": f"{every}s",
        "by": "k",
        "compute": {"n": "count(*)", "low": "min(v)", "high": "max(v)"},
    }
    parts = streams(drawn)
    stretches: defaultdict[tuple[int, Any], list[Row]] = defaultdict(list)
    largest: dict[int, int] = {}
    for row in merged(parts):
        before = largest.get(row.part)
        end = (row.at // (every * S) + 1) * every * S
        if row.key is not None and (before is None or end > before - lateness * S):
            stretches[end, row.key].append(row)
        largest[row.part] = max(row.at, before if before is not None else row.at)
    totals: defaultdict[Any, list[Row]] = defaultdict(list)
    expected = []
    for (end, key), mine in sorted(stretches.items(), key=lambda item: (item[0][0], str(item[0][1]))):
        totals[key] += mine
        values = [r.value for r in totals[key] if r.value is not None]
        answer = {"n": len(totals[key]), "low": min(values, default=None), "high": max(values, default=None)}
        expected.append((key, iso(end), answer))
    assert listed(found({"window": window}, parts, batch, lateness)) == listed(expected)
