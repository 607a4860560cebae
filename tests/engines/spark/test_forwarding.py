"""What needs all records in one place: they leave the cluster, and `notify` judges them as the embedded engine does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamgauge.batch import Coded, Column, Partition
from streamgauge.engines.running.warm_up import warm_up
from streamgauge.engines.spark import forwarding
from streamgauge.engines.spark.forwarding import Chosen, chosen_texts, read_chosen, sent_of, sent_plan
from streamgauge.engines.spark.job import works
from streamgauge.engines.spark.partition import PartitionRun, Told
from streamgauge.kernels import jit
from streamgauge.plan import make_plan
from streamgauge.stores.rows import json_text
from streamgauge.testing import PushedClock, listed
from tests.engines.spark.both import NOW, Notified, Records, embedded, held, kinds
from tests.engines.spark.test_merging import interleaved, rows
from tests.replaying import STREAM, config, record

MERGEABLE: dict[str, Any] = {
    "visits": {
        "where": "n > 0",
        "window": {"type": "session", "gap": "2s", "by": "w", "compute": {"n": "count(*)", "m": "avg(v)", "d": "distinct(k)"}},
        "detect": {"type": "threshold", "when": "n > 12"},
    },
    "visits-over": {
        "window": {"type": "session", "gap": "700ms", "compute": {"n": "count(*)", "p": "quantile(v, 0.5)"}, "early": False},
        "detect": {"type": "threshold", "when": "n > 20"},
    },
    "names": {
        "window": {"type": "tumbling", "size": "4s", "by": "w", "compute": {"names": "distinct(k)", "n": "count(*)"}, "early": False},
        "detect": {"type": "threshold", "when": "names > 5"},
    },
    "names-soon": {
        "window": {"type": "hopping", "size": "8s", "advance": "4s", "compute": {"names": "distinct(k)"}},
        "detect": {"type": "threshold", "when": "names > 9"},
    },
    "empty": {
        "where": "v > 1",
        "window": {"type": "tumbling", "size": "3s", "by": "w", "compute": {"n": "count(*)"}, "include_empty": True, "early": False},
        "detect": {"type": "threshold", "when": "n < 2"},
    },
    "each": {"detect": {"type": "threshold", "when": "v > 2.9 and w == 'x'"}},
    "silent": {"detect": {"type": "silence", "by": "k", "after": "9s"}},
    "parts": {
        "window": {"type": "tumbling", "size": "5s", "by": "w", "compute": {"n": "count(*)"}, "early": False},
        "detect": {"type": "threshold", "when": "n > 9"},
    },
}  # fmt: skip
SINGLE: dict[str, Any] = {
    "count": {
        "window": {"type": "count", "size": 7, "every": 3, "by": "w", "compute": {"mean": "avg(v)"}},
        "detect": {"type": "threshold", "when": "mean > -0.3"},
    },
    "change": {"detect": {"type": "change", "of": "n", "by": "w"}},
    "sorted": {
        "order": "time",
        "window": {"type": "count", "size": 5, "every": 5, "compute": {"last": "last(v)"}},
        "detect": {"type": "threshold", "when": "last > 1"},
    },
}
RECORDS: Records = {0: rows(3), 1: rows(5, more=0.15), 2: rows(11, more=0.25)}
READ_SO = {"each", "visits", "names-soon"}
"""Single records and early verdicts come in the order read: how many incidents they make up hangs on it, everywhere."""


def lines_of(
    configured: Any, size: int, records: Records = RECORDS, *, forgetful: bool = False
) -> list[list[list[bytes]]]:
    """By partition and micro-batch of ``size`` records, its lines."""
    work = works(configured, {STREAM: [STREAM]}, [Partition(STREAM, number) for number in records])[STREAM]
    found: list[list[list[bytes]]] = []
    for number, own in records.items():
        partition, batches = Partition(STREAM, number), []
        call, saved = None, None
        for turn, at in enumerate(range(0, len(own), size)):
            if call is None or forgetful:
                call = PartitionRun(work, partition, PushedClock(NOW), saved)
            told = Told(100.0 + turn, 9999, open=False, start=0, since=100.0) if turn % 2 else None
            lines = call.take(listed(own[at : at + size], partition=partition, start=at), told)
            saved = call.save()
            named = [{**line, "run": "r", "id": f"r/{line['source']}/{line['n']}"} for line in lines]
            batches.append([json_text(line).encode() for line in named])
        found.append(batches)
    return found


@pytest.fixture(scope="module")
def configured():
    return config({**MERGEABLE, **SINGLE}, lateness="1s")


@pytest.fixture(scope="module")
def theirs(configured, tmp_path_factory):
    return held(embedded(configured, RECORDS, tmp_path_factory.mktemp("e") / "e.db"), configured)


def test_there_is_something_of_everything(theirs):
    assert {i["monitor"] for i in theirs["incidents"]} >= {*MERGEABLE, *SINGLE}
    assert {late[0] for late in theirs["late"]} >= {"visits", "names", "empty", "parts"}


def test_of_one_partition_all_is_the_same_to_the_last_sample(configured, tmp_path: Path):
    alone = {0: RECORDS[0]}
    wanted = held(embedded(configured, alone, tmp_path / "e.db"), configured)
    lines = [line for batch in lines_of(configured, 31, alone, forgetful=True)[0] for line in batch]
    found = held(Notified(configured, tmp_path / "n.db").hear(lines), configured)
    assert {i["monitor"] for i in found["incidents"]} >= set(SINGLE)
    for what in found:
        assert json_text(_parts_aside(found[what])) == json_text(_parts_aside(wanted[what])), what


def test_read_in_any_order_windows_and_incidents_are_the_same(tmp_path: Path):
    configured = config(MERGEABLE, lateness="1s")
    wanted = held(embedded(configured, RECORDS, tmp_path / "e.db"), configured)
    told = Notified(configured, tmp_path / "n.db")
    lines = interleaved(lines_of(configured, 17), 1)
    told.hear(lines[: len(lines) // 2])
    told.started()  # killed, and begun again
    told.hear(lines[len(lines) // 3 :])  # some of them twice
    found = held(told.store, configured)
    for name in MERGEABLE:
        assert json_text(found["windows"][name]) == json_text(wanted["windows"][name]), name
    assert found["late"] == wanted["late"]
    assert _ids(found) == _ids(wanted)


def test_which_monitors_are_sent_is_told(configured):
    assert set(sent_of(configured)) == {*MERGEABLE, *SINGLE} - {"parts"}
    with jit.running(compiled=False):
        warm_up(sent_plan(make_plan(configured)))


def test_only_what_some_monitor_lets_through_leaves():
    monitors = {
        "each": {**MERGEABLE["each"], "where": "v > 2"},
        "some": {**MERGEABLE["visits"], "where": "n == 4"},
    }
    configured = config(monitors, lateness="1s")
    sent = [
        read_chosen(line["rows"])
        for batches in lines_of(configured, 50)
        for batch in batches
        for line in kinds(batch, "rows")
    ]
    values = [(v, n) for chosen in sent for v, n in zip(chosen.columns["v"].values(), chosen.columns["n"].values(), strict=True)]  # fmt: skip
    assert values
    assert all(v > 2 or n == 4 for v, n in values)
    assert sum(map(len, sent)) < sum(map(len, RECORDS.values())) / 2


def test_records_that_are_sent_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forwarding, "MOST_BYTES", 2_000)
    n = 100
    columns = {
        "a b": Column("string", values=[None if i % 7 == 0 else f"é{i}" for i in range(n)]),
        "code": Coded(["x", None], (np.arange(n) % 2).astype(np.int32)),
        "i": Column("int", values=[None if i % 5 == 0 else 2**60 + i for i in range(n)]),
        "f": Column("float", numbers=np.where(np.arange(n) % 3, np.arange(n) / 7, np.nan)),
        "b": Column("bool", values=[None if i % 4 == 0 else i % 2 == 0 for i in range(n)]),
        "t": Column("timestamp", values=[1_700_000_000_000_000 + i for i in range(n)]),
    }
    at = np.arange(n, dtype=np.int64)
    texts = list(chosen_texts(Chosen(at * 3, at + 10**15, at - 2**61, columns)))
    assert len(texts) > 1
    back = [read_chosen(text) for text in texts]
    for name, column in columns.items():
        assert [v for one in back for v in one.columns[name].values()] == column.values(), name
        assert {one.columns[name].kind for one in back} == {column.kind}
    for name, wanted in (("offsets", at * 3), ("times", at + 10**15), ("come", at - 2**61)):
        assert np.concatenate([getattr(one, name) for one in back]).tolist() == wanted.tolist()


def test_windows_of_a_beginning_in_the_middle_are_partial(tmp_path: Path):
    configured = config({"visits": MERGEABLE["visits-over"]}, lateness="1s")
    work = works(configured, {STREAM: [STREAM]}, [Partition(STREAM, 0)])[STREAM]
    call = PartitionRun(work, Partition(STREAM, 0), PushedClock(NOW))
    some = listed([record(i, "a") for i in (0, 5, 10, 15)], partition=Partition(STREAM, 0), start=70)
    lines = call.take(some, Told(1.0, 74, open=False, start=70, since=1.0))
    text = [json_text({**line, "run": "r", "id": str(line["n"])}).encode() for line in lines]
    store = Notified(configured, tmp_path / "n.db").hear(text)
    assert store.history("visits").sort("window_start").columns


def _parts_aside(found: Any) -> Any:
    """What is merged of parts shows no samples, and no offset."""
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return [i | {"samples": [], "offset": None} if i["monitor"] == "parts" else i for i in found]
    return found


def _ids(found: dict[str, Any]) -> set[tuple[Any, ...]]:
    """Which incidents there are; of some monitors, of which keys."""
    return {
        (i["monitor"], i["key"])
        if i["monitor"] in READ_SO
        else (i["id"], i["state"], i["opened_at"], i["resolved_at"])
        for i in found["incidents"]
    }
