"""Incidents that are told together are taken, and silenced, as one: over the API, by the verb, on the page, in Slack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.channels.slack_blocks import Extras, message
from streamgauge.channels.slack_signing import Pressed
from streamgauge.config import load
from streamgauge.incidents.actions import AddSilence, TakeGroup
from streamgauge.incidents.labels import labelled
from streamgauge.incidents.lifecycle import post
from streamgauge.incidents.matchers import Matcher
from streamgauge.server.desk import Desk
from streamgauge.server.groups import group_of
from streamgauge.server.refusals import Refused
from streamgauge.server.slack import asked_of
from streamgauge.server.thread import ServerThread
from tests.cli.in_process import Verb
from tests.server.acting import Clerk
from tests.server.given import Process, body, configuration, incident

ROUTE = "route: {channels: console, group_by: monitor}\n"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Any]:
    configuration(tmp_path)
    file = tmp_path / "payments.yaml"
    process: Any = Process(load(file.read_text() + ROUTE))
    process.engine = Clerk(process.config, process.clock)
    for key in ("a-7", "a-8", "b-9"):
        one = labelled(incident(key, notices=0), {"stream": "payments"}, ("account",))
        post(None, one, (), process.engine.board)
    process.engine.commit()
    yield process
    process.engine.close()


@pytest.fixture
def url(process: Any) -> Iterator[str]:
    server = ServerThread(process, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.start()}"
    server.stop()


def test_taken_as_one_over_the_api_by_the_verb_and_from_the_page(
    url: str, capsys: pytest.CaptureFixture[str]
):
    (group,) = body(url, "/api/v1/groups")["groups"]
    assert (group["labels"], group["open"], group["speaking"]) == ({"monitor": "burst"}, 3, 3)
    page = httpx.get(f"{url}/incidents").text
    assert "3 open, 3 not taken" in page
    ack = Verb("ack", capsys)
    told = ack("--group", group["id"], "--note", "on it", "--as", "ann", "--server", url)
    assert (told.code, told.out.startswith("taken by ann ("), "3 of monitor=burst" in told.out) == (
        0,
        True,
        True,
    )
    assert {i["note"] for i in body(url, "/api/v1/incidents", state="acknowledged")["incidents"]} == {"on it"}
    again = httpx.post(f"{url}/api/v1/groups/{group['id']}/ack").json()
    assert (again["taken"], again["taken_before"]) == (0, 3)
    assert "not taken" not in httpx.get(f"{url}/incidents").text
    assert httpx.post(f"{url}/api/v1/groups/nothing/ack").status_code == 404
    for words in ((), ("x", "--group", "y"), ("--group", "y", "--resolve")):
        assert ack(*words, "--server", url).code == 2


def test_a_groups_buttons_in_slack_take_and_silence_what_it_shares(process: Any):
    desk = Desk(process)
    group = group_of(desk.look(), process.engine.telling.groups.popitem()[1].id)
    assert group is not None
    pressed = {action: Pressed(action, group.id, "ada", "1", "") for action in ("acknowledge", "silence")}
    assert asked_of(group, desk, pressed["acknowledge"]) == TakeGroup(group.name, "ada")
    made = asked_of(group, desk, pressed["silence"])
    assert isinstance(made, AddSilence)
    assert made.silence.matchers == (Matcher("monitor", "=", "burst"),)
    assert made.silence.comment == f"pressed in Slack, for {group.id}"
    desk.close()


def test_what_a_group_that_shares_nothing_would_silence_is_everything(process: Any):
    from dataclasses import replace

    desk, group = Desk(process), process.engine.telling.groups.popitem()[1]
    with pytest.raises(Refused, match="mute everything"):
        asked_of(replace(group, labels={"team": ""}), desk, Pressed("silence", group.id, "ada", "1", ""))
    desk.close()


@pytest.mark.parametrize(
    ("kind", "status", "buttons"),
    [
        ("verdict", "firing", ["acknowledge", "silence", "useful", "noise"]),
        ("verdict", "resolved", ["useful", "noise"]),
        ("group of route", "firing", ["acknowledge", "silence"]),
        ("group of route", "resolved", []),
        ("storm", "firing", []),
    ],
)
def test_a_message_has_the_buttons_that_can_be_done(kind: str, status: str, buttons: list[str]):
    notice = {"id": "x", "notice": "x-1", "incident": kind, "status": status, "title": "t"}
    blocks = message(notice, Extras(buttons=True))["blocks"]
    found = [e["action_id"] for block in blocks if block["type"] == "actions" for e in block["elements"]]
    assert found == [f"streamgauge:{name}" for name in buttons]
