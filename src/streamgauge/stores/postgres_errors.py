"""What PostgreSQL's errors mean, in words: what happened, where, what to do."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from streamgauge.errors import StoreDamagedError, StoreError

_AGAIN = "Nothing was written, nothing is lost, and it is tried again"

# By SQLSTATE; where it is not known (before a session there is none) by words, which libpq takes from the server.
_STATES: dict[str, str] = {
    "28P01": "refuses the password",
    "28000": "refuses the login",
    "3D000": "no database",
    "42501": "no rights",
    "25006": "read-only",
    "53300": "too many",
    "57P01": "shut down",
    "57P02": "shut down",
    "57P03": "starting",
    "25P03": "frozen",
    "55P03": "locked",
    "53100": "full",
    "40001": "again",
    "40P01": "again",
    "XX001": "damaged",
    "XX002": "damaged",
}
_WORDS: dict[str, str] = {
    "password authentication failed": "refuses the password",
    "no password supplied": "refuses the password",
    "no pg_hba.conf entry": "refuses the login",
    "Peer authentication failed": "refuses the login",
    "certificate": "refuses the login",
    "too many clients": "too many",
    "connection slots": "too many",
    "too many connections": "too many",
    "the database system is": "starting",
    "permission denied": "no rights",
    "terminating connection due to administrator command": "shut down",
    "in a read-only transaction": "read-only",
    "during recovery": "read-only",
}


def explained(where: str, error: DBAPIError, *, waited: float, holder: Callable[[], str]) -> StoreError:
    """The error in words.

    Args:
        where: the store's place, without secrets.
        error: as SQLAlchemy raised it.
        waited: seconds that a transaction waits for another's.
        holder: says who holds the store's lock; asked only where that is the trouble.
    """
    said = _one_line(error.orig)
    kind = _kind(error, said)
    if kind == "damaged":
        return StoreDamagedError(
            f"the store {where} is damaged ({said}): put back a copy, or look into the server's log"
        )
    if kind == "locked":
        return StoreError(
            f"the store {where} is locked by {holder()} (waited {waited:g} s); end what holds it. {_AGAIN}"
        )
    if kind in _SENTENCES:
        return StoreError(_SENTENCES[kind].format(where=where, said=said, again=_AGAIN))
    return StoreError(f"the store {where} failed: {said}")


def _kind(error: DBAPIError, said: str) -> str:
    state = getattr(error.orig, "sqlstate", None)
    if state in _STATES:
        return _STATES[state]
    for words, kind in _WORDS.items():
        if words in said:
            return kind
    if "FATAL" in said and "database" in said and "does not exist" in said:
        return "no database"
    if "FATAL" in said and "does not exist" in said:
        return "refuses the login"
    if error.connection_invalidated:
        return "lost"
    return (
        "unreached"
        if type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout") and state is None
        else ""
    )


_SENTENCES: dict[str, str] = {
    "refuses the password": (
        "the store {where} refuses the password of this user ({said}); give the right one in the URL as ${{NAME}}, in "
        "PGPASSWORD, or in a password file"
    ),
    "refuses the login": (
        "the store {where} refuses the login ({said}); name a user that the server lets in from here (its pg_hba.conf, "
        "its roles, its certificates)"
    ),
    "no database": "there is no database at {where} ({said}); make it with `createdb`, or name another under `store:`",
    "no rights": (
        "the store {where} may not be used so by this user ({said}); let it own the database, or grant it CREATE and "
        "USAGE on the schema and all rights on the store's tables"
    ),
    "read-only": (
        "the store {where} is read-only ({said}): a standby, or set so; name the server that takes writes"
    ),
    "too many": (
        "the store {where} takes no more connections ({said}); close some, or raise the server's max_connections"
    ),
    "shut down": "the server of the store {where} shut down in the middle ({said}). {again}",
    "starting": "the server of the store {where} is not ready ({said}); come again in a moment",
    "frozen": "this process stood still in the middle of a transaction, which the store {where} then ended. {again}",
    "full": "the disk of the store {where} is full ({said}): make room on the server. {again}",
    "again": "the store {where} met another transaction ({said}). {again}",
    "lost": "the connection to the store {where} broke ({said}). {again}",
    "unreached": (
        "the store {where} cannot be reached ({said}); is the server running, and are host and port right?"
    ),
}


def _one_line(error: BaseException | None) -> str:
    """What the server or libpq said, on one line and without its hints."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [
        line
        for line in lines
        if line and not line.startswith(("LINE ", "^", "Is the server running", "HINT"))
    ]
    return "; ".join(kept)[:400].rstrip(".")
