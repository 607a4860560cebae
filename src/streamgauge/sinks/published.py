"""Parquet files that others may see: named by the range that they hold, whole from the moment they are there."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamgauge.failpoints import FILE, reach

if TYPE_CHECKING:
    import polars as pl

_END = re.compile(r"(?:(\d{20})|(\d{8}T\d{6}\.\d{3}Z))")
_NAME = re.compile(
    rf"(?P<group>.+)-(?P<first>{_END.pattern})-(?P<last>{_END.pattern})(?:-[0-9a-f]{{8}})?\.parquet"
)
_ODD = re.compile(r"[^A-Za-z0-9._]+")


class Span(NamedTuple):
    """From where to where the rows of a file go.

    Attributes:
        group: a partition of a stream, or a monitor, fit for the name of a file.
        first, last: offsets of twenty digits, or ends of windows; texts that sort as what they mean.
    """

    group: str
    first: str
    last: str


def span_of(sink: str, row_id: str) -> Span:
    """Where one row lies, by its id.

    >>> span_of("stream payments", "stream payments/payments:3/17")
    Span(group='payments_3', first='00000000000000000017', last='00000000000000000017')
    >>> span_of("monitor m", "monitor m/de/2026-03-02T10:00:00.000Z/2026-03-02T10:00:05.000Z").last
    '20260302T100005.000Z'
    """
    rest = row_id[len(sink) + 1 :]
    before, _, end = rest.rpartition("/")
    place = end.zfill(20) if end.isdigit() else end.replace("-", "").replace(":", "")
    return Span(_fit(before if sink.startswith("stream ") else sink.partition(" ")[2]), place, place)


class Published:
    """The files of one folder and its folders.

    Args:
        root: looked through once, at the first question.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[tuple[Path, str], list[tuple[str, str, Path]]] | None = None

    def ids(self, folder: Path, span: Span) -> set[str]:
        """The ids of all rows in files that may hold some of ``span``.

        Raises:
            OSError: a file cannot be read.
        """
        import polars as pl

        found: set[str] = set()
        for first, last, path in self._known()[folder, span.group]:
            if first <= span.last and span.first <= last:
                try:
                    found.update(pl.read_parquet(path, columns=["_id"])["_id"].to_list())
                except pl.exceptions.PolarsError as error:
                    raise OSError(0, f"it is no file of ours, move it away ({error})", str(path)) from None
        return found

    def publish(self, folder: Path, span: Span, frame: pl.DataFrame) -> Path:
        """Write ``frame`` so that nobody ever sees a part of it, not even after the power went.

        Raises:
            OSError: the folder cannot be written to.
        """
        name = f"{span.group}-{span.first}-{span.last}"
        if not span.first.isdigit():  # many rows end at one moment: the range alone names no file
            name += "-" + hashlib.sha256("\n".join(frame["_id"]).encode()).hexdigest()[:8]
        path = folder / f"{name}.parquet"
        hidden = folder / f".{name}.tmp"
        folder.mkdir(parents=True, exist_ok=True)
        with hidden.open("wb") as out:
            frame.write_parquet(out, compression="zstd")
            out.flush()
            os.fsync(out.fileno())
        reach(FILE)
        hidden.replace(path)
        _force(folder)
        self._known()[folder, span.group].append((span.first, span.last, path))
        return path

    def _known(self) -> dict[tuple[Path, str], list[tuple[str, str, Path]]]:
        if self._files is None:
            self._files = defaultdict(list)
            for path in self._root.rglob("*.parquet"):
                found = _NAME.fullmatch(path.name)
                if found is not None and not path.name.startswith("."):
                    key = path.parent, found["group"]
                    self._files[key].append((found["first"], found["last"], path))
        return self._files


def _force(folder: Path) -> None:
    """Have the name itself on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@lru_cache(10_000)
def _fit(name: str) -> str:
    """As part of a file's name; what had to be changed for that is told apart by a hash.

    >>> _fit("payments:3")
    'payments_3'
    """
    short = _ODD.sub("_", name)
    plain = short == name or re.fullmatch(r"[A-Za-z0-9._]+:\d+", name)
    return short if plain else f"{short[-80:]}~{hashlib.sha256(name.encode()).hexdigest()[:6]}"
