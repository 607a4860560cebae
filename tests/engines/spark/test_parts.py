"""The pieces around the judging: packed records, pages, floors, versions, progress, refusals, a monitor that fails."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from streamgauge.batch import NEVER, Column, Partition
from streamgauge.config import load
from streamgauge.detectors.threshold import Threshold
from streamgauge.engines.spark import versions
from streamgauge.engines.spark.floors import Come
from streamgauge.engines.spark.job import reading
from streamgauge.engines.spark.lines import judged as judged_lines
from streamgauge.engines.spark.packing import pack, unpack
from streamgauge.engines.spark.pages import PAGE, Head, Pages
from streamgauge.engines.spark.progress import Metrics, read_progress
from streamgauge.engines.spark.refusals import REFUSALS, refused
from streamgauge.engines.spark.watch import End, stayed
from streamgauge.errors import ConfigError
from streamgauge.plan import make_plan
from streamgauge.stores.contract import HistoryBlock
from tests.engines.spark.both import Notified, judged, kinds
from tests.replaying import config, record

COUNT: dict[str, Any] = {
    "window": {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)"}},
    "detect": {"type": "threshold", "when": "n > 2"},
}


def batch(rows: list[tuple[str, int, int]]) -> Any:
    names = ["topic", "number", "offset", "stamp", "trusted", "key", "value"]
    topics, numbers, offsets = zip(*rows, strict=True)
    n = len(rows)
    columns = [
        pa.array(topics), pa.array(numbers, pa.int32()), pa.array(offsets, pa.int64()),
        pa.array([1_000 + o for o in offsets], pa.int64()), pa.array([True] * n), pa.array([None] * n, pa.binary()),
        pa.array([b"%d" % o if o % 5 else None for o in offsets], pa.binary()),
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(columns, names=names)


def test_records_are_packed_by_partition_and_come_back_in_order():
    first = batch([("a", 0, 3), ("a", 0, 4), ("a", 1, 7), ("b", 0, 1)])
    second = batch([("a", 0, 5), ("a", 0, 9)])
    packed = [row for made in pack([second, first]) for row in made.to_pylist()]
    assert [(row["topic"], row["number"], row["first"]) for row in packed] == [
        ("a", 0, 5), ("a", 0, 3), ("a", 1, 7), ("b", 0, 1),
    ]  # fmt: skip
    piece = unpack(Partition("a", 0), [(row["first"], row["records"]) for row in packed[:2]])
    assert piece is not None
    assert (piece.offsets.tolist(), piece.next_offset, piece.trusted) == ([3, 4, 5, 9], 10, True)
    assert piece.payloads == [b"3", b"4", None, b"9"]
    assert piece.timestamps.tolist() == [1_003, 1_004, 1_005, 1_009]


def test_nothing_packed_is_no_slice():
    assert unpack(Partition("a", 0), []) is None


def test_only_pages_that_differ_are_written_and_all_are_read_back():
    pages, kept = Pages(), dict[str, bytes]()
    blocks = {"a": bytes(3 * PAGE), "b": b"short"}
    for change in (None, (2 * PAGE, b"x"), None):
        if change is not None:
            at, text = change
            blocks["a"] = blocks["a"][:at] + text + blocks["a"][at + 1 :]
        fresh, gone = pages.changed(blocks)
        assert sorted(fresh) == (
            ["a#0", "a#1", "a#2", "b#0"] if not kept else ["a#2"] if change is not None else []
        )
        assert not gone
        kept |= fresh
    head = Head("token", {name: len(data) for name, data in blocks.items()})
    assert Pages().read(head, kept) == blocks
    assert pages.changed({"b": b"short"}) == ({}, ["a#0", "a#1", "a#2"])


@pytest.mark.parametrize(
    ("said", "floor"),
    [
        ({0: (5, False), 1: (9, True)}, 5),
        ({0: (5, True), 1: (9, True)}, 5),
        ({0: (NEVER, True), 1: (9, True)}, 9),
        ({0: (NEVER, False), 1: (9, True)}, None),
        ({0: (5, False)}, None),
    ],
)
def test_an_idle_partition_waits_for_the_slowest_that_is_not(said, floor):
    come = Come()
    for number, (largest, idle) in said.items():
        come.hear({"stream": "s", "partition": f"t:{number}", "largest": largest, "idle": idle})
    found = come.floors({"t": ["s"]}, [Partition("t", 0), Partition("t", 1)])
    assert found == ({} if floor is None else {"s": floor})


@pytest.mark.parametrize(
    ("offset", "is_open", "at", "since"),
    [(5, False, 12.0, 10.0), (6, False, 11.0, 11.0), (5, True, 11.0, 11.0), (5, False, 14.5, 14.5)],
)
def test_an_end_has_stayed_the_same_while_each_answer_said_so(offset, is_open, at, since):
    before = End(5, open=False, since=10.0)
    assert stayed(before, 10.5, offset, at, is_open=is_open) == End(offset, is_open, since)
    assert stayed(None, 10.5, offset, at, is_open=is_open).since == at


def test_a_changed_file_is_told_what_becomes_of_its_monitors():
    def page(monitors: dict[str, Any]) -> versions.Made:
        return versions.made(make_plan(config(monitors, partitioned_by="k")), "t", "run")

    wider = {**COUNT, "window": {**COUNT["window"], "size": "9s"}}
    other = {**COUNT, "detect": {"type": "zscore", "value": "n"}}
    tighter = {**COUNT, "detect": {"type": "threshold", "when": "n > 3"}}
    before = page({"same": COUNT, "gone": COUNT, "window": COUNT, "detector": COUNT})
    after = page({"same": tighter, "new": COUNT, "window": wider, "detector": other})
    assert [sentence.partition(",")[0].partition(" changed")[0] for sentence in versions.changes(before, after)] == [
        "detector: its detector",
        "gone: it is not in the file any more: its state is dropped",
        "new: it is new: it begins where the query stands",
        "window: its stream",
    ]  # fmt: skip
    assert before.run == versions.made(make_plan(config({"same": COUNT})), "t", before.run).run


def test_what_a_query_tells_becomes_metrics():
    told = {
        "name": "q",
        "batchId": 4,
        "eventTime": {"watermark": "2023-11-14T22:13:20.000Z"},
        "numInputRows": 12,
        "durationMs": {"triggerExecution": 1500},
        "stateOperators": [{"numRowsTotal": 3, "memoryUsedBytes": 700, "numRowsDroppedByWatermark": 2}],
        "sources": [
            {
                "endOffset": json.dumps({"t": {"0": 5, "1": 7}}),
                "latestOffset": json.dumps({"t": {"0": 9, "1": 7}}),
            },
            {"endOffset": json.dumps({"told": "…"}), "latestOffset": None},
        ],
    }
    progress = read_progress(told)
    assert progress.lag == {("t", "0"): 4, ("t", "1"): 0}
    metrics = Metrics()
    metrics.note(progress, now=1_700_000_009_000_000)

    def shown(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"streamgauge_spark_{name}", {"query": "q", **labels})

    assert shown("lag", topic="t", partition="0") == 4
    assert shown("batch_seconds_sum") == 1.5
    assert (shown("state_rows"), shown("state_bytes"), shown("records_total")) == (3, 700, 12)
    assert (shown("late_records_total"), shown("watermark_delay_seconds")) == (2, 9.0)
    metrics.note(
        read_progress({**told, "eventTime": {}}), now=1_700_000_009_000_000, watermark=1_700_000_008_000_000
    )
    assert shown("watermark_delay_seconds") == 1.0


def test_judgements_of_many_keys_are_several_lines():
    ends = np.arange(4_500, dtype=np.int64)
    scores = Column("float", numbers=ends / 2)
    lines = list(judged_lines(HistoryBlock("m", 0, 4_499, {"window_end": ends, "score": scores})))
    values = [value for line in lines for value in line["columns"]["score"]["values"]]
    assert ([len(line["columns"]["window_end"]["values"]) for line in lines], values) == (
        [2_000, 2_000, 500],
        scores.values(),
    )


SOURCE = {"type": "kafka", "brokers": "x:9092", "topic": "s"}
ASKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "monitors of streamgauge.late and streamgauge.dead_letters": (
        {"m": {"stream": "streamgauge.late", "detect": {"type": "threshold", "when": "behind_seconds > 9"}}},
        {},
    ),
    "sources other than kafka": ({"m": COUNT}, {"source": {"type": "files", "path": "x.ndjson"}}),
    "topics by pattern": (
        {"m": COUNT},
        {"source": {"type": "kafka", "brokers": "x:9092", "pattern": "s-[0-9]"}},
    ),
    "settings of librdkafka": ({"m": COUNT}, {"source": {**SOURCE, "settings": {"security.protocol": "SSL"}}}),
    "write of a stream": ({"m": COUNT}, {"write": {"type": "kafka", "brokers": "x:9092", "topic": "rows"}}),
    "emit: changes": ({"m": {**COUNT, "window": {**COUNT["window"], "emit": "changes"}}}, {}),
    "metrics_prefix": ({"m": {**COUNT, "metrics_prefix": "fraud"}}, {}),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(ASKS))
def test_what_cannot_be_done_is_refused_by_name(what):
    monitors, stream = ASKS[what]
    configured = config(monitors, **{"partitioned_by": "k", **stream})
    assert what in {found.what for found in refused(configured)}
    with pytest.raises(ConfigError, match="Spark cannot run this"):
        reading(configured)


def test_streams_of_two_clusters_are_refused_and_so_is_a_shared_store():
    stream = {"format": "json", "fields": {"k": "string"}, "partitioned_by": "k"}
    near, far = ({**stream, "source": {**SOURCE, "brokers": f"{where}:9092"}} for where in ("near", "far"))
    found = load(
        {
            "streams": {"near": near, "far": far},
            "monitors": {"a": {"stream": "near", **COUNT}, "b": {"stream": "far", **COUNT}},
            "store": {"url": "postgresql://me@there/db", "shared": True},
        }
    )
    assert [(one.path, one.what) for one in refused(found)] == [
        ("$.streams.far.source", "streams of several clusters, or with different beginnings"),
        ("$.store.shared", "a shared store"),
    ]


def test_each_refusal_has_a_test():
    apart = {"streams of several clusters, or with different beginnings", "a shared store"}
    assert {refusal.what for refusal in REFUSALS} == {*ASKS, *apart}


def test_what_can_be_done_is_read():
    read = reading(config({"m": COUNT}, partitioned_by="k", source={**SOURCE, "start": "earliest"}))
    assert (read.brokers, read.start, read.streams) == ("x:9092", "earliest", {"s": ["s"]})


def test_a_monitor_that_fails_is_paused_and_told_and_the_others_go_on(tmp_path, monkeypatch):
    monitors = {
        "fails": {"where": "v > 1", **COUNT},
        "goes_on": COUNT,
    }
    configured = config(monitors, partitioned_by="k")
    step = Threshold.step

    def failing(self: Any, state: Any, results: Any) -> Any:
        if self.monitor == "fails" and len(results):
            raise ZeroDivisionError("no")
        return step(self, state, results)

    monkeypatch.setattr(Threshold, "step", failing)
    rows = [record(i / 2, "a", v=3) for i in range(40)]
    lines = judged(configured, {0: rows}, cuts=(20,), forgetful=True)
    assert [(line["monitor"], line["reason"]) for line in kinds(lines, "failed")] == [
        ("fails", "ZeroDivisionError: no")
    ]
    assert {line["monitor"] for line in kinds(lines, "window", "verdict")} == {"goes_on"}
    store = Notified(configured, tmp_path / "n.db").hear(lines)
    assert {(i.monitor, i.kind) for i in store.open_incidents()} >= {("fails", "detector failed")}
