"""The sessions on the pages: each command runs, and prints what the page says.

``console kafka`` blocks run against a real broker that stands in for ``localhost:9092``. A ``streamgauge run``
goes on beside the block's other commands and is ended when it has printed what the page says.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest

from streamgauge.sources import scenarios
from streamgauge.sources.scenarios.contract import start_run
from streamgauge.sources.synthetic import START, Generation
from streamgauge.testing import eventually
from tests.docs.pages import ROOT, Block, blocks, pages
from tests.docs.sessions import Step, environment, prepare, run, same, steps, write_files
from tests.services.kafka import Broker
from tests.starting import Started

LOCAL = "localhost:9092"
RECORDS = 20_000


def sessions(*, kafka: bool) -> list[Path]:
    return [page for page in pages() if any(is_session(block, kafka=kafka) for block in blocks(page))]


def is_session(block: Block, *, kafka: bool) -> bool:
    return block.language == "console" and ("kafka" in block.words) == kafka


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", sessions(kafka=False), ids=name)
def test_session(page: Path, tmp_path: Path):
    folder = prepare(tmp_path, page)
    for block in blocks(page):
        if block.language == "yaml":
            write_files(block, folder)
        if is_session(block, kafka=False):
            for step in steps(block):
                run(step, folder)


@pytest.mark.services
@pytest.mark.parametrize("page", sessions(kafka=True), ids=name)
def test_session_with_kafka(page: Path, tmp_path: Path, own_kafka: Callable[[], Broker]):
    broker = own_kafka()
    if page == ROOT / "README.md":
        prepare_topic(broker)
    folder = prepare(tmp_path, page)
    for file in folder.rglob("*.yaml"):
        file.write_text(file.read_text("utf-8").replace(LOCAL, broker.bootstrap), "utf-8")
    with ExitStack() as stack:
        running: list[Beside] = []
        for block in blocks(page):
            if block.language == "yaml":
                write_files(block, folder, lambda text: text.replace(LOCAL, broker.bootstrap))
            for step in steps(block) if is_session(block, kafka=True) else ():
                if step.arguments[:2] == ("streamgauge", "run"):
                    here = replace(
                        step, arguments=tuple(a.replace(LOCAL, broker.bootstrap) for a in step.arguments)
                    )
                    running.append(stack.enter_context(Beside(here, folder, len(running))))
                else:
                    run(step, folder, lambda text: text.replace(LOCAL, broker.bootstrap))
        for beside in running:
            beside.has_said_it()


def prepare_topic(broker: Broker) -> None:
    """What a reader of the README has: a topic ``payments``, each record dated when it was sent."""
    scenario = scenarios.find("payments")
    start = int(START.timestamp() * 1e6)
    generation = Generation(scenario, start_run(scenario, seed=1, start=start, rate=None, faults=True))
    broker.create_topic("payments", partitions=6, retention_ms=-1)
    first = 0
    while first < RECORDS:
        part = generation.read(first, RECORDS - first)
        keys, sent = [key.encode() for key in part.keys], (part.arrivals // 1000).tolist()
        broker.produce("payments", part.payloads, keys=keys, timestamps=sent)
        first += len(part)


class Beside:
    """A command that goes on beside the others until it has said what the page says."""

    def __init__(self, step: Step, folder: Path, number: int) -> None:
        self._step = step
        self._printed = folder / f"printed-{number}"
        self._logged = folder / f"logged-{number}"
        with self._printed.open("wb") as out, self._logged.open("wb") as log:
            self._process = Started(
                [*step.arguments[1:], "--port", "0"],
                folder=folder,
                stdout=out,
                stderr=log,
                environ={**environment(), "PYTHONUNBUFFERED": "1"},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def has_said_it(self) -> None:
        """Wait for what the page says (without an answer there: for anything), then end it in order."""
        with suppress(AssertionError):  # told in full below
            eventually(self._said, within=timedelta(seconds=180))
        assert self._said(), f"{self._step.block}\n{self._printed.read_text()}\n{self._logged.read_text()}"
        self._process.terminate()
        assert self._process.wait(30) == 0, self._logged.read_text()

    def _said(self) -> bool:
        printed = self._printed.read_text("utf-8")
        return bool(printed) if self._step.prints is None else same(self._step.prints, printed)
