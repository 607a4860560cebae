"""``fidelity: native`` without Spark: what is refused, what is translated, and what ``notify`` makes of closed windows."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.engines.outgoing.sinking import Sinking
from streamgauge.engines.spark.native import parsed
from streamgauge.engines.spark.native_refusals import NATIVE_REFUSALS
from streamgauge.engines.spark.native_sql import NoWordsError, aggregate_sql, expression_sql, moment_sql
from streamgauge.engines.spark.refusals import refused
from streamgauge.expressions import parse_aggregate, parse_condition
from streamgauge.plan import make_plan
from tests.engines.spark.both import Notified
from tests.replaying import FIELDS, config

COUNT: dict[str, Any] = {
    "window": {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)", "mean": "avg(v)"}},
    "detect": {"type": "threshold", "when": "n > 2"},
}


def native(monitors: dict[str, Any], **stream: Any) -> Config:
    plain = config(monitors, **stream).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return load({**plain, "spark": {"fidelity": "native"}})


def line(number: int, key: str | None, start: int, **values: float) -> dict[str, Any]:
    parts = None if key is None else [json.dumps({"k": key})]
    return {
        "kind": "counted", "run": "r", "stream": "s", "batch": number, "key": parts, "start": start * 10**6,
        "end": (start + 5) * 10**6, "values": values,
    }  # fmt: skip


class Counted:
    """Lines as Spark's queries write them."""

    def __init__(self, configured: Config) -> None:
        self.shape = make_plan(configured).streams["s"].groups[0].shape

    def batch(self, number: int, *rows: dict[str, Any], ends: bool = True) -> list[bytes]:
        made = [{**row, "group": self.shape} for row in rows]
        if ends:
            last = {"kind": "batch", "run": "r", "stream": "s", "group": self.shape, "batch": number}
            made.append({**last, "source": f"s/{self.shape}", "n": number + 1})
        return [json.dumps(row).encode() for row in made]


def test_closed_windows_are_judged_once_their_batch_is_whole(tmp_path: Path):
    configured = native({"burst": COUNT})
    spark, notified = Counted(configured), Notified(configured, tmp_path / "n.db")
    store = notified.hear(spark.batch(0, line(0, "a", 0, n=3, mean=0.5), line(0, "b", 0, n=1), ends=False))
    assert not store.incidents()
    assert not store.positions("s")
    notified.hear(spark.batch(0, line(0, "a", 0, n=3, mean=0.5), line(0, "b", 0, n=1)))
    (incident,) = store.incidents()
    assert (incident.key, incident.window_start, incident.as_json()["state"]) == ("a", 0, "firing")
    assert store.history("burst").sort("key").rows() == [
        ('"a"', 0, 5_000_000, 3, 0.5), ('"b"', 0, 5_000_000, 1, None),
    ]  # fmt: skip
    notified.hear(spark.batch(1, line(1, "a", 5, n=1, mean=0.5)))
    assert store.incidents()[0].as_json()["state"] == "resolved"


def test_a_batch_that_is_run_again_counts_once_also_over_a_kill(tmp_path: Path):
    configured = native({"burst": COUNT})
    spark, notified = Counted(configured), Notified(configured, tmp_path / "n.db")
    first = spark.batch(0, line(0, "a", 0, n=3))
    store = notified.hear(first + spark.batch(1, line(1, "b", 5, n=4), ends=False))
    notified.started()  # what was not whole is read again
    notified.hear(first + spark.batch(1, line(1, "b", 5, n=4)))
    assert sorted(str(incident.key) for incident in store.incidents()) == ["a", "b"]
    assert store.history("burst").height == 2


def test_rows_wait_for_the_sink_once_however_often_a_batch_is_run(tmp_path: Path):
    sink = {"type": "kafka", "brokers": "x:9092", "topic": "rows"}
    configured = native({"burst": {**COUNT, "write": sink}})
    spark = Counted(configured)
    notified = Notified(configured, tmp_path / "n.db", sinking=lambda store: Sinking(store, {}))
    batch = spark.batch(0, line(0, "a", 0, n=3), line(0, "b", 0, n=1))
    store = notified.hear(batch + batch)
    assert [row.id for row in store.spooled("monitor burst")] == [
        f'monitor burst/"{key}"/1970-01-01T00:00:00.000Z/1970-01-01T00:00:05.000Z' for key in "ab"
    ]


def test_whole_groups_have_no_key(tmp_path: Path):
    configured = native(
        {"all": {**COUNT, "window": {"type": "tumbling", "size": "5s", "compute": {"n": "count(*)"}}}}
    )
    store = Notified(configured, tmp_path / "n.db").hear(Counted(configured).batch(0, line(0, None, 0, n=9)))
    assert [incident.key for incident in store.incidents()] == [None]


@pytest.mark.parametrize(
    ("ours", "spark"),
    [
        ("v > 3", "(`v` > 3)"),
        ("k = 'it''s' or not (n in (1, 2))", "((`k` = 'it\\'s') OR (NOT (`n` IN (1, 2))))"),
        ("v / n >= 0.5", "((CAST(`v` AS DOUBLE) / nullif(CAST(`n` AS DOUBLE), 0D)) >= CAST(0.5 AS DOUBLE))"),
        ("k is not null and lower(k) = 'a'", "((NOT (`k` IS NULL)) AND (lower(`k`) = 'a'))"),
    ],
)
def test_conditions_become_sparks_sql(ours: str, spark: str):
    kinds: dict[str, Any] = {
        name: spec if isinstance(spec, str) else spec["type"] for name, spec in FIELDS.items()
    }
    assert expression_sql(parse_condition(ours, kinds).root) == spark


def test_aggregates_become_sparks_sql():
    kinds: dict[str, Any] = {"v": "float"}
    texts = ["count(*)", "count(v)", "sum(v * 2)", "stddev(v)", "approx_distinct(v)"]
    assert [aggregate_sql(parse_aggregate(text, kinds)) for text in texts] == [
        "count(1)",
        "count(`v`)",
        "coalesce(sum((CAST(`v` AS DOUBLE) * CAST(2 AS DOUBLE))), 0)",
        "stddev_samp(`v`)",
        "approx_count_distinct(`v`)",
    ]
    with pytest.raises(NoWordsError, match="quantile"):
        aggregate_sql(parse_aggregate("quantile(v, 0.5)", kinds))


def test_moments_are_read_by_their_unit():
    stream = config({"m": COUNT}).streams["s"]
    assert moment_sql("r.`at`", stream.fields["at"]) == (
        "timestamp_micros(CAST(try_cast(r.`at` AS DOUBLE) * 1 AS BIGINT))"
    )


class Query:
    """Takes the place of a frame, and keeps what it is asked for in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, tuple[str, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        def asked(*texts: str) -> Query:
            self.steps.append((name, texts))
            return self

        return asked


def test_each_records_json_is_read_once_behind_a_generator():
    """No condition passes a generator: were it read as a plain column, each condition would read the JSON once more.

    What Spark makes of it is held by ``tests/engines/test_spark_native.py``.
    """
    fields = {
        "k": {"type": "string", "required": True},
        "v": {"type": "float", "min": 0, "max": 9},
        "at": "timestamp",
    }
    stream = native({"burst": COUNT}, fields=fields, time="at").streams["s"]
    query = Query()
    parsed(cast("Any", query), stream, ["at", "k", "v"])
    texts = [(step, text) for step, asked in query.steps for text in asked]
    assert [found for found in texts if "from_json" in found[1]] == [
        (
            "selectExpr",
            "inline(array(from_json(CAST(value AS STRING), '`at` STRING, `k` STRING, `v` DOUBLE')))",
        )
    ]
    (conditions,) = [text for step, text in texts if step == "where"]
    assert conditions.count("`v`") == 4, "conditions are asked of what was read"


ASKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "windows other than tumbling, hopping and session": ({"m": {"detect": {"type": "threshold", "when": "n > 2"}}}, {}),
    "sessions without `by`": (
        {"m": {**COUNT, "window": {"type": "session", "gap": "3s", "compute": {"n": "count(*)"}}}},
        {},
    ),
    "functions that are not translated": (
        {"m": {**COUNT, "window": {**COUNT["window"], "compute": {"n": "count(distinct v)"}}}},
        {},
    ),
    "include_empty (native)": ({"m": {**COUNT, "window": {**COUNT["window"], "include_empty": True}}}, {}),
    "single monitors (native)": (
        {"m": {**COUNT, "window": {**COUNT["window"], "by": "w", "compute": {"n": "first(v)"}}}},
        {},
    ),
    "monitors of monitors, of late records and of bad ones": (
        {"m": COUNT, "rows": {**COUNT, "stream": "m", "window": {"type": "tumbling", "size": "9s", "compute": {"n": "count(*)"}}}},
        {},
    ),
    "formats other than json (native)": ({"m": COUNT}, {"format": {"type": "csv"}}),
    "fields with `path`, `compute` or `from: key`, lists and maps": (
        {"m": COUNT},
        {"fields": {**FIELDS, "k": {"type": "string", "path": "user.id"}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(ASKS))
def test_what_native_cannot_do_is_refused_by_name(what: str):
    monitors, stream = ASKS[what]
    assert what in {found.what for found in refused(native(monitors, **stream))}


def test_each_native_refusal_has_a_test_and_what_it_can_do_is_not_refused():
    assert {refusal.what for refusal in NATIVE_REFUSALS} == set(ASKS)
    assert not refused(native({"m": COUNT, "over": {**COUNT, "where": "v > 1"}}))
