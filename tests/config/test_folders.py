"""Every path in a file counts from the folder of that file, whatever the working folder is."""

from __future__ import annotations

import json
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from streamgauge.cli.run import _saying_elsewhere
from streamgauge.config import Config, load
from streamgauge.config.document import Document
from streamgauge.config.drafting import drafted, packed, unpacked, written
from streamgauge.config.folders import folders_of, place
from streamgauge.config.load import shaped
from streamgauge.config.models import MonitorConfig
from streamgauge.settings import FileName, FileUrl
from streamgauge.sources.files import open_source
from streamgauge.statistics import reference_file
from streamgauge.statistics.reference import build
from streamgauge.testing import PushedClock

TEXT = """\
streams:
  read:
    source: {type: files, path: ["data/*.ndjson", other.ndjson]}
    format: {type: avro, schema_file: schemas/read.avsc}
    fields: {id: string, amount: float, score: float}
    dead_letters: {file: bad/letters.ndjson}
    write: {type: files, path: lake}
  registered:
    source: {type: kafka, brokers: "b:9092", topic: t}
    format: {type: avro, registry: {url: "https://r:8081", ca: ca.pem}}
    fields: {id: string}
  asked:
    source: {type: sql, url: "sqlite:///shop.db", query: "SELECT 1 AS one"}
    format: json
    fields: {one: int}
  polled:
    source: {type: flink, url: "https://flink:8081", ca: ./ca.pem}
  served:
    source: {type: sql, url: "postgresql://me@db/shop", query: "SELECT 1 AS one"}
    format: json
    fields: {one: int}
monitors:
  judged:
    stream: read
    detect: {type: model, path: models/fraud.skops, features: amount, critical: 0.9}
  moved:
    stream: read
    window: {type: count, size: 100}
    detect: {type: psi, features: amount, reference: training.reference}
    write: {type: files, path: /lake/moved}
channels:
  log: {type: csv, path: alerts.csv}
  mail: {type: email, host: mail, sender: a@b.c, to: d@e.f, ca_file: mail.pem}
store: sqlite:///gauge.db
"""
PATHS = {
    "data/*.ndjson", "other.ndjson", "schemas/read.avsc", "bad/letters.ndjson", "lake", "ca.pem", "./ca.pem", "sqlite:///shop.db",
    "postgresql://me@db/shop", "models/fraud.skops", "training.reference", "/lake/moved", "alerts.csv", "mail.pem",
    "sqlite:///gauge.db",
}  # fmt: skip
"""All that stand there."""


def shape(text: str) -> Config:
    """What the models read, without a look at files."""
    document = Document(yaml.safe_load(text), "conf/own.yaml")
    place(document, Path("conf"))
    config, mistakes, _ = shaped(document)
    assert config is not None
    assert mistakes == []
    return config


@pytest.fixture(scope="module")
def config() -> Config:
    return shape(TEXT)


def test_each_path_counts_from_the_files_folder(config: Config):
    read, judged, moved = config.streams["read"], config.monitors["judged"], config.monitors["moved"]
    seen: list[Any] = [
        *read.source.path, read.format.schema_file, read.dead_letters.file, read.write.path,  # type: ignore[attr-defined,union-attr]
        config.streams["registered"].format.registry.ca, config.streams["polled"].source.ca,  # type: ignore[attr-defined]
        judged.detect.path, moved.detect.reference, config.channels["log"].path, config.channels["mail"].ca_file,  # type: ignore[attr-defined,union-attr]
    ]  # fmt: skip
    assert seen == [
        "conf/data/*.ndjson", "conf/other.ndjson", "conf/schemas/read.avsc", "conf/bad/letters.ndjson", "conf/lake", "conf/ca.pem",
        "conf/./ca.pem", "conf/models/fraud.skops", "conf/training.reference", "conf/alerts.csv", "conf/mail.pem",
    ]  # fmt: skip
    assert (config.store.url, config.streams["asked"].source.url) == ("sqlite:///conf/gauge.db", "sqlite:///conf/shop.db")  # type: ignore[attr-defined]  # fmt: skip


def test_whole_paths_and_servers_stay_as_they_are(config: Config):
    assert config.monitors["moved"].write.path == "/lake/moved"  # type: ignore[union-attr]
    assert config.streams["served"].source.url == "postgresql://me@db/shop"  # type: ignore[attr-defined]


def test_they_are_shown_as_they_are_written(config: Config):
    assert set(folders_of(config)) == PATHS
    assert config.monitors["judged"].public()["detect"]["path"] == "models/fraud.skops"
    assert config.store.model_dump()["url"] == "sqlite:///gauge.db"


def test_no_key_that_names_a_file_is_a_plain_text():
    """Words of the docstrings tell which keys name files; a new one must be a `FileName`, or be listed here."""
    schema = json.loads(Path("docs/reference/streamgauge.schema.json").read_text("utf-8"))
    found = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, about in node.get("properties", {}).items():
                if (
                    isinstance(about, dict) and name in ("path", "file", "reference", "ca", "model")
                ) or name.endswith("_file"):
                    found.add(name)
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(schema)
    assert found == {"path", "file", "reference", "ca", "schema_file", "ca_file"}


def test_an_included_file_counts_from_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "parts").mkdir()
    (tmp_path / "main.yaml").write_text(
        "include: parts/one.yaml\nchannels: {log: {type: csv, path: log.csv}}\n"
    )
    (tmp_path / "parts" / "one.yaml").write_text("""\
streams:
  one: {source: {type: files, path: one.ndjson}, format: json, fields: {v: float}}
monitors:
  quiet: {stream: one, detect: {type: silence, after: 1h}, notify: log}
store: sqlite:///one.db
""")
    monkeypatch.chdir(tmp_path)
    config = load(Path("main.yaml"))
    assert list(config.streams["one"].source.path) == ["parts/one.ndjson"]  # type: ignore[attr-defined]
    assert (config.store.url, config.channels["log"].path) == ("sqlite:///parts/one.db", "log.csv")  # type: ignore[attr-defined]


READING = """\
streams:
  v: {source: {type: files, path: "data/*.ndjson"}, format: json, fields: {v: float}}
monitors:
  quiet: {stream: v, detect: {type: silence, after: 1h}}
store: sqlite:///v.db
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in a folder, and another folder that is the working one."""
    for name in ("conf/data", "here"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "conf" / "own.yaml").write_text(READING)
    (tmp_path / "conf" / "data" / "a.ndjson").write_text('{"v": 1.0}\n')
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "conf" / "own.yaml"


@pytest.mark.parametrize("follow", [False, True])
def test_a_file_keeps_its_partition_wherever_it_is_read_from(elsewhere: Path, follow: bool, monkeypatch):
    elsewhere.write_text(READING.replace('ndjson"}', f'ndjson", follow: {str(follow).lower()}}}'))

    def partitions() -> list[str]:
        source = open_source(load(elsewhere).streams["v"].source, "v", PushedClock())  # type: ignore[arg-type]
        source.open({})
        read = source.poll(100, timeout=timedelta(0))
        source.close()
        assert [len(piece.offsets) for piece in read.slices] == [1]
        return [piece.partition.name for piece in read.slices]

    away = partitions()
    monkeypatch.chdir(elsewhere.parent)
    assert [name.rpartition(":")[2] for name in away] == ["data/a.ndjson"]
    assert partitions() == away


def test_data_without_a_file_counts_from_the_working_folder(elsewhere: Path):
    (source,) = (stream.source for stream in load(READING).streams.values())
    assert list(source.path) == ["data/*.ndjson"]  # type: ignore[attr-defined]


def test_what_lies_in_the_working_folder_instead_is_told(elsewhere: Path):
    assert load(elsewhere).warnings == ()
    Path("v.db").touch()
    (warning,) = load(elsewhere).warnings
    assert (warning.path, warning.line, warning.file) == ("$.store", 5, str(elsewhere))
    assert f"nothing lies at {elsewhere.parent / 'v.db'}, and `sqlite:///v.db` lies in the" in warning.message
    (elsewhere.parent / "v.db").touch()
    assert load(elsewhere).warnings == ()


def test_run_says_so_too(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    _saying_elsewhere(load(elsewhere))
    assert capsys.readouterr().err == ""
    Path("v.db").touch()
    _saying_elsewhere(load(elsewhere))
    assert capsys.readouterr().err.startswith(f"warning: {elsewhere}:5:8: $.store: paths count from")


def test_a_draft_and_a_trial_in_another_process_find_the_files(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    numbers = np.tile(np.arange(10, dtype=np.float64), 30)
    (tmp_path / "conf" / "v.reference").write_bytes(reference_file.encoded(build({"v": numbers})))
    text = READING.replace(
        "detect: {type: silence, after: 1h}",
        "window: {type: count, size: 100}, detect: {type: psi, reference: v.reference}",
    )
    (tmp_path / "conf" / "own.yaml").write_text(text)
    config = load(Path("conf/own.yaml"))
    again = unpacked(pickle.loads(pickle.dumps(packed(config))))
    draft = written(again, "quiet")
    assert draft["detect"]["reference"] == "v.reference"
    tried: MonitorConfig = drafted(again, {"tried": draft}).monitors["tried"]
    assert tried.detect.reference == "conf/v.reference"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [FileName("a/b", "c"), FileUrl("sqlite:///x.db", "c"), FileName("a")])
def test_names_go_to_other_processes(name: FileName):
    again = pickle.loads(pickle.dumps(name))
    assert (again, again.written, again.folder, type(again)) == (name, name.written, name.folder, type(name))
