"""Notices as JSON, posted to a URL.

.. code-block:: yaml

    channels:
      ops:
        type: webhook
        url: "${ALERT_URL}"
        headers: {Authorization: "Bearer ${ALERT_TOKEN}"}
        timeout: 5s
        secret: "${ALERT_SECRET}"
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

from pydantic import ConfigDict, Field, SecretStr, field_validator

from streamgauge.channels.contract import Answer, ChannelConfig, Result
from streamgauge.channels.payload import encode
from streamgauge.channels.posting import (
    NoReplyError,
    Poster,
    checked_url,
    is_http_url,
    judge,
    origin,
    secrets_of,
)
from streamgauge.channels.templating import Templated, TemplateText
from streamgauge.clock import Clock, SystemClock, to_datetime
from streamgauge.settings import PositiveDuration

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    {"idempotency-key", "content-type", "content-length", "transfer-encoding", "host", "connection"}
    | {"x-streamgauge-signature", "x-streamgauge-timestamp"}
)


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
    secret: SecretStr | None = None
    """Signs each request (HMAC-SHA256), so that the receiver knows who sent it; never shown."""
    body: TemplateText | None = None
    """A Jinja template of the request's body; default: the notice as JSON."""
    content_type: str = Field(default="application/json", pattern=r"^[\w.+-]+/[\w.+-]+(; ?[\w=.+-]+)?$")
    """Of the body that the template makes."""

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: SecretStr) -> SecretStr:
        if not is_http_url(url.get_secret_value()):
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

    Args:
        config: checked.
        name: the channel's, for the log.
        clock: stamps the signature.
    """

    def __init__(self, config: Config, name: str, clock: Clock | None = None) -> None:
        url = config.url.get_secret_value()
        headers = {key: value.get_secret_value() for key, value in config.headers.items()}
        self._clock = clock or SystemClock()
        self._url = checked_url(url, "`url` of a webhook")
        self._secret = None if config.secret is None else config.secret.get_secret_value().encode()
        self._body = Templated(config.body, f"the body of channel {name}")
        self._content_type = config.content_type
        self.origin = origin(url)
        self._poster = Poster(headers, config.timeout, secrets_of(url))

    def __repr__(self) -> str:
        return f"WebhookChannel({self.origin})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Post it once."""
        content, kind, failed = self._content(notice)
        headers = {"Idempotency-Key": quote(str(notice["notice"]), safe=_PLAIN), "Content-Type": kind}
        if self._secret is not None:
            headers |= signature(self._secret, self._clock.now() // 1_000_000, content)
        try:
            reply = self._poster.post(self._url, content, headers)
        except NoReplyError as error:
            return Answer(Result.AGAIN, str(error))
        now = to_datetime(self._clock.now())
        answer = judge(reply.status, reply.headers, self._poster.tell(reply.body), self.origin, now)
        return Answer(answer.result, f"{answer.detail}; {failed}", answer.wait) if failed else answer

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()

    def _content(self, notice: Mapping[str, Any]) -> tuple[bytes, str, str]:
        """The body, its type, and why the template failed."""
        text, failed = self._body.render(notice)
        if text is not None:
            return text.encode("utf-8", "replace"), self._content_type, ""
        return encode({**notice, "template_error": failed} if failed else notice), "application/json", failed


def open_channel(config: Config, name: str) -> WebhookChannel:
    """The channel of ``config``; nothing is connected before the first notice."""
    return WebhookChannel(config, name)


def signature(secret: bytes, seconds: int, content: bytes) -> dict[str, str]:
    """The headers that prove who sent ``content``, and when: HMAC-SHA256 of ``v1:SECONDS:CONTENT``.

    A receiver computes the same, compares in constant time, and refuses what is older than a few minutes.
    """
    digest = hmac.new(secret, b"v1:%d:" % seconds + content, hashlib.sha256).hexdigest()
    return {"X-Streamgauge-Timestamp": str(seconds), "X-Streamgauge-Signature": f"v1={digest}"}


_PLAIN = "!#$&'()*+,/:;=?@[]^`{|}~"
