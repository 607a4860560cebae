"""What PostgreSQL's errors mean for a table that rows go into, in one sentence each, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import psycopg

# By SQLSTATE; before there is a session it is not known, and libpq's words are.
_STATES: Final = {
    "28P01": "it refuses the password; give the right one in `url` as ${NAME}, or in PGPASSWORD",
    "28000": "it refuses the login; name a user that it lets in from here",
    "3D000": "there is no such database; make it with `createdb`",
    "3F000": "there is no such schema; make it with CREATE SCHEMA",
    "42501": "this user may not; grant INSERT, UPDATE, DELETE and SELECT on the table, and CREATE where it is missing",
    "25006": "it is read-only, a standby perhaps; name the server that takes writes",
    "53100": "its disk is full",
    "57014": "no answer in time",
    "42P01": "the table is gone; it is made again with the next try",
}
_WORDS: Final = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "permission denied": "42501",
}


def explained(where: str, error: psycopg.Error) -> str:
    """The error in a sentence that begins with the place."""
    said = str(error)
    state = error.sqlstate or next((state for words, state in _WORDS.items() if words in said), "")
    if not state and "database" in said and "does not exist" in said:
        state = "3D000"
    return f"{where}: {_STATES.get(state) or first_line(error) or 'the connection broke'}"


def first_line(error: BaseException) -> str:
    r"""What the server said first.

    >>> first_line(ValueError("value out of range\nCONTEXT:  COPY"))
    'value out of range'
    """
    return str(error).strip().partition("\n")[0][:300]
