"""Notices of a store reach a workspace of Slack's: one message per incident, also when the process is killed between
Slack's answer and the mark."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import starting
from tests.channels.slack_workspace import CHANNEL, TOKEN, Fault, Workspace

CHILD = """
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from streamgauge.clock import SystemClock
from streamgauge.config import load
from streamgauge.engines.outgoing.delivery import Delivery
from streamgauge.engines.outgoing.told import open_channel
from streamgauge.incident import IncidentState, Notice
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit
from tests.channels.notices import AT, BURST

config, clock = load(Path(sys.argv[1])), SystemClock()
store = open_store(config.store.url, owner=Owner.this_process(), clock=clock)
over = replace(BURST, state=IncidentState.RESOLVED, resolved_at=AT + 1, reason="recovered", notices=2)
notices = {"begin": [Notice(BURST, 1, "ops")], "end": [Notice(over, 2, "ops")], "go": []}[sys.argv[2]]
store.commit(Commit(notices=notices))
channels = {"ops": open_channel(config, "ops", clock, store)}
delivery = Delivery(store, channels, clock)
delivery.start()
assert delivery.drain(timedelta(seconds=30))
delivery.stop()
print(store.outbox_depth())
store.close()
"""
FILE = """\
streams:
  payments:
    source: {{type: files, path: payments.ndjson}}
    format: json
    fields: {{account: string, at: timestamp}}
    time: at
monitors:
  burst: {{stream: payments, detect: {{type: silence, by: account, after: 30s}}, notify: ops}}
channels:
  ops: {{type: slack, token: {token}, channel: {channel}, api: "{api}", timeout: 5s}}
store: sqlite:///{folder}/gauge.db
"""


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with Workspace(seconds=int(time.time())) as slack:
        yield slack


@pytest.fixture
def file(tmp_path: Path, slack: Workspace) -> Path:
    made = tmp_path / "gauge.yaml"
    made.write_text(FILE.format(token=TOKEN, channel=CHANNEL, api=slack.api, folder=tmp_path))
    return made


def run(file: Path, what: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "STREAMGAUGE_FAILPOINT": failpoint}
    return starting.run([str(file), what], environ=environ, folder=starting.ROOT, program=("-c", CHILD))


def test_killed_between_slacks_answer_and_the_mark(slack: Workspace, file: Path):
    for what in ("begin", "end"):
        killed = run(file, what, "send.after-before-mark")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    after = run(file, "go")
    assert (after.returncode, after.stdout.splitlines()[-1]) == (0, "{}"), after.stderr
    (first,) = slack.first
    assert [reply["text"].split()[1] for reply in slack.thread(first["ts"])] == ["RESOLVED"]
    assert first["text"].split()[1] == "RESOLVED"


def test_killed_while_slack_is_silent(slack: Workspace, file: Path):
    """Slack took the message and the answer was lost; the process dies; the next one finds the message."""
    slack.faults.append(Fault("lost"))
    killed = run(file, "begin", "send.after-before-mark")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert run(file, "go").returncode == 0
    assert len(slack.messages) == 1
    assert "conversations.history" in slack.calls
