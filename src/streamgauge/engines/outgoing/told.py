"""Opens a channel with what it asks for: the clock, its receipts, and the series that a notice is about."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from streamgauge.channels.contract import Answer, Channel, Recent
from streamgauge.clock import Clock, to_micros
from streamgauge.config import plugins
from streamgauge.errors import StreamgaugeError
from streamgauge.keys import key_from_plain

if TYPE_CHECKING:
    from streamgauge.config.models import Config
    from streamgauge.stores.contract import Reading

SHOWN = 40
"""Windows that a picture shows."""

_log = structlog.get_logger("streamgauge.channels")


def open_channel(config: Config, name: str, clock: Clock, store: Reading | None = None) -> Channel:
    """The channel ``name`` of a configuration.

    Args:
        config: checked.
        name: declared, or ``console``.
        clock: stamps what it sends.
        store: what it remembers over a restart, and where series come from; None for a trial.

    Raises:
        ConfigError: it cannot be opened as it is written.
    """
    settings = config.channel(name)
    opener = plugins.module("channels", settings.type).open_channel
    asked = inspect.signature(opener).parameters
    offered: dict[str, Any] = {"clock": clock}
    if store is not None:
        offered["recent"] = recent_in(store)
        if "receipts" in asked:
            from streamgauge.stores.receipts import Receipts  # a replay needs no database

            offered["receipts"] = Receipts(config.store.url, name, clock, config.store.durability)
    channel: Channel = opener(
        settings, name, **{key: value for key, value in offered.items() if key in asked}
    )
    pages = config.server.public_url
    return channel if pages is None else Linked(channel, pages)


class Linked:
    """A channel whose notices carry ``link``: the page of their incident. What stands for several has none."""

    def __init__(self, channel: Channel, pages: str) -> None:
        self._channel = channel
        self._pages = pages.rstrip("/")

    def send(self, notice: dict[str, Any]) -> Answer:
        """Send it with its link."""
        kind = str(notice.get("incident") or "")
        if kind == "storm" or kind.startswith("group of"):
            return self._channel.send(notice)
        return self._channel.send({**self._linked(notice), **self._around(notice)})

    def _linked(self, notice: Mapping[str, Any]) -> dict[str, Any]:
        return {**notice, "link": f"{self._pages}/incidents/{quote(str(notice.get('id') or ''), safe='')}"}

    def _around(self, notice: Mapping[str, Any]) -> dict[str, Any]:
        """What else began, each with the page of its own."""
        found = notice.get("around")
        return {"around": [self._linked(each) for each in found]} if found else {}

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def recent_in(store: Reading) -> Recent:
    """The last closed windows of a notice's key, and what the notice observed."""

    def recent(notice: Mapping[str, Any]) -> Sequence[float | None]:
        name = _first_number(notice.get("observed"))
        start, end = notice.get("window_start"), notice.get("window_end")
        if name is None or not start or not end:
            return ()
        begin, close = _micros(start), _micros(end)
        earliest = close - SHOWN * max(1, close - begin)
        try:
            frame = store.history(
                str(notice.get("monitor")),
                key=key_from_plain(notice.get("key")),
                start=earliest,
                end=close,
            )
        except StreamgaugeError as error:
            _log.debug("no picture of a series", why=str(error))
            return ()
        if name not in frame.columns:
            return ()
        before = [_number(value) for value in frame[name].to_list()]
        return [*before, _number((notice.get("observed") or {}).get(name))][-SHOWN:]

    return recent


def _first_number(observed: Any) -> str | None:
    """The name of the first number that was observed."""
    if not isinstance(observed, Mapping):
        return None
    return next((name for name, value in observed.items() if _number(value) is not None), None)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _micros(text: str) -> int:
    return to_micros(datetime.fromisoformat(text))
