"""The server's API as the app uses it: one method per question, answers as plain typed records.

:class:`Api` holds no state but a connection; whoever asks says with which token. What the server lacks in an answer
is missing here too, and what it adds is passed over, so that a newer server serves an older app.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from streamgauge.dashboard.answers import (
    Drift,
    FeatureCourse,
    Forecast,
    History,
    Incident,
    Incidents,
    Monitor,
    Monitors,
    Offered,
    Quality,
    Replayed,
    Status,
    Stream,
    Streams,
    Synthetic,
)
from streamgauge.dashboard.memory import Memory
from streamgauge.errors import ConfigError, OutsideError

PATIENCE = httpx.Timeout(30.0, connect=3.0)
"""Seconds; a replay has its own."""
REPLAY_SECONDS = 120.0

Answer = TypeVar("Answer")


class AwayError(OutsideError):
    """No server answers there."""


class ClosedError(ConfigError):
    """The server asks for a token, or for one that may do more.

    Attributes:
        forbidden: a token was given and is not for this.
    """

    def __init__(self, sentence: str, *, forbidden: bool) -> None:
        super().__init__(sentence)
        self.forbidden = forbidden


class RefusedError(ConfigError):
    """The server says no, and why.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Api:
    """One server, asked with one token.

    Args:
        url: of the server.
        token: empty for none.
        client: who asks; may be shared by many.
        memory: of this reader: what is costly to tell is not asked for anew each moment.

    All methods raise :class:`AwayError`, :class:`ClosedError` or :class:`RefusedError`.
    """

    def __init__(
        self, url: str, token: str = "", client: httpx.Client | None = None, memory: Memory | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._memory = memory
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = client or httpx.Client(timeout=PATIENCE)

    def is_there(self) -> bool:
        """Whether somebody answers; asks for no token."""
        try:
            return self._client.get(f"{self.url}/healthz", timeout=3.0).status_code < 500
        except httpx.HTTPError:
            return False

    def status(self) -> Status:
        """The engine as a whole."""
        return self._get("status", Status)

    def monitors(self) -> list[Monitor]:
        """All of them."""
        return self._get("monitors", Monitors).monitors

    def streams(self) -> list[Stream]:
        """All of them."""
        return self._get("streams", Streams).streams

    def incidents(self, monitor: str | None = None, limit: int = 200) -> list[Incident]:
        """Newest first."""
        return self._get("incidents", Incidents, monitor=monitor, limit=limit).incidents

    def history(
        self,
        monitor: str,
        key: str | None = None,
        span: tuple[str | None, str | None] = (None, None),
        points: int = 500,
    ) -> History:
        """Windows of a monitor, thinned out by the server to ``points``.

        ``key`` is the text of a key as the answer names it; None: all together. ``span``: ISO moments.
        """
        name = quote(monitor, safe="")
        return self._remembered(
            f"history/{name}", History, key=key, start=span[0], end=span[1], points=points
        )

    def drift(self, monitor: str, key: str | None = None, at: str | None = None) -> Drift:
        """The newest comparison of a drift monitor at or before ``at``."""
        return self._get(f"drift/{quote(monitor, safe='')}", Drift, key=key, at=at)

    def drift_features(self, monitor: str, key: str | None = None) -> FeatureCourse:
        """How far each feature lay from its reference, window by window."""
        return self._get(f"drift/{quote(monitor, safe='')}/features", FeatureCourse, key=key)

    def forecast(self, monitor: str, key: str | None = None, **asked: Any) -> Forecast:
        """What came beside what was expected, and what comes next: ``value``, ``steps``, ``model``, ``interval``."""
        return self._remembered(f"forecast/{quote(monitor, safe='')}", Forecast, key=key, **asked)

    def quality(self, monitor: str, key: str | None = None, points: int = 500) -> Quality:
        """How good a model was, window by window, as its labels came."""
        return self._remembered(f"quality/{quote(monitor, safe='')}", Quality, key=key, points=points)

    def replay(self, asked: Mapping[str, Any]) -> Replayed:
        """What a draft of a monitor would have told of the recent past."""
        return self._post("replay", asked, Replayed, REPLAY_SECONDS)

    def ask_monitor(self, monitor: str, verb: str) -> None:
        """``pause`` or ``resume`` it."""
        self._post(f"monitors/{quote(monitor, safe='')}/{verb}", None, dict[str, Any])

    def synthetic(self, stream: str, asked: Mapping[str, Any]) -> Synthetic:
        """Have points made up and sent into a stream that allows it."""
        return self._post(f"streams/{quote(stream, safe='')}/synthetic", asked, Synthetic)

    def offered(self) -> Offered:
        """What the app may offer: the detector of each monitor, the streams that take made-up points."""
        return self._get("analysis", Offered)

    def _remembered(self, path: str, kind: type[Answer], **asked: Any) -> Answer:
        if self._memory is None:
            return self._get(path, kind, **asked)
        question = (path, *sorted((name, str(value)) for name, value in asked.items() if value is not None))
        return self._memory.of(question, lambda: self._get(path, kind, **asked))

    def _get(self, path: str, kind: type[Answer], **asked: Any) -> Answer:
        given = {name: value for name, value in asked.items() if value is not None}
        return self._answer("GET", path, kind, params=given)

    def _post(self, path: str, body: Any, kind: type[Answer], seconds: float | None = None) -> Answer:
        timeout = PATIENCE if seconds is None else httpx.Timeout(seconds, connect=3.0)
        return self._answer("POST", path, kind, json=body, timeout=timeout)

    def _answer(self, method: str, path: str, kind: type[Answer], **request: Any) -> Answer:
        address = f"{self.url}/api/v1/{path}"
        try:
            answer = self._client.request(method, address, headers=self._headers, **request)
        except httpx.TransportError as error:
            raise AwayError(f"no Streamgauge server answers at {self.url}: {error}") from error
        if answer.is_success:
            try:
                return msgspec.json.decode(answer.content, type=kind)
            except msgspec.DecodeError as error:
                raise RefusedError(
                    f"{address} answered something else than expected: {error}", 502
                ) from error
        sentence = _said(answer)
        if answer.status_code in (401, 403):
            raise ClosedError(sentence, forbidden=answer.status_code == 403)
        if answer.status_code == 503:
            raise AwayError(sentence)
        raise RefusedError(sentence, answer.status_code)


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200]}"
