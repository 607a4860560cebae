"""``streamgauge reference build`` from a topic on a real broker."""

import json

import pytest

from streamgauge.statistics import reference_file
from tests.cli.in_process import Verb
from tests.services.kafka import unique

pytestmark = pytest.mark.services


def test_a_reference_is_made_of_a_topics_newest_records(kafka, tmp_path, capsys):
    topic = unique("payments")
    kafka.create_topic(topic, partitions=2, retention_ms=-1)
    for partition in (0, 1):
        records = [{"amount": n % 7, "who": {"country": "CH" if n % 3 else "DE"}} for n in range(200)]
        kafka.produce(topic, [json.dumps(record).encode() for record in records], partition=partition)
    asked = ("build", "--from", topic, "--brokers", kafka.bootstrap, "--out", tmp_path / "t.reference")
    done = Verb("reference", capsys)(*asked)
    assert done.code == 0, done.err
    features = reference_file.load(tmp_path / "t.reference").features
    assert {name: feature.rows for name, feature in features.items()} == {"amount": 400, "who.country": 400}
    assert features["who.country"].values == {"CH": 266, "DE": 134}
