"""The verb: what it writes passes ``check``, shows no secret, replaces nothing, and expects what happens."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from streamgauge import api
from streamgauge.config import load
from streamgauge.sources.scenarios import find
from streamgauge.sources.scenarios.contract import start_run
from streamgauge.sources.synthetic import START, Generation
from tests.cli.in_process import Verb
from tests.formats.avro_writing import framed, record
from tests.services.kafka import Broker, unique
from tests.services.registry import Registry

RECORDS = 8_000
SECONDS = RECORDS // 2000


@pytest.fixture
def init(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verb:
    monkeypatch.chdir(tmp_path)
    return Verb("init", capsys)


def invented(name: str) -> tuple[list[bytes], list[bytes]]:
    """Records and keys of a scenario."""
    scenario = find(name)
    start = int(START.timestamp() * 1e6)
    part = Generation(scenario, start_run(scenario, seed=1, start=start, rate=None, faults=True)).read(
        0, RECORDS
    )
    return list(part.payloads), [key.encode() for key in part.keys]


@pytest.mark.parametrize("name", ["payments", "sensors", "weblog", "logins"])
def test_what_is_written_passes_check_and_speaks_as_often_as_it_says(init: Verb, tmp_path: Path, name: str):
    (tmp_path / f"{name}.ndjson").write_bytes(b"\n".join(invented(name)[0]))
    ended = init(f"{name}.ndjson", "--json")
    assert ended.code == 0, ended.err
    (said,) = ended.objects
    config = load(tmp_path / "streamgauge.yaml")
    assert not config.warnings
    assert set(config.monitors) == set(said["monitors"])
    replayed = api.replay(config, {name: f"{name}.ndjson"})
    for monitor, told in said["monitors"].items():
        count = sum(one.monitor == monitor and one.kind == "verdict" for one in replayed.incidents_list)
        assert count == told["expected"] <= 2, monitor
    assert not replayed.late.height


def test_the_file_says_what_each_guess_was_made_of(init: Verb, tmp_path: Path):
    (tmp_path / "payments.ndjson").write_bytes(b"\n".join(invented("payments")[0]))
    ended = init("payments.ndjson", "--yes", "--out", "mine.yaml", "--lateness", "3s", "--name", "pay")
    text = (tmp_path / "mine.yaml").read_text()
    assert f"the first {RECORDS:,} records" in text or f"all {RECORDS:,} records" in text
    assert "    lateness: 3s" in text
    assert "amount: {type: float, min: 0}   # smaller ones go to the dead letters" in text
    assert "windows in the sample; 99.9 % hold at most" in text
    assert ended.lines[-1].strip() == "streamgauge run mine.yaml"
    assert "streamgauge replay mine.yaml --stream pay=payments.ndjson" in ended.out


def test_a_file_in_another_folder_finds_the_records(init: Verb, tmp_path: Path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "payments.ndjson").write_bytes(b"\n".join(invented("payments")[0]))
    ended = init("payments.ndjson", "--yes", "--out", "conf/own.yaml")
    assert ended.code == 0, ended.err
    source: Any = load(Path("conf/own.yaml")).streams["payments"].source
    assert (source.path[0].written, source.path[0]) == ("../payments.ndjson", "conf/../payments.ndjson")
    assert "  streamgauge replay conf/own.yaml --stream payments=payments.ndjson" in ended.lines


def test_nothing_is_replaced_unless_asked(init: Verb, tmp_path: Path):
    (tmp_path / "payments.ndjson").write_bytes(b"\n".join(invented("payments")[0]))
    (tmp_path / "streamgauge.yaml").write_text("mine")
    ended = init("payments.ndjson", "--yes")
    assert ended.code == 2
    assert "is there already" in ended.err
    assert (tmp_path / "streamgauge.yaml").read_text() == "mine"
    assert init("payments.ndjson", "--yes", "--force").code == 0


def test_csv_and_parquet(init: Verb, tmp_path: Path):
    rows = [
        {
            "when": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z",
            "host": f"h{n % 4}",
            "zip": "0815",
            "took_ms": n * 0.5,
        }
        for n in range(600)
    ]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "a.csv")
    frame.with_columns(pl.col("when").str.to_datetime(time_zone="UTC")).write_parquet(tmp_path / "a.parquet")
    for file, form in (("a.csv", "csv"), ("a.parquet", "parquet")):
        (said,) = init(file, "--json", "--force").objects
        stream = said["stream"]["a"]
        assert (stream["format"], stream["time"], stream["key"]) == (form, "when", "host")
        assert stream["fields"]["zip"] == "string"
        assert stream["fields"]["took_ms"] == {"type": "float", "min": 0}
        assert api.replay(load(tmp_path / "streamgauge.yaml"), {"a": file}).records == 600


def test_personal_data_is_masked_and_in_no_notice(init: Verb, tmp_path: Path):
    records = [{"at": 1767225600 + n, "mail": f"u{n}@example.com", "amount": 1.0 + n % 3} for n in range(300)]
    (tmp_path / "people.ndjson").write_bytes(b"\n".join(map(msgspec.json.encode, records)))
    ended = init("people.ndjson", "--yes")
    assert "masked     mail" in ended.out
    text = (tmp_path / "streamgauge.yaml").read_text()
    assert "mail: {type: string, mask: true}   # looks like e-mail addresses" in text
    assert "example.com" not in text + ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "what shall be looked at?"),
        (["--topic", "t"], "Add --brokers"),
        (["a.ndjson", "--topic", "t", "--brokers", "b"], "what shall be looked at?"),
        (["a.ndjson", "--lateness", "2"], "is not a duration"),
        (["none.ndjson"], "none.ndjson"),
    ],
)
def test_what_cannot_be_done(init: Verb, tmp_path: Path, arguments: list[str], words: str):
    (tmp_path / "a.ndjson").write_text('{"at": 1767225600}\n')
    ended = init(*arguments, "--yes")
    assert ended.code in (2, 3)
    assert words in ended.err
    assert not (tmp_path / "streamgauge.yaml").exists()


@pytest.mark.services
def test_a_topic(kafka: Broker, init: Verb, tmp_path: Path):
    """The newest records of each partition; keys and placing show; nothing is committed."""
    topic = kafka.create_topic(unique("payments"), 3, retention_ms=-1)
    payloads, keys = invented("payments")
    kafka.produce(topic, payloads, keys=keys)
    (said,) = init(
        "--brokers", kafka.bootstrap, "--topic", topic, "--records", 6000, "--name", "payments", "--json"
    ).objects
    stream = said["stream"]["payments"]
    assert stream["source"] == {
        "type": "kafka",
        "brokers": kafka.bootstrap,
        "topic": topic,
        "start": "latest",
    }
    assert (stream["key"], stream["partitioned_by"], stream["time"]) == ("account", "account", "at")
    assert "the key of the messages" in (tmp_path / "streamgauge.yaml").read_text()
    assert not load(tmp_path / "streamgauge.yaml").warnings


@pytest.mark.services
def test_a_topic_of_avro(kafka: Broker, schema_registry: Registry, init: Verb, tmp_path: Path):
    """Logical types are moments, nested records have paths; without a registry it says what is missing."""
    topic = kafka.create_topic(unique("avro"), 1, retention_ms=-1)
    number = schema_registry.register(f"{topic}-value", AVRO)
    kafka.produce(topic, [framed(number, AVRO, row) for row in avro_rows()])
    where = ("--brokers", kafka.bootstrap, "--topic", topic, "--name", "taps")
    ended = init(*where, "--json")
    assert (ended.code, "look like Avro with a schema registry's ids" in ended.err) == (2, True)
    ended = init(*where, "--json", "--registry", schema_registry.url)
    assert ended.code == 0, ended.err
    (said,) = ended.objects
    stream = said["stream"]["taps"]
    assert stream["format"] == {"type": "avro", "registry": schema_registry.url}
    assert stream["fields"] == {
        "device": "string", "at": "timestamp", "place_town": {"type": "string", "path": "place.town"}, "liters": "float",
    }  # fmt: skip
    assert (stream["key"], stream["time"], said["unreadable"]) == ("device", "at", 0)
    assert load(tmp_path / "streamgauge.yaml").monitors


AVRO = record(
    ("device", "string"),
    ("at", {"type": "long", "logicalType": "timestamp-millis"}),
    ("place", {**record(("town", "string"), name="Place")}),
    ("liters", "double"),
)


def avro_rows() -> list[dict[str, Any]]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {
            "device": f"d-{n % 5}",
            "at": start + timedelta(seconds=n),
            "place": {"town": "Bern"},
            "liters": n * 0.5,
        }
        for n in range(400)
    ]


@pytest.mark.services
def test_an_empty_topic(kafka: Broker, init: Verb):
    ended = init("--brokers", kafka.bootstrap, "--topic", kafka.create_topic(unique(), 1), "--yes")
    assert ended.code == 3
    assert "holds no records to look at" in ended.err


@pytest.mark.services
def test_a_secret_stands_nowhere(
    secured_kafka: Broker, init: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    topic = secured_kafka.create_topic(unique(), 1, retention_ms=-1)
    secured_kafka.allow("reader", topic=topic)
    secured_kafka.produce(topic, invented("payments")[0])
    settings = [
        part
        for key, value in secured_kafka.client("reader").items()
        for part in ("--setting", f"{key}={value}")
    ]
    ended = init("--brokers", secured_kafka.bootstrap, "--topic", topic, *settings, "--yes")
    assert ended.code == 0, ended.err
    text = (tmp_path / "streamgauge.yaml").read_text()
    assert "sasl.password: '${KAFKA_SASL_PASSWORD}'" in text
    assert "export KAFKA_SASL_PASSWORD=…" in ended.out
    assert "reader-secret" not in text + ended.out + ended.err
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "reader-secret")
    assert load(tmp_path / "streamgauge.yaml").monitors


def test_on_a_terminal_it_asks_and_takes_what_it_is_told(tmp_path: Path):
    """A real terminal: a line feed takes the guess, an answer wins over it."""
    (tmp_path / "payments.ndjson").write_bytes(b"\n".join(invented("payments")[0]))
    master, slave = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-m", "streamgauge", "init", "payments.ndjson"],
        cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave, close_fds=True,
    )  # fmt: skip
    os.close(slave)
    os.write(master, b"country\n7s\n")
    said = "".join(iter(lambda: _read(master), ""))
    assert asked.wait(60) == 0, said
    assert "Which field names whose record it is (- for none) [account]" in said
    text = (tmp_path / "streamgauge.yaml").read_text()
    assert "key: country   # as you said" in text
    assert "lateness: 7s" in text


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 4096).decode("utf-8", "replace")
    except OSError:  # how a terminal tells that everybody has left
        return ""
