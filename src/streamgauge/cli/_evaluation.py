"""What ``evaluate`` reads, how it shows what was measured, and how it tells a server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamgauge.cli._cluster import Cluster
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.detectors.joined import JoinedConfig
    from streamgauge.evaluation.joining import Asked

TOLD = ("precision", "recall", "accuracy")
"""What ``POST /update_metrics`` takes of it."""
NEVER_ENDING = 2**62
_SHOWN = {
    "classification": ("precision", "recall", "accuracy", "f1", "roc_auc", "log_loss"),
    "regression": ("mae", "rmse", "mape", "bias"),
}
_PLAIN = ("calibration_error", "tp", "fp", "fn", "tn")
_TALLIES = ("changed_labels", "repeated_predictions")


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns as given; None: as usual, or as the monitor names them."""

    id: str | None
    prediction: str | None
    label: str | None
    time: str | None
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """How it is measured, as given; None: as usual, or as the monitor says."""

    kind: str | None
    threshold: float | None
    positive: str | None
    min_labels: int | None
    when: str | None
    window: str | None


@dataclass(frozen=True, slots=True)
class Server:
    """Who is told, with which token, and where what cannot be told is kept."""

    url: str
    token: str | None
    queue: Path | None


@dataclass(frozen=True, slots=True)
class Asking:
    """One call of the verb."""

    columns: Columns
    measured: Measured
    span: tuple[str | None, str | None]
    like: str | None
    config: Path | None
    store: str | None
    quiet: bool = False

    def rows(
        self, target: Sequence[str], labels: Sequence[str], cluster: Cluster | None = None
    ) -> list[dict[str, Any]]:
        """What was measured; the first row is of all.

        Raises:
            ConfigError: what is asked for does not fit what is there.
            SourceError: a file cannot be read.
        """
        if cluster is not None:
            return self._on(cluster, target, labels)
        if not _files(target):
            return self._of_monitor(target)
        return self._of_files([Path(text) for text in target], [Path(text) for text in labels])

    def _of_monitor(self, target: Sequence[str]) -> list[dict[str, Any]]:
        """What the store kept of a monitor."""
        from streamgauge.cli._store import open_look
        from streamgauge.engines.running.measures import MEASURES
        from streamgauge.evaluation.kept import rows_of_windows

        if len(target) > 1:
            raise ConfigError(f"{', '.join(target)}: give files, or one monitor")
        since, until = self._span()
        with open_look(self.config, self.store) as look:
            frame = look.judgements(f"{target[0]}{MEASURES}")
        if not len(frame):
            raise ConfigError(
                f"the store kept nothing of a model's monitor `{target[0]}`, and there is no such file; name the store "
                "with `--config FILE` or `--store URL`"
            )
        least = 100 if self.measured.min_labels is None else self.measured.min_labels
        return rows_of_windows(frame, (since, until), least, self.measured.when)

    def _on(self, cluster: Cluster, target: Sequence[str], labels: Sequence[str]) -> list[dict[str, Any]]:
        """What Spark measures of files; of a monitor the store holds little enough for this process."""
        from streamgauge.evaluation.spark import Tables, evaluated_on

        asked = self._asked()
        tables = Tables(target, labels, self.columns.time, self._span())
        with cluster.started("evaluate") as spark:
            rows, alone = evaluated_on(spark, tables, asked)
        _say_alone(alone, whole=self.span == (None, None))
        return rows

    def _span(self) -> tuple[int | None, int | None]:
        since, until = self.span
        return _moment("--from", since), _moment("--until", until)

    def _of_files(self, files: Sequence[Path], labels: Sequence[Path]) -> list[dict[str, Any]]:
        from streamgauge.cli._bar import steps
        from streamgauge.evaluation.joining import evaluated
        from streamgauge.kernels import jit

        asked = self._asked()
        with steps(len(files) + len(labels) + len(asked.passes), quiet=self.quiet) as begins:
            predictions = self._within(_stacked(files, begins), asked)
            brought = _stacked(labels, begins) if labels else None
            if brought is not None:
                brought = _in_time(brought, self.columns.time, needed=False)
                alone = _alone(predictions, brought, asked)
                _say_alone(
                    alone,
                    whole=self.span == (None, None),
                    such_as=_such_as(alone, predictions, brought, asked),
                )
            jit.choose(live=False, rows=len(predictions) + (0 if brought is None else len(brought)))
            return evaluated(predictions, brought, asked, lambda name: begins(f"measuring: {name}"))

    def _within(self, predictions: pl.DataFrame, asked: Asked) -> pl.DataFrame:
        """Those of the span, with their moments where these are needed."""
        import polars as pl

        since, until = self._span()
        needed = asked.window is not None or since is not None or until is not None
        found = _in_time(predictions, self.columns.time, needed=needed)
        if (since is None and until is None) or asked.prediction not in found.columns:
            return found
        inside = pl.col("at").is_between(since or 0, until or NEVER_ENDING, closed="left")
        return found.filter(inside | pl.col(asked.prediction).is_null())  # a label may come when it likes

    def _asked(self) -> Asked:
        """What the options say, and beneath it what the monitor says."""
        from streamgauge.evaluation.joining import Asked

        own = self._own()
        kind: Any = self.measured.kind or (own.type if own is not None else "classification")
        given = {
            "threshold": self.measured.threshold,
            "positive": self.measured.positive,
            "min_labels": self.measured.min_labels,
            "when": self.measured.when,
        }
        settings = {name: value for name, value in given.items() if value is not None}
        if own is not None and own.type == kind:
            from_it = {name: getattr(own, name, None) for name in ("threshold", "positive", "min_labels")}
            settings = {name: value for name, value in from_it.items() if value is not None} | settings
        names = [
            getattr(self.columns, name) or (getattr(own, name) if own is not None else name)
            for name in ("id", "prediction", "label")
        ]
        by = self.columns.by or (own.by if own is not None else ())
        window = None if self.measured.window is None else _duration("--window", self.measured.window)
        return Asked(kind, names[0], names[1], names[2], by, settings, window)

    def _own(self) -> JoinedConfig | None:
        """The detector's settings of the monitor that is to be followed."""
        from streamgauge.cli._store import load_file
        from streamgauge.detectors.joined import JoinedConfig
        from streamgauge.settings import nearest

        if self.like is None:
            return None
        if self.config is None:
            raise ConfigError("`--like` names a monitor of a configuration: give it with `--config FILE`")
        monitors = load_file(self.config).monitors
        if self.like not in monitors:
            raise ConfigError(f"--like: there is no monitor `{self.like}`; {nearest(self.like, monitors)}")
        detect = monitors[self.like].detect
        if not isinstance(detect, JoinedConfig):
            raise ConfigError(
                f"--like: {self.like} measures no model; it must be of type classification or regression"
            )
        return detect


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print what was measured: a table of measures for all, then a line per key and window."""
    from streamgauge.cli._table import print_lines, print_table

    if as_json:
        print_lines(rows)
        return
    first = rows[0]
    names = _SHOWN["regression" if "mae" in first else "classification"]
    lines = [
        [name, _short(first[name]), _short(first.get(f"{name}_lower")), _short(first.get(f"{name}_upper"))]
        for name in names
        if name in first
    ]
    lines += [[name, _short(first[name]), "", ""] for name in _PLAIN if name in first]
    lines += [[name, _short(first[name]), "", ""] for name in _TALLIES if name in first]
    print(
        f"{first['severity']}: {first['labels']:,} of {first['predictions']:,} predictions are labelled"
        + ("; too few to measure (--min-labels)" if first["severity"] == "not_enough_data" else "")
    )
    if lines:
        print_table(["measure", "value", "lower", "upper"], lines, "")
    if len(rows) > 1:
        chief = [name for name in names[:3] if any(name in row for row in rows[1:])]
        head = ["key", "window_start", "labels", "predictions", *chief, "severity"]
        print_table(head, [[_short(row.get(name)) for name in head] for row in rows[1:]], "")


def tell(rows: Sequence[Mapping[str, Any]], server: Server) -> None:
    """Tell the server what was measured of all; what it cannot hear now waits in the queue, where there is one.

    Raises:
        ConfigError: it refuses for good, or there is nothing that it takes.
        OutsideError: it is away, and there is no queue.
    """
    from streamgauge.client import push_metrics

    first = rows[0]
    if "mae" in first:
        raise ConfigError("--post: the server takes precision, recall and accuracy; a regression has none")
    values = {name: first[name] for name in TOLD if name in first}
    if not values:
        print(f"nothing is posted: {first['severity']}", file=sys.stderr)
        return
    told = push_metrics(server.url, **values, token=server.token, queue=server.queue)
    if told:
        print(f"posted to {server.url}: {', '.join(values)}", file=sys.stderr)
    else:
        print(f"{server.url} cannot be told now; it waits in {server.queue}", file=sys.stderr)


def _files(target: Sequence[str]) -> bool:
    """Whether they are files rather than a monitor's name."""
    return all(Path(text).exists() or Path(text).suffix for text in target)


def _stacked(files: Sequence[Path], begins: Callable[[str], None]) -> pl.DataFrame:
    """Files as one table, one below the other; says how many lines were none."""
    import polars as pl

    from streamgauge.sources.table_files import read_table

    frames = []
    for file in files:
        begins(f"reading {file.name}")
        frame, unreadable = read_table(file)
        if unreadable:
            print(f"{file}: {unreadable:,} lines are no records and were left out", file=sys.stderr)
        frames.append(frame)
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        names = ", ".join(map(str, files))
        raise ConfigError(f"{names} do not fit below each other: {str(error).splitlines()[0]}") from error


def _in_time(frame: pl.DataFrame, name: str | None, *, needed: bool) -> pl.DataFrame:
    """With moments as ``at`` and in their order, where they have some; rows without one come first."""
    from streamgauge.forecasting.tables import TIMES, moments

    chosen = name if name is not None and (needed or name in frame.columns) else None
    if chosen is None and name is None:
        chosen = next((one for one in TIMES if one in frame.columns), None)
    if chosen is None or chosen not in frame.columns:
        if needed:
            raise ConfigError(
                f"--time: say which column of {', '.join(frame.columns)} tells when a prediction was made"
            )
        return frame
    return frame.with_columns(moments(frame, chosen).alias("at")).sort("at", maintain_order=True)


def _alone(predictions: pl.DataFrame, labels: pl.DataFrame, asked: Asked) -> int:
    """How many labels belong to no prediction."""
    import polars as pl

    if asked.id not in labels.columns or asked.id not in predictions.columns:
        return 0
    known = predictions[asked.id].cast(pl.String).unique()
    return int((~labels[asked.id].cast(pl.String).is_in(known.implode())).sum())


def _such_as(alone: int, predictions: pl.DataFrame, labels: pl.DataFrame, asked: Asked) -> str:
    """Where no label finds its prediction, what an id of each looks like."""
    if not alone or alone < len(labels) or not len(predictions):
        return ""
    theirs, ours = (str(frame[asked.id].drop_nulls().first()) for frame in (labels, predictions))
    return f": ids are compared as texts, and labels have such as {theirs!r}, predictions such as {ours!r}"


def _say_alone(alone: int, *, whole: bool, such_as: str = "") -> None:
    """Say how many labels belong to no prediction, where all predictions are there."""
    if whole and alone:
        print(f"{alone:,} labels belong to no prediction{such_as}", file=sys.stderr)


def _duration(option: str, text: str) -> timedelta:
    from streamgauge.clock import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error
    if found <= timedelta(0):
        raise ConfigError(f"{option}: {text} must be longer than zero")
    return found


def _moment(option: str, text: str | None) -> int | None:
    from streamgauge.clock import EPOCH, to_micros

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {text!r} is no moment such as 2026-03-01T00:00:00Z") from error
    return to_micros(found if found.tzinfo is not None else found.replace(tzinfo=EPOCH.tzinfo))


def _short(cell: Any) -> Any:
    return f"{cell:.4g}" if isinstance(cell, float) else cell
