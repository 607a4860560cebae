"""A replay is byte-identical wherever batches end, wherever the source cuts, compiled or plain."""

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.replaying import config, run, text
from tests.thorough import THOROUGH

COMPUTE = {
    "events": "count(*)",
    "spent": "sum(pos)",
    "mean": "avg(v)",
    "spread": "stddev(v)",
    "who": "distinct(w)",
}
MONITORS: dict[str, Any] = {
    "aligned": {
        "window": {"type": "tumbling", "size": "5s", "by": "k", "compute": COMPUTE},
        "detect": {"type": "threshold", "when": "events > 1 or spent > 3"},
    },
    "hopping": {
        "window": {"type": "hopping", "size": "7s", "advance": "2s", "by": "w", "compute": COMPUTE},
        "detect": {"type": "threshold", "when": "mean > 1", "clear_when": "mean < 0"},
    },
    "everyone": {
        "window": {"type": "tumbling", "size": "4s", "compute": COMPUTE},
        "detect": {"type": "threshold", "when": "events > 1"},
    },
    "only_some": {
        "where": "v > 0",
        "window": {"type": "tumbling", "size": "3s", "by": "w", "compute": COMPUTE},
        "detect": {"type": "threshold", "when": "events > 1"},
    },
    "absent": {
        "window": {"type": "tumbling", "size": "5s", "by": "k", "compute": COMPUTE, "include_empty": True},
        "detect": {"type": "threshold", "when": "events = 0"},
        "for": "6s",
    },
    "counted": {
        "window": {"type": "count", "size": 3, "every": 2, "min": 2, "by": "w", "compute": {
            "a": "first(w)", "b": "last(n)", "mean": "avg(v)"}},
        "detect": {"type": "threshold", "when": "mean > 0"},
    },
    "sorted": {
        "window": {"type": "count", "size": 3, "every": 1, "compute": {"a": "first(k)", "b": "last(n)", "n": "count(v)"}},
        "detect": {"type": "threshold", "when": "n > 2"},
        "order": "time",
    },
    "ordered": {
        "window": {"type": "tumbling", "size": "5s", "by": "w", "compute": {"a": "first(k)", "b": "last(k)", "n": "count(*)"}},
        "detect": {"type": "threshold", "when": "n > 1"},
        "order": "time",
    },
    "totals": {
        "window": {"type": "running", "every": "5s", "by": "w", "compute": {"n": "count(*)", "b": "last(w)"}},
        "detect": {"type": "threshold", "when": "n > 2"},
    },
    "visits": {
        "window": {"type": "session", "gap": "1s", "by": "k", "emit": "changes", "compute": {
            **COMPUTE, "a": "first(w)", "b": "last(n)"}},
        "detect": {"type": "threshold", "when": "events > 1 or spent > 3"},
    },
    "spanning_visits": {
        "window": {"type": "session", "gap": "800ms", "by": "w", "grace": "3s", "compute": COMPUTE},
        "detect": {"type": "threshold", "when": "events > 2 or who > 1"},
        "for": "2s",
    },
    "graceful": {
        "window": {"type": "tumbling", "size": "5s", "by": "w", "grace": "4s", "emit": "changes", "compute": COMPUTE},
        "detect": {"type": "threshold", "when": "events > 1"},
    },
    "strict": {
        "window": {"type": "hopping", "size": "6s", "advance": "3s", "by": "k", "grace": "0s", "early": False},
        "detect": {"type": "threshold", "when": "count > 1"},
    },
    "quiet": {"detect": {"type": "silence", "by": "k", "after": "4s"}},
    "quiet_words": {"where": "v > -5", "detect": {"type": "silence", "by": "w", "after": "6s"}, "for": "3s"},
    "quiet_all": {"detect": {"type": "silence", "after": "5s"}},
    "large": {"detect": {"type": "threshold", "when": "v > 3"}},
    "bad": {
        "stream": "streamgauge.dead_letters",
        "window": {"type": "tumbling", "size": "3s", "compute": {"n": "count(*)"}},
        "detect": {"type": "threshold", "when": "n > 0"},
    },
    "late": {
        "stream": "streamgauge.late",
        "window": {"type": "tumbling", "size": "4s", "by": "monitor", "compute": {"n": "count(*)"}},
        "detect": {"type": "threshold", "when": "n > 1"},
    },
}  # fmt: skip
CONFIGURED = config(MONITORS, lateness="2s", partitioned_by="k")

QUICK = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)

PLAIN = st.fixed_dictionaries(
    {
        "at": st.sampled_from([0, 0, 0, 300_000, 2_500_000, 7_000_000]),
        "k": st.sampled_from(["a", "b", "c", None]),
        "v": st.one_of(st.none(), st.sampled_from([-7.5, 0.1, 0.2, 0.3, 5.0])),
        "n": st.one_of(st.none(), st.integers(0, 5)),
        "w": st.sampled_from(["x", "y", None]),
        "pos": st.sampled_from([None, 0.1, 1.7, 2.9]),
    }
)
NUMBERED = st.tuples(
    st.one_of(PLAIN, PLAIN, PLAIN, st.just(b"{broken")),
    st.integers(0, 2),
    st.sampled_from([0, 100, 800, 5_000]),
)


def placed(drawn: list[tuple[Any, int, int]]) -> dict[int, list[Any]]:
    """Records that have a key go to its partition, the others anywhere; ``at`` says how far one lies back."""
    parts: dict[int, list[Any]] = {0: [], 1: [], 2: []}
    now = 0
    for drawn_row, number, gap in drawn:
        now += gap * 1_000
        row = {**drawn_row, "at": now - drawn_row["at"]} if isinstance(drawn_row, dict) else drawn_row
        key = row["k"] if isinstance(row, dict) else None
        parts[number if key is None else "abc".index(key)].append(row)
    return parts


STREAMS = st.one_of(st.lists(NUMBERED, max_size=45), st.lists(NUMBERED, min_size=20, max_size=45)).map(placed)


@given(
    records=STREAMS,
    size=st.integers(1, 30),
    cuts=st.dictionaries(st.integers(0, 2), st.lists(st.integers(1, 24), max_size=6)),
)
@settings(max_examples=40, deadline=None, phases=QUICK)
def test_any_split_gives_the_same_bytes(records: dict[int, list[Any]], size: int, cuts: dict[int, list[int]]):
    whole = text(run(CONFIGURED, records))
    assert text(run(CONFIGURED, records, batch_size=size, cuts=cuts)) == whole
    assert text(run(CONFIGURED, records, batch_size=1)) == whole


@given(records=STREAMS, cuts=st.dictionaries(st.integers(0, 2), st.lists(st.integers(1, 24), max_size=6)))
@settings(max_examples=15, deadline=None, phases=QUICK)
def test_any_split_gives_the_same_bytes_without_the_flush(
    records: dict[int, list[Any]], cuts: dict[int, list[int]]
):
    whole = text(run(CONFIGURED, records, flush=False))
    assert text(run(CONFIGURED, records, batch_size=3, cuts=cuts, flush=False)) == whole


def long_stream(n: int) -> dict[int, list[Any]]:
    """Three partitions, a little out of order, with some records that cannot be read."""
    parts: dict[int, list[Any]] = {0: [], 1: [], 2: []}
    for i in range(n):
        at = i * 40_000 + (i * 7919 % 97) * 30_000
        row = {"at": at, "k": "abcde"[i * 31 % 5], "v": (i * 37 % 101) / 7 - 7, "n": i % 11, "w": "xyz"[i % 3],
               "pos": (i * 13 % 29) / 10}  # fmt: skip
        parts["abcde".index(str(row["k"])) % 3].append(b"[1]" if i % 53 == 0 else row)
    return parts


@pytest.fixture(scope="module")
def whole() -> tuple[dict[int, list[Any]], list[str]]:
    """A long stream, and what is said of it in one piece."""
    records = long_stream(600 if THOROUGH else 200)
    return records, text(run(CONFIGURED, records))


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_batch_sizes_that_are_promised(size: int, whole: tuple[dict[int, list[Any]], list[str]]):
    records, said = whole
    assert text(run(CONFIGURED, records, batch_size=size)) == said


def test_samples_do_not_depend_on_how_far_back_a_batch_reaches():
    """A key that is silent while thousands of others speak: its last record is shown, or not, whatever the split."""
    quiet = config({"m": {"detect": {"type": "silence", "by": "k", "after": "1s"}}})
    rows = [{"at": 0, "k": "gone", "v": 1.0}] + [
        {"at": 100 * i, "k": f"k{i % 50}", "v": 2.0} for i in range(1, 12_000)
    ]
    assert text(run(quiet, rows, batch_size=500)) == text(run(quiet, rows))
