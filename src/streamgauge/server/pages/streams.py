"""The page of streams: how far each partition is read, what is late, what could not be read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streamgauge.channels.wording import printable
from streamgauge.config.models import StreamConfig
from streamgauge.server.brokers import brokers_of, with_ours
from streamgauge.server.desk import Desk
from streamgauge.server.pages.pulse import Pulse
from streamgauge.server.pages.rendering import page
from streamgauge.server.samples import key_places, masked, newest, reason_shown
from streamgauge.server.shown import streams_shown
from streamgauge.stores.contract import DeadLetter

LETTERS = 10
PAYLOAD = 400
"""Characters of a dead letter's record that are shown."""
SAMPLES = 5
"""Newest records that are shown."""


def routes(desk: Desk, pulse: Pulse) -> APIRouter:
    """``/streams``."""
    router = APIRouter()

    @router.get("/streams", response_class=HTMLResponse)
    def streams(request: Request) -> HTMLResponse:
        look, config = desk.look(), desk.running.config
        shown = streams_shown(desk.now, desk.clock.now())
        for stream in shown:
            name = stream["name"]
            declared = config.streams.get(name)
            stream["declared"] = declared
            stream["letters"] = look.dead_letters(stream=name, limit=LETTERS)
            stream["masked"] = [] if declared is None else masked(declared)
            stream["samples"] = [] if declared is None else newest(desk, name, declared, SAMPLES)
            stream["spread"] = _spread(desk, name, declared)
            stream["partitioned"] = declared is not None and bool(declared.partitioned_by)
        values = {
            "streams": shown,
            "pulse": pulse,
            "payload": payload,
            "reason": reason_shown,
            "brokers": any(stream.source.type == "kafka" for stream in config.streams.values()),
        }
        return page(request, "streams.html", values)

    @router.get("/streams/brokers", response_class=HTMLResponse)
    def asked(request: Request) -> HTMLResponse:
        known = brokers_of(desk).known()
        topics = [with_ours(topic, desk) for topic in known["topics"]]
        return page(request, "brokers.html", {**known, "topics": topics})

    return router


def _spread(desk: Desk, name: str, declared: StreamConfig | None) -> dict[str, Any] | None:
    """Which keys lie in which partition, where there are both."""
    if declared is None:
        return None
    found = key_places(desk, name, declared)
    several = len(desk.now.streams[name].partitions) > 1
    return found if found["by"] and found["partitions"] and several else None


def payload(letter: DeadLetter, masked: list[str]) -> str:
    """The beginning of the record; nothing of it where the stream has fields that must not be shown."""
    if masked:
        return "not shown: " + ", ".join(masked) + (" is" if len(masked) == 1 else " are") + " masked"
    if letter.payload is None:
        return "–"
    return printable(letter.payload.decode("utf-8", "replace"), PAYLOAD)
