"""A running engine with its pages, over invented payments in which faults are planted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from streamgauge.testing import eventually
from tests.docs.sessions import environment
from tests.starting import Started

FIELDS = {
    "id": "string",
    "account": "string",
    "amount": {"type": "float", "min": 0},
    "country": "string",
    "status": "string",
    "at": "timestamp",
}


def configuration(folder: Path) -> Path:
    source = {
        "type": "synthetic", "scenario": "payments", "seed": 7, "records": 10_000_000, "rate": 500,
        "start": "now", "partitions": 3,
    }  # fmt: skip
    five = {"type": "tumbling", "size": "5s", "by": "account", "compute": {"events": "count(*)"}}
    stream = {
        "source": source, "format": "json", "fields": FIELDS, "key": "account",
        "partitioned_by": "account", "time": "at", "lateness": "1s",
    }  # fmt: skip
    whole = {"type": "tumbling", "size": "5s", "compute": {"n": "count(*)"}}
    monitors = {
        "burst": {
            "stream": "payments",
            "window": five,
            "detect": {"type": "threshold", "when": "events > 100"},
        },
        "any": {"stream": "payments", "window": whole, "detect": {"type": "threshold", "when": "n > 0"}},
        "quiet": {"stream": "payments", "detect": {"type": "silence", "by": "country", "after": "5s"}},
    }
    file = folder / "streamgauge.yaml"
    store = f"sqlite:///{folder / 'pages.db'}"
    file.write_text(json.dumps({"streams": {"payments": stream}, "monitors": monitors, "store": store}))
    return file


@contextmanager
def serving(folder: Path, *, until: str) -> Iterator[str]:
    """Where it serves, once an incident of the monitor ``until`` is there."""
    log = folder / "log"
    command = ["run", str(configuration(folder)), "--port", "0", "--log-json"]
    with log.open("wb") as out:
        child = Started(
            command,
            folder=folder,
            stdout=out,
            stderr=out,
            environ={**environment(), "STREAMGAUGE_JIT": "off"},
        )
    try:
        address = re.compile(r'"server listens", "url": "([^"]+)"')
        eventually(lambda: address.search(log.read_text("utf-8")), within=timedelta(seconds=60))
        url = address.search(log.read_text("utf-8"))[1]  # type: ignore[index]
        found = f"{url}/api/v1/incidents?monitor={until}"
        eventually(lambda: httpx.get(found).json()["incidents"], within=timedelta(seconds=120))
        yield url
    finally:
        child.terminate()
        child.wait(30)
