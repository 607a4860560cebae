"""What arrives at the webhook, as incidents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from streamgauge.demo.hearing import Hearing
from streamgauge.incident import Incident, IncidentState, Notice

S = 1_000_000
EPOCH = 1_700_000_000 * S
FIRING = Incident(
    "burst", "a-7", "verdict", EPOCH, IncidentState.FIRING, "critical", EPOCH + 3 * S, "burst of a-7",
    window_start=EPOCH, window_end=EPOCH + 5 * S,
)  # fmt: skip
RESOLVED = replace(FIRING, state=IncidentState.RESOLVED, resolved_at=EPOCH + 10 * S, reason="recovered")


@dataclass
class Arrived:
    at: float
    notice: Notice
    json: Any = field(init=False)

    def __post_init__(self):
        self.json = self.notice.as_json()


def test_an_incident_by_its_notices():
    requests = [Arrived(3.5, Notice(FIRING, 1, "webhook"))]
    hearing = Hearing(requests, EPOCH)
    (told,) = hearing.told()
    assert (told.monitor, told.key, told.kind, told.title) == ("burst", "a-7", "verdict", "burst of a-7")
    assert (told.since, told.at, told.told_at) == (EPOCH, EPOCH + 3 * S, EPOCH + round(3.5 * S))
    assert told.resolved_at is None
    assert told.delay == 0.5
    requests.append(Arrived(11.0, Notice(RESOLVED, 2, "webhook")))
    (ended,) = hearing.told()
    assert ended == replace(told, resolved_at=EPOCH + 10 * S)
    assert [line.status for line in hearing.lines] == ["firing", "resolved"]


def test_a_notice_that_comes_again_is_heard_once_and_its_first_arrival_counts():
    again = [Arrived(at, Notice(FIRING, 1, "webhook")) for at in (3.5, 4.5)]
    hearing = Hearing(again, EPOCH)
    assert [told.told_at for told in hearing.told()] == [EPOCH + round(3.5 * S)]
    assert len(hearing.lines) == 1


def test_without_a_window_it_looked_at_the_moment_itself():
    moment = replace(FIRING, window_start=None, window_end=None)
    (told,) = Hearing([Arrived(4.0, Notice(moment, 1, "webhook"))], EPOCH).told()
    assert told.since == told.at


def test_episodes_of_one_key_are_incidents_of_their_own():
    later = replace(FIRING, episode=EPOCH + 60 * S, opened_at=EPOCH + 61 * S)
    arrived = [Arrived(3.5, Notice(FIRING, 1, "webhook")), Arrived(61.5, Notice(later, 1, "webhook"))]
    assert [told.at for told in Hearing(arrived, EPOCH).told()] == [EPOCH + 3 * S, EPOCH + 61 * S]
