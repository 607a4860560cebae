"""Values of fields as numbers, for detectors that only ask whether two are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamgauge.batch import Column, IntArray
from streamgauge.detectors.matches import plain_values
from streamgauge.keys import Key, key_from_text, key_label, key_text


def combined(columns: Mapping[str, Column], names: Sequence[str], count: int) -> tuple[IntArray, list[Key]]:
    """The rows (int64[m] of ``count``) in which none of the fields is missing, and their values: tuples of several."""
    if not count:
        return np.empty(0, np.int64), []
    lists = [plain_values(columns[name]) for name in names]
    values: list[Any] = lists[0] if len(lists) == 1 else list(zip(*lists, strict=True))
    whole = _there(lists, count)
    rows = np.nonzero(whole)[0]
    return rows, values if len(rows) == count else list(map(values.__getitem__, rows.tolist()))


def _there(lists: Sequence[list[Any]], count: int) -> np.ndarray:
    there = np.ones(count, np.bool_)
    for values in lists:
        if None in values:
            there &= np.fromiter((value is not None for value in values), np.bool_, count)
    return there


class Codes(dict[Any, int]):
    """Numbers values from 0 within one step, by their text; ``texts`` holds the texts by number."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._by_text: dict[str, int] = {}

    def __missing__(self, value: Any) -> int:
        self[value] = code = self.of_text(key_text(value))
        return code

    def of_text(self, text: str) -> int:
        """The number of a value that was saved as text."""
        code = self._by_text.setdefault(text, len(self.texts))
        if code == len(self.texts):
            self.texts.append(text)
        return code

    def all_of(self, values: Sequence[Key]) -> IntArray:
        """int64[m]: their numbers; one call in C per value that is known."""
        return np.fromiter(map(self.__getitem__, values), np.int64, len(values))


class Hashes(dict[Any, int]):
    """64-bit hashes of values, the same in every process and version; kept for one step."""

    def __missing__(self, value: Any) -> int:
        digest = hashlib.blake2b(key_text(value).encode(), digest_size=8).digest()
        self[value] = found = int.from_bytes(digest, "little", signed=True)
        return found

    def all_of(self, values: Sequence[Key]) -> IntArray:
        """int64[m]: their hashes."""
        return np.fromiter(map(self.__getitem__, values), np.int64, len(values))


def in_words(text: str) -> str:
    """A value that was saved as text, as people read it.

    >>> in_words('["CH",3]')
    'CH · 3'
    """
    return key_label(key_from_text(text))
