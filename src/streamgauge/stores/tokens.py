"""Tokens of the server: who may ask it what. A token is shown once, when it is made; the store keeps its hash.

A token is ``sg_ID_SECRET``: its id names it in lists and in the log, its secret has 256 random bits, so one round of
SHA-256 is enough (what slow hashes defend against is guessing, which 256 bits rule out).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError

from streamgauge.clock import Clock
from streamgauge.errors import ConfigError
from streamgauge.stores import backend_of
from streamgauge.stores.beside import Beside
from streamgauge.stores.migrate import migrate
from streamgauge.stores.schema import tokens
from streamgauge.stores.writing import sign

SCOPES = ("read", "ingest", "operate", "admin")
"""What a token may be for; ``operate`` includes ``read``, ``admin`` includes all."""

SHAPE = "`sg_`, eight hexadecimal digits, `_` and 43 characters"
_MADE = re.compile(r"sg_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")

_INCLUDED = {"operate": {"read"}, "admin": {"read", "ingest", "operate"}}


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the store knows it; moments are microseconds of the wall clock.

    Attributes:
        id: names it; part of the token itself.
        name: for people: whose it is.
        scopes: words of :data:`SCOPES`, as given.
        hash: SHA-256 of the token, hexadecimal.
        created_at, expires_at, revoked_at: None = never.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    hash: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    def may(self, scope: str) -> bool:
        """Whether it is for ``scope``, or for more than that."""
        return scope in self.scopes or any(scope in _INCLUDED.get(own, ()) for own in self.scopes)

    def valid(self, now: int) -> bool:
        """Whether it opens anything at ``now``."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def is_of(self, text: str) -> bool:
        """Whether ``text`` is this token; takes as long for a wrong one as for the right one."""
        return hmac.compare_digest(hash_of(text), self.hash)


class Tokens:
    """The tokens of one store; methods raise :class:`~streamgauge.errors.StoreError`.

    ``make``: a store that is not there is made, since the first token may be wanted before the first run.
    """

    def __init__(self, url: str, clock: Clock, *, make: bool = False) -> None:
        if make:
            make_store(url)
        self._beside = Beside(url, "power")
        self._clock = clock

    def create(self, name: str, scopes: Sequence[str], expires_at: int | None = None) -> str:
        """A new token; its text, which is kept nowhere."""
        text = f"sg_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
        with self._beside.writing() as connection:
            connection.execute(insert(tokens).values(self._row(text, name, scopes, expires_at)))
        return text

    def take(self, text: str, name: str, scopes: Sequence[str], expires_at: int | None = None) -> bool:
        """Let a token that was made elsewhere count here too; False where this store has it already.

        One that was revoked stays so: whoever hands the same token over at each start revives nothing.

        Raises:
            ConfigError: it is no token as :meth:`create` makes them, or another one here has its id.
        """
        if _MADE.fullmatch(text) is None:
            raise ConfigError(f"that is no token: expected what `token create` prints, {SHAPE}")
        with self._beside.writing() as connection:
            known = connection.execute(select(tokens.c.hash).where(tokens.c.id == _id_of(text))).scalar()
            if known is None:
                connection.execute(insert(tokens).values(self._row(text, name, scopes, expires_at)))
            elif not hmac.compare_digest(known, hash_of(text)):
                raise ConfigError(
                    f"another token has the id {_id_of(text)} here; make a new one by `token create` without a file"
                )
        return known is None

    def _row(
        self, text: str, name: str, scopes: Sequence[str], expires_at: int | None
    ) -> dict[str, str | int | None]:
        return {
            "id": _id_of(text),
            "name": name,
            "scopes": " ".join(scopes),
            "hash": hash_of(text),
            "created_at": self._clock.now(),
            "expires_at": expires_at,
        }

    def all(self) -> list[Token]:
        """All of them, revoked and expired ones included, the oldest first."""
        with self._beside.reading() as connection:
            found = connection.execute(select(tokens).order_by(tokens.c.created_at, tokens.c.id))
            return [_token(row) for row in found]

    def revoke(self, id_: str) -> bool:
        """Let it open nothing any more; False where there is none, or it was revoked before."""
        of = (tokens.c.id == id_, tokens.c.revoked_at.is_(None))
        with self._beside.writing() as connection:
            revoked = connection.execute(update(tokens).where(*of).values(revoked_at=self._clock.now()))
            return revoked.rowcount == 1

    def close(self) -> None:
        """Let go of the store."""
        self._beside.close()


def make_store(url: str) -> None:
    """A store that has its tables and its own id; one that is there is brought up to date."""
    backend = backend_of(url, durability="power")
    try:
        with backend.write() as connection:
            migrate(connection, where=backend.where)
            sign(connection)
    except DBAPIError as error:
        raise backend.explain(error) from error
    finally:
        backend.close()


def hash_of(text: str) -> str:
    """What the store keeps of a token."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _id_of(text: str) -> str:
    return text.split("_")[1]


def _token(row: object) -> Token:
    fields = dict(row._mapping)  # type: ignore[attr-defined]
    return Token(**{**fields, "scopes": tuple(fields["scopes"].split())})
