"""Lag as a truth table: the verdict on one partition, one sentence per row; then groups, and what is told of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgauge.batch import Column, ColumnKind
from streamgauge.detectors.lag import STATUS
from streamgauge.errors import ConfigError
from streamgauge.kernels import lag as kernels
from streamgauge.verdict import Verdict, Verdicts
from tests.detectors.feeding import built, records

UNKNOWN = -1
EVERY_TEN = [0, 10, 20, 30, 40]

TABLE = [
    # sentence, times, offsets, lags, ends, lag now, now, verdict
    ("a partition of which nothing was ever committed is not judged", [], [], [], [50], 50, 40, "OK"),
    ("who has read everything is fine, whatever came before", EVERY_TEN, [1, 1, 1, 1, 1], [5, 6, 7, 8, 9], [10], 0, 40, "OK"),
    ("and so is who stopped at the end of an idle topic", [0, 10], [50, 50], [0, 0], [50, 50], 0, 10_000, "OK"),
    ("and who went back, once nothing is left to read", EVERY_TEN, [90, 10, 50, 90, 100], [0, 90, 50, 10, 0], [100], 0, 40, "OK"),
    ("nothing for longer than the window spans is a stop", EVERY_TEN, [10, 20, 30, 40, 50], [0, 0, 0, 0, 0], [90, 95], 45, 81, "STOP"),
    ("for as long as it spans is none", EVERY_TEN, [10, 20, 30, 40, 50], [1, 0, 1, 0, 1], [90, 95], 45, 80, "OK"),
    ("a stop is told though all was read at its last commit", EVERY_TEN, [10, 20, 30, 40, 50], [9, 9, 9, 9, 0], [70, 90], 40, 90, "STOP"),
    ("a single commit that is old is a stop", [0], [10], [0], [50, 60], 50, 10, "STOP"),
    ("a single commit of this moment is none", [0], [10], [5], [15], 5, 0, "STALL"),
    ("where the partition ended at its place lately, it may not have known of more", EVERY_TEN, [10, 20, 30, 40, 50], [0, 0, 0, 0, 0], [50, 95], 45, 90, "OK"),
    ("nor where it ended before its place", EVERY_TEN, [10, 20, 30, 40, 50], [0, 0, 0, 0, 0], [49, 95], 45, 90, "OK"),
    ("an end behind its place says nothing for it", EVERY_TEN, [10, 20, 30, 40, 50], [0, 0, 0, 0, 0], [51, 95], 45, 90, "STOP"),
    ("going back is a rewind", EVERY_TEN, [10, 20, 30, 5, 6], [0, 0, 0, 30, 30], [40], 34, 40, "REWIND"),
    ("by one record too", EVERY_TEN, [10, 20, 30, 29, 29], [0, 0, 0, 5, 5], [40], 11, 40, "REWIND"),
    ("at the last commit too", EVERY_TEN, [10, 20, 30, 40, 0], [0, 0, 0, 0, 0], [40], 40, 40, "REWIND"),
    ("at the first step too", EVERY_TEN, [50, 10, 20, 30, 40], [0, 9, 9, 9, 9], [60], 20, 40, "REWIND"),
    ("it is none once it has come to where it was", EVERY_TEN, [10, 30, 5, 20, 30], [0, 0, 9, 9, 9], [40], 10, 40, "OK"),
    ("nor once it has come further", EVERY_TEN, [10, 30, 5, 20, 31], [0, 0, 9, 9, 9], [40], 9, 40, "OK"),
    ("of two, the one that was not made up for counts", EVERY_TEN, [50, 40, 50, 60, 55], [0, 0, 0, 0, 0], [70], 15, 40, "REWIND"),
    ("a rewind is told though there was no lag before", EVERY_TEN, [10, 20, 30, 40, 1], [0, 0, 0, 0, 39], [40], 39, 40, "REWIND"),
    ("who went back and then stopped has stopped", EVERY_TEN, [10, 20, 30, 5, 5], [0, 0, 0, 9, 9], [90], 85, 100, "STOP"),
    ("no lag at one moment of the window is enough", EVERY_TEN, [10, 20, 30, 40, 50], [1, 2, 0, 4, 5], [60], 10, 40, "OK"),
    ("at the first moment too", EVERY_TEN, [10, 10, 10, 10, 10], [0, 2, 3, 4, 5], [60], 50, 40, "OK"),
    ("at the last moment too", EVERY_TEN, [10, 20, 30, 40, 50], [1, 2, 3, 4, 0], [60], 10, 40, "OK"),
    ("who never moves and lags is stalled", EVERY_TEN, [10, 10, 10, 10, 10], [1, 2, 3, 4, 5], [60], 50, 40, "STALL"),
    ("with the same lag all the time too", EVERY_TEN, [10, 10, 10, 10, 10], [7, 7, 7, 7, 7], [17], 7, 40, "STALL"),
    ("with a lag that shrinks (records gone) too", EVERY_TEN, [10, 10, 10, 10, 10], [9, 8, 7, 6, 5], [17], 7, 40, "STALL"),
    ("one step forward is no stall", EVERY_TEN, [10, 10, 10, 10, 11], [1, 2, 3, 4, 3], [60], 49, 40, "OK"),
    ("moving while the lag only grows is a warning", EVERY_TEN, [10, 20, 30, 40, 50], [1, 2, 3, 4, 5], [60], 10, 40, "WARN"),
    ("a lag that stays is no smaller", EVERY_TEN, [10, 20, 30, 40, 50], [5, 5, 5, 5, 5], [60], 10, 40, "WARN"),
    ("a lag that shrank once is fine", EVERY_TEN, [10, 20, 30, 40, 50], [1, 2, 3, 2, 5], [60], 10, 40, "OK"),
    ("lags that are not known are passed over", EVERY_TEN, [10, 20, 30, 40, 50], [1, UNKNOWN, 3, UNKNOWN, 5], [60], 10, 40, "WARN"),
    ("what shrank across one of them shrank", EVERY_TEN, [10, 20, 30, 40, 50], [5, UNKNOWN, 3, UNKNOWN, 6], [60], 10, 40, "OK"),
    ("where none is known, nothing shrank", EVERY_TEN, [10, 20, 30, 40, 50], [UNKNOWN] * 5, [60], 10, 40, "WARN"),
    ("no ends are known: a stop is a stop", [0, 10], [10, 20], [1, 1], [], 30, 100, "STOP"),
]  # fmt: skip


def verdict(
    times: list[int],
    offsets: list[int],
    lags: list[int],
    ends: list[int],
    lag: int,
    now: int,
    allowed: int = 0,
) -> str:
    t, o, behind, e = (np.array(column, np.int64) for column in (times, offsets, lags, ends))
    return STATUS[kernels.judge(t, o, behind, e, lag, now, allowed)]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_a_partition(row: Any):
    _, *given, expected = row
    assert verdict(*given) == expected


@pytest.mark.parametrize(
    ("sentence", "allowed", "expected"),
    [
        ("so much lag is none now", 10, "OK"),
        ("or was none at some moment", 5, "OK"),
        ("what is beyond it counts", 4, "WARN"),
    ],
)
def test_lag_that_is_allowed(sentence: str, allowed: int, expected: str):
    assert verdict(EVERY_TEN, [10, 20, 30, 40, 50], [5, 6, 7, 8, 9], [60], 10, 40, allowed) == expected


def test_there_are_enough_rows():
    assert len(TABLE) >= 30
    assert {row[-1] for row in TABLE} == {"OK", "WARN", "STOP", "STALL", "REWIND"}


# groups

FIELDS: dict[str, ColumnKind] = {
    "group": "string", "state": "string", "topic": "string", "partition": "int", "owner": "string", "members": "int",
    "offset": "int", "start": "int", "end": "int", "lag_seconds": "float", "expires_in": "float",
}  # fmt: skip


class Group:
    """A detector that is told of answers every ten seconds."""

    def __init__(self, **config: Any) -> None:
        from streamgauge.detectors.contract import Context

        self.detector = built("lag", Context("m", FIELDS, windowed=False), **{"intervals": 4, **config})
        self.state = self.detector.initial()
        self.at = 0.0

    def told(self, *rows: dict[str, Any]) -> Verdict:
        """One answer with these records; what is said of it once time has passed it."""
        self.at += 10
        columns = {
            name: Column(kind, values=[row.get(name) for row in rows]) for name, kind in FIELDS.items()
        }
        given = records(columns, [self.at] * len(rows), [0] * len(rows))
        assert len(self.detector.step(self.state, given)) == 0
        empty = {name: Column(kind, values=[]) for name, kind in FIELDS.items()}
        later = passed(records(empty, [], []), self.at + 1, given)
        verdicts: Verdicts = self.detector.step(self.state, later)
        (said,) = verdicts.all_rows()
        return said


def passed(nothing: Any, to: float, like: Any) -> Any:
    """An empty step at which time has come to ``to``."""
    from dataclasses import replace

    mark = round(to * 1e6)
    return replace(nothing, keys=like.keys, watermark=mark, marks=np.array([mark], np.int64))


def part(offset: int | None, end: int, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "group": "g",
        "topic": "t",
        "partition": number,
        "offset": offset,
        "end": end,
        "owner": "c",
        **more,
    }


def status(said: Verdict) -> str:
    return str(said.observed["status"])


def test_nothing_is_said_before_there_were_enough_answers():
    group = Group()
    said = [group.told(part(10, 90 + i)) for i in range(4)]
    assert [v.severity.label for v in said] == ["not_enough_data"] * 3 + ["critical"]
    assert status(said[-1]) == "STALL"


def test_an_owner_that_does_not_move_stalls_and_nobody_stops():
    owned, alone = Group(), Group()
    for i in range(6):
        first = owned.told(part(10, 50 + 10 * i))
        second = alone.told(part(10, 50 + 10 * i, owner=None, members=0))
    assert (status(first), status(second)) == ("STALL", "STOP")
    assert second.observed["members"] == 0


def test_a_commit_per_answer_that_reaches_the_end_before_is_no_lag():
    """Records come all the time, so that at no answer everything is committed."""
    group = Group()
    said = [group.told(part(100 * i + 50, 100 * (i + 1))) for i in range(12)]
    assert {status(v) for v in said} == {"OK"}
    assert said[-1].observed["lag"] == 50


def test_a_reader_slower_than_the_writer_is_a_warning():
    group = Group()
    said = [group.told(part(50 * i, 100 * (i + 1))) for i in range(12)]
    assert (status(said[-1]), said[-1].severity.label) == ("WARN", "warning")
    assert said[-1].evidence["read_per_second"] == pytest.approx(5)
    assert said[-1].evidence["written_per_second"] == pytest.approx(10)
    assert "caught_up_in_seconds" not in said[-1].evidence


def test_time_to_catch_up_is_what_is_left_over_the_gain():
    group = Group()
    said = [group.told(part(200 * i, 5_000 + 100 * i)) for i in range(12)]
    assert status(said[-1]) == "OK"
    left = said[-1].observed["lag"]
    assert said[-1].evidence["caught_up_in_seconds"] == pytest.approx(left / 10)


def test_a_group_is_as_bad_as_its_worst_partition():
    group = Group()
    for i in range(5):
        said = group.told(part(100 * i, 100 * i), part(7, 100 + i, 1), part(50 * i, 100 * (i + 1), 2))
    assert (status(said), said.observed["worst"]) == ("STALL", "t-1")
    assert said.evidence["partitions"] == 3
    assert said.evidence["partitions_behind"] == 2
    assert said.evidence["skew"] > 1


def test_a_rewind_is_told_until_it_has_come_back():
    group = Group()
    offsets = [100, 200, 300, 400, 100, 200, 500, 600]
    said = [group.told(part(offset, 500 + 100 * i)) for i, offset in enumerate(offsets)]
    assert [status(v) for v in said[4:]] == ["REWIND", "REWIND", "OK", "OK"]


def test_a_partition_that_is_not_told_any_more_counts_no_more():
    group = Group()
    for i in range(5):
        group.told(part(100 * i, 100 * i), part(7, 100 + i, 1))
    said = group.told(part(600, 600))
    assert (status(said), said.evidence["partitions"]) == ("OK", 1)
    again = group.told(part(700, 700), part(7, 200, 1))
    assert (status(again), again.evidence["partitions"]) == ("OK", 2)


def test_a_group_that_is_gone_is_told():
    group = Group()
    for i in range(4):
        group.told(part(100 * i, 100 * i))
    said = group.told({"group": "g", "state": "GONE"})
    assert (status(said), said.severity.label) == ("GONE", "critical")
    assert group.told(part(900, 900)).severity.label == "not_enough_data"


def test_records_that_were_lost_are_critical_however_well_it_reads():
    group = Group()
    for i in range(5):
        said = group.told(part(100 * i, 100 * (i + 1), start=100 * i + 3))
    assert (status(said), said.severity.label, said.observed["lost"]) == ("OK", "critical", 3)


@pytest.mark.parametrize(("age", "expected"), [(89.0, "ok"), (91.0, "warning")])
def test_what_is_about_to_go_is_a_warning(age: float, expected: str):
    group = Group()
    for i in range(5):
        said = group.told(part(100 * i + 50, 100 * (i + 1), lag_seconds=age, expires_in=100 - age))
    assert said.severity.label == expected
    assert said.evidence["expires_in_seconds"] == pytest.approx(100 - age)


def test_a_partition_that_was_never_committed_is_not_judged():
    group = Group()
    for _ in range(5):
        said = group.told(part(None, 100), part(7, 7, 1))
    assert (status(said), said.severity.label) == ("OK", "ok")


def test_a_group_of_which_only_an_error_is_told_stays_as_it_is_known():
    group = Group()
    said = group.told({"group": "g"})
    assert (status(said), said.observed["lag"]) == ("OK", 0)


def test_a_window_comes_not_between():
    from streamgauge.detectors.contract import Context

    with pytest.raises(ConfigError, match="leave out `window:`"):
        built("lag", Context("m", FIELDS))


def test_fields_that_are_missing_are_named():
    from streamgauge.detectors.contract import Context

    with pytest.raises(ConfigError, match=r"offset: unknown field `offset`"):
        built("lag", Context("m", {"topic": "string", "partition": "int"}, windowed=False))


def test_many_partitions_have_windows_of_their_own():
    """More than any array has room for at its beginning."""
    group = Group(intervals=12, minimum=2)
    for i in range(14):
        said = group.told(*(part(100 * i + n, 100 * i + n + (n == 77), n) for n in range(200)))
    assert said.evidence["partitions"] == 200
    assert said.observed["lag"] == 1
