"""All that is remembered for one (stream, grouping, partition): saved and restored as one.

The key dictionary, the windows and the detectors behind it point into each other, so they are saved in one
block at one position: a damaged block can never leave half of them newer than the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from streamgauge.batch import NEVER, IntArray, Partition, SlotArray
from streamgauge.engines.running.beginnings import LATER, Beginnings
from streamgauge.engines.running.watching import Watching
from streamgauge.keys import KeySlots
from streamgauge.pipeline import Lane
from streamgauge.plan import Group, StreamPlan, digest
from streamgauge.samples import Recent
from streamgauge.state import State, Table, Tables
from streamgauge.stores.contract import StateKey

HOUR = 3_600_000_000


class Bundle:
    """The lanes of one grouping on one partition (None: over all of them) with their key dictionary.

    Attributes:
        key: its name in the store.
        lanes: one per group.
        from_offset: records before these are known already (after a fallback to an older block).
        beginnings: which windows were not seen whole.
        parts: the partitions it spans, in the order of their numbers.
        watching: what watches the rows of its monitors.
    """

    version = 1

    def __init__(
        self,
        stream: StreamPlan,
        by: tuple[str, ...],
        partition: Partition | None,
        groups: Iterable[Group],
        paused: frozenset[str],
    ) -> None:
        self.stream = stream
        self.by = by
        self.partition = partition
        self.key = StateKey(
            f"{stream.name}/{','.join(by)}", digest([stream.name, by, partition is None]), partition
        )
        self.keys = KeySlots(stream.key_limit)
        self.lanes = [
            Lane(
                group,
                partition,
                self.keys,
                group.window.initial(),
                {m.name: m.detector.initial() for m in group.monitors if m.name not in paused},
                recent=Recent(stream.masked),
            )
            for group in groups
        ]
        self.parts: list[Partition] = []
        self.from_offset: dict[Partition, int] = {}
        self.beginnings = Beginnings(scope for lane in self.lanes for scope in _scopes(lane))
        self.pooled_told = 0
        self.watching: list[Watching] = []
        self._age = max([stream.forget, *(_memory(lane.group) for lane in self.lanes)])
        self._oldest: int | None = None

    def part_of(self, partition: Partition) -> int:
        """The number under which ``partition`` is merged: its place among those known, so it may grow later."""
        if partition not in self.parts:
            known, self.parts = self.parts, sorted([*self.parts, partition])
            places = np.array([self.parts.index(part) for part in known], np.int32)
            if places.tolist() != list(range(len(known))):
                for lane in self.lanes:
                    lane.group.window.renumber(lane.window_state, places)
        return self.parts.index(partition)

    @property
    def judged(self) -> int:
        """What ends before this has been reported; a partition that joins later does not open it again."""
        return min([reached(lane) for lane in self.lanes if lane.states], default=NEVER)

    def begin(self, partition: Partition, *, from_start: bool) -> None:
        """A partition is read from now on; to be told after :meth:`restore`."""
        self.beginnings.begin(partition, from_start=from_start)
        self.note_partial()

    def missed(self, partition: Partition) -> None:
        """Records of a partition are gone."""
        self.beginnings.missed(partition)
        self.note_partial()

    def reached(self, partition: Partition, until: int) -> None:
        """What begins in ``partition`` missed nothing of windows that start after ``until``."""
        self.beginnings.reached(partition, until)
        self.note_partial()

    def note_partial(self) -> None:
        """Let the lanes know which of their windows were not seen whole."""
        for lane in self.lanes:
            margin = lane.group.margin
            lane.partial_until = moved(self.beginnings.until(_window_scope(lane)), margin)
            own = {
                name: moved(self.beginnings.until(scope), margin)
                for name, scope in _detector_scopes(lane).items()
            }
            lane.partial_for = {name: until for name, until in own.items() if until > lane.partial_until}

    def tables(self) -> Tables:
        """Everything, each state's tables under its own prefix."""
        texts = self.keys.texts()
        tables: dict[str, Table] = {
            "keys": {"text": texts, "last_seen": self.keys.last_seen[: len(texts)]},
            "parts": {"text": np.array([str(part) for part in self.parts], object)},
            **self.beginnings.tables(),
        }
        for lane in self.lanes:
            prefix = f"window/{lane.group.shape}"
            _put(tables, prefix, lane.window_state)
            tables[f"{prefix}/since"] = {"since": lane.since}
            tables[f"{prefix}/judged"] = {"until": np.array([_judged(lane)], np.int64)}
            for monitor in lane.group.monitors:
                if monitor.name in lane.states:
                    _put(tables, f"detector/{monitor.name}/{monitor.shape}", lane.states[monitor.name])
        for watching in self.watching:
            tables |= watching.tables()
        return tables

    def restore(self, tables: Tables) -> None:
        """Take over what was saved of what still exists; the rest starts new."""
        keys = tables["keys"]
        self.keys.restore(list(keys["text"]), keys["last_seen"])
        attached, self.parts = self.parts, [Partition.parse(text) for text in tables["parts"]["text"]]
        self.beginnings.restore(tables["scopes"], tables["beginnings"], self.parts)
        for lane in self.lanes:
            prefix = f"window/{lane.group.shape}"
            if f"{prefix}/since" not in tables:
                continue
            lane.since = np.array(tables[f"{prefix}/since"]["since"], np.int64)
            lane.judged = int(tables[f"{prefix}/judged"]["until"][0])
            _take(tables, prefix, lane.window_state)
            for monitor in lane.group.monitors:
                if monitor.name in lane.states:
                    _take(tables, f"detector/{monitor.name}/{monitor.shape}", lane.states[monitor.name])
        for partition in attached:
            self.part_of(partition)
        for watching in self.watching:
            watching.restore(tables)

    def touch(self, slots: SlotArray, times: IntArray) -> None:
        """Note when keys were last seen."""
        self.keys.touch(slots, times)
        if len(times):
            self._oldest = min(self._oldest_seen(), int(times.min()))

    def next_forgetting(self, times: IntArray, opening: int, closing: IntArray) -> int:
        """How many of these records come before the next look at keys to forget; all of them mostly.

        Keys are forgotten when the watermark crosses a full hour, so that the moment is the same wherever
        batches end.
        """
        if not len(times):
            return 0
        due = self._due(opening, min(self._oldest_seen(), int(times.min())))
        return min(int(np.searchsorted(closing, due, "left")) + 1, len(times))

    def forget_due(self, before: int, after: int) -> int:
        """Forget if the watermark has crossed a full hour at which there can be anything to forget; how many."""
        if self._oldest is None or after < self._due(before, self._oldest):
            return 0
        return self.forget(after // HOUR * HOUR)

    def _due(self, watermark: int, oldest: int) -> int:
        """The first full hour after ``watermark`` at which a key last seen at ``oldest`` is forgotten."""
        return (max(watermark, oldest + self._age) // HOUR + 1) * HOUR

    def _oldest_seen(self) -> int:
        """No key was last seen before this."""
        if self._oldest is None:
            live = self.keys.live()
            self._oldest = int(self.keys.last_seen[live].min(initial=LATER))
        return self._oldest

    def forget(self, watermark: int) -> int:
        """Give back the slots of keys unseen for longer than the stream remembers; how many."""
        live = self.keys.live()
        old = live[self.keys.last_seen[live] < watermark - self._age]
        old = old[self.keys.last_seen[old] > np.iinfo(np.int64).min]
        self._oldest = None
        if len(old):
            for lane in self.lanes:
                lane.group.window.drop(lane.window_state, old)
                held = old[old < len(lane.since)]
                lane.since[held] = np.iinfo(np.int64).max
                for monitor in lane.group.monitors:
                    if monitor.name in lane.states:
                        monitor.detector.drop(lane.states[monitor.name], old)
            self.keys.forget(old.tolist())
        return len(old)


def _window_scope(lane: Lane) -> str:
    return f"window/{lane.group.shape}"


def _detector_scopes(lane: Lane) -> dict[str, str]:
    monitors = (monitor for monitor in lane.group.monitors if monitor.name in lane.states)
    return {monitor.name: f"detector/{monitor.name}/{monitor.shape}" for monitor in monitors}


def _scopes(lane: Lane) -> list[str]:
    """What of a lane takes part: its window while some monitor does, and the detectors of those."""
    detectors = _detector_scopes(lane)
    return [_window_scope(lane), *detectors.values()] if detectors else []


def _judged(lane: Lane) -> int:
    """How far windows on a grid are judged: the last end that was passed, so that it rarely changes.

    Of sessions, which lie on none: as far as it is.
    """
    window = lane.group.window
    if lane.group.sessions:
        return lane.judged
    if not window.hop or lane.judged == NEVER:
        return NEVER
    return (lane.judged - window.reach) // window.hop * window.hop + window.reach


def _memory(group: Group) -> int:
    """How long after a key's last record something of it may still be held: its windows, its detectors."""
    least = max([getattr(m.detector, "forget", 0) for m in group.monitors], default=0)
    judged = max([m.policy.rule.no_data_after for m in group.monitors], default=0)
    return max(least, group.window.reach * (judged + 1) + max(0, -group.shift))


def moved(mark: int, by: int) -> int:
    """A watermark on the clock of a group that is ``by`` microseconds ahead; NEVER stays what it is."""
    return mark if mark == NEVER else mark + by


def reached(lane: Lane) -> int:
    """How far a lane has judged, by the stream's own clock."""
    return moved(lane.judged, -lane.group.shift)


def knows(tables: Tables, partition: Partition) -> bool:
    """Whether a bundle that was saved as ``tables`` ever spanned ``partition``."""
    return str(partition) in set(tables["parts"]["text"])


def bundle_key(stream: StreamPlan, by: tuple[str, ...], partition: Partition | None) -> StateKey:
    """Under which name a bundle is saved."""
    return StateKey(f"{stream.name}/{','.join(by)}", digest([stream.name, by, partition is None]), partition)


def _put(tables: dict[str, Table], prefix: str, state: State) -> None:
    for name, table in state.tables().items():
        tables[f"{prefix}/{name}"] = table


def _take(tables: Tables, prefix: str, state: State) -> None:
    own = {name[len(prefix) + 1 :]: table for name, table in tables.items() if name.startswith(f"{prefix}/")}
    own.pop("since", None)
    own.pop("judged", None)
    if own:
        state.restore(own)
