"""What the detector ``lag`` keeps: partitions of groups with their windows, and which place is whose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from streamgauge.batch import IntArray, SlotArray
from streamgauge.kernels import lag as kernels
from streamgauge.state import Tables, grown

_LATER = np.iinfo(np.int64).max // 2


class LagState:
    """See :mod:`streamgauge.kernels.lag`; a place that is given back is used again.

    Attributes:
        groups, parts, rings: the kernels' own.
        topics, numbers: whose each place is.
        until: no group has anything to be told of before time has passed this.
    """

    version = 1

    def __init__(self, width: int) -> None:
        no, none = np.zeros(0, np.int64), np.zeros(0, np.int8)
        self.groups = kernels.Groups(no, no, none, none, none, no)
        self.parts = kernels.Parts(no, no, no, no, no, no, no, no, np.zeros(0), np.zeros(0))
        self.rings = kernels.Rings(no, no, no, no, no)
        self.topics = np.zeros(0, object)
        self.numbers = np.zeros(0, np.int64)
        self.until = _LATER
        self._width = width
        self._places: dict[tuple[int, str, int], int] = {}
        self._free: list[int] = []
        self._used = 0

    def make_room(self, slots: int) -> None:
        """Room for that many groups."""
        g = self.groups
        self.groups = kernels.Groups(
            grown(g.first, slots, -1), grown(g.polled, slots, kernels.UNSEEN), grown(g.waits, slots),
            grown(g.gone, slots), grown(g.fires, slots), grown(g.members, slots, -1),
        )  # fmt: skip

    def places(self, slots: SlotArray, topics: Sequence[Any], numbers: Sequence[Any]) -> IntArray:
        """int64[n]: the place of each record's partition; -1 where it names none."""
        found = np.full(len(slots), -1, np.int64)
        named = zip(slots.tolist(), topics, numbers, strict=True)
        for i, (slot, topic, number) in enumerate(named):
            if topic is not None and number is not None:
                key = (slot, topic, int(number))
                place = self._places.get(key)
                found[i] = self._new(key) if place is None else place
        return found

    def name(self, place: int) -> str | None:
        """A partition in words."""
        return None if place < 0 else f"{self.topics[place]}-{self.numbers[place]}"

    def look_ahead(self, forget: int) -> None:
        """Note when time may next have something to say."""
        polled, waits = self.groups.polled, self.groups.waits
        heard = polled != kernels.UNSEEN
        due = np.where(waits == 1, polled, polled + forget - 1)
        self.until = int(due[heard].min(initial=_LATER))

    def tidy(self) -> None:
        """Give back the places of partitions that are no more."""
        slots = self.parts.slot
        if np.count_nonzero(slots[: self._used] == kernels.FREE) == len(self._free):
            return
        gone = [key for key, place in self._places.items() if slots[place] == kernels.FREE]
        for key in gone:
            self._free.append(self._places.pop(key))
        self._free.sort(reverse=True)

    def drop(self, slots: SlotArray) -> None:
        """Forget groups whose slots are given back."""
        held = slots[slots < len(self.groups.polled)]
        for slot in held.tolist():
            kernels.release(slot, self.groups, self.parts)
        self.tidy()

    def tables(self) -> Tables:
        """Groups, partitions and windows."""
        used = self._used
        parts = {name: column[:used] for name, column in self.parts._asdict().items()}
        parts |= {"topic": self.topics[:used], "number": self.numbers[:used]}
        rings = {name: column[: used * self._width] for name, column in self.rings._asdict().items()}
        return {"groups": dict(self.groups._asdict()), "partitions": parts, "windows": rings}

    def restore(self, tables: Tables) -> None:
        """Take over what was saved."""
        groups, parts, rings = tables["groups"], tables["partitions"], tables["windows"]
        self.make_room(len(groups["polled"]))
        for name, column in self.groups._asdict().items():
            column[: len(groups[name])] = groups[name]
        self._used = len(parts["slot"])
        self._grow()
        for name, column in self.parts._asdict().items():
            column[: self._used] = parts[name]
        for name, column in self.rings._asdict().items():
            column[: len(rings[name])] = rings[name]
        self.topics[: self._used], self.numbers[: self._used] = parts["topic"], parts["number"]
        for place in range(self._used):
            slot = int(self.parts.slot[place])
            if slot == kernels.FREE:
                self._free.append(place)
            else:
                self._places[slot, self.topics[place], int(self.numbers[place])] = place
        self._free.sort(reverse=True)
        self.until = kernels.UNSEEN  # look at the first occasion

    def _new(self, key: tuple[int, str, int]) -> int:
        if self._free:
            place = self._free.pop()
        else:
            place = self._used
            self._used += 1
            self._grow()
        self._places[key] = place
        self.topics[place], self.numbers[place] = key[1], key[2]
        return place

    def _grow(self) -> None:
        """Room for the partitions in use."""
        used = self._used
        self.topics = grown(self.topics, used, None)
        self.numbers = grown(self.numbers, used)
        self.parts = kernels.Parts(
            *(
                grown(column, used, kernels.FREE if name == "slot" else 0)
                for name, column in self.parts._asdict().items()
            )
        )
        self.rings = kernels.Rings(*(grown(column, used * self._width) for column in self.rings))
