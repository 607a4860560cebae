"""A store with a real past: a run over two files of payments, one of them with records that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.engines.embedded.session import Session

T0 = 1_700_000_000_000
"""Milliseconds; 2023-11-14T22:13:20Z."""

FILE = """\
streams:
  payments:
    source: {{type: files, path: "{folder}/payments-*.ndjson"}}
    format: json
    fields: {{id: string, account: string, amount: {{type: float, min: 0}}, country: string, ok: bool, at: timestamp}}
    partitioned_by: account
    time: at
    lateness: 2s

monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account, compute: {{events: count(*), spent: sum(amount)}}}}
    detect: {{type: threshold, when: events > 5 and (spent > 1000 or events > 500)}}
    notify: file
  busy:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account, compute: {{events: count(*), spent: sum(amount)}}}}
    detect: {{type: threshold, when: events > 50}}
    notify: file
  refused:
    stream: payments
    where: amount > 10
    window: {{type: tumbling, size: 5s, by: [country, ok], compute: {{mean: avg(amount)}}}}
    detect: {{type: threshold, when: mean > 150, clear_when: mean < 40}}
    notify: file
  overall:
    stream: payments
    window: {{type: tumbling, size: 10s, compute: {{events: count(*), last: max(at)}}}}
    detect: {{type: threshold, when: events > 1000}}
    for: 1m
    notify: file
  went-quiet:
    stream: payments
    detect: {{type: silence, by: country, after: 30s}}
    notify: file

channels:
  file: {{type: csv, path: "{folder}/told.csv"}}
store: sqlite:///{folder}/streamgauge.db
server: {{port: 0}}
"""


@dataclass(frozen=True)
class Past:
    """Where it lies."""

    file: Path
    config: Config

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def store(self) -> str:
        return self.config.store.url


def make(folder: Path) -> Past:
    """Write the files and run over them to the end."""
    rows = sorted(_payments())
    for number in (0, 1):
        mine = [line for at, place, line in rows if place == number]
        (folder / f"payments-{number}.ndjson").write_text("".join(f"{line}\n" for line in mine))
    file = folder / "payments.yaml"
    file.write_text(FILE.format(folder=folder))
    config = load(file)
    Session(config).run()
    return Past(file, config)


def _payments() -> Iterator[tuple[float, int, str]]:
    """Moments in seconds, the file, the line. a-7 bursts at 11 s; DE is quiet after 12 s; a-9 comes late."""
    for number in range(80):
        yield _row(number * 0.5, 0, "a-1", "CH", 20.0)
    for number in range(8):
        yield _row(11 + number / 10, 1, "a-7", "DE", 200.0)
    yield _row(16, 1, "a-2", "FR", 5.0)
    yield (20.0, 1, '{"id": "x", "acc')
    yield (
        20.5,
        1,
        json.dumps({"id": "y", "account": "a-3", "amount": "12.5", "country": "FR", "at": T0 + 20_500}),
    )
    yield (39.9, 0, json.dumps({"id": "z", "account": "a-9", "amount": 1, "country": "CH", "at": T0 + 2_000}))
    yield _row(40, 1, "a-2", "FR", 5.0)


def _row(at: float, place: int, account: str, country: str, amount: float) -> tuple[float, int, str]:
    row = {"id": f"{account}-{at}", "account": account, "amount": amount, "country": country, "ok": True}
    return at, place, json.dumps({**row, "at": T0 + round(at * 1000)})
