"""Queries over a topic, live, on the real broker: rows as they come, LIMIT, Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from streamgauge.errors import ConfigError
from streamgauge.sql.parse import parse
from streamgauge.sql.plan import Given, plan
from streamgauge.sql.script import Script, SqlError
from streamgauge.sql.streams import Topic
from streamgauge.sql.watching import asked_live
from tests.services.kafka import Broker, unique
from tests.sql.asking import mock

DECLARED = """CREATE STREAM s (account VARCHAR, amount DOUBLE, at TIMESTAMP)
  WITH (kafka_topic = '{topic}', value_format = 'JSON', timestamp = 'at');
"""


def produced(kafka: Broker, seconds: list[float]) -> str:
    topic = kafka.create_topic(unique(), 1)
    rows = [
        {"ACCOUNT": "a" if number % 2 else "b", "amount": number, "AT": f"2026-03-02T10:00:{second:06.3f}Z"}
        for number, second in enumerate(seconds)
    ]
    kafka.produce(topic, [json.dumps(row).encode() for row in rows])
    return topic


def asking(kafka: Broker, topic: str, select: str, *words: str) -> list[str]:
    sql = DECLARED.format(topic=topic) + select
    return [sys.executable, "-m", "streamgauge", "query", sql, "--brokers", kafka.bootstrap, *words]


def asked(kafka: Broker, topic: str, select: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        asking(kafka, topic, select, "--json"), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.services
def test_records_of_a_topic_end_with_limit(kafka: Broker):
    topic = produced(kafka, [0, 1, 2, 3])
    found = asked(
        kafka, topic, "SELECT UCASE(account) AS who, amount FROM s WHERE amount > 0 EMIT CHANGES LIMIT 2"
    )
    assert found == [{"who": "A", "amount": 1.0}, {"who": "B", "amount": 2.0}]


@pytest.mark.services
def test_a_topic_shows_its_fields_and_event_time_by_itself(kafka: Broker):
    topic = produced(kafka, [0, 1, 2, 6, 12])
    words = ["--stream", f"s=topic:{topic}", "--brokers", kafka.bootstrap, "--json"]
    question = "SELECT ACCOUNT, COUNT(*) AS n, MAX(amount) AS most FROM s WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY account LIMIT 2"
    done = subprocess.run(
        [sys.executable, "-m", "streamgauge", "query", question, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["ACCOUNT"], row["n"], row["most"]) for row in rows] == [("a", 1, 1), ("b", 2, 2)]


def test_a_topic_without_an_event_time_has_the_brokers():
    given = Given(topics={"s": Topic("events", {"n": "int", "user.id": "string"}, None)})
    (step,) = plan(parse([Script("a.sql", "SELECT n, user->id AS who FROM s;")]), given).steps
    assert (
        asked_live(plan(parse([Script("a.sql", "SELECT n FROM s;")]), given)).query.source.topic == "events"
    )
    assert step.query.source.time is None
    assert list(step.query.kinds) == ["n", "who"]


@pytest.mark.services
def test_windows_that_closed_come_as_time_passes(kafka: Broker):
    topic = produced(kafka, [0, 1, 2, 6, 12])
    found = asked(
        kafka, topic, "SELECT COUNT(*) AS v FROM s WINDOW TUMBLING (SIZE 5 SECONDS) EMIT FINAL LIMIT 2"
    )
    assert [(row["v"], row["window_start"][17:19]) for row in found] == [(3, "00"), (1, "05")]


@pytest.mark.services
def test_changes_come_with_each_record_and_tombstones_too(kafka: Broker):
    topic = produced(kafka, [0, 1, 2])
    select = "SELECT COUNT(*) AS v FROM s WINDOW TUMBLING (SIZE 5 SECONDS) HAVING COUNT(*) < 2 EMIT CHANGES LIMIT 2"
    one, two = asked(kafka, topic, select)
    assert (one["v"], "deleted" in one) == (1, False)
    assert two["deleted"] is True


@pytest.mark.services
def test_ctrl_c_ends_it_without_a_trace(kafka: Broker):
    topic = produced(kafka, [0, 1])
    child = subprocess.Popen(
        asking(kafka, topic, "SELECT account FROM s EMIT CHANGES", "--format", "csv"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert [child.stdout.readline() for _ in range(3)] == ["account\n", "b\n", "a\n"]
    child.send_signal(signal.SIGINT)
    rest, errors = child.communicate(timeout=30)
    assert (child.returncode, rest) == (0, "")
    assert "Traceback" not in errors
    assert "2 records, 2 rows" in errors


def test_one_select_at_a_time():
    sql = DECLARED.format(topic="t") + "SELECT account FROM s; SELECT amount FROM s;"
    with pytest.raises(SqlError, match="one SELECT is answered at a time"):
        asked_live(plan(parse([Script("a.sql", sql)]), Given()))


def test_only_a_topic_is_read_live():
    with pytest.raises(SqlError, match="s is no topic"):
        asked_live(plan(parse([Script("a.sql", mock() + "SELECT account FROM s;")]), Given()))


def test_without_a_window_there_is_no_row_before_the_end():
    asking = DECLARED.format(topic="t") + "SELECT account, COUNT(*) AS n FROM s GROUP BY account"
    with pytest.raises(SqlError, match="write EMIT CHANGES"):
        asked_live(plan(parse([Script("a.sql", asking)]), Given()))
    assert asked_live(plan(parse([Script("a.sql", f"{asking} EMIT CHANGES")]), Given())).query.changes


def test_nothing_to_ask_is_said():
    with pytest.raises(ConfigError, match="there is no SELECT"):
        asked_live(plan(parse([Script("a.sql", DECLARED.format(topic="t"))]), Given()))
