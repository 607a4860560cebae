"""From what a detector learns: not from maintenance, nor while an incident of the key is open; the same for every split."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streamgauge.clock import iso
from streamgauge.config import load
from streamgauge.incidents.calendar import parse_weekly
from streamgauge.incidents.learning import about, spans
from tests.incidents.given import HOUR, S, silence
from tests.replaying import FIELDS, record, run

STREAM: dict[str, Any] = {
    "source": {"type": "kafka", "brokers": "x:9092", "topic": "s"},
    "format": "json",
    "fields": FIELDS,
    "time": "at",
}
MEAN: dict[str, Any] = {
    "stream": "s",
    "window": {"type": "tumbling", "size": "1s", "by": "k", "compute": {"v": "avg(v)"}},
    "detect": {
        "type": "composite",
        "value": "v",
        "learn": 20,
        "limit": 0.8,
        "accept_after": "40s",
        "memory": 30,
    },
}
EACH: dict[str, Any] = {**{name: what for name, what in MEAN.items() if name != "window"}}


def rows(levels: dict[range, float], seconds: int = 90, keys: str = "ab") -> list[dict[str, Any]]:
    """A record per second and key around 10; of ``a``, around its level."""
    found = []
    for t in range(seconds):
        for key in keys:
            level = next((one for span, one in levels.items() if t in span), 10.0) if key == "a" else 10.0
            found.append(record(t, key, v=level + (t * 7 % 5) * 0.1))
    return found


def judged(
    monitor: dict[str, Any],
    given: list[Any],
    more: dict[str, Any] | None = None,
    sizes: tuple[int, ...] = (2, 5000),
) -> list[dict[str, Any]]:
    """All verdicts and notices, the same for each size of batches."""
    configured = load({"streams": {"s": STREAM}, "monitors": {"m": monitor}, **(more or {})})
    found = []
    for size in sizes:
        lines = [line for line in run(configured, given, batch_size=size).lines if line["kind"] != "window"]
        found.append([msgspec.json.encode(line) for line in lines])
    assert all(each == found[0] for each in found)
    return lines


def band(lines: list[dict[str, Any]], key: str, at: int) -> tuple[float, float]:
    """What was expected of a key, and up to where, at a second."""
    moment = iso(at * S)
    (found,) = [
        line for line in lines if line["kind"] == "verdict" and (line["key"], line["at"]) == (key, moment)
    ]
    return found["expected"], found["upper"]


def maintenance(*match: str, begin: float = 40, end: float = 80) -> dict[str, Any]:
    return {
        "maintenance": {
            "load": {"match": list(match), "start": iso(round(begin * S)), "end": iso(round(end * S))}
        }
    }


SHIFTED = rows({range(40, 80): 10.6})  # little enough to be learned
COVERED = [
    ("all keys", ["monitor=m"], True),
    ("this key", ["monitor=m", "k=a"], True),
    ("this key by its label", ["key=a"], True),
    ("another key", ["k=b"], False),
    ("another monitor", ["monitor=x"], False),
    ("only its warnings: that mutes, and what is critical counts", ["monitor=m", "severity=warning"], False),
]


@pytest.mark.parametrize(("words", "match", "covered"), COVERED, ids=[row[0] for row in COVERED])
def test_maintenance_teaches_nothing(words: str, match: list[str], covered: bool):
    taught = band(judged(MEAN, SHIFTED, sizes=(5000,)), "a", 82)
    quiet = band(judged(MEAN, SHIFTED, maintenance(*match), sizes=(5000,)), "a", 82)
    assert (quiet != taught) == covered
    if covered:
        assert quiet[0] < taught[0]


def test_windows_that_touch_maintenance_are_within_it():
    def after(begin: float, end: float) -> tuple[float, float]:
        return band(
            judged(MEAN, SHIFTED, maintenance("monitor=m", begin=begin, end=end), sizes=(5000,)), "a", 82
        )

    assert after(40.5, 79.5) == after(40, 80) != after(41, 79)


@pytest.mark.parametrize("monitor", [MEAN, EACH], ids=["windows", "records"])
def test_while_its_incident_is_open_a_key_teaches_nothing(monitor: dict[str, Any]):
    """An alarm that is over soon, and after it values a little off: with ``clear_after`` they belong to the incident."""
    by = {} if "window" in monitor else {"where": "k = 'a'"}
    given = rows({range(40, 42): 50.0, range(42, 60): 10.6})
    one = {**monitor, **by}
    taught, held = judged(one, given), judged({**one, "clear_after": "25s"}, given)
    assert [n["status"] for n in held if n["kind"] == "incident"] == ["firing", "resolved"]
    key, at = ("a", 63) if not by else (None, 62)
    assert band(held, key, at)[0] < band(taught, key, at)[0]  # type: ignore[arg-type]
    if not by:
        assert band(held, "b", at) == band(taught, "b", at)


def test_a_shift_that_lasts_is_the_new_level_all_the_same():
    given = rows({range(40, 200): 50.0}, seconds=200)
    lines = judged({**MEAN, "clear_after": "25s"}, given)
    ends = [
        line["lasted_seconds"]
        for line in lines
        if line["kind"] == "incident" and line["status"] == "resolved"
    ]
    assert len(ends) == 1
    assert 40 <= ends[0] <= 90
    assert band(lines, "a", 199)[0] > 45


def test_the_times_of_weekly_maintenance_within_a_month():
    nights = silence("monitor=m", end=None, weekly=parse_weekly("daily 02:00-04:00", "Europe/Berlin"))
    found = list(spans(nights, 0, 30 * 24 * HOUR))
    assert (len(found), {end - begin for begin, end in found}) == (30, {2 * HOUR})
    assert list(spans(silence(start=5, end=9), 0, 100)) == [(5, 9)]
    assert list(spans(silence(start=5, end=9), 9, 100)) == []


def test_labels_of_a_key_decide_which_maintenance_is_about_it():
    known = {"monitor": "m", "stream": "s", "team": "web", "incident": "verdict"}
    declared = [
        silence("team=web", name="all"),
        silence("team=money", name="another team's"),
        silence("k=a", "monitor=~m.*", name="a key's"),
        silence("country=CH", name="of a field that is no key"),
        silence("severity=critical", name="of what is not known yet"),
    ]
    found = {each.id: [str(matcher) for matcher in asked] for each, asked in about(declared, known, ("k",))}
    assert found == {"all": [], "a key's": ["k=a"]}
