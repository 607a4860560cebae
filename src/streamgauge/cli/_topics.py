"""A topic as jobs name it on the command line: its brokers, their settings, and what is read of it as columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from streamgauge.sources.kafka import Config

NEWEST = 100_000
"""Records of a topic that are read where nothing says how many."""

ConsumerConfig = Annotated[
    Path | None,
    typer.Option(
        "--consumer-config",
        metavar="FILE",
        help="Settings of librdkafka, a KEY=VALUE per line: how to log in.",
        show_default=False,
    ),
]
Offsets = Annotated[
    str | None,
    typer.Option(
        "--offsets",
        metavar="SLICE",
        help="Of the topic just these, such as 0:100-200,1:90-210: what `slice next` prints.",
        show_default=False,
    ),
]


def topic_config(topic: str, brokers: str, settings: Path | None, group: str | None = None) -> Config:
    """The topic as a source.

    Raises:
        ConfigError: a setting is none.
        OutsideError: the file of settings cannot be read.
    """
    from pydantic import ValidationError

    from streamgauge.errors import ConfigError
    from streamgauge.sources.kafka import Config

    given = {"type": "kafka", "brokers": brokers, "topic": topic, "settings": _settings(settings)}
    try:
        return Config.model_validate(given | ({} if group is None else {"group": group}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"topic {topic} at {brokers}: {where}: {first['msg']}") from None


def columns_of(config: Config, rows: int | None, offsets: str | None) -> dict[str, list[Any]]:
    """The newest records of a topic of JSON, or those of a slice, as columns; fields within objects by their path.

    Raises:
        ConfigError: both are asked for, the slice is none, or no record can be read.
        SourceError: the brokers refuse, or hold these offsets no more.
    """
    from streamgauge.clock import SystemClock
    from streamgauge.errors import ConfigError
    from streamgauge.profiling.sample import of_slice, of_topic
    from streamgauge.sources.kafka.ranges import ranges_of

    topic = config.names[0]
    if offsets is None:
        sample = of_topic(topic, config, rows or NEWEST, SystemClock())
    elif rows is not None:
        raise ConfigError("`--rows` and `--offsets` both say which records are read: give one of them")
    else:
        sample = of_slice(topic, config, ranges_of(topic, offsets), SystemClock())
    if sample.unreadable:
        _say(f"{topic}: {sample.unreadable:,} messages are no records and were left out")
    names = dict.fromkeys(steps for row in sample.rows for steps in row.values)
    return {".".join(steps): [row.values.get(steps) for row in sample.rows] for steps in names}


def _settings(file: Path | None) -> dict[str, str]:
    from streamgauge.errors import ConfigError, OutsideError

    if file is None:
        return {}
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise OutsideError(f"{file} cannot be read: {error}") from None
    found = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        key, is_one, value = line.partition("=")
        if not is_one:
            raise ConfigError(f"{file}, line {number}: write KEY=VALUE, such as security.protocol=SASL_SSL")
        found[key.strip()] = value.strip()
    return found


def _say(text: str) -> None:
    import sys

    print(text, file=sys.stderr)
