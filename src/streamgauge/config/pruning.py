"""Leaving out what the models refuse, so that the rest can still be checked in the same run.

What is left out must not be blamed a second time ("unknown field"), so it is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from streamgauge.config.document import Path


@dataclass(slots=True)
class Pruned:
    """The paths that were left out."""

    paths: set[Path] = field(default_factory=set)

    def within(self, *path: str) -> bool:
        """Whether something at or below ``path``, or all of what holds it, was left out."""
        return any(gone[: len(path)] == path or path[: len(gone)] == gone for gone in self.paths)


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
    holder, last = None, 0
    here = data
    for depth, step in enumerate(path):
        if not isinstance(here, dict) or step not in here:
            break
        holder, last = here, depth
        here = here[step]
    if holder is None:
        return ()
    del holder[path[last]]
    return path[: last + 1]


def _copied(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return data
