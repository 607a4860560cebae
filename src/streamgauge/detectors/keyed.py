"""State as arrays over key slots: what most detectors keep, with saving, growth and forgetting written once.

A slot that was never used, or whose key was forgotten, is all zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import SlotArray
from streamgauge.state import Tables

_SAVED_AS = {np.dtype(np.float32): np.dtype(np.int32)}
"""Tables hold no float32: its bits are saved."""


@dataclass(frozen=True, slots=True)
class Held:
    """One array: its type and shape (``()`` is one number).

    It has that per ``key``, per row of a ``pool`` that its owner grows, or once, as a ``whole``.
    """

    dtype: Any
    shape: tuple[int, ...] = ()
    per: Literal["key", "pool", "whole"] = "key"

    @property
    def rows(self) -> bool:
        """Whether it has rows that may become more."""
        return self.per != "whole"


class KeyedState:
    """Arrays by name.

    Args:
        held: the arrays. Changing them means another ``version``.
        version: of their shape.
    """

    def __init__(self, held: Mapping[str, Held], version: int = 1) -> None:
        self.version = version
        self.held = held
        self.slots = 0
        self.arrays: dict[str, NDArray[Any]] = {
            name: np.zeros((0, *one.shape) if one.rows else one.shape, one.dtype)
            for name, one in held.items()
        }

    def make_room(self, slots: int) -> None:
        """Room for that many keys; what is not used yet takes no memory."""
        if slots <= self.slots:
            return
        self.slots = slots
        for name, one in self.held.items():
            if one.per == "key" and slots > len(self.arrays[name]):
                self.grow(name, max(64, slots, len(self.arrays[name]) * 3 // 2))

    def grow(self, name: str, rows: int) -> None:
        """Make an array longer."""
        old = self.arrays[name]
        self.arrays[name] = np.zeros((rows, *old.shape[1:]), old.dtype)
        self.arrays[name][: len(old)] = old

    def named(self, names: Sequence[str]) -> list[NDArray[Any]]:
        """Several arrays, for a kernel's tuple."""
        return [self.arrays[name] for name in names]

    def drop(self, slots: SlotArray) -> None:
        """Forget what is held under ``slots``."""
        known = slots[slots < self.slots]
        for name, one in self.held.items():
            if one.per == "key":
                self.arrays[name][known] = 0

    def tables(self) -> Tables:
        """One table per array, row after row."""
        return {
            name: {"held": _saved(self.arrays[name][: self.slots] if one.per == "key" else self.arrays[name])}
            for name, one in self.held.items()
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved arrays."""
        for name, one in self.held.items():
            saved = np.asarray(tables[name]["held"])
            if saved.dtype != one.dtype:
                saved = np.ascontiguousarray(saved).view(one.dtype)
            whole = saved.reshape((-1, *one.shape) if one.rows else one.shape)
            if one.per == "key":
                self.make_room(len(whole))
            elif one.per == "pool":
                self.grow(name, len(whole))
            self.arrays[name][: len(whole)] = whole


def _saved(array: NDArray[Any]) -> NDArray[Any]:
    flat = array.reshape(-1)
    return flat.view(_SAVED_AS[flat.dtype]) if flat.dtype in _SAVED_AS else flat
