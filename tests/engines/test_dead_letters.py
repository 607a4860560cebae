"""Bad records are copied to a file or a topic at least once, and go on where they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confluent_kafka import Consumer

from streamgauge.batch import BadRecord, Partition
from streamgauge.clock import SystemClock
from streamgauge.config import ConfigErrors, load
from streamgauge.config.models import DeadLettersConfig
from streamgauge.engines.outgoing.dead_letters import AT_ONCE, Copier, FilePlace, TopicPlace
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit
from streamgauge.testing import eventually

HERE = Partition("payments", 2)


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}/s.db", owner=Owner.this_process(), clock=SystemClock())
    yield opened
    opened.close()


def bad(offset, payload=b"{"):
    return ("payments", BadRecord(HERE, offset, "not JSON", payload, 1_000_000))


def test_a_file_gets_every_bad_record_once_and_goes_on_after_a_restart(store, tmp_path):
    path = tmp_path / "bad" / "payments.ndjson"
    store.commit(Commit(dead_letters=[bad(offset) for offset in range(AT_ONCE + 3)]))
    for _ in range(2):  # the second finds nothing new
        copier = Copier("payments", FilePlace(path), store)
        copier.start()
        copier.stop()
    store.commit(Commit(dead_letters=[bad(900, b"\xff\x00")]))
    copier = Copier("payments", FilePlace(path), store)
    copier.start()
    copier.stop()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["offset"] for line in lines] == [*range(AT_ONCE + 3), 900]
    assert lines[0] == {
        "stream": "payments",
        "partition": "payments:2",
        "offset": 0,
        "at": "1970-01-01T00:00:01.000Z",
        "reason": "not JSON",
        "payload": "{",
    }
    assert lines[-1]["payload_base64"] == "/wA="


def test_a_place_that_refuses_loses_nothing(store, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")  # a file where the folder should be
    store.commit(Commit(dead_letters=[bad(1)]))
    copier = Copier("payments", FilePlace(blocked / "bad.ndjson"), store)
    copier.start()
    copier.stop()
    blocked.unlink()
    copier = Copier("payments", FilePlace(blocked / "bad.ndjson"), store)
    copier.start()
    copier.stop()
    assert len((blocked / "bad.ndjson").read_text().splitlines()) == 1


@pytest.mark.services
def test_a_topic_gets_the_record_as_it_came_with_its_reason(store, kafka):
    from tests.services.kafka import unique

    topic = unique("bad")
    kafka.create_topic(topic, 1)
    store.commit(Commit(dead_letters=[bad(7, b"\xff{"), bad(8, None)]))
    copier = Copier("payments", TopicPlace(kafka.bootstrap, topic, {}), store)
    copier.start()
    copier.stop()
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": unique("g"), "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    got: list[Any] = []

    def both() -> bool:
        got.extend(consumer.consume(2, 0.2))
        return len(got) == 2

    eventually(both)
    consumer.close()
    assert [message.value() for message in got] == [b"\xff{", None]
    assert dict(got[0].headers()) == {
        "streamgauge-stream": b"payments",
        "streamgauge-partition": b"payments:2",
        "streamgauge-offset": b"7",
        "streamgauge-reason": b"not JSON",
    }


STREAM = """
streams:
  s:
    source: {type: files, path: x.ndjson}
    format: json
    fields: {a: int}
    dead_letters: %s
"""


def test_one_place_is_named():
    with pytest.raises(ConfigErrors, match="either `file` or `topic`"):
        load(STREAM % "{file: a, topic: b}")
    with pytest.raises(ConfigErrors, match="brokers"):
        load(STREAM % "{topic: b}")
    assert load(STREAM % "{file: bad.ndjson}").streams["s"].dead_letters == DeadLettersConfig(
        file="bad.ndjson"
    )
