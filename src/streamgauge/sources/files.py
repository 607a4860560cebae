"""Files from first record to last: NDJSON, CSV, Parquet and Avro, compressed ones too. Then the source has ended.

Each path is one partition, named by the path as given; the offset of a record is its number in the file,
from 0: the line for NDJSON, the row for CSV (not counting the header), the record for Parquet and Avro. Reading again gives the
same offsets as long as the file is not rewritten. With ``follow: true`` files are read on while they are
written (:mod:`.file_follow`); those partitions and offsets are of another kind.

Relative paths count from the folder of the file that names them. How a file is cut into records follows from its extension,
before ``.gz`` or ``.zst``: ``.ndjson``, ``.jsonl``, ``.json``, ``.log`` and ``.txt`` by lines, ``.csv``,
``.parquet``, ``.avro``; ``content:`` says it for any other.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from streamgauge.batch import Partition
from streamgauge.clock import Clock, SystemClock
from streamgauge.errors import SourceError
from streamgauge.settings import FileName, FileNames, Names, wrong
from streamgauge.sources.contract import Source, SourceConfig
from streamgauge.sources.file_avro import open_avro
from streamgauge.sources.file_csv import open_csv
from streamgauge.sources.file_lines import COMPRESSION, open_bytes, open_lines
from streamgauge.sources.file_parquet import open_parquet
from streamgauge.sources.finite import FiniteSource, Opener

Content: TypeAlias = Literal["lines", "csv", "parquet", "avro"]

_CONTENT_OF: Mapping[str, Content] = {
    ".ndjson": "lines",
    ".jsonl": "lines",
    ".json": "lines",
    ".log": "lines",
    ".txt": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
    ".avro": "avro",
}
_FORMAT_OF: Mapping[Content, str] = {"lines": "json", "csv": "csv", "parquet": "parquet", "avro": "avro"}


class Config(SourceConfig):
    """``source: {type: files, path: "data/*.ndjson.gz"}``."""

    type: Literal["files"] = "files"
    path: Annotated[FileNames, Field(min_length=1)]
    """A path or a list of paths; ``*``, ``?``, ``[…]`` and ``**`` match as in a shell."""
    content: Content | None = None
    """How the files are cut into records, where their extension does not tell."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """Between the cells of CSV."""
    columns: Names | None = None
    """The columns of CSV files without a header row."""

    follow: bool = False
    """Read on while they are written, as `tail -F` does; for files cut by lines."""
    start: Literal["earliest", "latest"] = "earliest"
    """With `follow`: where files begin that are there at the first start."""

    @property
    def finite(self) -> bool:
        """Files end, unless they are followed."""
        return not self.follow

    @model_validator(mode="after")
    def _following(self) -> Config:
        if self.follow and self.content not in (None, "lines"):
            raise wrong("follow", f"files are followed by lines, and `content` is {self.content}")
        if self.follow and any(Path(path).suffix.lower() in COMPRESSION for path in self.path):
            raise wrong("follow", "packed files cannot be followed; name the file that is being written")
        if not self.follow and self.start != "earliest":
            raise wrong("start", "fits files that are followed (`follow: true`); others are read whole")
        return self

    @model_validator(mode="after")
    def _csv_only(self) -> Config:
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ValueError("columns names a column twice")
        return self


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> Source:
    """Find the files; they are opened when first read.

    Those that are followed are remembered in the store at ``store_url``, to be known again when they are rotated.

    Raises:
        SourceError: nothing matches a path, a file cannot be read, or its content is unknown.
    """
    if config.follow:
        return _following(config, stream, clock, store_url)
    openers = {
        Partition(name): _opener(path, config.content, delimiter=config.delimiter, columns=config.columns)
        for name, path in _expand(config.path)
    }
    return FiniteSource(
        openers, clock, {"type": "files", "path": written(config.path), "start": "first record"}
    )


def _following(config: Config, stream: str, clock: Clock, store_url: str | None) -> Source:
    from streamgauge.sources.file_follow import FollowingSource, Forgetful

    names, folder = written(config.path), config.path[0].folder
    if store_url is None:
        return FollowingSource(names, config.start, Forgetful(), clock, folder)
    from streamgauge.stores.followed import Followed

    return FollowingSource(names, config.start, Followed(store_url, stream), clock, folder)


def written(paths: Iterable[FileName]) -> list[str]:
    """The paths as they stand in the file: a file keeps its partition wherever it is read from."""
    return [path.written for path in paths]


def open_files(
    paths: Sequence[Path | str],
    format: str | None = None,  # noqa: A002  # the word of the configuration
    *,
    like: Config | None = None,
    clock: Clock | None = None,
) -> Source:
    """The files that a replay names (``--stream NAME=PATH``), globs allowed.

    Args:
        paths: one or more paths.
        format: ``json``, ``csv``, ``parquet`` or ``avro``; None goes by each file's extension.
        like: the source whose records they are: its ``delimiter`` and ``columns`` hold for them, and its ``content``
            where their extension is one of its own or tells nothing.
        clock: gives the records the time of reading.

    Raises:
        SourceError: as :func:`open_source`.
    """
    content = next((content for content, name in _FORMAT_OF.items() if name == format), None)
    names = [str(path) for path in paths]
    cells: dict[str, Any] = {} if like is None else {"delimiter": like.delimiter, "columns": like.columns}
    openers = {
        Partition(name): _opener(path, content or _content_like(like, Path(name)), **cells)
        for name, path in _expand(map(FileName, names))
    }
    return FiniteSource(
        openers, clock or SystemClock(), {"type": "files", "path": names, "start": "first record"}
    )


def format_of(path: Path | str) -> str | None:
    """The format that a file's extension tells, or None.

    >>> format_of("payments.ndjson.gz"), format_of("payments.csv"), format_of("payments")
    ('json', 'csv', None)
    """
    content = _content_of(Path(path))
    return _FORMAT_OF[content] if content else None


def _content_of(path: Path) -> Content | None:
    bare = path.with_suffix("") if path.suffix.lower() in COMPRESSION else path
    return _CONTENT_OF.get(bare.suffix.lower())


def _content_like(like: Config | None, path: Path) -> Content | None:
    """What ``like`` declares for its own files; None leaves it to the extension."""
    if like is None or (path.suffix not in {Path(own).suffix for own in like.path} and _content_of(path)):
        return None
    return like.content


def _expand(patterns: Iterable[FileName]) -> list[tuple[str, Path]]:
    """Every file once, sorted: its name as it is written, and where it lies. A pattern that is itself a file is that file."""
    names: dict[Path, tuple[str, Path]] = {}
    for pattern in patterns:
        found = [pattern.written]
        if glob.has_magic(pattern.written) and not Path(pattern).exists():
            matching = glob.iglob(pattern.written, root_dir=pattern.folder or None, recursive=True)  # noqa: PTH207  # absolute patterns
            found = [name for name in matching if Path(pattern.folder, name).is_file()]
            if not found:
                raise SourceError(f"no file matches {pattern}; looked from {Path.cwd()}")
        for name in sorted(found):
            path = Path(pattern.folder, name)
            names.setdefault(path.resolve(), (name, path))
    return sorted(names.values())


def _opener(
    path: Path, content: Content | None, *, delimiter: str = ",", columns: Sequence[str] | None = None
) -> Opener:
    name = str(path)
    open_bytes(path, name).close()
    known = content or _content_of(path)
    if known == "lines":
        return partial(open_lines, path, name)
    if known == "csv":
        return partial(open_csv, path, name, delimiter=delimiter, columns=columns)
    if known in ("parquet", "avro") and path.suffix.lower() in COMPRESSION:
        raise SourceError(
            f"{name}: {known.capitalize()} compresses inside; unpack the file and give it as .{known}"
        )
    if known == "parquet":
        return partial(open_parquet, path, name)
    if known == "avro":
        return partial(open_avro, path, name)
    raise SourceError(
        f"{name}: its extension does not tell how it is cut into records; "
        f"add content: lines, csv, parquet or avro beside path:"
    )
