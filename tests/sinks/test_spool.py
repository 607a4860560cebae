"""Rows wait in the store: in order, bounded, each once; and what happens when there is no room."""

import json
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.clock import SystemClock
from streamgauge.config import ConfigErrors, load
from streamgauge.engines.embedded.session import Session
from streamgauge.engines.outgoing.sinking import Sinking
from streamgauge.sinks.contract import Outcome, SpooledRow
from streamgauge.stores import Owner, open_reading, open_store
from streamgauge.stores.contract import Commit, DecidedRow
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import eventually
from tests.sinks.writing import config, monitor, record, run

NOWHERE = {"type": "kafka", "brokers": "127.0.0.1:1", "topic": "rows", "timeout": "100ms"}
FOUR = [record(0, "a"), record(1, "b"), record(7, "a"), record(30, "z")]


@pytest.fixture(autouse=True)
def _plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


@pytest.fixture
def store(tmp_path: Path):
    opened = open_store(f"sqlite:///{tmp_path}/s.db", owner=Owner.this_process(), clock=SystemClock())
    yield opened
    opened.close()


def put(store: SqlStore, *rows: DecidedRow) -> None:
    store.commit(Commit(rows=rows))


def row(name: str, body: bytes = b"{}", sink: str = "monitor m", *, revises: bool = False) -> DecidedRow:
    return DecidedRow(sink, name, None, body, revises)


class Listed:
    """A sink that writes as many rows of each try as it is told, then all."""

    def __init__(self, *counts: int) -> None:
        self.counts = list(counts)
        self.written: list[str] = []
        self.closed = False

    def write(self, rows: Sequence[SpooledRow]) -> Outcome:
        count = self.counts.pop(0) if self.counts else len(rows)
        self.written += [row.id for row in rows[:count]]
        return Outcome([row.sequence for row in rows[:count]], trouble="enough for now")

    def close(self) -> None:
        self.closed = True


def test_rows_leave_in_the_order_in_which_they_were_decided(store: SqlStore):
    put(store, row("1"), row("2", sink="monitor other"))
    put(store, row("3"))
    assert [one.id for one in store.spooled("monitor m")] == ["1", "3"]
    assert store.spool_depth() == {"monitor m": 2, "monitor other": 1}
    store.left([one.sequence for one in store.spooled("monitor m", 1)])
    assert [one.id for one in store.spooled("monitor m")] == ["3"]


def test_a_revision_takes_the_place_of_the_row_that_waits_and_not_of_its_answer(store: SqlStore):
    put(store, row("1", b"old"), row("2"))
    (old, _) = store.spooled("monitor m")
    put(store, row("1", b"new", revises=True))
    store.left([old.sequence])  # the old one arrived meanwhile
    assert [(one.id, one.body) for one in store.spooled("monitor m")] == [("2", b"{}"), ("1", b"new")]


def test_a_row_that_is_decided_again_waits_once(store: SqlStore):
    put(store, row("1"), row("2"))
    put(store, row("1"))
    assert [one.id for one in store.spooled("monitor m")] == ["1", "2"]


def test_what_a_sink_did_not_take_goes_again_and_the_rest_does_not(store: SqlStore):
    put(store, *(row(str(n)) for n in range(5)))
    sink, told = Listed(2), []
    sinking = Sinking(
        store, {"monitor m": sink}, on_try=lambda name, outcome: told.append((name, len(outcome.written)))
    )
    sinking.start()
    eventually(lambda: store.spool_depth() == {})
    sinking.stop()
    assert sink.written == ["0", "1", "2", "3", "4"]
    assert told == [("monitor m", 2), ("monitor m", 3)]
    assert sink.closed


def test_rows_of_a_sink_that_is_no_more_stay(store: SqlStore):
    put(store, row("1", sink="monitor gone"))
    sinking = Sinking(store, {"monitor m": Listed()})
    sinking.start()
    sinking.stop()
    assert store.spool_depth() == {"monitor gone": 1}


def test_rows_without_room_are_dropped_counted_and_told_with_their_records(tmp_path: Path):
    session = run(tmp_path, FOUR, {"m": monitor(write={**NOWHERE, "spool": 3})})
    assert session.status.totals.rows["monitor m", "dropped"] == 1
    look = open_reading(f"sqlite:///{tmp_path}/store.db")
    (incident,) = look.incidents()
    assert look.spool_depth() == {"monitor m": 3}
    look.close()
    assert (incident.monitor, incident.kind, incident.open) == ("m", "sink overflow", True)
    place = f"{tmp_path}/records.ndjson:0"
    assert incident.evidence == {"rows": 1, "offsets": {place: [0, 3]}}
    assert incident.title == (
        f"monitor m: 3 rows wait for its sink already, and 1 more were dropped, decided by the records {place} 0 to 3; "
        "mend the sink, and fill the gap with `streamgauge replay FILE --refill m`"
    )


def test_a_stream_that_is_to_lose_nothing_waits_for_its_sink(tmp_path: Path):
    many = [
        record(n / 100, "a") for n in range(25_000)
    ]  # 500 in each window; more are read at a time than wait
    (tmp_path / "records.ndjson").write_text("".join(json.dumps(one) + "\n" for one in many))
    write = {**NOWHERE, "spool": 10, "when_full": "wait"}
    session = Session(load(config(tmp_path, {"m": monitor(write=write)})))
    thread = threading.Thread(target=session.run, daemon=True)
    thread.start()
    eventually(lambda: session.status.now.spooled.get("monitor m", 0) >= 10, within=timedelta(seconds=60))
    session.stop()
    thread.join(60)
    look = open_reading(f"sqlite:///{tmp_path}/store.db")
    (read,) = look.positions("s").values()
    assert 10 <= look.spool_depth()["monitor m"] == (read.next_offset - 1) // 500
    assert read.next_offset < len(many)
    assert look.incidents() == []
    look.close()


def mistakes(folder: Path, monitors: Any, **stream: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(config(folder, monitors, **stream))
    return [f"{one.path}: {one.message}" for one in caught.value.mistakes]


def test_what_is_wrong_with_a_sink_is_told_where_it_stands(tmp_path: Path):
    assert mistakes(tmp_path, {"m": monitor()}) == [
        "$.monitors.m: `detect` is missing: say what to judge, or with `write:` where its rows go"
    ]
    wrong = {**NOWHERE, "where": "m > 1", "columns": {"x": "n +"}, "key": "w"}
    told = mistakes(tmp_path, {"m": monitor(write=wrong)})
    assert [one.partition(": ")[0] for one in told] == [
        "$.monitors.m.write.columns.x",
        "$.monitors.m.write.key",
        "$.monitors.m.write.where",
    ]
    (one,) = mistakes(tmp_path, {"m": {"stream": "s", "write": NOWHERE}})
    assert one.endswith(
        "the rows of windows are written; add a `window:`, or write the records: `write:` on the stream"
    )
    (one,) = mistakes(tmp_path, {"m": monitor(write={**NOWHERE, "type": "kafak"})})
    assert "did you mean `kafka`?" in one
