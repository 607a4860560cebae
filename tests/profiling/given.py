"""Records to be looked at, and what shows in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from streamgauge.profiling import guess, sample
from streamgauge.profiling.fields import Field
from streamgauge.profiling.guess import Wishes
from streamgauge.profiling.proposals import Findings
from streamgauge.testing import PushedClock

START = 1_767_225_600_000
"""2026-01-01 in milliseconds."""
CLOCK = PushedClock(START * 1000 + 86_400_000_000)


def found_in(folder: Path, records: Sequence[Mapping[str, Any]], wishes: Wishes | None = None) -> Findings:
    """What shows in records that lie in a file."""
    path = folder / "stream.ndjson"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, records)))
    looked_at = sample.of_files("stream", [str(path)], 10_000, CLOCK)
    return guess.findings(looked_at, wishes or Wishes(), CLOCK)


def field_of(folder: Path, values: Sequence[Any], name: str = "it") -> Field | None:
    """How one field is declared; None: left out."""
    records = [{"at": START + n, name: value} for n, value in enumerate(values)]
    return found_in(folder, records).fields.get(name)
