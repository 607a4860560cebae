"""What every poller's configuration has beside its own keys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from streamgauge.channels.posting import is_http_url
from streamgauge.settings import FileName, PositiveDuration, wrong
from streamgauge.sources.contract import SourceConfig


class PollerConfig(SourceConfig):
    """Base of every poller's configuration; ``given_fields`` names what its records hold."""

    formats: ClassVar[frozenset[str]] = frozenset({"json"})

    every: PositiveDuration = timedelta(seconds=10)
    """How often it asks."""
    timeout: PositiveDuration = timedelta(seconds=5)
    """How long it waits for an answer."""
    max_waiting: Annotated[int, Field(gt=0)] = 1_000_000
    """Records kept until they are counted; beyond that an answer is not taken."""


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


NamePattern = Annotated[str, Field(min_length=1), AfterValidator(_is_pattern)]
"""A regular expression that the whole name of what is asked about must match."""


def _is_address(url: str) -> str:
    if not is_http_url(url) or "@" in urlsplit(url).netloc:
        raise ValueError("expected an address such as http://localhost:8083, without a login in it")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_is_address), Field(json_schema_extra={"pattern": "^https?://"})]
"""Of a server that is asked over HTTP, with a path before its API where it has one."""


class WebPollerConfig(PollerConfig):
    """Base of the pollers that ask a server's API over HTTP, which may want a login."""

    url: Address
    """Where the server is."""
    username: str | None = None
    """For a login by name and password."""
    password: str | None = None
    """The password; write it as `${NAME}`."""
    token: str | None = None
    """A bearer token, instead of name and password; write it as `${NAME}`."""
    ca: FileName | None = None
    """A file with the authority that signed the server's certificate; default: the system's."""

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.token is not None and self.username is not None:
            raise wrong("token", "write either `token`, or `username` and `password`")
        if self.password is not None and self.username is None:
            raise wrong("password", "write `username` too")
        return self
