"""Silence as a truth table: gaps in event time, judged at the watermark with the backlog read first."""

from typing import Any

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError
from streamgauge.keys import KeySlots
from streamgauge.testing import judge
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults
from tests.replaying import config, record, run, told

S = 1_000_000

GAPS = [
    ("a gap longer than after opens at its end and ends with the next record",
     [0, 10, 55, 60], "0s", ["40.0 critical", "55.0 ok"]),
    ("a gap of exactly after is none", [0, 30, 60], "0s", []),
    ("a shorter one does not", [0, 29.999, 59.9], "0s", []),
    ("one incident per gap", [0, 31, 62], "0s", ["30.0 critical", "31.0 ok", "61.0 critical", "62.0 ok"]),
    ("it is judged at the watermark, not before", [0, 35], "10s", []),
    ("once the watermark has passed it is", [0, 40.001], "10s", ["30.0 critical", "40.001 ok"]),
    ("a record out of order fills the gap", [0, 35, 20, 46], "10s", []),
    ("a record out of order fills it only as far as it reaches", [0, 38, 5, 60], "10s",
     ["35.0 critical", "38.0 ok"]),
    ("several out of order bridge it in any order", [0, 70, 62, 25, 50, 90], "45s", []),
    ("a record beyond a gap is no news for what lies before it", [0, 100, 99, 200], "0s",
     ["30.0 critical", "100.0 ok", "130.0 critical", "200.0 ok"]),
    ("a late record from within the gap is the key's next record", [0, 31, 10, 32], "0s",
     ["30.0 critical", "31.0 ok"]),
    ("one that is too late to matter is passed over", [100, 10, 120], "0s", []),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "times", "lateness", "expected"), GAPS, ids=[row[0] for row in GAPS])
def test_gaps(sentence: str, times: list[float], lateness: str, expected: list[str]):
    assert judge("silence", {"after": "30s"}, times=times, lateness=lateness) == expected


def silence(rows: list[dict[str, Any]], *, flush: bool = False, **detect: Any) -> list[Any]:
    monitor = {"detect": {"type": "silence", "by": "k", "after": "30s", **detect}}
    return told(run(config({"m": monitor}), rows, flush=flush)).incidents()


def test_who_speaks_at_the_very_end_of_after_was_not_silent_whoever_spoke_first():
    assert silence([record(0, "a"), record(30, "b"), record(30, "a"), record(60, "b"), record(60, "a")]) == []


def test_each_key_has_gaps_of_its_own():
    rows = [
        record(0, "a"),
        record(0, "b"),
        record(20, "b"),
        record(40, "b"),
        record(50, "a"),
        record(60, "b"),
    ]
    assert silence(rows) == [(30, "firing", None, "a"), (50, "resolved", "recovered", "a")]


def test_a_key_counts_from_its_first_record():
    assert silence([record(t, "b") for t in range(0, 100, 10)]) == []


def test_the_backlog_is_read_first():
    """What was read late but said in time is no silence: only event time counts."""
    rows = [record(t, k) for t in range(0, 600, 10) for k in ("a", "b")]
    assert silence(rows) == []


def test_a_key_that_never_comes_back_is_forgotten_which_is_no_recovery():
    rows = [record(0, "a"), *[record(t, "b") for t in range(0, 200, 10)]]
    assert silence(rows, forget="60s") == [(30, "firing", None, "a"), (60, "resolved", "forgotten", "a")]


def test_after_being_forgotten_it_is_a_new_key():
    rows = [record(0, "a"), *[record(t, "b") for t in range(0, 100, 10)], record(100, "a"),
            *[record(t, "b") for t in range(100, 150, 10)]]  # fmt: skip
    assert silence(rows, forget="60s")[2:] == [(130, "firing", None, "a")]


def test_what_it_saw():
    monitor = {"detect": {"type": "silence", "by": "k", "after": "30s", "severity": "warning"}}
    rows = [record(3.5, "a"), record(40, "a")]
    first, second = (line for line in run(config({"m": monitor}), rows).lines if line["kind"] == "incident")
    assert first["observed"] == {"silent_seconds": 30.0, "last_seen": "1970-01-01T00:00:03.500Z"}
    assert (first["severity"], first["expected"]) == ("warning", "a record at least every 30s")
    assert second["evidence"]["on_resolve"]["silent_seconds"] == 36.5
    assert [sample["at"] for sample in first["samples"]] == ["1970-01-01T00:00:03.500Z"]


def test_a_thousand_keys_at_once():
    rows = [record(0, f"k{i}") for i in range(3_000)] + [record(40, "alive")]
    found = silence(rows)
    assert len(found) == 3_000
    assert {(at, status) for at, status, _, _ in found} == {(30, "firing")}


def test_waiting_stretches_take_room_as_they_need_it():
    rows = [record(0, "a"), *[record(1_000 + 40 * i, "a") for i in range(300, 0, -1)], record(99_999, "a")]
    monitor = {"detect": {"type": "silence", "by": "k", "after": "30s"}}
    lines = told(run(config({"m": monitor}, lateness="25h"), rows, flush=True)).incidents()
    assert len([line for line in lines if line[1] == "firing"]) == 301


# a stream that never speaks


def nothing(keys: KeySlots, unheard: tuple[int, int] | None, *times: float) -> WindowResults:
    at = np.array([round(t * S) for t in times], np.int64)
    none = np.zeros(len(at), np.bool_)
    marks = np.concatenate(([-(2**60)], at, at[-1:])) if len(at) else np.array([-(2**60)] * 2)
    return WindowResults(
        keys, keys.whole(len(at)) if len(at) else np.empty(0, np.int32), at, at, at, np.arange(len(at)), none, none,
        {}, {}, np.arange(len(at)) + 1, int(marks[-1]), np.arange(len(at)), before=marks[: len(at)],
        closing=marks[: len(at)], marks=marks, unheard=unheard,
    )  # fmt: skip


def answers(verdicts: Verdicts) -> list[tuple[float, str]]:
    return [(v.at / S, v.severity.label) for v in verdicts.all_rows()]


def test_without_by_a_stream_that_never_speaks_is_told_by_the_wall_clock():
    module = plugins.module("detectors", "silence")
    detector = module.build(module.Config(after="30s"), Context("m", {}, windowed=False))
    state, keys = detector.initial(), KeySlots()
    assert answers(detector.step(state, nothing(keys, (29 * S, 1_000 * S)))) == []
    assert answers(detector.step(state, nothing(keys, (30 * S, 1_001 * S)))) == [(1001, "critical")]
    assert answers(detector.step(state, nothing(keys, (99 * S, 1_070 * S)))) == [], "once"
    assert answers(detector.step(state, nothing(keys, None, 1_080.0))) == [(1080, "ok")]
    assert answers(detector.step(state, nothing(keys, None, 1_081.0))) == []


def test_with_by_nobody_is_missed_before_the_first_record():
    module = plugins.module("detectors", "silence")
    detector = module.build(module.Config(by="k", after="30s"), Context("m", {}, windowed=False))
    assert answers(detector.step(detector.initial(), nothing(KeySlots(), (99 * S, 1_000 * S)))) == []


REFUSED = [
    ({"after": "0s"}, {}, "longer than zero"),
    ({"after": "30s", "forget": "30s"}, {}, "before their silence is told"),
    ({"after": "30s"}, {"window": {"type": "tumbling", "size": "5s"}}, "leave out `window:`"),
]


@pytest.mark.parametrize(("detect", "more", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(detect: dict[str, Any], more: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"detect": {"type": "silence", **detect}, **more}})
