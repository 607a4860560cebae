"""The fraud story on real servers: a folder with the model and the files, a running Streamgauge, the story that is played."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from examples.fraud.story.playing import Place, Story
from examples.fraud.story.training import Trained, past, train
from examples.fraud.story.transactions import Transaction
from prometheus_client.parser import text_string_to_metric_families

from streamgauge.testing import eventually
from tests.docs.pages import ROOT
from tests.exactness.running import Run, until
from tests.services.kafka import Broker, unique

FILES = ROOT / "examples" / "fraud" / "story"
PARTITIONS = 2
PATIENCE = timedelta(seconds=120)


def exposed_at(web: httpx.Client, url: str) -> dict[tuple[str, str], float]:
    """The `fraud_*` values of `/metrics`, by name and value of the only label."""
    text = web.get(f"{url}/metrics").text
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("fraud_")
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@dataclass
class Stage:
    """What is running, and what was played on it."""

    folder: Path
    broker: Broker
    run: Run
    story: Story
    trained: Trained
    training: list[Transaction]
    web: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60, trust_env=False))

    @property
    def url(self) -> str:
        return self.story.place.url

    @property
    def file(self) -> Path:
        return self.folder / "story.yaml"

    def get(self, path: str) -> Any:
        return self.web.get(f"{self.url}/api/v1/{path}").json()

    def exposed(self) -> dict[tuple[str, str], float]:
        return exposed_at(self.web, self.url)

    def labelled(self, day: datetime) -> bool:
        """Whether all that was predicted on a day is measured with its label."""
        series = self.get("quality/quality")["series"]
        rows = zip(*(series.get(name, []) for name in ("start", "labels", "predictions")), strict=True)
        wanted = f"{day:%Y-%m-%dT%H:%M}"
        return any(start.startswith(wanted) and labels == told for start, labels, told in rows)

    def told(self, monitor: str) -> list[dict[str, Any]]:
        """Its incidents, the newest first."""
        found: list[dict[str, Any]] = self.get(f"incidents?monitor={monitor}")["incidents"]
        return found

    def wait_for(self, holds: Any, what: str) -> None:
        eventually(lambda: holds() or self._ended(), what, within=PATIENCE)

    def _ended(self) -> bool:
        assert self.run.running, self.run.log
        return False


@contextmanager
def staged(
    folder: Path, broker: Broker, *, days: int, per_hour: int, env: Mapping[str, str]
) -> Iterator[Stage]:
    """Train, start, and wait until the shop may ask."""
    trained = train(folder, days=days, per_hour=per_hour)
    training = past(days, per_hour, 1)[: trained.trained_on]
    for file in FILES.glob("*.yaml"):
        shutil.copy(file, folder)
    topics = {"transactions": unique("transactions"), "labels": unique("labels")}
    for topic in topics.values():
        broker.create_topic(topic, PARTITIONS, retention_ms=-1)
    names = {name.upper(): topic for name, topic in topics.items()}
    with Run(folder / "story.yaml", env={**env, **names, "BROKERS": broker.bootstrap}) as run:
        until(lambda: run.says('"url"'), "the server", alive=run)
        place = Place(f"http://127.0.0.1:{run.port}", broker.bootstrap, **topics)
        stage = Stage(folder, broker, run, Story(place, per_hour), trained, training)
        stage.wait_for(lambda: stage.web.get(f"{place.url}/readyz").status_code == 200, "readiness")
        yield stage
        stage.web.close()
