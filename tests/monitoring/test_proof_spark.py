"""Phase Spark of the proof: every query of its dashboard and rules returns series from a real driver with a query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.monitoring import asked, proving
from tests.services import spark
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import ServerProcess, free_ports
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]
QUERY = Path(__file__).with_name("spark_query.py")


class Here(NamedTuple):
    """What is up: the driver, the file that slows it down, and who scrapes it."""

    driver: ServerProcess
    slow: Path
    prometheus: Prometheus

    def returns(self, questions: list[asked.Asked]) -> None:
        proving.returns(self.prometheus, questions, self.driver.last_words)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("spark")
    with ExitStack() as up:
        try:
            program("prometheus")
            python = str(spark.python())
        except CannotBeHadError as missing:
            skip_or_fail(str(missing))
        (port,) = free_ports(1)
        slow = folder / "slow"
        words = ["env", f"PYSPARK_PYTHON={python}", "SPARK_LOCAL_IP=127.0.0.1", f"SPARK_LOCAL_DIRS={folder}"]
        arguments = [str(QUERY), str(slow), str(port), str(folder / "checkpoint")]
        driver = ServerProcess([*words, python, *arguments], folder / "driver.log")
        up.callback(driver.kill)
        at = {"spark": [port], "spark-executors": [port]}
        yield Here(driver, slow, up.enter_context(Prometheus(proving.scraping(at), asked.RULES)))


def test_every_target_answers(here):
    proving.all_answer(here.prometheus, {"spark", "spark-executors"}, here.driver.last_words)


def test_every_panel_returns_series(here):
    here.returns(proving.of_board("spark-overview"))


def test_every_rule_reads_series_that_are_there(here):
    here.returns(proving.of_rules("spark"))


def test_no_rule_fires_on_a_healthy_query(here):
    proving.none_fires(here.prometheus)


def test_doctor_finds_every_name_there(here):
    proving.doctor_knows(here.prometheus, "spark-overview")


def test_falling_behind_returns_under_a_slow_task(here):
    fired = proving.of_alert("SparkFallsBehind")
    proving.returns_nothing(here.prometheus, fired)
    here.slow.touch()
    here.returns([fired])
