"""``python -m benchmarks``: measure, print a table, and write it all as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.services.missing import CannotBeHadError

from benchmarks import page, suite, table
from benchmarks.broker import BenchBroker

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """0 when all was measured, 1 when an answer was wrong or a case failed, 3 when something is missing."""
    asked = _arguments()
    scale = suite.Scale(
        records=asked.records or (300_000 if asked.quick else 3_000_000),
        rounds=asked.rounds or (1 if asked.quick else 3),
        memory_records=asked.records or 10_000_000,
        crossings=30 if asked.quick else 150,
    )
    names = asked.only or [name for name in suite.CASES if not (asked.quick and name == "memory")]
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    try:
        with BenchBroker() as broker:
            for name in names:
                print(f"\n{name}", flush=True)
                try:
                    for row in suite.CASES[name](broker, scale):
                        print("  " + table.line(row), flush=True)
                        rows.append({"case": name, **row})
                except (RuntimeError, OSError) as error:
                    failed.append(name)
                    print(f"  FAILED: {error}", flush=True)
    except CannotBeHadError as error:
        print(error, file=sys.stderr)
        return 3
    found = suite.ratios(rows)
    print("\n" + table.summary(found))
    told = _write(asked.json, names, rows, found)
    if not asked.only and not asked.quick:
        page.write(told)
    wrong = [row for row in rows if row.get("wrong")]
    return 1 if wrong or failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(suite.CASES), help="a case; may be given again"
    )
    parser.add_argument("--quick", action="store_true", help="300 k records, one round, no long run")
    parser.add_argument("--records", type=int, help="records per topic (3 M)")
    parser.add_argument("--rounds", type=int, help="rounds of each case (3)")
    parser.add_argument("--json", type=Path, help="where the numbers go (benchmarks/results/DATE-NAME.json)")
    return parser.parse_args()


def _write(
    path: Path | None, names: list[str], rows: list[dict[str, Any]], ratios: list[suite.Ratio]
) -> dict[str, Any]:
    now = datetime.now(UTC)
    name = "-".join(names) if len(names) < 3 else "all"
    target = path or RESULTS / f"{now:%Y-%m-%d}-{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "at": now.isoformat(timespec="seconds"),
        "machine": {
            "processors": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "load_at_the_end": os.getloadavg()[0],
        "ratios": [{"words": r.words, "value": r.value, "goal": r.goal, "met": r.met} for r in ratios],
        "rows": rows,
    }
    target.write_text(json.dumps(told, indent=1) + "\n")
    print(f"\nwritten to {target}")
    return told


if __name__ == "__main__":
    sys.exit(main())
