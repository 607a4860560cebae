"""Rows in a topic, on a real broker."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.clock import SystemClock
from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.engines.outgoing.refill import Refilled, refill, sink_of
from streamgauge.errors import ConfigError
from streamgauge.sinks.contract import SpooledRow
from streamgauge.sinks.kafka import Config, KafkaSink, open_sink
from streamgauge.stores import open_reading
from streamgauge.testing import eventually
from tests.services.kafka import Broker, unique
from tests.sinks.writing import monitor, read, record, row_id, run, to, told

BURST = [record(n / 10, "a", v=n) for n in range(3)] + [record(1, "b", v=9)]
TWO = [*BURST, record(7, "a", v=1), record(30, "z", v=1)]


def sink(address: str, topic: str, **more: Any) -> KafkaSink:
    return open_sink(Config.model_validate({"brokers": address, "topic": topic, **more}), "monitor m", {})


def rows(*bodies: bytes, key: str | None = "a") -> list[SpooledRow]:
    return [SpooledRow(n, f"id-{n}", key, body) for n, body in enumerate(bodies, 1)]


@pytest.fixture(autouse=True)
def _plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


@pytest.mark.services
def test_each_window_is_a_row_with_its_key_values_and_bounds(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("rows"), 1)
    run(tmp_path, TWO, {"m": monitor(write=to(kafka, topic))})
    found = read(kafka, topic, 4)
    first = {"window_start": "2026-03-02T10:00:00.000Z", "window_end": "2026-03-02T10:00:05.000Z"}
    assert [told(message) for message in found[:2]] == [
        ("a", {"k": "a", "n": 3, **first}),
        ("b", {"k": "b", "n": 1, **first}),
    ]
    assert [told(message)[1]["n"] for message in found] == [3, 1, 1, 1]
    assert row_id(found[0]) == 'monitor m/"a"/2026-03-02T10:00:00.000Z/2026-03-02T10:00:05.000Z'
    look = open_reading(f"sqlite:///{tmp_path}/store.db")
    assert look.spool_depth() == {}
    look.close()


@pytest.mark.services
def test_where_columns_and_key_say_what_is_written(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("rows"), 1)
    write = to(kafka, topic, where="n > 1", columns={"who": "upper(k)", "twice": "n * 2"}, key=["k", "n"])
    run(tmp_path, TWO, {"m": monitor(write=write)})
    assert [told(message) for message in read(kafka, topic, 2, whole=True)] == [
        ('["a", 3]', {"who": "A", "twice": 6})
    ]


@pytest.mark.services
def test_the_records_of_a_stream_are_written_too(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("records"), 1)
    run(
        tmp_path,
        TWO,
        {"m": monitor(detect={"type": "threshold", "when": "n > 99"})},
        write=to(kafka, topic),
        key="k",
    )
    found = read(kafka, topic, 6)
    assert told(found[0]) == ("a", {"k": "a", "v": 0.0, "at": "2026-03-02T10:00:00.000Z"})
    assert [row_id(message).rpartition("/")[2] for message in found] == list("012345")


@pytest.mark.services
def test_a_topic_is_read_again_to_refill_another(kafka: Broker, tmp_path: Path):
    source, target = kafka.create_topic(unique("source"), 2), kafka.create_topic(unique("rows"), 1)
    with_values = {"k": "string", "v": "float", "at": {"type": "timestamp", "unit": "ms"}}
    run(tmp_path, TWO, {}, write=to(kafka, source, key="k", columns={name: name for name in with_values}))
    stream = {
        "source": {"type": "kafka", "brokers": kafka.bootstrap, "topic": source},
        "format": "json",
        "fields": {**with_values, "at": "timestamp"},
        "time": "at",
    }
    monitors = {"m": {**monitor(write=to(kafka, target)), "stream": "s"}}
    made = load({"streams": {"s": stream}, "monitors": monitors, "store": f"sqlite:///{tmp_path}/other.db"})
    sink_name, settings = sink_of(made, "m")
    done = refill(made, sink_name, settings, {}, SystemClock())
    assert done == Refilled(6, 4, 0)
    found = {row_id(message): told(message)[1]["n"] for message in read(kafka, target, 4)}
    assert sorted(found.values()) == [1, 1, 1, 3]


@pytest.mark.services
def test_a_count_window_is_named_by_its_last_record(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("rows"), 1)
    window = {"type": "count", "size": 2, "by": "k", "compute": {"n": "sum(v)"}}
    run(tmp_path, TWO, {"m": {"stream": "s", "window": window, "write": to(kafka, topic)}})
    found = read(kafka, topic, 2)
    assert [told(message)[1]["n"] for message in found] == [1.0, 3.0]
    assert [row_id(message).rpartition(":")[2] for message in found] == ["0/1", "0/4"]


@pytest.mark.services
def test_changes_are_rows_and_what_holds_no_more_is_a_tombstone(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("rows"), 1)
    window = {"emit": "changes", "compute": {"least": "min(v)"}}
    records = [record(0, v=9.0), record(1, v=8.0), record(2, v=1.0)]
    run(tmp_path, records, {"m": monitor(window=window, write=to(kafka, topic, where="least > 5"))})
    key, row = told(read(kafka, topic, 1)[0])  # conflated to the last one of the only commit
    assert key == "a"
    assert row == {
        "k": "a",
        "window_start": "2026-03-02T10:00:00.000Z",
        "window_end": "2026-03-02T10:00:05.000Z",
        "deleted": True,
    }


@pytest.mark.services
def test_a_session_that_grew_leaves_a_tombstone_under_its_old_bounds(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("rows"), 1)
    window = {"type": "session", "gap": "5s", "by": "k", "compute": {"n": "count(*)"}, "emit": "changes"}
    run(tmp_path, [record(0), record(3)], {"m": {"stream": "s", "window": window, "write": to(kafka, topic)}})
    rows = {row_id(message).rpartition("/")[2]: told(message)[1] for message in read(kafka, topic, 2)}
    assert rows["2026-03-02T10:00:00.000Z"]["deleted"] is True
    assert rows["2026-03-02T10:00:03.000Z"]["n"] == 2


@pytest.mark.services
def test_a_missing_topic_is_created_where_it_says_so_and_waited_for_where_not(kafka: Broker):
    topic = unique("absent")
    waiting = sink(kafka.bootstrap, topic, timeout="5s")
    outcome = waiting.write(rows(b"{}"))
    assert outcome.written == []
    assert "the topic does not exist; create it" in outcome.trouble
    making = sink(kafka.bootstrap, topic, timeout="5s", partitions=3)
    eventually(lambda: list(making.write(rows(b"{}")).written) == [1])
    eventually(lambda: list(waiting.write(rows(b"{}")).written) == [1])
    for one in (waiting, making):
        one.close()


@pytest.mark.services
def test_keys_go_to_the_partitions_that_are_named_and_others_by_the_rule(kafka: Broker):
    topic = kafka.create_topic(unique("placed"), 4)
    written = [SpooledRow(n, key, key, b"{}") for n, key in enumerate("abc", 1)]
    for places in ({"a": 3, "b": 1}, {"a": 0, "b": 0}):
        placing = sink(kafka.bootstrap, topic, places=places, others=2)
        assert placing.write(written).trouble == ""
        placing.close()
    found = {(told(message)[0], message.partition()) for message in read(kafka, topic, 6, 4)}
    assert found == {("a", 3), ("b", 1), ("c", 2), ("a", 0), ("b", 0)}
    beyond = sink(kafka.bootstrap, topic, places={"a": 9}, timeout="5s")
    assert "fewer partitions than `places` names" in beyond.write(rows(b"{}")).trouble
    beyond.close()


def test_a_place_beyond_the_partitions_is_a_mistake():
    with pytest.raises(ValueError, match="there is no partition 5; `partitions: 5` end at 4"):
        Config.model_validate({"brokers": "x:1", "topic": "t", "partitions": 5, "places": {"a": 5}})


@pytest.mark.services
def test_a_row_that_is_too_large_is_refused_and_the_others_arrive(kafka: Broker):
    topic = kafka.create_topic(unique("small"), 1, max_message_bytes=2000)
    writing = sink(kafka.bootstrap, topic, settings={"compression.type": "none", "linger.ms": 0})
    outcomes = [writing.write([row]) for row in rows(b"{}", json.dumps("x" * 9_000).encode(), b"{}")]
    writing.close()
    assert [list(outcome.written) for outcome in outcomes] == [[1], [], [3]]
    assert dict(outcomes[1].refused) == {2: "larger than the topic allows"}


@pytest.mark.services
def test_while_the_broker_is_away_rows_wait_and_a_later_start_brings_them(own_kafka, tmp_path: Path):
    broker = own_kafka()
    topic = broker.create_topic(unique("rows"), 1)
    broker.kill()
    session = run(tmp_path, TWO, {"m": monitor(write=to(broker, topic, timeout="500ms"))})
    assert session.status.totals.rows["monitor m", "written"] == 0
    look = open_reading(f"sqlite:///{tmp_path}/store.db")
    assert look.spool_depth() == {"monitor m": 4}
    look.close()
    broker.start()
    run(tmp_path, TWO, {"m": monitor(write=to(broker, topic))})  # nothing new to read
    assert [told(message)[1]["n"] for message in read(broker, topic, 5, whole=True)] == [3, 1, 1, 1]


def test_nobody_there_ends_in_time():
    writing = sink("127.0.0.1:1", "rows", timeout="300ms")
    outcome = writing.write(rows(b"{}", b"{}"))
    writing.close()
    assert outcome.written == []
    assert outcome.refused == {}
    assert outcome.trouble.startswith("topic rows on 127.0.0.1:1: no answer within 0.3 s")


def test_a_setting_that_librdkafka_does_not_know_is_a_mistake():
    with pytest.raises(ConfigError, match=r"the sink of monitor m, topic rows on x:1: .*no.such.setting"):
        sink("x:1", "rows", settings={"no.such.setting": "1"})


def test_settings_are_not_shown():
    config = Config.model_validate({"brokers": "x:1", "topic": "a", "settings": {"sasl.password": "s3cret"}})
    assert "s3cret" not in f"{config!r} {config.public()}"
    assert repr(KafkaSink(config, "monitor m")) == "KafkaSink(topic a on x:1)"
    assert config.timeout == timedelta(seconds=10)


def test_a_dry_run_writes_no_rows(tmp_path: Path):
    from tests.sinks.writing import config

    (tmp_path / "records.ndjson").write_text("".join(json.dumps(one) + "\n" for one in TWO))
    write = {"type": "kafka", "brokers": "127.0.0.1:1", "topic": "rows"}
    Session(load(config(tmp_path, {"m": monitor(write=write)})), dry_run=True).run()
    look = open_reading(f"sqlite:///{tmp_path}/store.db")
    assert look.spool_depth() == {}
    look.close()
