"""Partitions judge as the embedded engine does: the same incidents, windows, late and bad records in the store."""

from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.engines.spark.hearing import ROW
from streamgauge.engines.spark.job import works
from streamgauge.engines.spark.pages import Pages
from streamgauge.engines.spark.partition import PartitionRun, Told
from streamgauge.testing import PushedClock, listed
from tests.engines.spark.both import NOW, Notified, Records, embedded, held, judged, kinds
from tests.replaying import config, record

MONITORS: dict[str, Any] = {
    "burst": {
        "window": {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)", "p": "sum(pos)"}},
        "detect": {"type": "threshold", "when": "n > 2 or p > 9"},
    },
    "hopping": {
        "window": {"type": "hopping", "size": "6s", "advance": "2s", "by": "k", "compute": {"mean": "avg(v)"}},
        "detect": {"type": "threshold", "when": "mean > 1", "clear_when": "mean < 0"},
    },
    "absent": {
        "window": {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)"}, "include_empty": True},
        "detect": {"type": "threshold", "when": "n = 0"},
        "for": "6s",
    },
    "visits": {
        "window": {"type": "session", "gap": "3s", "by": "k", "compute": {"n": "count(*)"}},
        "detect": {"type": "threshold", "when": "n > 3"},
    },
    "last": {
        "window": {"type": "count", "size": 3, "every": 2, "min": 2, "by": "k", "compute": {"b": "last(n)"}},
        "detect": {"type": "threshold", "when": "b > 2"},
    },
    "other": {"detect": {"type": "change", "of": "n", "by": "k", "resolve_after": "3s"}, "clear_after": "2s"},
    "quiet": {"detect": {"type": "silence", "by": "k", "after": "4s"}, "for": "2s"},
    "rows": {
        "stream": "burst",
        "window": {"type": "tumbling", "size": "20s", "by": "k", "compute": {"total": "sum(n)"}},
        "detect": {"type": "threshold", "when": "total > 8"},
    },
    "stalled": {"stream": "burst", "detect": {"type": "silence", "by": "k", "after": "9s"}, "for": "3s"},
    "usual": {
        "window": {"type": "tumbling", "size": "2s", "by": "k", "compute": {"n": "count(*)"}},
        "detect": {"type": "zscore", "value": "n", "learn": 5},
    },
}  # fmt: skip


def rows(seed: int, keys: str) -> list[Any]:
    """Bursts, gaps, records out of order and too late, and bad ones."""
    made: list[Any] = []
    for i in range(120):
        at = i * 0.4 + (20 if i > 90 else 0) - (7 if i % 23 == 5 else 0) - (0.9 if i % 7 == 3 else 0)
        who = keys[(i * seed) % len(keys)] if not 50 < i < 70 else keys[0]
        made.append(record(max(at, 0), who, v=(i * seed) % 4 - 0.5, n=i % 5, pos=(i * seed) % 6))
    made[17], made[88] = b"{no", record(3, "x", v="many")
    made[33] = record(10, None, v=1)
    return made


RECORDS: Records = {0: rows(3, "abc"), 1: rows(7, "de"), 2: []}


@pytest.fixture(scope="module")
def configured():
    return config(MONITORS, partitioned_by="k", lateness="1s")


@pytest.fixture(scope="module")
def theirs(configured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedded")
    return held(embedded(configured, RECORDS, folder / "embedded.db"), configured)


def test_there_is_something_of_everything(theirs):
    assert {i["monitor"] for i in theirs["incidents"]} >= set(MONITORS) - {"usual", "absent"}
    assert all(theirs["windows"][name] for name in ("burst", "hopping", "absent", "visits", "last", "usual"))
    assert theirs["late"]
    assert len(theirs["bad"]) == 4


def told_at(at: float, end: int, *, open: bool = False, start: int = 0, **more: Any) -> Told:  # noqa: A002
    """An answer before which nobody was asked for long."""
    return Told(at, end, open=open, start=start, **{"since": at, **more})


def without_samples(held: dict[str, Any]) -> dict[str, Any]:
    return held | {"incidents": [incident | {"samples": []} for incident in held["incidents"]]}


@pytest.mark.parametrize(("cuts", "forgetful"), [((), False), ((40, 41, 100), True), ((30, 95), False)])
def test_the_store_of_notify_holds_the_same(configured, theirs, tmp_path: Path, cuts, forgetful):
    lines = judged(configured, RECORDS, cuts=cuts, forgetful=forgetful)
    found = held(Notified(configured, tmp_path / "n.db").hear(lines), configured)
    if forgetful:  # samples are not kept over a restart: on no engine
        found, theirs = without_samples(found), without_samples(theirs)
    assert found == theirs


def test_lines_written_twice_count_once_also_over_a_kill(configured, theirs, tmp_path: Path):
    lines = judged(configured, RECORDS, cuts=(50, 100))
    notified = Notified(configured, tmp_path / "n.db")
    half = len(lines) // 2
    notified.hear(lines[:half])
    notified.started()
    again = notified.hear(lines[half // 2 : half] + lines[half // 3 :])
    assert held(again, configured) == theirs


def test_the_same_batch_gives_the_same_lines_from_memory_and_from_bytes(configured):
    told = [told_at(100.0 + i, 120, open=False, start=0) for i in range(8)]
    kept = [kinds([line])[0] for line in judged(configured, RECORDS, cuts=(40, 90), told=told)]
    read = [
        kinds([line])[0] for line in judged(configured, RECORDS, cuts=(40, 90), told=told, forgetful=True)
    ]
    for line in kept + read:
        line.pop("samples", None)
    assert read == kept


def test_a_new_checkpoint_is_another_run(configured, tmp_path: Path):
    notified = Notified(configured, tmp_path / "n.db")
    notified.hear(judged(configured, {0: RECORDS[0][:60]}))
    heard = notified.hear(judged(configured, {0: RECORDS[0]}, run="other"))
    assert len(heard.dead_letters()) == 2, "the second lies beyond what the first run read"
    assert set(heard.telling(ROW)) == {f"{ROW}run/s:0", f"{ROW}other/s:0"}


def test_time_passes_only_where_all_that_was_there_is_counted(configured):
    quiet = {0: [record(0, "a"), record(1, "a")]}
    behind = [told_at(100.0 + i, 3, open=False, start=0) for i in range(22)]
    at_end = [told_at(100.0 + i, 2, open=False, start=0) for i in range(22)]
    in_transaction = [told_at(100.0 + i, 2, open=True, start=0) for i in range(22)]
    assert not kinds(judged(configured, quiet, told=behind), "verdict")
    assert not kinds(judged(configured, quiet, told=in_transaction), "verdict")
    assert {line["monitor"] for line in kinds(judged(configured, quiet, told=at_end), "verdict")} == {
        "quiet",
        "absent",
        "stalled",
    }


def test_time_stands_still_while_nobody_tells(configured):
    pauses = [told_at(100.0 + 60 * i, 2, open=False, start=0) for i in range(22)]
    assert not kinds(judged(configured, {0: [record(0, "a"), record(1, "a")]}, told=pauses), "verdict")


def test_time_passes_through_a_long_batch_if_the_end_stayed_the_same_all_the_while(configured):
    answers = [told_at(100.0 + 60 * i, 2, since=100.0) for i in range(3)]
    found = kinds(judged(configured, {0: [record(0, "a"), record(1, "a")]}, told=answers), "verdict", "time")
    assert {line["monitor"] for line in found if line["kind"] == "verdict"} == {"quiet", "absent", "stalled"}
    reached = [line["largest"] for line in found if line["kind"] == "time"]
    assert reached == [1_000_000, 1_000_000, 60_000_000, 120_000_000], "all but the deadline of a second"


def test_an_idle_partition_comes_up_to_the_others(configured):
    floor = {"s": 60_000_000}
    told = [told_at(100.0 + i, 2, open=False, start=0, floor=floor) for i in range(4)]
    found = kinds(judged(configured, {0: [record(0, "a"), record(1, "a")]}, told=told), "window")
    assert {line["moments"][2] for line in found if line["monitor"] == "burst"} == {5_000_000}


def test_what_begins_in_the_middle_is_partial(configured):
    late = [told_at(100.0, 9, open=False, start=5)]
    work = {0: [record(0, "a"), record(30, "a")]}
    assert not any(line["partial"] for line in kinds(judged(configured, work, told=late), "window"))


def test_where_nothing_comes_and_no_time_passes_only_the_head_is_written(configured):
    work = works(configured, {"s": ["s"]})["s"]
    call = PartitionRun(work, Partition("s", 0), PushedClock(NOW))
    pages = Pages()
    call.take(listed(RECORDS[0], partition=Partition("s", 0)), None)
    assert len(pages.changed(call.save())[0]) > 1
    for i in range(3):
        call.take(None, told_at(100.0 + i, 999, open=False, start=0))
        assert list(pages.changed(call.save())[0]) == ["head#0"]
