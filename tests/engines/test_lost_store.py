"""The store is taken over by another process after the last commit of this one, while it still tells."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from streamgauge import config
from streamgauge.engines.embedded.session import Session
from streamgauge.engines.outgoing.delivery import Delivery
from streamgauge.errors import StoreTakenError

RULES = """
streams:
  payments:
    source: {type: synthetic, scenario: payments, records: 1000}
    format: json
    fields: {account: string, at: timestamp}
    time: at
monitors:
  any:
    stream: payments
    window: {type: tumbling, size: 1s, compute: {n: count(*)}}
    detect: {type: threshold, when: n >= 1}
channels:
  console: {type: console}
store: sqlite:///STORE
"""


def test_a_store_lost_after_the_last_commit_is_said_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    drain, path = Delivery.drain, tmp_path / "s.db"

    def taken_over_before(delivery: Delivery, timeout: timedelta) -> bool:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE leases SET epoch = epoch + 1, holder = 'another'")
        return drain(delivery, timeout)

    monkeypatch.setattr(Delivery, "drain", taken_over_before)
    with pytest.raises(StoreTakenError, match="another process has taken the store"):
        Session(config.load(RULES.replace("STORE", str(path)))).run()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT holder FROM leases").fetchone() == ("another",)
        assert database.execute("SELECT min(next_offset) FROM positions").fetchone() == (1000,)
