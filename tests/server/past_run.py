"""What a run over ten minutes of records has left, served: rules, what learns, drift."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import streamgauge
from streamgauge.engines.reporting.status import PartitionStatus, StreamStatus
from streamgauge.server.thread import ServerThread
from tests.server.given import Process

SECONDS = 600


def config(folder: Path) -> dict[str, Any]:
    """A minute is 60 records per key; from the seventh minute on amounts are larger and CH is rare."""
    draw = random.Random(5)
    lines = []
    for second in range(SECONDS):
        for account in ("a", "b"):
            late = second >= 400
            lines.append({
                "account": account, "amount": draw.gauss(60 if late and account == "b" else 20, 4), "secret": "s3cr3t",
                "country": draw.choice(["CH", "DE"] if not late else ["DE", "DE", "US"]), "at": second,
            })  # fmt: skip
    (folder / "records.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    window = {"type": "tumbling", "size": "20s", "by": "account",
              "compute": {"n": "count(*)", "mean": "avg(amount)"}}  # fmt: skip
    known = {"amount": [draw.gauss(20, 4) for _ in range(500)], "country": ["CH", "DE"] * 250,
             "secret": ["s3cr3t"] * 500}  # fmt: skip
    minute = {"type": "tumbling", "size": "100s", "compute": {"n": "count(*)"}}
    return {
        "streams": {
            "payments": {
                "source": {"type": "files", "path": str(folder / "records.ndjson")}, "format": "json", "time": "at",
                "fields": {"account": "string", "amount": "float", "country": "string",
                           "secret": {"type": "string", "mask": True}, "at": {"type": "timestamp", "unit": "s"}},
            }
        },
        "monitors": {
            "high": {"stream": "payments", "window": window, "detect": {"type": "threshold", "when": "mean > 50"}},
            "odd": {"stream": "payments", "window": window, "detect": {"type": "auto", "value": "mean", "learn": 5, "limit": 0.2}},
            "moved": {"stream": "payments", "window": minute, "detect": {"type": "psi", "reference": known}},
            "apart": {"stream": "payments", "window": minute,
                      "detect": {"type": "kolmogorov_smirnov", "reference": {"amount": known["amount"]}}},
            "normal": {"stream": "payments", "window": minute,
                       "detect": {"type": "gaussian", "reference": {"amount": known["amount"]}}},
        },
        "store": f"sqlite:///{folder / 'run.db'}",
    }  # fmt: skip


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Where it is served."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMGAUGE_JIT", "off")
        checked = streamgauge.load(config(folder))
        streamgauge.run(checked)
        process = Process(checked)
        place = f"{folder / 'records.ndjson'}:0"
        at = PartitionStatus(1200, 1200, 0, caught_up=True, watermark=(SECONDS - 1) * 1_000_000)
        stream = StreamStatus(1200, 0, 0, 0.0, at.watermark, 0.0, {place: at}, source={"type": "files"})
        process.show(streams={"payments": stream}, monitors={})
        server = ServerThread(process, "127.0.0.1", 0)
        yield f"http://127.0.0.1:{server.start()}"
        server.stop()
