"""Records that programs post to this process: ``POST /api/v1/streams/NAME/events``.

A request is answered with 202 only once its records lie in the store's inbox; from there they are read like those
of any other source, and removed once they are counted. Killed at any instant, what was accepted is counted once.
One partition, called as the stream; offsets in the order in which requests were committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from streamgauge.clock import Clock
from streamgauge.errors import SourceError
from streamgauge.settings import PositiveDuration
from streamgauge.sources.contract import SourceConfig
from streamgauge.sources.inbox_source import InboxSource


class Config(SourceConfig):
    """``source: {type: http, token: "${INGEST_TOKEN}"}``."""

    formats: ClassVar[frozenset[str]] = frozenset({"json"})

    type: Literal["http"] = "http"
    token: Annotated[str, Field(min_length=8)]
    """What a request must carry (`Authorization: Bearer …`); write it as `${NAME}`."""
    max_bytes: Annotated[int, Field(gt=0, le=64 * 1024**2)] = 1024**2
    """The largest request."""
    max_per_second: Annotated[int, Field(gt=0)] = 10_000
    """Records taken per second, over all requests."""
    max_waiting: Annotated[int, Field(gt=0)] = 1_000_000
    """Records kept until they are counted; beyond that nothing more is taken."""
    remember: PositiveDuration = timedelta(hours=24)
    """For how long a request's `Idempotency-Key` is known: sent again, it gets the same answer and counts once."""


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> HttpSource:
    """The reader of a stream's inbox in the store at ``store_url``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    del config  # how much is taken, and from whom, is looked at where requests arrive
    if store_url is None:
        raise SourceError(
            f"stream {stream!r} takes records by HTTP, which only `streamgauge run` does; name recorded ones: "
            f"--stream {stream}=PATH"
        )
    from streamgauge.stores.inbox import Inbox

    return HttpSource(stream, clock, Inbox(store_url))


class HttpSource(InboxSource):
    """Reads what was posted. Whoever puts something in is another thread, or was another process."""

    def describe(self) -> Mapping[str, Any]:
        """What it is and where it starts."""
        return {"type": "http", "path": f"/api/v1/streams/{self._stream}/events", **super().describe()}
