# ruff: noqa: INP001  a script, not a package
"""Fills the schema ``charts`` of a PostgreSQL, for Superset: ``python fill.py streamgauge.yaml --database URL``.

Window results lie in a store as compressed columns, which no SQL can read. This copies what a configuration's monitors
judged, measured and compared, and their incidents, into plain tables, and makes views over series and forecasts that are in
that database already (``charts.sql``). The store may be SQLite or PostgreSQL, here or elsewhere; it is only read.

Run it as often as you like: each row is known by its window, and is written over itself. It needs the extra ``postgres``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl
import psycopg

from streamgauge.clock import parse_duration, to_datetime, to_micros
from streamgauge.config import load
from streamgauge.detectors.against_reference import AgainstReference
from streamgauge.engines.running.judgements import SHAPE
from streamgauge.engines.running.measures import MEASURES
from streamgauge.errors import ConfigError, OutsideError, StreamgaugeError
from streamgauge.incident import Incident
from streamgauge.keys import key_from_text, key_label
from streamgauge.plan import make_plan
from streamgauge.server.distributions import compared
from streamgauge.server.history import drawn_of
from streamgauge.server.quality import last_told, measures_of
from streamgauge.sinks.postgres_table import PostgresTable, as_text, place_of
from streamgauge.statistics.comparison import NormalComparison, Seen
from streamgauge.stores import open_reading
from streamgauge.verdict import Severity

if TYPE_CHECKING:
    from streamgauge.batch import ColumnKind
    from streamgauge.config.models import Config
    from streamgauge.stores.sql import SqlVisitor

SQL = Path(__file__).with_name("charts.sql")
LONGEST = 200
"""Characters of a key; of a longer one the beginning and a hash."""
AT_ONCE = 20_000
PATIENCE = 60.0
PAGE = 500
_NAMED: dict[str, ColumnKind] = {
    "monitor": "string", "key": "string", "window_start": "timestamp", "window_end": "timestamp",
}  # fmt: skip
WINDOW = ("key", "window_start", "window_end")
_NUMBERS = ("value", "expected", "lower", "upper", "score")
TABLES: dict[str, dict[str, ColumnKind]] = {
    "judged": {**_NAMED, "severity": "string", **dict.fromkeys(_NUMBERS, "float")},
    "drift": {**_NAMED, "feature": "string", "state": "string", "value": "float", "floor": "float"},
    "quality": {
        **_NAMED, "measure": "string", "told": "timestamp",
        "value": "float", "lower": "float", "upper": "float", "labels": "float",
    },
    "incidents": {
        **dict.fromkeys(("id", "monitor", "key", "kind", "state", "severity", "title"), "string"),
        "opened_at": "timestamp", "resolved_at": "timestamp", "minutes": "float",
    },
}  # fmt: skip
"""The columns of the tables that charts.sql makes."""
IDENTITY = {
    "judged": tuple(_NAMED),
    "drift": (*_NAMED, "feature"),
    "quality": (*_NAMED, "measure"),
    "incidents": ("id",),
}
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Charts:
    """The schema ``charts`` of one database.

    Attributes:
        url: ``postgresql://USER@HOST/DATABASE``.
        settings: what charts.sql asks for, by name: the tables that its views look at.
        value: the column that is forecast; empty: the one that the detector looks at.
        again: how much of what is there already is read again, since it may have changed; None: everything.
    """

    url: str
    settings: Mapping[str, str]
    value: str
    again: timedelta | None

    def make(self) -> None:
        """Tables and views, as charts.sql says."""
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            for name, value in self.settings.items():
                connection.execute("SELECT set_config(%s, %s, true)", [f"charts.{name}", value])
            connection.execute(SQL.read_bytes())

    def forecast_of(self, config: Config) -> Charts:
        """The same, for the monitor that is forecast: the one that was named, else the first with that detector."""
        named = self.settings["forecast_of"]
        if named and named not in config.monitors:
            raise ConfigError(
                f"--forecast-of: there is no monitor `{named}`; there are {', '.join(config.monitors)}"
            )
        first = (
            name
            for name, one in config.monitors.items()
            if one.detect is not None and one.detect.type == "forecast"
        )
        return replace(self, settings={**self.settings, "forecast_of": named or next(first, "")})

    def since(self, table: str, moment: str, monitor: str | None = None) -> int | None:
        """The event time in microseconds from which rows are copied again; None: all of them."""
        if self.again is None:
            return None
        query = f"SELECT max({moment}) FROM charts.{table} WHERE %s::text IS NULL OR monitor = %s"  # noqa: S608  our own names
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            found = connection.execute(query.encode(), [monitor, monitor]).fetchone()
        newest: datetime | None = found[0] if found else None
        return None if newest is None else to_micros(newest - self.again)

    def unresolved(self) -> list[str]:
        """The incidents that were not over when they were copied."""
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            found = connection.execute("SELECT id FROM charts.incidents WHERE state <> 'resolved'").fetchall()
        return [row[0] for row in found]

    def put(self, name: str, rows: Iterator[Row]) -> int:
        """Write rows, each over the one of its window; of two with one identity the later; how many."""
        width, count = len(IDENTITY[name]), 0
        table = PostgresTable(
            self.url, f"charts.{name}", columns=TABLES[name], identity=IDENTITY[name], timeout=PATIENCE
        )
        with closing(table):
            while some := list(islice(rows, AT_ONCE)):
                found = {row[:width]: row for row in some}  # the table takes no two with one identity at once
                with table.transaction() as connection:
                    table.put(connection, list(found.values()))
                count += len(found)
        return count


def fill(config: Config, charts: Charts) -> dict[str, int]:
    """Copy what is new; how many rows by table.

    Raises:
        StreamgaugeError: the configuration or the store cannot be read, or the tables do not fit.
        psycopg.Error: the database is away or refuses.
    """
    charts = charts.forecast_of(config)
    charts.make()
    count = dict.fromkeys(TABLES, 0)
    with closing(open_reading(config.store.url)) as look:
        for name, monitor in make_plan(config).monitors.items():
            count["judged"] += charts.put("judged", judged(look, name, config.monitors[name].detect, charts))
            count["quality"] += charts.put("quality", quality(look, name))
            if isinstance(monitor.detector, AgainstReference):
                since = charts.since("drift", "window_end", name)
                count["drift"] += charts.put("drift", drift(look, name, monitor.detector, since))
        since = charts.since("incidents", "opened_at")
        count["incidents"] += charts.put("incidents", incidents(look, since, charts.unresolved()))
    return count


def judged(look: SqlVisitor, monitor: str, detect: Any, charts: Charts) -> Iterator[Row]:
    """What was judged of windows, beside the value that the detector looked at; of what is forecast all windows."""
    since = charts.since("judged", "window_end", monitor)
    forecast = monitor == charts.settings["forecast_of"]
    frame = last_told(look.judgements(monitor, start=since))
    values = _values(last_told(look.history(monitor, start=since)), detect, charts.value if forecast else "")
    if forecast and values.height:
        frame = _beside(values, frame.drop("value", strict=False))
    elif "value" not in frame.columns:
        frame = _beside(frame, values)
    for row in frame.iter_rows(named=True):
        label = Severity(row.get("severity") or Severity.OK).label
        yield (*_place(monitor, row), label, *[row.get(name) for name in _NUMBERS])


def _beside(windows: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Rows of windows with what else is known of them."""
    if not (windows.height and more.height):
        return windows
    return windows.join(more, on=WINDOW, how="left", nulls_equal=True)


def _values(results: pl.DataFrame, detect: Any, wanted: str) -> pl.DataFrame:
    """Of each window the number that is judged, or forecast; nothing where there is none."""
    numbers = [name for name, kind in results.schema.items() if kind.is_numeric() and name not in WINDOW]
    drawn = wanted or drawn_of(detect, numbers)
    if not results.height or drawn is None:
        return pl.DataFrame()
    if drawn not in numbers:
        raise ConfigError(
            f"--value: there is no number `{drawn}` in these windows; there are {', '.join(numbers)}"
        )
    return results.select(*WINDOW, pl.col(drawn).cast(pl.Float64).alias("value"))


def quality(look: SqlVisitor, monitor: str) -> Iterator[Row]:
    """A model's measures with their bounds, as last told: labels come late, so each time those of all that is kept."""
    frame = look.judgements(f"{monitor}{MEASURES}")
    measures = measures_of(frame)
    for row in last_told(frame).iter_rows(named=True):
        for name in measures:
            bounds = (row[name], row[f"{name}_lower"], row[f"{name}_upper"])
            yield (*_place(monitor, row), name, to_datetime(row["told"]), *bounds, row.get("labels"))


def drift(look: SqlVisitor, monitor: str, detector: AgainstReference, since: int | None) -> Iterator[Row]:
    """How far each feature lay from the reference, window by window: compared anew, from what was kept of each."""
    frame = look.judgements(f"{monitor}{SHAPE}", start=since)
    if not frame.height:
        return
    normal = isinstance(detector.comparison, NormalComparison)
    for row in frame.filter(pl.col("of") == detector.bins).iter_rows(named=True):
        numbers = msgspec.json.decode(row["table"], type=list[float | None])
        table = np.array([[np.nan if number is None else number for number in numbers]])
        for one in compared(detector, Seen.from_flat(table, normals=normal))[0]:
            yield (*_place(monitor, row), as_text(one["feature"]), one["state"], one["value"], one["floor"])


def incidents(look: SqlVisitor, since: int | None, unresolved: Sequence[str]) -> Iterator[Row]:
    """Incidents that opened since then, and those that were not over."""
    before, after = None, None
    while page := look.incidents(limit=PAGE, before=before, after=after):
        yield from (_incident(one) for one in page if since is None or one.opened_at >= since)
        before, after = page[-1].opened_at, page[-1].id
        if since is not None and before < since:
            break
    yield from (_incident(one) for name in unresolved if (one := look.incident(name)) is not None)


def _incident(one: Incident) -> Row:
    ended = None if one.resolved_at is None else to_datetime(one.resolved_at)
    texts = (
        one.id,
        one.monitor,
        _shown(key_label(one.key)),
        one.kind,
        str(one.state),
        one.severity,
        as_text(one.title),
    )
    return (*texts, to_datetime(one.opened_at), ended, None if one.lasted is None else one.lasted / 60e6)


def _place(monitor: str, row: Mapping[str, Any]) -> Row:
    """What names a window."""
    moments = (to_datetime(row["window_start"]), to_datetime(row["window_end"]))
    return (monitor, _shown(key_label(key_from_text(row["key"]))), *moments)


def _shown(label: str) -> str:
    """A key that an index of PostgreSQL can hold."""
    text = as_text(label)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def asked() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description="Fills the schema `charts` of a PostgreSQL, for Superset.")
    parser.add_argument("config", type=Path, metavar="FILE", help="the configuration whose store it is")
    parser.add_argument(
        "--database",
        default=os.environ.get("STREAMGAUGE_DATABASE"),
        metavar="URL",
        help="postgresql://USER@HOST/DATABASE; default: STREAMGAUGE_DATABASE. Passwords belong there, or in PGPASSWORD",
    )
    parser.add_argument("--series", default="logs", metavar="TABLE", help="the series in it (logs)")
    parser.add_argument(
        "--forecasts", default="forecasts", metavar="TABLE", help="the forecasts in it (forecasts)"
    )
    parser.add_argument(
        "--forecast-of",
        default="",
        metavar="MONITOR",
        help="what is forecast (the first that detects `forecast`)",
    )
    parser.add_argument(
        "--value", default="", metavar="NAME", help="its value that is forecast (what it detects by)"
    )
    parser.add_argument(
        "--again", type=parse_duration, default=timedelta(days=2), help="event time copied once more (2d)"
    )
    parser.add_argument("--all", action="store_true", help="copy everything that the store still has")
    parser.add_argument(
        "--every", type=parse_duration, metavar="DURATION", help="go on, so often; without it: once"
    )
    return parser.parse_args()


def main() -> int:
    """Fill once, or again and again; 0, 2 for wrong usage, 3 where something outside is missing."""
    words = asked()
    if words.database is None:
        print("fill.py: name the database: --database URL, or STREAMGAUGE_DATABASE", file=sys.stderr)  # noqa: T201
        return 2
    settings = {"series": words.series, "forecasts": words.forecasts, "forecast_of": words.forecast_of}
    charts = Charts(words.database, settings, words.value, None if words.all else words.again)
    while True:
        code = _tried(words.config, charts)
        if words.every is None or code == 2:
            return code
        time.sleep(words.every.total_seconds())


def _tried(config: Path, charts: Charts) -> int:
    try:
        count = fill(load(config), charts)
    except ConfigError as error:
        print(f"fill.py: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except (StreamgaugeError, OutsideError, psycopg.Error, OSError) as error:
        said = str(error).partition("\nCONTEXT:")[0]  # which line of charts.sql it was helps nobody
        print(f"fill.py: {place_of(charts.url)}: {said}", file=sys.stderr)  # noqa: T201
        return 3
    told = ", ".join(f"{number:,} {name}" for name, number in count.items())
    print(f"{place_of(charts.url)}: {told}", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
