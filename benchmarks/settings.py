"""The configurations under test, as plain data."""

from __future__ import annotations

import uuid
from typing import Any

COMPUTE = {"events": "count(*)", "spent": "sum(amount)"}


def payments(
    brokers: str,
    topic: str,
    *,
    limit: int,
    monitors: int = 1,
    sizes: int = 1,
    aligned: bool = True,
    store: str = "sqlite:///unused.db",
    alerts: str = "alerts.csv",
) -> dict[str, Any]:
    """Tumbling counts and sums per account over a limit.

    Args:
        brokers, topic: what is read, from its start.
        limit: records per account and window.
        monitors: how many share the 5 s window, each with a condition and a channel of its own.
        sizes: how many windows of 5, 6, 7 … s, one monitor each.
        aligned: whether the file says how the producer places records; without, windows span partitions.
        store: its URL.
        alerts: the CSV file (of each channel, with its number before the name).
    """
    fields = {
        "id": "string",
        "account": "string",
        "amount": {"type": "float", "min": 0},
        "country": "string",
        "at": {"type": "timestamp", "unit": "ms"},
    }
    stream: dict[str, Any] = {
        "source": {
            "type": "kafka",
            "brokers": brokers,
            "topic": topic,
            "start": "earliest",
            "group": f"bench-{uuid.uuid4().hex}",
        },
        "format": "json",
        "fields": fields,
        "key": "account",
        "time": "at",
        "lateness": "2s",
    }
    if aligned:
        stream["partitioned_by"] = "account"
    declared: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    for n in range(max(monitors, sizes)):
        size = 5 + (n if sizes > 1 else 0)
        channels[f"ops{n}"] = {"type": "csv", "path": f"{alerts}.{n}.csv"}
        declared[f"burst{n}"] = {
            "stream": "payments",
            "window": {"type": "tumbling", "size": f"{size}s", "by": "account", "compute": COMPUTE},
            "detect": {
                "type": "threshold",
                "when": f"events > {limit * size // 5 + (n if sizes == 1 else 0)}",
            },
            "notify": f"ops{n}",
        }
    return {
        "streams": {"payments": stream},
        "monitors": declared,
        "channels": channels,
        "store": store,
        "server": {"port": 0},
    }
