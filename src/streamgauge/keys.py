"""Keys become small integers once, so that everything behind works on arrays.

A :class:`KeySlots` is the dictionary of one (stream, ``by``, partition); all monitors grouped alike share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import NO_KEY, BoolArray, Coded, Column, IntArray, SlotArray

Scalar: TypeAlias = str | int | float | bool
Key: TypeAlias = Scalar | tuple[Scalar, ...] | None
"""A key as people see it: a value, a tuple of values, or None where a monitor has no ``by``."""

_as_json = msgspec.json.Encoder().encode

_UNKNOWN = -2
_MOST_PLACES = 2**62

OTHER = "__other__"
"""The key that new keys pool into once the limit is reached."""


class KeySlots:
    """Gives each key an int32 slot; slots of forgotten keys are used again.

    Missing keys get :data:`~streamgauge.batch.NO_KEY`. Beyond ``limit`` keys a new key becomes
    :data:`OTHER`, and ``pooled`` counts the records that did.

    Attributes:
        last_seen: int64[capacity], the largest event time seen per slot; drives forgetting.
        pooled: how many records went to ``__other__``.
    """

    def __init__(self, limit: int = 1_000_000) -> None:
        self.limit = limit
        self.pooled = 0
        self.last_seen: IntArray = np.full(64, np.iinfo(np.int64).min, np.int64)
        self._keys: list[Key] = []
        self._free: list[int] = []
        self._texts: NDArray[np.object_] = np.empty(0, object)
        self._stale: set[int] = set()
        self._slot_of = _slots(self._assign)
        self._slot_of[None] = NO_KEY

    def __len__(self) -> int:
        """One more than the largest slot ever used: the length that slot columns need."""
        return len(self._keys)

    @property
    def known(self) -> int:
        """How many keys hold a slot now."""
        return len(self._keys) - len(self._free)

    def slots(self, keys: Sequence[Key]) -> SlotArray:
        """int32[n] slots of ``keys``, new keys included."""
        slots = np.fromiter(map(self._slot_of.__getitem__, keys), np.int32, len(keys))
        self._grow()
        return slots

    def slots_of(self, column: Column) -> SlotArray:
        """int32[n]: as :meth:`slots` of its values; a text that stands in many rows is looked up once."""
        if isinstance(column, Coded):
            return self.slots_at(column.known, column.codes)
        return self.slots(column.values())

    def slots_by(self, columns: Sequence[Column]) -> SlotArray:
        """int32[n]: as :meth:`slots_of` of one column, of tuples of several."""
        if len(columns) == 1:
            return self.slots_of(columns[0])
        coded = [column for column in columns if isinstance(column, Coded)]
        if len(coded) < len(columns) or math.prod(len(column.known) for column in coded) > _MOST_PLACES:
            return self.slots(list(zip(*(column.values() for column in columns), strict=True)))
        place = np.zeros(len(coded[0]), np.int64)
        for column in coded:
            place = place * len(column.known) + column.codes
        _, first, codes = np.unique(place, return_index=True, return_inverse=True)
        return self.slots_at(
            list(zip(*(column.take(first).values() for column in coded), strict=True)), codes
        )

    def slots_at(self, known: Sequence[Key], codes: NDArray[np.integer[Any]]) -> SlotArray:
        """int32[n]: as :meth:`slots` of the ``known`` keys at ``codes`` (int[n])."""
        table = np.fromiter(map(self._slot_of.get, known, repeat(_UNKNOWN)), np.int32, len(known))
        slots: SlotArray = table[codes]
        fresh = np.flatnonzero(slots == _UNKNOWN)
        if len(fresh):  # in the order of the rows: the slot that a key gets is part of the answer
            slots[fresh] = self.slots(list(map(known.__getitem__, codes[fresh].tolist())))
        return slots

    def key(self, slot: int) -> Key:
        """The key that holds ``slot``; None for the one key of a monitor without ``by``."""
        key = None if slot < 0 else self._keys[slot]
        return None if key == () else key

    def whole(self, length: int) -> SlotArray:
        """int32[length]: the slot of the one key that all records share where there is no ``by``."""
        return np.full(length, self.slots([()])[0], np.int32)

    def find(self, key: Key) -> int | None:
        """The slot of ``key`` if it holds one; never assigns."""
        return self._slot_of.get(() if key is None else key)

    def among(self, slots: SlotArray, wanted: SlotArray) -> BoolArray:
        """bool[n]: which of ``slots`` are ``wanted``; looked up, where ``np.isin`` would sort or search.

        >>> keys = KeySlots()
        >>> keys.among(keys.slots(["a", "b", "a"]), keys.slots(["a"])).tolist()
        [True, False, True]
        """
        marked = np.zeros(len(self) + 1, np.bool_)  # the last place is NO_KEY's
        marked[wanted] = True
        return marked[slots]

    def live(self) -> SlotArray:
        """The slots in use, ascending."""
        free = set(self._free)
        return np.array([slot for slot in range(len(self._keys)) if slot not in free], np.int32)

    def touch(self, slots: SlotArray, times: IntArray) -> None:
        """Note when keys were last seen (event time)."""
        if len(slots) and slots.min() < 0:
            known = slots >= 0
            slots, times = slots[known], times[known]
        np.maximum.at(self.last_seen, slots, times)

    def forget(self, slots: Iterable[int]) -> None:
        """Release ``slots``; whoever holds state under them must have dropped it."""
        for slot in slots:
            del self._slot_of[self._keys[slot]]
            self._keys[slot] = None
            self.last_seen[slot] = np.iinfo(np.int64).min
            self._free.append(slot)
            self._stale.add(slot)
        self._free.sort(reverse=True)  # the lowest is used first, as after a restore

    def _assign(self, key: Key) -> int:
        if isinstance(key, tuple) and None in key:
            return NO_KEY
        keys, free = self._keys, self._free
        if len(keys) - len(free) >= self.limit:
            self.pooled += 1
            key = OTHER
            if OTHER in self._slot_of:
                return self._slot_of[OTHER]
        if free:
            slot = free.pop()
            keys[slot] = key
            self._stale.add(slot)
        else:
            slot = len(keys)
            keys.append(key)
        self._slot_of[key] = slot
        return slot

    def _grow(self) -> None:
        have = len(self.last_seen)
        if len(self._keys) > have:
            grown = np.full(max(2 * have, len(self._keys)), np.iinfo(np.int64).min, np.int64)
            grown[:have] = self.last_seen
            self.last_seen = grown

    def texts(self) -> NDArray[np.object_]:
        """Every slot's key as text that :meth:`restore` reads; None for a free slot.

        The same array as last time while no key came or went: savers may tell by its identity.
        """
        have = len(self._texts)
        if have != len(self._keys) or self._stale:
            texts = np.empty(len(self._keys), object)  # a new array: the old one may be held
            texts[:have] = self._texts
            texts[have:] = [text.decode() for text in map(_as_json, self._keys[have:])]
            self._texts = texts
            free = set(self._free)
            for slot in self._stale:
                self._texts[slot] = None if slot in free else key_text(self._keys[slot])
            self._stale = set()
        return self._texts

    def texts_of(self, slots: SlotArray) -> list[str | None]:
        """The key texts of ``slots``."""
        taken: list[str | None] = self.texts()[slots].tolist()
        return taken

    def known_from(self, first: int) -> list[Key]:
        """The keys that took a new slot since there were ``first``; None where it was given back."""
        return self._keys[first:]

    def restore(self, texts: Sequence[str | None], last_seen: IntArray) -> None:
        """Take the place of a saved dictionary."""
        self._slot_of.clear()
        self._slot_of[None] = NO_KEY
        self._keys = [None if text is None else key_from_text(text) for text in texts]
        self._free = [slot for slot, text in enumerate(texts) if text is None][::-1]
        self._texts = np.array(list(texts), object)
        self._stale = set()
        for slot, text in enumerate(texts):
            if text is not None:
                self._slot_of[self._keys[slot]] = slot
        self.last_seen = np.full(max(64, len(texts)), np.iinfo(np.int64).min, np.int64)
        self.last_seen[: len(texts)] = last_seen[: len(texts)]


def _slots(assign: Callable[[Key], int]) -> dict[Key, int]:
    """A dictionary that asks ``assign`` for what it lacks: one C call per known key, one of Python per new one."""

    class Slots(dict[Key, int]):
        def __missing__(self, key: Key) -> int:
            return assign(key)

    return Slots()


def key_text(key: Key) -> str:
    """The key as JSON text: exact, sortable, stored.

    >>> key_text(("a", 1)), key_text(None)
    ('["a",1]', 'null')
    """
    return _as_json(key).decode()


def key_from_text(text: str) -> Key:
    """Read back what :func:`key_text` wrote.

    >>> key_from_text('["a",1]')
    ('a', 1)
    """
    return key_from_plain(msgspec.json.decode(text))


def key_from_plain(plain: Any) -> Key:
    """A key as decoded JSON holds it: several values are a list there.

    >>> key_from_plain(["a", 1]), key_from_plain("a")
    (('a', 1), 'a')
    """
    return tuple(plain) if isinstance(plain, list) else plain


def key_texts(written: str) -> tuple[str, ...]:
    """The texts of all keys that people may mean by what they write: a text, a number, several by commas.

    >>> key_texts("7")
    ('"7"', '7')
    """
    found: list[Key] = [written]
    for number in (int, float):
        try:
            found.append(number(written))
        except ValueError:
            continue
        break
    if "," in written:
        found.append(tuple(part.strip() for part in written.split(",")))
    return tuple(dict.fromkeys(map(key_text, found)))


def key_label(key: Key) -> str:
    """The key as people read it; empty where there is none."""
    if key is None:
        return ""
    return " · ".join(map(str, key)) if isinstance(key, tuple) else str(key)
