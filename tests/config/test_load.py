"""What a good file becomes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from streamgauge.channels.console import Config as Console
from streamgauge.config import Config, load
from streamgauge.config.models import FieldConfig, MonitorConfig
from streamgauge.config.windows import CountConfig, HoppingConfig, TumblingConfig
from streamgauge.detectors.threshold import Config as Threshold
from streamgauge.sources.kafka import Config as KafkaSource
from tests.config.reading import ENVIRON, GOOD, HERE


def good(name: str) -> Config:
    return load(HERE / "good" / f"{name}.yaml", environ=ENVIRON)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_load_without_warnings(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # where nothing lies that they could mean
    assert load(path, environ=ENVIRON).warnings == ()


def test_the_first_file_of_every_user():
    config = good("payments")
    stream = config.streams["payments"]
    assert isinstance(stream.source, KafkaSource)
    assert stream.fields["amount"] == FieldConfig(type="float", min=0)
    assert (stream.key, stream.partitioned_by, stream.time) == (("account",), ("account",), "at")
    assert stream.lateness == timedelta(seconds=2)
    burst = config.monitors["burst"]
    assert burst.window == TumblingConfig(
        size=timedelta(seconds=5), by=("account",), compute={"events": "count(*)", "spent": "sum(amount)"}
    )
    assert burst.detect == Threshold(when="events > 100")
    assert burst.notify == ("ops",)
    assert config.monitors["went-quiet"].notify == ("console",)
    assert config.store.url == f"sqlite:///{HERE / 'good' / 'streamgauge.db'}"


def test_defaults():
    stream = good("synthetic").streams["payments"]
    assert (stream.max_ahead, stream.deadline) == (timedelta(minutes=10), timedelta(seconds=1))
    assert (stream.source_timeout, stream.lateness) == (timedelta(seconds=30), timedelta(0))
    assert (stream.limits.keys, stream.limits.forget) == (1_000_000, timedelta(hours=24))
    monitor = good("synthetic").monitors["burst"]
    assert monitor.window is not None
    assert dict(monitor.window.compute) == {"count": "count(*)"}
    assert (monitor.for_, monitor.no_data_after, monitor.order) == (timedelta(0), 10, "read")
    config = good("synthetic")
    assert (config.store.durability, config.store.history) == ("process", timedelta(hours=24))
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8000)


def test_everything_that_can_be_written():
    config = good("everything")
    assert config.streams["clicks"].fields["user"].path == "user.id"
    slow, again = config.monitors["slow"], config.monitors["slow-again"]
    assert isinstance(slow.window, HoppingConfig)
    assert slow.for_ == timedelta(minutes=2)
    assert isinstance(again.window, CountConfig)
    assert (again.window.step, again.window.least) == (10, 20)
    assert again.where == slow.where, "`<<` takes what is not written"
    assert again.order == "time"
    assert config.kinds_of("streamgauge.late")["behind_seconds"] == "float"
    assert config.kinds_of("clicks")["user"] == "string"


def test_plain_words_are_those_of_yaml_1_2():
    text = (HERE / "good" / "synthetic.yaml").read_text(encoding="utf-8")
    config = load(text + "    description: NO\n    runbook: 2026-01-01\n", environ={})
    assert (config.monitors["burst"].description, config.monitors["burst"].runbook) == ("NO", "2026-01-01")


def test_file_text_and_python_data_give_the_same():
    path = HERE / "good" / "synthetic.yaml"
    from_file = load(path, environ={})
    assert load(path.read_text(encoding="utf-8"), environ={}) == from_file
    assert load(str(path), environ={}) == from_file
    data = {
        "streams": {
            "payments": {
                "source": {"type": "synthetic", "scenario": "payments", "seed": 7, "records": 1000},
                "format": "json",
                "fields": {"account": "string", "at": "timestamp"},
                "time": "at",
            }
        },
        "monitors": {
            "burst": MonitorConfig(
                stream="payments",
                window=TumblingConfig(size=timedelta(seconds=5), by=("account",)),
                detect=Threshold(when="count > 50"),
            )
        },
    }
    assert load(data, environ={}) == from_file


def test_durations_may_be_timedeltas_in_python():
    window = TumblingConfig.model_validate({"size": timedelta(minutes=1)})
    assert window.model_dump(mode="json")["size"] == "1m"


def test_a_configuration_is_frozen():
    config = good("synthetic")
    with pytest.raises(ValidationError):
        config.store.url = "sqlite:///other.db"  # type: ignore[misc, assignment]


def test_the_console_exists_undeclared():
    assert good("synthetic").channel("console") == Console()
    with pytest.raises(KeyError):
        good("synthetic").channel("ops")


QUIET = """\
streams:
  payments:
    source: {type: files, path: x.ndjson}
    format: json
    fields: {account: string, country: string}
    key: account
monitors:
  quiet:
    stream: payments
    detect: {type: silence, by: account, after: 30s}
channels:
  ops: {type: console}
"""


def test_warnings_have_places():
    warnings = load(QUIET, environ={}).warnings
    assert [(w.line, w.column, w.path) for w in warnings] == [
        (10, 33, "$.monitors.quiet.detect.by"),
        (12, 8, "$.channels.ops"),
    ]
    assert "is the stream's key" in warnings[0].message


def test_no_warning_for_another_grouping():
    text = QUIET.replace("by: account", "by: country").replace("after: 30s}", "after: 30s}\n    notify: ops")
    assert load(text, environ={}).warnings == ()
