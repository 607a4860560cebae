"""Who may come in: tokens, how often, from where. Decides; answers nothing by itself.

As long as no token was ever made, a server that only this machine can reach asks for none. From the first token on,
every door but the open ones asks for one, also after it was revoked or has expired.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from streamgauge.errors import StoreError
from streamgauge.server.doors import OPEN, OWN, scope_of
from streamgauge.server.mailroom import Rate
from streamgauge.server.refusals import Refused, is_loopback

if TYPE_CHECKING:
    from streamgauge.config.models import ServerConfig
    from streamgauge.server.desk import Desk
    from streamgauge.stores.tokens import Token, Tokens

LOOK = 1.0
"""Seconds after which tokens are read again: a revoked one opens nothing any more after that."""
TRUSTED = 60.0
"""Seconds for which tokens that were read stand in while the store cannot be read."""
FAILURES = 20
"""Different wrong tokens per minute and address; then wrong ones wait.

The right one always opens: behind a proxy that is not named all have one address, and nobody shall shut out others.
"""
ADDRESSES = 10_000
"""Addresses that are counted; the one unseen the longest is forgotten first."""
COOKIE = "streamgauge_token"
HERE = "somebody on this machine"
"""Who asks while no token was ever made."""

_NO_HASH = "0" * 64
_log = structlog.get_logger("streamgauge.server")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as far as the gate looks at it.

    Attributes:
        method, path: of its first line.
        peer: the address at the other end of the connection.
        forwarded: the header ``X-Forwarded-For``.
        host, origin: these headers, as sent.
        token: from ``Authorization: Bearer``, else the cookie; empty where there is none.
    """

    method: str
    path: str
    peer: str
    forwarded: str = ""
    host: str = ""
    origin: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was let in.

    Attributes:
        name: for the history of incidents: the token's name, or ``somebody on this machine``.
        address: where from.
        token: None where none was asked for.
    """

    name: str
    address: str
    token: Token | None = None

    def may(self, scope: str) -> bool:
        """Whether a token was given that is for ``scope``."""
        return self.token is not None and self.token.may(scope)


class Gate:
    """The gate of one server; used by its thread alone."""

    def __init__(self, desk: Desk, config: ServerConfig) -> None:
        self._desk = desk
        self._config = config
        self._proxies = [ipaddress.ip_network(text, strict=False) for text in config.trusted_proxies]
        self._store: Tokens | None = None
        self._tokens: Sequence[Token] = ()
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._rates: OrderedDict[str, Rate] = OrderedDict()
        self._failures: OrderedDict[str, dict[str, float]] = OrderedDict()

    def admit(self, asked: Asked) -> Caller:
        """Let a request in.

        Raises:
            Refused: 401 no token or a wrong one, 403 not for that, or a page of another site, 421 another
                host's name, 429 too often, 503 the tokens cannot be read.
        """
        address = self._address(asked)
        if asked.path not in ("/healthz", "/readyz"):
            self._check_pace(address)
        self._refuse_other_sites(asked)
        scope = scope_of(asked.method, asked.path)
        if scope == OPEN:
            return Caller("somebody", address)
        if not self.tokens():
            self._check_host(asked)
            return Caller(HERE, address)
        if scope == OWN:
            return Caller("a stream's own token", address, self._known(asked.token))
        return self._by_token(asked, scope, address)

    def tokens(self) -> Sequence[Token]:
        """All that were ever made; at most a second old.

        Raises:
            Refused: with 503, they cannot be read.
        """
        now = self._desk.clock.monotonic()
        if now - self._tried_at < LOOK:
            return self._still(now)
        self._tried_at = now
        try:
            self._tokens = self._opened().all()
            self._read_at = now
        except StoreError as error:
            if not self._tokens and not self._is_there():
                return ()  # no store, so no token was ever made
            _log.warning("the tokens cannot be read", why=str(error))
        return self._still(now)

    def check(self, text: str, address: str) -> Token:
        """The valid token of this text.

        Raises:
            Refused: with 401 or 429.
        """
        token = self._known(text)
        if token is None:
            self._note_failure(text, address)
            what = (
                "is not valid (any more): it was revoked, has expired, or never was one"
                if text
                else "is missing"
            )
            refused = Refused(
                401, f"the token {what}; send one as `Authorization: Bearer TOKEN`, or sign in at /sign-in"
            )
            refused.headers = {"WWW-Authenticate": "Bearer"}
            raise refused
        return token

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _by_token(self, asked: Asked, scope: str, address: str) -> Caller:
        token = self.check(asked.token, address)
        if not token.may(scope):
            may = ", ".join(token.scopes) or "nothing"
            raise Refused(403, f"token {token.id} ({token.name}) is for {may}; this asks for `{scope}`")
        return Caller(token.name, address, token)

    def _known(self, text: str) -> Token | None:
        """The valid token of this text; as slow for a wrong one as for a right one."""
        from streamgauge.stores.tokens import hash_of

        parts = text.split("_", 2)
        id_ = parts[1] if len(parts) == 3 else ""
        token = next((one for one in self.tokens() if one.id == id_), None)
        right = hmac.compare_digest(hash_of(text), _NO_HASH if token is None else token.hash)
        return token if token is not None and right and token.valid(self._desk.clock.now()) else None

    def _is_there(self) -> bool:
        from streamgauge.stores import file_of

        file = file_of(self._desk.running.config.store.url)
        return file is None or file.exists()

    def _still(self, now: float) -> Sequence[Token]:
        if not self._tokens and not self._is_there():
            return ()
        if now - self._read_at > TRUSTED:
            raise Refused(503, "the tokens cannot be read from the store now; come again")
        return self._tokens

    def _opened(self) -> Tokens:
        from streamgauge.stores.tokens import Tokens

        if self._store is None:
            self._store = Tokens(self._desk.running.config.store.url, self._desk.clock)
        return self._store

    def _address(self, asked: Asked) -> str:
        """Where it comes from; a proxy's word counts only where the configuration names the proxy."""
        address = asked.peer
        for hop in reversed([part.strip() for part in asked.forwarded.split(",") if part.strip()]):
            if not self._is_proxy(address) or not _is_address(hop):
                break
            address = hop
        return address

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(
            ipaddress.ip_address(address) in network for network in self._proxies
        )

    def behind_proxy(self, peer: str) -> bool:
        """Whether ``peer`` is a proxy that the configuration names."""
        return self._is_proxy(peer)

    def _check_host(self, asked: Asked) -> None:
        """While nobody is asked who it is, a page that calls itself by our address must not get in.

        (DNS rebinding: a name of a stranger's that leads to 127.0.0.1; the browser takes it for the page's own.)
        """
        name = asked.host.rpartition(":")[0] if not asked.host.endswith("]") else asked.host
        name = name if name and asked.host.rpartition(":")[2].isdigit() else asked.host
        if not is_loopback(name.strip("[]")) and not self._proxies:
            raise Refused(421, "this server only answers as localhost or 127.0.0.1 until there are tokens")

    def _refuse_other_sites(self, asked: Asked) -> None:
        if asked.method in ("GET", "HEAD") or not asked.origin:
            return
        site = asked.origin.partition("://")[2]
        if site.lower() != asked.host.lower() or not site:
            raise Refused(403, "a page of another site may not change anything here")

    def _check_pace(self, address: str) -> None:
        rate = self._rates.pop(address, None)
        if rate is None or rate.per_second != self._config.requests_per_second:
            rate = Rate(self._config.requests_per_second, self._desk.clock.monotonic)
        self._rates[address] = rate
        while len(self._rates) > ADDRESSES:
            self._rates.popitem(last=False)
        seconds = rate.wait(1)
        if seconds:
            raise _later(
                f"more than {self._config.requests_per_second} requests/s came from this address", seconds
            )

    def _note_failure(self, text: str, address: str) -> None:
        """Count a wrong token; the same one again, as a page with an old cookie sends it, is no new guess."""
        from streamgauge.stores.tokens import hash_of

        if not text:
            return
        now = self._desk.clock.monotonic()
        recent = {guess: at for guess, at in self._failures.pop(address, {}).items() if now - at < 60}
        guess = hash_of(text)
        self._failures[address] = recent
        while len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)
        if guess in recent:
            return
        if len(recent) >= FAILURES:
            raise _later("too many wrong tokens came from this address", 60 - (now - min(recent.values())))
        recent[guess] = now
        _log.warning("a request without a valid token was refused", address=address)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _later(what: str, seconds: float) -> Refused:
    wait = max(1, int(seconds + 0.999))
    refused = Refused(429, f"{what}; come again in {wait} s")
    refused.headers = {"Retry-After": str(wait)}
    return refused
