"""What the beginning of a file shows: its fields with their kinds, and which of them is the event time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from streamgauge.batch import FieldKind, Partition
from streamgauge.errors import ConfigError
from streamgauge.expressions.names import resolve
from streamgauge.formats.event_time import moment
from streamgauge.sql.streams import Files

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.sources.contract import Slice, Source

SAMPLED = 1_000
"""Records looked at."""

_TIMES = (
    "at", "time", "timestamp", "ts", "event_time", "event_timestamp", "rowtime", "occurred_at", "created_at",
    "datetime", "date",
)  # fmt: skip
_EARLIEST = 10**9
"""A smaller number is no moment: in seconds it would lie before September 2001."""


def sample(name: str, paths: Sequence[str], time: str | None) -> Files:
    """Look at the first records of a stream's files.

    Args:
        name: the stream's, for messages.
        paths: of its files.
        time: the field with the event time; None looks for one.

    Raises:
        SourceError: a file is missing or cannot be read.
        ConfigError: there is no such field, or none is plainly the event time.
    """
    from streamgauge.sources.files import open_files

    records: list[Mapping[str, Any]] = []
    is_csv = is_frame = False
    for piece in _first(open_files(list(paths))):
        is_frame |= piece.frame is not None
        is_csv |= piece.frame is not None and ".csv" in piece.partition.name
        records += _parsed(piece.payloads or ()) if piece.frame is None else _rows(piece.frame)
    kinds = _kinds(records)
    if not kinds:
        raise ConfigError(f"stream {name}: no record can be read in {', '.join(paths)}")
    form: Literal["json", "csv", "parquet"] = "csv" if is_csv else "parquet" if is_frame else "json"
    return Files(tuple(paths), form, kinds, _time(name, records, kinds, time))


def _first(source: Source) -> Iterator[Slice]:
    """The beginning of the first files."""
    source.open({})
    waiting: set[Partition] = set()
    seen = 0
    try:
        while seen < SAMPLED:
            poll = source.poll(SAMPLED - seen, timedelta(0))
            yield from poll.slices
            seen += sum(len(piece.offsets) for piece in poll.slices)
            waiting = (waiting | set(poll.assigned)) - set(poll.ended)
            if not waiting:
                return
    finally:
        source.close()


def _parsed(payloads: Iterable[bytes | None]) -> list[Mapping[str, Any]]:
    """The objects among the records; what cannot be read is for the dead letters."""
    import msgspec

    found: list[Mapping[str, Any]] = []
    for payload in payloads:
        try:
            value = msgspec.json.decode(payload or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(value, dict):
            found.append(_flat(value))
    return found


def _rows(frame: pl.DataFrame) -> list[Mapping[str, Any]]:
    return [_flat(row) for row in frame.iter_rows(named=True)]


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as paths such as ``user.id``."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            found.update(_flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = value
    return found


def _kinds(records: Sequence[Mapping[str, Any]]) -> dict[str, FieldKind]:
    seen: dict[str, set[FieldKind]] = {}
    for record in records:
        for path, value in record.items():
            kinds = seen.setdefault(path, set())
            kind = _kind(value)
            if kind is not None:
                kinds.add(kind)
    return {path: _united(kinds) for path, kinds in seen.items() if kinds}


def _kind(value: Any) -> FieldKind | None:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "string"
    return "timestamp" if hasattr(value, "isoformat") else None


def _united(kinds: set[FieldKind]) -> FieldKind:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float" if kinds == {"int", "float"} else "string"


def _time(
    name: str, records: Sequence[Mapping[str, Any]], kinds: Mapping[str, FieldKind], given: str | None
) -> str:
    if given is not None:
        found = resolve(given.replace("->", "."), kinds)
        if found is None:
            raise ConfigError(f"--time {given}: stream {name} has no such field; it has {', '.join(kinds)}")
        return found
    fitting = [path for path in kinds if _are_moments(record.get(path) for record in records)]
    known = [path for word in _TIMES for path in fitting if path.split(".")[-1].casefold() == word]
    if known:
        return known[0]
    written = [path for path in fitting if kinds[path] in ("string", "timestamp")]
    if len(written) == 1:
        return written[0]
    raise ConfigError(
        f"stream {name}: which field is the event time? Say it with --time FIELD; it has {', '.join(kinds)}"
    )


def _are_moments(values: Iterable[Any]) -> bool:
    some = False
    for value in values:
        if value is None:
            continue
        some = True
        if hasattr(value, "isoformat"):
            continue
        try:
            moment(value)
        except ValueError:
            return False
        if not isinstance(value, str) and value < _EARLIEST:
            return False
    return some
