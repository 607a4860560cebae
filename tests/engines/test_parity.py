"""The same file and the same records on a real Kafka, embedded and on Spark: the same windows, verdicts and incidents.

Spark's driver is killed in the middle and comes back with a changed file; bad records, late ones, idle partitions and time
that passes without records are among what they read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from streamgauge.config import load
from streamgauge.stores import open_reading
from streamgauge.stores.rows import json_text
from streamgauge.testing import eventually
from tests.engines.spark.world import ADDED, PATIENCE, SENT, Verdicts, World, at_end, need_spark, wait
from tests.services.kafka import Broker
from tests.services.spark import on_spark, verb

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def world(kafka: Broker, tmp_path_factory) -> Iterator[World]:
    """All records read by both engines, Spark's driver killed on the way."""
    need_spark()
    world = World(kafka, tmp_path_factory.mktemp("parity"))
    world.beats()
    world.payments(0, 120)
    options = ("--topic", world.verdicts, "--checkpoint", world.folder / "checkpoint")
    spark = on_spark(world.spark, *options, log=world.folder / "first.log")
    embedded = verb("run", world.embedded, "--port", "0", log=world.folder / "embedded.log")
    processes = [spark, embedded]
    look = Verdicts(kafka, world.verdicts)
    try:
        wait(spark, lambda: look.reached("payments") == world.count["payments"] and look.batches() > 1)
        world.payments(120, 260)
        spark.kill()  # in the batch that reads them, or just before it
        world.file("spark", ADDED, size="9s")
        again = on_spark(world.spark, *options, log=world.folder / "second.log")
        processes.append(again)
        wait(again, lambda: look.reached("payments") == world.count["payments"])
        notify = verb(
            "notify", world.spark, "--topic", world.verdicts, "--port", "0", log=world.folder / "notify.log"
        )
        processes.append(notify)
        wait(notify, lambda: at_end(world, look))
        yield world
    finally:
        look.close()
        for process in processes:
            process.kill()


def test_there_is_something_of_everything(world: World):
    found = world.held("embedded")
    assert {incident["monitor"] for incident in found["incidents"]} >= {
        "burst",
        "mean",
        "visits",
        "overall",
        "crowd",
        "quiet",
        "alive",
        *SENT,
    }
    assert all(
        found["windows"][name]
        for name in ("burst", "mean", "visits", "usual", "alive", "overall", "amounts", *SENT)
    )
    assert found["late"]
    assert len(found["bad"]) >= 12


@pytest.mark.parametrize("what", ["incidents", "windows", "late", "bad"])
def test_spark_and_embedded_hold_the_same(world: World, what: str):
    mine, theirs = world.held("spark")[what], world.held("embedded")[what]
    assert json_text(mine) == json_text(theirs)


def test_a_changed_file_is_told_what_becomes_of_its_monitors(world: World):
    told = (world.folder / "second.log").read_text()
    assert "large: it is new: it begins where the query stands" in told
    assert "changing: its stream, grouping or window changed: it begins anew where the query stands" in told


def test_a_changed_window_begins_anew_and_the_old_ones_stay_in_the_history(world: World):
    config = load(world.spark)
    with closing(open_reading(config.store.url)) as store:
        rows = store.history("changing").select("window_start", "window_end").rows()
    assert {end - start for start, end in rows} == {7_000_000, 9_000_000}


def test_bad_records_are_copied_to_the_topic_of_dead_letters(world: World):
    wanted = len(world.held("embedded")["bad"])
    eventually(
        lambda: all(len(world.copied(engine)) >= wanted for engine in ("embedded", "spark")), within=PATIENCE
    )
    assert world.copied("spark") == world.copied("embedded")


def test_every_line_has_one_id_however_often_it_was_written(world: World):
    look = Verdicts(world.kafka, world.verdicts)
    try:
        look.read_all()
    finally:
        look.close()
    by_id: dict[str, str] = {}
    for line in look.lines:
        line.pop("samples", None)
        assert by_id.setdefault(line["id"], json_text(line)) == json_text(line)
