"""What users of ksqlDB and Kafka Streams rely on, at the level of windows: one sentence per case.

Read in their public documentation: time windows hold their start and not their end, sessions hold both; a record
is late when stream time has passed what it belongs to by grace; EMIT FINAL tells closed windows, EMIT CHANGES every
update and the sessions that merging took away; records without a key are dropped.
"""

from typing import Any

import pytest

from tests.replaying import config, record, run, told

Rows = list[tuple[float, str | None]]


def lines(window: dict[str, Any], rows: Rows, *, flush: bool = False, **stream: Any) -> Any:
    """Everything that a count per key says; the windows are open at the end, as of a topic."""
    cut = {"by": "k", "compute": {"n": "count(*)"}, **window}
    monitor = {"window": cut, "detect": {"type": "threshold", "when": "n > 99"}}
    placed = {"partitioned_by": "k", "lateness": "0s", **stream}
    return told(run(config({"m": monitor}, **placed), [record(at, key) for at, key in rows], flush=flush))


def final(window: dict[str, Any], rows: Rows) -> list[tuple[Any, ...]]:
    """(key, start, end, count) per closed window, as they closed."""
    found = lines(window, rows)
    return [
        (key, start, end, values["n"])
        for (key, start, end, values), line in zip(
            found.windows(), [line for line in found.lines if line["kind"] == "window"], strict=True
        )
        if "change" not in line
    ]


def changes(window: dict[str, Any], rows: Rows) -> list[tuple[Any, ...]]:
    """(start, end, count) per update and (start, end, None) per tombstone of one key, as they came."""
    found = lines({**window, "emit": "changes"}, rows)
    told_lines = [
        (line["offset"], line["change"] == "updated", start, end, values["n"])
        for (_, start, end, values), line in zip(
            found.windows(), [line for line in found.lines if line["kind"] == "window"], strict=True
        )
        if "change" in line
    ]
    return [(start, end, n if updated else None) for _, updated, start, end, n in sorted(told_lines)]


TUMBLING = {"type": "tumbling", "size": "10s"}
HOPPING = {"type": "hopping", "size": "10s", "advance": "5s"}
SESSION = {"type": "session", "gap": "5s"}


def no_grace(window: dict[str, Any]) -> dict[str, Any]:
    return {**window, "grace": "0s"}


FINAL: list[tuple[str, dict[str, Any], Rows, list[tuple[Any, ...]]]] = [
    ("a tumbling window holds its start and not its end", no_grace(TUMBLING), [(0, "a"), (10, "a"), (20, "a")],
     [("a", 0, 10, 1), ("a", 10, 20, 1)]),
    ("windows begin at multiples of their size since 1970, not at the first record", no_grace(TUMBLING),
     [(7, "a"), (12, "a"), (20, "a")], [("a", 0, 10, 1), ("a", 10, 20, 1)]),
    ("a hopping record counts in each window that covers it", no_grace(HOPPING), [(7, "a"), (20, "a")],
     [("a", 0, 10, 1), ("a", 5, 15, 1)]),
    ("the last window of an idle topic stays open: stream time needs records", no_grace(TUMBLING),
     [(1, "a"), (9, "a")], []),
    ("any key's record moves stream time for all keys of the partition", no_grace(TUMBLING),
     [(1, "a"), (10, "b")], [("a", 0, 10, 1)]),
    ("out of order within the open window counts", no_grace(TUMBLING), [(9, "a"), (1, "a"), (10, "a")],
     [("a", 0, 10, 2)]),
    ("out of order behind a closed window is dropped without grace", no_grace(TUMBLING),
     [(1, "a"), (10, "a"), (9, "a"), (20, "a")], [("a", 0, 10, 1), ("a", 10, 20, 1)]),
    ("with grace it counts until stream time has reached end + grace", {**TUMBLING, "grace": "5s"},
     [(1, "a"), (14.999, "b"), (9, "a"), (15, "b")], [("a", 0, 10, 2)]),
    ("at end + grace it is too late", {**TUMBLING, "grace": "5s"},
     [(1, "a"), (15, "b"), (9, "a")], [("a", 0, 10, 1)]),
    ("grace keeps results back until it is over", {**TUMBLING, "grace": "5s"}, [(1, "a"), (14.999, "b")], []),
    ("a late record of one hopping window still counts in the next", no_grace(HOPPING),
     [(6, "b"), (12, "b"), (7, "a"), (15, "b")], [("b", 0, 10, 1), ("a", 5, 15, 1), ("b", 5, 15, 2)]),
    ("a final result is told once per key and window", no_grace(TUMBLING),
     [(1, "a"), (2, "a"), (11, "a"), (12, "a"), (21, "a")], [("a", 0, 10, 2), ("a", 10, 20, 2)]),
    ("records without a key are dropped, but move stream time", no_grace(TUMBLING),
     [(1, None), (2, "a"), (10, None)], [("a", 0, 10, 1)]),
    ("a session goes from its first to its last record", no_grace(SESSION), [(1, "a"), (4, "a"), (20, "b")],
     [("a", 1, 4, 2)]),
    ("a session of one record starts and ends at it", no_grace(SESSION), [(3, "a"), (20, "b")], [("a", 3, 3, 1)]),
    ("a record exactly one gap later belongs to the session", no_grace(SESSION), [(1, "a"), (6, "a"), (20, "b")],
     [("a", 1, 6, 2)]),
    ("a record more than one gap later begins another", no_grace(SESSION), [(1, "a"), (6.001, "a"), (20, "b")],
     [("a", 1, 1, 1), ("a", 6.001, 6.001, 1)]),
    ("sessions are of one key", no_grace(SESSION), [(1, "a"), (2, "b"), (3, "a"), (20, "c")],
     [("b", 2, 2, 1), ("a", 1, 3, 2)]),
    ("stream time must have passed end + gap", no_grace(SESSION), [(1, "a"), (6, "b")], []),
    ("once it has, the session is over", no_grace(SESSION), [(1, "a"), (6.001, "b")], [("a", 1, 1, 1)]),
    ("with grace it is over after end + gap + grace", {**SESSION, "grace": "3s"}, [(1, "a"), (9, "b")], []),
    ("and then at once", {**SESSION, "grace": "3s"}, [(1, "a"), (9.001, "b")], [("a", 1, 1, 1)]),
    ("a record between two sessions merges them", {**SESSION, "grace": "30s"},
     [(1, "a"), (9, "a"), (5, "a"), (60, "b")], [("a", 1, 9, 3)]),
    ("an earlier record moves the start of its session", {**SESSION, "grace": "30s"},
     [(9, "a"), (5, "a"), (60, "b")], [("a", 5, 9, 2)]),
    ("a record within a session leaves its bounds", no_grace(SESSION), [(1, "a"), (5, "a"), (3, "a"), (20, "b")],
     [("a", 1, 5, 3)]),
    ("a record of a session that is over is late", no_grace(SESSION), [(1, "a"), (7, "b"), (1.5, "a"), (30, "b")],
     [("a", 1, 1, 1), ("b", 7, 7, 1)]),
    ("a record behind all time counts if it extends an open session", no_grace(SESSION),
     [(10, "a"), (14, "a"), (17, "b"), (6, "a"), (30, "b")], [("a", 6, 14, 3), ("b", 17, 17, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "window", "rows", "expected"), FINAL, ids=[row[0] for row in FINAL])
def test_final(sentence: str, window: dict[str, Any], rows: Rows, expected: list[tuple[Any, ...]]):
    assert final(window, rows) == expected


CHANGES: list[tuple[str, dict[str, Any], Rows, list[tuple[Any, ...]]]] = [
    ("each record updates its window", TUMBLING, [(1, "a"), (2, "a"), (11, "a")],
     [(0, 10, 1), (0, 10, 2), (10, 20, 1)]),
    ("a record that is late changes nothing", no_grace(TUMBLING), [(1, "a"), (11, "a"), (2, "a")],
     [(0, 10, 1), (10, 20, 1)]),
    ("an out-of-order record within grace updates the older window", {**TUMBLING, "grace": "10s"},
     [(1, "a"), (11, "a"), (2, "a")], [(0, 10, 1), (10, 20, 1), (0, 10, 2)]),
    ("each record updates all its hopping windows", HOPPING, [(7, "a")], [(0, 10, 1), (5, 15, 1)]),
    ("a session that grows has other bounds: the old row goes, a new one comes", SESSION, [(1, "a"), (4, "a")],
     [(1, 1, 1), (1, 1, None), (1, 4, 2)]),
    ("merging takes both sessions away", {**SESSION, "grace": "30s"}, [(1, "a"), (9, "a"), (5, "a")],
     [(1, 1, 1), (9, 9, 1), (1, 1, None), (9, 9, None), (1, 9, 3)]),
    ("a record within a session updates its row", SESSION, [(1, "a"), (5, "a"), (3, "a")],
     [(1, 1, 1), (1, 1, None), (1, 5, 2), (1, 5, 3)]),
    ("two records of one moment update one row", SESSION, [(1, "a"), (1, "a")], [(1, 1, 1), (1, 1, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "window", "rows", "expected"), CHANGES, ids=[row[0] for row in CHANGES])
def test_changes(sentence: str, window: dict[str, Any], rows: Rows, expected: list[tuple[Any, ...]]):
    assert changes(window, rows) == expected


def test_late_records_are_counted():
    found = lines(no_grace(SESSION), [(1, "a"), (7, "b"), (1.5, "a")])
    assert found.late() == [(0, 2, 1.5)]


def test_a_missing_key_column_is_not_a_group():
    assert {key for key, *_ in lines(TUMBLING, [(1, None), (2, "a")], flush=True).windows()} == {"a"}


def test_ours_a_session_that_was_told_as_final_is_not_taken_up_again():
    """In Kafka Streams a record between a closed session and an open one would merge both and tell them again."""
    rows: Rows = [(1, "a"), (10, "a"), (5.5, "a"), (30, "b")]
    assert final(no_grace(SESSION), rows) == [("a", 1, 1, 1), ("a", 5.5, 10, 2)]
