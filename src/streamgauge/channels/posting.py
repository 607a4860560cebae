"""One HTTP request that ends within its time whatever the receiver does, and says so without secrets.

What every channel that speaks HTTP stands on: connections kept open, one deadline for name, connection, request and
answer together, no redirects, and texts of the receiver that are safe to show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streamgauge import __version__
from streamgauge.channels.contract import Answer, Result
from streamgauge.channels.wording import printable
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    import httpx

BODY = 200
"""Characters of what somebody else said that are passed on."""

_START = 4 * BODY  # bytes of a body that only explains a status
_TIDY_UP = 0.25  # seconds for such a body after its status
_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class NoReplyError(Exception):
    """No answer came, or not a whole one where that matters: whether the receiver acted is unknown.

    The text is one sentence for people, without secrets.
    """


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered; ``body`` is its beginning where only the status counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Poster:
    """Sends requests of one channel; from one thread at a time.

    Args:
        headers: sent with every request.
        timeout: for a whole request.
        secrets: texts that must not be passed on, beside those in ``headers``.
    """

    def __init__(self, headers: Mapping[str, str], timeout: timedelta, secrets: Sequence[str] = ()) -> None:
        import httpx

        self._secrets = _longest_first([*secrets, *_of_headers(headers)])
        self._timeout = timeout.total_seconds()
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            timeout=self._timeout,
            headers={"Accept-Encoding": "identity", "User-Agent": f"streamgauge/{__version__}", **headers},
        )
        self._loop.run_until_complete(_warm())
        _keep_urls_out_of_logs()

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str] | None = None, *, whole: int = 0
    ) -> Reply:
        """Send it once.

        Args:
            url: complete.
            content: the body.
            headers: of this request.
            whole: the answer's body is wanted whole, up to so many bytes; 0 = the status is enough, and a body
                that is slow or breaks off changes nothing.

        Raises:
            NoReplyError: nothing (whole) came back in time.
        """
        import httpx

        where = origin(url)
        try:
            request = self._client.build_request("POST", url, content=content, headers=headers)
            return self._loop.run_until_complete(self._send(request, whole))
        except (TimeoutError, httpx.TimeoutException):
            raise NoReplyError(f"{where} did not answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise NoReplyError(f"{where} cannot be reached: {self.tell(error)}") from None

    def close(self) -> None:
        """Close the connections."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._client.aclose())
            self._loop.close()

    def tell(self, said: object) -> str:
        """What somebody else said, without our secrets, printable, short."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return printable(text.strip() or ("" if isinstance(said, bytes) else type(said).__name__), BODY)

    async def _send(self, request: httpx.Request, whole: int) -> Reply:
        deadline = self._loop.time() + self._timeout
        async with asyncio.timeout_at(deadline):
            response = await self._client.send(request, stream=True)
        try:
            if whole:
                async with asyncio.timeout_at(deadline):
                    body = await _read(response, whole)
            else:
                body = await self._start(response, min(deadline, self._loop.time() + _TIDY_UP))
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, bytes(body))

    async def _start(self, response: httpx.Response, deadline: float) -> bytearray:
        """The start of it. The status has spoken: a body that is slow or breaks off changes nothing."""
        import httpx

        body = bytearray()
        with suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout_at(deadline):
                await _read(response, _START, body)
        return body


async def _read(response: httpx.Response, most: int, into: bytearray | None = None) -> bytearray:
    body = bytearray() if into is None else into
    async for chunk in response.aiter_raw():
        body += chunk[:most]
        if len(body) >= most:
            break
    return body


async def _warm() -> None:
    """Load now what the first connection needs: the first alert of a morning should not pay for it."""
    import anyio.lowlevel
    import httpcore  # noqa: F401  httpx loads it with its first request

    await anyio.lowlevel.checkpoint()


def checked_url(url: str, what: str) -> str:
    """``url``, which the client can use.

    Raises:
        ConfigError: it cannot; ``what`` names it.
    """
    import httpx

    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"the {what} cannot be used: {error}") from None
    return url


def is_http_url(url: str) -> bool:
    """Whether it is an address such as ``https://host/path``, on one line.

    >>> is_http_url("https://hooks.example.com/x"), is_http_url("ftp://host"), is_http_url("https:///x")
    (True, False, False)
    """
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and url.isprintable()
        )
    except ValueError:
        return False


def judge(status: int, headers: Mapping[str, str], body: str, where: str, now: datetime) -> Answer:
    """What an HTTP status means for the notice.

    Args:
        status: the code.
        headers: names in any case that ``headers`` itself takes; ``retry-after``, ``date``, ``location``.
        body: the start of the body, safe to show.
        where: ``scheme://host``.
        now: used where the receiver sent no ``Date`` of its own.
    """
    said = f": {body}" if body else ""
    if 200 <= status < 300:
        return Answer(Result.DELIVERED, f"{where} answered {status}")
    if 300 <= status < 400:
        there = f" to {origin(headers['location'])}" if "location" in headers else ""
        return Answer(
            Result.GAVE_UP,
            f"{where} answered {status} and redirects{there}; redirects are not followed, set `url` to the final address",
        )
    if status in _AGAIN or status >= 500:
        return Answer(Result.AGAIN, f"{where} answered {status}{said}", retry_after(headers, now))
    return Answer(Result.GAVE_UP, f"{where} refused it with {status}{said}")


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the receiver asks us to wait: seconds, or a date (measured on its own clock if it sent one).

    >>> retry_after({"retry-after": "120"}, datetime.now(UTC))
    datetime.timedelta(seconds=120)
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    until = _date(text)
    if until is None:
        return None
    return max(timedelta(0), until - (_date(headers.get("date", "")) or now))


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def origin(url: str) -> str:
    """``scheme://host[:port]``, all of a URL that may be shown.

    >>> origin("https://user:pw@hooks.example.com:8443/T0/B0/secret?token=x")
    'https://hooks.example.com:8443'
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return printable(f"{parts.scheme}://{host}{port}", BODY) if host else "a path of its own"


def secrets_of(url: str) -> list[str]:
    """Parts of a URL that must not be passed on."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return [url, target, parts.path, parts.query, parts.password or ""]


def _of_headers(headers: Mapping[str, str]) -> list[str]:
    words = [word for value in headers.values() for word in value.split() if len(word) > len("Bearer")]
    return [*headers.values(), *words]


def _longest_first(secrets: Sequence[str]) -> list[str]:
    return sorted({secret for secret in secrets if len(secret) >= 5}, key=len, reverse=True)


def _keep_urls_out_of_logs() -> None:
    """Httpx logs each request's URL, and the secret in its path, at level INFO: leave the origin."""
    import logging

    logging.getLogger("httpx").addFilter(_shorten)


def _shorten(record: object) -> bool:
    arguments = getattr(record, "args", None)
    if isinstance(arguments, tuple):
        shown = tuple(origin(str(value)) if "://" in str(value) else value for value in arguments)
        record.args = shown  # type: ignore[attr-defined]
    return True
