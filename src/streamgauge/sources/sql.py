"""The rows of a query, asked again and again of PostgreSQL or SQLite, read-only: freshness, counts, sums.

Each row is a record: its columns by their names, under the moment at which the answer was complete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator

from streamgauge.settings import FileUrl
from streamgauge.sources.polling.settings import PollerConfig
from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

_URL = re.compile(r"(postgresql|sqlite)(://|:///)\S+")
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*@")


class Config(PollerConfig):
    """``source: {type: sql, url: "postgresql://reader@db/shop", query: "SELECT count(*) AS rows FROM orders"}``."""

    type: Literal["sql"] = "sql"
    url: Annotated[FileUrl, Field(json_schema_extra={"pattern": "^(postgresql|sqlite)://"})]
    """`postgresql://USER@HOST/DATABASE` or `sqlite:///FILE`; a password belongs in `${NAME}`."""
    query: Annotated[str, Field(min_length=1)]
    """One SELECT; name its columns (`AS`) as the stream's fields are called."""
    max_rows: Annotated[int, Field(gt=0, le=1_000_000)] = 10_000
    """An answer with more rows is refused."""

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: FileUrl) -> FileUrl:
        if not _URL.fullmatch(url):
            raise ValueError("expected postgresql://USER@HOST/DATABASE, or sqlite:/// and the file's path")
        return url


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is connected before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.polling.source import open_polled

    return open_polled(config, stream, clock, Query(config), store_url)


class Query:
    """One query; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._engine: Engine | None = None
        self._where = without_password(config.url)

    def ask(self, seconds: float) -> Sequence[bytes]:
        """A record per row.

        Raises:
            TargetError: the database does not answer, or refuses; or there are too many rows.
        """
        from sqlalchemy.exc import SQLAlchemyError

        from streamgauge.sources.polling.source import as_records

        most = self._config.max_rows
        try:
            rows = self._rows(seconds, most + 1)
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise TargetError(f"{self._where}: {said}") from None
        if len(rows) > most:
            raise TargetError(f"{self._where}: more than {most:,} rows (`max_rows`); let the query sum up")
        return as_records(rows)

    def close(self) -> None:
        """Let go of the connection."""
        if self._engine is not None:
            self._engine.dispose()

    def _rows(self, seconds: float, most: int) -> list[dict[str, Any]]:
        from sqlalchemy import text

        if self._engine is None:
            self._engine = _engine(self._config.url, seconds)
        with self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET TRANSACTION READ ONLY"))
                connection.execute(text(f"SET LOCAL statement_timeout = {round(seconds * 1000)}"))
            # Sent as it is written: a colon or a percent sign in it is no parameter.
            answer = connection.exec_driver_sql(self._config.query, execution_options={"no_parameters": True})
            return [plain(dict(row)) for row in answer.mappings().fetchmany(most)]


def without_password(url: str) -> str:
    """As it may be told.

    >>> without_password("postgresql://reader:secret@db/shop")
    'postgresql://reader@db/shop'
    """
    return _PASSWORD.sub(r"\1@", url)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON can say it: numbers of any precision become floats, moments without a zone are UTC.

    >>> plain({"sum": Decimal("12.50"), "n": 3})
    {'sum': 12.5, 'n': 3}
    """
    from datetime import UTC, datetime

    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Decimal):
            found[name] = float(value)
        elif isinstance(value, datetime) and value.tzinfo is None:
            found[name] = value.replace(tzinfo=UTC)
        else:
            found[name] = value
    return found


def _engine(url: str, seconds: float) -> Engine:
    from sqlalchemy import NullPool, create_engine

    if url.startswith("postgresql"):
        asked: dict[str, Any] = {"connect_timeout": max(2, round(seconds))}
        driver = "postgresql+psycopg" + url.removeprefix("postgresql")
        return create_engine(driver, connect_args=asked, pool_pre_ping=True, pool_size=1, max_overflow=0)
    path = url.removeprefix("sqlite:///")
    read_only = f"sqlite:///file:{path}?mode=ro&uri=true"
    return create_engine(read_only, connect_args={"timeout": seconds}, poolclass=NullPool)
