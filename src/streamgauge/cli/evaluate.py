"""Measure a model anew over labelled history, and tell the server how good it was."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from streamgauge.cli._cluster import Cluster, Conf, Engine, Master
from streamgauge.cli._store import ConfigOption, JsonOption, StoreOption


class Kind(StrEnum):
    """What is predicted."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


Target = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE|MONITOR",
        help="Predictions: .csv, .ndjson or .parquet files; or a monitor, whose results the store kept.",
        show_default=False,
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--labels", metavar="FILE", help="Labels, where they lie apart; may be repeated.", show_default=False
    ),
]
Like = Annotated[
    str | None,
    typer.Option(
        "--like",
        metavar="MONITOR",
        help="Take columns and threshold of this monitor (--config).",
        show_default=False,
    ),
]
KindOption = Annotated[
    Kind | None, typer.Option("--kind", help="What is predicted.", show_default="classification")
]
Id = Annotated[
    str | None, typer.Option("--id", metavar="NAME", help="The column that joins.", show_default="id")
]
Prediction = Annotated[
    str | None,
    typer.Option("--prediction", metavar="NAME", help="The predictions' column.", show_default="prediction"),
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="NAME", help="The labels' column.", show_default="label"),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time", metavar="NAME", help="The column of moments; default: by its name.", show_default=False
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by", metavar="NAME", help="A column to measure apart; may be repeated.", show_default=False
    ),
]
Threshold = Annotated[
    float | None, typer.Option("--threshold", help="Positive from this score on.", show_default="0.5")
]
Positive = Annotated[
    str | None,
    typer.Option("--positive", metavar="TEXT", help="The text that means yes.", show_default=False),
]
Window = Annotated[
    str | None,
    typer.Option(
        "--window", metavar="DURATION", help="Also each window of prediction time.", show_default=False
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="MOMENT", help="Only predictions from then on (ISO 8601).", show_default=False
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="MOMENT", help="Only predictions before (ISO 8601).", show_default=False),
]
MinLabels = Annotated[
    int | None,
    typer.Option("--min-labels", min=1, help="Fewer are not enough data.", show_default="100"),
]
FailWhen = Annotated[
    str | None,
    typer.Option(
        "--fail-when",
        metavar="CONDITION",
        help="End with 1 if it holds over all, such as 'recall < 0.7'.",
        show_default=False,
    ),
]
Post = Annotated[
    str | None,
    typer.Option(
        "--post",
        metavar="URL",
        help="Tell precision, recall and accuracy to this server.",
        show_default=False,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="STREAMGAUGE_TOKEN",
        show_envvar=True,
        help="One for `ingest`, for --post.",
        show_default=False,
    ),
]
Queue = Annotated[
    Path | None,
    typer.Option(
        "--queue",
        metavar="FILE",
        help="Keep there what the server cannot be told now.",
        show_default=False,
    ),
]


EngineOption = Annotated[Engine, typer.Option("--engine", help="Who measures: this process, or Spark.")]


def command(  # noqa: PLR0917  typer's options are its parameters
    target: Target,
    labels: Labels = None,
    like: Like = None,
    kind: KindOption = None,
    id_: Id = None,
    prediction: Prediction = None,
    label: Label = None,
    time: Time = None,
    by: By = None,
    threshold: Threshold = None,
    positive: Positive = None,
    window: Window = None,
    since: Since = None,
    until: Until = None,
    min_labels: MinLabels = None,
    fail_when: FailWhen = None,
    post: Post = None,
    token: TokenOption = None,
    queue: Queue = None,
    engine: EngineOption = Engine.EMBEDDED,
    master: Master = None,
    conf: Conf = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a model anew over labelled history, and tell the server how good it was.

    Joins predictions and labels by id as the detectors `classification` and `regression` do, whenever the labels came, and
    prints their measures with 95 % bounds: for all, per value of `--by`, per window. Running it again gives the same.

    Example: streamgauge evaluate scored.parquet --labels labels.csv --id tx_id --prediction score --label fraud --post http://127.0.0.1:8000
    """
    from streamgauge.cli import _evaluation as evaluation

    columns = evaluation.Columns(id_, prediction, label, time, tuple(by or ()))
    measured = evaluation.Measured(kind and kind.value, threshold, positive, min_labels, fail_when, window)
    asked = evaluation.Asking(columns, measured, (since, until), like, config, store, quiet=json)
    rows = asked.rows(target, labels or [], Cluster.of(engine.value, master, conf or []))
    evaluation.show(rows, as_json=json)
    if post is not None:
        evaluation.tell(rows, evaluation.Server(post, token, queue))
    if fail_when is not None and rows[0]["severity"] == "critical":
        raise typer.Exit(1)
