"""Leaving out what the models refuse, so that the rest can still be checked in the same run.

What is left out must not be blamed a second time ("unknown field"), so it is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamgauge.config.document import Path
from streamgauge.config.given import with_given_fields
from streamgauge.detectors.contract import DetectorConfig
from streamgauge.formats.contract import FormatConfig
from streamgauge.settings import Settings
from streamgauge.sources.contract import SourceConfig


@dataclass(slots=True)
class Pruned:
    """The paths that were left out."""

    paths: set[Path] = field(default_factory=set)

    def within(self, *path: str) -> bool:
        """Whether something at or below ``path``, or all of what holds it, was left out."""
        return any(gone[: len(path)] == path or path[: len(gone)] == gone for gone in self.paths)


_STAND_INS: Mapping[tuple[str, str], Settings] = {
    ("streams", "source"): SourceConfig(type=""),
    ("streams", "format"): FormatConfig(type=""),
    ("monitors", "detect"): DetectorConfig(type=""),
}
"""What takes the place of a refused part without which there would be no stream or monitor to check."""


def prune(data: Any, refused: Iterable[Path], pruned: Pruned) -> Any:
    """A copy of ``data`` without the deepest existing mapping key on each refused path."""
    copy = _copied(data)
    for path in refused:
        gone = _remove(copy, path)
        pruned.paths.add(gone)
        if not gone:
            return {}
    return copy


def _remove(data: Any, path: Path) -> Path:
    """Remove one key; returns what was removed, empty for everything."""
    holders = _holders(data, path)
    if 2 <= len(holders) <= 3 and len(path) >= 3:
        stand_in = _STAND_INS.get((str(path[0]), str(path[2])))
        whole = holders[1].get(path[1])
        if stand_in is not None and isinstance(whole, dict):
            whole.update(with_given_fields(whole))  # which a stand-in for its source cannot tell
            whole[path[2]] = stand_in
            return path[:3]
    if not holders:
        return ()
    del holders[-1][path[len(holders) - 1]]
    return path[: len(holders)]


def _holders(data: Any, path: Path) -> list[dict[Any, Any]]:
    """The mappings along ``path`` that have its next key."""
    holders: list[dict[Any, Any]] = []
    for step in path:
        if not isinstance(data, dict) or step not in data:
            break
        holders.append(data)
        data = data[step]
    return holders


def _copied(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return data
