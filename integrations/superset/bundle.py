# ruff: noqa: INP001  a script, not a package
"""Builds the bundle that Superset imports: ``python bundle.py --out streamgauge.zip``.

The YAML files in ``bundle/`` are put into a ZIP, the same bytes from the same files. Two things are added on the way: where
the database is, and to each chart the query that Superset runs for it, so that a chart answers over REST, in reports and
alerts before anybody has opened it. It needs PyYAML alone, which Superset and Streamgauge both have.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import yaml

FOLDER = Path(__file__).parent / "bundle"
ROOT = "streamgauge"
"""The folder in the ZIP that Superset takes off each name."""
DATABASE = "databases/streamgauge.yaml"
_HIDDEN = "XXXXXXXXXX"
"""Stands in an address for a password that Superset is told apart from it."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a ZIP can say: files have no other, so that it only depends on what they hold."""


class Place(NamedTuple):
    """Where the charts' database is.

    Attributes:
        address: for SQLAlchemy, without the password.
        password: to be told apart from it.
    """

    address: str
    password: str | None


def place_of(url: str, password: str | None = None) -> Place:
    """Where ``postgresql://USER:PASSWORD@HOST/DATABASE`` is; ``password``: where the address has none.

    >>> place_of("postgresql://gauge:s%40t@db:5432/network?sslmode=require")
    Place(address='postgresql+psycopg2://gauge:XXXXXXXXXX@db:5432/network?sslmode=require', password='s@t')

    Raises:
        ValueError: it is no such address.
    """
    parts = urlsplit(url)
    if (
        parts.scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}
        or not parts.hostname
        or not parts.path[1:]
    ):
        raise ValueError("the database is to be postgresql://USER@HOST/DATABASE")
    secret = unquote(parts.password) if parts.password else password
    login = parts.username or ""
    if secret is not None:
        login += f":{_HIDDEN}"
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{login}@{host}" if login else host
    return Place(urlunsplit(("postgresql+psycopg2", netloc, parts.path, parts.query, "")), secret)


def files(folder: Path = FOLDER) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each file of the bundle by its name, in the order of names."""
    for path in sorted(folder.rglob("*.yaml")):
        yield path.relative_to(folder).as_posix(), yaml.safe_load(path.read_text("utf-8"))


def build(address: str | None = None, folder: Path = FOLDER) -> bytes:
    """The ZIP; ``address``: of the database, as :class:`Place` has it."""
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, content in files(folder):
            if name == DATABASE and address is not None:
                content["sqlalchemy_uri"] = address
            if name.startswith("charts/"):
                content["query_context"] = json.dumps(query_context(content["params"]), sort_keys=True)
            entry = ZipInfo(f"{ROOT}/{name}", _LONG_AGO)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return out.getvalue()


def query_context(params: Mapping[str, Any]) -> dict[str, Any]:
    """The query of a chart, as Superset's own pages would ask it; Superset puts in which dataset that is."""
    groups = params.get("groupby", [])
    axis = params.get("x_axis")
    if axis is None:
        columns, ordered = list(params["all_columns"]), [json.loads(one) for one in params["order_by_cols"]]
    else:
        columns, ordered = [_axis(axis, params.get("time_grain_sqla")), *groups], [[axis, True]]
    query = {
        "filters": [_filter(one) for one in params["adhoc_filters"]],
        "columns": columns,
        "metrics": params.get("metrics") or None,
        "orderby": ordered,
        "row_limit": params["row_limit"],
        "series_columns": groups,
        "annotation_layers": [],
        "applied_time_extras": {},
        "extras": {"having": "", "where": ""},
        "custom_params": {},
        "custom_form_data": {},
        "url_params": {},
        "time_offsets": [],
    }
    shown = {"datasource": {}, "force": False, "queries": [query], "form_data": dict(params)}
    return {**shown, "result_format": "json", "result_type": "full"}


def _axis(column: str, grain: str | None) -> dict[str, Any]:
    """The axis of time, in steps of the grain; without one the moments as they are."""
    named = {"columnType": "BASE_AXIS", "sqlExpression": column, "label": column, "expressionType": "SQL"}
    return named if grain is None else {**named, "timeGrain": grain}


def _filter(one: Mapping[str, Any]) -> dict[str, Any]:
    value = {} if "comparator" not in one else {"val": one["comparator"]}
    return {"col": one["subject"], "op": one["operator"], **value}


def main() -> int:
    """Write the ZIP; 0, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(description="Builds the bundle that Superset imports.")
    parser.add_argument("--out", type=Path, default=Path("streamgauge.zip"), help="streamgauge.zip")
    parser.add_argument(
        "--database",
        default=os.environ.get("STREAMGAUGE_DATABASE"),
        metavar="URL",
        help="postgresql://USER@HOST/DATABASE as Superset reaches it; default: STREAMGAUGE_DATABASE. No password gets in",
    )
    words = parser.parse_args()
    try:
        address = None if words.database is None else place_of(words.database).address
    except ValueError as error:
        print(f"bundle.py: {error}", file=sys.stderr)  # noqa: T201
        return 2
    words.out.write_bytes(build(address))
    print(f"{words.out}: {sum(1 for _ in files())} files")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
