"""The stages after an incident, in their order, on a wall clock that the test sets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from streamgauge.clock import to_micros
from streamgauge.incident import IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.calendar import parse_weekly
from streamgauge.incidents.inhibit import SAME_KEY, InhibitRule
from streamgauge.incidents.lifecycle import post
from streamgauge.incidents.limit import Limit
from streamgauge.incidents.repeat import Repeat
from streamgauge.incidents.route import Manner, Route
from streamgauge.incidents.silence import taken_back
from streamgauge.incidents.telling import Rules, Telling
from streamgauge.stores.rows import json_text
from tests.incidents.given import HOUR, MINUTE, Desk, S, incident, matchers, silence

BEGAN, ENDED, REPEAT, STILL = "began", "ended", "repeat", "still firing"
FIRING, SUPPRESSED = IncidentState.FIRING, IncidentState.SUPPRESSED


def grouped(*by: str, wait: int = 0, interval: int = 5 * MINUTE, repeat: int = 4 * HOUR) -> Rules:
    return Rules(Route("route", (), ("ops",), Manner(by, wait, interval, Repeat(repeat))))


def test_by_default_each_is_told_at_once_and_so_is_its_end():
    desk, a = Desk(), incident()
    desk.opens(a)
    assert desk.told(5) == [("ops", "m a", BEGAN)]
    desk.ends(a)
    assert desk.told(6) == [("ops", "m a", ENDED)]


def test_what_begins_and_ends_between_two_looks_is_told_as_both_under_the_same_numbers():
    desk, a = Desk(), incident()
    desk.opens(a)
    desk.ends(a)
    desk.telling.step(7)
    assert [(n.n, n.resolved) for n in desk.board.notices] == [(1, False), (2, True)]
    assert desk.board.changed[a.id].notices == 2


def test_an_incident_that_goes_on_is_told_again_each_four_hours():
    desk, a = Desk(), incident()
    desk.opens(a)
    desk.told(0)
    assert desk.told(4 * HOUR - 1) == []
    assert desk.told(4 * HOUR) == [("ops", "m a", REPEAT)]
    assert desk.told(4 * HOUR) == []
    assert desk.told(9 * HOUR) == [("ops", "m a", REPEAT)]
    assert desk.told(12 * HOUR) == []
    assert desk.now(a).notices == 3


def test_repeats_that_double():
    rules = Rules(Route("route", (), ("ops",), Manner(repeat=Repeat(HOUR, exponential=True))))
    desk = Desk(rules)
    desk.opens(incident())
    desk.told(0)
    assert [hour for hour in range(1, 16) if desk.told(hour * HOUR)] == [1, 3, 7, 15]


def test_a_clock_that_is_set_back_tells_nothing_twice():
    desk = Desk()
    desk.opens(incident())
    desk.told(10 * HOUR)
    assert desk.told(0) == []
    assert desk.told(14 * HOUR) == [("ops", "m a", REPEAT)]


def test_worse_is_told_and_eased_is_not():
    desk, a = Desk(), incident(severity="warning")
    desk.opens(a)
    desk.told(0)
    worse = replace(desk.now(a), severity="critical")
    post(desk.now(a), worse, ("ops",), desk.board)
    assert desk.told(1) == [("ops", "m a", "worse")]
    post(desk.now(a), replace(desk.now(a), severity="warning"), ("ops",), desk.board)
    assert desk.told(2) == []


# inhibition


def test_a_critical_incident_mutes_warnings_of_the_same_stream_and_key():
    desk = Desk()
    warning, other = incident("w", severity="warning"), incident("w", "b", severity="warning")
    elsewhere = incident("x", severity="warning", stream="t")
    critical = incident("c")
    desk.opens(critical, warning, other, elsewhere)
    assert [title for _, title, _ in desk.told(0)] == ["c a", "w b", "x a"]
    assert desk.now(warning).state is SUPPRESSED
    assert desk.now(warning).muted == "follows from c a"
    desk.ends(critical)
    assert desk.told(1) == [("ops", "c a", ENDED), ("ops", "w a", BEGAN)]
    assert desk.now(warning).state is FIRING


def test_a_warning_that_was_told_is_not_repeated_while_it_is_muted():
    desk, warning, critical = Desk(), incident("w", severity="warning"), incident("c")
    desk.opens(warning)
    assert desk.told(0) == [("ops", "w a", BEGAN)]
    desk.opens(critical)
    assert desk.told(1) == [("ops", "c a", BEGAN)]
    assert desk.now(warning).state is SUPPRESSED
    assert desk.told(4 * HOUR + 1) == [("ops", "c a", REPEAT)]
    desk.ends(critical)
    assert desk.told(5 * HOUR) == [("ops", "c a", ENDED), ("ops", "w a", STILL)]


def test_who_heard_of_the_beginning_hears_of_the_end_though_it_was_muted_since_and_nobody_else_does():
    desk = Desk()
    told, untold, critical = (
        incident("w", severity="warning"),
        incident("v", severity="warning"),
        incident("c"),
    )
    desk.opens(told)
    desk.told(0)
    desk.opens(critical, untold)
    desk.told(1)
    desk.ends(told, untold)
    assert desk.told(2) == [("ops", "w a", ENDED)]


def test_an_upstream_incident_mutes_its_consequences():
    rule = InhibitRule(matchers("monitor=broker-down"), matchers("monitor=~pay.*"), ())
    desk = Desk(Rules(inhibit=(SAME_KEY, rule)))
    cause, follows = incident("broker-down", None), incident("payments-late", None)
    desk.opens(follows)
    assert desk.told(0) == [("ops", "payments-late None", BEGAN)]
    desk.opens(cause, incident("other", None))
    assert [title for _, title, _ in desk.told(1)] == ["broker-down None", "other None"]
    assert desk.now(follows).state is SUPPRESSED


def test_of_two_that_mute_each_other_one_is_told():
    rules = (
        InhibitRule(matchers("monitor=m"), matchers("monitor=n")),
        InhibitRule(matchers("monitor=n"), matchers("monitor=m")),
    )
    desk = Desk(Rules(inhibit=rules))
    m, n = incident("m"), incident("n")
    desk.opens(m, n)
    assert desk.told(0) == [("ops", "m a", BEGAN)]
    assert (desk.now(m).state, desk.now(n).state) == (FIRING, SUPPRESSED)
    desk.ends(m)
    assert desk.told(1) == [("ops", "m a", ENDED), ("ops", "n a", BEGAN)]


def test_a_muted_warning_that_becomes_critical_is_told():
    desk, warning, critical = Desk(), incident("w", severity="warning"), incident("c")
    desk.opens(critical, warning)
    desk.told(0)
    worse = replace(desk.now(warning), severity="critical")
    worse = replace(worse, labels={**worse.labels, "severity": "critical"})
    post(desk.now(warning), worse, ("ops",), desk.board)
    assert desk.told(1) == [("ops", "w a", BEGAN)]


# silences


def test_a_silence_mutes_and_its_end_tells_what_fires_still():
    desk, before, during = Desk(), incident("m", "a"), incident("m", "b")
    desk.opens(before)
    desk.told(0)
    desk.telling.silence(silence("monitor=m", start=S, end=HOUR), S)
    desk.opens(during, incident("n", "c"))
    assert desk.told(2 * S) == [("ops", "n c", BEGAN)]
    assert desk.now(before).muted == "silence 1 by ann: a test"
    assert desk.told(HOUR) == [("ops", "m a", STILL), ("ops", "m b", BEGAN)]
    assert desk.now(before).state is FIRING


def test_people_hear_that_a_silence_is_about_to_end_while_it_mutes_something():
    desk = Desk()
    desk.telling.silence(silence("monitor=m", end=2 * HOUR), 0)
    desk.telling.silence(silence("monitor=idle", end=2 * HOUR, name="2"), 0)
    desk.opens(incident())
    assert desk.told(0) == []
    ((channel, title, cause),) = desk.told(2 * HOUR - 15 * MINUTE)
    assert (channel, cause) == ("ops", BEGAN)
    assert title == "silence 1 by ann: a test ends in 15 min and mutes 1 open: m a"
    assert [(t, c) for _, t, c in desk.told(2 * HOUR)] == [("m a", BEGAN), (title, ENDED)]


def test_a_silence_taken_back_tells_at_once():
    desk, made = Desk(), silence("monitor=m")
    desk.telling.silence(made, 0)
    desk.opens(incident())
    assert desk.told(1) == []
    desk.telling.silence(taken_back(made, 2, "bob"), 2)
    assert desk.told(2) == [("ops", "m a", BEGAN)]


def test_maintenance_begins_and_ends_by_itself():
    desk = Desk(Rules(maintenance=(silence("monitor=m", start=10 * S, end=20 * S, name="maintenance x"),)))
    desk.opens(incident())
    assert desk.told(S) == [("ops", "m a", BEGAN)]
    assert desk.told(12 * S) == []
    assert desk.now(incident()).state is SUPPRESSED
    assert ("ops", "m a", STILL) in desk.told(20 * S)


def test_an_acknowledged_incident_is_not_told_of_a_silence():
    desk, a = Desk(), incident()
    desk.opens(a)
    desk.told(0)
    desk.board.amend(replace(desk.now(a), state=IncidentState.ACKNOWLEDGED, acknowledged_at=1))
    desk.telling.silence(silence("monitor=m", end=10 * S), S)
    assert desk.told(10 * S) == []
    assert desk.now(a).state is IncidentState.ACKNOWLEDGED


# groups


def test_a_group_tells_all_that_changed_and_then_rests():
    desk = Desk(grouped("monitor"))
    desk.opens(incident("m", "a"), incident("m", "b"), incident("n", "c"), channels=())
    first = desk.told(0)
    assert [(title.partition(":")[0], cause) for _, title, cause in first] == [
        ("2 incidents began, 2 open of monitor m", "group"),
        ("1 incident began, 1 open of monitor n", "group"),
    ]
    desk.opens(incident("m", "d"), channels=())
    desk.ends(desk.now(incident("m", "a")))
    assert desk.told(5 * MINUTE - 1) == []
    ((_, title, _),) = desk.told(5 * MINUTE)
    assert title.startswith("1 incident began, 1 ended, 2 open of monitor m")
    assert desk.told(6 * MINUTE) == []


def test_a_group_waits_for_more_when_it_is_asked_to():
    desk = Desk(grouped("stream", wait=30 * S))
    desk.opens(incident("m", "a"), channels=())
    assert desk.told(0) == []
    desk.opens(incident("m", "b"), channels=())
    assert desk.told(29 * S) == []
    ((_, title, _),) = desk.told(30 * S)
    assert title.startswith("2 incidents began, 2 open of stream s")


def test_what_ends_before_its_group_told_of_it_is_told_all_the_same():
    desk, a = Desk(grouped("stream", wait=30 * S)), incident()
    desk.opens(a, channels=())
    desk.told(0)
    desk.ends(a)
    desk.telling.step(30 * S)
    (notice,) = desk.board.notices
    assert notice.resolved
    assert notice.incident.evidence["began"] == notice.incident.evidence["ended"] == 1


def test_a_group_is_repeated_while_somebody_in_it_speaks():
    desk, a = Desk(grouped("stream", repeat=HOUR)), incident()
    desk.opens(a, channels=())
    desk.told(0)
    assert len(desk.told(HOUR)) == 1
    desk.telling.quieter(desk.now(a), -1)
    assert desk.told(3 * HOUR) == []


def test_the_notices_of_a_group_have_one_name_and_count():
    desk = Desk(grouped("monitor"))
    notices = []
    for n in range(3):
        desk.opens(incident("m", f"k{n}", at=n), channels=())
        desk.telling.step(n * 5 * MINUTE)
        notices += desk.board.notices
        desk.committed()
    assert len({notice.incident.id for notice in notices}) == 1
    assert [notice.n for notice in notices] == [1, 2, 3]


def test_a_group_of_which_all_has_ended_is_forgotten_after_its_interval():
    desk, a = Desk(grouped("monitor")), incident()
    desk.opens(a, channels=())
    desk.ends(a)
    desk.told(0)
    desk.told(5 * MINUTE)
    assert [row for name, row in desk.rows.items() if name.startswith("group:")] == [None]


# limits


def test_beyond_the_limit_a_storm_is_told_in_one_per_period_and_nothing_is_lost():
    desk = Desk(Rules(limit=Limit(3, MINUTE)))
    keys = [incident("m", f"k{n}") for n in range(10)]
    desk.opens(*keys)
    assert len(desk.told(0)) == 3
    desk.opens(*(incident("n", f"k{n}") for n in range(5)))
    desk.ends(keys[0], keys[9])
    assert [cause for *_, cause in desk.told(S)] == [ENDED]  # of the one that was told by itself
    ((_, title, cause),) = desk.told(MINUTE)
    assert cause == "summary"
    assert "12 incidents began, 1 ended" in title
    ((_, title, _),) = desk.told(2 * MINUTE)
    assert title == "ops: the storm is over; incidents are told one by one again"
    desk.opens(incident("m", "later"))
    assert desk.told(3 * MINUTE)[0][2] == BEGAN


def test_a_storm_is_one_incident_whose_notices_count():
    desk = Desk(Rules(limit=Limit(1, MINUTE)))
    numbers = []
    for minute in range(3):
        desk.opens(*(incident("m", f"{minute}-{n}", at=minute) for n in range(4)))
        desk.telling.step(minute * MINUTE)
        numbers += [(n.incident.id, n.n) for n in desk.board.notices if n.cause == "summary"]
        desk.committed()
    desk.telling.step(4 * MINUTE)
    numbers += [(n.incident.id, n.n) for n in desk.board.notices if n.cause == "summary"]
    assert len({name for name, _ in numbers}) == 1
    assert [n for _, n in numbers] == list(range(1, len(numbers) + 1))


# what is remembered


def reborn(desk: Desk, rules: Rules | None = None) -> Desk:
    """The same after a kill: from what was committed."""
    rows = {k: msgspec.json.decode(json_text(v)) for k, v in desk.rows.items() if v is not None}
    fresh = Desk(rules)
    fresh.board = Board(desk.board.all())
    fresh.telling = Telling(fresh.board, rules, rows=rows)
    fresh.rows = desk.rows
    return fresh


def test_groups_repeats_and_summaries_go_on_after_a_kill():
    rules = replace(grouped("monitor", repeat=HOUR), limit=Limit(1, MINUTE))
    desk = Desk(rules)
    desk.opens(incident("m", "a"), channels=())
    assert len(desk.told(0)) == 1
    desk.opens(incident("m", "b"), channels=())
    assert desk.told(S) == []
    ((_, title, _),) = reborn(desk, rules).told(5 * MINUTE)
    assert title.startswith("1 incident began, 2 open of monitor m")


def test_a_repeat_is_due_after_a_kill_as_before():
    desk = Desk()
    desk.opens(incident())
    desk.told(0)
    again = reborn(desk)
    assert again.told(3 * HOUR) == []
    assert again.told(4 * HOUR) == [("ops", "m a", REPEAT)]


def test_a_silence_that_ended_while_nothing_ran_tells_what_fires_still():
    desk = Desk()
    desk.telling.silence(silence("monitor=m", end=HOUR), 0)
    desk.opens(incident())
    assert desk.told(1) == []
    assert reborn(desk).told(2 * HOUR) == [("ops", "m a", BEGAN)]


def test_the_same_events_give_the_same_notices_however_they_are_cut():
    """A kill moves the borders of commits, so they may not show."""
    script = [incident("m", f"k{n}", at=n) for n in range(30)]

    def notices(cut: int) -> Counter[tuple[str, bool]]:
        desk: Desk = Desk()
        found: Counter[tuple[str, bool]] = Counter()
        for n, each in enumerate(script):
            desk.opens(each)
            if n >= 3:
                desk.ends(script[n - 3])
            if n % cut == 0 or n == len(script) - 1:
                desk.telling.step(n * S)
                found.update((notice.id, notice.resolved) for notice in desk.board.notices)
                desk.committed()
        return found

    assert notices(1) == notices(4) == notices(1000)


def test_a_weekly_silence_mutes_through_the_night_in_which_its_clock_is_set():
    """On 25 October 2026 Berlin's clock shows the hour from 02:00 to 03:00 twice: it mutes both of them."""
    begin = to_micros(datetime(2026, 10, 24, 23, 30, tzinfo=UTC))  # 01:30 in Berlin
    nightly = silence("monitor=m", end=None, weekly=parse_weekly("daily 01:30-03:30", "Europe/Berlin"))
    desk = Desk(Rules(maintenance=(nightly,)))
    assert desk.told(begin - S) == []
    desk.opens(incident())
    assert desk.told(begin) == []
    assert [desk.told(begin + n * 30 * MINUTE) for n in range(1, 6)] == [[]] * 5
    ((_, reminder, _),) = desk.told(begin + 3 * HOUR - 15 * MINUTE)
    assert "ends in 15 min and mutes 1 open: m a" in reminder
    assert ("ops", "m a", BEGAN) in desk.told(begin + 3 * HOUR)
