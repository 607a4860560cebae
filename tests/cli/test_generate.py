"""`streamgauge generate`: files that are the same each time, real topics, clear words when something is missing."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from streamgauge.cli import _targets, generate, main
from streamgauge.errors import OutsideError
from streamgauge.sources import scenarios
from streamgauge.sources.scenarios.contract import start_run
from streamgauge.sources.synthetic import Generation, Records
from streamgauge.testing import PushedClock
from tests.services.kafka import Broker, unique


def run(*arguments: object) -> int:
    """The exit code of ``streamgauge generate`` with these arguments."""
    with pytest.raises(SystemExit) as ended:
        main(["generate", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_a_file_holds_the_records_and_the_table_tells_what_is_planted(tmp_path: Path, capsys):
    out = tmp_path / "payments.ndjson"
    assert run("payments", "--seed", 7, "--records", 90_000, "--out", out) == 0
    lines = out.read_bytes().splitlines()
    assert len(lines) == 90_000
    assert json.loads(lines[0])["at"] == 1_767_225_600_000
    told = capsys.readouterr().out
    assert f"90,000 records of payments (seed 7) written to {out}" in told
    for what in ("burst", "malformed", "quiet", "refusals", "late"):
        assert f"\n  {what} " in told


def test_the_same_call_writes_the_same_file_whatever_its_compression(tmp_path: Path):
    for name in ("a.ndjson", "b.ndjson", "a.ndjson.gz", "b.ndjson.gz", "a.ndjson.zst", "b.ndjson.zst"):
        assert run("logins", "--seed", 3, "--records", 20_000, "--out", tmp_path / name) == 0
    plain, again, *packed = (
        path.read_bytes() for path in sorted(tmp_path.iterdir(), key=lambda p: p.suffixes)
    )
    assert plain == again
    assert packed[0] == packed[1]
    assert packed[2] == packed[3]
    assert gzip.decompress(packed[0]) == plain
    assert zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed[2])).read() == plain


def test_another_seed_and_quiet_write_other_records(tmp_path: Path):
    digests = set()
    for number, more in enumerate(([], ["--seed", "2"], ["--quiet"])):
        out = tmp_path / f"{number}"
        assert run("weblog", "--records", 30_000, *more, "--out", out) == 0
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 3


def test_the_page_shows_what_is_printed(tmp_path: Path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs/verbs/generate.md").read_text()
    blocks = [block.partition("```")[0] for block in page.split("```console\n")[1:]]
    assert len(blocks) == 2
    for block in blocks:
        call, *shown = block.strip().splitlines()
        assert run(*call.removeprefix("$ streamgauge generate ").split()) == 0
        printed = [line.rstrip() for line in capfd.readouterr().out.strip().splitlines()]
        assert printed == shown


def test_the_standard_output_carries_only_records(capfdbinary):
    assert run("sensors", "--records", 100, "--out", "-") == 0
    written = capfdbinary.readouterr()
    assert len([json.loads(line) for line in written.out.splitlines()]) == 100
    assert b"100 records of sensors" in written.err


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -c 'from streamgauge.cli import main; main()' generate payments --out - | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == "p-0000000"
    assert b"Traceback" not in done.stderr


def test_json_lists_the_faults_and_the_summary_and_planted_writes_them(tmp_path: Path, capsys):
    faults = tmp_path / "planted.json"
    out = tmp_path / "out"
    assert run("payments", "--records", 90_000, "--json", "--out", out, "--planted", faults) == 0
    *planted, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert summary == {
        "kind": "summary",
        "scenario": "payments",
        "seed": 1,
        "records": 90_000,
        "where": str(out),
        "start": "2026-01-01T00:00:00.000Z",
        "end": "2026-01-01T00:00:45.000Z",
    }
    assert [fault["what"] for fault in planted] == ["burst", "malformed", "quiet", "refusals", "late"]
    assert {fault.pop("kind") for fault in planted} == {"planted"}
    assert json.loads(faults.read_text()) == planted


@pytest.mark.parametrize(
    ("more", "sentence"),
    [(["--quiet"], "among them, as asked"), ([], "the first, burst, would begin at 2026-01-01T00:00:04")],
)
def test_it_says_why_nothing_is_planted(tmp_path: Path, capsys, more: list[str], sentence: str):
    assert run("payments", "--records", 1_000, "--out", tmp_path / "out", *more) == 0
    assert sentence in capsys.readouterr().out


def test_start_is_the_event_time_of_the_first_record(tmp_path: Path):
    out = tmp_path / "out"
    assert run("logins", "--records", 1, "--start", "2025-05-01T12:00:00+02:00", "--out", out) == 0
    assert json.loads(out.read_bytes())["at"] == 1_746_093_600_000
    before = datetime.now(UTC)
    assert run("logins", "--records", 1, "--start", "now", "--out", out) == 0
    written = datetime.fromtimestamp(json.loads(out.read_bytes())["at"] / 1000, UTC)
    assert -timedelta(seconds=1) < written - before < timedelta(seconds=20)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["pay", "--out", "x"], 2, "there is no scenario 'pay': choose one of logins, payments"),
        (["payments"], 2, "say where the records go"),
        (["payments", "--out", "x", "--topic", "t"], 2, "not both"),
        (["payments", "--topic", "t"], 2, "`--topic` needs `--brokers`"),
        (["payments", "--out", "-", "--json"], 2, "would both write to the standard output"),
        (["payments", "--out", "x", "--start", "soon"], 2, "'soon' is no start"),
        (["payments", "--out", "x", "--rate", "0"], 2, "too small"),
        (["payments", "--out", "x", "--rate", "10"], 2, "at least 100, or plant nothing"),
        (["payments", "--topic", "t", "--brokers", "b:1", "--producer-property", "acks"], 2, "write KEY=VALUE"),
        (["payments", "--topic", "t", "--brokers", "b:1", "--producer-property", "ack=1"], 2, "librdkafka refuses"),
        (["payments", "--out", "/no/such/folder/x"], 3, "cannot write /no/such/folder/x: No such file"),
    ],
)  # fmt: skip
def test_mistakes_are_told(arguments: list[str], code: int, sentence: str, capsys, tmp_path):
    assert run(*(str(tmp_path / word) if word == "x" else word for word in arguments)) == code
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(capsys):
    assert run("payments", "--out", "/dev/full") == 3
    assert "cannot write /dev/full: No space left on device" in capsys.readouterr().err


class Listing:
    """A target that keeps what it is given and when."""

    def __init__(self, clock: PushedClock, stop_at: int = 10**9) -> None:
        self.where = "a list"
        self.times: list[float] = []
        self._clock = clock
        self._stop_at = stop_at

    def write(self, records: Records) -> None:
        self.times += [self._clock.monotonic()] * len(records)
        if len(self.times) >= self._stop_at:
            raise KeyboardInterrupt

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""


def job(records: int, *, rate: float, paced: bool) -> generate._Job:
    scenario = scenarios.find("payments")
    generation = Generation(scenario, start_run(scenario, seed=1, start=0, rate=rate, faults=True))
    return generate._Job(generation, records, paced)


def test_a_rate_is_kept_by_the_clock():
    clock = PushedClock()
    target = Listing(clock)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        clock.push(timedelta(seconds=seconds))

    assert job(1_001, rate=500, paced=True).write(target, clock, nap) == (1_001, True)
    assert clock.monotonic() == pytest.approx(2.0, abs=0.011)
    assert max(naps) < 0.02
    late = [at - index / 500 for index, at in enumerate(target.times)]
    assert -1e-6 <= min(late) <= max(late) < 0.0101


def test_an_interrupted_job_tells_how_far_it_came():
    clock = PushedClock()
    target = Listing(clock, stop_at=9_000)
    done, whole = job(50_000, rate=500, paced=False).write(target, clock)
    assert (done, whole) == (8_192, False)


def test_an_interruption_ends_with_130_and_the_summary(tmp_path: Path, monkeypatch, capsys):
    def interrupted(self, records: Records) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_targets.FileTarget, "write", interrupted)
    assert run("payments", "--out", tmp_path / "out") == 130
    assert "0 records of payments" in capsys.readouterr().out


# a real broker


def read_topic(broker: Broker, topic: str, count: int) -> list[tuple[int, bytes, bytes]]:
    """(partition, key, value) of all records, of which there are ``count``."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": unique("group"), **broker.client()}
    )
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[tuple[int, bytes, bytes]] = []
    while len(found) < count:
        messages = consumer.consume(count - len(found), 20)
        assert messages, f"only {len(found)} of {count} records arrived"
        found += [(m.partition() or 0, m.key() or b"", m.value() or b"") for m in messages]
    assert consumer.consume(1, 0.2) == []
    consumer.close()
    return found


def murmur2(key: bytes) -> int:
    """Kafka's own hash, as its Java client computes it."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    found = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * factor & mask
        word = (word ^ word >> 24) * factor & mask
        found = (found * factor & mask) ^ word
    if key[whole:]:
        found = (found ^ int.from_bytes(key[whole:], "little")) * factor & mask
    found = (found ^ found >> 13) * factor & mask
    return found ^ found >> 15


@pytest.mark.services
def test_a_topic_gets_each_record_once_placed_as_java_places_them(kafka: Broker, tmp_path: Path, capsys):
    topic = unique("payments")
    where = ["--topic", topic, "--brokers", kafka.bootstrap]
    assert run("payments", "--records", 30_000, *where, "--partitions", 6) == 0
    assert f"30,000 records of payments (seed 1) written to topic {topic}" in capsys.readouterr().out
    found = read_topic(kafka, topic, 30_000)
    assert run("payments", "--records", 30_000, "--out", tmp_path / "file") == 0
    assert Counter(value for _, _, value in found) == Counter((tmp_path / "file").read_bytes().splitlines())
    assert {partition for partition, _, _ in found} == set(range(6))
    for partition, key, value in found:
        assert (murmur2(key) & 0x7FFFFFFF) % 6 == partition
        if value.startswith(b"{") and value.endswith(b"}"):
            assert json.loads(value)["account"] == key.decode()


@pytest.mark.services
def test_a_topic_at_a_rate_is_live(kafka: Broker):
    topic = kafka.create_topic(unique("live"))
    where = ["--topic", topic, "--brokers", kafka.bootstrap]
    before = datetime.now(UTC).timestamp()
    assert run("payments", "--records", 300, "--rate", 300, *where) == 0
    took = datetime.now(UTC).timestamp() - before
    times = [json.loads(value)["at"] / 1000 for _, _, value in read_topic(kafka, topic, 300)]
    assert took >= 0.99
    assert before - 0.4 <= min(times) <= max(times) <= before + took


@pytest.mark.services
def test_a_missing_topic_is_told(kafka: Broker, capsys):
    topic = unique("missing")
    assert run("payments", "--topic", topic, "--brokers", kafka.bootstrap) == 3
    assert f"there is no topic {topic} at {kafka.bootstrap}" in capsys.readouterr().err


@pytest.mark.services
def test_a_topic_that_cannot_be_made_is_told(kafka: Broker, capsys):
    where = ["--topic", "not a name", "--brokers", kafka.bootstrap]
    assert run("payments", *where, "--partitions", 3) == 3
    assert "cannot create topic not a name" in capsys.readouterr().err


@pytest.mark.services
def test_records_that_are_refused_are_told(kafka: Broker, capsys):
    topic = kafka.create_topic(unique("small"), max_message_bytes=100)
    assert run("payments", "--topic", topic, "--brokers", kafka.bootstrap, "--records", 500) == 3
    told = capsys.readouterr()
    assert f"topic {topic} at {kafka.bootstrap} did not take" in told.err
    assert "Message size too large" in told.err
    assert "written to" not in told.out


@pytest.mark.services
def test_login_by_producer_property(secured_kafka: Broker, capsys, monkeypatch):
    topic = secured_kafka.create_topic(unique("secure"))
    where = ["--topic", topic, "--brokers", secured_kafka.bootstrap, "--records", "50"]
    login = [f"--producer-property={key}={value}" for key, value in secured_kafka.client().items()]
    assert run("payments", *where, *login) == 0
    assert len(read_topic(secured_kafka, topic, 50)) == 50
    monkeypatch.setattr(_targets, "PATIENCE", 2)
    wrong = [text.replace("sasl.password=", "sasl.password=not-") for text in login]
    assert run("payments", *where, *wrong) == 3
    told = capsys.readouterr().err
    assert f"no broker answers at {secured_kafka.bootstrap} within 2 s" in told
    assert "uthentication" in told
    assert "not-" not in told


def test_a_broker_that_is_not_there_is_told(capsys, monkeypatch):
    monkeypatch.setattr(_targets, "PATIENCE", 1)
    assert run("payments", "--topic", "t", "--brokers", "127.0.0.1:1") == 3
    told = capsys.readouterr().err
    assert "no broker answers at 127.0.0.1:1 within 1 s" in told
    assert "Connection refused" in told


@pytest.mark.services
def test_a_broker_that_dies_meanwhile_is_told(own_kafka):
    broker = own_kafka()
    topic = broker.create_topic(unique())
    target = _targets.TopicTarget(topic, broker.bootstrap, None, {"message.timeout.ms": "1500"})
    generation = job(1, rate=500, paced=False).generation
    target.write(generation.read(0, 100))
    target._producer.flush(10)
    broker.kill()
    target.write(generation.read(100, 100))
    with pytest.raises(OutsideError, match=f"topic {topic} at .* did not take 100 records"):
        target.close()
    target.close()


def test_help_loads_nothing_heavy():
    code = "import sys, streamgauge.cli.generate; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "polars", "confluent_kafka", "numba", "pydantic", "zstandard"} & set(loaded)
