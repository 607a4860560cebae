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
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from streamgauge.config import Config
from streamgauge.config import load as load_config

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.detectors.once import Drift
    from streamgauge.engines.replay.replay import Input, Replayed
    from streamgauge.sources.contract import Source, SourceConfig

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
    from streamgauge.engines.replay import replay as engine

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
    from streamgauge.engines.embedded.session import Session

    checked = config if isinstance(config, Config) else load_config(config)
    Session(checked, dry_run=dry_run).run()


def drift(
    reference: Any,
    current: Any,
    method: str = "psi",
    *,
    binning: Literal["quantile", "width", "fixed"] = "quantile",
    bins: int | None = None,
    edges: Mapping[str, Sequence[float]] | None = None,
    **config: Any,
) -> Drift:
    """Compare two tables, feature by feature, as the drift detectors compare windows.

    Args:
        reference: what was normal: a Polars or pandas frame, a mapping of names to arrays or lists, or the path of
            a file that ``streamgauge reference build`` made.
        current: what is compared with it: a frame or a mapping.
        method: ``psi``, ``jensen_shannon``, ``hellinger``, ``chi_square``, ``kolmogorov_smirnov``, ``wasserstein``
            (in standard deviations of the reference) or ``gaussian``. Of two tables the distances of
            Kolmogorov-Smirnov and Wasserstein are exact.
        binning: how numbers become bins: ``quantile``, ``width``, or ``fixed`` with ``edges``.
        bins: how many; default 10.
        edges: by feature, the inner edges for ``fixed``.
        config: what stands beside ``type:`` in a configuration: ``features``, ``warning``, ``critical``, ``min``.

    Returns:
        One row per feature (feature, value, severity, floor, rows), also as ``.frame``, and ``.overall``.

    Raises:
        ConfigError: a column is missing or of another kind, or the options do not fit.

    >>> import streamgauge
    >>> before = {"country": ["CH"] * 150 + ["DE"] * 50, "amount": list(range(200))}
    >>> after = {"country": ["CH"] * 60 + ["US"] * 140, "amount": list(range(200))}
    >>> found = streamgauge.drift(before, after)
    >>> [(row["feature"], row["severity"]) for row in found]
    [('country', 'critical'), ('amount', 'ok')]
    >>> found.overall["worst"], found["country"]["unseen"]
    ('country', {'US': 140})
    """
    from streamgauge.detectors.once import compared
    from streamgauge.errors import ConfigError
    from streamgauge.statistics import reference_file
    from streamgauge.statistics.binning import BINS
    from streamgauge.statistics.reference import Recipe

    asked = None
    if (binning, bins, edges) != ("quantile", None, None):
        asked = Recipe(binning, BINS if bins is None else bins, edges)
    if isinstance(reference, str | Path):
        reference = reference_file.load(Path(reference))
    try:
        return compared(reference, current, method, asked, **config)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error


def score(
    values: Any,
    detector: str = "auto",
    times: Any = None,
    keys: Sequence[Any] | None = None,
    *,
    apart: Any = None,
    **config: Any,
) -> pl.DataFrame:
    """Judge one series, or several told apart by ``keys``: each value before it is learned, by the code of the stream.

    Use it in a notebook, to see what a detector would have said; nothing looks ahead: a row depends on itself and on
    those before its moment.

    Args:
        values: one number per row: an array, list, Polars or pandas series; NaN and None are missing.
        detector: a detector of one number: ``auto``, ``composite``, ``seasonal`` …
        times: the moment of each value: datetimes, dates, datetime64, texts in ISO 8601, or seconds since 1970; what has
            no zone is UTC. Rows are learned in the order of their moments and answered in yours. Without them values
            are taken as one a minute, all keys together, and no time of day is learned.
        keys: whose value it is; each key is learned by itself.
        apart: bool per row: judged, and not learned from (maintenance).
        config: what stands beside ``type:`` in a file, such as ``budget="1 per week"``.

    Returns:
        One row per value: score (in [0, 1], null while it cannot be known), severity (``ok``, ``warning``,
        ``critical``, ``learning``, ``no_data`` where the value is missing, ``neither`` where it opens no incident and
        ends none), expected, lower, upper.

    Raises:
        ConfigError: there is no such detector, it does not judge one number, a setting is wrong, lengths differ, or
            values or times cannot be read; it says which and where. It is a ValueError too.

    >>> frame = score([10.0, 11.0, 9.0] * 100 + [50.0], sensitivity="medium")
    >>> frame["severity"].to_list()[-2:]
    ['ok', 'critical']
    """
    from streamgauge.scoring import scored

    return scored(values, detector, (times, keys, apart), config)


def _input(config: Config, name: str, given: Given) -> Input:
    from streamgauge.clock import SystemClock
    from streamgauge.engines.decoding.ahead import large
    from streamgauge.engines.decoding.decoder import open_decoder
    from streamgauge.engines.replay.replay import Input
    from streamgauge.errors import ConfigError
    from streamgauge.plan import make_plan

    if name not in config.streams:
        known = ", ".join(config.streams) or "none"
        raise ConfigError(f"the configuration has no stream {name!r}; it has {known}")
    stream = config.streams[name]
    layout = make_plan(config).streams[name].layout
    ahead = large(_paths(given), stream, layout, SystemClock())
    read = ahead or (_source(given, name, stream.source), open_decoder(stream, layout))
    return Input(*read, many=ahead is not None)


def _paths(given: Given) -> list[Any]:
    """The files that are given; none where it is a table."""
    import polars as pl

    if isinstance(given, pl.DataFrame):
        return []
    every: Sequence[Any] = [given] if isinstance(given, str | os.PathLike) else given
    paths = [path for path in every if isinstance(path, str | os.PathLike)]
    return paths if len(paths) == len(every) else []


def _source(given: Given, name: str, own: SourceConfig) -> Source:
    import polars as pl

    from streamgauge.sources.files import Config as FilesConfig
    from streamgauge.sources.files import open_files
    from streamgauge.sources.frames import open_frame

    if isinstance(given, pl.DataFrame):
        return open_frame(given, name)
    if paths := _paths(given):
        return open_files(paths, like=own if isinstance(own, FilesConfig) else None)
    return open_frame(pl.DataFrame(list(cast("Sequence[Any]", given)), infer_schema_length=None), name)
