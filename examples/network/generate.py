# ruff: noqa: INP001  a script, not a package
"""Invented logs of a network, one address for each way of behaving: ``python generate.py --days 14 --out data``.

One file per day and one JSON object per line; with ``--one-per-file`` a file for each record. Numbers are written as texts, as
firewalls do. The same arguments give the same bytes. What is wrong on purpose stands in ``planted.json`` beside the folder's
files: the hours that monitors should tell.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

BEGIN = datetime(2022, 1, 3)  # noqa: DTZ001  a Monday; UTC, written without a zone
OFFICE, BACKUP, SCANNER, SILENT, TRENDING, GUEST = (f"10.0.0.{n}" for n in range(1, 7))


@dataclass(frozen=True)
class Planted:
    """An hour and more in which an address does not behave as it uses to."""

    what: str
    src_ip: str
    start: str
    end: str


@dataclass(frozen=True)
class Fault:
    """Multiplies the destinations of one address from one hour to another of a day."""

    what: str
    src_ip: str
    day: int
    hours: range
    factor: float

    def planted(self) -> Planted:
        """As it is told."""
        start = BEGIN + timedelta(days=self.day, hours=self.hours.start)
        end = BEGIN + timedelta(days=self.day, hours=self.hours.stop)
        return Planted(self.what, self.src_ip, f"{start:%Y-%m-%d %H:%M:%S}", f"{end:%Y-%m-%d %H:%M:%S}")


FAULTS = (
    Fault("an office machine looks around at night", OFFICE, 10, range(2, 7), 12.0),
    Fault("the growing service loses its clients", TRENDING, 11, range(9, 15), 0.1),
    Fault("a backup goes to many places", BACKUP, 12, range(12, 17), 9.0),
)


def chance(*names: object) -> float:
    """A number between 0 and 1 that only depends on what it is about."""
    text = "/".join(map(str, names)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / 2**48


def destinations(ip: str, at: datetime) -> float | None:
    """How many distinct destinations an address has in this stretch; None: it does not speak."""
    hour, day = at.hour + at.minute / 60, (at - BEGIN) / timedelta(days=1)
    if ip == OFFICE:
        return 12 + 40 * max(0.0, math.sin((hour - 6) / 12 * math.pi))
    if ip == BACKUP:
        return 6.0
    if ip == SCANNER:
        return 220.0 if at.hour in (1, 13) else 30.0
    if ip == SILENT:
        return 3.0 if at.hour % 8 == 4 else None
    if ip == TRENDING:
        return 40 + 3 * day
    return 15 + 5 * math.sin(hour / 24 * 2 * math.pi)


def record(ip: str, at: datetime) -> dict[str, str] | None:
    """What an address did in the stretch that ends at ``at``."""
    expected = destinations(ip, at)
    if expected is None:
        return None
    day = (at - BEGIN).days
    for fault in FAULTS:
        if fault.src_ip == ip and fault.day == day and at.hour in fault.hours:
            expected *= fault.factor
    unique = max(1, round(expected * (0.9 + 0.2 * chance(ip, at))))
    dropped = round(unique * (0.4 if ip == SCANNER else 0.02))
    packets = unique * (40 + round(20 * chance("packets", ip, at)))
    heavy = 400 if ip == BACKUP and at.hour == 2 else 1
    numbers = {
        "unq_dst_ip": unique,
        "unq_dst_port": max(1, unique // (1 if ip == SCANNER else 6)),
        "allow": unique * 3 - dropped,
        "drop": dropped,
        "frequency": unique * 3,
        "pkts_sent": packets,
        "pkts_received": packets * 9 // 10,
        "bytesin": packets * 300,
        "bytesout": packets * 120 * heavy,
    }
    return {
        "src_ip": ip,
        **{name: str(number) for name, number in numbers.items()},
        "timestamp": f"{at:%Y-%m-%d %H:%M:%S}",
    }


def records(days: int, every: timedelta, first: int = 0) -> Iterator[tuple[datetime, dict[str, str]]]:
    """All addresses, in the order of time."""
    at, end = BEGIN + timedelta(days=first), BEGIN + timedelta(days=days)
    while at < end:
        for ip in (OFFICE, BACKUP, SCANNER, SILENT, TRENDING, GUEST):
            made = record(ip, at)
            if made is not None:
                yield at, made
        at += every


def write(out: Path, days: int, every: timedelta, *, first: int = 0, one_per_file: bool = False) -> int:
    """Write the files, each whole under its name, and what is planted; how many records."""
    out.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[str]] = {}
    for at, made in records(days, every, first):
        name = f"{at:%Y-%m-%dT%H%M}-{made['src_ip']}" if one_per_file else f"{at:%Y-%m-%d}"
        files.setdefault(name, []).append(json.dumps(made))
    for name, lines in files.items():
        beside = out / f".{name}.part"
        beside.write_text("\n".join(lines) + "\n")
        beside.rename(out / f"{name}.ndjson")
    planted = [asdict(fault.planted()) for fault in FAULTS if fault.day < days]
    (out / "planted.json").write_text(json.dumps(planted, indent=2) + "\n")
    return sum(map(len, files.values()))


def main() -> None:
    """Read the arguments, write, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("data"))
    parser.add_argument("--first", type=int, default=0, help="the first day, from 0")
    parser.add_argument("--days", type=int, default=14, help="up to this day, not with it")
    parser.add_argument("--minutes", type=int, default=30, help="between two records of an address")
    parser.add_argument("--one-per-file", action="store_true")
    asked = parser.parse_args()
    every = timedelta(minutes=asked.minutes)
    count = write(asked.out, asked.days, every, first=asked.first, one_per_file=asked.one_per_file)
    print(f"{count:,} records in {asked.out}")  # noqa: T201  a script's answer


if __name__ == "__main__":
    main()
