"""A schema registry (Confluent's API, which Apicurio, Karapace and Redpanda speak too): ids to schemas.

Schemas never change, so each is asked for once and kept. What is not known is asked for in a thread of its
own; nobody who reads waits on the network. A registry that is away stops nothing that is known already.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

import structlog
from pydantic import Field, field_validator, model_validator

from streamgauge.settings import FileName, Names, PositiveDuration, Settings, wrong

if TYPE_CHECKING:
    import httpx

MISSING = 5.0
"""Seconds after which a registry that answers "no such schema" is believed; a replica of it may lag."""
_AGAIN = 30.0
"""Seconds between questions about a schema that was given up."""
_MOST = 1_000
"""Schemas given up that are still asked for; records of any number of invented ids may come."""
_DEEPEST = 20

_log = structlog.get_logger("streamgauge.registry")


class RegistryConfig(Settings):
    """Where the schemas are, and how to log in."""

    url: Annotated[Names, Field(min_length=1)]
    """One address, or several of one registry, tried in turn."""
    username: str | None = None
    """For a login by name and password."""
    password: str | None = None
    """The password; write it as `${NAME}`."""
    token: str | None = None
    """A bearer token, instead of name and password; write it as `${NAME}`."""
    ca: FileName | None = None
    """A file with the authority that signed the registry's certificate; default: the system's."""
    timeout: PositiveDuration = timedelta(seconds=5)
    """How long one answer may take."""
    wait: PositiveDuration = timedelta(seconds=30)
    """How long records wait for a schema that cannot be had, before they go to the dead-letter."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
                raise ValueError("expected an address such as http://localhost:8085")
        return urls

    @model_validator(mode="after")
    def _one_login(self) -> RegistryConfig:
        if self.token is not None and self.username is not None:
            raise wrong("token", "write either `token`, or `username` and `password`")
        if self.password is not None and self.username is None:
            raise wrong("password", "write `username` too")
        return self

    @property
    def shown(self) -> str:
        """The addresses for people, without a login within them."""
        return ", ".join(urlsplit(url)._replace(netloc=_host(url)).geturl() for url in self.url)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as plain data, and those of other subjects that it names, in the order they are needed."""

    data: Any
    references: Mapping[str, Any] = field(default_factory=dict)


class RefusedError(Exception):
    """The registry will not give a schema; ``final``: asking again is of no use; ``missing``: it answered."""

    def __init__(self, words: str, *, final: bool = False, missing: bool = False) -> None:
        self.final = final
        self.missing = missing
        super().__init__(words)


@dataclass(slots=True)
class _Wanted:
    """A schema that is asked for."""

    since: float
    due: float
    tries: int = 0
    words: str = ""
    given_up: bool = False


class SchemaRegistry:
    """Schemas by id, fetched once. Methods may be called from any thread."""

    def __init__(
        self,
        config: RegistryConfig,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        fetch: Callable[[int], Schema] | None = None,
    ) -> None:
        """Nothing is connected before the first question; ``fetch`` stands in for the network."""
        self._config = config
        self._monotonic = monotonic
        self._fetch = fetch or _Client(config).schema
        self._known: dict[int, Schema] = {}
        self._refused: dict[int, str] = {}
        self._wanted: dict[int, _Wanted] = {}
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def get(self, number: int) -> Schema | str | None:
        """The schema; why it cannot be had; or None while it is being asked for (also if nobody did yet)."""
        known = self._known.get(number) or self._refused.get(number)
        if known is not None:
            return known
        wanted = self._wanted.get(number)
        if wanted is None or not wanted.given_up:
            return None
        waited = self._config.wait.total_seconds()
        return f"schema {number} could not be had from {self._config.shown} for {waited:g} s: {wanted.words}"

    def settled(self, numbers: Iterable[int]) -> bool:
        """Whether :meth:`get` has an answer for all; asks for those that are missing and does not wait."""
        missing = [number for number in numbers if self.get(number) is None]
        if missing:
            self._ask(missing)
        return not missing

    def wait(self, numbers: Iterable[int]) -> None:
        """Return when :meth:`get` has an answer for all: at the latest after the configured wait."""
        numbers = list(numbers)
        with self._change:
            while not self.settled(numbers):
                self._change.wait(0.1)

    def _ask(self, numbers: Iterable[int]) -> None:
        now = self._monotonic()
        with self._change:
            for number in numbers:
                self._wanted.setdefault(number, _Wanted(now, now))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="schema registry", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def _run(self) -> None:
        while True:
            for number, wanted in list(self._wanted.items()):
                if wanted.due <= self._monotonic():
                    self._try(number, wanted)
            with self._change:
                self._change.notify_all()
                due = min((wanted.due for wanted in self._wanted.values()), default=None)
                self._change.wait(_AGAIN if due is None else max(0.01, min(1.0, due - self._monotonic())))

    def _try(self, number: int, wanted: _Wanted) -> None:
        wanted.tries += 1
        try:
            self._known[number] = self._fetch(number)
        except RefusedError as error:
            self._note(number, wanted, error)
        else:
            del self._wanted[number]
            if wanted.tries > 1:
                _log.info("the schema was had at last", schema=number, registry=self._config.shown)

    def _note(self, number: int, wanted: _Wanted, error: RefusedError) -> None:
        now, wanted.words = self._monotonic(), str(error)
        if error.final:
            self._refused[number] = f"schema {number} of {self._config.shown}: {error}"
            del self._wanted[number]
            return
        if wanted.tries == 1:
            _log.warning(
                "records wait for a schema", schema=number, registry=self._config.shown, why=wanted.words
            )
        patience = self._config.wait.total_seconds()
        patience = min(patience, MISSING) if error.missing else patience
        wanted.given_up = wanted.given_up or now - wanted.since >= patience
        wanted.due = now + (_AGAIN if wanted.given_up else min(1.0, 0.1 * 2 ** min(wanted.tries, 5)))
        given_up = [at for at, other in self._wanted.items() if other.given_up]
        for oldest in given_up[: max(0, len(given_up) - _MOST)]:
            del self._wanted[oldest]


class _Client:
    """Asks over HTTP."""

    def __init__(self, config: RegistryConfig) -> None:
        self._config = config
        self._http: httpx.Client | None = None

    def schema(self, number: int) -> Schema:
        """The schema with this id, and what it refers to.

        Raises:
            RefusedError: it cannot be had now, or ever.
        """
        answer = self._get(f"/schemas/ids/{number}")
        kind = answer.get("schemaType", "AVRO")
        if kind != "AVRO":
            raise RefusedError(f"it is of type {kind}; this stream's format is avro", final=True)
        references: dict[str, Any] = {}
        self._follow(answer, references, 0)
        return Schema(_parsed(answer), references)

    def _follow(self, answer: Mapping[str, Any], found: dict[str, Any], depth: int) -> None:
        if depth > _DEEPEST:
            raise RefusedError("its references lead around in a circle", final=True)
        for reference in answer.get("references") or ():
            name = str(reference["name"])
            if name not in found:
                subject = quote(str(reference["subject"]), safe="")
                other = self._get(f"/subjects/{subject}/versions/{reference['version']}")
                self._follow(other, found, depth + 1)
                found[name] = _parsed(other)

    def _get(self, path: str) -> dict[str, Any]:
        trouble = RefusedError("there is no address to ask")
        for url in self._config.url:
            try:
                return self._ask(url.rstrip("/") + path)
            except RefusedError as error:
                trouble = error
        raise trouble

    def _ask(self, url: str) -> dict[str, Any]:
        import httpx

        try:
            if self._http is None:
                self._http = _connected(self._config)
            answer = self._http.get(url)
        except (httpx.HTTPError, OSError) as error:
            raise RefusedError(f"it is away ({error or type(error).__name__})") from None
        if answer.status_code in (401, 403):
            raise RefusedError(f"it refused the login ({answer.status_code}); check `registry:`")
        if answer.status_code == 404:
            raise RefusedError("it knows no such schema", missing=True)
        if answer.status_code != 200:
            raise RefusedError(f"it answered {answer.status_code}")
        with suppress(ValueError):
            found = answer.json()
            if isinstance(found, dict):
                return found
        raise RefusedError("its answer is not JSON; does the address lead to a schema registry?")


def _connected(config: RegistryConfig) -> httpx.Client:
    import ssl

    import httpx

    if config.ca is not None and not Path(config.ca).is_file():
        raise RefusedError(f"the file {config.ca} of `ca:` does not exist")
    headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
    if config.token is not None:
        headers["Authorization"] = f"Bearer {config.token}"
    return httpx.Client(
        auth=(config.username, config.password or "") if config.username is not None else None,
        headers=headers,
        timeout=config.timeout.total_seconds(),
        verify=ssl.create_default_context(cafile=config.ca),
        follow_redirects=False,
    )


def _parsed(answer: Mapping[str, Any]) -> Any:
    try:
        return json.loads(answer["schema"])
    except (KeyError, TypeError, ValueError):
        raise RefusedError("its schema is not JSON", final=True) from None


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
