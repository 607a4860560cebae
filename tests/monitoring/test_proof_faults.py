"""What our own rules give nothing for on a healthy system, shown to return series under the fault."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.monitoring import proving
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import ServerProcess, free_ports
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(600)]
CONFIG = """\
streams:
  payments:
    source: {{type: synthetic, scenario: payments, rate: 200, start: now, faults: false}}
    format: json
    fields: {{account: string, amount: float, at: timestamp}}
    time: at
  late:
    source: {{type: synthetic, scenario: payments, rate: 10, start: "2026-01-01T00:00:00Z", faults: false}}
    format: json
    fields: {{account: string, at: timestamp}}
    time: at
monitors:
  of-long-ago:
    stream: late
    window: {{type: tumbling, size: 1h, compute: {{events: count(*)}}}}
    detect: {{type: threshold, when: events > 1000000}}
  every-second:
    stream: payments
    window: {{type: tumbling, size: 1s, by: account, compute: {{events: count(*)}}}}
    detect: {{type: threshold, when: events > 1000000}}
    write: {{type: postgres, url: "postgresql://nobody@127.0.0.1:{away}/gone", table: rows, spool: 10}}
  any-payment:
    stream: payments
    window: {{type: tumbling, size: 1s, compute: {{events: count(*)}}}}
    detect: {{type: threshold, when: events > 0}}
    notify: nobody
  drift:
    stream: payments
    window: {{type: count, size: 200, every: 100}}
    detect: {{type: psi, features: [amount], reference: "{folder}/others.reference"}}
    metrics_prefix: fraud
channels:
  nobody: {{type: webhook, url: "http://127.0.0.1:{away}/"}}
store: sqlite:///{folder}/proof.db?timeout=20
server: {{port: {port}}}
"""
"""A sink and a channel that are away, payments of other amounts than those of the reference, and a stream far behind."""


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[tuple[ServerProcess, str]]:
    """Our process, and its address."""
    port, away = free_ports(2)
    others = tmp_path / "others.csv"
    others.write_text("amount\n" + "".join(f"{90_000 + i % 500}\n" for i in range(2_000)), "utf-8")
    program_of_ours = [sys.executable, "-m", "streamgauge"]
    build = ["reference", "build", "--from", str(others), "--out", str(tmp_path / "others.reference")]
    subprocess.run([*program_of_ours, *build], check=True, capture_output=True)
    file = tmp_path / "away.yaml"
    file.write_text(CONFIG.format(port=port, away=away, folder=tmp_path), "utf-8")
    process = ServerProcess([*program_of_ours, "run", str(file)], tmp_path / "log")
    yield process, f"http://127.0.0.1:{port}"
    process.kill()


def test_our_own_rules_return_under_their_faults(ours, tmp_path):
    process, url = ours
    try:
        program("prometheus")
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    alerts = ("StreamgaugeRowsDropped", "StreamgaugeNoticesStay", "StreamgaugeBehind", "FraudInputDrifted")
    paused, down = proving.of_alert("StreamgaugeMonitorPaused"), proving.of_alert("StreamgaugeDown")
    stuck, refuses = proving.of_alert("StreamgaugeStuck"), proving.of_alert("StreamgaugeStoreRefuses")
    with Prometheus(proving.scraping({"streamgauge": [int(url.rsplit(":")[-1])]})) as prometheus:
        proving.all_answer(prometheus, {"streamgauge"}, process.last_words)
        proving.returns(prometheus, map(proving.of_alert, alerts), process.last_words)
        for rule in (paused, down, stuck, refuses):
            assert not prometheus.query(rule.expr)

        httpx.post(f"{url}/api/v1/monitors/drift/pause", trust_env=False).raise_for_status()
        proving.returns(prometheus, [paused], process.last_words)
        with closing(sqlite3.connect(tmp_path / "proof.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # a commit waits for it, twenty seconds, and is refused then
            proving.returns(prometheus, [stuck], process.last_words)
            proving.returns(prometheus, [refuses], process.last_words)
            other.execute("ROLLBACK")
        for rule in (stuck, refuses):
            proving.returns_nothing(prometheus, rule)

        process.kill()
        proving.returns(prometheus, [down])
