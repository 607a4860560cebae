"""``streamgauge dead-letters``: listed, read again after a fix, put back into a real topic."""

from __future__ import annotations

import pytest

from streamgauge.batch import BadRecord, Partition
from streamgauge.config import load
from streamgauge.stores import open_reading
from streamgauge.stores.contract import Commit
from tests.cli.in_process import Verb
from tests.cli.past import Past
from tests.server.given import START, fill
from tests.services.kafka import Broker, unique


@pytest.fixture
def letters(capsys):
    return Verb("dead-letters", capsys)


def mended(past: Past) -> None:
    """Allow numbers as strings, which one of the two needs."""
    past.file.write_text(
        past.file.read_text().replace("format: json", "format: {type: json, numbers_as_strings: true}")
    )


def test_a_table_newest_first(letters, past: Past):
    told = letters("--config", past.file)
    assert told.code == 0
    header, first, second = told.lines
    assert header.split("  ")[0] == "at"
    assert first.startswith("2023-11-14T22:13:36.000Z  payments  ")
    assert "amount: " in first
    assert "not JSON: " in second


def test_json_carries_what_was_kept(letters, past: Past):
    first, second = letters("--store", past.store, "--json").objects
    assert second["payload"] == '{"id": "x", "acc'
    assert (first["offset"] > second["offset"], first["put_back_at"]) == (True, None)
    assert letters("--store", past.store, "--json", "--limit", 1).objects == [first]
    assert letters("--store", past.store, "--stream", "other").out == "no dead letters\n"


def test_what_records_hold_cannot_move_the_cursor(letters, tmp_path, past: Past):
    config = load(past.file.read_text().replace(str(past.folder), str(tmp_path)))
    evil = BadRecord(Partition("p\x1b[2J"), 1, "no \x1b[31mred", b"\x1b[2J", START)
    fill(config, [Commit(dead_letters=[("payments", evil)])])
    assert "\x1b" not in letters("--store", config.store.url).out
    assert "\x1b" not in letters("--store", config.store.url, "--json").out


def test_before_and_after_a_fix(letters, own_past: Past):
    told = letters("replay", own_past.file)
    assert told.code == 0
    assert "readable now" not in told.out
    mended(own_past)
    told = letters("replay", own_past.file)
    _, broken, fine, hint = told.lines
    assert "not JSON: " in broken
    assert fine.endswith("  readable now")
    assert hint == "1 of 2 can be read now; `--to-topic` puts those of Kafka streams back"
    first, second = letters("replay", own_past.file, "--json").objects
    assert (first["readable"], second["readable"], second["reason"]) == (False, True, None)
    assert second["reason_then"].startswith("amount: ")
    assert second["put_back"] is False


def test_files_are_mended_where_they_are(letters, own_past: Past):
    mended(own_past)
    told = letters("replay", own_past.file, "--to-topic")
    assert told.code == 2
    assert "stream payments is read from files, where nothing can be put back" in told.err
    with_open = open_reading(own_past.store)
    assert {letter.replayed_at for letter in with_open.dead_letters()} == {None}
    with_open.close()


FILE = """\
streams:
  payments:
    source: {{type: kafka, brokers: "{brokers}", topic: {topic}, settings: {settings}}}
    format: {{type: json, numbers_as_strings: true}}
    fields: {{account: string, amount: float, at: timestamp}}
    time: at
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account, compute: {{spent: sum(amount)}}}}
    detect: {{type: threshold, when: spent > 100}}
store: sqlite:///{folder}/streamgauge.db
"""
GOOD = b'{"account": "a", "amount": "12.5", "at": 1700000000000}'


def kept(file, topic: str, *payloads: bytes | None) -> None:
    """A store with dead letters of this topic's second partition."""
    records = [
        BadRecord(Partition(topic, 1), offset, "amount: expected a number", payload, START)
        for offset, payload in enumerate(payloads)
    ]
    fill(load(file), [Commit(dead_letters=[("payments", record) for record in records])])


@pytest.mark.services
def test_put_back_into_the_partition_that_they_came_from(letters, kafka: Broker, tmp_path):
    topic = kafka.create_topic(unique("letters"), partitions=3)
    file = tmp_path / "payments.yaml"
    file.write_text(FILE.format(brokers=kafka.bootstrap, topic=topic, settings="{}", folder=tmp_path))
    kept(file, topic, GOOD, b"{", None)
    told = letters("replay", file, "--to-topic")
    assert told.code == 0, told.err
    assert told.lines[1].endswith("  put back")
    assert read(kafka, topic, 1) == [(1, GOOD, [("streamgauge-put-back", f"{topic}:1 0".encode())])]
    listed = letters("--config", file, "--json").objects
    assert [letter["put_back_at"] is not None for letter in listed] == [False, False, True]
    again = letters("replay", file, "--to-topic", "--json").objects
    assert [one["readable"] for one in again] == [False, False], "never twice"


def test_a_broker_that_is_away_marks_nothing(letters, tmp_path, monkeypatch):
    from streamgauge.engines.outgoing import second_reading

    monkeypatch.setattr(second_reading, "PATIENCE", 1.0)
    file = tmp_path / "payments.yaml"
    file.write_text(FILE.format(brokers="127.0.0.1:1", topic="t", settings="{}", folder=tmp_path))
    kept(file, "t", GOOD)
    told = letters("replay", file, "--to-topic")
    assert told.code == 3
    assert "1 of 1 were not taken by 127.0.0.1:1" in told.err
    assert letters("--config", file, "--json").objects[0]["put_back_at"] is None


def read(broker: Broker, topic: str, count: int) -> list[tuple[int | None, bytes | None, object]]:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": unique("group")})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(3)])
    found: list[tuple[int | None, bytes | None, object]] = []
    while len(found) < count:
        messages = consumer.consume(1, 20)
        assert messages, f"only {len(found)} of {count} came"
        found += [(message.partition(), message.value(), message.headers()) for message in messages]
    assert consumer.consume(1, 0.2) == []
    consumer.close()
    return found
