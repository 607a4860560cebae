"""All that a probe tries, at once: a slow one does not make the others late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

from streamgauge.clock import Clock
from streamgauge.sources.polling.target import TargetError
from streamgauge.sources.probe.config import Config

if TYPE_CHECKING:
    from streamgauge.sources.probe.end_to_end import EndToEnd
    from streamgauge.sources.probe.network import Pages

Try: TypeAlias = Callable[[float], list[dict[str, Any]]]
"""Seconds → records."""


class Trying:
    """What is tried; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._tries: list[Try] = []
        self._path: EndToEnd | None = None

    def ask(self, seconds: float) -> Sequence[bytes]:
        """A record per try; what does not work is a record too.

        Raises:
            TargetError: nothing can be tried, as the authority's file cannot be read.
        """
        from streamgauge.sources.polling.source import as_records

        if not self._tries:
            self._tries = self._prepared()
        with ThreadPoolExecutor(len(self._tries), "probe") as pool:
            answers = list(pool.map(lambda one: one(seconds), self._tries))
        return as_records(row for rows in answers for row in rows)

    def close(self) -> None:
        """Let go of the connections to Kafka; others end with each try."""
        if self._path is not None:
            self._path.close()

    def _prepared(self) -> list[Try]:
        from streamgauge.sources.probe.network import Pages, try_port

        tries: list[Try] = []
        if self._config.http:
            try:
                pages = Pages(self._config, self._clock)
            except OSError as error:
                raise TargetError(
                    f"the authority's file {self._config.ca} (`ca`) cannot be read: {error}"
                ) from None
            tries += [_page(pages, url) for url in self._config.http]
        tries += [_port(try_port, place) for place in self._config.tcp]
        if self._config.kafka:
            from streamgauge.sources.probe.end_to_end import EndToEnd

            self._path = EndToEnd(self._config)
            tries.append(self._path.try_once)
        return tries


def _page(pages: Pages, url: str) -> Try:
    return lambda seconds: [pages.try_one(url, seconds)]


def _port(try_port: Callable[[str, float], dict[str, Any]], place: str) -> Try:
    return lambda seconds: [try_port(place, seconds)]
