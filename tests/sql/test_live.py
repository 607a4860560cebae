"""Statements for `run`: the configuration that they become, and what is said of those that cannot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streamgauge.errors import ConfigError, StreamgaugeError
from streamgauge.sql.live import Live, live
from streamgauge.sql.parse import parse
from streamgauge.sql.plan import Given
from streamgauge.sql.producing import topics
from streamgauge.sql.script import Script

EXAMPLES = Path(__file__).parents[2] / "examples" / "ksqldb"
STREAM = """CREATE STREAM pays (id BIGINT KEY, who VARCHAR, amount DOUBLE, at TIMESTAMP)
WITH (kafka_topic='pays_topic', value_format='JSON', timestamp='at');"""
TABLE = """CREATE TABLE big AS SELECT who, SUM(amount) AS spent FROM pays
WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY who HAVING SUM(amount) > 100;"""


def made(*texts: str, notify: Sequence[str] = (), **parameters: str) -> Live:
    scripts = [Script(f"{n}.sql", text) for n, text in enumerate(texts)]
    return live(parse(scripts), Given(parameters, brokers="b:9092"), notify=notify)


def refusal(*texts: str, notify: Sequence[str] = ()) -> str:
    with pytest.raises(StreamgaugeError) as caught:
        made(*texts, notify=notify)
    return str(caught.value)


def test_a_stream_is_its_topic_with_the_key_in_the_key_and_names_in_any_case():
    stream = made(STREAM, TABLE).config.streams["pays"]
    source: Any = stream.source
    assert (source.topic, source.brokers, source.start) == ("pays_topic", ("b:9092",), "earliest")
    assert stream.fields["id"].from_ == "key"
    assert stream.fields["who"].from_ == "value"
    assert stream.format.model_dump()["any_case"] is True
    assert stream.time == "at"


def test_a_table_is_a_monitor_whose_having_is_its_threshold_and_whose_rows_go_to_a_topic():
    monitor = made(STREAM, TABLE).config.monitors["big"]
    write: Any = monitor.write
    assert (write.topic, write.brokers, write.partitions) == ("BIG", "b:9092", 1)
    assert list(write.columns) == ["who", "spent", "window_start", "window_end"]
    assert write.where == monitor.detect.when  # type: ignore[union-attr]
    assert monitor.notify == ("console",)


def test_with_names_the_topic_and_its_partitions():
    table = TABLE.replace("AS SELECT", "WITH (kafka_topic='over', partitions=4) AS SELECT", 1)
    write: Any = made(STREAM, table).config.monitors["big"].write
    assert (write.topic, write.partitions) == ("over", 4)


def test_a_table_without_having_only_writes():
    monitor = made(STREAM, TABLE.partition(" HAVING")[0] + ";").config.monitors["big"]
    assert monitor.detect is None
    assert monitor.write is not None
    assert monitor.write.where is None


def test_a_stream_made_of_a_stream_writes_its_records():
    told = made(STREAM, "CREATE STREAM large AS SELECT who, amount * 2 AS twice FROM pays WHERE amount > 9;")
    stream: Any = told.config.streams["large"]
    assert stream.write.topic == "LARGE"
    assert dict(stream.write.columns).keys() == {"who", "twice"}
    assert stream.write.key == ("id",)
    assert stream.write.where is not None
    assert not told.config.monitors


def test_inserts_and_bare_selects_are_passed_over_with_a_note():
    insert = "INSERT INTO pays (id, who, amount, at) VALUES (1, 'a', 2.5, 1000);"
    told = made(STREAM, TABLE, insert * 12, "SELECT who FROM pays;")
    assert "12 INSERTs not run; use `generate -f`" in told.notes
    assert "a SELECT of its own is not run; `streamgauge query` prints its rows" in told.notes


def test_the_example_runs_with_its_parameter():
    texts = [(EXAMPLES / name).read_text() for name in ("MOCK_DATA.sql", "WINDOW_TEST.sql")]
    told = made(*texts, threshold="20")
    assert told.notes == ["80 INSERTs not run; use `generate -f`"]
    monitor: Any = told.config.monitors["anomaly_window"]
    assert monitor.detect.when == "event_count > 20" or "20" in monitor.detect.when
    assert monitor.write.topic == "ANOMALY_WINDOW"


@pytest.mark.parametrize(
    ("notify", "channels"),
    [
        (["console"], {"console": None}),
        (["webhook:http://x/y"], {"webhook-1": "webhook"}),
        (["csv:out.csv", "console"], {"csv-1": "csv", "console": None}),
        (["kafka:alerts"], {"kafka-1": "kafka"}),
        (["slack:https://hooks.slack.com/services/x"], {"slack-1": "slack"}),
        (["alertmanager:http://am:9093"], {"alertmanager-1": "alertmanager"}),
    ],
)
def test_notify_names_channels(notify: list[str], channels: dict[str, str | None]):
    config = made(STREAM, TABLE, notify=notify).config
    assert list(config.monitors["big"].notify) == list(channels)
    assert {name: channel.type for name, channel in config.channels.items()} == {
        name: kind for name, kind in channels.items() if kind
    }


def test_a_table_over_a_table_watches_the_rows_that_having_keeps():
    top = """CREATE TABLE top AS SELECT COUNT(*) AS tables, MAX(spent) AS most FROM big
    WINDOW TUMBLING (SIZE 1 MINUTE) WHERE who <> 'x' HAVING COUNT(*) > 2;"""
    config = made(STREAM, TABLE, top).config
    assert config.monitors["top"].stream == "big"
    assert config.monitors["top"].where == f"({config.monitors['big'].write.where}) and (who <> 'x')"  # type: ignore[union-attr]
    assert list(config.streams) == ["pays"]


def test_a_table_without_window_writes_its_changes():
    monitor: Any = made(
        STREAM, "CREATE TABLE t AS SELECT who, COUNT(*) AS n FROM pays GROUP BY who;"
    ).config.monitors["t"]
    assert monitor.window.emit == "changes"
    assert list(monitor.write.columns) == ["who", "n"]


def test_a_table_that_changes_is_not_read():
    total = "CREATE TABLE total AS SELECT who, COUNT(*) AS n FROM pays GROUP BY who;"
    over = "CREATE TABLE top AS SELECT COUNT(*) AS n FROM total WINDOW TUMBLING (SIZE 1 MINUTE);"
    assert "the rows of total change, and `run` reads final ones only" in refusal(STREAM, total, over)


def test_rows_are_not_grouped_by_what_is_computed_of_them():
    over = "CREATE TABLE top AS SELECT COUNT(*) AS n FROM big WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY spent * 2;"
    assert "the rows of big cannot be grouped by KSQL_COL_0, which is computed of them" in refusal(
        STREAM, TABLE, over
    )


def test_one_name_for_two_grouping_values_is_told():
    both = [
        f"CREATE TABLE t{n} AS SELECT COUNT(*) AS n FROM pays WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY {what}(who);"
        for n, what in enumerate(("UCASE", "LCASE"))
    ]
    assert "KSQL_COL_0 is computed in another way, or a column, elsewhere" in refusal(STREAM, *both)


def test_what_cannot_be_is_said():
    assert "there is nothing to run" in refusal(STREAM)
    assert "pager is no channel" in refusal(STREAM, TABLE, notify=["pager:x"])
    assert "write `--notify csv:PATH`" in refusal(STREAM, TABLE, notify=["csv"])


def test_inserts_become_messages_as_ksqldb_writes_them():
    inserts = """INSERT INTO pays (id, who, amount, at) VALUES (1, 'a', 2.5, 1000);
    INSERT INTO pays (who, at, ROWTIME) VALUES ('b', 2000, 7);"""
    (topic,) = topics(parse([Script("x", STREAM + inserts)]), {}, 5_000)
    assert (topic.name, topic.partitions) == ("pays_topic", None)
    assert [(m.key, m.value, m.at) for m in topic.messages] == [
        ("1", b'{"WHO":"a","AMOUNT":2.5,"AT":1000}', 5),
        (None, b'{"WHO":"b","AMOUNT":null,"AT":2000}', 7),
    ]


def test_an_insert_into_nothing_is_refused():
    with pytest.raises(ConfigError, match="there is no stream nowhere"):
        topics(parse([Script("x", "INSERT INTO nowhere (a) VALUES (1);")]), {}, 0)
