"""Notices as rows of a CSV file, for a spreadsheet or a nightly job.

.. code-block:: yaml

    channels:
      log: {type: csv, path: alerts.csv}
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from streamgauge.channels.contract import Answer, ChannelConfig, Result
from streamgauge.channels.payload import encode
from streamgauge.channels.wording import printable
from streamgauge.settings import FileName

COLUMNS = (
    "notice",
    "status",
    "severity",
    "monitor",
    "key",
    "title",
    "opened_at",
    "resolved_at",
    "lasted_seconds",
    "reason",
    "window_start",
    "window_end",
    "observed",
    "expected",
    "incident",
    "fingerprint",
    "partition",
    "offset",
)
"""The header. ``notice`` is the id: a row that was written twice carries it twice."""

CELL = 32_000
"""Characters of one cell; spreadsheets take 32,767."""

_HEADER = (",".join(COLUMNS) + "\n").encode()
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Config(ChannelConfig):
    """What may be written beside ``type: csv``."""

    type: Literal["csv"] = "csv"
    path: Annotated[FileName, Field(min_length=1)]
    """The file; made with its folder when absent, appended to when there."""


class CsvChannel:
    """Appends one row per notice and has it on the disk before it answers.

    The file is opened for each notice, so it may be moved away (logrotate) at any time: the next notice
    starts a new one with a header. A row that a crash cut off is closed with a line break, never overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, notice: dict[str, Any]) -> Answer:
        """Append the row; whatever the disk says is worth another try."""
        try:
            return self._append(row(notice))
        except OSError as error:
            return Answer(Result.AGAIN, f"cannot write {self._path}: {error.strerror or error}")

    def close(self) -> None:
        """Nothing is held."""

    def _append(self, line: bytes) -> Answer:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if not _is_ours(file):
                others = f"{self._path} has other columns than {','.join(COLUMNS[:3])}…"
                return Answer(Result.AGAIN, f"{others}; move it away or change `path`")
            fresh = size < len(_HEADER)  # empty, or a crash cut the header off
            if fresh:
                file.truncate(0)
            _write(file, (_HEADER if fresh else b"" if _ends_line(file, size) else b"\n") + line)
            os.fsync(file.fileno())
        if fresh:
            _sync_folder(self._path.parent)
        return Answer(Result.DELIVERED)


def open_channel(config: Config, name: str) -> CsvChannel:  # noqa: ARG001  the contract's
    """The channel of ``config``; nothing is created before the first notice."""
    return CsvChannel(Path(config.path))


def row(notice: Mapping[str, Any]) -> bytes:
    """One line in UTF-8; texts that a spreadsheet would run as a formula are defused by an apostrophe."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(
        [_cell(notice.get(name)) for name in COLUMNS]
    )
    return line.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (Mapping, list, tuple)):
        value = encode(value).decode()
    text = printable(value, CELL)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _is_ours(file: io.FileIO) -> bool:
    """Whether it begins with our header, or with as much of it as there is."""
    file.seek(0)
    return _HEADER.startswith(file.read(len(_HEADER)))


def _ends_line(file: io.FileIO, size: int) -> bool:
    file.seek(size - 1)
    return file.read(1) == b"\n"


def _write(file: io.FileIO, data: bytes) -> None:
    """All of it; a full disk takes a part and refuses the rest."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
