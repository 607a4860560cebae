"""A running server with a past: payments with planted faults, read as fast as they come, and a stream to try things out with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from streamgauge.statistics.reference import build
from streamgauge.statistics.reference_file import encoded
from streamgauge.testing import eventually
from tests.dashboard import large
from tests.docs.sessions import environment
from tests.services.process import free_ports
from tests.starting import Started

RECORDS = 24_000
"""Twelve seconds of payments, by their own time."""
TOKEN = "a-token-of-the-stream"
FIELDS: dict[str, Any] = {
    "id": "string", "account": "string", "amount": {"type": "float", "min": 0}, "country": "string",
    "status": "string", "at": "timestamp",
    # a model that takes what is dear for what will be refused: not a good one
    "score": {"type": "float", "compute": "case when amount > 100 then 0.8 else 0.1 end"},
    "refused": {"type": "bool", "compute": "status = 'refused'"},
}  # fmt: skip
KNOWN: dict[str, Any] = {
    "amount": np.random.default_rng(1).lognormal(3, 0.4, 3_000),
    "country": np.random.default_rng(2).choice(["CH", "DE", "FR"], 3_000, p=[0.7, 0.25, 0.05]).tolist(),
}


def configured(folder: Path, *, records: int = RECORDS) -> dict[str, Any]:
    """The file, with every kind of monitor that a page shows."""
    (folder / "known.reference").write_bytes(encoded(build(KNOWN)))
    invented = {"type": "synthetic", "scenario": "payments", "seed": 7, "records": records, "partitions": 1}
    payments = {
        "source": {**invented, "rate": None}, "format": "json", "fields": FIELDS, "key": "account", "time": "at",
        "lateness": "1s",
    }  # fmt: skip
    tried = {
        "source": {"type": "http", "token": TOKEN}, "format": "json",
        "fields": {"id": "string", "account": "string", "amount": "float", "country": "string", "at": "timestamp"},
        "time": "at",
        "synthetic": "allowed",
    }  # fmt: skip
    long_ago = {what: how for what, how in tried.items() if what != "synthetic"}
    tenth = {"type": "tumbling", "size": "100ms"}
    few: dict[str, list[Any]] = {
        "country": ["DE"] * 15 + ["US"] * 14 + ["GB"] * 12 + ["FR"] * 10,
        "status": ["ok"] * 97 + ["refused"] * 3,
    }
    quiet: dict[str, Any] = {"notify": []}
    monitors: dict[str, Any] = {
        "burst": {
            "stream": "payments",
            "window": {"type": "tumbling", "size": "5s", "by": "account", "compute": {"events": "count(*)", "spent": "sum(amount)"}},
            "detect": {"type": "threshold", "when": "events > 100"},
        },
        "rate": {
            "stream": "payments",
            "window": {**tenth, "compute": {"n": "count(*)"}},
            "detect": {"type": "forecast", "value": "n", "learn": 30, "interval": 0.9},
        },
        "mix": {
            "stream": "payments",
            "window": {"type": "count", "size": 500},
            "detect": {"type": "psi", "reference": few},
        },
        "model": {
            "stream": "payments",
            "detect": {
                "type": "classification", "id": "id", "prediction": "score", "label": "refused", "size": "1s",
                "label_wait": "2s", "min_labels": 100, "when": "recall_upper < 0.05",
            },
        },
        "model-estimated": {
            "stream": "payments",
            "window": {"type": "tumbling", "size": "1s"},
            "detect": {"type": "estimated_performance", "prediction": "score", "reference": {"accuracy": 0.6}},
        },
        "trial": {
            "stream": "tried",
            "window": {"type": "count", "size": 500},
            "detect": {"type": "psi", "reference": str(folder / "known.reference")},
        },
        "day": {"stream": "long-ago", **large.MONITOR},
    }  # fmt: skip
    return {
        "streams": {"payments": payments, "tried": tried, "long-ago": long_ago},
        "monitors": {name: {**one, **quiet} for name, one in monitors.items()},
        "store": {"url": f"sqlite:///{folder / 'store.db'}", "history": "100000h"},
    }


def free_port() -> int:
    """One that nobody listens to now, nor takes for a connection of its own until we do."""
    return free_ports(1)[0]


@contextmanager
def served(
    folder: Path, config: dict[str, Any], *, port: int = 0, ready: str | None = "burst", **more: str
) -> Iterator[str]:
    """Where it serves, once an incident of the monitor ``ready`` is there (None: once it answers).

    ``more``: of its environment.
    """
    folder.mkdir(exist_ok=True, parents=True)
    file, log = folder / "streamgauge.yaml", folder / "log"
    file.write_text(json.dumps(config))
    command = ["run", str(file), "--port", str(port), "--log-json"]
    with log.open("wb") as out:
        child = Started(
            command,
            folder=folder,
            stdout=out,
            stderr=out,
            environ={**environment(), "STREAMGAUGE_JIT": "off", **more},
        )
    try:
        address = re.compile(r'"server listens", "url": "([^"]+)"')
        eventually(lambda: address.search(log.read_text("utf-8")), within=timedelta(seconds=60))
        url = address.search(log.read_text("utf-8"))[1]  # type: ignore[index]
        if ready is not None:
            eventually(lambda: filled(url), within=timedelta(seconds=120))
        yield url
    finally:
        child.terminate()
        child.wait(30)


def filled(url: str) -> bool:
    """Whether all payments were read and judged."""
    status = httpx.get(f"{url}/api/v1/status", timeout=30).json()
    payments = next((one for one in status["streams"] if one["name"] == "payments"), {"records": 0})
    found = httpx.get(f"{url}/api/v1/incidents?monitor=burst", timeout=30).json()["incidents"]
    whole = httpx.get(f"{url}/api/v1/quality/model", timeout=30).json()
    return payments["records"] > RECORDS - 1_000 and bool(found) and len(whole["series"].get("at", ())) >= 4
