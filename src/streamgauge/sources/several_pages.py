"""Several pages of metrics as one stream: asked at the same time, each record with whose it is.

Each answer has a record ``up`` per page, as Prometheus makes it: 1 where the page was read, else 0 with the reason under
``trouble``. So one of a fleet that is away is told by a monitor, and hides nothing of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from streamgauge.sources import exposition
from streamgauge.sources.polling.target import TargetError

OURS = ("instance", "trouble")
"""Names that a label cannot take here, beside those of one page."""


class SeveralPages:
    """All pages of a stream; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: exposition.Config) -> None:
        self._wanted = config.metrics
        self._pages = {name: exposition.Page(config, url) for name, url in instances(config.urls).items()}
        self._threads = ThreadPoolExecutor(len(self._pages), thread_name_prefix="pages")

    def ask(self, seconds: float) -> Sequence[bytes]:
        """A record per series and one per page.

        Raises:
            TargetError: no page at all answers with something of use.
        """
        from streamgauge.sources.polling.source import as_records

        rows: list[dict[str, Any]] = []
        troubles = []
        for found in self._threads.map(lambda name: self._of(name, seconds), self._pages):
            rows += found
            troubles += [row["trouble"] for row in found if "trouble" in row]
        if len(troubles) == len(self._pages):
            others = len(troubles) - 1
            raise TargetError(troubles[0] + (f"; {others} more cannot be read either" if others else ""))
        return as_records(rows)

    def close(self) -> None:
        """Let go of the connections; a question that is under way is left alone."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for page in self._pages.values():
            page.close()

    def _of(self, instance: str, seconds: float) -> list[dict[str, Any]]:
        """What one page tells, its ``up`` first."""
        try:
            rows = self._pages[instance].rows(seconds)
        except TargetError as error:
            return [_up(instance, str(error))]
        if not rows:
            return [_up(instance, f"{instance} has no series whose name matches {self._wanted[:80]}")]
        return [_up(instance), *({**_renamed(row), "instance": instance} for row in rows)]


def instances(urls: Sequence[str]) -> dict[str, str]:
    """The pages by how they are called: host and port, with the path where several lie on one.

    >>> instances(["http://a:9404/metrics", "https://b/x", "https://b/y?z=1"])
    {'a:9404': 'http://a:9404/metrics', 'b/x': 'https://b/x', 'b/y?z=1': 'https://b/y?z=1'}
    """
    hosts = [urlsplit(url).netloc.rpartition("@")[2] for url in urls]
    counted = Counter(hosts)
    named = {}
    for host, url in zip(hosts, urls, strict=True):
        after = url.partition(host)[2]
        named[host if counted[host] == 1 else host + after] = url
    return named


def _up(instance: str, trouble: str | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": "up", "value": float(trouble is None), "instance": instance}
    return row if trouble is None else {**row, "trouble": trouble}


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {f"label_{name}" if name in OURS else name: value for name, value in row.items()}
