"""When a silence mutes, what it mutes, and what is too much."""

from datetime import UTC, datetime

import msgspec
import pytest

from streamgauge.clock import to_micros
from streamgauge.incidents.calendar import parse_weekly
from streamgauge.incidents.silence import Silences, everything, read_silence, taken_back
from streamgauge.stores.rows import json_text
from tests.incidents.given import HOUR, MINUTE, incident, matchers, silence

MONDAY = to_micros(datetime(2026, 1, 5, tzinfo=UTC))
NIGHTLY = parse_weekly("daily 02:00-04:00")

WHEN = [
    ("before its start", silence(start=10, end=20), 9, False, 10),
    ("from its start on", silence(start=10, end=20), 10, True, 20),
    ("its end is outside", silence(start=10, end=20), 20, False, None),
    ("taken back", taken_back(silence(start=10, end=20), 15, "bob"), 15, False, None),
    ("weekly, outside", silence(end=None, weekly=NIGHTLY), MONDAY, False, MONDAY + 2 * HOUR),
    ("weekly, within", silence(end=None, weekly=NIGHTLY), MONDAY + 3 * HOUR, True, MONDAY + 4 * HOUR),
    ("weekly, ends within", silence(end=MONDAY + 3 * HOUR, weekly=NIGHTLY), MONDAY + 2 * HOUR, True, MONDAY + 3 * HOUR),
    ("weekly, starts within", silence(start=MONDAY + 3 * HOUR, end=None, weekly=NIGHTLY), MONDAY, False, MONDAY + 3 * HOUR),
    ("weekly, never again", silence(end=MONDAY + HOUR, weekly=NIGHTLY), MONDAY, False, None),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "made", "now", "active", "change"), WHEN, ids=[row[0] for row in WHEN])
def test_when(sentence, made, now, active, change):
    assert made.active(now) is active
    assert made.next_change(now) == change


def test_the_reminder_comes_15_minutes_before_the_end_or_after_three_quarters():
    assert silence(end=5 * HOUR).reminder(0) == 5 * HOUR - 15 * MINUTE
    assert silence(end=40 * MINUTE).reminder(0) == 30 * MINUTE
    assert silence(start=10, end=HOUR).reminder(0) is None


def test_of_many_the_oldest_that_fits_is_found():
    known = Silences()
    for n in range(1000):
        known.put(silence(f"account=a-{n}", name=f"s{n}", created_at=n))
    known.put(silence("monitor=~m.*", name="broad", created_at=5000))
    known.put(silence("account=a-7", "severity=warning", name="other", created_at=0))
    found = known.of(incident(key="a-7").labels, 0)
    assert found is not None
    assert found.id == "s7"
    known.remove("s7")
    assert known.of(incident(key="a-7").labels, 0).id == "broad"  # type: ignore[union-attr]
    assert known.of(incident("x", key="b").labels, 0) is None
    assert known.of(incident(key="a-8").labels, HOUR) is None


KNOWN = {"severity": ["warning", "critical"], "monitor": ["m", "n"]}
ALL = [
    ("nothing asked for", [], True),
    ("any severity", ["severity=~warning|critical"], True),
    ("anything", ["account=~.*", "monitor=~.*"], True),
    ("another than what there is", ["monitor!=gone"], True),
    ("one of them", ["monitor=m"], False),
    ("all but one", ["monitor!=m"], False),
    ("some key", ["account=~a.*"], False),
    ("a key at all", ["account!="], False),
]


@pytest.mark.parametrize(("sentence", "texts", "all_of_it"), ALL, ids=[row[0] for row in ALL])
def test_what_mutes_everything(sentence, texts, all_of_it):
    assert everything(matchers(*texts), KNOWN) is all_of_it


def test_a_store_gives_back_what_it_was_given():
    weekly = parse_weekly("sat,sun 22:00-06:00", "Europe/Berlin")
    made = taken_back(silence("account=~a.*", "key!=x", weekly=weekly, created_at=7), 9, "bob")
    assert made.matchers[0].holds({"account": "a"})  # a compiled pattern is not part of it
    assert read_silence(msgspec.json.decode(json_text(made))) == made
    assert made.as_json(8)["weekly"] == "sat,sun 22:00-06:00 Europe/Berlin"
