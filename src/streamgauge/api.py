"""The Python API: the same three things that the command line does, for notebooks and scripts.

>>> import streamgauge
>>> result = streamgauge.replay(
...     {
...         "streams": {
...             "door": {
...                 "source": {"type": "files", "path": "door.ndjson"},
...                 "format": "json",
...                 "fields": {"who": "string", "at": "timestamp"},
...                 "time": "at",
...             }
...         },
...         "monitors": {
...             "crowd": {
...                 "stream": "door",
...                 "window": {"type": "tumbling", "size": "10s", "compute": {"seen": "count(*)"}},
...                 "detect": {"type": "threshold", "when": "seen > 2"},
...             }
...         },
...     },
...     streams={"door": [{"who": "ann", "at": 1}, {"who": "bob", "at": 2}, {"who": "cyd", "at": 3}]},
... )
>>> result.incidents["monitor"].to_list()
['crowd']
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from streamgauge.config import Config
from streamgauge.config import load as load_config

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.engines.replay import Input, Replayed
    from streamgauge.sources.contract import Source

Given: TypeAlias = "str | Path | Sequence[str | Path] | Sequence[Mapping[str, Any]] | pl.DataFrame"
"""Records of a stream: a path or several, a Polars frame, or a list of plain mappings."""


def load(source: Path | str | Mapping[str, Any]) -> Config:
    """Read and check a configuration: a path, YAML text, or plain data of the same shape.

    Raises:
        ConfigErrors: with every mistake at once.
    """
    return load_config(source)


def replay(
    config: Config | Path | str | Mapping[str, Any],
    streams: Mapping[str, Given],
    *,
    batch_size: int | None = None,
    flush: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Replayed:
    """Run monitors over recorded streams, with time from the records; nothing is sent and nothing is stored.

    Args:
        config: checked already, or anything :func:`load` takes.
        streams: records by stream name; monitors of other streams take no part.
        batch_size: records per step; changes how fast it is, never what comes out.
        flush: close all windows at the end of input; False leaves open ones unreported, as a live stream would.
        progress: told the number of records so far.

    Returns:
        Frames ``windows``, ``verdicts``, ``incidents`` and ``late``, and ``lines`` as the command line prints.

    Raises:
        ConfigErrors: the configuration is wrong, or names no such stream.
        SourceError: a file cannot be read.
    """
    from streamgauge.engines import replay as engine

    checked = config if isinstance(config, Config) else load_config(config)
    inputs = {name: _input(checked, name, given) for name, given in streams.items()}
    size = engine.READ if batch_size is None else batch_size
    return engine.replay(checked, inputs, batch_size=size, flush=flush, progress=progress)


def run(config: Config | Path | str | Mapping[str, Any], *, dry_run: bool = False) -> None:
    """Run until the sources end or the process is interrupted; without the server, else as the command line.

    Raises:
        ConfigErrors: the configuration is wrong.
        SourceError: a source cannot be read, and that will not pass.
        StoreError: the store cannot be opened.
    """
    from streamgauge.engines.session import Session

    checked = config if isinstance(config, Config) else load_config(config)
    Session(checked, dry_run=dry_run).run()


def _input(config: Config, name: str, given: Given) -> Input:
    from streamgauge.clock import SystemClock
    from streamgauge.engines.ahead import large
    from streamgauge.engines.opening import open_decoder
    from streamgauge.engines.replay import Input
    from streamgauge.errors import ConfigError
    from streamgauge.plan import make_plan

    if name not in config.streams:
        known = ", ".join(config.streams) or "none"
        raise ConfigError(f"the configuration has no stream {name!r}; it has {known}")
    stream = config.streams[name]
    layout = make_plan(config).streams[name].layout
    ahead = large(_paths(given), stream, layout, SystemClock())
    return Input(*(ahead or (_source(given, name), open_decoder(stream, layout))), many=ahead is not None)


def _paths(given: Given) -> list[Any]:
    """The files that are given; none where it is a table."""
    import polars as pl

    if isinstance(given, pl.DataFrame):
        return []
    every: Sequence[Any] = [given] if isinstance(given, str | os.PathLike) else given
    paths = [path for path in every if isinstance(path, str | os.PathLike)]
    return paths if len(paths) == len(every) else []


def _source(given: Given, name: str) -> Source:
    import polars as pl

    from streamgauge.sources.files import open_files
    from streamgauge.sources.frames import open_frame

    if isinstance(given, pl.DataFrame):
        return open_frame(given, name)
    if paths := _paths(given):
        return open_files(paths)
    return open_frame(pl.DataFrame(list(cast("Sequence[Any]", given)), infer_schema_length=None), name)
