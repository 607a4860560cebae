"""What was planted against what was told: one sentence per row of the truth table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamgauge.demo.hearing import Told
from streamgauge.demo.matching import Outcome, Row, failed, match
from streamgauge.sources.scenarios.contract import Planted

S = 1_000_000
RULES = {"count > 100": "burst", "silence": "went-quiet"}
BURST = Planted("burst", "count > 100", "a-7", 10 * S, 18 * S, "480 payments")
QUIET = Planted("quiet", "silence", "FR", 30 * S, 44 * S, "no payment")


def told(at: float, *, since: float | None = None, after: float = 0.1, **changes) -> Told:
    begin = at - 2 if since is None else since
    incident = Told(
        f"burst-{at}", "burst", "a-7", "verdict", "burst of a-7", round(begin * S), round(at * S),
        round((at + after) * S),
    )  # fmt: skip
    return replace(incident, **changes)


FOUND, MISSED, CUT, TWICE, INVENTED = Outcome


@pytest.mark.parametrize(
    ("sentence", "incidents", "outcomes"),
    [
        ("an incident in the fault's time finds it", [told(12)], [FOUND]),
        ("told at the fault's first record", [told(10)], [FOUND]),
        ("nobody told", [], [MISSED]),
        ("a window that began before the fault and closed within it", [told(11, since=6)], [FOUND]),
        ("a window that began within the fault and closed after it", [told(20, since=15)], [FOUND]),
        ("told late, but of the fault's time", [told(12, after=40)], [FOUND]),
        ("told of the time before the fault", [told(9.9, since=5)], [MISSED, INVENTED]),
        ("told of the time after the fault", [told(23, since=18)], [MISSED, INVENTED]),
        ("another key", [told(12, key="a-8")], [MISSED, INVENTED]),
        ("no key where there should be one", [told(12, key=None)], [MISSED, INVENTED]),
        ("another rule", [told(12, monitor="went-quiet")], [MISSED, INVENTED]),
        ("a rule that is there for no fault", [told(12, monitor="extra")], [MISSED, INVENTED]),
        ("the watching itself was in trouble", [told(12, kind="source lost")], [MISSED, INVENTED]),
        ("the same fault twice", [told(12), told(17)], [FOUND, TWICE]),
        ("the right one and one too many", [told(12), told(25, since=20)], [FOUND, INVENTED]),
        ("the earlier one counts, in whatever order they came", [told(17), told(12)], [FOUND, TWICE]),
    ],
)
def test_one_fault(sentence, incidents, outcomes):
    rows = match([BURST], incidents, RULES, until=100 * S)
    assert [row.outcome for row in rows] == outcomes, sentence
    assert failed(rows) == (outcomes != [FOUND])


@pytest.mark.parametrize(
    ("sentence", "until", "outcome"),
    [
        ("the stream goes on", None, CUT),
        ("the stream ended within the fault", 17 * S, CUT),
        ("the stream ended with the fault", 18 * S, MISSED),
    ],
)
def test_only_what_could_be_found_is_missed(sentence, until, outcome):
    (row,) = match([BURST], [], RULES, until=until)
    assert row.outcome is outcome, sentence
    assert failed([row]) == (outcome is MISSED)


def test_cut_off_and_found_all_the_same():
    (row,) = match([BURST], [told(12)], RULES, until=13 * S)
    assert row.outcome is FOUND


def test_without_its_rule_a_fault_is_missed():
    (row,) = match([BURST], [], {}, until=100 * S)
    assert row == Row(MISSED, BURST, None, None)


def test_faults_come_by_their_start_and_what_nobody_planted_after_them():
    silence = replace(told(35, since=30), monitor="went-quiet", key="FR")
    extra = told(1, monitor="extra")
    rows = match([QUIET, BURST], [silence, told(12), extra], RULES, until=100 * S)
    assert [(row.outcome, row.key, row.monitor) for row in rows] == [
        (FOUND, "a-7", "burst"),
        (FOUND, "FR", "went-quiet"),
        (INVENTED, "a-7", "extra"),
    ]


def test_the_same_fault_planted_twice_is_found_twice():
    again = replace(BURST, start=310 * S, end=318 * S)
    rows = match([BURST, again], [told(312), told(12)], RULES, until=400 * S)
    assert [row.outcome for row in rows] == [FOUND, FOUND]
    assert [row.told.at // S for row in rows if row.told] == [12, 312]


def test_two_faults_of_one_key_at_one_time_need_two_incidents():
    longer = replace(BURST, end=20 * S)
    one = match([BURST, longer], [told(12)], RULES, until=100 * S)
    assert sorted(row.outcome for row in one) == [FOUND, MISSED]
    both = match([BURST, longer], [told(12), told(17)], RULES, until=100 * S)
    assert [row.outcome for row in both] == [FOUND, FOUND]


def test_delays():
    (row,) = match([BURST], [told(12, after=0.25)], RULES)
    assert row.told is not None
    assert row.told.delay == pytest.approx(0.25), "since the rule held"
    assert row.after_planting == pytest.approx(2.25), "since the first record of the fault"
    assert match([BURST], [], RULES)[0].after_planting is None
