"""Notices as JSON, posted to a URL.

.. code-block:: yaml

    channels:
      ops:
        type: webhook
        url: "${ALERT_URL}"
        headers: {Authorization: "Bearer ${ALERT_TOKEN}"}
        timeout: 5s
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator

from streamgauge import __version__
from streamgauge.channels.contract import Answer, ChannelConfig, Result
from streamgauge.channels.payload import encode
from streamgauge.channels.wording import printable
from streamgauge.clock import Clock, SystemClock, to_datetime
from streamgauge.errors import ConfigError
from streamgauge.settings import PositiveDuration

if TYPE_CHECKING:
    import httpx

BODY = 200
"""Characters of a refusal's body that are passed on."""

_TIDY_UP = 0.25  # seconds for a body after its status
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    {"idempotency-key", "content-type", "content-length", "transfer-encoding", "host", "connection"}
)
_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class Config(ChannelConfig):
    """What may be written beside ``type: webhook``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["webhook"] = "webhook"
    url: SecretStr
    """Where to post; never shown beyond ``https://host``."""
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Sent along; their values are never shown."""
    timeout: PositiveDuration = timedelta(seconds=5)
    """For the whole try: name, connection, request and answer together."""

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if not fine or not url.get_secret_value().isprintable():
            raise ValueError("expected a URL such as https://host/path")
        return url

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a header")
            if name.lower() in _OURS:
                raise ValueError(f"{name} is set by Streamgauge itself; leave it out")
            text = value.get_secret_value()
            if not (text.isascii() and text.isprintable()):
                raise ValueError(f"the value of {name} must be printable ASCII, on one line")
        return headers


class WebhookChannel:
    """Posts a notice and reads the answer's status.

    A try ends within ``timeout`` whatever the receiver does, also when it sends one byte at a time. Use it
    from one thread at a time.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], timeout: timedelta, clock: Clock | None = None
    ) -> None:
        import httpx

        self._clock = clock or SystemClock()
        self.origin = origin(url)
        self._secrets = _secrets(url, headers)
        self._url = _parsed(url)
        self._timeout = timeout.total_seconds()
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            timeout=self._timeout,
            headers={
                **headers,
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"streamgauge/{__version__}",
            },
        )
        self._loop.run_until_complete(_warm())
        _keep_urls_out_of_logs()

    def __repr__(self) -> str:
        return f"WebhookChannel({self.origin})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Post it once."""
        import httpx

        try:
            return self._loop.run_until_complete(self._post(notice))
        except (TimeoutError, httpx.TimeoutException):
            return Answer(Result.AGAIN, f"{self.origin} did not answer within {self._timeout:g} s")
        except (httpx.HTTPError, OSError) as error:
            return Answer(Result.AGAIN, f"{self.origin} cannot be reached: {self._tell(error)}")

    def close(self) -> None:
        """Close the connections."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._client.aclose())
            self._loop.close()

    async def _post(self, notice: Mapping[str, Any]) -> Answer:
        deadline = self._loop.time() + self._timeout
        request = self._client.build_request(
            "POST",
            self._url,
            content=encode(notice),
            headers={"Idempotency-Key": quote(str(notice["notice"]), safe=_PLAIN)},
        )
        async with asyncio.timeout_at(deadline):
            response = await self._client.send(request, stream=True)
        try:
            body = await self._body(response, min(deadline, self._loop.time() + _TIDY_UP))
        finally:
            await response.aclose()
        now = to_datetime(self._clock.now())
        return judge(response.status_code, response.headers, self._tell(body), self.origin, now)

    async def _body(self, response: httpx.Response, deadline: float) -> str:
        """The start of it. The status has spoken: a body that is slow or breaks off changes nothing."""
        import httpx

        body = bytearray()
        with suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout_at(deadline):
                async for chunk in response.aiter_raw():
                    body += chunk[: 4 * BODY]
                    if len(body) >= 4 * BODY:
                        break
        return body.decode("utf-8", "replace")

    def _tell(self, said: object) -> str:
        """What somebody else said, without our secrets, printable, short."""
        text = str(said) or type(said).__name__
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return printable(text.strip(), BODY)


async def _warm() -> None:
    """Load now what the first connection needs: the first alert of a morning should not pay for it."""
    import anyio.lowlevel
    import httpcore  # noqa: F401  httpx loads it with its first request

    await anyio.lowlevel.checkpoint()


def _parsed(url: str) -> httpx.URL:
    import httpx

    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"the `url` of a webhook cannot be used: {error}") from None


def open_channel(config: Config, name: str) -> WebhookChannel:  # noqa: ARG001  the contract's
    """The channel of ``config``; nothing is connected before the first notice."""
    headers = {key: value.get_secret_value() for key, value in config.headers.items()}
    return WebhookChannel(config.url.get_secret_value(), headers, config.timeout)


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


_PLAIN = "!#$&'()*+,/:;=?@[]^`{|}~"


def _secrets(url: str, headers: Mapping[str, str]) -> list[str]:
    """Texts that must not be passed on, the longest first."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    values = {url, target, parts.path, parts.query, parts.password or "", *headers.values()}
    values |= {word for value in headers.values() for word in value.split() if len(word) > len("Bearer")}
    return sorted((value for value in values if len(value) >= 5), key=len, reverse=True)


def _keep_urls_out_of_logs() -> None:
    """Httpx logs each request's URL, and the secret in its path, at level INFO: leave the origin."""
    import logging

    logging.getLogger("httpx").addFilter(_shorten)


def _shorten(record: Any) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(origin(str(value)) if "://" in str(value) else value for value in record.args)
    return True
