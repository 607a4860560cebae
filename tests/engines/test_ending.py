"""When a run ends by itself: every stream has given its last record, whether files or live until then."""

from __future__ import annotations

from pathlib import Path

from streamgauge import config
from streamgauge.clock import SystemClock
from streamgauge.engines.embedded.session import Session
from streamgauge.stores import Owner, open_store

RULES = """
streams:
  payments:
    source:
      {type: synthetic, scenario: payments, records: RECORDS, rate: 20000, start: now, partitions: 3, faults: false}
    format: json
    fields: {account: string, at: timestamp}
    key: account
    partitioned_by: account
    time: at
    lateness: 1s
monitors:
  any:
    stream: payments
    window: {type: tumbling, size: 20000d, GROUPcompute: {n: count(*)}}
    detect: {type: threshold, when: n >= 1, clear_when: n < 0}
  whole:
    stream: payments
    window: {type: tumbling, size: 20000d, compute: {n: count(*), least: min(at)}}
    detect: {type: threshold, when: n = RECORDS}
channels:
  console: {type: console}
store: sqlite:///STORE
"""


def _run(folder: Path, *, records: int, by: str) -> dict[str, int]:
    text = RULES.replace("RECORDS", str(records)).replace("STORE", str(folder / "s.db"))
    loaded = config.load(text.replace("GROUP", f"by: {by}, " if by else ""))
    session = Session(loaded)
    session.run()
    status = session.status.now.streams["payments"]
    assert {p.next_offset for p in status.partitions.values()} == {records}
    store = open_store(loaded.store.url, owner=Owner.this_process(), clock=SystemClock())
    try:
        found: dict[str, int] = {}
        for incident in store.open_incidents():
            found[incident.monitor] = found.get(incident.monitor, 0) + 1
    finally:
        store.close()
    return found


def test_a_live_stream_with_a_last_record_ends_the_run_and_closes_its_windows(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    found = _run(tmp_path, records=4_000, by="")
    assert found == {"any": 1, "whole": 1}, "`n = …` is judged when the window closes, which the end does"


def test_partitions_that_are_merged_end_together(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    assert _run(tmp_path, records=4_000, by="at")["whole"] == 1


def test_started_again_after_the_end_it_ends_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    first = _run(tmp_path, records=1_000, by="")
    assert _run(tmp_path, records=1_000, by="") == first
