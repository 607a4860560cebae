"""Can the store in a database be reached, read and written, and is there room for more connections?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from streamgauge.checkup.contract import Finding, Grade, from_error
from streamgauge.checkup.store_inside import looked_into
from streamgauge.errors import StreamgaugeError

NAME = "store"
_SPARE = 10
"""Connections that should be left for others."""
_ASK = """
SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS closed,
  has_schema_privilege(current_schema(), 'CREATE') AS may_make,
  to_regclass('alembic_version') IS NOT NULL AS made,
  (SELECT count(*) FROM pg_stat_activity) AS used,
  current_setting('max_connections')::int AS most
"""


def examine(url: str) -> Iterator[Finding]:
    """What is wrong with it, or one line that it is fine; a store that is not there yet is made by the first run."""
    from sqlalchemy.exc import DBAPIError

    from streamgauge.stores import backend_of

    try:
        with closing(backend_of(url, existing=True, read_only=True)) as backend:
            try:
                with backend.read() as connection:
                    row = connection.exec_driver_sql(_ASK).one()
            except DBAPIError as error:
                raise backend.explain(error) from error
            yield from _wrong(row, backend.where)
            if not (row.closed or (not row.made and not row.may_make)):
                yield looked_into(url, backend.where) if row.made else _none_yet(backend.where)
    except StreamgaugeError as error:
        yield from_error(NAME, "store", error)


def _wrong(row: object, where: str) -> Iterator[Finding]:
    fields = row._mapping  # type: ignore[attr-defined]
    if fields["closed"]:
        yield Finding(
            NAME, "store", Grade.WRONG, f"{where} is read-only: a standby, or set so",
            "name the server that takes writes under `store:`",
        )  # fmt: skip
    elif not fields["made"] and not fields["may_make"]:
        yield Finding(
            NAME, "store", Grade.WRONG, f"this user may not make tables in {where}",
            "let it own the database, or grant it CREATE on the schema",
        )  # fmt: skip
    if fields["most"] - fields["used"] < _SPARE:
        yield Finding(
            NAME, "store", Grade.WARNING, f"{where} has {fields['used']} of {fields['most']} connections in use",
            "close some, or raise the server's max_connections",
        )  # fmt: skip


def _none_yet(where: str) -> Finding:
    return Finding(NAME, "store", Grade.FINE, f"{where} holds no store yet; the first run makes it, and may")
