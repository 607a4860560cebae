"""Questions over HTTP, for the pollers that ask so: one GET, whole, within its time and its bounds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    import httpx

MOST = 64 * 1024**2
"""Bytes of an answer; a larger one is refused."""

SHOWN = 200
"""Characters of a refusal that are told."""


class Web:
    """Asks one address; redirects are followed, and credentials are not shown in what is told.

    Args:
        url: as people know it; without a password in it.
        headers: sent each time.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = dict(headers)
        self._client: httpx.Client | None = None

    def get(self, seconds: float, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a good answer.

        Raises:
            TargetError: no answer in time, a refusal, or more than is sensible.
        """
        import httpx

        until = time.monotonic() + seconds
        if self._client is None:
            self._client = httpx.Client(headers=self._headers, follow_redirects=True)
        try:
            with self._client.stream("GET", self._url, params=params, timeout=seconds) as answer:
                body = self._whole(answer, until, seconds)
        except httpx.TimeoutException:
            raise TargetError(f"{self._url} gave no answer within {seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TargetError(f"{self._url} cannot be reached: {error}") from None
        if answer.status_code != httpx.codes.OK:
            said = body.decode(errors="replace").strip()[:SHOWN]
            raise TargetError(f"{self._url} answers {answer.status_code}{f': {said}' if said else ''}")
        return body

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()

    def _whole(self, answer: httpx.Response, until: float, seconds: float) -> bytes:
        parts, length = [], 0
        for part in answer.iter_bytes():
            parts.append(part)
            length += len(part)
            if length > MOST:
                raise TargetError(f"{self._url} answers more than {MOST // 1024**2} MiB; ask for less")
            if time.monotonic() > until:
                raise TargetError(f"{self._url} gave no whole answer within {seconds:g} s")
        return b"".join(parts)
