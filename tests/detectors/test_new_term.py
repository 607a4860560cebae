"""`new_term` as a truth table: what is seen for the first time, what is remembered, and what it costs."""

from typing import Any

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError
from streamgauge.kernels import jit
from streamgauge.kernels import terms as kernels
from streamgauge.testing import judge
from tests.replaying import config, record, run, told

LEARNED = {"learn_for": "10s", "forget_after": "100s", "max_terms": 3}
ROWS = [
    ("while it learns it says so", [0, 9], ["a", "b"], {}, ["0.0 learning", "9.0 learning"]),
    ("a value seen before says nothing", [0, 20], ["a", "a"], {}, []),
    ("a new one after learning is told", [0, 10], ["a", "b"], {}, ["10.0 critical"]),
    ("once", [0, 10, 11], ["a", "b", "b"], {}, ["10.0 critical"]),
    ("without learning the first is told", [0], ["a"], {"learn_for": "0s"}, ["0.0 critical"]),
    ("a missing value is none", [0, 20], ["a", None], {}, []),
    ("all missing says nothing", [0, 20], [None, None], {}, []),
    ("nor does a missing one begin the learning", [0, 20], [None, "a"], {}, ["20.0 learning"]),
    ("a value unseen for long is new again", [0, 101], ["a", "a"], {}, ["101.0 critical"]),
    ("one seen in between is not", [0, 60, 120], ["a", "a", "a"], {}, []),
    ("beyond the limit the longest unseen is forgotten", [0, 1, 2, 20, 21], ["a", "b", "c", "d", "a"], {},
     ["20.0 critical", "21.0 critical"]),
    ("and not what was seen again", [0, 1, 2, 19, 20, 21], ["a", "b", "c", "a", "d", "a"], {}, ["20.0 critical"]),
    ("integers are categories", [0, 20], [3.0, 4.0], {}, ["20.0 critical"]),
    ("a constant series says nothing", [0, 20, 40, 60], [3.0] * 4, {}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "times", "values", "detect", "expected"), ROWS, ids=[row[0] for row in ROWS]
)
def test_terms(
    sentence: str, times: list[float], values: list[Any], detect: dict[str, Any], expected: list[str]
):
    found = judge("new_term", {"of": "f", **LEARNED, **detect}, times=times, values={"f": values})
    learning = any("learning" in line for line in expected)
    assert [line for line in found if learning or "learning" not in line] == (
        ["0.0 learning", *expected[1:]] if learning and times[0] == 0 and values[0] else expected
    )


def test_each_key_learns_its_own():
    rows = [record(0, "a", w="x"), record(0, "b", w="y"), record(20, "a", w="y"), record(20, "b", w="y")]
    monitor = {"detect": {"type": "new_term", "of": "w", "by": "k", "learn_for": "10s"}}
    lines = run(config({"m": monitor}), rows, flush=False).lines
    assert told_incidents(lines) == ["m of a: w = y; expected w seen before"]
    assert next(line for line in lines if line["kind"] == "incident")["evidence"] == {"known_terms": 1}


def told_incidents(lines: Any) -> list[str]:
    return [line["title"] for line in lines if line["kind"] == "incident"]


def test_a_key_beyond_its_limit_says_so():
    rows = [record(i, w=f"w{i}") for i in range(4)]
    monitor = {"detect": {"type": "new_term", "of": "w", "learn_for": "1s", "max_terms": 3}}
    verdicts = [
        line for line in run(config({"m": monitor}), rows, flush=False).lines if line["kind"] == "verdict"
    ]
    assert [line["evidence"].get("limit_reached") for line in verdicts] == [None, None, None, True]


def test_a_forgotten_key_gives_its_room_back():
    module = plugins.module("detectors", "new_term")
    detector = module.build(module.Config(of="w"), Context("m", {"w": "string"}, windowed=False))
    state = detector.initial()
    state.make_room(2)
    taken(state, [0, 0, 1], [5, 6, 5])
    detector.drop(state, np.array([0], np.int32))
    assert state.terms.since[0] == kernels.UNSEEN
    assert state.terms.known[:2].tolist() == [0, 1]
    taken(state, [0, 0], [7, 8])
    assert int(state.terms.counts[kernels.USED]) == 3, "the room of what was forgotten is used again"


def taken(state: Any, slots: list[int], hashes: list[int]) -> None:
    n = len(slots)
    out, told_ = np.empty((n, 3), np.int64), np.zeros(1, np.int64)
    args = (np.arange(n), np.array(slots, np.int32), np.zeros(n, np.int64), np.array(hashes, np.int64))
    limits = np.array([10, 10, 100], np.int64)
    assert kernels.take_in(0, *args, state.terms, limits, out, told_) == n


def test_a_million_keys_with_one_record_each_stay_bounded():
    """At the state: 36 bytes per value and 32 per key, as the lesson says (with room to grow)."""
    module = plugins.module("detectors", "new_term")
    state = module.TermState()
    n = 1_000_000
    state.make_room(n)
    state.more_terms(n)
    rows = np.arange(n)
    slots, hashes = rows.astype(np.int32), rows * 2_654_435_761
    out, told_ = np.empty((n, 3), np.int64), np.zeros(1, np.int64)
    with jit.running(compiled=True):
        done = kernels.take_in(
            0, rows, slots, rows, hashes, state.terms, np.array([10, 10, 100], np.int64), out, told_
        )
    assert (done, int(told_[0])) == (n, n)
    held = sum(column.nbytes for column in [*state.terms, state.last, state.counts])
    assert held < 90 * n
    saved = sum(c.nbytes for table in state.tables().values() for c in table.values())
    assert saved < 60 * n


def test_an_unknown_field_is_refused():
    with pytest.raises(ConfigError, match="of: unknown field `ww`"):
        config({"m": {"detect": {"type": "new_term", "of": ["w", "ww"]}}})
    assert told(run(config({"m": {"detect": {"type": "new_term", "of": "w"}}}), [])).incidents() == []
