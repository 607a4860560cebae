"""The pack `pipeline`: where the way of records is broken is named, what follows from it is not told, and a quiet hour is quiet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamgauge import packs
from streamgauge.config import Config, ConfigErrors
from streamgauge.errors import ConfigError
from streamgauge.sources.pipeline import Config as Pipeline
from streamgauge.sources.pipeline.rows import Heard, records
from tests.packs.playing import EVERY, START, Told, played

MAP = """
streams:
  pipeline-steps:
    source:
      type: pipeline
      brokers: "localhost:9092"
      database: "postgresql://reader@db/shop"
      steps: [{topic: payments}, {job: enrich}, {topic: enriched}, {table: payments, time: at}]
      dead_letter_topics: [payments-dlq]
"""
TO_JOB, TO_TOPIC, TO_TABLE = (
    "topic payments → job enrich",
    "job enrich → topic enriched",
    "topic enriched → table payments",
)
BEGINS = 180
"""Half an hour in which it learns."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("map") / "own.yaml"
    file.write_text(MAP)
    return packs.load_with(["pipeline"], file)


class Flow:
    """Records that take the way: 40 to 80 a second, of which the job lets six of ten through, five seconds behind each other.

    What a step does from ``BEGINS`` on is said by ``passes``: the share of its usual.
    """

    def __init__(self, config: Config) -> None:
        source = config.streams["pipeline-steps"].source
        assert isinstance(source, Pipeline)
        self._steps = source.steps
        self.passes = [1.0, 1.0, 1.0, 1.0]
        self.dead = 0
        self.away = False

    def rounds(self, count: int) -> list[list[dict[str, Any]]]:
        rng = np.random.default_rng(7)
        counts, found = np.zeros(4), []
        for i in range(count):
            broken = self.passes if i >= BEGINS else [1.0] * 4
            came = rng.integers(400, 800) * broken[0]
            moved = [came]
            for step, usual in ((1, 1.0), (2, 0.6), (3, 1.0)):
                moved.append(moved[-1] * usual * broken[step] * rng.normal(1.0, 0.02))
            counts += moved
            found.append(self._row(i, counts.astype(int).tolist(), stands=moved[3] == 0))
        return found

    def _row(self, i: int, counts: list[int], *, stands: bool) -> list[dict[str, Any]]:
        now = datetime.fromtimestamp(START / 1e6, UTC) + timedelta(seconds=EVERY * i)
        newest = datetime.fromtimestamp(START / 1e6, UTC) + timedelta(
            seconds=EVERY * (BEGINS if stands else i) - 12
        )
        last = Heard(counts[3], newest)
        if self.away and i >= BEGINS:
            last = Heard(error="postgresql://reader@db/shop: no route to host")
        heard = [*(Heard(count) for count in counts[:3]), last]
        dead = {"payments-dlq": Heard(4 + (self.dead if i >= BEGINS else 0))}
        rows = list(records(self._steps, heard, dead, now))
        return [{**row, "newest": row["newest"].isoformat()} if "newest" in row else row for row in rows]


def told(config: Config, change: Callable[[Flow], None], count: int = BEGINS + 60) -> list[Told]:
    flow = Flow(config)
    change(flow)
    return played(config, pipeline_steps=flow.rounds(count))


def breaks(step: int, share: float = 0.0) -> Callable[[Flow], None]:
    def change(flow: Flow) -> None:
        flow.passes[step] = share

    return change


def test_an_hour_in_which_all_is_well(config: Config):
    assert told(config, lambda _: None, 360) == []


@pytest.mark.parametrize(
    ("fault", "monitor", "key", "within"),
    [
        (breaks(1), "pipeline-stopped", TO_JOB, 120),
        (breaks(2), "pipeline-stopped", TO_TOPIC, 120),
        (breaks(3), "pipeline-stopped", TO_TABLE, 120),
        (breaks(2, 0.5), "pipeline-ratio", TO_TOPIC, 180),
        (breaks(3, 2.0), "pipeline-ratio", TO_TABLE, 180),
        (lambda flow: setattr(flow, "dead", 1), "pipeline-dead-letters", "topic payments-dlq", 20),
        (lambda flow: setattr(flow, "away", True), "pipeline-unanswered", "table payments", 60),
    ],
)
def test_a_fault_has_its_name_and_its_place(config, fault, monitor, key, within):
    found = told(config, fault)
    assert {(one.monitor, one.key) for one in found} == {(monitor, key)}
    assert 0 <= found[0].after - BEGINS * EVERY <= within


def test_dead_letters_that_were_cleared_away_are_no_new_ones(config):
    assert told(config, lambda flow: setattr(flow, "dead", -4)) == []


def test_a_source_that_rests_is_no_fault_of_the_pipeline(config: Config):
    assert told(config, breaks(0)) == []


def test_without_a_map_it_says_what_to_declare():
    with pytest.raises(
        ConfigError, match=r"pack `pipeline` watches the stream `pipeline-steps`.*docs/health/pipeline.md"
    ):
        packs.load_with(["pipeline"])


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("[{topic: a}]", "at least 2"),
        ("[{job: a}, {topic: b}]", "the job `a` reads a topic"),
        ("[{topic: a}, {topic: b, table: c}]", "is one thing"),
        ("[{topic: a}, {topic: a}]", "`topic a` stands in it twice"),
        ("[{topic: a, group: g}, {topic: b}]", "fits a `job`"),
        ("[{topic: a, time: at}, {topic: b}]", "fits a `table`"),
        ("[{topic: a}, {table: 'b; DROP TABLE c'}]", "expected text of the form"),
    ],
)
def test_mistakes_in_the_map_are_told(tmp_path: Path, steps: str, says: str):
    file = tmp_path / "own.yaml"
    file.write_text(MAP.partition("      steps:")[0] + f"      steps: {steps}\n")
    with pytest.raises(ConfigErrors, match=says):
        packs.load_with(["pipeline"], file)


@pytest.mark.parametrize("missing", ["brokers", "database"])
def test_what_its_steps_need_is_asked_for(tmp_path: Path, missing: str):
    file = tmp_path / "own.yaml"
    file.write_text("\n".join(line for line in MAP.splitlines() if f"{missing}:" not in line))
    with pytest.raises(ConfigErrors, match=f"name the `{missing}`"):
        packs.load_with(["pipeline"], file)
