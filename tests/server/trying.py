"""Trials in this process: to start one of its own takes seconds."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import msgspec

from streamgauge.engines.replay.apart import ApartError
from streamgauge.errors import StreamgaugeError
from streamgauge.stores.rows import json_text

WINDOW = "{type: tumbling, size: 20s, by: account, compute: {n: count(*), mean: avg(amount)}}"


def within(work: str, given: Any, seconds: float) -> dict[str, Any]:
    """As :func:`streamgauge.engines.replay.apart.ask` answers."""
    del seconds
    try:
        found = import_module(work).answer(msgspec.json.encode(given))
        answer: dict[str, Any] = msgspec.json.decode(json_text(found))
    except StreamgaugeError as error:
        raise ApartError(str(error)) from None
    return answer
