"""What our own rules give nothing for on a healthy system, shown to return series under the fault."""

from __future__ import annotations

import sys

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
monitors:
  every-second:
    stream: payments
    window: {{type: tumbling, size: 1s, by: account, compute: {{events: count(*)}}}}
    detect: {{type: threshold, when: events > 1000000}}
    write: {{type: postgres, url: "postgresql://nobody@127.0.0.1:{away}/gone", table: rows, spool: 10}}
store: sqlite:///{folder}/proof.db
server: {{port: {port}}}
"""


def test_rows_that_are_dropped_return_once_a_sink_is_away(tmp_path):
    try:
        program("prometheus")
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    port, away = free_ports(2)
    file = tmp_path / "away.yaml"
    file.write_text(CONFIG.format(port=port, away=away, folder=tmp_path), "utf-8")
    ours = ServerProcess([sys.executable, "-m", "streamgauge", "run", str(file)], tmp_path / "log")
    fired = proving.of_alert("StreamgaugeRowsDropped")
    try:
        with Prometheus(proving.scraping({"streamgauge": [port]})) as prometheus:
            proving.all_answer(prometheus, {"streamgauge"}, ours.last_words)
            proving.returns(prometheus, [fired], ours.last_words)
            ours.kill()
            proving.returns(prometheus, [proving.of_alert("StreamgaugeDown")])
    finally:
        ours.kill()
