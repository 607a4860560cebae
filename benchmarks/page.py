"""Puts the numbers of a full run into ``benchmarks/README.md``, so that the page says what was measured."""

from __future__ import annotations

import statistics
import textwrap
from pathlib import Path
from typing import Any

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

Row = dict[str, Any]


def write(told: dict[str, Any]) -> None:
    """Replace what stands between the marks."""
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{measured(told)}\n{END}{after}")


def measured(told: dict[str, Any]) -> str:
    """The tables in Markdown."""
    rows: list[Row] = told["rows"]
    machine = told["machine"]
    heading = (
        f"Measured {told['at'][:10]} on {machine['processors']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Python {machine['python']}; load at the end {told['load_at_the_end']:.1f}. "
        "Broker, producers, receivers and engines share those cores. Medians where a case ran more than once."
    )
    tables = [
        textwrap.fill(heading, 120),
        _table(("goal", "measured", "wanted", ""), _ratios(told)),
        _table(("case", "keys", "records/s", "CPU s per 1 M", "peak MB"), _rates(rows)),
        _table(("start-up", "seconds", "CPU s"), _starts(rows)),
        _table(("load beside", "crossings", "p50 ms", "p99 ms", "longest ms"), _delays(rows)),
        _table(("long run", "first MB", "last MB", "MB per 1 M records"), _memory(rows)),
        _table(("part of (c)", "share", "ns per record"), _profile(rows)),
    ]
    return "\n\n".join(table for table in tables if table)


def _ratios(told: dict[str, Any]) -> list[list[str]]:
    said = [
        [r["words"], f"{r['value']:g}", r["goal"], "met" if r["met"] else "**missed**"]
        for r in told["ratios"]
    ]
    return said + [
        [words, f"{value:g} {unit}", f"< {goal:g} {unit}", "met" if value < goal else "**missed**"]
        for words, value, goal, unit in _limits(told["rows"])
    ]


def _limits(rows: list[Row]) -> list[tuple[str, float, float, str]]:
    """Goals that are no ratios."""
    found: list[tuple[str, float, float, str]] = []
    for row in rows:
        if row["name"] == "streamgauge --help":
            found.append(("`--help`", row["seconds"], 0.3, "s"))
        if row["name"] == "delay":
            found.append((f"delay p99 beside {row['rate']:,} records/s", row["p99_ms"], 250, "ms"))
        if row["name"] == "(c) long run" and row["keys"] == 100_000:
            found.append(("peak memory at 100,000 keys, long run", row["peak_mb"], 600, "MB"))
    return found


def _rates(rows: list[Row]) -> list[list[str]]:
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        if "records_per_second" in row and "keys" in row:
            groups.setdefault((row["name"], row["keys"]), []).append(row)
    return [
        [
            name,
            f"{keys:,}",
            f"{statistics.median(r['records_per_second'] for r in group) / 1e6:.3f} M",
            _median(group, lambda r: r["cpu_seconds"] / r["records"] * 1e6, "cpu_seconds", ".2f"),
            _median(group, lambda r: r["peak_mb"], "peak_mb", ".0f"),
        ]
        for (name, keys), group in groups.items()
    ]


def _median(group: list[Row], value: Any, needed: str, form: str) -> str:
    found = [value(row) for row in group if needed in row]
    return format(statistics.median(found), form) if found else ""


def _starts(rows: list[Row]) -> list[list[str]]:
    return [
        [row["name"], f"{row['seconds']:g}", f"{row.get('cpu_seconds', '')}"]
        for row in rows
        if row.get("case") == "start-up"
    ]


def _delays(rows: list[Row]) -> list[list[str]]:
    return [
        [
            f"{row['rate']:,}/s",
            str(row["crossings"]),
            *(f"{row[k]:g}" for k in ("p50_ms", "p99_ms", "max_ms")),
        ]
        for row in rows
        if row["name"] == "delay"
    ]


def _memory(rows: list[Row]) -> list[list[str]]:
    return [
        [
            f"{row['records'] / 1e6:g} M records, {row['keys']:,} keys",
            str(row["memory"]["rss_mb"][0]),
            str(row["memory"]["rss_mb"][-1]),
            f"{row['memory']['slope_mb_per_million']:+g}",
        ]
        for row in rows
        if "memory" in row
    ]


def _profile(rows: list[Row]) -> list[list[str]]:
    return [[row["name"], f"{row['share']:.1%}", str(row["nanoseconds"])] for row in rows if "share" in row]


def _table(heads: tuple[str, ...], lines: list[list[str]]) -> str:
    if not lines:
        return ""
    shown = [list(heads), ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in shown)
