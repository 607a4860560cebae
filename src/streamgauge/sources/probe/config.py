"""What a user writes beside ``type: probe``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from streamgauge.batch import FieldKind
from streamgauge.channels.posting import is_http_url
from streamgauge.settings import FileName, Names, wrong
from streamgauge.sources.kafka.client_settings import ClientSettings, Setting
from streamgauge.sources.polling.settings import PollerConfig

FIELDS: Mapping[str, FieldKind] = {
    "kind": "string",
    "target": "string",
    "ok": "bool",
    "seconds": "float",
    "error": "string",
    "status": "int",
    "certificate_days": "float",
    "partition": "int",
    "acknowledged": "float",
}
"""What its records hold; see docs/sources/probe.md."""

Few = Field(max_length=100)
"""They are tried all at once, each on a thread."""


class Config(ClientSettings, PollerConfig):
    """``source: {type: probe, http: "https://shop.example/health", tcp: "db:5432"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS

    type: Literal["probe"] = "probe"
    http: Annotated[Names, Few] = ()
    """Pages to get."""
    status: tuple[Annotated[int, Field(ge=100, le=599)], ...] = ()
    """What a page may answer; default: anything below 400, redirects followed."""
    contains: Annotated[str, Field(min_length=1)] | None = None
    """A text that must stand in each page."""
    ca: FileName | None = None
    """A file with the authority that signed the pages' certificates; default: the system's."""
    tcp: Annotated[Names, Few] = ()
    """Ports to connect to, as `host:port`."""
    kafka: Names = ()
    """Brokers to send a record through, as `host:port`."""
    topic: Annotated[str, Field(min_length=1)] | None = None
    """The topic for it, which nobody else needs; it must exist."""
    settings: Annotated[
        dict[str, Setting], Field(description="settings of librdkafka, such as security.protocol")
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something_to_try(self) -> Self:
        if not (self.http or self.tcp or self.kafka):
            raise wrong("http", "expected something to try: `http`, `tcp` or `kafka`")
        if bool(self.kafka) != (self.topic is not None):
            raise wrong("topic", "write `kafka` (the brokers) and `topic` together")
        return self

    @model_validator(mode="after")
    def _addresses(self) -> Self:
        for url in self.http:
            if not is_http_url(url) or "@" in urlsplit(url).netloc:
                raise wrong("http", f"expected an address such as https://shop.example/health, found {url!r}")
        for place in self.tcp:
            try:
                host_and_port(place)
            except ValueError as error:
                raise wrong("tcp", str(error)) from None
        return self


def host_and_port(place: str) -> tuple[str, int]:
    """Both parts of ``host:port``.

    >>> host_and_port("db:5432"), host_and_port("[::1]:80")
    (('db', 5432), ('::1', 80))

    Raises:
        ValueError: with what was expected.
    """
    parts = urlsplit(f"//{place}")
    if parts.netloc != place or "@" in place or not parts.hostname or not parts.port:
        raise ValueError(f"expected host:port, such as db:5432, found {place!r}")
    return parts.hostname, parts.port
