"""What spans partitions: parts of each, merged where all meet, are what the embedded engine counts over all of them."""

import random
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.engines.spark.job import works
from streamgauge.engines.spark.partition import PartitionRun, Told
from streamgauge.stores.rows import json_text
from streamgauge.testing import PushedClock, listed
from tests.engines.spark.both import NOW, Notified, Records, embedded, held
from tests.replaying import STREAM, config, record

COMPUTE = {
    "n": "count(*)",
    "s": "sum(v)",
    "mean": "avg(v)",
    "least": "min(v)",
    "most": "max(n)",
    "spread": "stddev(v)",
    "about": "approx_distinct(w)",
    "middle": "quantile(v, 0.5)",
}
MONITORS: dict[str, Any] = {
    "all": {
        "window": {"type": "tumbling", "size": "5s", "compute": COMPUTE, "early": False},
        "detect": {"type": "threshold", "when": "n > 9 and s < 0"},
    },
    "hopping": {
        "where": "n > 0",
        "window": {"type": "hopping", "size": "6s", "advance": "2s", "by": "w", "compute": {"mean": "avg(v)"}},
        "detect": {"type": "threshold", "when": "mean > 1", "clear_when": "mean < 0"},
    },
    "soon": {
        "window": {"type": "tumbling", "size": "4s", "by": "w", "grace": "0s", "compute": {"n": "count(*)"}, "early": False},
        "detect": {"type": "threshold", "when": "n > 4"},
    },
    "usual": {
        "window": {"type": "tumbling", "size": "2s", "by": "w", "compute": {"n": "count(*)"}},
        "detect": {"type": "zscore", "value": "n", "learn": 5},
    },
    "total": {
        "window": {"type": "running", "every": "10s", "by": "w", "compute": {"n": "count(*)", "s": "sum(v)"}},
        "detect": {"type": "threshold", "when": "n > 25"},
    },
    "rows": {
        "stream": "soon",
        "window": {"type": "tumbling", "size": "20s", "by": "w", "compute": {"n": "sum(n)"}},
        "detect": {"type": "threshold", "when": "n > 15"},
    },
    "rare": {
        "window": {"type": "tumbling", "size": "7s", "by": "k", "compute": {"n": "count(*)"}},
        "detect": {"type": "threshold", "when": "n > 2"},
    },
}  # fmt: skip


def rows(seed: int, *, more: float = 0.0) -> list[Any]:
    """Bursts, gaps, records out of order and too late, and bad ones."""
    made: list[Any] = []
    for i in range(110):
        at = more + i * 0.4 + (20 if i > 70 else 0) - (7 if i % 23 == 5 else 0) - (0.9 if i % 7 == 3 else 0)
        word = "xyz"[(i * seed) % 3] if not 40 < i < 60 else "x"
        made.append(
            record(max(at, 0), f"{seed}{i % 4}", v=(i * seed) % 7 - 3.5 + 0.1 * seed, n=i % 5, w=word)
        )
    made[17] = b"{no"
    return made


RECORDS: Records = {0: rows(3), 1: rows(5, more=0.15), 2: rows(11, more=0.25)}


@pytest.fixture(scope="module")
def configured():
    return config(MONITORS, lateness="1s")


@pytest.fixture(scope="module")
def theirs(configured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedded")
    return shown(held(embedded(configured, RECORDS, folder / "embedded.db"), configured))


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """Without samples, and without which record was the last that was read: that hangs on the order of partitions."""
    incidents = found["incidents"]
    for incident in incidents:
        incident |= {"samples": [], "offset": None}
    later = [incident for incident in incidents if incident["monitor"] != "rare"]
    early = sorted((i["id"], i["resolved_at"]) for i in incidents if i["monitor"] == "rare")
    return found | {"incidents": later, "early": early}


def parts_of(configured: Any, number: int, size: int, *, forgetful: bool = False) -> list[list[bytes]]:
    """The lines of a partition, by micro-batch of ``size`` records."""
    work = works(configured, {STREAM: [STREAM]})[STREAM]
    partition, found = Partition(STREAM, number), []
    call, saved = None, None
    records = RECORDS[number]
    for turn, at in enumerate(range(0, len(records), size)):
        if call is None or forgetful:
            call = PartitionRun(work, partition, PushedClock(NOW), saved)
        told = Told(100.0 + turn, 9999, open=False, start=0, since=100.0, spread={STREAM: {STREAM: 3}})
        lines = call.take(listed(records[at : at + size], partition=partition, start=at), told)
        saved = call.save()
        found.append(
            [
                json_text({**line, "run": "r", "id": f"r/{line['source']}/{line['n']}"}).encode()
                for line in lines
            ]
        )
    return found


def interleaved(by_partition: list[list[list[bytes]]], seed: int) -> list[bytes]:
    """The lines of all, in the order of each partition, else by chance."""
    left = [list(batches) for batches in by_partition]
    chosen = random.Random(seed)
    lines: list[bytes] = []
    while any(left):
        lines += chosen.choice([batches for batches in left if batches]).pop(0)
    return lines


@pytest.mark.parametrize(("size", "forgetful", "seed"), [(17, False, 1), (40, True, 2)])
def test_merged_parts_are_what_the_embedded_engine_counts(
    configured, theirs, tmp_path: Path, size, forgetful, seed
):
    lines = interleaved([parts_of(configured, n, size, forgetful=forgetful) for n in RECORDS], seed)
    found = shown(held(Notified(configured, tmp_path / "n.db").hear(lines), configured))
    for what in found:
        assert json_text(found[what]) == json_text(theirs[what]), what


def test_there_is_something_of_everything(theirs):
    assert {incident["monitor"] for incident in theirs["incidents"]} >= {
        "all",
        "hopping",
        "soon",
        "total",
        "rows",
    }
    assert all(theirs["windows"][name] for name in MONITORS)
    assert theirs["late"]
    assert theirs["early"]
