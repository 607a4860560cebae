"""Spark through what goes wrong: its driver killed again and again, an executor lost, the broker gone and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from streamgauge.stores.rows import json_text
from tests.engines.spark.world import Verdicts, World, at_end, need_spark, wait
from tests.services.kafka import Broker
from tests.services.process import ServerProcess
from tests.services.spark import cluster, on_spark, verb

LONG = timedelta(minutes=10)

pytestmark = [pytest.mark.services, pytest.mark.soak]


@pytest.fixture
def world(own_kafka: Callable[..., Broker], tmp_path: Path) -> World:
    """A world whose broker may be killed."""
    need_spark()
    return World(own_kafka(), tmp_path)


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Ends what it is given, the last first."""
    with ExitStack() as stack:
        yield stack


def _spark(world: World, running: ExitStack, log: str, *, master: str = "local[2]") -> ServerProcess:
    options = ("--topic", world.verdicts, "--checkpoint", world.folder / "checkpoint")
    process = on_spark(world.spark, *options, master=master, log=world.folder / f"{log}.log")
    running.callback(process.kill)
    return process


def _look(world: World, running: ExitStack) -> Verdicts:
    look = Verdicts(world.kafka, world.verdicts)
    running.callback(look.close)
    return look


def _counted(spark: ServerProcess, look: Verdicts, world: World) -> None:
    """All that was sent is counted; beside other work a driver that begins again may take minutes."""
    wait(spark, lambda: look.reached("payments") == world.count["payments"], LONG)


def _the_same(world: World, running: ExitStack, look: Verdicts) -> None:
    """Read all embedded and by notify, too, and compare."""
    for words in (("run", world.embedded), ("notify", world.spark, "--topic", world.verdicts)):
        process = verb(*words, "--port", "0", log=world.folder / f"{words[0]}.log")
        running.callback(process.kill)
    wait(process, lambda: at_end(world, look))
    found, wanted = world.held("spark"), world.held("embedded")
    assert json_text(found) == json_text(wanted)


@pytest.mark.timeout(1800)
def test_a_driver_killed_in_five_batches(world: World, running: ExitStack):
    world.beats()
    world.payments(0, 60)
    spark = _spark(world, running, "0")
    look = _look(world, running)
    for kill in range(1, 6):
        _counted(spark, look, world)
        world.payments(60 * kill, 60 * kill + 60)
        spark.kill()
        spark = _spark(world, running, str(kill))
    _counted(spark, look, world)
    _the_same(world, running, look)


@pytest.mark.timeout(900)
def test_an_executor_lost(world: World, running: ExitStack):
    world.beats()
    world.payments(0, 120)
    master, workers = cluster(running, world.folder)
    spark = _spark(world, running, "0", master=master)
    look = _look(world, running)
    _counted(spark, look, world)
    workers[0].kill()
    world.payments(120, 240)
    _counted(spark, look, world)
    _the_same(world, running, look)


@pytest.mark.timeout(900)
def test_the_broker_gone_and_back(world: World, running: ExitStack):
    world.beats()
    world.payments(0, 120)
    spark = _spark(world, running, "0")
    look = _look(world, running)
    _counted(spark, look, world)
    world.kafka.kill()
    world.kafka.start()
    world.payments(120, 240)
    _counted(spark, look, world)
    _the_same(world, running, look)
