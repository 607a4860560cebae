"""The msgspec Struct of one stream: exactly the fields used, nested as their paths say.

Members are called ``f0``, ``f1`` … and renamed to the JSON keys, so any key will do. Absent and null are
None; an absent float is NaN already, which spares its column a second look.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.errors import ConfigError
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.values import LARGEST, SMALLEST

Tree: TypeAlias = dict[str, "FieldSpec | Tree"]
"""Objects by key, with a field at each leaf."""

Way: TypeAlias = tuple[str, ...]
"""The members that lead from a row to a field."""


def tree_of(specs: Iterable[FieldSpec]) -> Tree:
    """The fields arranged as the records hold them.

    Raises:
        ConfigError: when two fields want the same place, or one lies within another.
    """
    tree: Tree = {}
    for spec in specs:
        node = tree
        for step in spec.steps[:-1]:
            below = node.setdefault(step, {})
            if isinstance(below, FieldSpec):
                raise _conflict(spec, below)
            node = below
        taken = node.get(spec.steps[-1])
        if taken is not None:
            raise _conflict(spec, taken)
        node[spec.steps[-1]] = spec
    return tree


def _conflict(spec: FieldSpec, taken: FieldSpec | Tree) -> ConfigError:
    other = taken.name if isinstance(taken, FieldSpec) else "another field"
    place = ".".join(spec.steps)
    return ConfigError(
        f"the fields {spec.name} and {other} both need {place} in the record, one place or one within "
        f"the other; declare one field for it and give each field its own path"
    )


def struct_of(tree: Tree) -> tuple[type[msgspec.Struct], dict[str, Way]]:
    """The Struct that decodes ``tree``, and the way to each field by name.

    Raises:
        ConfigError: when a key holds a quote, a backslash or a control character.
    """
    members: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    ways: dict[str, Way] = {}
    rename: dict[str, str] = {}
    for index, (key, below) in enumerate(tree.items()):
        member = f"f{index}"
        rename[member] = key
        if isinstance(below, FieldSpec):
            kind, required, default = _type_of(below), below.required, _default(below)
            ways[below.name] = (member,)
        else:
            kind, inner = struct_of(below)
            required, default = _any_required(below), None
            ways.update((name, (member, *way)) for name, way in inner.items())
        if required:
            members.append((member, kind))
        else:
            optional.append((member, kind | None, default))
    try:
        struct = msgspec.defstruct("Record", [*members, *optional], gc=False, rename=rename)
    except ValueError as error:
        raise ConfigError(f"a field's path has a key that cannot be looked for: {error}") from None
    return struct, ways


def _any_required(tree: Mapping[str, FieldSpec | Tree]) -> bool:
    return any(
        below.required if isinstance(below, FieldSpec) else _any_required(below) for below in tree.values()
    )


def _default(spec: FieldSpec) -> float | None:
    return math.nan if spec.kind == "float" else None


def _type_of(spec: FieldSpec) -> Any:
    if spec.kind == "int":
        low = SMALLEST if spec.min is None else max(SMALLEST, math.ceil(spec.min))
        high = LARGEST if spec.max is None else min(LARGEST, math.floor(spec.max))
        return Annotated[int, msgspec.Meta(ge=low, le=high)]
    if spec.kind == "float":
        if spec.min is None and spec.max is None:
            return float
        return Annotated[float, msgspec.Meta(ge=spec.min, le=spec.max)]
    if spec.kind == "timestamp":
        return str | int | float
    return str if spec.kind == "string" else bool


def values_of(rows: Sequence[Any], way: Way) -> list[Any]:
    """One field of all rows; None where it, or an object on the way, is missing."""
    values = list(map(attrgetter(way[0]), rows))
    for member in way[1:]:
        values = [None if value is None else getattr(value, member) for value in values]
    return values


def numbers_of(rows: Sequence[Any], way: Way) -> FloatArray:
    """One float field of all rows, NaN where missing."""
    try:
        return np.fromiter(map(attrgetter(".".join(way)), rows), np.float64, len(rows))
    except (TypeError, AttributeError):  # a null, or a missing object on the way
        values = values_of(rows, way)
        return np.fromiter((math.nan if v is None else v for v in values), np.float64, len(rows))
