"""Prints rows as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.suite import Ratio


def line(row: dict[str, Any]) -> str:
    """One measurement in one line."""
    parts = [f"{row['name']:36}"]
    if "keys" in row:
        parts.append(f"{row['keys']:>7,} keys")
    if "records_per_second" in row:
        parts.append(f"{row['records_per_second'] / 1e6:6.3f} M records/s")
    if "rate" in row:
        parts.append(f"{row['rate']:>6,} records/s beside, {row['crossings']} crossings")
        parts.append(f"p50 {row['p50_ms']:g} ms, p99 {row['p99_ms']:g} ms, max {row['max_ms']:g} ms")
    elif "seconds" in row:
        parts.append(f"{row['seconds']:7.3f} s")
    if "cpu_seconds" in row:
        parts.append(f"{row['cpu_seconds']:6.2f} s of CPU")
    if "share" in row:
        parts.append(f"{row['share']:5.1%} {row['nanoseconds']:>5} ns per record")
    if "peak_mb" in row:
        parts.append(f"peak {row['peak_mb']:.0f} MB")
    if "memory" in row:
        rss, slope = row["memory"]["rss_mb"], row["memory"]["slope_mb_per_million"]
        parts.append(f"RSS {rss[0]} … {rss[-1]} MB, {slope:+g} MB per million records")
    if row.get("wrong"):
        parts.append(f"WRONG: {row['wrong']}")
    return "  ".join(parts)


def summary(ratios: Sequence[Ratio]) -> str:
    """The ratios with their goals."""
    return "\n".join(
        f"{r.words:44} {r.value:7.2f}  goal {r.goal:7} {'met' if r.met else 'MISSED'}" for r in ratios
    )
