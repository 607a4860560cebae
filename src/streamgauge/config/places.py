"""Where fields lie in a record: two of a tree's fields cannot want one place, nor one a place within another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamgauge.config.document import Path
from streamgauge.config.models import FieldConfig, StreamConfig

TREES = frozenset({"json", "avro"})
"""Formats whose records are objects within objects, decoded in one walk."""


def check_places(stream: StreamConfig, path: Path, wrong: Callable[[Path, str], None]) -> None:
    """Say which fields of the stream at ``path`` want what another one has."""
    if stream.format.type not in TREES:
        return
    taken: dict[tuple[str, ...], str] = {}
    for name, steps in _places(stream.fields).items():
        for place, other in taken.items():
            shorter = min(len(place), len(steps))
            if place[:shorter] == steps[:shorter]:
                what = "lies there too" if place == steps else f"lies at {'.'.join(place)}"
                wrong(
                    (*path, "fields", name),
                    f"field `{other}` {what}; a place is read by one field: use that one, or compute: another of it",
                )
                break
        else:
            taken[steps] = name


def _places(fields: Mapping[str, FieldConfig]) -> dict[str, tuple[str, ...]]:
    """The keys to walk through, of each field that lies in the value."""
    return {
        name: tuple(spec.path.split(".")) if spec.path else (name,)
        for name, spec in fields.items()
        if spec.compute is None and spec.from_ == "value"
    }
