"""The first stage as a truth table: one verdict against what there is."""

from dataclasses import replace
from typing import Any

import pytest

from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.settle import Rule, counted_openings, ripen, settle, soothe
from streamgauge.verdict import Severity, Verdict

S = 1_000_000


def verdict(severity: Severity, start: float, end: float, at: float | None = None, **more: Any) -> Verdict:
    when = round((end if at is None else at) * S)
    return Verdict("m", "a", severity, when, round(start * S), round(end * S), observed={"n": 1}, **more)


def fired(start: float = 0, end: float = 5, at: float | None = None) -> Verdict:
    return verdict(Severity.CRITICAL, start, end, at)


def opened(rule: Rule, *verdicts: Verdict) -> Incident | None:
    current: Incident | None = None
    for one in verdicts:
        current = settle(current, one, rule)
    return current


OK, NO_DATA, NEITHER, FORGOTTEN = Severity.OK, Severity.NO_DATA, Severity.NEITHER, Severity.FORGOTTEN
LEARNING, TOO_FEW, WARNING = Severity.LEARNING, Severity.NOT_ENOUGH_DATA, Severity.WARNING

NOTHING_YET = [
    ("clear opens nothing", OK, None),
    ("no data opens nothing", NO_DATA, None),
    ("neither opens nothing", NEITHER, None),
    ("learning opens nothing", LEARNING, None),
    ("too few data open nothing", TOO_FEW, None),
    ("being forgotten opens nothing", FORGOTTEN, None),
    ("a warning opens", WARNING, IncidentState.FIRING),
]


@pytest.mark.parametrize(("sentence", "severity", "state"), NOTHING_YET, ids=[row[0] for row in NOTHING_YET])
def test_without_an_incident(sentence: str, severity: Severity, state: IncidentState | None):
    after = settle(None, verdict(severity, 0, 5), Rule())
    assert (after.state if after else None) is state


OPEN = [
    ("clear after the last window that fired resolves", [verdict(OK, 5, 10)], "recovered"),
    ("clear in an earlier window never resolves", [verdict(OK, -5, 0)], None),
    ("clear in the window that fired does not resolve", [verdict(OK, 0, 5)], None),
    ("clear in a window of the same end that starts later resolves", [verdict(OK, 1, 5)], "recovered"),
    ("clear between two windows that fired does not resolve", [fired(10, 15), verdict(OK, 5, 10)], None),
    ("clear after the later one does", [fired(10, 15), verdict(OK, 15, 20)], "recovered"),
    ("neither leaves it as it is", [verdict(NEITHER, 5, 10)], None),
    ("learning leaves it as it is", [verdict(LEARNING, 5, 10)], None),
    ("one window without data leaves it as it is", [verdict(NO_DATA, 5, 10)], None),
    ("two of two windows without data end it", [verdict(NO_DATA, 5, 10), verdict(NO_DATA, 10, 15)], "no data"),
    ("earlier windows without data do not count", [verdict(NO_DATA, -5, 0), verdict(NO_DATA, -9, 1)], None),
    ("a window that fires starts their count anew",
     [verdict(NO_DATA, 5, 10), fired(10, 15), verdict(NO_DATA, 15, 20)], None),
    ("a window that is neither does too",
     [verdict(NO_DATA, 5, 10), verdict(NEITHER, 10, 15), verdict(NO_DATA, 15, 20)], None),
    ("a key that is forgotten ends it, which is no recovery", [verdict(FORGOTTEN, 0, 5)], "forgotten"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "verdicts", "reason"), OPEN, ids=[row[0] for row in OPEN])
def test_an_open_incident(sentence: str, verdicts: list[Verdict], reason: str | None):
    after = opened(Rule(no_data_after=2), fired(), *verdicts)
    assert after is not None
    assert after.reason == reason
    assert (after.state is IncidentState.RESOLVED) == (reason is not None)


def test_what_changes_nothing_gives_the_same_object():
    current = opened(Rule(), fired(10, 15))
    for unmoved in (verdict(OK, 5, 10), verdict(NEITHER, 20, 25), fired(5, 10)):
        assert settle(current, unmoved, Rule()) is current


def test_windows_that_fire_one_after_the_other_are_one_incident_with_what_was_seen_last():
    later = verdict(WARNING, 5, 10)
    after = opened(Rule(), fired(0, 5, at=3), later)
    assert after is not None
    assert (after.opened_at, after.episode, after.window_end) == (3 * S, 0, 5 * S)
    assert (after.last_start, after.last_end, after.severity) == (5 * S, 10 * S, "warning")


def test_how_long_it_lasted_and_what_was_seen_at_the_end():
    after = opened(Rule(), fired(0, 5, at=3), verdict(OK, 5, 10))
    assert after is not None
    assert (after.resolved_at, after.lasted) == (10 * S, 7 * S)
    assert after.evidence == {"on_resolve": {"n": 1}}


FOR = [
    ("it is pending first", [fired(0, 5)], "pending"),
    ("it fires once it has held for so long", [fired(0, 5), fired(5, 10), fired(10, 15)], "firing"),
    ("held for exactly so long is enough", [fired(0, 5), fired(10, 15)], "firing"),
    ("a microsecond less is not", [fired(0, 5), fired(10, 14.999999)], "pending"),
    ("clear makes it go away untold", [fired(0, 5), verdict(OK, 5, 10)], None),
    ("being forgotten makes it go away untold", [fired(0, 5), verdict(FORGOTTEN, 0, 5)], None),
    ("long without data makes it go away untold",
     [fired(0, 5), verdict(NO_DATA, 5, 10), verdict(NO_DATA, 10, 15)], None),
    ("neither lets it stay pending", [fired(0, 5), verdict(NEITHER, 5, 10)], "pending"),
    ("clear in an earlier window does not touch it", [fired(0, 5), verdict(OK, -5, 0)], "pending"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "verdicts", "state"), FOR, ids=[row[0] for row in FOR])
def test_for_ten_seconds(sentence: str, verdicts: list[Verdict], state: str | None):
    after = opened(Rule(for_=10 * S, no_data_after=2), *verdicts)
    assert (None if after is None else str(after.state)) == state


def test_it_opens_at_the_moment_at_which_it_had_held_for_so_long():
    after = opened(Rule(for_=10 * S), fired(0, 5, at=2), fired(5, 10), fired(10, 15, at=12))
    assert after is not None
    assert (after.state, after.opened_at, after.episode) == (IncidentState.FIRING, 12 * S, 0)


def test_what_holds_until_told_otherwise_ripens_by_time_alone():
    rule = Rule(for_=10 * S)
    pending = opened(rule, fired(0, 5))
    assert pending is not None
    assert ripen(pending, 15 * S - 1, rule) is pending
    ripe = ripen(pending, 60 * S, rule)
    assert (ripe.state, ripe.opened_at) == (IncidentState.FIRING, 15 * S)


NAMES = [
    ("a window names its episode by its start", fired(7, 12, at=9), Rule(), 7),
    ("so whether it fired early makes no difference", fired(7, 12), Rule(), 7),
    ("without a window the moment does", fired(9, 9), Rule(), 9),
    ("where windows share their start the moment does", fired(7, 12, at=9), Rule(by_moment=True), 9),
]


@pytest.mark.parametrize(("sentence", "verdict", "rule", "episode"), NAMES, ids=[row[0] for row in NAMES])
def test_names(sentence: str, verdict: Verdict, rule: Rule, episode: int):
    after = settle(None, verdict, rule)
    assert after is not None
    assert after.episode == episode * S


def test_named_by_the_moment_nothing_ends_within_one():
    rule = Rule(by_moment=True)
    assert opened(rule, fired(3, 9), verdict(OK, 4, 9)).state is IncidentState.FIRING  # type: ignore[union-attr]
    assert opened(rule, fired(3, 9), verdict(OK, 4, 10)).reason == "recovered"  # type: ignore[union-attr]


def test_the_title_says_who_what_was_seen_and_what_was_expected():
    seen = {"events": 120, "mean": 0.1 + 0.2}
    one = Verdict("burst", ("a", 7), Severity.CRITICAL, 5, 0, 5, observed=seen, expected="events <= 100")
    after = settle(None, one, Rule())
    assert after is not None
    assert after.title == "burst of a · 7: events = 120, mean = 0.3; expected events <= 100"


CALM = Rule(clear_after=10 * S)
CLEARING = [
    ("clear for less than that leaves it open", [verdict(OK, 5, 10), verdict(OK, 10, 15)], None),
    (
        "clear for that long ends it",
        [verdict(OK, 5, 10), verdict(OK, 10, 15), verdict(OK, 15, 20)],
        "recovered",
    ),
    ("what fires between begins it anew", [verdict(OK, 5, 10), fired(10, 15), verdict(OK, 15, 20)], None),
    (
        "what is neither begins it anew",
        [verdict(OK, 5, 10), verdict(NEITHER, 10, 15), verdict(OK, 15, 20)],
        None,
    ),
    (
        "no data leaves it as it is",
        [verdict(OK, 5, 10), verdict(NO_DATA, 10, 15), verdict(OK, 15, 20)],
        "recovered",
    ),
    ("being forgotten ends it at once", [verdict(OK, 5, 10), verdict(FORGOTTEN, 10, 15)], "forgotten"),
]


@pytest.mark.parametrize(("sentence", "then", "reason"), CLEARING, ids=[row[0] for row in CLEARING])
def test_clear_after(sentence: str, then: list[Verdict], reason: str | None):
    after = opened(CALM, fired(), *then)
    assert after is not None
    assert after.reason == reason


FLAPPING = [
    ("a second opening ends as ever", (1,), 10, "recovered"),
    ("the third in that time stays open", (1, 2), 10, None),
    ("until it has been clear for that long", (1, 2), 70, "recovered"),
]


@pytest.mark.parametrize(
    ("sentence", "before", "clear", "reason"), FLAPPING, ids=[row[0] for row in FLAPPING]
)
def test_flapping(sentence: str, before: tuple[int, ...], clear: float, reason: str | None):
    rule = Rule(flaps=3, flaps_within=60 * S)
    current = settle(None, fired(), rule)
    assert current is not None
    current = replace(current, openings=counted_openings(tuple(n * S for n in before), 5 * S, rule))
    for end in range(10, round(clear) + 1, 5):
        after = settle(current, verdict(OK, end - 5, end), rule)
        assert after is not None
        current = after
    assert current.reason == reason


def test_old_openings_do_not_count():
    assert counted_openings((0, 50 * S), 61 * S, Rule(flaps=3, flaps_within=60 * S)) == (50 * S, 61 * S)


def test_what_is_clear_until_told_otherwise_ends_when_its_time_is_up():
    clearing = opened(CALM, fired(), verdict(OK, 5, 10))
    assert clearing is not None
    assert soothe(clearing, 20 * S - 1, CALM) is clearing
    over = soothe(clearing, 25 * S, CALM)
    assert (over.reason, over.resolved_at) == ("recovered", 20 * S)


def test_what_made_a_warning_critical_is_its_title():
    first = replace(verdict(WARNING, 0, 5), observed={"psi": 0.21}, expected="psi <= 0.1")
    again = replace(verdict(WARNING, 5, 10), observed={"psi": 0.22}, expected="psi <= 0.1")
    worse = replace(verdict(Severity.CRITICAL, 10, 15), observed={"psi": 0.54}, expected="psi <= 0.1")
    fallen = replace(verdict(WARNING, 15, 20), observed={"psi": 0.2}, expected="psi <= 0.1")
    still, told = opened(Rule(), first, again), opened(Rule(), first, again, worse, fallen)
    assert still is not None
    assert told is not None
    assert still.title == "m of a: psi = 0.21; expected psi <= 0.1"
    assert told.title == "m of a: psi = 0.54; expected psi <= 0.1"
    assert told.opened_at == first.at
