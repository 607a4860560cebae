"""A Spark on which a verb lets its work be done: the options that name it, and its session."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from streamgauge.errors import ConfigError, OutsideError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Engine(StrEnum):
    """Who does the work."""

    EMBEDDED = "embedded"
    SPARK = "spark"


Master = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Spark's master, such as local[2]; default: spark-submit's.", show_default=False
    ),
]
Conf = Annotated[
    list[str] | None,
    typer.Option(
        "--conf", metavar="NAME=VALUE", help="A setting of Spark; may be repeated.", show_default=False
    ),
]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Spark: its master, and settings."""

    master: str | None
    conf: Mapping[str, str]

    @classmethod
    def of(cls, engine: str, master: str | None, conf: Sequence[str]) -> Cluster | None:
        """As the options say; None: this process does the work.

        Raises:
            ConfigError: options of Spark without it.
        """
        from streamgauge.cli._statements import pairs

        if engine == "spark":
            return cls(master, pairs(list(conf), "--conf", "NAME=VALUE, such as spark.executor.memory=2g"))
        if master is not None or conf:
            raise ConfigError(f"`{'--conf' if master is None else '--master'}` fits `--engine spark` only")
        return None

    @contextmanager
    def started(self, verb: str) -> Iterator[SparkSession]:
        """A session, which ends with the block.

        Raises:
            OutsideError: pyspark or Java is missing.
        """
        from streamgauge.engines.spark.job import Settings, require_spark, session

        require_spark()
        from pyspark.errors import PySparkException

        try:
            shown = {"spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower()}
            settings = Settings("", "", self.master, {**shown, **self.conf})
            spark = session(settings, f"streamgauge {verb}")
        except PySparkException as error:
            raise OutsideError(
                f"Spark does not start: {error}; it needs Java 17 (JAVA_HOME, PATH)"
            ) from error
        spark.sparkContext.setLogLevel("ERROR")
        try:
            yield spark
        finally:
            spark.stop()
