"""Routes, groups, maintenance and flapping over whole streams, the same for every batch size."""

from typing import Any

from streamgauge.config import load
from tests.replaying import FIELDS, record, run

STREAM: dict[str, Any] = {
    "source": {"type": "kafka", "brokers": "x:9092", "topic": "s"},
    "format": "json",
    "fields": FIELDS,
    "time": "at",
}
MANY: dict[str, Any] = {
    "stream": "s",
    "window": {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)"}},
    "detect": {"type": "threshold", "when": "n > 1"},
}


def told(more: dict[str, Any], rows: list[Any], **monitor: Any) -> list[tuple[Any, ...]]:
    """When, in what state, why, and of which key."""
    configured = load({"streams": {"s": STREAM}, "monitors": {"m": {**MANY, **monitor}}, **more})
    found = []
    for size in (1, 3, 1000):
        lines = run(configured, rows, batch_size=size).lines
        told = [line for line in lines if line["kind"] == "incident"]
        found.append([(line["at"][14:19], line["status"], line["cause"], line["key"]) for line in told])
    assert found[0] == found[1] == found[2]
    return found[0]


BURSTS = [record(t, k) for t, k in ((1, "a"), (2, "a"), (3, "b"), (4, "b"), (21, "c"), (22, "c"), (90, "x"))]


def test_alone_by_default():
    assert told({}, BURSTS) == [
        ("00:02", "firing", "began", "a"),
        ("00:04", "firing", "began", "b"),
        ("00:10", "resolved", "ended", "a"),
        ("00:10", "resolved", "ended", "b"),
        ("00:22", "firing", "began", "c"),
        ("00:30", "resolved", "ended", "c"),
    ]


def test_nobody_is_told_of_a_monitor_that_says_so_with_a_route_or_without():
    assert told({}, BURSTS, notify=[]) == []
    assert told({"route": {"channels": "console"}}, BURSTS, notify=[]) == []


def test_a_group_by_the_records_time():
    route = {"group_by": "monitor", "group_wait": "3s", "group_interval": "15s"}
    assert told({"route": route}, BURSTS) == [
        ("00:05", "firing", "group", ["m"]),
        ("00:20", "resolved", "group", ["m"]),
        ("00:35", "resolved", "group", ["m"]),
    ]


def test_maintenance_by_the_records_time():
    maintenance = {"x": {"match": "k=a", "end": "1970-01-01T00:00:08Z"}}
    found = told({"maintenance": maintenance}, BURSTS)
    assert [line for line in found if line[3] == "a"] == [
        ("00:08", "firing", "began", "a"), ("00:10", "resolved", "ended", "a"),
    ]  # fmt: skip


def test_repeats_are_left_out():
    rows = [record(0, "a"), record(1, "a"), *(record(t, "x") for t in range(5, 100_000, 5000))]
    held = {"detect": {"type": "threshold", "when": "n > 1", "clear_when": "n > 9"}, "no_data_after": 100_000}
    assert [line[2] for line in told({}, rows, **held) if line[3] == "a"] == ["began"]


def test_a_key_that_flaps_is_kept_in_one_incident():
    rows = [record(t + d, "a") for t in (0, 20, 40, 60, 80) for d in (0, 1)] + [record(300, "x")]
    flapping = {"openings": 3, "within": "60s"}
    assert [line[:3] for line in told({}, rows, flapping=flapping)] == [
        ("00:01", "firing", "began"), ("00:10", "resolved", "ended"),
        ("00:21", "firing", "began"), ("00:30", "resolved", "ended"),
        ("00:41", "firing", "began"), ("02:30", "resolved", "ended"),
    ]  # fmt: skip


def test_clear_after_keeps_two_bursts_in_one_incident():
    assert [line[:3] for line in told({}, [*BURSTS[:4], record(90, "x")], clear_after="10s")] == [
        ("00:02", "firing", "began"), ("00:04", "firing", "began"),
        ("00:20", "resolved", "ended"), ("00:20", "resolved", "ended"),
    ]  # fmt: skip


def test_what_else_began_is_in_each_notice():
    configured = load(
        {
            "streams": {"s": STREAM},
            "monitors": {
                "m": MANY,
                "z": {
                    **MANY,
                    "window": {**MANY["window"], "by": []},
                    "detect": {"type": "threshold", "when": "n > 2"},
                },
            },
        }
    )
    found = []
    for size in (1, 3, 1000):
        lines = run(configured, BURSTS, batch_size=size).lines
        notices = [line for line in lines if line["kind"] == "incident" and line["status"] == "firing"]
        found.append(
            [
                (n["monitor"], n["key"], [(o["monitor"], o["seconds"]) for o in n.get("around", ())])
                for n in notices
            ]
        )
    assert (
        found[0]
        == found[1]
        == found[2]
        == [
            ("m", "a", []),
            ("z", None, [("m", -1.0)]),
            ("m", "b", [("m", -2.0), ("z", -1.0)]),
            ("m", "c", [("m", -20.0), ("z", -19.0), ("m", -18.0)]),
        ]
    )
