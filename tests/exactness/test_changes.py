"""What changes while it runs: the file, a monitor that fails, one that is paused and resumed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamgauge.incidents.actions import Attend
from tests.exactness.live import MANY, TOTAL, Live, clock, record, records, stream
from tests.exactness.running import Run, peek, until, write
from tests.services.kafka import Broker, unique

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("plain_kernels")]

PLAIN = {"STREAMGAUGE_JIT": "off"}

FAULTY = '''
"""Fails at the record it was told to fail at."""
import numpy as np
from streamgauge.detectors.contract import DetectorConfig, Needs
from streamgauge.state import NoState
from streamgauge.verdict import Verdicts

class Config(DetectorConfig):
    """What may be written."""
    at: int

class Faulty:
    """Says nothing, until it fails."""
    needs = Needs(judges_empty=False)
    def __init__(self, name, at):
        self.name, self.at = name, at
    def initial(self):
        return NoState()
    def step(self, state, results):
        if len(results) and max(results.columns["events"].numbers().max(), 0) >= self.at:
            raise ZeroDivisionError("as it was told")
        none = np.zeros(0, np.int64)
        return Verdicts(self.name, results.keys, none.astype(np.int32), none.astype(np.int8), none, none, none,
                        none.astype(bool), none.astype(bool), none, {}, none, none)
    def drop(self, state, slots):
        pass

def build(config, context):
    return Faulty(context.monitor, config.at)
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A really installed detector, as far as Python can tell."""
    folder = tmp_path / "plugin"
    info = folder / "faulty_detector-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "faulty_detector.py").write_text(FAULTY)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty-detector\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[streamgauge.detectors]\nfaulty = faulty_detector\n")
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("faulty_detector", None)


def _windowed(**detect: Any) -> dict[str, Any]:
    return {**MANY, "detect": detect}


def _config(kafka: Broker, topic: str, monitors: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"streams": {"payments": stream(kafka, topic, **more)}, "monitors": dict(monitors)}


def _all_in(live: Live, topic: str, count: int) -> None:
    live.until(lambda: live.read() == count and live.caught_up(topic), f"{count} records")


@pytest.mark.usefixtures("plugin")
def test_a_monitor_that_fails_is_paused_and_told_and_the_others_go_on_exactly(kafka: Broker, tmp_path: Path):
    topic, base = kafka.create_topic(unique(), 1), clock() // 5 * 5 - 1000
    monitors = {"many": MANY, "total": TOTAL, "faulty": _windowed(type="faulty", at=3)}
    config = _config(kafka, topic, monitors)
    with Live(tmp_path, config) as live:
        kafka.produce(topic, records("a", [base, base + 1]))
        _all_in(live, topic, 2)
        kafka.produce(topic, records("a", [base + 2, base + 3, base + 7]))
        live.until(lambda: live.open("faulty"), "detector failed")
        _all_in(live, topic, 5)
        (failed,) = live.incidents("faulty")
        assert failed.kind == "detector failed"
        assert "ZeroDivisionError: as it was told" in failed.title
        paused = live.until(lambda: live.now.monitors["faulty"].paused, "its pause")
        assert paused == "ZeroDivisionError: as it was told"
        assert [i.observed for i in live.incidents("many")] == [{"events": 4}]
        live.stop()
    with Live(tmp_path, config) as live:
        kafka.produce(topic, records("a", [base + 20 + k / 10 for k in range(5)]))
        _all_in(live, topic, 10)
        live.until(lambda: live.now.monitors["faulty"].paused is not None, "its pause over a restart")
        kafka.produce(topic, records("a", [base + 60]))
        live.until(lambda: len(live.windows("total")) >= 3, "windows")
    assert [w[1:] for w in live.windows("total")[:3]] == [
        (int((base) * 1e6), 4), (int((base + 5) * 1e6), 1), (int((base + 20) * 1e6), 5)
    ]  # fmt: skip
    assert [i.kind for i in live.incidents("faulty")] == ["detector failed"]


def test_paused_and_resumed_its_open_windows_are_partial(kafka: Broker, tmp_path: Path):
    topic, base = kafka.create_topic(unique(), 1), clock() // 5 * 5 - 1000
    falling = _windowed(type="threshold", when="events < 3")
    with Live(tmp_path, _config(kafka, topic, {"few": falling, "total": TOTAL})) as live:
        kafka.produce(topic, records("a", [base]))
        _all_in(live, topic, 1)
        live.session.engine.act(Attend("pause", "few", "ann")).result(30)  # type: ignore[union-attr]
        live.until(lambda: live.now.monitors["few"].paused, "the pause")
        kafka.produce(topic, records("a", [base + 1, base + 2, base + 6]))
        _all_in(live, topic, 4)
        live.session.engine.act(Attend("resume", "few", "ann")).result(30)  # type: ignore[union-attr]
        live.until(lambda: live.now.monitors["few"].paused is None, "the resumption")
        kafka.produce(topic, records("a", [base + 7, base + 12, base + 17]))
        _all_in(live, topic, 7)
        (incident,) = live.until(lambda: live.incidents("few"), "the first whole window")
    assert incident.window_start == int((base + 10) * 1e6), (
        "the one before was open when it came back: partial"
    )
    assert [w[1:] for w in live.windows("total")] == [
        (int(base * 1e6), 3), (int((base + 5) * 1e6), 2), (int((base + 10) * 1e6), 1)
    ]  # fmt: skip


def _rewrite(path: Path, config: Mapping[str, Any], text: str | None = None) -> None:
    fresh = path.with_suffix(".fresh")
    fresh.write_text(text or yaml.safe_dump({"store": "sqlite:///store.db", **config}, sort_keys=False))
    fresh.replace(path)


def _incidents(path: Path, monitor: str) -> list[Any]:
    found: list[Any] = peek(path, lambda look: look.incidents(monitor=monitor)) or []
    return found


def _read(path: Path) -> int:
    positions = peek(path, lambda look: look.positions("payments")) or {}
    return sum(position.next_offset for position in positions.values())


def test_sighup_takes_a_changed_file_and_the_others_keep_their_open_windows(kafka: Broker, tmp_path: Path):
    topic, base = kafka.create_topic(unique(), 1), clock() // 5 * 5 - 1000
    config = _config(
        kafka, topic, {"many": MANY, "total": TOTAL, "leaves": _windowed(type="threshold", when="events > 1")}
    )
    path = write(tmp_path, config)
    with Run(path, env=PLAIN) as run:
        kafka.produce(topic, records("a", [base, base + 1]))
        until(lambda: _read(path) == 2 and _incidents(path, "leaves"), "two records", alive=run)
        changed = deepcopy(config)
        changed["monitors"]["many"]["detect"]["when"] = "events > 2"
        changed["monitors"]["fresh"] = _windowed(type="threshold", when="events >= 1")
        del changed["monitors"]["leaves"]
        _rewrite(path, changed)
        run.signal(signal.SIGHUP)
        until(lambda: run.says("the file was read again"), "the signal", alive=run)
        kafka.produce(topic, [record("a", base + 2)])
        until(lambda: _incidents(path, "many"), "the third record, with the new threshold", alive=run)
        kafka.produce(topic, records("b", [base + 6, base + 20]))
        until(lambda: _read(path) == 5, "the rest", alive=run)
        until(lambda: len(_incidents(path, "fresh")) == 2, "the new monitor", alive=run)
        assert run.stop() == 0
    assert [i.observed for i in _incidents(path, "many")] == [{"events": 3}]
    (left,) = _incidents(path, "leaves")
    assert left.reason == "removed"
    (first, *_) = sorted(_incidents(path, "fresh"), key=lambda incident: incident.opened_at)
    assert first.partial, "it began at the stream's position"
    with_total = peek(path, lambda look: look.history("total"))
    assert with_total.sort("window_start")["n"].to_list()[0] == 3, "of a window that was open at the change"


def test_a_file_with_mistakes_changes_nothing_and_says_so(kafka: Broker, tmp_path: Path):
    topic, base = kafka.create_topic(unique(), 1), clock() // 5 * 5 - 1000
    config = _config(kafka, topic, {"many": MANY})
    path = write(tmp_path, config)
    with Run(path, env=PLAIN) as run:
        kafka.produce(topic, records("a", [base, base + 1]))
        until(lambda: _read(path) == 2, "two records", alive=run)
        _rewrite(path, {}, "monitors: {many: {streem: payments}}\n")
        run.signal(signal.SIGHUP)
        until(lambda: run.says("the changed file has mistakes"), "the refusal", alive=run)
        assert run.says("did you mean `stream`?")
        missing = deepcopy(config)
        missing["streams"]["payments"]["source"]["topic"] = "there-is-no-such-topic"
        _rewrite(path, missing)
        run.signal(signal.SIGHUP)
        until(lambda: run.says("the changed file cannot be run"), "the second refusal", alive=run)
        assert run.says("there-is-no-such-topic")
        kafka.produce(topic, records("a", [base + 2, base + 3]))
        until(lambda: _incidents(path, "many"), "the window that was open all along", alive=run)
        assert run.stop() == 0
    assert [i.observed for i in _incidents(path, "many")] == [{"events": 4}]


def test_bad_records_are_watched_anew_though_one_partition_never_has_any(kafka: Broker, tmp_path: Path):
    topic, base = kafka.create_topic(unique(), 2), clock() // 5 * 5 - 1000

    def produce(partition: int, moments: list[float], bad: int = 0) -> None:
        kafka.produce(topic, [*records("a", moments[:1]), *[b"{"] * bad], partition=partition)
        kafka.produce(topic, records("a", moments[1:]), partition=partition)

    with Live(tmp_path, _config(kafka, topic, {"total": TOTAL})) as live:
        produce(0, [base, base + 2], bad=2)
        produce(1, [base, base + 2])
        _all_in(live, topic, 6)
        live.stop()
    window = {"type": "tumbling", "size": "5s", "compute": {"n": "count(*)"}}
    fewer = {"type": "threshold", "when": "n < 2"}
    few = {"stream": "streamgauge.dead_letters", "window": window, "detect": fewer}
    with Live(tmp_path, _config(kafka, topic, {"total": TOTAL, "few": few})) as live:
        produce(0, [base + 3, base + 10, base + 40], bad=1)
        produce(0, [base + 41, base + 60], bad=1)
        produce(1, [base + 4, base + 60])
        (incident,) = live.until(lambda: live.incidents("few"), "the first whole window")
    assert incident.window_start == int((base + 40) * 1e6), "the one with the first record is partial"
