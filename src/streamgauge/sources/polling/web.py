"""Questions over HTTP, for the pollers that ask so: one GET, whole, within its time and its bounds."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    import httpx

    from streamgauge.sources.polling.settings import WebPollerConfig

MOST = 64 * 1024**2
"""Bytes of an answer; a larger one is refused."""

SHOWN = 200
"""Characters of a refusal that are told."""


NOT_FOUND = 404


class RefusedError(TargetError):
    """An answer that is none: the server's status, and what it said."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Web:
    """Asks one address; redirects are followed, and credentials are not shown in what is told.

    Args:
        url: as people know it; without a password in it.
        headers: sent each time.
        ca: a file with the authority that signed the server's certificate; None: the system's.
    """

    def __init__(self, url: str, headers: Mapping[str, str], ca: str | None = None) -> None:
        self._url = url
        self._headers = dict(headers)
        self._ca = ca
        self._client: httpx.Client | None = None

    def get(self, seconds: float, params: Mapping[str, str] | None = None, *, path: str = "") -> bytes:
        """The body of a good answer; ``path`` is appended to the address.

        Raises:
            TargetError: no answer in time, a refusal, or more than is sensible.
        """
        import httpx

        until = time.monotonic() + seconds
        url = self._url + path
        try:
            if self._client is None:
                self._client = self._open()
            with self._client.stream("GET", url, params=params, timeout=seconds) as answer:
                body = self._whole(answer, until, seconds)
        except httpx.TimeoutException:
            raise TargetError(f"{url} gave no answer within {seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TargetError(f"{url} cannot be reached: {error}") from None
        if answer.status_code != httpx.codes.OK:
            said = " ".join(body.decode(errors="replace").split())[:SHOWN]
            told = f"{url} answers {answer.status_code}{f': {said}' if said else ''}"
            raise RefusedError(told, answer.status_code)
        return body

    def json(self, seconds: float, params: Mapping[str, str] | None = None, *, path: str = "") -> Any:
        """The body of a good answer, read.

        Raises:
            TargetError: as of :meth:`get`; or it is no JSON.
        """
        import msgspec

        body = self.get(seconds, params, path=path)
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError:
            said = body[:SHOWN].decode(errors="replace").strip()
            raise TargetError(f"{self._url}{path} answers what is no JSON: {said}") from None

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()

    def _open(self) -> httpx.Client:
        import ssl

        import httpx

        try:
            verify = ssl.create_default_context(cafile=self._ca) if self._ca is not None else True
        except OSError as error:
            raise TargetError(f"the authority's file {self._ca} (`ca`) cannot be read: {error}") from None
        return httpx.Client(headers=self._headers, follow_redirects=True, verify=verify)

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


def opened(config: WebPollerConfig) -> Web:
    """What asks the server of a configuration, with its login; connects at the first question."""
    headers = {"Accept": "application/json"}
    if config.token is not None:
        headers["Authorization"] = f"Bearer {config.token}"
    if config.username is not None:
        login = b64encode(f"{config.username}:{config.password or ''}".encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    return Web(config.url, headers, config.ca)
